#!/bin/sh
# A hermetic build of tests/demo, attested, checked and done again, in a clone of this checkout's commit below target/:
# what is not committed here plays no part. Then the same with one byte of an input changed, which has to be seen.
set -eu
cd "$(dirname "$0")/../.."
work=$PWD/target/demo-work
rm -rf "$work"
mkdir -p "$work"
git clone --quiet --no-hardlinks . "$work/checkout"
cd "$work/checkout"

say() { printf '\n$ pinfold %s\n' "$*"; }
pinfold() { say "$@"; "$PINFOLD" "$@"; }
build() {
    pinfold run --hermetic --out target/demo/app.js --builder-id https://example.com/demo --key ../demo.key "$@" \
        -- node tests/demo/build.js
}

pinfold fetch
pinfold keygen --no-passphrase --out ../demo.key
build
node target/demo/app.js
pinfold check target/demo/app.js --attestation target/demo/app.js.sigstore.json --key ../demo.key.pub
pinfold reproduce target/demo/app.js.sigstore.json --key ../demo.key.pub

# Somebody builds from something that was never committed: it is not what the commit gives.
sed -i.before 's/pinned/pinnef/' tests/demo/src/words.js
rm tests/demo/src/words.js.before
rm -r target/demo
build --allow-dirty
code=0
pinfold reproduce target/demo/app.js.sigstore.json --key ../demo.key.pub || code=$?
if [ "$code" -ne 1 ]; then
    echo "the changed byte was not seen: exit code $code" >&2
    exit 1
fi
printf '\nThe first build came out equal, and the second one did not: as it should be.\n'

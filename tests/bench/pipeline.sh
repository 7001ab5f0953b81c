#!/bin/sh
# What careful people write in place of a fetcher: curl to a file, check, unpack beside, rename; two packages at a time.
#
# usage: pipeline.sh LIST     LIST has one package a line: URL SHA512-IN-HEX FOLDER
set -eu

if [ "$1" != --one ]; then
    exec xargs -P 2 -n 3 "$0" --one <"$1"
fi

url=$2 sum=$3 to=$4
mkdir -p "$to.partial"
trap 'rm -rf "$to.tgz" "$to.partial"' EXIT
curl -fsS --proto '=http,https' -o "$to.tgz" "$url"
echo "$sum  $to.tgz" | sha512sum --check --quiet --strict -
tar -xzf "$to.tgz" -C "$to.partial" --strip-components=1 --no-same-owner
mv "$to.partial" "$to"

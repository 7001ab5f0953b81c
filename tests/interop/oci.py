"""Artifacts in registries: what cosign, oras, crane and skopeo make before pinfold, and the other way round, in a
registry without the referrers API and in one with it.

This file is about what others signed; oci_push.py is about what pinfold pushes and copies, and oci_keyless.py about
certificates. Each good case stands with bad ones: another key, a changed signature, the signature of another artifact, and none.
"""

import base64
import hashlib
import json
import os
import re

import oci_keyless
import oci_push
from debian import Absent
from registries import digest, docker_registry, mini_registry

# Good, refused, and that nobody can tell.
VERDICTS = (0, 1, 3)
SECRET = {"COSIGN_PASSWORD": "correct horse"}
PROVENANCE = "https://slsa.dev/provenance/v1"
COSIGN_3 = ["--use-signing-config=false", "--tlog-upload=false", "-y", "--allow-http-registry"]
COSIGN_2 = ["--tlog-upload=false", "-y", "--allow-http-registry"]
# (what is called so, tool, arguments)
WAYS = [
    ("cosign 3, bundle", "cosign", COSIGN_3),
    ("cosign 3, older form", "cosign", [*COSIGN_3, "--new-bundle-format=false"]),
    ("cosign 2, older form", "cosign2", COSIGN_2),
]
KEYS = {
    "p256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ed25519": ["ED25519"],
}
# What cosign 3 signs and cannot verify itself: it takes Ed25519ph for Ed25519, and for P-384 SHA-384 when it signs and
# SHA-256 when it verifies. pinfold refuses the first, and takes the second, as it is what everybody else means by P-384.
BROKEN = {("cosign", "ed25519"): False, ("cosign", "p384"): True}
SIGNED = """
[pins.tool.signature]
mode = "strict"
keys = ["key.pub"]

[pins.tool.provenance]
mode = "off"
"""
COMPONENT = b"\0asm\x0d\0\1\0"


def run(lab):
    registries = []
    try:
        for start in [docker_registry, mini_registry]:
            try:
                registries.append(start(lab))
            except Absent as why:
                lab.row("skipped", "registry", "all parts in it", str(why))
        if not registries:
            return
        os.environ["PINFOLD_CACHE"] = lab.path("store")
        for registry in registries:
            by_others(lab, registry)
            attested(lab, registry)
            pinned(lab, registry)
            oci_push.pushed(lab, registry)
        if len(registries) == 2:
            oci_push.copied(lab, *registries)
        oci_keyless.run(lab, registries)
    finally:
        os.environ.pop("PINFOLD_CACHE", None)
        for registry in registries:
            registry.close()


# What the parts share

def once(lab, name, make):
    """What cases stand on; where it fails each of them does."""
    if name not in lab.tools:
        try:
            lab.tools[name] = make()
        except Absent as why:
            lab.tools[name] = why
        except (AssertionError, OSError) as error:
            lab.tools[name] = AssertionError(f"{name}: {error}")
    if isinstance(lab.tools[name], Exception):
        raise lab.tools[name]
    return lab.tools[name]


def spoil(signature):
    """Another signature of the same length, base64."""
    data = bytearray(base64.b64decode(signature))
    data[-1] ^= 1
    return base64.b64encode(bytes(data)).decode()


def accepted(lab, *args, **more):
    code, said = lab.run(*args, **more)
    return code == 0, said


def judged(lab, *args):
    """pinfold's exit code and what it said; whatever is no verdict, a usage that it does not know too, fails the case."""
    code, said = lab.run(lab.pinfold, *args)
    if code not in VERDICTS:
        raise AssertionError(f"exit code {code}: {said}")
    return code, said


def says(lab, expected, *args):
    """Whether pinfold says so: `ok`, or the code of a finding with which it refuses."""
    code, said = judged(lab, *args, "--json")
    codes = ["ok"] if code == 0 else re.findall(r'"code": "([^"]+)"', said)
    return expected in codes, f"{expected} expected: {said}"


def key(lab, kind, name=""):
    """A key of OpenSSL, imported by cosign: NAME.key for cosign, NAME.pem.pub for whoever verifies."""
    name = name or kind

    def obtain():
        openssl = lab.program("openssl")
        lab.must(openssl, "genpkey", "-algorithm", *KEYS[kind], "-out", f"{name}.pem")
        lab.must(openssl, "pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pem.pub")
        imported = ["--key", f"{name}.pem", "--output-key-prefix", name, "-y"]
        lab.must(lab.debian("cosign"), "import-key-pair", *imported, env=SECRET)
        return name

    return once(lab, f"key {name}", obtain)


def push_by_oras(lab, registry, repo, text, tag="v1"):
    """An artifact of one file, pushed by oras; its reference by digest."""
    lab.write("tool", text)
    place = f"{registry.host}/{repo}:{tag}"
    kind = ["--artifact-type", "application/vnd.example.tool"]
    lab.must(lab.debian("oras"), "push", "--plain-http", *kind, place, "tool")
    return f"{registry.host}/{repo}@{digest_of(registry, repo, tag)}"


def digest_of(registry, repo, tag):
    return digest(registry.manifest(repo, tag))


def cosign_verifies(lab, tool, reference, public, *more):
    options = ["--key", public, "--insecure-ignore-tlog", "--allow-http-registry", *more]
    return accepted(lab, lab.debian(tool), "verify", *options, reference)


# What others signed

def by_others(lab, registry):
    for way, tool, options in WAYS:
        for kind in KEYS:
            one(lab, registry, way, tool, options, kind)


def one(lab, registry, way, tool, options, kind):
    repo = f"signed/{way.replace(',', '').replace(' ', '-')}-{kind}"
    place, what = f"{registry.host}/{repo}:v1", f"{way}, {kind}"
    public = f"{kind}.pem.pub"

    def make():
        """Signed, the same with a spoiled signature in REPO-spoiled, and another artifact with it in REPO-other."""
        reference = push_by_oras(lab, registry, repo, f"{way} {kind}")
        name = key(lab, kind)
        lab.must(lab.debian(tool), "sign", "--key", f"{name}.key", *options, reference, env=SECRET)
        registry.replant(repo, "v1", f"{repo}-spoiled", spoil)
        push_by_oras(lab, registry, f"{repo}-none", "another")
        registry.replant(f"{repo}-none", "v1", f"{repo}-other")
        registry.replant(repo, "v1", f"{repo}-other", artifact=registry.manifest(f"{repo}-none", "v1"))
        key(lab, kind, f"{kind}-other")
        return True

    def made():
        return once(lab, f"{registry.name} {repo}", make)

    def verify(expected, place=place, public=public):
        made()
        return says(lab, expected, "oci", "verify", place, "--key", public)

    is_good = BROKEN.get((tool, kind), True)
    check = lambda more, call, wanted=True: lab.check("pinfold", f"{registry.name}: {what}: {more}", wanted, call)
    if (tool, kind) in BROKEN:
        itself = lambda: (made(), cosign_verifies(lab, tool, place, public))[1]
        lab.check(tool, f"{registry.name}: {what}: verifies its own", False, itself)
    check("good", lambda: verify("ok"), is_good)
    check("another key", lambda: verify("signature-untrusted", public=f"{kind}-other.pem.pub"))
    # In the older form nothing says whose a signature is meant to be.
    wrong = "signature-invalid" if way.endswith("bundle") else "signature-untrusted"
    check(f"signature changed: {wrong}", lambda: verify(wrong, f"{registry.host}/{repo}-spoiled:v1"))
    check("none", lambda: verify("signature-missing", f"{registry.host}/{repo}-none:v1"))
    if not is_good:
        return
    check("of another artifact", lambda: verify("subject-mismatch", f"{registry.host}/{repo}-other:v1"))

    def pull(expected, public):
        made()
        folder = f"pulled-{registry.name}-{repo}-{public}".replace("/", "-").replace(" ", "-")
        outcome, said = says(lab, expected, "oci", "pull", place, "--key", public, "--out", folder)
        if expected != "ok":
            return outcome and not os.path.exists(lab.path(folder, "tool")), said
        with open(lab.path(folder, "tool"), encoding="utf-8") as file:
            return outcome and file.read() == f"{way} {kind}", said

    check("pulled", lambda: pull("ok", public))
    check("pulled with another key", lambda: pull("signature-untrusted", f"{kind}-other.pem.pub"))


def provenance():
    definition = {"buildType": "https://example.com/build/v1", "externalParameters": {}}
    return {"buildDefinition": definition, "runDetails": {"builder": {"id": "https://example.com/builder"}}}


def attested(lab, registry):
    """SLSA provenance: it is found, and is no signature."""
    for name, tool, options in [("cosign 3", "cosign", COSIGN_3), ("cosign 2", "cosign2", COSIGN_2)]:
        repo = f"attested/{tool}"
        place = f"{registry.host}/{repo}:v1"

        def make():
            reference = push_by_oras(lab, registry, repo, f"attested by {name}")
            lab.write("predicate.json", json.dumps(provenance()))
            claim = ["--predicate", "predicate.json", "--type", "slsaprovenance1"]
            one = key(lab, "p256")
            lab.must(lab.debian(tool), "attest", "--key", f"{one}.key", *claim, *options, reference, env=SECRET)
            registry.replant(repo, "v1", f"{repo}-spoiled", spoil)
            key(lab, "p256", "p256-other")
            return True

        def verify(expected, *more, place=place, public="p256.pem.pub"):
            once(lab, f"{registry.name} {repo}", make)
            return says(lab, expected, "oci", "verify", place, "--key", public, *more)

        kind = ["--predicate-type", PROVENANCE]
        check = lambda what, expected, call: lab.check("pinfold", f"{registry.name}: attested by {name}: {what}", expected, call)
        check("found", True, lambda: verify("ok", *kind))
        check("no signature: signature-missing", True, lambda: verify("signature-missing"))
        check("another key", False, lambda: verify("ok", *kind, public="p256-other.pem.pub"))
        check("another kind", False, lambda: verify("ok", "--predicate-type", "https://example.com/kind"))
        check("signature changed", False, lambda: verify("ok", *kind, place=f"{registry.host}/{repo}-spoiled:v1"))


def pinned(lab, registry):
    """A component of WebAssembly, signed by cosign and pinned in strict mode."""
    for way, tool, options in WAYS:
        repo = f"pinned/{way.replace(',', '').replace(' ', '-')}"

        def make():
            with open(lab.path("tool.wasm"), "wb") as file:
                file.write(COMPONENT)
            place = f"{registry.host}/{repo}"
            layer = "tool.wasm:application/wasm"
            lab.must(lab.debian("oras"), "push", "--plain-http", f"{place}:v1", layer)
            registry.replant(repo, "v1", f"{repo}-none")
            reference = f"{place}@{digest_of(registry, repo, 'v1')}"
            one = key(lab, "p256")
            lab.must(lab.debian(tool), "sign", "--key", f"{one}.key", *options, reference, env=SECRET)
            registry.replant(repo, "v1", f"{repo}-spoiled", spoil)
            key(lab, "p256", "p256-other")
            return True

        def fetch(expected, end="", public="p256.pem.pub"):
            once(lab, f"{registry.name} {repo}", make)
            with open(lab.path(public), encoding="utf-8") as file:
                pem = file.read()
            pins = project(lab, registry, f"{repo}{end}", f"{end or 'good'}-{public}", COMPONENT, SIGNED)
            lab.write(os.path.join(os.path.dirname(pins), "key.pub"), pem)
            return fetched(lab, expected, pins)

        check = lambda what, call: lab.check("pinfold", f"{registry.name}: pin signed by {way}: {what}", True, call)
        check("fetched and verified", lambda: fetch("ok"))
        check("another key: signature-untrusted", lambda: fetch("signature-untrusted", public="p256-other.pem.pub"))
        check("none: signature-missing", lambda: fetch("signature-missing", "-none"))
        wrong = "signature-invalid" if way.endswith("bundle") else "signature-untrusted"
        check(f"signature changed: {wrong}", lambda: fetch(wrong, "-spoiled"))


def project(lab, registry, repo, name, data, demands):
    """A folder with a pin of the one file of an artifact; its pin file."""
    folder = f"project-{registry.host}-{repo}-{name}".replace("/", "-").replace(":", "-")
    os.makedirs(lab.path(folder), exist_ok=True)
    integrity = "sha256-" + base64.b64encode(hashlib.sha256(data).digest()).decode()
    return lab.write(f"{folder}/pins.toml", f"""
version = 1

[pins.tool]
oci = "{registry.host}/{repo}:v1@{digest_of(registry, repo, "v1")}"
integrity = "{integrity}"
to = "vendor/tool"
format = "raw"
{demands}""")


def fetched(lab, expected, pins, *more):
    """Whether a pin comes out so when it is fetched, and is in its place only if it is good; then it is proved again, from
    what was kept."""
    outcome, said = says(lab, expected, "--pins", pins, "fetch", *more)
    there = os.path.exists(lab.path(os.path.dirname(pins), "vendor", "tool"))
    if expected == "ok" and outcome:
        outcome, said = says(lab, "ok", "--pins", pins, "verify", *more)
    return outcome and there == (expected == "ok"), said

"""Bundles by a key of one's own: both kinds of keys, from pinfold and from OpenSSL, behind a passphrase and not.

| tool | what it is asked |
|---|---|
| openssl | reads pinfold's keys; the raw signature over the DSSE pre-authentication encoding |
| cryptography (pip) | the same by another implementation |
| securesystemslib (pip) | the envelope, by the DSSE code of TUF and in-toto |
| @sigstore/verify (npm) | the whole bundle |
| cosign (Debian) | the whole bundle and that it is about the file; and its own bundle and key, before pinfold |
| sigstore (pip) | refuses bundles without a certificate, which is written down here so that it is seen when it changes |
"""

import base64
import hashlib
import json
import os

KINDS = ["p256", "ed25519"]
SECRET = "correct horse"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
OUTPUT = "built\n"


def statement():
    data = OUTPUT.encode()
    digest = {"sha256": hashlib.sha256(data).hexdigest(), "sha512": hashlib.sha512(data).hexdigest()}
    definition = {"buildType": "https://example.com/build/v1", "externalParameters": {}, "resolvedDependencies": []}
    details = {"builder": {"id": "https://example.com/builder"}, "metadata": {}}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "out.js", "digest": digest}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": definition, "runDetails": details},
    }


def prepare(lab):
    """Keys, and a bundle by each: NAME.pem, NAME.pub, NAME.json, and two bundles that were tampered with."""
    lab.write("out.js", OUTPUT)
    lab.write("other.js", "built by somebody else\n")
    lab.write("statement.json", json.dumps(statement()))
    lab.write("secret", SECRET)
    names = []
    for kind in KINDS:
        for name, how in [(kind, ["--no-passphrase"]), (f"{kind}-locked", ["--passphrase-file", "secret"])]:
            lab.must(lab.pinfold, "keygen", "--type", kind, "--out", f"{name}.pem", *how)
            names.append(name)
    generate = {"p256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "ed25519": ["ED25519"]}
    for kind in KINDS:
        name = f"{kind}-openssl-locked"
        openssl = lab.program("openssl")
        lab.must(openssl, "genpkey", "-algorithm", *generate[kind], "-aes-256-cbc", "-pass", "file:secret", "-out", f"{name}.pem")
        lab.must(openssl, "pkey", "-in", f"{name}.pem", "-passin", "file:secret", "-pubout", "-out", f"{name}.pem.pub")
        names.append(name)
    for name in names:
        env = {"SEAL_OUT": f"{name}.json", "SEAL_KEY": f"{name}.pem", "SEAL_STATEMENT": "statement.json"}
        env = {variable: lab.path(value) for variable, value in env.items()}
        if "locked" in name:
            env["SEAL_PASSPHRASE"] = lab.path("secret")
        lab.must(lab.tests, "seal::child", "--exact", "--ignored", env=env)
        with open(lab.path(f"{name}.json"), encoding="utf-8") as file:
            bundle = json.load(file)
        signature = bytearray(base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"]))
        signature[-1] ^= 1
        flipped = json.loads(json.dumps(bundle))
        flipped["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(signature).decode()
        lab.write(f"{name}-signature.json", json.dumps(flipped))
        payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b"out.js", b"oot.js")
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
        lab.write(f"{name}-payload.json", json.dumps(bundle))
    return names


def other(name):
    """Another key of the same kind."""
    kind = name.split("-")[0]
    return f"{kind}-locked" if name == kind else kind


def run(lab):
    names = prepare(lab)
    for name in names:
        check = lambda *args: accepted(lab, lab.pinfold, "check", *args)
        lab.check("pinfold", f"{name}: reads it back", True, lambda: check("out.js", "-a", f"{name}.json", "--key", f"{name}.pem.pub"))
    readers = [("openssl", openssl, False), ("cryptography", cryptography, False), ("securesystemslib", securesystemslib, False)]
    for tool, verify, sees_file in [*readers, ("@sigstore/verify", sigstore_js, False), ("cosign", cosign, True)]:
        for name in names:
            public = f"{name}.pem.pub"
            lab.check(tool, f"{name}: good", True, lambda: verify(lab, f"{name}.json", public, "out.js"))
            lab.check(tool, f"{name}: by another key", False, lambda: verify(lab, f"{name}.json", f"{other(name)}.pem.pub", "out.js"))
            for change in ["signature", "payload"]:
                lab.check(tool, f"{name}: {change} changed", False, lambda: verify(lab, f"{name}-{change}.json", public, "out.js"))
            if sees_file:
                lab.check(tool, f"{name}: another file", False, lambda: verify(lab, f"{name}.json", public, "other.js"))
    keys_of_pinfold(lab)
    by_cosign(lab)
    for kind in KINDS:
        lab.check("sigstore", f"{kind}: reads no bundle without a certificate", True, lambda: sigstore_python(lab, f"{kind}.json"))


def accepted(lab, *args, **more):
    code, said = lab.run(*args, **more)
    return code == 0, said


def parts(lab, bundle):
    """What is signed and the signature, as files."""
    with open(lab.path(bundle), encoding="utf-8") as file:
        envelope = json.load(file)["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    encoding = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    for name, data in [("signed", encoding), ("signature", base64.b64decode(envelope["signatures"][0]["sig"]))]:
        with open(lab.path(name), "wb") as file:
            file.write(data)


def openssl(lab, bundle, public, _file):
    parts(lab, bundle)
    tool = lab.program("openssl")
    digest = [] if public.startswith("ed25519") else ["-digest", "sha256"]
    arguments = ["-verify", "-pubin", "-inkey", public, "-rawin", "-in", "signed", "-sigfile", "signature"]
    return accepted(lab, tool, "pkeyutl", *arguments, *digest)


CRYPTOGRAPHY = """
import sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
key = load_pem_public_key(open(sys.argv[1], "rb").read())
signed, signature = open("signed", "rb").read(), open("signature", "rb").read()
how = [ec.ECDSA(hashes.SHA256())] if isinstance(key, ec.EllipticCurvePublicKey) else []
try:
    key.verify(signature, signed, *how)
except InvalidSignature:
    sys.exit("invalid signature")
"""


def cryptography(lab, bundle, public, _file):
    parts(lab, bundle)
    return accepted(lab, lab.python("cryptography"), "-c", CRYPTOGRAPHY, public)


SECURESYSTEMSLIB = """
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey
envelope = json.load(open(sys.argv[1]))["dsseEnvelope"]
for signature in envelope["signatures"]:
    signature.setdefault("keyid", "named")
key = SSlibKey.from_crypto(load_pem_public_key(open(sys.argv[2], "rb").read()), keyid="named")
try:
    Envelope.from_dict(envelope).verify([key], 1)
except VerificationError as error:
    sys.exit(str(error))
"""


def securesystemslib(lab, bundle, public, _file):
    return accepted(lab, lab.python("securesystemslib", "cryptography"), "-c", SECURESYSTEMSLIB, bundle, public)


SIGSTORE_JS = """
const fs = require("fs");
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity } = require("@sigstore/verify");
const [bundle, pem] = process.argv.slice(2).map((path) => fs.readFileSync(path, "utf8"));
const key = { publicKey: require("crypto").createPublicKey(pem), validFor: () => true };
const trust = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [], publicKey: () => key };
const verifier = new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle))));
"""


def sigstore_js(lab, bundle, public, _file):
    folder = lab.node("@sigstore/verify", "@sigstore/bundle")
    node = lab.program("node")
    script = lab.write("verify.cjs", SIGSTORE_JS)
    return accepted(lab, node, script, bundle, public, env={"NODE_PATH": f"{folder}/node_modules"})


def cosign_tool(lab):
    return lab.debian("cosign")


def cosign(lab, bundle, public, file):
    options = ["--key", public, "--bundle", bundle, "--insecure-ignore-tlog", "--type", "slsaprovenance1"]
    return accepted(lab, cosign_tool(lab), "verify-blob-attestation", *options, file)


def keys_of_pinfold(lab):
    """OpenSSL and cryptography read what `pinfold keygen` writes, and find the same public half."""
    load = (
        "import sys; from cryptography.hazmat.primitives.serialization import *; "
        "key = load_pem_private_key(open(sys.argv[1], 'rb').read(), sys.argv[2].encode() or None); "
        "sys.stdout.buffer.write(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))"
    )
    for kind in KINDS:
        for name, secret in [(kind, ""), (f"{kind}-locked", SECRET)]:
            with open(lab.path(f"{name}.pem.pub"), encoding="utf-8") as file:
                public = file.read()
            said = lambda *args: (lambda code, text: (code == 0 and text == public, text))(*lab.run(*args))
            pkey = ["pkey", "-in", f"{name}.pem", "-pubout", *(["-passin", "file:secret"] if secret else [])]
            lab.check("openssl", f"{name}: reads the key", True, lambda: said(lab.program("openssl"), *pkey))
            lab.check("cryptography", f"{name}: reads the key", True, lambda: said(lab.python("cryptography"), "-W", "ignore", "-c", load, f"{name}.pem", secret))


def by_cosign(lab):
    """cosign imports pinfold's key and signs with it; pinfold takes its bundle, and refuses its own form of the key."""
    env = {"COSIGN_PASSWORD": SECRET}

    def sign():
        tool = cosign_tool(lab)
        if os.path.exists(lab.path("cosign.json")):
            return
        lab.must(tool, "import-key-pair", "--key", "p256.pem", "--output-key-prefix", "imported", env=env)
        lab.write("predicate.json", json.dumps(statement()["predicate"]))
        options = ["--key", "imported.key", "--type", "slsaprovenance1", "--predicate", "predicate.json"]
        options += ["--bundle", "cosign.json", "--use-signing-config=false", "--tlog-upload=false", "--new-bundle-format", "-y"]
        lab.must(tool, "attest-blob", *options, "out.js", env=env)

    def check(file, key):
        sign()
        return accepted(lab, lab.pinfold, "check", file, "-a", "cosign.json", "--key", key)

    lab.check("cosign", "signs, and pinfold takes it", True, lambda: check("out.js", "p256.pem.pub"))
    lab.check("cosign", "signs, and pinfold refuses another file", False, lambda: check("other.js", "p256.pem.pub"))
    lab.check("cosign", "signs, and pinfold refuses another key", False, lambda: check("out.js", "p256-locked.pem.pub"))

    def same_hint():
        sign()
        hints = []
        for name in ["cosign.json", "p256.json"]:
            with open(lab.path(name), encoding="utf-8") as file:
                hints.append(json.load(file)["verificationMaterial"]["publicKey"]["hint"])
        return hints[0] == hints[1], str(hints)

    lab.check("cosign", "calls the key by the same name", True, same_hint)


def sigstore_python(lab, bundle):
    script = "import sys; from sigstore.models import Bundle; Bundle.from_json(open(sys.argv[1]).read())"
    code, said = lab.run(lab.python("sigstore"), "-c", script, bundle)
    return code != 0 and "expected certificate in bundle" in said, said

"""Bundles by an identity, of the Sigstore on loopback in tests/sigstore: files and statements, logged in both versions of
Rekor, with timestamps and without.

| tool | what it is asked |
|---|---|
| sigstore (pip) | the whole bundle and that it is about the file; the statement in an envelope |
| @sigstore/verify (npm) | the whole bundle, for files that it is about them; statements in a log of version 2 it refuses, as it takes the digest there for the payload's: written down here so that it is seen when that changes |
| cosign (Debian) | the whole bundle and that it is about the file |

Each with bad ones: another file, another identity, another issuer, a changed signature, a log that the root has not.
"""

import base64
import copy
import hashlib
import json
import os
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
EMAIL, ISSUER = "signer@example.com", "https://accounts.example.com"
OUTPUT = "built\n"
# (name, version of the log, number of timestamp authorities)
LOGS = [("v1", 1, 0), ("v1-time", 1, 1), ("v2", 2, 1)]


def token(**more):
    """Of a person; `more` says otherwise, None that there is no such claim."""
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    claims = {"iss": ISSUER, "sub": "1", "email": EMAIL, "aud": "sigstore", "email_verified": True, "exp": int(time.time()) + 600} | more
    claims = {name: value for name, value in claims.items() if value is not None}
    return ".".join([part({"alg": "RS256", "typ": "JWT"}), part(claims), part("nobody looks at this signature")])


def config(port, version, timestampers):
    base = f"http://127.0.0.1:{port}/interop/good"
    service = lambda url, number: {
        "url": url, "majorApiVersion": number, "validFor": {"start": "2020-01-01T00:00:00Z"}, "operator": "example.com",
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [service(base, 1)], "oidcUrls": [], "rekorTlogUrls": [service(base, version)],
        "tsaUrls": [service(f"{base}/api/v1/timestamp", 1)] * timestampers,
        "rekorTlogConfig": {"selector": "ANY"}, "tsaConfig": {"selector": "ANY"},
    }


def prepare(lab, port):
    """A bundle for each log and kind, NAME.sigstore.json, and one with another signature, NAME-signature.sigstore.json."""
    lab.write("out.txt", OUTPUT)
    lab.write("other.txt", "built by somebody else\n")
    digest = {"sha256": hashlib.sha256(OUTPUT.encode()).hexdigest()}
    statement = {
        "_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "out.txt", "digest": digest}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {"buildType": "https://example.com/build/v1", "externalParameters": {}},
            "runDetails": {"builder": {"id": "https://example.com/builder"}},
        },
    }
    lab.write("in-toto.json", json.dumps(statement))
    lab.write("token", token())
    names = []
    for log, version, timestampers in LOGS:
        lab.write("config.json", json.dumps(config(port, version, timestampers)))
        for kind, file, more in [("file", "out.txt", []), ("statement", "in-toto.json", ["--in-toto"])]:
            name = f"{log}-{kind}"
            how = ["--keyless", "--identity-token-file", "token", "--signing-config", "config.json"]
            out = ["--signing-root", "trusted_root.json", "--out", f"{name}.sigstore.json"]
            lab.must(lab.pinfold, "sign", file, *more, *how, *out)
            spoil(lab, name)
            names.append(name)
    return names


def spoil(lab, name):
    """The same with the signature of a stranger."""
    with open(lab.path(f"{name}.sigstore.json"), encoding="utf-8") as file:
        bundle = copy.deepcopy(json.load(file))
    content = bundle.get("messageSignature") or bundle["dsseEnvelope"]["signatures"][0]
    field = "signature" if "signature" in content else "sig"
    signature = bytearray(base64.b64decode(content[field]))
    signature[-1] ^= 1
    content[field] = base64.b64encode(bytes(signature)).decode()
    lab.write(f"{name}-signature.sigstore.json", json.dumps(bundle))


def run(lab):
    server = None
    try:
        python = lab.python("cryptography")
        program = os.path.join(HERE, "..", "sigstore", "serve.py")
        server = subprocess.Popen([python, "-B", program, lab.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        names = prepare(lab, int(server.stdout.readline()))
        for tool, verify in [("pinfold", pinfold), ("sigstore", sigstore_python), ("@sigstore/verify", sigstore_js), ("cosign", cosign)]:
            for name in names:
                bundle = f"{name}.sigstore.json"
                reads = tool != "@sigstore/verify" or name != "v2-statement"
                lab.check(tool, f"{name}: good", reads, lambda: verify(lab, bundle, "out.txt", EMAIL, ISSUER))
                lab.check(tool, f"{name}: another person", False, lambda: verify(lab, bundle, "out.txt", "x@example.com", ISSUER))
                lab.check(tool, f"{name}: another issuer", False, lambda: verify(lab, bundle, "out.txt", EMAIL, "https://x.example.com"))
                spoiled = f"{name}-signature.sigstore.json"
                lab.check(tool, f"{name}: signature changed", False, lambda: verify(lab, spoiled, "out.txt", EMAIL, ISSUER))
                # Its interface takes no file for a statement.
                if tool != "@sigstore/verify" or name.endswith("file"):
                    lab.check(tool, f"{name}: another file", False, lambda: verify(lab, bundle, "other.txt", EMAIL, ISSUER))
    finally:
        if server:
            # It ends with its input.
            server.stdin.close()
            server.wait(timeout=10)


def accepted(lab, *args, **more):
    code, said = lab.run(*args, **more)
    return code == 0, said


def pinfold(lab, bundle, file, person, issuer):
    who = ["--identity", person, "--issuer", issuer]
    return accepted(lab, lab.pinfold, "check", file, "-a", bundle, "--trusted-root", "trusted_root.json", *who)


SIGSTORE_PYTHON = """
import hashlib, json, sys
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity
path, file, person, issuer = sys.argv[1:]
bundle = Bundle.from_json(open(path).read())
verifier = Verifier(trusted_root=TrustedRoot.from_file("trusted_root.json"))
policy = Identity(identity=person, issuer=issuer)
data = open(file, "rb").read()
if "dsseEnvelope" in json.load(open(path)):
    kind, payload = verifier.verify_dsse(bundle, policy)
    assert kind == "application/vnd.in-toto+json", kind
    digests = [one["digest"]["sha256"] for one in json.loads(payload)["subject"]]
    assert hashlib.sha256(data).hexdigest() in digests, "another file"
else:
    verifier.verify_artifact(data, bundle, policy)
"""


def sigstore_python(lab, bundle, file, person, issuer):
    return accepted(lab, lab.python("sigstore"), "-c", SIGSTORE_PYTHON, bundle, file, person, issuer)


SIGSTORE_JS = """
const fs = require("fs");
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");
const { TrustedRoot } = require("@sigstore/protobuf-specs");
const [path, file, person, issuer] = process.argv.slice(2);
const trust = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(fs.readFileSync("trusted_root.json", "utf8"))));
const json = JSON.parse(fs.readFileSync(path, "utf8"));
const bundle = bundleFromJSON(json);
const data = json.messageSignature ? fs.readFileSync(file) : undefined;
const verifier = new Verifier(trust);
const escaped = person.replace(/[.+]/g, "\\\\$&");
verifier.verify(toSignedEntity(bundle, data), { subjectAlternativeName: `^${escaped}$`, extensions: { issuer } });
"""


def sigstore_js(lab, bundle, file, person, issuer):
    folder = lab.node("@sigstore/verify", "@sigstore/bundle", "@sigstore/protobuf-specs")
    script = lab.write("keyless.cjs", SIGSTORE_JS)
    return accepted(lab, lab.program("node"), script, bundle, file, person, issuer, env={"NODE_PATH": f"{folder}/node_modules"})


def cosign(lab, bundle, file, person, issuer):
    tool = lab.debian("cosign")
    command = ["verify-blob"] if "-file" in bundle else ["verify-blob-attestation", "--type", "slsaprovenance1"]
    options = ["--bundle", bundle, "--trusted-root", "trusted_root.json"]
    if "v1" in bundle and "time" not in bundle:
        options += ["--use-signed-timestamps=false"]
    who = ["--certificate-identity", person, "--certificate-oidc-issuer", issuer]
    return accepted(lab, tool, *command, *options, *who, file)

"""Artifacts that a certificate signed, of the Sigstore on loopback in tests/sigstore: by cosign in both of its forms, and by
pinfold; and provenance of a job that cosign attached.
"""

import json
import os
import subprocess
import textwrap

import oci
from keyless import EMAIL, ISSUER, LOGS, config, token

HERE = os.path.dirname(os.path.abspath(__file__))
# What the older form needs, and the verifier of its own.
ROOTS = {
    "SIGSTORE_ROOT_FILE": "roots.pem", "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": "ct.pem", "SIGSTORE_REKOR_PUBLIC_KEY": "rekor.pem",
}
REPOSITORY = "example/tool"
JOB = {
    "iss": "https://token.actions.githubusercontent.com", "sub": f"repo:{REPOSITORY}:ref:refs/tags/v1", "email": None,
    "repository": REPOSITORY, "job_workflow_ref": f"{REPOSITORY}/.github/workflows/release.yml@refs/tags/v1",
    "workflow_ref": f"{REPOSITORY}/.github/workflows/release.yml@refs/tags/v1", "ref": "refs/tags/v1",
    "sha": "0123456789abcdef0123456789abcdef01234567", "runner_environment": "github-hosted",
}
OTHERS = [("another person", "x@example.com", ISSUER), ("another issuer", EMAIL, "https://x.example.com")]


def run(lab, registries):
    server = None
    try:
        python = lab.python("cryptography")
        program = os.path.join(HERE, "..", "sigstore", "serve.py")
        command = [python, "-B", program, lab.folder]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = int(server.stdout.readline())
        lab.write("token", token())
        lab.write("job-token", token(**JOB))
        roots(lab)
        for registry in registries:
            for log, version, timestampers in LOGS:
                lab.write("config.json", json.dumps(config(port, version, timestampers)))
                for signer, sign in [("cosign 3", by_cosign), ("pinfold", by_pinfold)]:
                    one(lab, registry, log, timestampers, signer, sign)
                if log == "v1":
                    base = f"http://127.0.0.1:{port}/interop/good"
                    for tool, more in OLDER.items():
                        older(lab, registry, tool, ["--fulcio-url", base, "--rekor-url", base, *more])
                attested(lab, registry, log, timestampers)
    finally:
        if server:
            # It ends with its input.
            server.stdin.close()
            server.wait(timeout=10)


def roots(lab):
    """The root in the pieces that the older form wants."""
    with open(lab.path("trusted_root.json"), encoding="utf-8") as file:
        root = json.load(file)
    pem = lambda kind, raw: "\n".join([f"-----BEGIN {kind}-----", *textwrap.wrap(raw, 64), f"-----END {kind}-----", ""])
    chain = root["certificateAuthorities"][0]["certChain"]["certificates"]
    lab.write("roots.pem", "".join(pem("CERTIFICATE", one["rawBytes"]) for one in chain))
    lab.write("ct.pem", pem("PUBLIC KEY", root["ctlogs"][0]["publicKey"]["rawBytes"]))
    lab.write("rekor.pem", pem("PUBLIC KEY", root["tlogs"][0]["publicKey"]["rawBytes"]))


def one(lab, registry, log, timestampers, signer, sign):
    repo = f"keyless/{log}-{signer.replace(' ', '-')}"
    place, what = f"{registry.host}/{repo}:v1", f"{registry.name}: signed keyless by {signer}, {log}"

    def make():
        sign(lab, registry, repo, what)
        registry.replant(repo, "v1", f"{repo}-spoiled", oci.spoil)
        return True

    def asked(verify, *who, place=place):
        oci.once(lab, f"{registry.name} {repo}", make)
        return verify(lab, place, *who)

    cosign = lambda lab, place, *who: cosign_verifies(lab, place, timestampers, *who)
    judge(lab, registry, repo, what, asked, [("pinfold", pinfold), ("cosign 3", cosign)])


def judge(lab, registry, repo, what, asked, verifiers):
    for tool, verify in verifiers:
        lab.check(tool, f"{what}: good", True, lambda: asked(verify, EMAIL, ISSUER))
        for name, person, issuer in OTHERS:
            lab.check(tool, f"{what}: {name}", False, lambda: asked(verify, person, issuer))
        spoiled = f"{registry.host}/{repo}-spoiled:v1"
        lab.check(tool, f"{what}: signature changed", False, lambda: asked(verify, EMAIL, ISSUER, place=spoiled))


# What else the older form takes; cosign 3 makes it when it is told to.
OLDER = {"cosign2": [], "cosign": ["--new-bundle-format=false", "--use-signing-config=false"]}


def older(lab, registry, tool, options):
    """The older form: certificate, chain and the log's promise in annotations."""
    repo, what = f"keyless/older-{tool}", f"{registry.name}: signed keyless by {tool}, older form"
    place = f"{registry.host}/{repo}:v1"

    def make():
        reference = oci.push_by_oras(lab, registry, repo, what)
        token = ["--identity-token", "token", "-y", "--allow-http-registry"]
        lab.must(lab.debian(tool), "sign", *token, *options, reference, env=ROOTS)
        registry.replant(repo, "v1", f"{repo}-spoiled", oci.spoil)
        return True

    def asked(verify, *who, place=place):
        oci.once(lab, f"{registry.name} {repo}", make)
        return verify(lab, place, *who)

    def cosign(lab, place, person, issuer):
        who = ["--certificate-identity", person, "--certificate-oidc-issuer", issuer]
        return oci.accepted(lab, lab.debian(tool), "verify", "--allow-http-registry", *who, place, env=ROOTS)

    judge(lab, registry, repo, what, asked, [("pinfold", pinfold), (tool, cosign)])


def attested(lab, registry, log, timestampers):
    """Provenance that a job attached with cosign 3: it is by an identity that can be named, and so enough."""
    repo, text = f"keyless/{log}-attested", f"attested, {log}"
    place = f"{registry.host}/{repo}:v1"

    def make():
        reference = oci.push_by_oras(lab, registry, repo, text)
        lab.write("predicate.json", json.dumps(oci.provenance()))
        where = ["--signing-config", "config.json", "--trusted-root", "trusted_root.json"]
        what = ["--predicate", "predicate.json", "--type", "slsaprovenance1", "-y", "--allow-http-registry"]
        lab.must(lab.debian("cosign"), "attest", "--identity-token", "job-token", *where, *what, reference)
        registry.replant(repo, "v1", f"{repo}-spoiled", oci.spoil)
        return True

    def verify(repository, *more, place=place):
        oci.once(lab, f"{registry.name} {repo}", make)
        who = ["--repository", f"https://github.com/{repository}", *more]
        code, said = oci.judged(lab, "oci", "verify", place, "--trusted-root", "trusted_root.json", *who)
        return code == 0, said

    check = lambda what, wanted, call: lab.check("pinfold", f"{registry.name}: attested by a job, {log}: {what}", wanted, call)
    workflow = ["--workflow", ".github/workflows/release.yml", "--ref", "refs/tags/v1"]
    check("found", True, lambda: verify(REPOSITORY))
    check("by its workflow", True, lambda: verify(REPOSITORY, *workflow))
    check("another workflow", False, lambda: verify(REPOSITORY, "--workflow", ".github/workflows/other.yml"))
    check("another repository", False, lambda: verify("example/other"))
    check("signature changed", False, lambda: verify(REPOSITORY, place=f"{registry.host}/{repo}-spoiled:v1"))

    def fetch(expected, repository, end=""):
        oci.once(lab, f"{registry.name} {repo}", make)
        demands = f'[pins.tool.provenance]\nmode = "strict"\nrepository = "https://github.com/{repository}"\n'
        name = f"{expected}{end}"
        pins = oci.project(lab, registry, f"{repo}{end}", name, text.encode(), demands)
        return oci.fetched(lab, expected, pins, "--trusted-root", "trusted_root.json")

    check("pinned in strict mode", True, lambda: fetch("ok", REPOSITORY))
    check("pinned, another repository", True, lambda: fetch("repository-mismatch", "example/other"))
    # A timestamp is over the signature, and is looked at first.
    wrong = "timestamp-invalid" if timestampers else "signature-invalid"
    check(f"pinned, signature changed: {wrong}", True, lambda: fetch(wrong, REPOSITORY, "-spoiled"))


def by_cosign(lab, registry, repo, text):
    reference = oci.push_by_oras(lab, registry, repo, text)
    where = ["--signing-config", "config.json", "--trusted-root", "trusted_root.json"]
    options = ["--identity-token", "token", *where, "-y", "--allow-http-registry"]
    lab.must(lab.debian("cosign"), "sign", *options, reference)


def by_pinfold(lab, registry, repo, text):
    lab.write("tool", text)
    where = ["--signing-config", "config.json", "--signing-root", "trusted_root.json"]
    options = ["--keyless", "--identity-token-file", "token", *where]
    lab.must(lab.pinfold, "oci", "push", "tool", f"{registry.host}/{repo}:v1", *options)


def pinfold(lab, place, person, issuer):
    who = ["--identity", person, "--issuer", issuer]
    code, said = oci.judged(lab, "oci", "verify", place, "--trusted-root", "trusted_root.json", *who)
    return code == 0, said


def cosign_verifies(lab, place, timestampers, person, issuer):
    options = ["--trusted-root", "trusted_root.json", "--allow-http-registry"]
    options += ["--use-signed-timestamps"] * timestampers
    who = ["--certificate-identity", person, "--certificate-oidc-issuer", issuer]
    return oci.accepted(lab, lab.debian("cosign"), "verify", *options, *who, place)

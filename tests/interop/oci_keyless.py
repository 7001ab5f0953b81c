"""Artifacts that a certificate signed, of the Sigstore on loopback in tests/sigstore: by cosign 3, and by pinfold."""

import json
import os
import subprocess

import oci
from keyless import EMAIL, ISSUER, LOGS, config, token

HERE = os.path.dirname(os.path.abspath(__file__))
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
        for registry in registries:
            for log, version, timestampers in LOGS:
                lab.write("config.json", json.dumps(config(port, version, timestampers)))
                for signer, sign in [("cosign 3", by_cosign), ("pinfold", by_pinfold)]:
                    one(lab, registry, log, timestampers, signer, sign)
    finally:
        if server:
            # It ends with its input.
            server.stdin.close()
            server.wait(timeout=10)


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
    for tool, verify in [("pinfold", pinfold), ("cosign 3", cosign)]:
        lab.check(tool, f"{what}: good", True, lambda: asked(verify, EMAIL, ISSUER))
        for name, person, issuer in OTHERS:
            lab.check(tool, f"{what}: {name}", False, lambda: asked(verify, person, issuer))
        spoiled = f"{registry.host}/{repo}-spoiled:v1"
        lab.check(tool, f"{what}: signature changed", False, lambda: asked(verify, EMAIL, ISSUER, place=spoiled))


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
    return oci.accepted(lab, lab.pinfold, "oci", "verify", place, "--trusted-root", "trusted_root.json", *who)


def cosign_verifies(lab, place, timestampers, person, issuer):
    options = ["--trusted-root", "trusted_root.json", "--allow-http-registry"]
    options += ["--use-signed-timestamps"] * timestampers
    who = ["--certificate-identity", person, "--certificate-oidc-issuer", issuer]
    return oci.accepted(lab, lab.debian("cosign"), "verify", *options, *who, place)

"""What certificates signed in a registry: `python3 registry.py` writes tests/vectors/oci/keyless.json, the contents of one
in the form of `/_dump` of the registry in Python. Keys, certificates and log are those of make.py."""

import base64
import json
import os

from make import SLSA_V1, REF, WORKFLOW, bundle, claims_of, envelope_of, ours, statement, subject, v1
from sigstore import NOW, b64, key_of, pem_of, sha256, sign

BLOBS, MANIFESTS, TAGS = {}, [], []
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
EMPTY = "application/vnd.oci.empty.v1+json"
SIGN = "https://sigstore.dev/cosign/sign/v1"


def blob(data):
    digest = "sha256:" + sha256(data).hex()
    BLOBS[digest] = b64(data)
    return digest


def layer(kind, data, notes):
    return {"mediaType": kind, "digest": blob(data), "size": len(data), "annotations": notes}


def manifest(repo, layers, kind="", tag=None, to=None):
    config = {"mediaType": EMPTY, "digest": blob(b"{}"), "size": 2}
    value = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": config, "layers": layers}
    if to:
        value["subject"] = {"mediaType": MANIFEST, "digest": to, "size": 1}
    data = json.dumps(value).encode()
    digest = "sha256:" + sha256(data).hex()
    MANIFESTS.append([repo, digest, MANIFEST, b64(data)])
    if tag:
        TAGS.append([repo, tag, digest])
    return digest


def artifact(repo):
    title = {"org.opencontainers.image.title": "tool"}
    return manifest(repo, [layer("application/octet-stream", f"tool of {repo}\n".encode(), title)], "application/vnd.example.tool", "v1")


def promise(entry):
    """What the log answered, as cosign 2 keeps it."""
    payload = {
        "body": entry["canonicalizedBody"], "integratedTime": int(entry["integratedTime"]),
        "logIndex": int(entry["logIndex"]), "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
    }
    return json.dumps({"SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"], "Payload": payload})


def notes(leaf, entry):
    kept = {"dev.sigstore.cosign/certificate": pem_of(leaf).decode(), "dev.sigstore.cosign/chain": ""}
    if entry:
        kept["dev.sigstore.cosign/bundle"] = promise(entry)
    return kept


def older(repo, of=None, logged=True):
    digest = artifact(repo)
    critical = {"identity": {"docker-reference": ""}, "image": {"docker-manifest-digest": of or digest},
                "type": "cosign container image signature"}
    payload = json.dumps({"critical": critical, "optional": None}).encode()
    key = key_of(f"older {repo}")
    leaf = ours.certify(key, f"{WORKFLOW}@{REF}", claims_of())
    signature = sign(key, payload)
    entry = ours.log_signature(signature, sha256(payload), pem_of(leaf), NOW + 1) if logged else None
    kept = {"dev.cosignproject.cosign/signature": b64(signature), **notes(leaf, entry)}
    tag = digest.replace(":", "-") + ".sig"
    manifest(repo, [layer("application/vnd.dev.cosign.simplesigning.v1+json", payload, kept)], tag=tag)
    return digest


def older_attestation(repo):
    digest = artifact(repo)
    key = key_of(f"older attestation {repo}")
    leaf = ours.certify(key, f"{WORKFLOW}@{REF}", claims_of())
    claim = statement(v1(), SLSA_V1, [subject("", sha256=digest.split(":")[1])])
    envelope, _ = envelope_of(json.dumps(claim).encode(), key)
    entry = ours.log_envelope(envelope, pem_of(leaf), NOW + 1)
    kept = {"dev.cosignproject.cosign/signature": "", **notes(leaf, entry)}
    tag = digest.replace(":", "-") + ".att"
    manifest(repo, [layer("application/vnd.dsse.envelope.v1+json", json.dumps(envelope).encode(), kept)], tag=tag)


def referrer(repo, kind, of_layer=False):
    digest = artifact(repo)
    named = "sha256:" + sha256(f"tool of {repo}\n".encode()).hex() if of_layer else digest
    predicate = v1() if kind == SLSA_V1 else {}
    claim = statement(predicate, kind, [subject("", sha256=named.split(":")[1])])
    manifest(repo, [layer(BUNDLE, json.dumps(bundle(claim)).encode(), {})], BUNDLE, to=digest)


if __name__ == "__main__":
    older("case/older")
    older("case/older-elsewhere", of="sha256:" + "ab" * 32)
    older("case/older-unlogged", logged=False)
    older_attestation("case/older-attestation")
    referrer("case/signature", SIGN)
    referrer("case/provenance", SLSA_V1)
    referrer("case/provenance-layer", SLSA_V1, of_layer=True)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oci", "keyless.json")
    with open(path, "w", encoding="utf-8", newline="") as file:
        json.dump({"blobs": BLOBS, "manifests": MANIFESTS, "tags": TAGS}, file, indent=1)
        file.write("\n")

#!/usr/bin/env python3
"""Writes the vectors of this folder: one attack on evidence a file, and what must still pass (`ok-…`).

    python3 make.py

Needs PyPI's `cryptography`. The output is committed, so that the tests need no Python, and this script so that a reader
can see how each file was made; the same script writes the same bytes. What is signed here is signed validly, by an
instance of Sigstore in memory (sigstore.py) that certifies whatever it is asked to: so the attack that the name of a
vector says is the only thing wrong with it. A file has header lines, an empty line, and the document:

    expect: `ok`, or the code of the one failure
    verdict: `unverifiable` or `missing`, where it is not `refused`
    comment: what it is about
    root: the trust root's file, or `public-good`, `github`, `staging` (else trusted_root.json)
    received: what the failure says that the evidence says, where that is a point
    artifact: `sha256:…` or `sha512:…`, several with spaces between (else those of ARTIFACT)
    keys: the file with the registry's keys
    form: `registry-signature`, where the document is one of npm's `dist.signatures`

and the policy: repository, owner, repository-id, owner-id, workflow, ref, builder, build-type, predicate-type, issuer,
identity, identity-pattern, key (a file), key-id, deny-self-hosted, only-known-parameters, min-age (in days), package,
file, name, verifier, resource, level.

Two vectors are not from here but real: a document of each of the two instances that there are. real.jsonl has them.
"""

import base64
import copy
import datetime
import gzip
import hashlib
import io
import json
import os
import tarfile

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sigstore import (
    DAY, MINUTE, NOW, YEAR, Instance, b64, canonical, der, key_of, pae, pem_of, pem_of_key, sha256, sign, spki,
)

HERE = os.path.dirname(os.path.abspath(__file__))
SEEN = set()

ARTIFACT = b"module.exports = left => left\n"
DIGEST256, DIGEST512 = hashlib.sha256(ARTIFACT).hexdigest(), hashlib.sha512(ARTIFACT).hexdigest()
OTHER256, OTHER512 = hashlib.sha256(b"other").hexdigest(), hashlib.sha512(b"other").hexdigest()

REPOSITORY = "https://github.com/upstream/left"
WORKFLOW = f"{REPOSITORY}/.github/workflows/release.yml"
REF = "refs/tags/v1.0.0"
COMMIT = sha256(b"commit")[:20].hex()
ISSUER = "https://token.actions.githubusercontent.com"
PURL = "pkg:npm/left@1.0.0"

BUNDLE_V3 = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
SLSA_V1, SLSA_V02 = "https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"
NPM_PUBLISH = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1"
PYPI_PUBLISH = "https://docs.pyp" + "i.org/attestations/publish/v1"
VSA = "https://slsa.dev/verification_summary/v1"
NOTE = "https://example.com/note"
NPM_BUILD = "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1"
ACTIONS_BUILD = "https://actions.github.io/buildtypes/workflow/v1"
GENERATOR = "https://github.com/slsa-framework/slsa-github-generator"
HOSTED = "https://github.com/actions/runner/github-hosted"

ours = Instance("sigstore")


def write(title, expect, comment, document, verdict=None, **headers):
    assert title not in SEEN, title
    SEEN.add(title)
    lines = [f"expect: {expect}"] + ([f"verdict: {verdict}"] if verdict else []) + [f"comment: {comment}"]
    for name, values in headers.items():
        for value in values if isinstance(values, list) else [values]:
            lines.append(f"{name.replace('_', '-')}: {value}")
    text = document if isinstance(document, str) else json.dumps(document, indent=1)
    with open(os.path.join(HERE, title), "w", encoding="utf-8", newline="") as file:
        file.write("\n".join(lines) + "\n\n" + text)


def claims_of(**changes):
    """A workflow's claims; a change to `None` takes one away, `_12` and the like name one by number."""
    named = {
        "issuer": (8, ISSUER), "signer": (9, f"{WORKFLOW}@{REF}"), "runner": (11, "github-hosted"),
        "repository": (12, REPOSITORY), "commit": (13, COMMIT), "ref": (14, REF), "repository_id": (15, "1001"),
        "owner": (16, REPOSITORY.rpartition("/")[0]), "owner_id": (17, "77"), "config": (18, f"{WORKFLOW}@{REF}"),
        "trigger": (20, "push"), "run": (21, f"{REPOSITORY}/actions/runs/5/attempts/1"), "visibility": (22, "public"),
    }
    claims = {number: value for number, value in named.values()}
    for name, value in changes.items():
        claims[int(name[1:]) if name.startswith("_") else named[name][0]] = value
    return {number: value for number, value in claims.items() if value is not None}


def subject(name=PURL, **digests):
    return {"name": name, "digest": digests or {"sha512": DIGEST512}}


def statement(predicate, kind=SLSA_V1, subjects=None, type=STATEMENT):
    return {"_type": type, "subject": subjects or [subject()], "predicateType": kind, "predicate": predicate}


def v1(build_type=NPM_BUILD, builder=HOSTED, repository=REPOSITORY, ref=REF, commit=COMMIT,
       path=".github/workflows/release.yml", external=None, internal=None):
    workflow = {"ref": ref, "repository": repository, "path": path}
    return {
        "buildDefinition": {
            "buildType": build_type,
            "externalParameters": {"workflow": workflow, **(external or {})},
            "internalParameters": internal or {"github": {"event_name": "push"}},
            "resolvedDependencies": [{"uri": f"git+{repository}@{ref}", "digest": {"gitCommit": commit}}],
        },
        "runDetails": {"builder": {"id": builder}, "metadata": {"invocationId": f"{REPOSITORY}/actions/runs/5/attempts/1"}},
    }


def v02(build_type, builder, repository=REPOSITORY, ref=REF, commit=COMMIT, environment=None):
    source = {"uri": f"git+{repository}@{ref}", "digest": {"sha1": commit}}
    return {
        "buildType": build_type,
        "builder": {"id": builder},
        "invocation": {
            "configSource": {**source, "entryPoint": ".github/workflows/release.yml"},
            "environment": environment or {"GITHUB_REPOSITORY": repository.removeprefix("https://github.com/"),
                                           "GITHUB_REF": ref, "GITHUB_SHA": commit},
        },
        "materials": [source],
    }


def envelope_of(payload, key, payload_type=IN_TOTO):
    signature = sign(key, pae(payload_type, payload))
    return {"payload": b64(payload), "payloadType": payload_type, "signatures": [{"sig": b64(signature)}]}, signature


def bundle(claim=None, claims=None, san=None, at=NOW, log="1", instance=None, payload=None, payload_type=IN_TOTO,
           logged_at=None, stamped_at=None, timestamp=None, sct=True, issuer=None, issuer_key_id=None, logger=None):
    """A v0.3 bundle: `log` is `1`, `1 intoto`, `2` or empty; Rekor v2 brings a timestamp along."""
    instance = instance or ours
    logger = logger or instance
    claims = claims_of() if claims is None else claims
    san = san or claims.get(9) or f"{WORKFLOW}@{REF}"
    payload = payload or json.dumps(claim or statement(v1())).encode()
    key = key_of(f"leaf {san} {at} {sha256(payload).hex()}")
    leaf = instance.certify(key, san, claims, at, sct, issuer, issuer_key_id)
    envelope, signature = envelope_of(payload, key, payload_type)
    entries = []
    if log == "1":
        entries = [logger.log_envelope(envelope, pem_of(leaf), logged_at or at + 1)]
    if log == "1 intoto":
        entries = [logger.log_statement(envelope, pem_of(leaf), logged_at or at + 1)]
    if log == "2":
        entries = [instance.rekor2(signature, sha256(pae(payload_type, payload)), leaf)]
    material = {"certificate": {"rawBytes": b64(leaf)}, "tlogEntries": entries}
    if timestamp or (timestamp is None and log == "2"):
        stamped = instance.timestamp(signature, stamped_at or at + 2)
        material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": b64(stamped)}]}
    return {"mediaType": BUNDLE_V3, "verificationMaterial": material, "dsseEnvelope": envelope}


def by_key(claim, key, hint, at=NOW, logged=True):
    envelope, _ = envelope_of(json.dumps(claim).encode(), key)
    entries = [ours.log_envelope(envelope, pem_of_key(key), at)] if logged else []
    material = {"publicKey": {"hint": hint}, "tlogEntries": entries}
    return {"mediaType": BUNDLE_V3, "verificationMaterial": material, "dsseEnvelope": envelope}


def changed(value, path, to):
    """A copy with what stands at `path` replaced, or removed where `to` is `None`."""
    value = copy.deepcopy(value)
    at = value
    for step in path[:-1]:
        at = at[step]
    if to is None:
        del at[path[-1]]
    else:
        at[path[-1]] = to(at[path[-1]]) if callable(to) else to
    return value


def flipped(text, at=10):
    """Base64 with one bit of what it stands for changed."""
    data = bytearray(base64.b64decode(text))
    data[at] ^= 1
    return b64(bytes(data))


TRUSTED = {"repository": REPOSITORY, "package": "left@1.0.0"}
ENTRY = ["verificationMaterial", "tlogEntries", 0]
STAMPS = ["verificationMaterial", "timestampVerificationData"]
GOOD = bundle()
GOOD2 = bundle(log="2")
GOOD_INTOTO = bundle(log="1 intoto")


def one(title, expect, comment, document, **headers):
    """A vector under the usual policy."""
    write(title, expect, comment, document, **{**TRUSTED, **headers})


def forms():
    one("ok-npm", "ok", "provenance as npm's command line writes it", GOOD)
    one("ok-rekor2", "ok", "an entry of Rekor v2, and the time from a timestamp authority", GOOD2)
    response = {"attestations": [{"predicateType": SLSA_V1, "bundle": GOOD}]}
    one("ok-npm-response", "ok", "as npm's registry answers", response)
    github = {"attestations": [{"bundle": GOOD, "repository_id": 1001, "bundle_url": "https://example.com/x"}]}
    one("ok-github-response", "ok", "as GitHub answers", github)
    other = bundle(statement({"x": 1}, NOTE))
    one("ok-lines", "ok", "JSON lines, the provenance second", json.dumps(other) + "\n" + json.dumps(GOOD) + "\n",
        predicate_type=SLSA_V1)
    one("ok-v01", "ok", "a bundle of version 0.1, with a chain of one certificate",
        changed(chained(GOOD), ["mediaType"], "application/vnd.dev.sigstore.bundle+json;version=0.1"))
    one("ok-v02", "ok", "a bundle of version 0.2, with a chain of one certificate",
        changed(chained(GOOD), ["mediaType"], "application/vnd.dev.sigstore.bundle+json;version=0.2"))
    one("ok-v03-older-name", "ok", "a bundle of version 0.3 by the older name of its type",
        changed(GOOD, ["mediaType"], "application/vnd.dev.sigstore.bundle+json;version=0.3"))
    one("ok-intoto", "ok", "logged as `intoto`, as npm's command line did until 2023", GOOD_INTOTO)
    one("ok-stamped", "ok", "the log's promise and a timestamp", bundle(timestamp=True))
    several = statement(v1(), subjects=[subject("pkg:npm/right@1.0.0", sha512=OTHER512), subject()])
    one("ok-several-subjects", "ok", "the artifact is one of several subjects", bundle(several))
    both = statement(v1(), subjects=[subject(PURL, sha256=DIGEST256, sha512=DIGEST512)])
    one("ok-two-digests", "ok", "two digests, both right", bundle(both))
    one("ok-other-case", "ok", "GitHub does not tell repositories apart by case",
        bundle(), **{"repository": REPOSITORY.upper().replace("HTTPS://GITHUB.COM", "https://github.com")})
    one("ok-ref", "ok", "a tag that the pattern means", GOOD, ref="refs/tags/v*")
    one("ok-everything-named", "ok", "all that a policy can name of a workflow", GOOD, ref=REF, repository_id="1001",
        owner="https://github.com/upstream", owner_id="77", workflow=".github/workflows/release.yml", builder=HOSTED,
        build_type=NPM_BUILD, predicate_type=SLSA_V1, issuer=ISSUER, identity=f"{WORKFLOW}@{REF}",
        identity_pattern="^https://github\\.com/upstream/left/", deny_self_hosted="yes", only_known_parameters="yes",
        min_age="7")
    person = bundle(statement({"x": 1}, NOTE), {8: "https://accounts.example.com"},
                    "maintainer@example.com")
    write("ok-person", "ok", "a person signed, and the policy names that person", person,
          identity="maintainer@example.com", issuer="https://accounts.example.com")
    old = {1: ISSUER.encode(), 2: b"push", 3: COMMIT.encode(), 4: b"release", 5: b"upstream/left", 6: REF.encode()}
    one("ok-old-claims", "ok", "a certificate of 2022, which has only the first six claims",
        bundle(claims=old, san=f"{WORKFLOW}@{REF}", claim=statement(v02(f"{GENERATOR}/generic@v1", f"{WORKFLOW}@{REF}"), SLSA_V02)))
    gitlab = "https://gitlab.com/upstream/left"
    claims = claims_of(issuer="https://gitlab.com", signer=f"{gitlab}//.gitlab-ci.yml@{REF}", repository=gitlab,
                       config=f"{gitlab}//.gitlab-ci.yml@{REF}", runner="gitlab-hosted", owner="https://gitlab.com/upstream")
    write("ok-gitlab", "ok", "GitLab, whose server is the issuer", bundle(statement({"x": 1}, NOTE), claims),
          repository=gitlab, workflow=".gitlab-ci.yml", deny_self_hosted="yes", predicate_type=NOTE)
    left = "left-1.0.0-py3-none-any.whl"
    publish = bundle(statement(None, PYPI_PUBLISH, [subject(left, sha256=DIGEST256)]))
    write("ok-pypi", "ok", "PyPI's provenance object (PEP 740)", pypi(publish), repository=REPOSITORY, file=left)


def pypi(one):
    material, envelope = one["verificationMaterial"], one["dsseEnvelope"]
    attestation = {
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"], "transparency_entries": material["tlogEntries"],
        },
        "envelope": {"statement": envelope["payload"], "signature": envelope["signatures"][0]["sig"]},
    }
    publisher = {"kind": "GitHub", "repository": "upstream/left", "workflow": "release.yml"}
    return {"version": 1, "attestation_bundles": [{"publisher": publisher, "attestations": [attestation]}]}


def documents():
    text = json.dumps(GOOD)
    one("json-truncated", "json-malformed", "a document that was cut", text[:-40])
    one("json-behind", "json-malformed", "something behind the document", text + "{")
    twice = text.replace('"payloadType":', f'"payloadType": "{IN_TOTO}", "payloadType":')
    one("json-twice-bundle", "json-malformed", "a key twice in the bundle: two readers see two", twice)
    payload = json.dumps(statement(v1()))
    subjects = json.dumps([subject("pkg:npm/right@1.0.0", sha512=OTHER512)])
    twice = payload.replace('"subject":', f'"subject": {subjects}, "subject":')
    one("json-twice-statement", "json-malformed", "a key twice in what was signed: about one artifact to some, another to others",
        bundle(payload=twice.encode()))
    one("json-twice-escaped", "json-malformed", "a key twice, once escaped",
        bundle(payload=payload.replace('"predicate":', '"\\u0070redicate": {}, "predicate":').encode()))
    deep = bundle(payload=payload.replace('"predicate":', '"x": ' + "[" * 200 + "]" * 200 + ', "predicate":').encode())
    one("json-deep", "json-malformed", "nested deeper than readers go", deep)
    one("html", "json-malformed", "a page in place of JSON", "<!doctype html><title>Not found</title>\n")
    one("shape", "document-shape", "an error in JSON", {"message": "Not Found", "status": "404"})
    one("shape-nested", "document-shape", "a response in a response", {"attestations": [{"bundle": {"attestations": []}}]})
    one("empty", "document-empty", "a response without attestations", {"attestations": []})
    one("null-bundle", "document-null-bundle", "the bundle is elsewhere",
        {"attestations": [{"bundle": None, "repository_id": 1, "bundle_url": "https://example.com/x"}]})
    one("json-second-line", "json-malformed", "JSON lines, the second of which is cut", text + "\n" + text[:-40] + "\n")
    one("material-two", "bundle-malformed", "a certificate and a key: who signed?",
        changed(GOOD, ["verificationMaterial", "publicKey"], {"hint": "x"}))
    message = {"messageDigest": {"algorithm": "SHA2_256", "digest": b64(sha256(ARTIFACT))}, "signature": b64(b"x")}
    one("content-two", "bundle-malformed", "an envelope and a signature over the bytes",
        changed(GOOD, ["messageSignature"], message))
    one("content-spelled-twice", "bundle-malformed", "an envelope in each of the two spellings that protobuf's JSON has",
        changed(GOOD, ["dsse_envelope"], bundle(statement(v1(), subjects=[subject(PURL, sha512=OTHER512)]))["dsseEnvelope"]))
    one("content-none", "bundle-malformed", "neither envelope nor signature", changed(GOOD, ["dsseEnvelope"], None))
    one("media-type", "bundle-media-type", "a bundle of a version that nobody knows",
        changed(GOOD, ["mediaType"], "application/vnd.dev.sigstore.bundle.v0.9+json"), verdict="unverifiable")
    one("media-type-certificate", "bundle-malformed", "a chain of certificates where version 0.3 has one certificate",
        chained(GOOD))
    one("base64-payload", "bundle-malformed", "a payload that is not base64",
        changed(GOOD, ["dsseEnvelope", "payload"], lambda text: "!" + text[1:]))
    one("base64-certificate", "bundle-malformed", "a certificate that is not base64",
        changed(GOOD, ["verificationMaterial", "certificate", "rawBytes"], lambda text: text[:-5] + "*"))
    one("certificate-none", "certificate-invalid", "a certificate that is none",
        changed(GOOD, ["verificationMaterial", "certificate", "rawBytes"], b64(b"no certificate")))
    one("material-none", "bundle-malformed", "neither certificate nor key",
        changed(GOOD, ["verificationMaterial", "certificate"], None))
    one("payload-type", "envelope-payload-type", "the same bytes, signed as something else than a statement",
        bundle(payload_type="application/json"))
    one("payload-type-relabelled", "envelope-payload-type", "an envelope whose label was changed",
        changed(GOOD, ["dsseEnvelope", "payloadType"], "text/plain"))
    one("signatures-none", "bundle-malformed", "an envelope without a signature", changed(GOOD, ["dsseEnvelope", "signatures"], []))
    one("signatures-two", "bundle-malformed", "an envelope with two signatures: of whom does it speak?",
        changed(GOOD, ["dsseEnvelope", "signatures"], lambda all: all + all))
    one("keyid", "envelope-keyid", "an envelope that names a key, where a certificate signed",
        changed(GOOD, ["dsseEnvelope", "signatures", 0], lambda one: {**one, "keyid": "SHA256:x"}))
    one("statement-type", "statement-type", "a statement of another version",
        bundle(statement(v1(), type="https://in-toto.io/Statement/v2")))
    claim = statement(v1())
    claim["type"] = claim.pop("_type")
    one("statement-shape", "statement-shape", "a statement without `_type`", bundle(claim))
    claim = statement(v1())
    claim["subject"] = []
    one("statement-no-subject", "statement-no-subject", "a claim about nothing", bundle(claim))
    one("statement-no-digest", "statement-no-digest", "a subject without a digest beside the right one",
        bundle(statement(v1(), subjects=[subject(), {"name": PURL, "digest": {}}])))


def chained(value):
    """With a chain of certificates in place of the one."""
    def material(before):
        return {"x509CertificateChain": {"certificates": [before["certificate"]]}, "tlogEntries": before["tlogEntries"]}
    return changed(value, ["verificationMaterial"], material)


def subjects():
    one("subject-other", "subject-mismatch", "valid evidence for another artifact",
        bundle(statement(v1(), subjects=[subject("pkg:npm/left@1.0.0", sha512=OTHER512)])))
    one("subject-none-of-several", "subject-mismatch", "several subjects, and none is the artifact",
        bundle(statement(v1(), subjects=[subject(PURL, sha512=OTHER512), subject(PURL, sha256=OTHER256)])))
    one("subject-one-digest-wrong", "subject-mismatch", "the right sha256 beside a wrong sha512",
        bundle(statement(v1(), subjects=[subject(PURL, sha256=DIGEST256, sha512=OTHER512)])))
    one("subject-one-digest-wrong-weak", "subject-mismatch", "the right sha512 beside a wrong sha256",
        bundle(statement(v1(), subjects=[subject(PURL, sha512=DIGEST512, sha256=OTHER256)])))
    one("subject-split", "subject-mismatch", "the right name on one subject, each digest wrong in another place",
        bundle(statement(v1(), subjects=[subject(PURL, sha256=OTHER256, sha512=DIGEST512),
                                         subject(PURL, sha256=DIGEST256, sha512=OTHER512)])))
    sha1 = hashlib.sha1(ARTIFACT).hexdigest()
    one("subject-sha1", "subject-weak-digest", "the artifact by sha1, of which two can be made",
        bundle(statement(v1(), subjects=[subject(PURL, sha1=sha1)])), artifact=f"sha1:{sha1} sha512:{DIGEST512}")
    one("subject-sha1-beside", "subject-mismatch", "the artifact by sha1 alone, and another by sha512",
        bundle(statement(v1(), subjects=[subject(PURL, sha1=sha1), subject(PURL, sha512=OTHER512)])),
        artifact=f"sha1:{sha1} sha512:{DIGEST512}")
    one("subject-upper-case", "subject-weak-digest", "a digest in another spelling than in-toto's",
        bundle(statement(v1(), subjects=[subject(PURL, sha512=DIGEST512.upper())])))
    one("subject-short", "subject-weak-digest", "the first half of the digest",
        bundle(statement(v1(), subjects=[subject(PURL, sha512=DIGEST512[:64])])))
    one("subject-sha384", "subject-weak-digest", "a digest that verification does not know",
        bundle(statement(v1(), subjects=[subject(PURL, sha384=hashlib.sha384(ARTIFACT).hexdigest())])),
        artifact=f"sha384:{hashlib.sha384(ARTIFACT).hexdigest()}")
    one("subject-no-common", "no-common-digest", "the artifact is known by another digest",
        bundle(statement(v1(), subjects=[subject(PURL, sha256=DIGEST256)])), verdict="unverifiable",
        artifact=f"sha512:{DIGEST512}")
    one("name-other", "subject-name-mismatch", "the right bytes under the name of another package",
        bundle(statement(v1(), subjects=[subject("pkg:npm/right@1.0.0")])))
    one("name-other-version", "subject-name-mismatch", "the right bytes as another version: a rollback",
        bundle(statement(v1(), subjects=[subject("pkg:npm/left@0.9.0")])))
    one("name-scope", "subject-name-mismatch", "the package of that name in somebody's scope",
        bundle(statement(v1(), subjects=[subject("pkg:npm/%40evil/left@1.0.0")])))
    one("name-kind", "subject-name-mismatch", "a package of another registry",
        bundle(statement(v1(), subjects=[subject("pkg:pypi/left@1.0.0")])))
    one("name-on-another-digest", "subject-name-mismatch", "the right name stands on other bytes",
        bundle(statement(v1(), subjects=[subject("pkg:npm/right@1.0.0"), subject(PURL, sha512=OTHER512)])))
    one("name-many", "subject-name-mismatch", "the right bytes under many names, none of them right",
        bundle(statement(v1(), subjects=[subject(f"pkg:npm/right@{number}.0.0") for number in range(50)])),
        received="pkg:npm/right@0.0.0 and 49 more")
    one("name-none", "subject-name-mismatch", "a subject without a name",
        bundle(statement(v1(), subjects=[subject("")])))
    publish = bundle(statement(None, PYPI_PUBLISH, [subject("left-1.0.0.tar.gz", sha256=DIGEST256)]))
    write("name-file", "subject-name-mismatch", "another file of the release", pypi(publish), repository=REPOSITORY,
          file="left-1.0.0-py3-none-any.whl")


def sources():
    def other(title, comment, repository, **headers):
        claims = claims_of(repository=repository, signer=f"{repository}/.github/workflows/release.yml@{REF}",
                           config=f"{repository}/.github/workflows/release.yml@{REF}", owner=repository.rpartition("/")[0])
        san = claims[9].encode("ascii", "replace").decode().replace("\n", "?").replace("\0", "?")
        document = bundle(statement(v1(repository=repository)), claims, san)
        one(title, "repository-mismatch", comment, document, **headers)

    other("repository-other", "a valid build of somebody else's repository", "https://github.com/evil/left",
          received="https://github.com/evil/left")
    other("repository-longer", "a repository whose name starts with the trusted one", REPOSITORY + "-pad")
    other("repository-shorter", "a repository that the trusted name starts with", "https://github.com/upstream/lef")
    other("repository-below", "a path below the trusted repository", REPOSITORY + "/left")
    other("repository-slash", "the trusted repository with a slash behind", REPOSITORY + "/")
    other("repository-git", "the trusted repository with `.git` behind", REPOSITORY + ".git")
    other("repository-http", "the trusted repository by plain http", REPOSITORY.replace("https", "http"))
    other("repository-host", "the trusted path on another host", "https://github.com.example.com/upstream/left")
    other("repository-user", "the trusted repository behind the name of a user", "https://evil.example.com/github.com/upstream/left")
    other("repository-look-alike", "the trusted name, with the Roman numeral fifty for its `l`", "https://github.com/upstream/\u217ceft")
    other("repository-newline", "the trusted repository, and a line feed", REPOSITORY + "\n")
    other("repository-nul", "the trusted repository up to a NUL", REPOSITORY + "\0.evil")
    builder = bundle(statement({"x": 1}, NOTE), claims_of(repository=None))
    one("repository-absent", "repository-mismatch", "a certificate that names no repository, by the trusted workflow", builder, received="nothing",
        predicate_type=NOTE)
    claims = claims_of(repository=b"https://github.com/upstream/left", _5=b"upstream/left", _6=REF.encode())
    one("repository-unreadable", "repository-mismatch", "a claim that is not DER beside an old one that says what is wanted",
        bundle(statement(v1()), claims))
    person = bundle(statement(v1()), {8: "https://accounts.example.com"}, "maintainer@example.com")
    one("signed-by-person", "repository-mismatch provenance-disagrees", "provenance that a person signed: no build system stands behind it", person)
    one("issuer-other", "issuer-mismatch", "another provider that claims a repository of GitHub",
        bundle(claims=claims_of(issuer="https://gitlab.com")))
    one("issuer-longer", "issuer-mismatch", "an issuer that starts like GitHub's: an enterprise may choose such a one",
        bundle(claims=claims_of(issuer=ISSUER + "/evil")))
    one("issuer-none", "provenance-missing", "a certificate without an issuer, as GitHub's for releases are",
        bundle(claims=claims_of(issuer=None)), verdict="missing")
    one("issuer-two", "issuer-mismatch", "the old claim says GitHub, the new one somebody else",
        bundle(claims=claims_of(issuer="https://evil.example.com", _1=ISSUER.encode())))
    one("owner-other", "owner-mismatch", "a repository of another owner", GOOD, owner="https://github.com/upstream-inc")
    one("repository-id", "repository-id-mismatch", "a repository of the same name, made anew by somebody else", GOOD,
        repository_id="1002")
    one("repository-id-absent", "repository-id-mismatch", "a certificate without the repository's id",
        bundle(claims=claims_of(repository_id=None)), repository_id="1001")
    gitlab = claims_of(issuer="https://gitlab.com", repository="https://gitlab.com/evil/left", owner="https://gitlab.com/evil",
                       signer=f"https://gitlab.com/evil/left//.gitlab-ci.yml@{REF}", config=None)
    elsewhere = bundle(statement({"x": 1}, NOTE), gitlab)
    one("repository-id-alone", "issuer-mismatch", "a project of another host that has the same number", elsewhere,
        repository=[], repository_id="1001", predicate_type=NOTE)
    one("owner-id-alone", "issuer-mismatch", "an owner on another host who has the same number", elsewhere,
        repository=[], owner_id="77", predicate_type=NOTE)
    one("owner-elsewhere", "issuer-mismatch", "another provider that claims an owner of GitHub",
        bundle(claims=claims_of(issuer="https://ci.example.com")), repository=[], owner="https://github.com/upstream")
    one("owner-id", "owner-id-mismatch", "an owner of the same name, registered anew", GOOD, owner_id="78")
    one("ref-branch", "ref-mismatch", "a branch, where releases are tags",
        bundle(statement(v1(ref="refs/heads/main")), claims_of(ref="refs/heads/main")), ref="refs/tags/v*")
    one("ref-branch-like-tag", "ref-mismatch", "a branch with the name of a tag",
        bundle(statement(v1(ref="refs/heads/refs/tags/v1")), claims_of(ref="refs/heads/refs/tags/v1")), ref="refs/tags/v*")
    one("ref-below", "ref-mismatch", "a tag below what the pattern means",
        bundle(statement(v1(ref="refs/tags/v1/evil")), claims_of(ref="refs/tags/v1/evil")), ref="refs/tags/v*")
    one("ref-pull", "ref-mismatch", "a pull request: anybody can open one",
        bundle(statement(v1(ref="refs/pull/7/merge")), claims_of(ref="refs/pull/7/merge")),
        ref=["refs/tags/v*", "refs/heads/main"])
    one("ref-absent", "ref-mismatch", "a certificate that names no reference", bundle(claims=claims_of(ref=None)), ref="refs/tags/v*")


def signers():
    evil = f"https://github.com/evil/tools/.github/workflows/build.yml@{REF}"
    reusable = bundle(claims=claims_of(signer=evil))
    one("signer-elsewhere", "signer-elsewhere", "a reusable workflow of another repository signed, and nobody named it", reusable, received=evil)
    one("signer-elsewhere-owner", "signer-elsewhere", "the same, under a policy on the owner", reusable,
        **{"repository": [], "owner": "https://github.com/upstream"})
    one("signer-elsewhere-repository-id", "signer-elsewhere", "the same, under a policy on the repository's id", reusable,
        repository=[], repository_id="1001")
    one("signer-elsewhere-owner-id", "signer-elsewhere", "the same, under a policy on the owner's id", reusable,
        repository=[], owner_id="77")
    one("signer-elsewhere-unknown", "signer-elsewhere", "the right id, in a certificate that does not say of what repository",
        bundle(statement({"x": 1}, NOTE), claims_of(signer=evil, repository=None)),
        repository=[], repository_id="1001", predicate_type=NOTE)
    one("ok-ids", "ok", "ids alone, which are GitHub's", GOOD, repository=[], repository_id="1001", owner_id="77")
    one("signer-elsewhere-prefix", "signer-elsewhere", "a workflow of a repository whose name starts like the trusted one",
        bundle(claims=claims_of(signer=f"{REPOSITORY}-pad/.github/workflows/release.yml@{REF}")))
    one("ok-reusable", "ok", "a reusable workflow of another repository that the policy names", reusable,
        workflow="https://github.com/evil/tools/.github/workflows/build.yml")
    one("workflow-other", "workflow-mismatch", "another workflow of the trusted repository: its tests can sign too",
        bundle(statement(v1(path=".github/workflows/test.yml")),
               claims_of(signer=f"{REPOSITORY}/.github/workflows/test.yml@{REF}", config=f"{REPOSITORY}/.github/workflows/test.yml@{REF}")),
        workflow=".github/workflows/release.yml")
    one("workflow-elsewhere", "workflow-mismatch", "the file of that name in another repository",
        bundle(claims=claims_of(signer=f"https://github.com/evil/left/.github/workflows/release.yml@{REF}")),
        workflow=".github/workflows/release.yml")
    one("workflow-suffix", "workflow-mismatch", "a file whose path ends like the trusted one",
        bundle(claims=claims_of(signer=f"{REPOSITORY}/x/.github/workflows/release.yml@{REF}")),
        workflow=".github/workflows/release.yml")
    one("workflow-in-ref", "workflow-mismatch", "the trusted workflow in the name of a branch",
        bundle(claims=claims_of(signer=f"{REPOSITORY}/.github/workflows/x.yml@refs/heads/{WORKFLOW}@{REF}")),
        workflow=".github/workflows/release.yml")
    tag = "refs/tags/left@1.0.0"
    claims = claims_of(ref=tag, signer=f"{WORKFLOW}@{tag}", config=f"{WORKFLOW}@{tag}")
    one("ok-tag-with-at", "ok", "a tag with `@`, as repositories of many packages have them", bundle(statement(v1(ref=tag)), claims),
        workflow=".github/workflows/release.yml", ref="refs/tags/left@*")
    one("ok-tag-with-at-v02", "ok", "the same in SLSA 0.2",
        bundle(statement(v02("https://github.com/npm/cli/gha/v2", "https://github.com/actions/runner", ref=tag), SLSA_V02), claims),
        ref="refs/tags/left@*")
    one("workflow-at", "workflow-mismatch", "a workflow whose file starts like the trusted one, up to an `@`",
        bundle(claims=claims_of(signer=f"{WORKFLOW}@x.yml@{REF}", config=None)), workflow=".github/workflows/release.yml")
    one("identity-other", "identity-mismatch", "another identity than the one named", GOOD,
        identity=f"{WORKFLOW}@refs/tags/v1.0.1")
    one("identity-shorter", "identity-mismatch", "the named identity is a part of this one", GOOD, identity=WORKFLOW)
    one("identity-pattern", "identity-mismatch", "the pattern fits somewhere, and not at the start",
        bundle(claims=claims_of(signer=f"{REPOSITORY}/.github/workflows/https://github.com/upstream/right/x.yml@{REF}")),
        identity_pattern="^https://github.com/upstream/right/|https://github.com/upstream/right/")
    one("runner-self-hosted", "runner-self-hosted", "a machine of the repository's owner",
        bundle(statement(v1(builder=HOSTED.replace("github-", "self-"))), claims_of(runner="self-hosted")), deny_self_hosted="yes")
    one("runner-absent", "runner-self-hosted", "a certificate that does not say where it was built",
        bundle(statement(v1(ACTIONS_BUILD, f"{WORKFLOW}@{REF}")), claims_of(runner=None)), deny_self_hosted="yes")
    one("ok-self-hosted", "ok", "a machine of the repository's owner, which nobody forbade",
        bundle(statement(v1(builder=HOSTED.replace("github-", "self-"))), claims_of(runner="self-hosted")))


def builders():
    """The classic forgery: a valid signature of the trusted workflow under a predicate that names a better builder."""
    signer = f"{WORKFLOW}@{REF}"
    generic = f"{GENERATOR}/.github/workflows/generator_generic_slsa3.yml"
    delegator = f"{GENERATOR}/.github/workflows/delegator_generic_slsa3.yml"
    disagrees = "provenance-disagrees"
    one("ok-actions", "ok", "provenance of GitHub's own action", bundle(statement(v1(ACTIONS_BUILD, signer))))
    one("builder-runner", disagrees, "a self-hosted run that says it was hosted", bundle(claims=claims_of(runner="self-hosted")),
        received=HOSTED)
    one("builder-runner-absent", disagrees, "a certificate that does not say what ran", bundle(claims=claims_of(runner=None)))
    one("builder-actions", disagrees, "GitHub's action, with the name of another workflow as builder",
        bundle(statement(v1(ACTIONS_BUILD, f"{generic}@refs/tags/v2.1.0"))))
    for name, build_type, version in [("generic", "generic@v1", 1), ("go", "go@v1", 1), ("container", "container@v1", 1)]:
        kind = f"{GENERATOR}/{build_type}"
        workflow = f"{generic}@refs/tags/v2.1.0".replace("generator_generic", f"generator_{name}")
        document = bundle(statement(v02(kind, workflow), SLSA_V02), claims_of(signer=workflow))
        one(f"ok-generator-{name}", "ok", "slsa-github-generator, named as the builder", document,
            builder=workflow.partition("@")[0])
        one(f"builder-{name}", disagrees, "slsa-github-generator's provenance, written by the repository's own workflow",
            bundle(statement(v02(kind, workflow), SLSA_V02)))
    docker = f"{GENERATOR}/.github/workflows/builder_container-based_slsa3.yml@refs/tags/v2.1.0"
    container = "https://slsa.dev/container-based-build/v0.1?draft"
    one("builder-container-based", disagrees, "the container-based builder's provenance, by the repository's own workflow",
        bundle(statement(v1(container, docker))))
    delegated = f"{GENERATOR}/delegator-generic@v0"
    nodejs = f"{GENERATOR}/.github/workflows/builder_nodejs_slsa3.yml@refs/tags/v2.1.0"
    claim = statement(v02(delegated, nodejs), SLSA_V02)
    document = bundle(claim, claims_of(signer=f"{delegator}@refs/tags/v2.1.0"))
    one("ok-delegated", "ok", "a delegator at a release, whose word on the builder counts", document, builder=nodejs.partition("@")[0])
    one("builder-delegated", disagrees, "who is no delegator names a builder", bundle(claim))
    one("builder-delegated-branch", f"{disagrees} builder-mismatch", "a delegator at a branch: what was never released",
        bundle(claim, claims_of(signer=f"{delegator}@refs/heads/main")), builder=nodejs.partition("@")[0])
    one("builder-delegated-fork", f"{disagrees} builder-mismatch", "a delegator of somebody's fork",
        bundle(claim, claims_of(signer=f"{delegator}@refs/tags/v2.1.0".replace("slsa-framework", "evil"))),
        builder=nodejs.partition("@")[0])
    for name, build_type, builder in [
        ("npm-v2", "https://github.com/npm/cli/gha/v2", "https://github.com/actions/runner"),
        ("npm-v0", "https://github.com/npm/cli/gha@v0", "https://github.com/npm/cli@9.5.0"),
    ]:
        one(f"ok-{name}", "ok", "what npm's command line wrote before", bundle(statement(v02(build_type, builder), SLSA_V02)))
        one(f"builder-{name}", disagrees, "the same with another builder",
            bundle(statement(v02(build_type, nodejs), SLSA_V02)))
    one("builder-other", "builder-mismatch", "another builder than the policy names", GOOD, builder="https://github.com/actions/runner/self-hosted")
    one("builder-longer", "builder-mismatch", "a builder whose name starts like the named one",
        bundle(statement(v1(ACTIONS_BUILD, f"{WORKFLOW}@{REF}"))), builder=WORKFLOW[:-4])
    one("builder-unknown-type", "builder-mismatch", "a build type that nobody knows, whose predicate names the wanted builder",
        bundle(statement(v1("https://example.com/build/v1", HOSTED))), builder=HOSTED)
    one("build-type", "build-type-mismatch", "another build type than the policy names", GOOD, build_type=ACTIONS_BUILD)
    one("parameter-unknown", "unknown-parameter", "a parameter that the build type does not define, under a strict policy",
        bundle(statement(v1(external={"shell": "curl"}))), only_known_parameters="yes")
    one("predicate-type", "provenance-missing", "a statement of another kind than was asked for",
        bundle(statement({"x": 1}, NOTE)), verdict="missing", predicate_type=SLSA_V1)
    malformed = v1()
    del malformed["runDetails"]
    one("provenance-malformed", "provenance-malformed", "provenance that names no builder", bundle(statement(malformed)))
    for name, predicate in [
        ("repository", v1(repository="https://github.com/upstream/right")),
        ("ref", v1(ref="refs/tags/v2.0.0")),
        ("commit", v1(commit=sha256(b"another")[:20].hex())),
        ("workflow", v1(path=".github/workflows/other.yml")),
        ("environment", v1(internal={"GITHUB_REPOSITORY": "upstream/right"})),
    ]:
        one(f"disagrees-{name}", disagrees, f"provenance that says another {name} than the certificate", bundle(statement(predicate)))
    kind = "https://github.com/npm/cli/gha/v2"
    builder = "https://github.com/actions/runner"
    one("disagrees-v02-repository", disagrees, "SLSA 0.2 that says another repository",
        bundle(statement(v02(kind, builder, repository="https://github.com/upstream/right"), SLSA_V02)))
    one("disagrees-v02-material", disagrees, "SLSA 0.2 whose material is another commit",
        bundle(statement(changed(v02(kind, builder), ["materials", 0, "digest", "sha1"], "0" * 40), SLSA_V02)))
    one("disagrees-v02-environment", disagrees, "SLSA 0.2 whose environment is another repository's",
        bundle(statement(v02(kind, builder, environment={"GITHUB_REPOSITORY": "upstream/right"}), SLSA_V02)))


def proofs():
    one("signature-flipped", "signature-invalid", "a signature with one other bit",
        changed(GOOD, ["dsseEnvelope", "signatures", 0, "sig"], lambda text: flipped(text, 20)))
    payload = json.dumps(statement(v1())).replace("v1.0.0", "v1.0.1").encode()
    one("payload-changed", "signature-invalid", "a statement that was changed after it was signed",
        changed(GOOD2, ["dsseEnvelope", "payload"], b64(payload)))
    other = bundle(statement(v1(), subjects=[subject(), subject("pkg:npm/right@1.0.0", sha512=OTHER512)]))
    one("entry-of-another", "log-entry-invalid", "the log entry of another bundle",
        changed(GOOD, ENTRY, other["verificationMaterial"]["tlogEntries"][0]))
    other = bundle(statement(v1(), subjects=[subject(), subject("pkg:npm/right@1.0.0", sha512=OTHER512)]), log="1 intoto")
    one("entry-of-another-intoto", "log-entry-invalid", "the entry of another bundle, logged as `intoto`",
        changed(GOOD_INTOTO, ENTRY, other["verificationMaterial"]["tlogEntries"][0]))
    stamped = bundle(statement(v1(), subjects=[subject("pkg:npm/right@1.0.0", sha512=OTHER512)]), timestamp=True)
    one("stamped-of-another", "timestamp-invalid", "the log's promise, and the timestamp of another bundle",
        changed(bundle(timestamp=True), STAMPS, stamped["verificationMaterial"]["timestampVerificationData"]))
    other = bundle(statement(v1(), subjects=[subject(), subject("pkg:npm/right@1.0.0", sha512=OTHER512)]), log="2")
    one("entry-of-another-2", "bundle-malformed", "the entry of Rekor v2 of another bundle",
        changed(GOOD2, ENTRY, other["verificationMaterial"]["tlogEntries"][0]))
    one("certificate-of-another", "signature-invalid", "the certificate of another bundle, of the same workflow",
        changed(GOOD2, ["verificationMaterial", "certificate"], other["verificationMaterial"]["certificate"]))
    leaf = base64.b64decode(other["verificationMaterial"]["certificate"]["rawBytes"])
    one("entry-other-certificate", "log-entry-invalid", "an entry that says that another certificate signed",
        changed(GOOD, ENTRY, ours.log_envelope(GOOD["dsseEnvelope"], pem_of(leaf), NOW + 1)))
    one("entry-kind", "log-entry-invalid", "an entry that is labelled as of another kind than it is",
        changed(GOOD, ENTRY + ["kindVersion"], {"kind": "intoto", "version": "0.0.2"}))
    one("entry-body", "log-entry-invalid", "an entry whose body was changed",
        changed(GOOD, ENTRY + ["canonicalizedBody"],
                lambda body: b64(base64.b64decode(body).replace(b'"algorithm":"sha256"', b'"algorithm":"sha255"', 1))))
    one("ok-entry-twice", "ok", "the same entry twice",
        changed(GOOD, ["verificationMaterial", "tlogEntries"], lambda entries: entries + entries))
    one("entry-none", "no-time", "a bundle that was never logged", bundle(log=""), verdict="unverifiable")
    one("entry-none-timestamped", "no-log-entry", "a timestamp and no log entry: nobody can find out that it was signed",
        bundle(log="", timestamp=True), verdict="unverifiable")
    one("envelope-alone", "no-time", "an envelope alone, as slsa-github-generator wrote until 2.1.0",
        GOOD["dsseEnvelope"], verdict="unverifiable")
    one("rekor2-untimed", "timestamp-invalid", "an entry of Rekor v2, and nobody who says when",
        bundle(log="2", timestamp=False))
    one("promise-none", "timestamp-invalid", "the log's promise is gone, and with it who vouches for the time",
        changed(GOOD, ENTRY + ["inclusionPromise"], None))
    one("promise-flipped", "log-entry-invalid", "a promise with one other bit",
        changed(GOOD, ENTRY + ["inclusionPromise", "signedEntryTimestamp"], lambda text: flipped(text, 20)))
    one("time-changed", "log-entry-invalid", "another time than the log promised",
        changed(GOOD, ENTRY + ["integratedTime"], lambda time: str(int(time) + 30)))
    one("proof-none", "bundle-malformed", "a v0.3 bundle without the proof of inclusion",
        changed(GOOD, ENTRY + ["inclusionProof"], None))
    one("proof-hash", "log-entry-invalid", "a proof of inclusion with another sibling",
        changed(GOOD, ENTRY + ["inclusionProof", "hashes", 0], flipped))
    one("proof-root", "bundle-malformed", "another root than the checkpoint has",
        changed(GOOD, ENTRY + ["inclusionProof", "rootHash"], flipped))
    one("proof-position", "log-entry-invalid", "another place in the log",
        changed(GOOD, ENTRY + ["inclusionProof", "logIndex"], "0"))
    for version, good in ("", GOOD), ("-2", GOOD2):
        checkpoint = ENTRY + ["inclusionProof", "checkpoint", "envelope"]
        one(f"checkpoint-size{version}", "log-entry-invalid", "a checkpoint that was changed after the log signed it",
            changed(good, checkpoint, lambda text: text.replace("\n2\n", "\n3\n", 1)))
        one(f"checkpoint-unsigned{version}", "bundle-malformed", "a checkpoint that nobody signed",
            changed(good, checkpoint, lambda text: text.partition("\n\n")[0] + "\n\n"))
    impostor = Instance("impostor")
    foreign = bundle(instance=impostor)
    one("checkpoint-of-another-log", "bundle-malformed", "a checkpoint of a log that is not trusted",
        changed(GOOD, ENTRY + ["inclusionProof", "checkpoint"], foreign["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]))
    one("timestamp-of-another", "timestamp-invalid", "the timestamp of another signature",
        changed(GOOD2, ["verificationMaterial", "timestampVerificationData"], other["verificationMaterial"]["timestampVerificationData"]))
    one("timestamp-flipped", "timestamp-invalid", "a timestamp with one other bit",
        changed(GOOD2, ["verificationMaterial", "timestampVerificationData", "rfc3161Timestamps", 0, "signedTimestamp"],
                lambda text: flipped(text, len(base64.b64decode(text)) - 5)))
    one("timestamp-of-impostor", "timestamp-invalid", "a timestamp of an authority that is not trusted",
        changed(GOOD2, ["verificationMaterial", "timestampVerificationData"],
                {"rfc3161Timestamps": [{"signedTimestamp": b64(impostor.timestamp(
                    base64.b64decode(GOOD2["dsseEnvelope"]["signatures"][0]["sig"]), NOW + 2))}]}))
    one("certificate-expired", "certificate-invalid", "logged after the certificate had expired: a key that was found later",
        bundle(logged_at=NOW + 11 * MINUTE))
    one("certificate-not-yet", "certificate-invalid", "logged before the certificate was issued", bundle(logged_at=NOW - 10 * MINUTE))
    one("certificate-expired-2", "certificate-invalid", "timestamped after the certificate had expired",
        bundle(log="2", stamped_at=NOW + 11 * MINUTE))
    one("certificate-not-yet-2", "certificate-invalid", "timestamped before the certificate was issued",
        bundle(log="2", stamped_at=NOW - 10 * MINUTE))
    one("certificate-unlogged", "certificate-invalid", "a certificate that no certificate log has seen", bundle(sct=False))
    one("authority-unknown", "unknown-authority", "valid evidence of an instance that nobody trusts", foreign, verdict="unverifiable")
    twin = Instance("twin")
    key_id = ours.ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    forged = bundle(instance=twin, issuer=ours.ca.subject, issuer_key_id=key_id, logger=ours)
    one("authority-imitated", "certificate-invalid", "an authority with the name and key id of the trusted one", forged)
    unknown_log = changed(GOOD, ["verificationMaterial", "tlogEntries"], [impostor.log_envelope(
        GOOD["dsseEnvelope"], pem_of(base64.b64decode(GOOD["verificationMaterial"]["certificate"]["rawBytes"])), NOW + 1)])
    one("log-unknown", "unknown-log", "an entry of a log that no root knows", unknown_log, verdict="unverifiable")
    one("log-imitated", "log-entry-invalid", "an entry that another log signed in the name of the trusted one",
        changed(unknown_log, ENTRY + ["logId", "keyId"], b64(ours.log_id)))
    one("too-young", "too-young", "seen by the log a month ago, where a year is demanded", GOOD, min_age="365")
    back = NOW - 2 * YEAR
    stamped = bundle(timestamp=True)
    rewound = changed(changed(stamped, ENTRY + ["integratedTime"], str(back)), ENTRY + ["inclusionPromise"], None)
    one("too-young-rewound", "too-young", "a time of the log that nobody signed, beside a timestamp that holds", rewound, min_age="365")
    rewound = changed(GOOD2, ENTRY + ["integratedTime"], str(back))
    one("too-young-rewound-2", "too-young", "a time in an entry of Rekor v2, which signs none", rewound, min_age="365")
    unsigned = changed(changed(stamped, ENTRY + ["inclusionPromise"], None), ENTRY + ["logIndex"], "1000000")
    one("ok-index-unsigned", "ok", "an index in the log that nobody signed, which is not told", unsigned)
    another = bundle(statement(v1(), subjects=[subject(), subject("pkg:npm/right@1.0.0", sha512=OTHER512)]), at=back)
    earlier = another["verificationMaterial"]["tlogEntries"][0]
    for title, position in ("entry-two", 1), ("entry-two-first", 0):
        def insert(entries):
            return entries[:position] + [earlier] + entries[position:]
        one(title, "log-entry-invalid", "a second entry, of another bundle and of long ago",
            changed(GOOD, ["verificationMaterial", "tlogEntries"], insert))
    chain = chained(forged)
    own = twin.ca.public_bytes(serialization.Encoding.DER), twin.root.public_bytes(serialization.Encoding.DER)
    chain["verificationMaterial"]["x509CertificateChain"]["certificates"] += [{"rawBytes": b64(one)} for one in own]
    one("authority-brought-along", "certificate-invalid", "a chain that brings its own authorities",
        changed(chain, ["mediaType"], "application/vnd.dev.sigstore.bundle+json;version=0.1"))
    stale = ours.trusted_root()
    old = Instance("sigstore of last year")
    stale["certificateAuthorities"] = old.trusted_root()["certificateAuthorities"]
    save("stale_root.json", stale)
    one("root-stale", "unknown-authority", "a root from before the authority that issued this changed", GOOD,
        verdict="unverifiable", root="stale_root.json")


def github():
    """A trusted root that says it is GitHub's, whose evidence may go without a log."""
    imitation = Instance("imitation", organization="GitHub, Inc.")
    root = imitation.trusted_root()
    root["tlogs"], root["ctlogs"] = [], []
    save("imitated_github_root.json", root)
    document = bundle(log="", timestamp=True, instance=imitation, sct=False)
    one("github-imitated", "no-log-entry", "an instance that calls itself GitHub's, whose certificates need no log", document,
        verdict="unverifiable", root="imitated_github_root.json")
    with open(os.path.join(HERE, "github_authority.pem"), "rb") as file:
        authority = x509.load_pem_x509_certificate(file.read())
    key_id = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    document = bundle(log="", timestamp=True, instance=imitation, sct=False, issuer=authority.subject, issuer_key_id=key_id)
    one("github-impostor", "timestamp-invalid", "a certificate in the name of GitHub's own authority, by another key", document,
        root="github")
    with open(os.path.join(HERE, "real.jsonl"), encoding="utf-8") as file:
        real = [json.loads(line) for line in file]
    for case in real:
        headers = {**case["policy"], "artifact": case["artifact"]}
        name, other = case["root"], {"github": "public-good", "public-good": "github"}[case["root"]]
        write(f"ok-real-{name}", "ok", case["comment"], case["bundle"], root=name, **headers)
        if name == "github":
            leaf = base64.b64decode(case["bundle"]["verificationMaterial"]["certificate"]["rawBytes"])
            entry = ours.log_envelope(case["bundle"]["dsseEnvelope"], pem_of(leaf), NOW - 20 * YEAR)
            unpromised = changed(entry, ["inclusionPromise"], None)
            for title, expect, entry in ("promised", "log-entry-invalid", entry), ("unpromised", "too-young", unpromised):
                write(f"real-github-rewound-{title}", expect, "with a log entry of long ago, where no log is looked at",
                      changed(case["bundle"], ["verificationMaterial", "tlogEntries"], [entry]), root=name, min_age="3650", **headers)
        write(f"real-{name}-elsewhere", "unknown-authority", f"the same, under the root of {other}", case["bundle"],
              verdict="unverifiable", root=other, **headers)


def keys():
    held, expired, foreign = key_of("registry"), key_of("registry before"), key_of("foreign")

    def entry(keyid, usage, key, start, end=None):
        def day(at):
            return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        valid = {"start": day(start), **({"end": day(end)} if end else {})}
        public = {"rawBytes": b64(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": valid}
        return {"keyId": keyid, "keyUsage": usage, "publicKey": public}

    listed = []
    for usage in "npm:signatures", "npm:attestations":
        listed += [entry("SHA256:now", usage, held, NOW - 100 * DAY), entry("SHA256:before", usage, expired, NOW - YEAR, NOW - 100 * DAY)]
    listed.append(entry("SHA256:signatures-only", "npm:signatures", foreign, NOW - YEAR))
    save("registry_keys.json", {"keys": listed})
    with open(os.path.join(HERE, "key.pem"), "wb") as file:
        file.write(pem_of_key(held))
    publish = statement({"name": "left", "version": "1.0.0", "registry": "https://example.com"}, NPM_PUBLISH,
                        type="https://in-toto.io/Statement/v0.1")
    trusted = {"key": "yes", "keys": "registry_keys.json", "package": "left@1.0.0"}
    good = by_key(publish, held, "SHA256:now")
    write("ok-publish", "ok", "npm's publish attestation, by a key that held when it was logged", good, **trusted)
    write("ok-publish-before", "ok", "by a key that has expired, and held when it was logged",
          by_key(publish, expired, "SHA256:before", NOW - 200 * DAY), **trusted)
    write("key-expired", "key-not-valid", "by a key that had expired when it was logged",
          by_key(publish, expired, "SHA256:before"), **trusted)
    write("key-not-yet", "key-not-valid", "by a key that did not hold yet", by_key(publish, held, "SHA256:now", NOW - 200 * DAY), **trusted)
    rewound = by_key(publish, expired, "SHA256:before")
    entry = rewound["verificationMaterial"]["tlogEntries"][0]
    del entry["inclusionPromise"]
    entry["integratedTime"] = str(NOW - 200 * DAY)
    write("key-expired-rewound", "expired-key", "by an expired key, with a time that the log did not sign", rewound,
          verdict="unverifiable", **trusted)
    stamped = ours.timestamp(base64.b64decode(rewound["dsseEnvelope"]["signatures"][0]["sig"]), NOW + 2)
    rewound = copy.deepcopy(rewound)
    rewound["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": b64(stamped)}]}
    write("key-expired-rewound-stamped", "key-not-valid", "the same with a timestamp that holds, of now", rewound, **trusted)
    another = by_key(changed(publish, ["predicate", "version"], "1.0.1"), expired, "SHA256:before", NOW - 200 * DAY)
    write("key-entry-of-another", "log-entry-invalid", "the log entry of another publish attestation, when the key still held",
          changed(by_key(publish, expired, "SHA256:before"), ENTRY, another["verificationMaterial"]["tlogEntries"][0]), **trusted)
    write("key-unlogged", "no-log-entry", "a publish attestation without a log entry: nobody says when",
          by_key(publish, held, "SHA256:now", logged=False), verdict="unverifiable", **trusted)
    write("key-unknown", "unknown-key", "by a key that nobody knows", by_key(publish, foreign, "SHA256:other"),
          verdict="unverifiable", **trusted)
    write("key-usage", "unknown-key", "by a key that is for something else", by_key(publish, foreign, "SHA256:signatures-only"),
          verdict="unverifiable", **trusted)
    write("key-hint", "signature-invalid", "by another key than its hint says", by_key(publish, foreign, "SHA256:now"), **trusted)
    write("key-other-package", "subject-name-mismatch", "the registry's word on another package of the same bytes",
          by_key(changed(publish, ["subject", 0, "name"], "pkg:npm/right@1.0.0"), held, "SHA256:now"), **trusted)
    relabelled = {"attestations": [{"predicateType": SLSA_V1, "bundle": good}]}
    one("publish-as-provenance", "provenance-missing", "a publish attestation that the response calls provenance", relabelled,
        verdict="missing", keys="registry_keys.json", predicate_type=SLSA_V1)
    payload = base64.b64decode(good["dsseEnvelope"]["payload"]).replace(NPM_PUBLISH.encode(), SLSA_V1.encode())
    one("publish-relabelled", "signature-invalid", "a publish attestation whose statement was changed to say provenance",
        changed(good, ["dsseEnvelope", "payload"], b64(payload)), keys="registry_keys.json", predicate_type=SLSA_V1)
    one("publish-for-repository", "signed-by-key", "a key where a repository was demanded", good, keys="registry_keys.json", key="yes")
    one("provenance-by-key", "signed-by-key", "provenance that the registry's key signed", by_key(statement(v1()), held, "SHA256:now"),
        keys="registry_keys.json", key="yes", predicate_type=SLSA_V1)

    named = {"key": "key.pem", "package": "left@1.0.0"}
    write("ok-key", "ok", "a bundle of a key that the caller named, without log and time",
          by_key(statement(v1()), held, "x", logged=False), **named)
    stranger = claims_of(repository="https://github.com/evil/left", owner="https://github.com/evil",
                         signer=f"https://github.com/evil/left/.github/workflows/x.yml@{REF}", config=None)
    stranger = bundle(statement(v1(repository="https://github.com/evil/left")), stranger)
    write("certificate-for-key", "provenance-missing", "a stranger's certificate, where a key was named", stranger,
          verdict="missing", **named)
    write("certificate-for-registry", "provenance-missing", "a stranger's certificate, where the registry's keys were", stranger,
          verdict="missing", **trusted)
    write("named-key-other", "signature-invalid", "a bundle of another key than the named",
          by_key(statement(v1()), foreign, "x", logged=False), **named)
    write("named-key-id", "unknown-key", "a bundle with another key id than the caller demands",
          by_key(statement(v1()), held, "x", logged=False), verdict="unverifiable", key_id="y", **named)
    envelope, _ = envelope_of(json.dumps(statement(v1())).encode(), held)
    write("ok-key-envelope", "ok", "an envelope of a key that the caller named", envelope, **named)
    second, _ = envelope_of(json.dumps(statement(v1())).encode(), foreign)
    both = changed(envelope, ["signatures"], second["signatures"] + envelope["signatures"])
    write("ok-key-envelope-two", "ok", "two signatures, of which the second is the named key's (DSSE, protocol)", both, **named)
    write("named-key-envelope", "signature-invalid", "an envelope of another key", second, **named)
    write("envelope-base64", "envelope-malformed", "a signature that is not base64",
          changed(envelope, ["signatures", 0, "sig"], "?"), **named)
    write("envelope-unsigned", "envelope-malformed", "an envelope without signatures", changed(envelope, ["signatures"], []), **named)

    def registry(package="left@1.0.0", integrity=None, key=held, keyid="SHA256:now", signed=None):
        integrity = integrity or "sha512-" + b64(bytes.fromhex(DIGEST512))
        signature = sign(key, (signed or f"{package}:{integrity}").encode())
        return {"package": package, "integrity": integrity, "keyid": keyid, "sig": b64(signature)}

    form = {"form": "registry-signature", **trusted}
    write("ok-registry-signature", "ok", "npm's signature over name, version and integrity", registry(), **form)
    write("registry-signature-integrity", "registry-signature-mismatch", "the signature of other bytes",
          registry(integrity="sha512-" + b64(bytes.fromhex(OTHER512))), **form)
    write("registry-signature-package", "subject-name-mismatch", "the signature of another package of the same bytes", registry("right@1.0.0"), **form)
    write("registry-signature-changed", "signature-invalid", "a signature over something else", registry(signed="left@1.0.1:x"), **form)
    write("registry-signature-key", "unknown-key", "by a key that nobody knows", registry(keyid="SHA256:other"),
          verdict="unverifiable", **form)
    write("registry-signature-expired", "expired-key", "by a key that has expired, and nobody says when",
          registry(key=expired, keyid="SHA256:before"), verdict="unverifiable", **form)


def bytes_signed():
    """Signatures over the bytes themselves, as `cosign sign-blob` makes them."""
    key = key_of("blob")
    leaf = ours.certify(key, f"{WORKFLOW}@{REF}", claims_of())
    signature, digest = sign(key, ARTIFACT), sha256(ARTIFACT)
    entry = ours.log_signature(signature, digest, pem_of(leaf), NOW + 1)
    material = {"certificate": {"rawBytes": b64(leaf)}, "tlogEntries": [entry]}
    message = {"messageDigest": {"algorithm": "SHA2_256", "digest": b64(digest)}, "signature": b64(signature)}
    good = {"mediaType": BUNDLE_V3, "verificationMaterial": material, "messageSignature": message}
    one("ok-blob", "ok", "a signature over the bytes", good)
    logged = ours.rekor2(signature, digest, leaf)
    stamped = {"rfc3161Timestamps": [{"signedTimestamp": b64(ours.timestamp(signature, NOW + 2))}]}
    good2 = changed(good, ["verificationMaterial"], {**material, "tlogEntries": [logged], "timestampVerificationData": stamped})
    one("ok-blob-2", "ok", "a signature over the bytes, in an entry of Rekor v2", good2)
    other = sign(key, b"other")
    one("blob-entry-of-another", "bundle-malformed", "the log entry of a signature over other bytes, by the same key",
        changed(good, ENTRY, ours.log_signature(other, sha256(b"other"), pem_of(leaf), NOW + 1)))
    one("blob-entry-of-another-2", "bundle-malformed", "the entry of Rekor v2 of a signature over other bytes, by the same key",
        changed(good2, ENTRY, ours.rekor2(other, sha256(b"other"), leaf)))
    one("blob-other", "bundle-malformed", "a signature over other bytes", good, artifact=f"sha256:{OTHER256}")
    one("blob-no-bytes", "no-bytes", "a signature over bytes that are known by another digest", good, verdict="unverifiable",
        artifact=f"sha512:{DIGEST512}")


def summaries():
    def summary(**changes):
        predicate = {
            "verifier": {"id": "https://verifier.example.com"}, "timeVerified": "2025-06-02T12:00:00Z",
            "resourceUri": PURL, "policy": {"uri": "https://example.com/policy"}, "verificationResult": "PASSED",
            "verifiedLevels": ["SLSA_BUILD_LEVEL_3"], **changes,
        }
        claims = {8: "https://accounts.example.com"}
        return bundle(statement(predicate, VSA), claims, "verifier@example.com")

    policy = {"identity": "verifier@example.com", "verifier": "https://verifier.example.com", "resource": PURL, "level": "SLSA_BUILD_LEVEL_3"}
    write("ok-summary", "ok", "a verification summary of a verifier whom the policy names", summary(), **policy)
    write("summary-failed", "summary-not-passed", "a summary that says that it failed", summary(verificationResult="FAILED"), **policy)
    write("summary-verifier", "summary-verifier", "a summary of another verifier", summary(verifier={"id": "https://evil.example.com"}), **policy)
    write("summary-resource", "summary-resource", "a summary of another resource", summary(resourceUri="pkg:npm/right@1.0.0"), **policy)
    write("summary-level", "summary-level", "a summary of a lower level", summary(verifiedLevels=["SLSA_BUILD_LEVEL_1"]), **policy)
    claims = {8: "https://accounts.example.com"}
    write("summary-none", "predicate-type-mismatch", "no summary, by whom the policy names",
          bundle(statement({"x": 1}, NOTE), claims, "verifier@example.com"), **policy)


def stamps():
    """Timestamps beside what has no log entry."""
    held, strangers = key_of("registry"), Instance("strangers")
    named = {"key": "key.pem", "package": "left@1.0.0"}

    def stamped(document, *stamps):
        list_of = [{"signedTimestamp": b64(stamp)} for stamp in stamps]
        return changed(document, ["verificationMaterial", "timestampVerificationData"], {"rfc3161Timestamps": list_of})

    plain = changed(by_key(statement(v1()), held, "x", logged=False), ["verificationMaterial", "timestampVerificationData"], {})
    signature = base64.b64decode(plain["dsseEnvelope"]["signatures"][0]["sig"])
    good, unknown, rubbish = ours.timestamp(signature, NOW + 2), strangers.timestamp(signature, NOW + 2), b"rubbish"
    flipped_late = base64.b64decode(flipped(b64(good), -3))
    write("ok-key-stamped", "ok", "a timestamp beside a key's signature: old enough", stamped(plain, good), min_age="1", **named)
    write("key-stamp-young", "too-young", "the same, and not old enough", stamped(plain, good), min_age="60", **named)
    write("key-stamp-rubbish", "timestamp-invalid", "a timestamp that is none", stamped(plain, rubbish), **named)
    write("key-stamp-empty", "timestamp-invalid", "a timestamp without a byte", stamped(plain, b""), **named)
    write("key-stamp-flipped", "timestamp-invalid", "a timestamp with a bit of its signature flipped", stamped(plain, flipped_late), **named)
    write("key-stamp-of-another", "timestamp-invalid", "a timestamp over another signature",
          stamped(plain, ours.timestamp(b"another", NOW + 2)), **named)
    write("key-stamp-unknown-of-another", "timestamp-invalid", "the same by an authority that nobody knows",
          stamped(plain, strangers.timestamp(b"another", NOW + 2)), **named)
    write("key-stamp-outside", "timestamp-invalid", "a timestamp from before its authority was trusted",
          stamped(plain, ours.timestamp(signature, NOW - 5 * YEAR)), **named)
    write("key-stamp-second", "timestamp-invalid", "a good timestamp, and one that is none", stamped(plain, good, rubbish), **named)
    write("key-stamp-unknown-and-rubbish", "timestamp-invalid", "one by an authority that nobody knows, and one that is none",
          stamped(plain, unknown, rubbish), **named)
    write("ok-key-stamp-unknown", "ok", "a timestamp by an authority that nobody knows: the signature holds, without a time",
          stamped(plain, unknown), **named)
    write("key-stamp-unknown-young", "too-young", "the same, where a time is asked for", stamped(plain, unknown), min_age="1", **named)
    write("ok-key-stamp-two", "ok", "two timestamps, of which one is by an authority that nobody knows", stamped(plain, unknown, good),
          min_age="1", **named)
    write("key-stamp-registry", "timestamp-invalid", "a publish attestation without log entry, and with a timestamp that is none",
          stamped(by_key(statement(v1()), held, "SHA256:now", logged=False), rubbish), key="yes", keys="registry_keys.json")
    write("key-stamp-unknown-key", "timestamp-invalid", "a key that nobody knows, and a timestamp that is none",
          stamped(by_key(statement(v1()), key_of("foreign"), "SHA256:other", logged=False), rubbish), key="yes", keys="registry_keys.json")
    one("certificate-stamp-rubbish", "timestamp-invalid", "a certificate without log entry, and a timestamp that is none",
        stamped(bundle(log=""), rubbish))
    other = Instance("another instance")
    one("authority-unknown-stamp-rubbish", "timestamp-invalid", "a certificate of an authority that nobody knows, and a timestamp that is none",
        stamped(bundle(instance=other), rubbish))

    digest = sha256(ARTIFACT)
    signed = sign(held, ARTIFACT)
    message = {"messageDigest": {"algorithm": "SHA2_256", "digest": b64(digest)}, "signature": b64(signed)}
    blob = {"mediaType": BUNDLE_V3, "verificationMaterial": {"publicKey": {"hint": "x"}, "tlogEntries": []}, "messageSignature": message}
    write("ok-key-blob-stamped", "ok", "a timestamp beside a key's signature over the bytes",
          stamped(blob, ours.timestamp(signed, NOW + 2)), key="key.pem", min_age="1")
    write("key-blob-stamp-rubbish", "timestamp-invalid", "a key's signature over the bytes, and a timestamp that is none",
          stamped(blob, rubbish), key="key.pem")


def kinds():
    """Claims of other kinds than were asked for, and claims that say that something failed."""
    def summary(result="PASSED", kind=VSA, claims=None, **changes):
        predicate = {"verifier": {"id": "https://verifier.example.com"}, "resourceUri": PURL, "verificationResult": result, **changes}
        return bundle(statement(predicate, kind), claims)

    stranger = claims_of(repository="https://github.com/evil/left", owner="https://github.com/evil",
                         signer=f"https://github.com/evil/left/.github/workflows/x.yml@{REF}", config=None)
    draft = VSA.replace("/v1", "/v0.2")
    tests, scan = "https://in-toto.io/attestation/test-result/v0.1", "https://cosign.sigstore.dev/attestation/vuln/v1"
    passed, failed = bundle(statement({"result": "PASSED"}, tests)), bundle(statement({"result": "FAILED"}, tests))
    sbom = bundle(statement({"bomFormat": "CycloneDX"}, "https://cyclonedx.org/bom"))
    by = {"identity": f"{WORKFLOW}@{REF}"}
    key = {"key": "key.pem"}

    missing = {"expect": "provenance-missing", "verdict": "missing"}
    one("kind-summary", comment="a summary that passed, where provenance was asked for", document=summary(), **missing)
    one("kind-test-result", comment="a test result, where provenance was asked for", document=passed, **missing)
    one("kind-scan", comment="a scan, where provenance was asked for",
        document=bundle(statement({"scanner": {"result": []}}, scan)), **missing)
    one("kind-sbom", comment="a list of parts, where provenance was asked for", document=sbom, **missing)
    one("kind-failed-stranger", comment="a summary by a stranger that says that it failed", document=summary("FAILED", claims=stranger), **missing)
    one("kind-summary-failed", "summary-not-passed", "a summary that failed, where provenance was asked for", summary("FAILED"))
    one("kind-summary-silent", "summary-not-passed", "a summary without a result", summary(None))
    one("kind-summary-draft-failed", "summary-not-passed", "a summary in the spelling of the drafts",
        summary(None, draft, verification_result="FAILED"))
    one("kind-test-failed", "claim-failed", "a test result that failed, where provenance was asked for", failed)
    one("kind-other-failed", "claim-failed", "a claim of a kind that nobody knows, and that says that it failed",
        bundle(statement({"result": "failed"}, "https://example.com/check/v1")))
    one("kind-summary-failed-named", "summary-not-passed", "a summary that failed, where summaries were asked for", summary("FAILED"),
        predicate_type=VSA)
    one("kind-test-failed-named", "claim-failed", "a test result that failed, where test results were asked for", failed, predicate_type=tests)
    one("kind-summaries-disagree", "summary-not-passed", "two summaries by one verifier, and one of them failed",
        [summary(), summary("FAILED")], predicate_type=VSA)
    one("ok-kind-summary", "ok", "a summary that passed, where summaries were asked for", summary(), predicate_type=VSA)
    one("ok-kind-summary-draft", "ok", "a summary in the spelling of the drafts that passed",
        summary("PASSED", draft), predicate_type=draft)
    one("ok-kind-test-result", "ok", "a test result that passed, where test results were asked for", passed, predicate_type=tests)
    one("ok-kind-failed-beside", "ok", "provenance beside a test result that failed, which was not asked for", [failed, GOOD])
    write("ok-kind-by-signer", "ok", "a list of parts, where all that was asked for is who signed it", sbom, **by)
    write("ok-kind-by-key", "ok", "a list of parts by the key that was named",
          by_key(statement({"bomFormat": "CycloneDX"}, "https://cyclonedx.org/bom"), key_of("registry"), "x", logged=False), **key)
    write("kind-failed-by-signer", "claim-failed", "a test result that failed, by the signer who was asked for", failed, **by)
    write("kind-failed-by-key", "claim-failed", "a test result that failed, by the key that was named",
          by_key(statement({"result": "FAILED"}, tests), key_of("registry"), "x", logged=False), **key)


def ratchet():
    """Two versions of a package, provenance of both by two repositories, and summaries: what `ratchet.json` has."""
    evil = "https://github.com/evil/left"
    by = {
        "upstream": (REPOSITORY, claims_of()),
        "evil": (evil, claims_of(repository=evil, owner="https://github.com/evil", repository_id="2002", owner_id="88",
                                 signer=f"{evil}/.github/workflows/release.yml@{REF}",
                                 config=f"{evil}/.github/workflows/release.yml@{REF}")),
    }
    versions = {}
    for version in ("1.0.0", "1.0.1"):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, text in [("package.json", json.dumps({"name": "left", "version": version})), ("index.js", "// " + version)]:
                member = tarfile.TarInfo(f"package/{name}")
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
        # Stored and not packed, so that every zlib writes the same.
        artifact = gzip.compress(packed.getvalue(), compresslevel=0, mtime=0)
        about = [subject(f"pkg:npm/left@{version}", sha512=hashlib.sha512(artifact).hexdigest())]
        versions[version] = {"artifact": b64(artifact)}
        for name, (repository, claims) in by.items():
            versions[version][name] = bundle(statement(v1(repository=repository), subjects=about), claims)
        for result in ("passed", "failed"):
            summary = {"verifier": {"id": REPOSITORY}, "resourceUri": PURL, "verificationResult": result.upper()}
            versions[version][result] = bundle(statement(summary, VSA, about))
    save("ratchet.json", versions)


def save(name, value):
    with open(os.path.join(HERE, name), "w", encoding="utf-8", newline="") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    for name in os.listdir(HERE):
        if "." not in name and not name.startswith("__"):
            os.remove(os.path.join(HERE, name))
    save("trusted_root.json", ours.trusted_root())
    for part in forms, documents, subjects, sources, signers, builders, proofs, github, keys, bytes_signed, summaries, stamps, kinds, ratchet:
        part()
    with open(os.path.join(HERE, "artifact.bin"), "wb") as file:
        file.write(ARTIFACT)

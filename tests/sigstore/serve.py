"""A Sigstore instance on loopback, for the tests of keyless signing: Fulcio, Rekor v1 and v2, a timestamp authority, and
the token service of GitHub's runner. It believes every token, and does wrong what it is asked to.

    python3 serve.py FOLDER

writes FOLDER/trusted_root.json, prints its port, serves until its standard input ends, and then ends by itself. Every
service stands below /TAG/FAULT: TAG is the test's own, FAULT says what is wrong with the answers, `good` for nothing.
/asked/TAG has what was asked below a tag. Needs PyPI's `cryptography` (43 or newer), and nothing of the network but
loopback; `serve.py --can` says whether it is there.
"""

import base64
import http.server
import json
import os
import re
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vectors" / "evidence"))

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import sigstore
from sigstore import Instance, b64, canonical, der, integer, octets, oid, pem_of, sequence, sha256, sign, spki


class Loopback(Instance):
    """The same with a log of tiles that is named after its host alone: sigstore-go takes no other name."""

    def __init__(self, name):
        super().__init__(name)
        self.host2 = f"2.{self.host}"
        raw = self.log2_key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.log2_id = sha256(f"{self.host2}\n".encode() + b"\x01" + raw)

    def rekor2(self, signature, digest, leaf):
        entry = super().rekor2(signature, digest, leaf)
        body = base64.b64decode(entry["canonicalizedBody"])
        entry["inclusionProof"] = self.inclusion(self.host2, body, self.log2_id, self.log2_key.sign)
        return entry

    def trusted_root(self):
        root = super().trusted_root()
        root["tlogs"][1]["baseUrl"] = f"https://{self.host2}"
        return root


GOOD, OTHER = Loopback("loopback"), Loopback("elsewhere")
LOCK = threading.Lock()
ASKED, LOGGED = {}, {}


class Fault(Exception):
    """An answer that is an HTTP status and no more."""

    def __init__(self, status, body=b"", **headers):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


def refused(status, message):
    return Fault(status, json.dumps({"code": 3, "message": message, "details": []}).encode())


# The certificate authority.

def fulcio(fault, request, authorization):
    # Fulcio takes the token in either place; sigstore-go sends it in the header.
    credentials = request.get("credentials", {})
    token = credentials.get("oidcIdentityToken") or (authorization or "").removeprefix("Bearer ")
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    part = request["publicKeyRequest"]
    public = serialization.load_pem_public_key(part["publicKey"]["content"].encode())
    challenge = claims.get("email") or claims["sub"]
    # Raises where the proof of possession is none.
    public.verify(base64.b64decode(part["proofOfPossession"]), challenge.encode(), ec.ECDSA(hashes.SHA256()))
    if "\r" in part["publicKey"]["content"]:
        raise refused(400, "line breaks")
    match fault:
        case "400" | "401" | "403":
            raise refused(int(fault), f"cannot verify token {token}: \x1b[31mnot known here")
        case "500":
            raise refused(500, "down for a moment")
        case "detached":
            return {"signedCertificateDetachedSct": {"chain": {"certificates": []}}}
        case "no-certificate":
            return {"signedCertificateEmbeddedSct": {"chain": {"certificates": []}}}
        case "no-pem":
            return {"signedCertificateEmbeddedSct": {"chain": {"certificates": ["not a certificate"]}}}
        case "other-key":
            public = sigstore.key_of("another key").public_key()
    if "repository" in claims:
        san = f"https://github.com/{claims['job_workflow_ref']}"
        names = {8: claims["iss"], 9: san, 12: f"https://github.com/{claims['repository']}"}
        # The rest of what Fulcio copies of a job, where the token has it.
        for number, name in (11, "runner_environment"), (13, "sha"), (14, "ref"):
            if name in claims:
                names[number] = claims[name]
        if "workflow_ref" in claims:
            names[18] = f"https://github.com/{claims['workflow_ref']}"
    else:
        san, names = claims.get("email") or claims["sub"], {8: claims["iss"]}
    if fault == "other-issuer":
        names[8] = "https://issuer.example.net"
    # The token that it was sent, as it is, and in pieces.
    if fault == "token-issuer":
        names[8] = token
    if fault == "token-issuer-pieces":
        names[8] = ", ".join(token[at:at + 40] for at in range(0, len(token), 40)).upper()
    # The older form of the same, without DER; there are readers that ask for it.
    names[1] = names[8].encode()
    if fault == "other-email":
        san = "somebody@example.net"
    if fault == "token-email":
        san = f"{token.split('.')[2]}@example.net"
    at = int(time.time()) - 5 + {"expired": -3600, "not-yet": 3600, "short": -595}.get(fault, 0)
    instance = OTHER if fault == "unknown-authority" else GOOD
    leaf = instance.certify(Holder(public), san, names, at)
    if fault == "broken":
        leaf = leaf[:-20]
    chain = [pem_of(leaf).decode(), *(one.public_bytes(serialization.Encoding.PEM).decode() for one in (GOOD.ca, GOOD.root))]
    return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}


def fulcio1(fault, request, authorization):
    """The same as cosign 2 asks for it, in the first version of the interface."""
    pem = base64.b64decode(request["publicKey"]["content"]).decode()
    part = {"publicKey": {"content": pem}, "proofOfPossession": request["signedEmailAddress"]}
    answer = fulcio(fault, {"publicKeyRequest": part}, authorization)
    return "".join(answer["signedCertificateEmbeddedSct"]["chain"]["certificates"]).encode()


class Holder:
    """What `certify` takes for a key: it asks for the public half alone."""

    def __init__(self, public):
        self.public = public

    def public_key(self):
        return self.public


# The timestamp authority.

def timestamp(fault, query):
    # A sequence of the version, the imprint, a nonce, and that the certificate is wanted (section 2.4.1); sigstore-go sends
    # neither of the last two.
    imprint, rest = query[24:56], query[56:]
    nonce = rest[2:-3]
    if query[2:24] != HEAD or rest and rest != der(0x02, nonce) + b"\x01\x01\xff":
        raise refused(400, "not the question that RFC 3161 has")
    if fault == "rejected":
        return sequence(sequence(integer(2)))
    if fault == "other-bytes":
        imprint = sha256(b"other bytes")
    if fault == "other-nonce":
        nonce = b"\x41" * 8
    at = int(time.time()) + {"late": 3600, "early": -3600}.get(fault, 0)
    answer = stamp(OTHER if fault == "unknown-authority" else GOOD, imprint, nonce, at, bool(rest))
    if fault == "no-nonce":
        answer = stamp(GOOD, imprint, b"", at)
    if fault == "truncated":
        answer = answer[:-9]
    if fault == "flipped":
        answer = answer[:-1] + bytes([answer[-1] ^ 1])
    return answer


HEAD = bytes.fromhex("020101" "3031" "300d0609608648016503040201" "0500" "0420")


def stamp(instance, imprint, nonce, at, with_certificate=True):
    """A timestamp response (RFC 3161, section 2.4.2) over a digest, with a nonce."""
    moment = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(at)).encode()
    number = [der(0x02, nonce)] if nonce else []
    info = sequence(
        integer(1), oid("1.2.3.4"), sequence(sigstore.SHA256, octets(imprint)), integer(sigstore.number_of(imprint)),
        der(0x18, moment), sequence(integer(1)), *number,
    )
    tsa = instance.tsa.public_bytes(serialization.Encoding.DER)
    content_type = oid("1.2.840.113549.1.9.16.1.4")

    def attribute(name, value):
        return sequence(oid(name), der(0x31, value))

    attributes = b"".join(sorted([
        attribute("1.2.840.113549.1.9.3", content_type),
        attribute("1.2.840.113549.1.9.4", octets(sha256(info))),
        attribute("1.2.840.113549.1.9.16.2.47", sequence(sequence(sequence(octets(sha256(tsa)))))),
    ]))
    signer = sequence(
        integer(1),
        sequence(instance.tsa.issuer.public_bytes(), integer(instance.tsa.serial_number)),
        sigstore.SHA256,
        der(0xA0, attributes),
        sequence(oid("1.2.840.10045.4.3.2")),
        octets(sign(instance.tsa_key, der(0x31, attributes))),
    )
    content = sequence(content_type, der(0xA0, octets(info)))
    certificates = der(0xA0, tsa) if with_certificate else b""
    signed = sequence(integer(3), der(0x31, sigstore.SHA256), content, certificates, der(0x31, signer))
    return sequence(sequence(integer(0)), sequence(oid("1.2.840.113549.1.7.2"), der(0xA0, signed)))


# The logs.

def wrong_proof(fault, entry):
    """What can be wrong with an entry of either version, once it is made."""
    proof = entry["inclusionProof"]
    if fault == "wrong-proof":
        proof["hashes"][0] = b64(sha256(b"another leaf"))
    if fault == "wrong-checkpoint":
        note, line = proof["checkpoint"]["envelope"].rsplit(" ", 1)
        signature = bytearray(base64.b64decode(line))
        signature[-1] ^= 1
        proof["checkpoint"]["envelope"] = f"{note} {b64(bytes(signature))}\n"
    if fault == "checkpoint-of-another":
        proof["checkpoint"] = OTHER.inclusion("x", b"", OTHER.log_id, lambda note: sign(OTHER.log_key, note))["checkpoint"]
    if fault == "no-proof":
        del entry["inclusionProof"]
    return entry


def rekor1(tag, fault, request):
    at = int(time.time())
    instance = OTHER if fault == "unknown-log" else GOOD
    if request["kind"] == "dsse":
        proposed = request["spec"]["proposedContent"]
        envelope, [verifier] = json.loads(proposed["envelope"]), proposed["verifiers"]
        certificate, payload = base64.b64decode(verifier), base64.b64decode(envelope["payload"])
        check(certificate, base64.b64decode(envelope["signatures"][0]["sig"]), sigstore.pae(envelope["payloadType"], payload))
        if fault == "other-content":
            envelope["payload"] = b64(payload + b" ")
        if fault == "other-signature":
            envelope["signatures"][0]["sig"] = b64(b"another signature")
        entry = instance.log_envelope(envelope, changed(fault, certificate), at)
    else:
        spec = request["spec"]
        certificate = base64.b64decode(spec["signature"]["publicKey"]["content"])
        digest, signature = bytes.fromhex(spec["data"]["hash"]["value"]), base64.b64decode(spec["signature"]["content"])
        check_digest(certificate, signature, digest)
        if fault == "other-content":
            digest = sha256(b"other content")
        if fault == "other-signature":
            signature = b"another signature"
        entry = instance.log_signature(signature, digest, changed(fault, certificate), at)
    if b"\r" in certificate:
        raise refused(400, "line breaks")
    entry = wrong_proof(fault, entry)
    body, proof = entry["canonicalizedBody"], entry.get("inclusionProof")
    if fault == "other-kind":
        body = b64(base64.b64decode(body).replace(b'"kind":"', b'"kind":"x'))
    promise = entry["inclusionPromise"]["signedEntryTimestamp"]
    if fault == "wrong-promise":
        promise = b64(sign(GOOD.log_key, b"something else"))
    answer = {
        "body": body, "integratedTime": at, "logID": instance.log_id.hex(), "logIndex": 4242,
        "verification": {"signedEntryTimestamp": promise},
    }
    if proof:
        answer["verification"]["inclusionProof"] = {
            "checkpoint": proof["checkpoint"]["envelope"], "logIndex": 1, "treeSize": 2,
            "hashes": [base64.b64decode(one).hex() for one in proof["hashes"]],
            "rootHash": base64.b64decode(proof["rootHash"]).hex(),
        }
    if fault == "no-promise":
        del answer["verification"]["signedEntryTimestamp"]
    identity = sha256(canonical(request)).hex()
    if fault == "two":
        return {identity: answer, "another": answer}
    return once(tag, fault, identity, {identity: answer})


def once(tag, fault, identity, answer):
    """Logs, and says where it is when it was there already."""
    with LOCK:
        kept = LOGGED.setdefault(tag, {})
        there = identity in kept
        kept.setdefault(identity, answer)
        count = len(ASKED[tag])
    place = f"/{tag}/{fault}/api/v1/log/entries/{identity}"
    if fault == "lost" and not there:
        # The answer is lost on its way.
        raise Fault(502, b"<html>bad gateway</html>")
    if fault == "busy" and count < 3:
        raise Fault(503, **{"Retry-After": "0"})
    if there or fault.startswith("there-already"):
        place = {
            "there-already-elsewhere": f"http://127.0.0.1:1{place}",
            "there-already-outside": "/elsewhere",
            "there-already-nowhere": None,
        }.get(fault, place)
        message = b'{"code":409,"message":"an equivalent entry already exists in the transparency log"}'
        raise Fault(409, message, **({"Location": place} if place else {}))
    return answer


def rekor2(tag, fault, request):
    part = request["hashedRekordRequestV002"]
    signature, digest = base64.b64decode(part["signature"]["content"]), base64.b64decode(part["digest"])
    leaf = base64.b64decode(part["signature"]["verifier"]["x509Certificate"]["rawBytes"])
    check_digest(pem_of(leaf), signature, digest)
    if fault == "other-content":
        digest = sha256(b"other content")
    if fault == "other-signature":
        signature = b"another signature"
    if fault == "other-certificate":
        leaf = another_certificate()
    instance = OTHER if fault == "unknown-log" else GOOD
    entry = wrong_proof(fault, instance.rekor2(signature, digest, leaf))
    if size := re.fullmatch(r"there-already-(\d+)-of-(\d+)(-wrong)?", fault):
        index, count = int(size[1]), int(size[2])
        leaves = [sha256(b"\0leaf %d" % number) for number in range(count)]
        leaves[index % count] = sha256(b"\0" + base64.b64decode(entry["canonicalizedBody"]))
        if size[3]:
            leaves[index % count] = sha256(b"another leaf")
        with LOCK:
            LOGGED[tag] = leaves
        message = f"an equivalent entry already exists in the transparency log with index {index}"
        raise Fault(409, json.dumps({"code": 6, "message": message}).encode(), **{"x-log-index": str(index)})
    if fault == "there-already-unsaid":
        raise refused(409, "it is there already")
    if fault == "slow":
        time.sleep(3)
    return entry


def tree(leaves):
    """The levels of a tree as tiles have them: only nodes with all their leaves."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        row = levels[-1]
        levels.append([sha256(b"\1" + row[at] + row[at + 1]) for at in range(0, len(row) - 1, 2)])
    return levels


def root_of(leaves):
    """MTH (RFC 6962, section 2.1)."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + root_of(leaves[:half]) + root_of(leaves[half:]))


def tiles(tag, path):
    leaves = LOGGED.get(tag) or []
    if path == "checkpoint":
        note = f"{GOOD.host2}\n{len(leaves)}\n{b64(root_of(leaves))}\n"
        signature = b64(GOOD.log2_id[:4] + GOOD.log2_key.sign(note.encode()))
        return f"{note}\n\u2014 {GOOD.host2} {signature}\n".encode()
    named = re.fullmatch(r"tile/(\d+)/((?:x\d{3}/)*\d{3})(?:\.p/(\d+))?", path)
    level, width = int(named[1]), int(named[3] or 256)
    number = int(named[2].replace("x", "").replace("/", ""))
    hashes = tree(leaves)[8 * level][256 * number:256 * (number + 1)]
    # A partial tile is asked for where there is no full one, and under its own width.
    if len(hashes) != width:
        raise Fault(404)
    return b"".join(hashes)


def check(certificate, signature, signed):
    key = x509.load_pem_x509_certificate(certificate).public_key()
    key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))


def check_digest(certificate, signature, digest):
    from cryptography.hazmat.primitives.asymmetric import utils
    key = x509.load_pem_x509_certificate(certificate).public_key()
    key.verify(signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def changed(fault, certificate):
    return pem_of(another_certificate()) if fault == "other-certificate" else certificate


def another_certificate():
    return GOOD.certify(sigstore.key_of("another"), "other@example.net", {8: "https://issuer.example.net"}, int(time.time()))


# The door.

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The entry that was made; sigstore-go looks it up by this header.
    named = None

    def do_GET(self):
        self.serve(b"")

    def do_POST(self):
        self.serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def serve(self, body):
        try:
            self.named = None
            status, answer, headers = 200, self.answer(body), {}
            if self.named:
                headers = {"ETag": self.named}
            # What is made is created, and cosign takes no other success for it.
            if self.command == "POST" and self.path.endswith(("/log/entries", "/v1/signingCert")):
                status = 201
        except Fault as fault:
            status, answer, headers = fault.status, fault.body, fault.headers
        except Exception as error:
            status, answer, headers = 400, json.dumps({"message": f"wrong: {error!r}"}).encode(), {}
        self.send_response(status)
        is_stamp = status == 200 and self.path.endswith("/timestamp")
        self.send_header("Content-Type", "application/timestamp-reply" if is_stamp else "application/json")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def answer(self, body):
        path, _, query = self.path.partition("?")
        _, tag, fault, *rest = path.split("/")
        if tag == "asked":
            return json.dumps(ASKED.get(fault, [])).encode()
        place = "/".join(rest)
        asked = {
            "method": self.command, "path": f"{fault}/{place}", "query": query,
            "authorization": self.headers.get("Authorization"), "body": body.decode("latin-1"),
        }
        with LOCK:
            ASKED.setdefault(tag, []).append(asked)
        if fault == "redirect":
            raise Fault(307, Location=f"/{tag}/good/{place}")
        if fault == "garbage":
            return b"{"
        if fault == "page":
            return b"<html>log in</html>"
        if fault == "empty":
            return b"{}"
        if fault == "endless":
            return b"[" * (20 << 20)
        match place:
            case "api/v2/signingCert":
                return json.dumps(fulcio(fault, json.loads(body), self.headers.get("Authorization"))).encode()
            case "api/v1/signingCert":
                return fulcio1(fault, json.loads(body), self.headers.get("Authorization"))
            case "api/v1/timestamp":
                return timestamp(fault, body)
            case "api/v1/log/entries":
                entries = rekor1(tag, fault, json.loads(body))
                self.named = next(iter(entries))
                return json.dumps(entries).encode()
            case "api/v2/log/entries":
                return json.dumps(rekor2(tag, fault, json.loads(body))).encode()
            case "token":
                if self.headers.get("Authorization") != "Bearer runner-secret" or "audience=sigstore" not in query.split("&"):
                    raise refused(401, f"not with {self.headers.get('Authorization')}")
                own = Path(sys.argv[1]) / f"token-{tag}"
                token = (own if own.exists() else own.with_name("token")).read_text()
                return json.dumps({"count": len(token), "value": token}).encode()
        if place.startswith("api/v1/log/entries/"):
            return json.dumps(LOGGED[tag][rest[-1]]).encode()
        if place.startswith("api/v2/"):
            return tiles(tag, place.removeprefix("api/v2/"))
        raise Fault(404)

    def log_message(self, *_):
        pass


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    if sys.argv[1:] == ["--can"]:
        sign(sigstore.key_of("any"), b"anything")
        return
    folder = Path(sys.argv[1])
    (folder / "trusted_root.json").write_text(json.dumps(GOOD.trusted_root()))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # Clients that go away early are the tests' own.
    server.handle_error = lambda *_: None
    threading.Thread(target=end_with_input, daemon=True).start()
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

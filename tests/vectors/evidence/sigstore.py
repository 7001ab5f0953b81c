"""A Sigstore instance in memory, for make.py: certificate authority, certificate log, Rekor v1 and v2, timestamp authority.

Its keys come from its name, its signatures are deterministic (RFC 6979) and its time is an argument, so that the same
program gives the same bytes. It certifies whatever it is asked to: that is what it is for. Needs PyPI's `cryptography`.
"""

import base64
import datetime
import hashlib
import json
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# 2025-06-02T12:00:00Z: when everything is signed that does not say otherwise.
NOW = 1_748_865_600
MINUTE = 60
DAY = 86_400
YEAR = 365 * DAY

FULCIO = "1.3.6.1.4.1.57264.1."


def b64(data):
    return base64.b64encode(data).decode()


def sha256(data):
    return hashlib.sha256(data).digest()


def canonical(value):
    """JSON as RFC 8785 has it, as far as ASCII goes."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def key_of(name):
    """A P-256 key that hangs on its name alone."""
    return ec.derive_private_key(int.from_bytes(sha256(name.encode()), "big") >> 1, ec.SECP256R1())


def number_of(data):
    """A serial number that hangs on nothing but what it is for, so that a new vector changes no other."""
    return int.from_bytes(sha256(data)[:19], "big") >> 1


def sign(key, data):
    return key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def spki(key):
    public = key.public_key() if hasattr(key, "public_key") else key
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def pem_of_key(key):
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(encoding, form)


def pem_of(der):
    lines = [b64(der)[at:at + 64] for at in range(0, len(b64(der)), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]).encode()


def pae(payload_type, payload):
    """What DSSE signs (protocol, "PAE")."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


# DER, as far as timestamps and Fulcio's extensions need it.

def der(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + body


def sequence(*parts):
    return der(0x30, *parts)


def integer(value):
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(data):
    return der(0x04, data)


def oid(text):
    first, second, *rest = [int(part) for part in text.split(".")]
    body = bytes([40 * first + second])
    for part in rest:
        digits = [part & 0x7F]
        while part := part >> 7:
            digits.append(0x80 | part & 0x7F)
        body += bytes(reversed(digits))
    return der(0x06, body)


SHA256 = sequence(oid("2.16.840.1.101.3.4.2.1"))


class Instance:
    """One instance; `name` decides all its keys, `organization` is in the names of its authorities."""

    def __init__(self, name, organization="example"):
        self.name = name
        self.host = f"{name}.example.com"
        self.organization = organization
        self.root_key, self.ca_key = key_of(name + " root"), key_of(name + " intermediate")
        self.ct_key, self.log_key = key_of(name + " certificate log"), key_of(name + " rekor 1")
        self.tsa_root_key, self.tsa_key = key_of(name + " timestamp root"), key_of(name + " timestamp")
        self.log2_key = ed25519.Ed25519PrivateKey.from_private_bytes(sha256((name + " rekor 2").encode()))
        raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.log_id = sha256(spki(self.log_key))
        # C2SP, signed-note: the key's name, a line feed, the kind of signature and the key.
        self.log2_id = sha256(f"{self.host}/2\n".encode() + b"\x01" + self.log2_key.public_key().public_bytes(*raw))
        self.root = self.authority("root", "root", self.root_key, self.root_key)
        usage = ExtendedKeyUsageOID.CODE_SIGNING
        self.ca = self.authority("intermediate", "root", self.ca_key, self.root_key, usage)
        self.tsa_root = self.authority("timestamp root", "timestamp root", self.tsa_root_key, self.tsa_root_key)
        usage = ExtendedKeyUsageOID.TIME_STAMPING
        self.tsa = self.authority("timestamp", "timestamp root", self.tsa_key, self.tsa_root_key, usage, leaf=True)

    def names(self, common):
        organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization)
        return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common)])

    def builder(self, subject, issuer, public, signer, start, end, is_ca, usage=None, issuer_key_id=None):
        when = [datetime.datetime.fromtimestamp(time, datetime.timezone.utc) for time in (start, end)]
        key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        if issuer_key_id:
            key_id = x509.AuthorityKeyIdentifier(issuer_key_id, None, None)
        usages = x509.KeyUsage(not is_ca, False, False, False, False, is_ca, is_ca, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(number_of(spki(public)))
            .not_valid_before(when[0])
            .not_valid_after(when[1])
            .add_extension(usages, critical=True)
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(key_id, critical=False)
        )
        if usage:
            critical = usage == ExtendedKeyUsageOID.TIME_STAMPING
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical)
        return builder

    def authority(self, subject, issuer, key, signer, usage=None, leaf=False):
        names = self.names(subject), self.names(issuer)
        builder = self.builder(*names, key.public_key(), signer, NOW - YEAR, NOW + 20 * YEAR, not leaf, usage)
        certificate = builder.sign(signer, hashes.SHA256(), ecdsa_deterministic=True)
        return certificate

    def certify(self, key, san, claims, at=NOW, sct=True, issuer=None, issuer_key_id=None):
        """A certificate for ten minutes. `claims` are Fulcio's by number: text, or bytes for an extension as it is."""
        alternative = x509.UniformResourceIdentifier(san) if "://" in san else x509.RFC822Name(san)
        usage = ExtendedKeyUsageOID.CODE_SIGNING
        builder = self.builder(
            x509.Name([]), issuer or self.ca.subject, key.public_key(), self.ca_key, at, at + 10 * MINUTE, False,
            usage, issuer_key_id,
        ).add_extension(x509.SubjectAlternativeName([alternative]), critical=True)
        for number, claim in sorted(claims.items()):
            value = claim if isinstance(claim, bytes) else der(0x0C, claim.encode())
            extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{FULCIO}{number}"), value)
            builder = builder.add_extension(extension, critical=False)
        if sct:
            poison_free = builder.sign(self.ca_key, hashes.SHA256(), ecdsa_deterministic=True)
            extension = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
            value = octets(self.timestamps_of(poison_free.tbs_certificate_bytes, at))
            builder = builder.add_extension(x509.UnrecognizedExtension(extension, value), critical=False)
        certificate = builder.sign(self.ca_key, hashes.SHA256(), ecdsa_deterministic=True)
        return certificate.public_bytes(serialization.Encoding.DER)

    def timestamps_of(self, tbs, at):
        """The list of signed certificate timestamps (RFC 6962, sections 3.2 and 3.3)."""
        signed = struct.pack(">BBQH", 0, 0, at * 1000, 1) + sha256(spki(self.ca_key))
        signed += len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
        signature = sign(self.ct_key, signed)
        one = b"\0" + sha256(spki(self.ct_key)) + struct.pack(">Q", at * 1000) + b"\0\0\x04\x03"
        one += struct.pack(">H", len(signature)) + signature
        return struct.pack(">HH", len(one) + 2, len(one)) + one

    def inclusion(self, origin, body, key_id, signer):
        """A proof for the second of two leaves (RFC 6962, section 2.1), with a checkpoint (C2SP, tlog-checkpoint)."""
        sibling, leaf = sha256(b"\0the first leaf"), sha256(b"\0" + body)
        root = sha256(b"\1" + sibling + leaf)
        note = f"{origin}\n2\n{b64(root)}\n"
        signature = b64(key_id[:4] + signer(note.encode()))
        return {
            "logIndex": "1",
            "rootHash": b64(root),
            "treeSize": "2",
            "hashes": [b64(sibling)],
            "checkpoint": {"envelope": f"{note}\n\u2014 {origin.split()[0]} {signature}\n"},
        }

    def rekor1(self, kind, version, spec, at=NOW, index=4242):
        body = canonical({"apiVersion": version, "kind": kind, "spec": spec})
        promise = canonical(
            {"body": b64(body), "integratedTime": at, "logID": self.log_id.hex(), "logIndex": index}
        )
        origin = f"{self.host} - 1"
        return {
            "logIndex": str(index),
            "logId": {"keyId": b64(self.log_id)},
            "kindVersion": {"kind": kind, "version": version},
            "integratedTime": str(at),
            "inclusionPromise": {"signedEntryTimestamp": b64(sign(self.log_key, promise))},
            "inclusionProof": self.inclusion(origin, body, self.log_id, lambda note: sign(self.log_key, note)),
            "canonicalizedBody": b64(body),
        }

    def log_envelope(self, envelope, verifier, at=NOW, index=4242):
        """An entry of Rekor v1 for a DSSE envelope. `verifier` is PEM."""
        signatures = [{"signature": one["sig"], "verifier": b64(verifier)} for one in envelope["signatures"]]
        payload = base64.b64decode(envelope["payload"])
        spec = {
            "envelopeHash": {"algorithm": "sha256", "value": sha256(canonical(envelope)).hex()},
            "payloadHash": {"algorithm": "sha256", "value": sha256(payload).hex()},
            "signatures": signatures,
        }
        return self.rekor1("dsse", "0.0.1", spec, at, index)

    def log_statement(self, envelope, verifier, at=NOW, index=4242):
        """An entry of Rekor v1 for a DSSE envelope as npm's and others' were until 2023: `intoto`, with the signature in
        base64 of base64. `verifier` is PEM."""
        signatures = [
            {"publicKey": b64(verifier), "sig": b64(one["sig"].encode())} for one in envelope["signatures"]
        ]
        payload = base64.b64decode(envelope["payload"])
        content = {
            "envelope": {"payloadType": envelope["payloadType"], "signatures": signatures},
            "hash": {"algorithm": "sha256", "value": sha256(canonical(envelope)).hex()},
            "payloadHash": {"algorithm": "sha256", "value": sha256(payload).hex()},
        }
        return self.rekor1("intoto", "0.0.2", {"content": content}, at, index)

    def log_signature(self, signature, digest, verifier, at=NOW):
        """An entry of Rekor v1 for a signature over bytes."""
        spec = {
            "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
            "signature": {"content": b64(signature), "publicKey": {"content": b64(verifier)}},
        }
        return self.rekor1("hashedrekord", "0.0.1", spec, at)

    def rekor2(self, signature, digest, leaf):
        """An entry of Rekor v2, which has no time."""
        verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": b64(leaf)}}
        data = {"algorithm": "SHA2_256", "digest": b64(digest)}
        spec = {"hashedRekordV002": {"data": data, "signature": {"content": b64(signature), "verifier": verifier}}}
        body = canonical({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec})
        return {
            "logIndex": "1",
            "logId": {"keyId": b64(self.log2_id)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "inclusionProof": self.inclusion(f"{self.host}/2", body, self.log2_id, self.log2_key.sign),
            "canonicalizedBody": b64(body),
        }

    def timestamp(self, data, at=NOW):
        """A timestamp response (RFC 3161, section 2.4.2) over SHA-256 of `data`."""
        moment = datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y%m%d%H%M%SZ")
        imprint = sequence(SHA256, octets(sha256(data)))
        info = sequence(
            integer(1), oid("1.2.3.4"), imprint, integer(number_of(data)), der(0x18, moment.encode()), sequence(integer(1))
        )
        tsa = self.tsa.public_bytes(serialization.Encoding.DER)
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
            sequence(self.tsa.issuer.public_bytes(), integer(self.tsa.serial_number)),
            SHA256,
            der(0xA0, attributes),
            sequence(oid("1.2.840.10045.4.3.2")),
            octets(sign(self.tsa_key, der(0x31, attributes))),
        )
        content = sequence(content_type, der(0xA0, octets(info)))
        signed = sequence(integer(3), der(0x31, SHA256), content, der(0xA0, tsa), der(0x31, signer))
        return sequence(sequence(integer(0)), sequence(oid("1.2.840.113549.1.7.2"), der(0xA0, signed)))

    def trusted_root(self):
        since = datetime.datetime.fromtimestamp(NOW - YEAR, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        valid = {"start": since}

        def authority(*chain):
            certificates = [{"rawBytes": b64(one.public_bytes(serialization.Encoding.DER))} for one in chain]
            subject = {"organization": self.organization, "commonName": self.host}
            return {
                "subject": subject, "uri": f"https://{self.host}", "certChain": {"certificates": certificates},
                "validFor": valid,
            }

        def log(url, key, key_id, details):
            public = {"rawBytes": b64(spki(key)), "keyDetails": details, "validFor": valid}
            return {
                "baseUrl": f"https://{url}", "hashAlgorithm": "SHA2_256", "publicKey": public,
                "logId": {"keyId": b64(key_id)},
            }

        p256 = "PKIX_ECDSA_P256_SHA_256"
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [
                log(self.host, self.log_key, self.log_id, p256),
                log(f"{self.host}/2", self.log2_key, self.log2_id, "PKIX_ED25519"),
            ],
            "certificateAuthorities": [authority(self.ca, self.root)],
            "ctlogs": [log(f"{self.host}/ct", self.ct_key, sha256(spki(self.ct_key)), p256)],
            "timestampAuthorities": [authority(self.tsa, self.tsa_root)],
        }

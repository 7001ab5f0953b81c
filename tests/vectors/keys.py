#!/usr/bin/env python3
"""Writes keys/*: private keys, one a file, as other programs write them and as nobody should.

Needs Python's standard library, `openssl` 3 and `ssh-keygen`. The keys are new each time; the output is committed, so that
the tests need none of this, and this script so that a reader can see how each file was made. The keys are published here
and so sign for nobody. A file has header lines, an empty line, and what stands in the file of the key:

    expect: the code of the refusal, or `ok`
    passphrase: what it is read with, where it is read with one
    same-as: for `ok`, the vector with the same key in another form
    comment: what it is about
"""

import base64
import os
import subprocess
import tempfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keys")
SEEN = set()
SECRET = "correct horse"


def write(title, expect, text, comment, passphrase=None, same_as=None):
    assert title not in SEEN, title
    SEEN.add(title)
    lines = [f"expect: {expect}"]
    lines += [f"passphrase: {passphrase}"] if passphrase else []
    lines += [f"same-as: {same_as}"] if same_as else []
    lines += [f"comment: {comment}", "", ""]
    with open(os.path.join(HERE, title), "w", encoding="utf-8", newline="") as file:
        file.write("\n".join(lines) + text)


def openssl(*args, stdin=""):
    done = subprocess.run(["openssl", *args], input=stdin.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, (args, done.stderr.decode())
    return done.stdout.decode()


# DER and PEM


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def seq(*parts):
    return tlv(0x30, *parts)


def integer(value):
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value):
    return tlv(0x04, value)


def bits(value, unused=0):
    return tlv(0x03, bytes([unused]), value)


def oid(text):
    first, second, *rest = map(int, text.split("."))
    body = b""
    for number in [40 * first + second, *rest]:
        part = [number & 0x7F]
        while number := number >> 7:
            part.append(0x80 | number & 0x7F)
        body += bytes(reversed(part))
    return tlv(0x06, body)


def pem(der, label="PRIVATE KEY"):
    body = base64.b64encode(der).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def unpem(text):
    return base64.b64decode("".join(line for line in text.splitlines() if not line.startswith("-")))


NULL = tlv(0x05)
P256 = seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7"))
ED25519 = seq(oid("1.3.101.112"))
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def ec_key(private, public=None, curve=None, version=1):
    parts = [integer(version), octets(private)]
    parts += [tlv(0xA0, curve)] if curve else []
    parts += [tlv(0xA1, bits(public))] if public else []
    return seq(*parts)


def pkcs8(private, algorithm=P256, public=None, version=None):
    """OneAsymmetricKey; `public` is the whole field [1]."""
    version = (1 if public else 0) if version is None else version
    return seq(integer(version), algorithm, octets(private), public or b"")


def public_field(public):
    return tlv(0x81, b"\0", public)


# The keys that most files are made of


def new(*args):
    return openssl("genpkey", *args)


def numbers(text):
    """The private number and the point of a P-256 key, out of OpenSSL's text."""
    shown = openssl("pkey", "-noout", "-text", stdin=text)
    private, public = shown.split("priv:")[1].split("pub:")
    public = public.split("ASN1")[0]
    return [bytes.fromhex("".join(part.split()).replace(":", ""))[-size:] for part, size in [(private, 32), (public, 65)]]


EC = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
one, other = new(*EC), new(*EC)
private, point = numbers(one)
private, point = private.rjust(32, b"\0"), point
_, other_point = numbers(other)
ed = new("-algorithm", "ED25519")
ed_seed = unpem(ed)[-32:]
ed_public = unpem(openssl("pkey", "-pubout", stdin=ed))[-32:]
other_ed_public = unpem(openssl("pkey", "-pubout", stdin=new("-algorithm", "ED25519")))[-32:]
compressed = bytes([2 | point[-1] & 1]) + point[1:33]


def good():
    write("ok-p256", "ok", one, "as `openssl genpkey` writes it")
    write("ok-p256-crlf", "ok", one.replace("\n", "\r\n"), "line breaks of Windows", same_as="ok-p256")
    write("ok-p256-space", "ok", f"\n  \n{one}\n\n", "white space around", same_as="ok-p256")
    body = base64.b64encode(unpem(one)).decode()
    line = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"
    write("ok-p256-one-line", "ok", line, "a body in one line, as YAML of secrets has it", same_as="ok-p256")
    write("ok-p256-bare", "ok", pem(pkcs8(ec_key(private))), "without the public half", same_as="ok-p256")
    curve = pkcs8(ec_key(private, point, oid("1.2.840.10045.3.1.7")))
    write("ok-p256-curve", "ok", pem(curve), "the curve is named in both places, as Java writes it", same_as="ok-p256")
    write("ok-p256-compressed", "ok", pem(pkcs8(ec_key(private, compressed))), "a compressed point", same_as="ok-p256")
    second = pkcs8(ec_key(private), public=public_field(point))
    write("ok-p256-v2", "ok", pem(second), "version 2, with the public half outside", same_as="ok-p256")
    write("ok-ed25519", "ok", ed, "as `openssl genpkey` writes it")
    second = pkcs8(octets(ed_seed), ED25519, public_field(ed_public))
    write("ok-ed25519-v2", "ok", pem(second), "version 2, with the public half", same_as="ok-ed25519")
    example = """-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
"""
    write("ok-ed25519-attributes", "ok", example, "the example of RFC 8410, section 10.3, which has attributes")


def not_one_block():
    write("form-empty", "key-form", "\n", "nothing")
    write("form-text", "key-form", "loot\n", "no PEM")
    write("form-before", "key-form", f"Bag Attributes\n{one}", "words before the block, as `openssl pkcs12` writes them")
    write("form-no-end", "key-form", one.replace("-----END PRIVATE KEY-----", ""), "no end")
    write("form-other-end", "key-form", one.replace("END PRIVATE", "END PUBLIC"), "the end of another block")
    write("form-base64", "key-form", one.replace("M", "!", 1), "not base64")
    write("form-padding", "key-form", pem(unpem(one)[:-1]).replace("=", ""), "base64 without its padding")
    header = one.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1)
    write("form-header", "key-form", header, "headers of the old PEM, which PKCS#8 has none of")
    write("form-der", "key-form", "0\x01\x02", "DER without PEM")
    write("several-twice", "key-several", one + other, "two keys, of which one would have to be guessed")
    certificate = openssl("req", "-x509", "-new", "-key", "/dev/stdin", "-subj", "/CN=a", "-days", "1", stdin=one)
    write("several-certificate", "key-several", one + certificate, "a key and its certificate")
    write("trailing", "key-trailing", f"{one}more\n", "something behind the block")
    write("certificate", "key-certificate", certificate, "a certificate")
    write("public", "key-public", openssl("pkey", "-pubout", stdin=one), "the other half")
    write("public-rsa", "key-public", openssl("rsa", "-RSAPublicKey_out", stdin=rsa), "the other half of an RSA key")


def other_forms():
    old = openssl("ec", stdin=one)
    write("old-form", "key-old-form", old, "SEC 1, as `openssl ec` writes it")
    both = openssl("ecparam", "-name", "prime256v1", "-genkey")
    write("old-form-parameters", "key-old-form", both, "as `openssl ecparam -genkey` writes it")
    locked = openssl("ec", "-aes256", "-passout", f"pass:{SECRET}", stdin=one)
    write("old-form-encrypted", "key-old-form", locked, "SEC 1 behind a passphrase")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
        with open(path, encoding="utf-8") as file:
            write("openssh", "key-openssh", file.read(), "as `ssh-keygen` writes it")
    # The frame of cosign's keys (securesystemslib): JSON with scrypt's numbers, a nonce and the box.
    box = b'{"kdf":{"name":"scrypt","params":{"N":65536,"r":8,"p":1},"salt":""},"cipher":{},"ciphertext":""}'
    for name in ["SIGSTORE", "COSIGN"]:
        text = pem(box, f"ENCRYPTED {name} PRIVATE KEY")
        write(f"cosign-{name.lower()}", "key-cosign", text, "as `cosign generate-key-pair` writes it", passphrase=SECRET)
    minisign = "untrusted comment: minisign encrypted secret key\n" + base64.b64encode(b"EdScB2" + bytes(152)).decode()
    write("minisign", "key-minisign", f"{minisign}\n", "as `minisign -G` writes it")


def malformed():
    def bad(name, der, comment):
        write(f"pkcs8-{name}", "key-structure", pem(der), comment)

    der = unpem(one)
    bad("empty", b"", "nothing in the block")
    bad("cut", der[:-1], "cut off")
    bad("longer", der + b"\0", "a byte behind it")
    bad("indefinite", b"\x30\x80" + der[2 if der[1] < 128 else 3 :] + b"\0\0", "a length in BER")
    bad("version", pkcs8(ec_key(private), version=2), "a version that there is not")
    bad("version-1-public", pkcs8(ec_key(private), public=public_field(point), version=0), "version 1 has no public half")
    bad("public-bits", pkcs8(ec_key(private), public=tlv(0x81, b"\x01", point)), "a public half of other than whole bytes")
    bad("short", pkcs8(ec_key(private[1:])), "a number of 31 bytes")
    bad("long", pkcs8(ec_key(b"\0" + private)), "a number of 33 bytes")
    bad("zero", pkcs8(ec_key(bytes(32))), "the number 0, which is no key")
    bad("order", pkcs8(ec_key(ORDER.to_bytes(32, "big"))), "the order of the curve, which is as good as 0")
    bad("beyond", pkcs8(ec_key(b"\xff" * 32)), "a number beyond the order of the curve")
    bad("inner-version", pkcs8(ec_key(private, version=2)), "a version of ECPrivateKey that there is not")
    bad("inner-curve", pkcs8(ec_key(private, None, oid("1.3.132.0.34"))), "P-256 outside, P-384 inside")
    bad("inner-longer", pkcs8(ec_key(private) + b"\0"), "a byte behind ECPrivateKey")
    bad("no-curve", pkcs8(ec_key(private), seq(oid("1.2.840.10045.2.1"))), "an elliptic curve, and nobody says which")
    hidden = seq(integer(1), octets(private), tlv(0xA0, oid("1.2.840.10045.3.1.7")), tlv(0xA0, bits(other_point)))
    bad("inner-twice", pkcs8(hidden), "a public half of another key, where a reader that skips fields does not see it")
    twice = seq(integer(1), P256, octets(ec_key(private)), tlv(0xA0), tlv(0xA0, bits(other_point)))
    bad("twice", twice, "attributes twice")
    bad("public-constructed", pkcs8(ec_key(private), public=tlv(0xA1, bits(point))), "the public half wrapped, as ring wrote it")
    bad("ed25519-short", pkcs8(octets(ed_seed[1:]), ED25519), "a seed of 31 bytes")
    bad("ed25519-bare", pkcs8(ed_seed, ED25519), "a seed that is not wrapped twice")
    bad("ed25519-null", pkcs8(octets(ed_seed), seq(oid("1.3.101.112"), NULL)), "parameters, which Ed25519 has none of")

    def apart(name, der, comment):
        write(f"mismatch-{name}", "key-mismatch", pem(der), comment)

    apart("p256", pkcs8(ec_key(private, other_point)), "the public half of another key, inside")
    apart("p256-outside", pkcs8(ec_key(private, point), public=public_field(other_point)), "of another key, outside")
    apart("p256-both", pkcs8(ec_key(private, other_point), public=public_field(point)), "of another key, in one of two")
    apart("p256-sign", pkcs8(ec_key(private, bytes([compressed[0] ^ 1]) + compressed[1:])), "the point on the other side")
    apart("ed25519", pkcs8(octets(ed_seed), ED25519, public_field(other_ed_public)), "the public half of another key")


def algorithms():
    def no(name, text, comment):
        write(f"algorithm-{name}", "key-algorithm", text, comment)

    for curve in ["P-384", "P-521", "secp256k1"]:
        text = new("-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")
        no(curve.lower().replace("-", ""), text, "another curve")
    explicit = new(*EC, "-pkeyopt", "ec_param_enc:explicit")
    no("explicit", explicit, "P-256 by its numbers and not by its name (CVE-2020-0601)")
    no("rsa", rsa, "RSA")
    no("rsa-old", openssl("rsa", "-traditional", stdin=rsa), "RSA in PKCS#1")
    no("rsa-pss", new("-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"), "RSA for PSS alone")
    no("ed448", new("-algorithm", "ED448"), "the larger sister of Ed25519")
    no("x25519", new("-algorithm", "X25519"), "a key for agreements, which signs nothing")
    locked = openssl("pkcs8", "-topk8", "-passout", f"pass:{SECRET}", stdin=rsa)
    write("algorithm-encrypted", "key-algorithm", locked, "RSA behind the right passphrase", passphrase=SECRET)


# Behind a passphrase


def pbes2(salt=b"salt" * 4, iterations=2048, length=None, prf="1.2.840.113549.2.9", cipher="2.16.840.1.101.3.4.1.42", iv=bytes(16), body=bytes(144)):
    kdf = [octets(salt), integer(iterations)]
    kdf += [integer(length)] if length else []
    kdf += [seq(oid(prf), NULL)] if prf else []
    kdf = seq(oid("1.2.840.113549.1.5.12"), seq(*kdf))
    return seq(seq(oid("1.2.840.113549.1.5.13"), seq(kdf, seq(oid(cipher), octets(iv)))), octets(body))


def encrypted():
    def lock(*args, key=one, secret=SECRET):
        return openssl("pkcs8", "-topk8", *args, "-passout", f"pass:{secret}", stdin=key)

    def ok(name, text, comment, secret=SECRET, same_as="ok-p256"):
        write(f"ok-encrypted-{name}", "ok", text, comment, passphrase=secret, same_as=same_as)

    usual = lock()
    ok("usual", usual, "as `openssl pkcs8 -topk8` writes it")
    generated = openssl("genpkey", *EC, "-aes-256-cbc", "-pass", f"pass:{SECRET}")
    ok("genpkey", generated, "as `openssl genpkey -aes-256-cbc` writes it", same_as=None)
    ok("aes-128", lock("-v2", "aes-128-cbc"), "AES-128")
    ok("aes-192", lock("-v2", "aes-192-cbc"), "AES-192")
    ok("sha1", lock("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"), "HMAC-SHA-1, as OpenSSL before 1.1.0 wrote it")
    ok("sha384", lock("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA384"), "HMAC-SHA-384")
    ok("sha512", lock("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512"), "HMAC-SHA-512")
    ok("iterations", lock("-v2", "aes-256-cbc", "-iter", "600000"), "as many iterations as OWASP wants")
    ok("ed25519", lock(key=ed), "Ed25519", same_as="ok-ed25519")
    ok("utf8", lock(secret="pässwörd"), "a passphrase beyond ASCII, as its bytes are", secret="pässwörd")

    write("encrypted", "key-encrypted", usual, "no passphrase")
    write("not-encrypted", "key-not-encrypted", one, "a passphrase where none is needed", passphrase=SECRET)
    write("passphrase", "key-passphrase", usual, "another passphrase", passphrase="wrong horse")
    space = "a passphrase with a space more: nothing of it is cut"
    write("passphrase-space", "key-passphrase", usual, space, passphrase=f"{SECRET} ")
    flipped = unpem(usual)
    flipped = flipped[:-1] + bytes([flipped[-1] ^ 1])
    write("passphrase-flipped", "key-passphrase", pem(flipped, ENCRYPTED), "the right one, and one bit of the key", passphrase=SECRET)

    def no(name, text, comment):
        write(f"encryption-{name}", "key-encryption", text, comment, passphrase=SECRET)

    no("des", lock("-v2", "des3"), "triple DES (Sweet32, CVE-2016-2183)")
    no("scrypt", lock("-scrypt"), "scrypt, which nothing here computes")
    no("pbes1", lock("-v1", "PBE-SHA1-3DES"), "PKCS#12's own scheme")
    no("sha224", lock("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA224"), "HMAC-SHA-224, which nothing here computes")
    no("camellia", lock("-v2", "camellia-256-cbc"), "another cipher")
    many = "key-iterations"
    write("iterations", many, pem(pbes2(iterations=10_000_001), ENCRYPTED), "one more than are done", passphrase=SECRET)
    endless = pem(pbes2(iterations=2**62), ENCRYPTED)
    write("iterations-endless", many, endless, "work for centuries; told before anybody is asked for the passphrase")

    def bad(name, der, comment):
        write(f"pkcs8-encrypted-{name}", "key-structure", pem(der, ENCRYPTED), comment, passphrase=SECRET)

    bad("cut", unpem(usual)[:-1], "cut off")
    bad("longer", unpem(usual) + b"\0", "a byte behind it")
    bad("plain", unpem(one), "a key that is not encrypted, under the label of one that is")
    bad("no-iterations", pbes2(iterations=0), "no iteration at all")
    bad("iterations-beyond", pbes2(iterations=2**80), "more iterations than a number holds")
    bad("iv", pbes2(iv=bytes(8)), "half an initialisation vector")
    bad("length", pbes2(length=16), "a key of 16 bytes for AES-256")
    bad("blocks", pbes2(body=bytes(143)), "a part of a block")
    bad("nothing", pbes2(body=b""), "no block")
    write("pkcs8-under-plain", "key-structure", pem(unpem(usual)), "an encrypted key under the label of a plain one")


ENCRYPTED = "ENCRYPTED PRIVATE KEY"
rsa = new("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")

if __name__ == "__main__":
    os.makedirs(HERE, exist_ok=True)
    for name in os.listdir(HERE):
        os.remove(os.path.join(HERE, name))
    good()
    not_one_block()
    other_forms()
    malformed()
    algorithms()
    encrypted()
    print(f"{len(SEEN)} keys")

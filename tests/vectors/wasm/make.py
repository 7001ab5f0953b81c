#!/usr/bin/env python3
"""Writes the vectors of this folder: one attack on signed WebAssembly a file, and what must still pass (`ok-…`).

    python3 make.py

Needs PyPI's `cryptography`, for Ed25519 alone: files, signatures and keys are put together here, by other code than the one
that reads them. The output is committed, so that the tests need no Python; the same script writes the same bytes. A file
has header lines, an empty line, and bytes in base64:

    expect: `ok`, or the code of the failure
    comment: what it is about
    do: what is done with the bytes (else `verify`): `sign`, `sign-detached`, `attach`, `split WORD`, `strip PARTS|WORD`,
        `public` and `secret` for files of keys
    key: a trusted key in hexadecimal, as often as there are keys (else alice's)
    role: NAME=KEY
    threshold: how many must have signed
    kind: `module` or `component`, where one of them is asked for
    sections: a word for the sections that are asked about (else the whole file)
    detached: a detached signature, in base64
    by: the seed of the key that signs, in hexadecimal, for `sign`
"""

import base64
import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = os.path.dirname(os.path.abspath(__file__))
MODULE, COMPONENT = b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0"
L = 2**252 + 27742317777372353535851937790883648493


class Key:
    def __init__(self, name):
        self.seed = hashlib.sha256(name.encode()).digest()
        self.secret = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hmac.new(self.public, b"key_id", "sha256").digest()[:12]

    def sign(self, message):
        return self.secret.sign(message)


ALICE, BOB, MALLORY = Key("alice"), Key("bob"), Key("mallory")


def leb(value, pad=0):
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        if value or pad > len(out) + 1:
            out += bytes([low | 0x80])
        else:
            return out + bytes([low])


def block(data):
    return leb(len(data)) + data


def section(number, payload, pad=0):
    return bytes([number]) + leb(len(payload), pad) + payload


def custom(name, content=b"", pad=0):
    name = name if isinstance(name, bytes) else name.encode()
    return section(0, block(name) + content, pad)


def delimiter(name):
    return custom("signature_delimiter", hashlib.sha256(name.encode()).digest()[:16])


def hashes(body):
    """The hash at the end of each part of what is behind the signature section."""
    found, at, closed = [], 0, False
    while at < len(body):
        number, shift, size, place = body[at], 0, 0, at + 1
        while True:
            size |= (body[place] & 0x7F) << shift
            shift, place = shift + 7, place + 1
            if body[place - 1] < 0x80:
                break
        at = place + size
        closed = number == 0 and body[place:].startswith(block(b"signature_delimiter"))
        if closed:
            found.append(hashlib.sha256(body[:at]).digest())
    return found if closed else found + [hashlib.sha256(body).digest()]


def message(digests, prefix=b"\1\1\1", domain=b"wasmsig"):
    return domain + prefix + b"".join(digests)


def record(key, signed, key_id=b"", algorithm=1, tail=b""):
    return block(key_id) + bytes([algorithm]) + block(key.sign(signed)) + tail


def hashset(digests, records, tail=b""):
    return leb(len(digests)) + b"".join(digests) + leb(len(records)) + b"".join(block(one) for one in records) + tail


def data(sets, prefix=b"\1\1\1", tail=b""):
    return prefix + leb(len(sets)) + b"".join(block(one) for one in sets) + tail


def signature(body, *keys):
    """Signature data over all parts of a body, as wasmsign2 writes it."""
    digests = hashes(body)
    return data([hashset(digests, [record(key, message(digests)) for key in keys])])


def signed(body, *keys, header=MODULE):
    return header + custom("signature", signature(body, *(keys or (ALICE,)))) + body


def with_data(body, content, header=MODULE):
    return header + custom("signature", content) + body


TYPE = section(1, b"\1\x60\0\0")
FUNCTION = section(3, b"\1\0")
CODE = section(10, b"\1\2\0\x0b")
BODY = TYPE + FUNCTION + CODE
DEBUG, NAME = custom(".debug_info", b"where it all is"), custom("name", b"who it all is")
PARTS = BODY + delimiter("1") + DEBUG + delimiter("2") + NAME + delimiter("3")
FIRST = BODY + delimiter("1")
INNER = section(1, MODULE + BODY)
PLAIN = MODULE + BODY


def write(name, expect, comment, payload, **headers):
    lines = [f"expect: {expect}", f"comment: {comment}"]
    for header, values in headers.items():
        for value in values if isinstance(values, list) else [values]:
            lines.append(f"{header}: {value}")
    text = base64.b64encode(payload).decode()
    lines += [""] + [text[at : at + 100] for at in range(0, len(text), 100)]
    with open(os.path.join(HERE, name), "w") as file:
        file.write("\n".join(lines) + "\n")


def b64(data):
    return base64.b64encode(data).decode()


def containers():
    write("magic", "wasm-magic", "text", b"(module)")
    write("version-2", "wasm-version", "a version that there is not", signed(BODY, header=b"\0asm\2\0\0\0"))
    write("version-0c", "wasm-version", "components as of 2023", signed(BODY, header=b"\0asm\x0c\0\1\0"))
    write("truncated-header", "wasm-truncated", "six bytes", MODULE[:6])
    write("truncated-nothing", "wasm-truncated", "no bytes", b"")
    write("truncated-4gib", "wasm-truncated", "a few bytes that claim 4 GiB", MODULE + b"\0\xff\xff\xff\xff\x0f\x09signature")
    write("name-4gib", "wasm-name", "a name of 4 GiB", MODULE + b"\0\xff\xff\xff\xff\x0f\xf0\xff\xff\xff\x0f")
    write("truncated-last", "wasm-truncated", "the last byte is gone", signed(BODY)[:-1])
    write("truncated-length", "wasm-truncated", "it ends in a length", signed(BODY) + b"\0\x80")
    write("truncated-sign", "wasm-truncated", "signing what ends in the middle of a section", PLAIN[:-1], do="sign")
    write("truncated-sign-detached", "wasm-truncated", "the same, beside the file", PLAIN[:-1], do="sign-detached")
    write("number-six-bytes", "wasm-number", "a length of six bytes", MODULE + b"\0\x89\x80\x80\x80\x80\0" + BODY)
    write("number-overflow", "wasm-number", "a length beyond 32 bits", MODULE + b"\0\xff\xff\xff\xff\x1f" + BODY)
    write("number-name", "wasm-number", "the length of a name beyond 32 bits", MODULE + section(0, b"\xff\xff\xff\xff\x1f"))
    write("ok-padded", "ok", "lengths as Go writes them, signed as they are",
          signed(section(1, b"\1\x60\0\0", 5) + section(3, b"\1\0", 5) + section(10, b"\1\2\0\x0b", 5)))
    padded = custom("signature", signature(BODY, ALICE), 5)
    write("ok-padded-signature", "ok", "a padded length of the signature section, which nobody signs", MODULE + padded + BODY)
    write("padded-resigned", "wasm-changed", "padding that came after the signature: raw bytes are what is signed",
          MODULE + custom("signature", signature(BODY, ALICE)) + section(1, b"\1\x60\0\0", 5) + FUNCTION + CODE)
    write("section-unknown", "wasm-section", "a section that nobody knows", signed(BODY + section(14, b"\0")))
    write("section-twice", "wasm-section", "a section twice", signed(TYPE + TYPE))
    write("section-order", "wasm-section", "sections in another order", signed(CODE + TYPE))
    write("section-none-behind", "wasm-section", "a list of no items with something behind", signed(section(5, b"\0\0")))
    write("section-as-component", "wasm-section", "a signed module turned into a component by its header",
          signed(BODY, header=MODULE).replace(MODULE, COMPONENT, 1))
    write("section-as-module", "wasm-section", "a signed component turned into a module by its header",
          signed(INNER, header=COMPONENT).replace(COMPONENT, MODULE, 1))
    write("ok-component", "ok", "a component", signed(INNER, header=COMPONENT))
    write("ok-empty", "ok", "a module without sections, signed", signed(b""))
    write("name-not-utf8", "wasm-name", "a name that is no text", signed(custom(b"\xff\xfe") + BODY))
    write("name-none", "wasm-name", "a custom section without a name", signed(section(0, b"") + BODY))
    write("name-too-long", "wasm-name", "a name that is longer than its section", signed(section(0, b"\x09sign") + BODY))
    write("signature-last", "wasm-signature-place", "a signature section that is not the first",
          MODULE + BODY + custom("signature", signature(BODY, ALICE)))
    nested = custom("signature", signature(BODY, MALLORY)) + BODY
    write("signature-twice", "wasm-signature-place", "a second signature section, even one that the first signs",
          signed(nested))


def payloads():
    digests = hashes(BODY)
    text = message(digests)
    good = hashset(digests, [record(ALICE, text)])
    whole = data([good])
    write("signature-short", "wasm-signature-short", "signature data that ends early", with_data(BODY, whole[:-1]))
    write("signature-empty", "wasm-signature-short", "no signature data", with_data(BODY, b""))
    write("signature-short-4gib", "wasm-signature-short", "a set of 4 GiB",
          with_data(BODY, b"\1\1\1\1\xff\xff\xff\xff\x0f"))
    write("signature-number", "wasm-signature-number", "a count of six bytes",
          with_data(BODY, b"\1\1\1\x81\x80\x80\x80\x80\0" + block(good)))
    write("ok-padded-count", "ok", "a padded count", with_data(BODY, b"\1\1\1\x81\x80\x80\x80\0" + block(good)))
    write("signature-behind", "wasm-signature-behind", "bytes behind the last set, which nobody signed",
          with_data(BODY, data([good], tail=b"xx")))
    write("signature-behind-record", "wasm-signature-behind", "bytes behind the last record of a set",
          with_data(BODY, data([good + b"xx"])))
    write("signature-keyless", "wasm-signature-keyless", "wsc's keyless version", with_data(BODY, b"\2" + whole[1:]))
    for version in (0, 127):
        prefix = bytes([version, 1, 1])
        own = hashset(digests, [record(ALICE, message(digests, prefix))])
        write(f"signature-version-{version}", "wasm-signature-version", "signed validly under another version",
              with_data(BODY, data([own], prefix)))
    for name, prefix in (("content", b"\1\2\1"), ("hash", b"\1\1\2")):
        own = hashset(digests, [record(ALICE, message(digests, prefix))])
        write(f"signature-{name}", f"wasm-signature-{name}", f"signed validly under another {name} type",
              with_data(BODY, data([own], prefix)))
    old = hashset(digests, [record(ALICE, message(digests, b"\1\1"))])
    write("signature-before-2025", "wasm-signature-too-many", "the format before December 2025, without a content type",
          with_data(BODY, data([old], b"\1\1")))
    write("signature-65-sets", "wasm-signature-too-many", "more sets than anybody needs",
          with_data(BODY, data([good] + [b"\0\0"] * 64)))
    write("signature-sets-4gib", "wasm-signature-too-many", "four thousand million sets in no bytes",
          with_data(BODY, b"\1\1\1\xff\xff\xff\xff\x0f"))
    many = hashset([b"\0" * 32] * 65, [])
    write("signature-65-hashes", "wasm-signature-too-many", "more hashes than anybody needs", with_data(BODY, data([good, many])))
    write("signature-257-records", "wasm-signature-too-many", "more records than anybody needs",
          with_data(BODY, data([hashset(digests, [record(ALICE, text)] + [b""] * 256)])))
    write("ok-256-records", "ok", "as many records as there may be, the good one last",
          with_data(BODY, data([hashset(digests, [b""] * 255 + [record(ALICE, text)])])))
    write("ok-unknown-record", "ok", "another algorithm before the good record, and bytes that are no record",
          with_data(BODY, data([hashset(digests, [record(BOB, text, algorithm=2), b"\xff", record(ALICE, text)])])))
    chain = b"\2" + block(b"one certificate") + block(b"another")
    write("ok-certificates", "ok", "certificates behind a record, as wsc appends them",
          with_data(BODY, data([hashset(digests, [record(ALICE, text, tail=chain)])])))
    write("ok-tail", "ok", "any bytes behind a record",
          with_data(BODY, data([hashset(digests, [record(ALICE, text, tail=b"\xff\xff")])])))
    write("unknown-algorithm", "wasm-signature-unknown", "a good signature under another algorithm's number",
          with_data(BODY, data([hashset(digests, [record(ALICE, text, algorithm=2)])])))
    longer = b"\0\1" + block(ALICE.sign(text) + b"\0")
    write("unknown-65-bytes", "wasm-signature-unknown", "a signature of 65 bytes", with_data(BODY, data([hashset(digests, [longer])])))
    write("unknown-no-records", "wasm-signature-unknown", "a set that nobody signed", with_data(BODY, data([hashset(digests, [])])))
    write("unknown-no-sets", "wasm-signature-unknown", "signature data without sets", with_data(BODY, data([])))
    write("no-hashes", "wasm-untrusted", "a set without hashes, signed validly",
          with_data(BODY, data([hashset([], [record(ALICE, message([]))])])))


def signers():
    digests = hashes(BODY)
    text = message(digests)
    write("unsigned", "wasm-unsigned", "no signature", PLAIN)
    write("unsigned-name-case", "wasm-unsigned", "the section by another name",
          MODULE + custom("Signature", signature(BODY, ALICE)) + BODY)
    write("unsigned-name-nul", "wasm-unsigned", "the section by a longer name",
          MODULE + custom(b"signature\0", signature(BODY, ALICE)) + BODY)
    write("unsigned-nested", "wasm-unsigned", "a component that holds a signed module, and is not signed itself",
          COMPONENT + section(1, signed(BODY)))
    write("unsigned-strip", "wasm-unsigned", "a cut of what nobody signed", MODULE + PARTS, do="strip 1")
    write("untrusted", "wasm-untrusted", "signed by somebody else", signed(BODY, MALLORY))
    write("untrusted-no-domain", "wasm-untrusted", "signed over the hash alone, as in the draft of 2021",
          with_data(BODY, data([hashset(digests, [record(ALICE, digests[0])])])))
    sound = ALICE.sign(text)
    shifted = sound[:32] + (int.from_bytes(sound[32:], "little") + L).to_bytes(32, "little")
    write("untrusted-s-plus-l", "wasm-untrusted", "S beyond the order of the curve",
          with_data(BODY, data([hashset(digests, [b"\0\1" + block(shifted)])])))
    write("untrusted-transplant", "wasm-untrusted", "alice's signature of another file beside this one's hashes",
          with_data(BODY, data([hashset(digests, [record(ALICE, message([b"\7" * 32]))])])))
    write("invalid", "wasm-invalid", "a record that names alice's key, and is by another",
          with_data(BODY, data([hashset(digests, [record(MALLORY, text, ALICE.id)])])))
    write("ok-key-id", "ok", "a record that names the key", with_data(BODY, data([hashset(digests, [record(ALICE, text, ALICE.id)])])))
    write("ok-wrong-key-id", "ok", "a record that names another key: the name is a hint",
          with_data(BODY, data([hashset(digests, [record(ALICE, text, BOB.id)])])), key=[ALICE.public.hex(), BOB.public.hex()])
    write("ok-spoiled", "ok", "a bad record that names the key, before the good one",
          with_data(BODY, data([hashset(digests, [record(MALLORY, text, ALICE.id), record(ALICE, text)])])))
    both = [ALICE.public.hex(), BOB.public.hex()]
    write("threshold", "wasm-threshold", "one of two", signed(BODY), key=both, threshold="2")
    twice = data([hashset(digests, [record(ALICE, text), record(ALICE, text, b"again")])])
    write("threshold-same-key", "wasm-threshold", "one key twice is one key", with_data(BODY, twice), key=both, threshold="2")
    other = [hashset(digests, [record(ALICE, text)]), hashset([b"\7" * 32], [record(BOB, message([b"\7" * 32]))])]
    write("threshold-other-file", "wasm-threshold", "the second signature is over something else",
          with_data(BODY, data(other)), key=both, threshold="2")
    write("ok-threshold", "ok", "two of two", signed(BODY, ALICE, BOB), key=both, threshold="2")
    split = [hashset(digests, [record(ALICE, text)]), hashset(digests, [record(BOB, text)])]
    write("ok-threshold-sets", "ok", "two of two, in a set each", with_data(BODY, data(split)), key=both, threshold="2")
    roles = [f"build={ALICE.public.hex()}", f"release={BOB.public.hex()}"]
    write("role", "wasm-role", "nobody signed for one role", signed(BODY, ALICE, MALLORY), role=roles, key=[])
    write("ok-role", "ok", "one for each role", signed(BODY, ALICE, BOB), role=roles, key=[])
    write("other-kind", "wasm-other-kind", "a module where a component is meant", signed(BODY), kind="component")
    write("detached-and-embedded", "wasm-has-signature", "two signatures, of which one would be signed content",
          signed(BODY), detached=b64(signature(BODY, ALICE)))
    write("ok-detached", "ok", "a detached signature", PLAIN, detached=b64(signature(BODY, ALICE)))
    write("detached-other", "wasm-changed", "a detached signature of another file", PLAIN, detached=b64(signature(TYPE, ALICE)))


def coverage():
    digests = hashes(PARTS)
    first = data([hashset(digests[:1], [record(ALICE, message(digests[:1]))])])
    flipped = bytearray(signed(BODY))
    flipped[-1] ^= 1
    write("changed", "wasm-changed", "a byte of the code", bytes(flipped))
    write("changed-two-hashes", "wasm-changed", "two hashes for one part, the last of which fits",
          with_data(BODY, data([hashset([b"\7" * 32] + hashes(BODY), [record(ALICE, message([b"\7" * 32] + hashes(BODY)))])])))
    write("partial-appended", "wasm-partial", "a section behind the last delimiter", signed(PARTS) + custom("late"))
    write("changed-appended", "wasm-changed", "a section behind what no delimiter ends", signed(BODY) + custom("late"))
    write("partial-signature", "wasm-partial", "only the first part was signed", with_data(PARTS, first))
    write("cut", "wasm-cut", "a file that was cut at a delimiter, with alice's signature of all of it",
          with_data(FIRST, signature(PARTS, ALICE)))
    write("ok-parts", "ok", "all parts", signed(PARTS))
    write("ok-parts-first", "ok", "the first part of a file that was cut", with_data(FIRST, signature(PARTS, ALICE)), sections="^$")
    write("ok-parts-debug", "ok", "the first parts, and what is behind is not asked about",
          signed(PARTS) + custom("late"), sections="^[.]debug")
    write("part-late", "wasm-partial", "what is behind the last delimiter is asked about", signed(PARTS) + custom("late"), sections="late")
    late = bytearray(signed(PARTS))
    late[late.index(b"where") + 1] ^= 1
    write("part-changed", "wasm-changed", "the part that is asked about", bytes(late), sections=".debug_info")
    write("ok-part-before", "ok", "the part behind what is asked about", bytes(late), sections="^$")
    write("part-no-delimiter", "wasm-no-delimiter", "a part of what has none, which other tools call valid whatever is in it",
          signed(BODY + DEBUG), sections="^[.]debug")
    evil = with_data(custom("evil") + BODY + DEBUG, signature(BODY + DEBUG, ALICE))
    write("part-no-delimiter-evil", "wasm-no-delimiter", "the same with content that nobody signed", evil, sections="^[.]debug")
    write("part-nothing", "wasm-nothing-selected", "nothing is among what is asked about",
          signed(NAME + delimiter("1")), sections="^[.]debug")
    write("part-no-section", "wasm-no-section", "a name that is not there", signed(PARTS), sections=".debug_line")
    dot = signed(BODY + delimiter("1") + NAME)
    write("ok-open-end", "ok", "a last part that the end of the file ends", dot, sections="name")


def edits():
    linked = MODULE + custom("dylink.0", b"\1\4\0\0\0\0") + BODY
    write("dylink-sign", "wasm-dylink", "a signature where the dynamic linker wants its own section", linked, do="sign")
    write("dylink-attach", "wasm-dylink", "the same", linked, do="attach", detached=b64(signature(linked[8:], ALICE)))
    write("ok-dylink-detached", "ok", "beside the file", linked, do="sign-detached")
    write("ok-dylink", "ok", "checked beside the file", linked, detached=b64(signature(linked[8:], ALICE)))
    write("attach-signed", "wasm-has-signature", "a second signature section", signed(BODY), do="attach",
          detached=b64(signature(BODY, BOB)))
    write("detached-of-signed", "wasm-has-signature", "a detached signature of what is signed inside", signed(BODY), do="sign-detached")
    write("signed-already", "wasm-signed-already", "the same key again", signed(BODY), do="sign", by=ALICE.seed.hex())
    write("ok-signed-by-others", "ok", "another key", signed(BODY), do="sign", by=BOB.seed.hex())
    write("sign-keyless", "wasm-signature-keyless", "nothing is put beside what cannot be read",
          with_data(BODY, b"\2\1\1"), do="sign")
    write("split-signed", "wasm-split-signed", "a delimiter into what is signed", signed(BODY + DEBUG), do="split ^$")
    write("split-signed-end", "wasm-split-signed", "a delimiter behind what is signed to the end", signed(BODY), do="split ^.")
    write("ok-split-behind", "ok", "delimiters behind what is signed", signed(FIRST) + DEBUG, do="split ^$")
    mixed = b"".join(custom(name) for name in ["a", "b"] * 33)
    write("too-many-parts", "wasm-too-many-parts", "more parts than a signature has hashes", MODULE + mixed, do="split a")
    write("strip-no-delimiter", "wasm-no-delimiter", "no delimiter to cut at", signed(BODY + DEBUG), do="strip 1")
    write("strip-none", "wasm-no-delimiter", "nothing would be left", signed(PARTS), do="strip 0")
    write("strip-nothing", "wasm-nothing-to-cut", "a name that is not there", signed(PARTS), do="strip .debug_line")
    write("strip-all-there", "wasm-nothing-to-cut", "nothing is behind the cut", signed(PARTS), do="strip 3")
    late = TYPE + delimiter("1") + FUNCTION + CODE + delimiter("2")
    write("strip-code", "wasm-cut-code", "code would go", signed(late), do="strip 1")
    write("strip-unsigned", "wasm-cut-unsigned", "what would be left is not what was signed",
          with_data(PARTS, signature(BODY, ALICE)), do="strip 1")
    write("ok-strip", "ok", "what is left was signed", signed(PARTS), do="strip name")


SPKI, PKCS8 = bytes.fromhex("302a300506032b6570032100"), bytes.fromhex("302e020100300506032b657004220420")


def pem(label, der):
    return f"-----BEGIN {label}-----\n{b64(der)}\n-----END {label}-----\n".encode()


def string(data):
    return struct.pack(">I", len(data)) + data


def openssh(key, cipher=b"none", public=None, name=b"ssh-ed25519"):
    blob = string(name) + string(public or key.public)
    inside = struct.pack(">II", 7, 7) + blob + string(key.seed + key.public) + string(b"alice@example.com")
    inside += bytes(range(1, 1 + -len(inside) % 8))
    kdf = (b"none", b"") if cipher == b"none" else (b"bcrypt", string(b"\0" * 16) + struct.pack(">I", 16))
    outside = b"openssh-key-v1\0" + string(cipher) + string(kdf[0]) + string(kdf[1]) + struct.pack(">I", 1)
    return pem("OPENSSH PRIVATE KEY", outside + string(blob) + string(inside))


def line(key, comment=""):
    return b"ssh-ed25519 " + base64.b64encode(string(b"ssh-ed25519") + string(key.public)) + comment.encode() + b"\n"


def keys():
    raw, secret = b"\1" + ALICE.public, b"\x81" + ALICE.seed + ALICE.public
    names = (b"ssh-rsa", b"sk-ssh-ed25519@openssh.com", b"of-tomorrow@example.com")
    other = b"".join(name + b" " + base64.b64encode(string(name) + b"key") + b" somebody\n" for name in names)
    public = {
        "raw": raw, "der": SPKI + ALICE.public, "pem": pem("PUBLIC KEY", SPKI + ALICE.public),
        "line": line(ALICE, " alice@example.com"), "list": other + line(BOB) + b"# a comment\n\n" + line(ALICE),
        "blocks": pem("PUBLIC KEY", SPKI + BOB.public) + pem("PUBLIC KEY", SPKI + ALICE.public),
    }
    version2 = bytes.fromhex("3051020101300506032b657004220420") + ALICE.seed + bytes.fromhex("812100") + ALICE.public
    private = {
        "raw": secret, "der": PKCS8 + ALICE.seed, "pem": pem("PRIVATE KEY", PKCS8 + ALICE.seed),
        "der-2": version2, "openssh": openssh(ALICE),
    }
    for form, file in public.items():
        write(f"ok-public-{form}", "ok", "a public key, alice's the last", file, do="public")
        write(f"key-public-{form}", "wasm-key-public", "a public key where a private one is meant", file, do="secret")
    for form, file in private.items():
        write(f"ok-secret-{form}", "ok", "a private key", file, do="secret")
        write(f"key-private-{form}", "wasm-key-private", "a private key where a public one is meant", file, do="public")
    write("key-empty", "wasm-key-none", "an empty file", b"", do="public")
    write("key-none", "wasm-key-none", "a list without a key that is read", other, do="public")
    write("key-form-raw32", "wasm-key-form", "a raw key that does not say of what algorithm", ALICE.public, do="public")
    write("key-form-text", "wasm-key-form", "text", b"my key\n", do="public")
    write("key-form-line", "wasm-key-form", "a line that says two algorithms", line(ALICE).replace(b"ssh-ed25519", b"ssh-rsa"), do="public")
    write("key-form-behind", "wasm-key-form", "something behind a key", SPKI + ALICE.public + b"\0", do="public")
    write("key-form-label", "wasm-key-form", "a private key by the label of a public one", pem("PUBLIC KEY", PKCS8 + ALICE.seed), do="public")
    write("key-form-open", "wasm-key-form", "a block without an end", pem("PUBLIC KEY", SPKI + ALICE.public)[:-8], do="public")
    p256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + b"\7" * 64
    write("key-algorithm", "wasm-key-algorithm", "another algorithm", p256, do="public")
    write("key-algorithm-pem", "wasm-key-algorithm", "another algorithm", pem("EC PRIVATE KEY", b"\x30\0"), do="secret")
    write("key-algorithm-openssh", "wasm-key-algorithm", "another algorithm", openssh(ALICE, name=b"ssh-rsa"), do="secret")
    write("key-encrypted", "wasm-key-encrypted", "behind a passphrase", openssh(ALICE, b"aes256-ctr"), do="secret")
    write("key-encrypted-pem", "wasm-key-encrypted", "behind a passphrase", pem("ENCRYPTED PRIVATE KEY", b"\x30\0"), do="secret")
    write("key-halves", "wasm-key-halves", "two halves of two keys", b"\x81" + ALICE.seed + BOB.public, do="secret")
    write("key-halves-openssh", "wasm-key-halves", "two halves of two keys", openssh(ALICE, public=BOB.public), do="secret")
    write("key-several", "wasm-key-several", "two private keys", private["pem"] + private["openssh"], do="secret")
    weak = {
        "one": b"\1" + b"\0" * 31, "one-negative": b"\1" + b"\0" * 30 + b"\x80", "zero": b"\0" * 32,
        "order-8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        "second-spelling": b"\xee" + b"\xff" * 30 + b"\x7f", "third-spelling": b"\xf0" + b"\xff" * 30 + b"\x7f",
    }
    for name, key in weak.items():
        write(f"key-weak-{name}", "wasm-key-weak", "a key that anybody can sign with, or a second spelling", b"\1" + key, do="public")


def main():
    for name in os.listdir(HERE):
        if not name.endswith(".py") and os.path.isfile(os.path.join(HERE, name)):
            os.remove(os.path.join(HERE, name))
    for make in (containers, payloads, signers, coverage, edits, keys):
        make()
    print(len(os.listdir(HERE)) - 1, "files")


if __name__ == "__main__":
    main()

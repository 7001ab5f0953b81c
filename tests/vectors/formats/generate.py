#!/usr/bin/env python3
"""Writes small.*: one small tree in every format that pinfold reads, and `tree`, its tree hash.

Python's standard library only. Run it in this folder; the output is committed, so that the tests need no Python, and this
script so that a reader can see how each file was made. The tree hash is computed here, from the definition (the NAR
serialisation of E. Dolstra's thesis, figure 5.2), so that it does not come from the code that it tests.
"""

import base64
import gzip
import hashlib
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))

# What is in the tree, below one leading folder: files with their mode, a link, an empty folder.
FILES = {"bin/run": (0o755, b"#!/bin/sh\n"), "lib/a.txt": (0o644, b"a" * 300), "lib/b.txt": (0o644, b"")}
LINKS = {"lib/link": "a.txt"}
FOLDERS = ["empty"]


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)


def tar():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, (mode, body) in FILES.items():
            member = tarfile.TarInfo("small/" + path)
            member.size, member.mode = len(body), mode
            archive.addfile(member, io.BytesIO(body))
        for path, target in LINKS.items():
            member = tarfile.TarInfo("small/" + path)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
        for path in FOLDERS:
            member = tarfile.TarInfo("small/" + path)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
    return data.getvalue()


def zipped():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:

        def add(path, mode, body, method=zipfile.ZIP_DEFLATED):
            member = zipfile.ZipInfo("small/" + path)
            member.create_system, member.external_attr, member.compress_type = 3, mode << 16, method
            archive.writestr(member, body)

        for path, (mode, body) in FILES.items():
            add(path, stat.S_IFREG | mode, body)
        for path, target in LINKS.items():
            add(path, stat.S_IFLNK | 0o777, target, zipfile.ZIP_STORED)
        for path in FOLDERS:
            add(path + "/", stat.S_IFDIR | 0o755, b"", zipfile.ZIP_STORED)
    return data.getvalue()


def zstd(data):
    """One frame of one raw block (RFC 8878, sections 3.1.1.1 and 3.1.1.2): no compressor is at hand."""
    assert 256 <= len(data) < 65536 + 256
    single_segment, two_byte_size, last_raw_block = 1 << 5, 1 << 6, 1
    header = struct.pack("<IBH", 0xFD2FB528, single_segment | two_byte_size, len(data) - 256)
    return header + struct.pack("<I", last_raw_block | len(data) << 3)[:3] + data


def nar():
    def text(value):
        return struct.pack("<Q", len(value)) + value + b"\0" * (-len(value) % 8)

    def words(*values):
        return b"".join(text(value if isinstance(value, bytes) else value.encode()) for value in values)

    def node(value):
        if isinstance(value, dict):
            body = words("type", "directory")
            for name in sorted(value):
                body += words("entry", "(", "name", name, "node") + node(value[name]) + words(")")
        elif isinstance(value, str):
            body = words("type", "symlink", "target", value)
        else:
            mode, content = value
            body = words("type", "regular") + (words("executable", "") if mode & 0o100 else b"") + words("contents", content)
        return words("(") + body + words(")")

    root = {}
    for path, value in {**FILES, **LINKS, **{folder: {} for folder in FOLDERS}}.items():
        *folders, name = path.split("/")
        place = root
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return words("nix-archive-1") + node(root)


TAR = tar()
HALF = len(TAR) // 2
write("small.tar", TAR)
write("small.tar.gz", gzip.compress(TAR, mtime=0))
write("small-members.tar.gz", gzip.compress(TAR[:HALF], mtime=0) + gzip.compress(TAR[HALF:], mtime=0))
write("small.tar.xz", lzma.compress(TAR))
write("small.tar.zst", zstd(TAR))
write("small.zip", zipped())
write("tree", b"sha256-" + base64.b64encode(hashlib.sha256(nar()).digest()) + b"\n")

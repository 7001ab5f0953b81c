#!/usr/bin/env python3
"""Writes archive/*: one attack on an unpacker a file, and some oddities that are no attack.

Python's standard library only. Run it in this folder; the output is committed, so that the tests need no Python, and
this script so that a reader can see how each file was made. A file has header lines, an empty line, and the archive
in base64:

    expect: the code of the refusal, or `ok`
    format: what it is packed as
    name: the file's name, where that is the point (else `x.<format>`)
    layout: key=value …, as in a pin
    members: for `ok`, what must come out, in order: path, and `=bytes` (file), `*` (executable), `/` (folder),
             `->target` (symbolic link) or `=>target` (hard link)
    comment: what it is about, and the advisory where there is one

Tar archives start with a good member, so that they are told to be tar archives before the bad one is met.
"""

import base64
import gzip
import lzma
import os
import struct
import zlib

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "archive")
SEEN = set()


def write(title, expect, data, comment, format="tar.gz", name=None, layout=None, members=None):
    assert title not in SEEN, title
    SEEN.add(title)
    if format == "tar.gz" and not data.startswith(b"\x1f"):
        data = gz(data)
    text = base64.b64encode(data).decode()
    lines = [f"expect: {expect}", f"format: {format}"]
    lines += [f"name: {name}"] if name else []
    lines += [f"layout: {layout}"] if layout else []
    lines += [f"members: {members}"] if members else []
    lines += [f"comment: {comment}", ""]
    lines += [text[i : i + 100] for i in range(0, len(text), 100)]
    with open(os.path.join(HERE, title), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


# Packing


def gz(data):
    return gzip.compress(data, mtime=0)


def xz(data, **options):
    return lzma.compress(data, format=lzma.FORMAT_XZ, **options)


def xxh64(data):
    """XXH64 with seed 0, of which Zstandard keeps the low 32 bits."""
    p1, p2, p3, p4, p5 = (
        11400714785074694791,
        14029467366897019727,
        1609587929392839161,
        9650029242287828579,
        2870177450012600261,
    )
    mask = (1 << 64) - 1
    rotate = lambda x, r: ((x << r) | (x >> (64 - r))) & mask
    step = lambda acc, lane: rotate((acc + lane * p2) & mask, 31) * p1 & mask
    at = 0
    if len(data) >= 32:
        v = [(p1 + p2) & mask, p2, 0, (-p1) & mask]
        while at + 32 <= len(data):
            for i in range(4):
                v[i] = step(v[i], int.from_bytes(data[at + 8 * i : at + 8 * i + 8], "little"))
            at += 32
        h = sum(rotate(x, r) for x, r in zip(v, (1, 7, 12, 18))) & mask
        for x in v:
            h = ((h ^ step(0, x)) * p1 + p4) & mask
    else:
        h = p5
    h = (h + len(data)) & mask
    while at + 8 <= len(data):
        h = (rotate(h ^ step(0, int.from_bytes(data[at : at + 8], "little")), 27) * p1 + p4) & mask
        at += 8
    if at + 4 <= len(data):
        h = (rotate(h ^ (int.from_bytes(data[at : at + 4], "little") * p1 & mask), 23) * p2 + p3) & mask
        at += 4
    for byte in data[at:]:
        h = rotate(h ^ (byte * p5 & mask), 11) * p1 & mask
    h = (h ^ (h >> 33)) * p2 & mask
    h = (h ^ (h >> 29)) * p3 & mask
    return h ^ (h >> 32)


def zst(data, checksum=None, window=0x50, dictionary=None, declared=None):
    """One frame of raw and run-length blocks; window 0x50 is 1 MiB."""
    flags = 0x04 | (0x03 if dictionary else 0) | (0xC0 if declared is not None else 0)
    frame = struct.pack("<IBB", 0xFD2FB528, flags, window)
    if dictionary:
        frame += struct.pack("<I", dictionary)
    if declared is not None:
        frame += struct.pack("<Q", declared)
    chunks = [data[i : i + 512] for i in range(0, len(data), 512)] or [b""]
    for i, chunk in enumerate(chunks):
        last = i + 1 == len(chunks)
        run = len(set(chunk)) == 1
        frame += struct.pack("<I", last | (run << 1) | (len(chunk) << 3))[:3]
        frame += chunk[:1] if run else chunk
    return frame + struct.pack("<I", (xxh64(data) & 0xFFFFFFFF) if checksum is None else checksum)


# tar


def header(
    name,
    size=0,
    kind=b"0",
    mode=0o644,
    link=b"",
    magic=b"ustar\x0000",
    prefix=b"",
    checksum=None,
    raw_size=None,
    raw_mode=None,
    raw_mtime=None,
    tail=b"",
):
    """A header block. `prefix` is what stands from byte 345 on, in whatever flavour."""
    block = bytearray(512)
    put = lambda at, value: block.__setitem__(slice(at, at + len(value)), value)
    put(0, name)
    put(100, raw_mode or b"%07o\0" % mode)
    put(108, b"0000000\0")
    put(116, b"0000000\0")
    put(124, raw_size or b"%011o\0" % size)
    put(136, raw_mtime or b"00000000000\0")
    put(156, kind)
    put(157, link)
    put(257, magic)
    put(345, prefix)
    put(148, b" " * 8)
    put(148, checksum or b"%06o\0 " % sum(block))
    return bytes(block)


def pad(data):
    return data + bytes(-len(data) % 512)


def entry(name, data=b"", **fields):
    name = name if isinstance(name, bytes) else name.encode()
    fields.setdefault("size", len(data))
    return header(name, **fields) + pad(data)


def symlink(name, target, **fields):
    return entry(name, kind=b"2", mode=0o777, link=target if isinstance(target, bytes) else target.encode(), **fields)


def hardlink(name, target, data=b"", **fields):
    return entry(name, data, kind=b"1", link=target.encode(), **fields)


def folder(name, **fields):
    fields.setdefault("mode", 0o755)
    return entry(name, kind=b"5", **fields)


def record(key, value):
    key = key if isinstance(key, bytes) else key.encode()
    value = value if isinstance(value, bytes) else value.encode()
    body = b" " + key + b"=" + value + b"\n"
    length = len(body)
    while length != len(body) + len(str(length)):
        length = len(body) + len(str(length))
    return str(length).encode() + body


def pax(*records, kind=b"x"):
    return entry("PaxHeaders/x", b"".join(record(*r) if isinstance(r, tuple) else r for r in records), kind=kind)


def longname(name, kind=b"L"):
    return entry("././@LongLink", name + b"\0", kind=kind, magic=b"ustar  \0")


END = bytes(1024)
GOOD = entry("a/good.txt", b"good\n")
EVIL = entry("evil", b"evil\n")


def tar(*parts):
    return b"".join((GOOD,) + parts + (END,))


# zip


def extra(id, data):
    return struct.pack("<HH", id, len(data)) + data


def zipped(name, data=b"", **given):
    """One member: what both headers say, and `local_…` or `central_…` where one of them is to say something else."""
    name = name if isinstance(name, bytes) else name.encode()
    e = dict(name=name, data=data, method=8, flags=0, host=3, mode=0o100644, attributes=None, before=b"", after=b"")
    e.update(given)
    if e["method"] == 8:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = deflate.compress(data) + deflate.flush()
    else:
        packed = data
    e.setdefault("packed", packed)
    e.setdefault("crc", zlib.crc32(data))
    e.setdefault("size", len(data))
    e.setdefault("extra", b"")
    return e


def zipfile(*entries, comment=b"", end=None, lead=b"", gap=b"", central_tail=b""):
    out, central = lead, b""
    for e in entries:
        say = lambda side, key: e.get(f"{side}_{key}", e[key])
        e["packed_size"] = len(e["packed"])
        out += e["before"]
        offset = len(out) if "offset" not in e else e["offset"]
        side = "local"
        later = e["flags"] & 8 and not e.get("sums_in_local")
        sums = (0, 0, 0) if later else (say(side, "crc"), say(side, "packed_size"), say(side, "size"))
        out += struct.pack("<IHHHIIIIHH", 0x04034B50, 20, say(side, "flags"), say(side, "method"), 0x00210000, *sums,
                           len(say(side, "name")), len(say(side, "extra")))
        out += say(side, "name") + say(side, "extra") + e["packed"]
        if e["flags"] & 8:
            sums = e.get("descriptor", struct.pack("<III", e["crc"], len(e["packed"]), e["size"]))
            out += (b"PK\x07\x08" if e.get("signed", True) else b"") + sums
        out += e["after"]
        side = "central"
        attributes = e["attributes"] if e["attributes"] is not None else e["mode"] << 16
        central += struct.pack("<IHHHHIIIIHHHHHII", 0x02014B50, 20 | e["host"] << 8, 20, say(side, "flags"),
                               say(side, "method"), 0x00210000, say(side, "crc"), say(side, "packed_size"),
                               say(side, "size"), len(say(side, "name")), len(say(side, "extra")), 0,
                               e.get("disk", 0), 0, attributes, offset)
        central += say(side, "name") + say(side, "extra")
    out += gap
    fields = dict(disk=0, start=0, here=len(entries), members=len(entries), size=len(central) + len(central_tail),
                  offset=len(out))
    fields.update(end or {})
    out += central + central_tail
    return out + struct.pack("<IHHHHIIH", 0x06054B50, *fields.values(), len(comment)) + comment


ZGOOD = lambda: zipped("a/good.txt", b"good\n")


def names():
    for title, name, comment in [
        ("name-absolute", "/etc/evil", "an absolute name (CVE-2007-4559)"),
        ("name-dot-dot", "a/../../evil", "a name that climbs out (CVE-2007-4559)"),
        ("name-dot", "a/./evil", "a component `.`, by which two names become one"),
        ("name-dot-twice", "././evil", "only one leading `./` is how tar writes names"),
        ("name-empty-component", "a//evil", "two separators: absolute once a component is stripped"),
        ("name-backslash", "a\\..\\..\\evil", "a separator on Windows (CVE-2021-37713)"),
        ("name-drive", "c:/evil", "a drive letter (CVE-2021-37713)"),
        ("name-drive-relative", "c:evil", "relative to the current folder of a drive (CVE-2021-37713)"),
        ("name-control", "a/\x1b]0;evil\x07", "control characters, which a terminal obeys"),
        ("name-control-c1", "a/\u0085evil", "a control character beyond ASCII"),
        ("name-too-long", "a/" * 20 + "b" * 256, "a component longer than NAME_MAX"),
        ("name-too-deep", "d/" * 64 + "x", "deeper than 64 folders"),
    ]:
        code = next(c for c in ("dot-dot", "dot", "absolute", "empty-component", "backslash", "drive", "control",
                                "too-long", "too-deep") if title.startswith("name-" + c))
        encoded = name.encode()
        member = EVIL if len(encoded) > 100 else entry(encoded, b"evil\n")
        before = pax(("path", encoded)) if len(encoded) > 100 else b""
        write(title, "name-" + code, tar(before + member), comment)
    write("name-empty", "name-empty", tar(entry("", b"evil\n")), "a file without a name")
    write("name-not-utf8", "name-not-utf8", tar(entry(b"a/\xff\xfe", b"evil\n")), "a name in no known encoding")
    write("name-control-pax", "pax-value", tar(pax(("path", b"a/evil\0.txt")), EVIL),
          "a NUL in a PAX path: C readers stop at it and others do not")
    write("name-too-long-pax", "name-too-long", tar(pax(("path", "a/b/" * 300 + "x")), EVIL), "longer than a path may be")
    write("name-dot-dot-excluded", "name-dot-dot", tar(entry("../evil", b"evil\n")),
          "a bad name refuses although nobody wants the member", layout="exclude=evil")
    write("name-root-folder", "name-absolute", tar(folder("/")), "the root of the file system as a folder")
    repository(tar)
    write("strip-absolute", "name-empty-component", tar(entry("package//etc/evil", b"evil\n")),
          "absolute after strip; GNU tar writes it to the absolute path", layout="strip=1")
    write("strip-drive", "name-drive", tar(entry("package/c:/evil", b"evil\n")),
          "a drive letter after strip: so names are checked again", layout="strip=1")
    write("strip-too-few", "strip-too-few", tar(entry("README", b"text\n")),
          "a file with nothing left after strip is not dropped silently", layout="strip=1")


def repository(tar):
    fsmonitor = b'[core]\n\tfsmonitor = "id > ran; false"\n'
    ref = b"ref: refs/heads/main\n"
    n = lambda title, members, comment, **given: write("name-reserved-" + title, "name-reserved", tar(*members), comment, **given)
    for title, name in [("git", ".git"), ("case", ".GIT"), ("ignorable", ".g\u200cit"), ("dot", ".git."), ("blank", ".git "),
                        ("stream", ".git::$INDEX_ALLOCATION"), ("short", "GIT~1")]:
        n(title, [entry(f"lib/{name}/config", fsmonitor)], "git runs core.fsmonitor of a repository that it stands in (CVE-2014-9390, CVE-2019-1352)")
    n("file", [entry(".git", b"gitdir: elsewhere\n")], "a file that says where the repository is")
    n("link", [symlink(".git", "a")], "a link to a repository under another name")
    n("folder", [folder("lib/.git/")], "a folder that git may come to fill")
    n("copy", [hardlink(".git", "a/good.txt")], "a file that says where the repository is, as a copy")
    n("strip", [entry("package/.git/config", fsmonitor)], "a repository at the top of the tree", layout="strip=1 include=.git/*")
    bare = lambda at: [entry(at + "HEAD", ref), entry(at + "config", fsmonitor), folder(at + "objects/"), folder(at + "refs/")]
    n("bare", bare(""), "a repository without a name: git finds it by its shape", layout="exclude=a/*")
    n("bare-below", bare("test/fixture/"), "a repository without a name, below")
    n("bare-case", [entry("x/head", ref), entry("x/Objects/y", b"x"), entry("x/refs./y", b"x")], "a repository where case and dots do not count")
    n("bare-link", [symlink("x/HEAD", "refs/y"), entry("x/refs/y", b"x"), symlink("x/objects", "refs")], "a repository of links")
    n("bare-executable", [entry("x/HEAD", ref), entry("x/objects", b"x", mode=0o755), entry("x/refs", b"x", mode=0o755)],
      "git asks only whether it may enter objects and refs, and an executable file will do")
    n("common", [entry("x/HEAD", ref), entry("x/commondir", b"../y\n")], "a repository whose objects are elsewhere")


def sets():
    write("duplicate", "duplicate", tar(EVIL, entry("evil", b"other\n")), "the same path twice: the last wins, or the first")
    write("duplicate-same-content", "duplicate", tar(EVIL, EVIL), "the same path twice, with the same content")
    write("duplicate-dot-slash", "duplicate", tar(EVIL, entry("./evil", b"other\n")), "the same path, with `./` before it")
    write("duplicate-file-folder", "duplicate", tar(EVIL, folder("evil/")), "a file, then a folder of its name")
    write("duplicate-folder-file", "duplicate", tar(folder("evil/"), EVIL), "a folder, then a file of its name")
    write("duplicate-link-file", "duplicate", tar(symlink("evil", "a/good.txt"), EVIL),
          "a link, then a file of its name: written through the link (CVE-2021-32804)")
    write("duplicate-after-strip", "duplicate", b"".join([entry("a/x", b"1"), entry("b/x", b"2"), END]),
          "two paths that strip makes one", layout="strip=1")
    write("collision-case", "collision", tar(entry("Evil", b"1"), entry("eVIL", b"2")), "one file on macOS and Windows (CVE-2021-37712)")
    write("collision-unicode-form", "collision", tar(entry("caf\u00e9", b"1"), entry("cafe\u0301", b"2")),
          "one file on macOS: composed and decomposed (CVE-2021-37712)")
    write("collision-sharp-s", "collision", tar(entry("stra\u00dfe", b"1"), entry("STRASSE", b"2")),
          "one file on APFS: ß folds to ss (CVE-2021-37712)")
    write("collision-ignored", "collision", tar(entry(".git/x", b"1"), entry(".g\u200cit/config", b"2")),
          "HFS+ ignores zero-width characters (CVE-2014-9390)")
    write("collision-folders", "collision", tar(entry("A/x", b"1"), entry("a/y", b"2")), "folders that differ by case only")
    write("collision-file-folder", "collision", tar(entry("LIB", b"1"), entry("lib/x", b"2")), "a file, and a folder that differs by case")
    write("collision-link-folder", "collision", tar(symlink("LIB", "a"), entry("lib/x", b"evil\n")),
          "a link, and a folder that differs by case: written through it (CVE-2021-32803)")
    write("below-file", "below-file", tar(EVIL, entry("evil/x", b"1")), "a member below a file")
    write("below-link", "below-link", tar(symlink("dir", "a"), entry("dir/x", b"1")),
          "a member written through a link (CVE-2021-32804, CVE-2001-1267)")
    write("below-link-folder", "below-link", tar(symlink("dir", "a"), folder("dir/x/")), "a folder made through a link")


def links():
    for title, target, comment in [
        ("link-absolute", "/etc/passwd", "an absolute target"),
        ("link-absolute-drive", "c:/windows", "a drive letter in a target"),
        ("link-backslash", "..\\..\\evil", "a separator on Windows"),
        ("link-control", "a\x07", "a control character in a target"),
        ("link-empty-component", "a/", "a trailing slash, at which openers that refuse links have slipped"),
        ("link-escapes", "../evil", "a target outside the tree"),
        ("link-escapes-within", "a/../../evil", "a target that goes in and then out (CVE-2025-4517)"),
        ("link-dangling", "nothing", "a target that is not there, and may come later"),
        ("link-dangling-through", "nothing/../a/good.txt", "inside by its words, but the way is not there"),
        ("link-dangling-below-file", "a/good.txt/../good.txt", "the way passes through a file"),
        ("link-contains-itself", ".", "the tree inside itself"),
    ]:
        code = next(c for c in ("absolute", "backslash", "control", "empty-component", "escapes", "dangling",
                                "contains-itself") if title.startswith("link-" + c))
        write(title, "link-" + code, tar(symlink("link", target)), comment)
    write("link-empty", "link-empty", tar(symlink("link", "")), "no target at all")
    write("link-not-utf8", "link-not-utf8", tar(symlink("link", b"\xff")), "a target in no known encoding")
    write("link-too-long", "link-too-long", tar(pax(("linkpath", "a/" * 600 + "x")), symlink("link", "x")), "longer than a path may be")
    write("link-through-link", "link-through-link", tar(symlink("dir", "a"), symlink("link", "dir/good.txt")),
          "the way passes through another link: what it means is decided later (CVE-2025-4517)")
    write("link-through-link-dotdot", "link-through-link",
          tar(entry("b/c/x", b"x"), symlink("dir", "b/c"), symlink("link", "dir/../a/good.txt")),
          "one place by its words, another by what `..` means behind a link (CVE-2021-37713)")
    write("link-loop", "link-loop", tar(symlink("one", "two"), symlink("two", "one")), "links in a circle")
    write("link-loop-self", "link-loop", tar(symlink("one", "one")), "a link to itself")
    write("link-loop-chain", "link-loop", tar(*[symlink(f"l{i}", f"l{i+1}") for i in range(41)] + [entry("l41", b"x")]),
          "a chain of more than 40 links")
    write("link-contains-itself-below", "link-contains-itself", tar(entry("b/c/x", b"x"), symlink("b/c/up", "..")),
          "a folder inside itself")
    write("link-dangling-excluded", "link-dangling", tar(symlink("link", "a/good.txt"), EVIL),
          "a target that the pin leaves out", layout="exclude=a/**")
    write("link-dangling-case", "link-dangling", tar(symlink("link", "A/GOOD.txt")), "a target that is there only where case does not count")
    write("hardlink-missing", "hardlink-missing", tar(hardlink("link", "nothing")), "a hard link to what is not there")
    write("hardlink-outside", "hardlink-missing", tar(hardlink("link", "../../etc/passwd")), "a hard link out of the tree (CVE-2021-37701)")
    write("hardlink-absolute", "hardlink-missing", tar(hardlink("link", "/etc/passwd")), "a hard link to an absolute path")
    write("hardlink-later", "hardlink-missing", tar(hardlink("link", "later"), entry("later", b"x")), "a hard link to what comes later")
    write("hardlink-to-link", "hardlink-missing", tar(symlink("sym", "a/good.txt"), hardlink("link", "sym")),
          "a hard link to a symbolic link")
    write("hardlink-excluded", "hardlink-missing", tar(hardlink("link", "a/good.txt")), "a hard link to what the pin leaves out",
          layout="exclude=a/**")
    write("unexpected-body-hardlink", "unexpected-body", tar(hardlink("link", "a/good.txt", EVIL)),
          "a hard link with a body: a member to readers that skip none (CVE-2025-62518)")
    write("unexpected-body-symlink", "unexpected-body", tar(entry("link", EVIL, kind=b"2", link=b"a/good.txt")), "a symbolic link with a body")
    write("unexpected-body-folder", "unexpected-body", tar(entry("dir/", EVIL, kind=b"5")), "a folder with a body")
    write("unexpected-body-pax", "unexpected-body", tar(pax(("size", "1024")), folder("dir/"), EVIL),
          "a folder whose PAX size is not zero: the next member vanishes for some")
    write("unexpected-body-zip", "unexpected-body", zipfile(ZGOOD(), zipped("dir/", b"evil", mode=0o040755)),
          "a folder with content", format="zip")


def kinds():
    for title, kind, comment in [
        ("kind-device", b"3", "a character device"),
        ("kind-device-block", b"4", "a block device"),
        ("kind-fifo", b"6", "a named pipe: who opens it hangs"),
        ("kind-contiguous", b"7", "a contiguous file, which some take for a file and others skip"),
        ("kind-dump-dir", b"D", "an incremental dump's folder"),
        ("kind-multi-volume", b"M", "the rest of a file from another volume"),
        ("kind-sparse", b"S", "a GNU sparse file: its size is not what follows"),
        ("kind-volume-label", b"V", "a volume label"),
        ("kind-unknown", b"Z", "a type that nobody names"),
        ("kind-unknown-solaris", b"X", "a Solaris extended header, which some readers take for `x`"),
    ]:
        code = next(c for c in ("kind-device", "kind-fifo", "kind-contiguous", "kind-dump-dir", "kind-multi-volume",
                                "kind-sparse", "kind-volume-label", "kind-unknown") if title.startswith(c))
        write(title, code, tar(entry("evil", kind=kind)), comment)
    write("kind-sparse-pax", "kind-sparse", tar(pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"),
          ("GNU.sparse.name", "other"), ("GNU.sparse.realsize", "5")), EVIL), "a PAX sparse file: another name and size inside")
    write("kind-sparse-gnu", "kind-sparse", tar(entry("evil", b"evil\n", kind=b"S", magic=b"ustar  \0",
          prefix=bytes(41) + b"00000000000\0" b"00000000005\0" + bytes(73) + b"00004000000\0")), "as GNU tar -S writes it")
    write("kind-sparse-schily", "kind-sparse", tar(pax(("SCHILY.realsize", "5")), EVIL), "a sparse file as star writes it")
    write("kind-unknown-star", "kind-unknown", tar(pax(("SCHILY.filetype", "symlink")), EVIL), "a kind of star's, beside the one in the header")
    write("kind-unknown-star-global", "kind-unknown", tar(pax(("SCHILY.filetype", "symlink"), kind=b"g"), EVIL), "a kind of star's for every member")
    write("kind-dump-dir-pax", "kind-dump-dir", tar(pax(("GNU.dumpdir", "Yx")), folder("dir")), "an incremental dump in PAX form")
    write("kind-multi-volume-pax", "kind-multi-volume", tar(pax(("GNU.volume.filename", "x")), EVIL), "a part of a file in PAX form")
    write("kind-folder-as-file", "kind-folder-as-file", tar(entry("dir/", b"", kind=b"\0")),
          "a folder as the seventh edition wrote it, and an unnamed file to others")
    write("kind-device-excluded", "kind-device", tar(entry("evil", kind=b"3")), "refused although nobody wants it", layout="exclude=evil")
    write("mode-set-id", "mode-set-id", tar(entry("evil", b"#!", mode=0o4755)), "a set-user-id bit")
    write("mode-set-id-group", "mode-set-id", tar(folder("dir/", mode=0o2755)), "a set-group-id bit on a folder")
    write("mode-sticky", "mode-sticky", tar(folder("dir/", mode=0o1777)), "the sticky bit")
    for title, mode, code in [("kind-device-zip", 0o020644, "kind-device"), ("kind-fifo-zip", 0o010644, "kind-fifo"),
                              ("kind-socket", 0o140755, "kind-socket")]:
        write(title, code, zipfile(ZGOOD(), zipped("evil", mode=mode)), "by its mode", format="zip")
    write("mode-set-id-zip", "mode-set-id", zipfile(zipped("evil", b"#!", mode=0o104755)), "a set-user-id bit", format="zip")


def headers():
    write("tar-checksum", "tar-checksum", tar(header(b"evil", checksum=b"000001\0 ")), "a wrong checksum")
    write("tar-checksum-zero", "tar-number", tar(header(b"evil", checksum=bytes(8))), "no checksum at all")
    write("tar-number", "tar-number", tar(header(b"evil", raw_size=b"0000000008 \0")), "a digit that is not octal")
    write("tar-number-sign", "tar-number", tar(header(b"evil", raw_size=b"-0000000001\0")), "a sign")
    write("tar-number-behind", "tar-number", tar(header(b"evil", raw_size=b"000\x0000000000")), "digits behind the NUL that ends a number")
    write("tar-number-full", "tar-number", tar(header(b"evil", raw_size=b"000000000005")), "no terminator: some read into the next field")
    write("tar-number-empty", "tar-number", tar(header(b"evil", raw_size=bytes(12))), "no size at all")
    write("tar-number-negative", "tar-number", tar(header(b"evil", raw_size=b"\xff" * 12)), "a negative size in base 256 (CVE-2021-38511)")
    write("tar-number-huge", "tar-number", tar(header(b"evil", raw_size=b"\x80\0\0\1" + bytes(8))), "a size beyond 64 bits")
    write("tar-magic", "tar-magic", tar(header(b"evil", magic=b"ustar\0\0\0")), "a magic that nobody writes")
    write("tar-prefix-gnu", "tar-prefix", tar(header(b"evil", magic=b"ustar  \0", prefix=b"dir")),
          "a prefix in a GNU header: a name to some, times to others")
    write("tar-prefix-v7", "tar-prefix", tar(header(b"evil", magic=bytes(8), prefix=b"dir")), "a prefix in a header without magic")
    write("tar-after-nul", "tar-after-nul", tar(entry(b"good\0/../evil", b"x")), "text behind the end of a name")
    times = b"15212360755\0" * 2
    write("tar-after-nul-times", "tar-after-nul", tar(entry(b"evil", b"x", prefix=b"\0evil".ljust(131, b"\0") + times)), "text between the end of a prefix and the times behind it")
    write("tar-after-nul-no-times", "tar-after-nul", tar(entry(b"evil", b"x", prefix=bytes(131) + b"15212360755\0/../evil/evil")), "what is no time in the place of a time")
    write("tar-after-nul-link", "tar-after-nul", tar(symlink("link", b"a\0b")), "text behind the end of a link's target")
    write("tar-after-nul-gnu", "tar-after-nul", tar(longname(b"good\0evil"), EVIL), "a NUL inside a GNU long name")
    write("tar-no-end", "tar-no-end", GOOD + EVIL, "no end marker: the rest may be missing")
    write("tar-after-end", "tar-after-end", tar() + EVIL + END, "members behind the end: GNU tar -i reads them")
    write("tar-after-end-one", "tar-after-end", GOOD + bytes(512) + EVIL + END, "a member behind a single zero block")
    write("padding-too-long", "padding-too-long", xz(tar() + bytes(1 << 20)), "zeros without end", format="tar.xz")
    write("tar-stacked", "tar-stacked", tar(pax(("path", "good")), pax(("path", "evil")), EVIL), "two PAX headers: the last wins, or both (CVE-2025-62518)")
    write("tar-stacked-long", "tar-stacked", tar(longname(b"good"), longname(b"evil"), EVIL), "two GNU long names")
    write("tar-stacked-long-link", "tar-stacked", tar(longname(b"a", b"K"), longname(b"b", b"K"), symlink("l", "x")), "two GNU long links")
    write("tar-stacked-global", "tar-stacked", tar(pax(("path", "good")), pax(("comment", "x"), kind=b"g"), EVIL),
          "a global header between a PAX header and its member")
    write("tar-orphaned", "tar-orphaned", tar(pax(("path", "good"))), "a PAX header with nothing behind it")
    write("tar-orphaned-long", "tar-orphaned", GOOD + longname(b"evil"), "a long name at the end of the file")
    write("tar-name-mixed", "tar-name-mixed", tar(pax(("path", "good")), longname(b"evil"), EVIL), "a PAX name and a GNU name (CVE-2026-33055)")
    write("tar-link-mixed", "tar-name-mixed", tar(pax(("linkpath", "a")), longname(b"b", b"K"), symlink("l", "x")), "a PAX target and a GNU target")
    smuggled = pad(entry("smuggled", b"evil\n"))
    write("tar-size-disagrees", "tar-size-disagrees",
          tar(pax(("size", str(len(smuggled)))), entry("evil", smuggled, size=512)), "two sizes: the TARmageddon desync (CVE-2025-62518)")
    write("tar-size-disagrees-smaller", "tar-size-disagrees", tar(pax(("size", "0")), entry("evil", smuggled)),
          "a PAX size of zero over a header that has one (CVE-2026-33055)")
    write("pax-malformed", "pax-malformed", tar(pax(b"99 path=evil\n"), EVIL), "a record longer than its header")
    write("pax-malformed-length", "pax-malformed", tar(pax(b"0013 path=ev\n"), EVIL), "leading zeros in a length")
    write("pax-malformed-sign", "pax-malformed", tar(pax(b"+12 path=ev\n"), EVIL), "a sign in a length")
    write("pax-malformed-newline", "pax-malformed", tar(pax(b"11 path=evX"), EVIL), "a record that does not end with a newline")
    write("pax-malformed-equals", "pax-malformed", tar(pax(b"8 paths\n"), EVIL), "a record without a value")
    write("pax-malformed-key", "pax-malformed", tar(pax(record("", "x")), EVIL), "a record without a key")
    write("pax-malformed-tail", "pax-malformed", tar(pax(("path", "good"), bytes(5)), EVIL), "zeros behind the last record")
    write("pax-duplicate", "pax-duplicate", tar(pax(("path", "good"), ("path", "evil")), EVIL), "a key twice: the last wins, or the first")
    write("pax-value-empty", "pax-value", tar(pax(("path", "")), EVIL), "an empty path, which takes the name back or leaves none")
    write("pax-value-size", "pax-value", tar(pax(("size", "0x10")), EVIL), "a size that is no decimal number")
    write("pax-value-size-huge", "pax-value", tar(pax(("size", "99999999999999999999")), EVIL), "a size beyond 64 bits")
    write("pax-value-mtime", "pax-value", tar(pax(("mtime", "1e9")), EVIL), "a time that is no number")
    write("pax-charset", "pax-charset", tar(pax(("hdrcharset", "ISO-IR 8859 1 1998"), ("path", "x")), EVIL), "names in another character set")
    write("pax-global-path", "pax-global", tar(pax(("path", "evil"), kind=b"g"), EVIL), "a name for all members (CVE-2026-33055)")
    write("pax-global-size", "pax-global", tar(pax(("size", "1024"), kind=b"g"), EVIL, EVIL), "a size for all members (CVE-2026-33055)")
    write("pax-global-link", "pax-global", tar(pax(("linkpath", "a"), kind=b"g"), EVIL), "a target for all members")
    write("metadata-too-long", "metadata-too-long", tar(header(b"x", size=(1 << 20) + 1, kind=b"x")), "a PAX header of more than 1 MiB, as declared")
    write("metadata-too-long-gnu", "metadata-too-long", tar(header(b"x", size=1 << 32, kind=b"L")), "a long name of 4 GiB, as declared")


def streams():
    plain = tar(EVIL)
    packed = gz(plain)
    write("truncated-gzip", "truncated", packed[:-20], "a gzip stream that ends early")
    write("truncated-gzip-footer", "truncated", packed[:-3], "a gzip stream without its last bytes")
    write("truncated-tar", "truncated", gz(plain[:1200]), "a tar archive that ends inside a header")
    write("truncated-body", "truncated", gz(GOOD + header(b"evil", size=4096) + bytes(1024)), "a tar archive that ends inside a file")
    write("truncated-pax", "truncated", gz(GOOD + header(b"x", size=4096, kind=b"x") + bytes(1024)), "a tar archive that ends inside a PAX header")
    write("truncated-xz", "truncated", xz(plain)[:-6], "an xz stream that ends early", format="tar.xz")
    write("truncated-zst", "truncated", zst(plain)[:-6], "a Zstandard frame that ends early", format="tar.zst")
    write("truncated-zst-skippable", "truncated", zst(plain) + struct.pack("<II", 0x184D2A50, 9) + b"x", "a skippable frame that ends early", format="tar.zst")
    large = GOOD + entry("x", bytes(range(256)) * 16) + END
    first, second = gz(GOOD), gz(EVIL + END)
    write("corrupt-gzip", "corrupt", first + second[:10] + b"\x07" + second[11:], "a deflate block of a reserved type")
    write("corrupt-gzip-flags", "corrupt", packed[:3] + b"\xe0" + packed[4:], "reserved flags in a gzip header")
    broken = bytearray(xz(large))
    broken[-21] ^= 0x01
    write("corrupt-xz-index", "corrupt", bytes(broken), "an index that does not fit the blocks", format="tar.xz")
    write("corrupt-zst", "corrupt", zst(large)[:1500] + b"\xff" * 600, "a block of a reserved type", format="tar.zst")
    write("checksum-gzip", "checksum", packed[:-8] + b"\0\0\0\0" + packed[-4:], "a wrong CRC-32")
    write("checksum-gzip-length", "checksum", packed[:-4] + b"\1\0\0\0", "a wrong length")
    write("checksum-gzip-header", "checksum", packed[:3] + b"\x02" + packed[4:10] + b"\0\0" + packed[10:], "a wrong CRC over the header")
    write("checksum-gzip-second", "checksum", first + second[:-8] + b"\0\0\0\0" + second[-4:], "a wrong CRC-32 in the second gzip member")
    broken = bytearray(xz(large, check=lzma.CHECK_CRC32))
    broken[-26] ^= 1
    write("checksum-xz", "checksum", bytes(broken), "a wrong check of a block", format="tar.xz")
    write("checksum-zst", "checksum", zst(plain, checksum=1), "a wrong content checksum", format="tar.zst")
    write("checksum-zst-size", "checksum", zst(plain, declared=len(plain) + 1), "a content size that is not what came out", format="tar.zst")
    write("trailing-data-gzip", "trailing-data", packed + b"evil", "bytes behind a gzip stream")
    write("trailing-data-gzip-zeros", "trailing-data", packed + bytes(10240), "a whole record of zeros behind a gzip stream")
    write("trailing-data-gzip-zeros-member", "trailing-data", first + bytes(512) + second, "a gzip member behind zeros, which some readers find")
    write("trailing-data-gzip-zeros-text", "trailing-data", packed + bytes(512) + b"evil", "bytes behind zeros behind a gzip stream")
    write("trailing-data-xz", "trailing-data", xz(plain) + b"evil", "bytes behind an xz stream", format="tar.xz")
    write("trailing-data-xz-padding", "trailing-data", xz(plain) + bytes(3), "padding that is no multiple of four", format="tar.xz")
    write("trailing-data-zst", "trailing-data", zst(plain) + b"evil", "bytes behind a Zstandard frame", format="tar.zst")
    wide = bytearray(xz(plain))
    wide[16] = 30  # 128 MiB (The .xz File Format, section 5.3.1)
    wide[20:24] = struct.pack("<I", zlib.crc32(wide[12:20]))
    write("window-too-large-xz", "window-too-large", bytes(wide), "a dictionary of 128 MiB", format="tar.xz")
    write("window-too-large-zst", "window-too-large", zst(plain, window=17 << 3), "a window of 128 MiB", format="tar.zst")
    write("zstd-dictionary", "zstd-dictionary", zst(plain, dictionary=7), "a frame that needs a dictionary", format="tar.zst")


def limits():
    write("too-many-bytes", "too-many-bytes", tar(header(b"evil", size=1 << 32)), "4 GiB, as declared: refused before it is read")
    write("too-many-bytes-sum", "too-many-bytes", tar(EVIL), "two small files that are too much together", layout="max-unpacked=9")
    write("too-many-bytes-excluded", "too-many-bytes", tar(EVIL), "counted although nobody wants it", layout="max-unpacked=9 exclude=evil")
    write("too-many-bytes-hardlinks", "too-many-bytes", tar(hardlink("one", "a/good.txt"), hardlink("two", "a/good.txt")),
          "hard links are copies, and cost as much", layout="max-unpacked=14")
    write("too-many-bytes-base256", "too-many-bytes", tar(header(b"evil", raw_size=b"\x80\0\0\0\x7f" + b"\xff" * 7)), "nearly 2^63 bytes")
    write("too-many-bytes-zip", "too-many-bytes", zipfile(ZGOOD(), zipped("evil", b"x", local_size=1 << 31, central_size=1 << 31)),
          "2 GiB, as declared", format="zip", layout="max-unpacked=1000")
    write("too-many-members", "too-many-members", tar(folder("b/"), folder("b/")), "more members than allowed", layout="max-members=2")
    write("too-many-members-zip", "too-many-members", zipfile(ZGOOD(), zipped("b"), zipped("c")), "more members than allowed",
          format="zip", layout="max-members=2")
    deep = (pax(("path", f"{number:04}/" + "/".join(["e" * 15] * 62) + "/f")) + header(b"short") for number in range(1800))
    write("too-many-paths", "too-many-paths", xz(tar(*deep)), "2 MB of names that are 60 MB of folders", format="tar.xz")
    write("ratio", "ratio", xz(tar(entry("zeros", bytes(17 << 20)))), "17 MiB of zeros in 3 KiB", format="tar.xz")
    write("ratio-declared", "ratio", tar(header(b"zeros", size=64 << 20)), "64 MiB in 200 bytes, as declared")
    write("too-much-framing", "too-much-framing", xz(tar(pax(("comment", "x"), kind=b"g") * 5000, EVIL)),
          "global headers without end", format="tar.xz", layout="max-unpacked=100000")


def outcomes():
    write("include-unmatched", "include-unmatched", tar(), "an include that nothing matches", layout="include=a/** include=lib/**")
    write("include-unmatched-folder", "include-unmatched", tar(folder("lib/"), entry("lib/x", b"x")), "a folder, of which nothing is kept", layout="include=a/** include=lib")
    x = lambda title, *members, **given: write("exclude-unmatched" + title, "exclude-unmatched", tar(*members), "an exclude that takes nothing out", **given)
    x("", EVIL, layout="exclude=evil exclude=other")
    x("-folder", entry("lib/x", b"x"), layout="exclude=lib")
    x("-folder-named", folder("lib/"), entry("lib/x", b"x"), layout="exclude=lib")
    x("-folder-after", entry("lib/x", b"x"), folder("lib/"), layout="exclude=li*")
    x("-strip", entry("package/evil", b"x"), layout="strip=1 exclude=package/evil")
    x("-case", EVIL, layout="exclude=Evil")
    write("executable-unmatched", "executable-unmatched", tar(), "an executable that is not there", layout="executable=bin/x")
    write("executable-unmatched-folder", "executable-unmatched", tar(folder("bin/")), "an executable that is a folder", layout="executable=bin")
    write("no-files", "no-files", folder("a/") + END, "folders and no file")
    write("no-files-empty", "no-files", END, "an empty archive")
    write("no-files-excluded", "no-files", tar(), "everything left out", layout="exclude=**")
    write("no-files-zip", "no-files", zipfile(), "an empty zip", format="zip")
    write("format-disagrees", "format-disagrees", zipfile(ZGOOD()), "a zip that is called a tarball", format="zip", name="x.tar.gz")
    write("format-disagrees-layout", "format-disagrees", tar(), "a tarball that the pin calls a zip", layout="format=zip")
    write("format-disagrees-raw", "format-disagrees", b"<html>404</html>", "a web page that is called a tarball", format="raw", name="x.tgz")
    write("format-disagrees-zeros", "format-disagrees", END, "zeros that are called a tarball", format="tar")
    write("not-a-tar", "not-a-tar", gz(b"a page of text\n" * 50), "a compressed file that holds no archive", name="page.gz")
    write("not-a-tar-xz", "not-a-tar", xz(b"text"), "a compressed file that holds no archive", format="tar.xz", name="page.xz")
    write("format-unsupported", "format-unsupported", b"BZh91AY&SY" + bytes(20), "an archive that is not read", format="raw", name="x.tar.bz2")
    write("raw-has-no-members", "raw-has-no-members", b"#!/bin/sh\n", "one file", format="raw", name="tool")


def zips():
    z = lambda title, expect, data, comment, **given: write(title, expect, data, comment, format="zip", **given)
    good = lambda **given: zipfile(ZGOOD(), zipped("b.txt", b"text of b\n", **given))
    z("zip-name-dot-dot", "name-dot-dot", zipfile(zipped("../evil", b"x")), "a name that climbs out (Zip Slip, CVE-2018-1002200)")
    z("zip-name-backslash", "name-backslash", zipfile(zipped("..\\evil", b"x", host=0, mode=0)), "a separator on Windows")
    z("zip-link-escapes", "link-escapes", zipfile(ZGOOD(), zipped("link", b"../evil", mode=0o120777)), "a link out of the tree")
    z("zip-link-too-long", "link-too-long", zipfile(ZGOOD(), zipped("link", b"a" * 2000, mode=0o120777)), "longer than a path may be")
    z("zip-duplicate", "duplicate", zipfile(zipped("x", b"1"), zipped("x", b"2")), "the same path twice (CVE-2025-54368)")
    z("zip-name-reserved", "name-reserved", zipfile(ZGOOD(), zipped(".git/config", b"x")), "a repository of git in a zip")
    z("zip-name-reserved-bare", "name-reserved", zipfile(ZGOOD(), zipped("HEAD", b"ref: refs/x\n"), zipped("objects/", method=0, mode=0o040755), zipped("refs/x", b"x")),
      "a bare repository in a zip")
    z("zip-no-end", "zip-no-end", good()[:-1], "no end record that ends with the file")
    z("zip-no-end-trailing", "zip-no-end", good() + b"evil", "bytes behind the end record")
    inner = zipfile(zipped("evil", b"evil\n"))
    z("zip-ambiguous-end", "zip-ambiguous-end", zipfile(ZGOOD(), comment=inner), "another archive in the comment (CVE-2025-54368)")
    z("zip-ambiguous-end-short", "zip-ambiguous-end", zipfile(ZGOOD(), comment=b"PK\x05\x06 cut"), "a second signature in the comment")
    z("zip-multi-disk", "zip-multi-disk", zipfile(ZGOOD(), end=dict(disk=1)), "the second of two parts")
    z("zip-multi-disk-count", "zip-multi-disk", zipfile(ZGOOD(), zipped("b"), end=dict(here=1)), "fewer members here than in all")
    z("zip-multi-disk-member", "zip-multi-disk", good(disk=1), "a member on another part")
    z("zip-zip64-end", "zip-zip64", zipfile(ZGOOD(), end=dict(offset=0xFFFFFFFF)), "the directory is where a zip64 record says")
    locator = struct.pack("<IIQI", 0x07064B50, 0, 0, 1)
    z("zip-zip64-locator", "zip-zip64", zipfile(ZGOOD(), central_tail=locator), "a zip64 locator beside an end record that needs none")
    z("zip-zip64-extra", "zip-zip64", good(extra=extra(1, bytes(16))), "zip64 sizes beside sizes (CVE-2025-54368)")
    z("zip-zip64-size", "zip-zip64", good(size=0xFFFFFFFF), "a size that is elsewhere")
    z("zip-directory-offset", "zip-directory", zipfile(ZGOOD(), end=dict(offset=0)), "a directory that is not before the end record")
    z("zip-directory-count", "zip-directory", zipfile(ZGOOD(), zipped("b"), end=dict(here=1, members=1)), "more headers than the end record says")
    z("zip-directory-tail", "zip-directory", zipfile(ZGOOD(), central_tail=b"PK\x05\x05\0\0"), "something behind the last header")
    z("zip-script-before", "format-disagrees", zipfile(ZGOOD(), lead=b"#!/bin/sh\n"), "a script before the first member")
    hidden = zipfile(zipped("evil", b"evil\n"))[:40]
    z("zip-gap-before", "zip-gap", zipfile(ZGOOD(), lead=hidden), "a local header that the directory does not know, before all")
    z("zip-gap-between", "zip-gap", zipfile(ZGOOD(), zipped("b", b"x", before=hidden)), "a local header that the directory does not know")
    z("zip-gap-after", "zip-gap", zipfile(ZGOOD(), gap=b"evil"), "bytes before the directory")
    z("zip-gap-overlap", "zip-gap", zipfile(ZGOOD(), zipped("b", b"x", offset=0)), "two headers for one member (the overlapping bomb)")
    z("zip-gap-deflate", "zip-gap", good(packed=zipped("", b"text of b\n")["packed"] + b"evil"), "bytes behind the end of a deflate stream")
    z("zip-gap-descriptor", "zip-gap", good(flags=8, after=b"evil"), "bytes behind a descriptor")
    for field, given in [("name", dict(local_name=b"evil.")), ("method", dict(local_method=0)), ("flags", dict(local_flags=2)),
                         ("crc", dict(local_crc=1)), ("packed-size", dict(local_packed_size=1)), ("size", dict(local_size=1)),
                         ("crc-descriptor", dict(flags=8, sums_in_local=True, local_crc=1))]:
        z(f"zip-headers-disagree-{field}", "zip-headers-disagree", good(**given), "two readers, two members (CVE-2025-54368)")
    z("zip-encrypted", "zip-encrypted", good(flags=1), "encrypted")
    z("zip-encrypted-strong", "zip-encrypted", good(flags=1 << 6), "encrypted, strongly")
    z("zip-method", "zip-method", good(method=12), "packed with bzip2")
    z("zip-flags", "zip-flags", good(flags=1 << 5), "a patch to another archive")
    z("zip-extra", "zip-extra", good(extra=b"UT\x09\0short"), "an extra field longer than all of them")
    z("zip-unicode-path", "zip-unicode-path", good(extra=extra(0x7075, b"\1" + struct.pack("<I", zlib.crc32(b"b.txt")) + b"evil")),
      "another name in an extra field (CVE-2025-54368)")
    z("zip-unicode-path-local", "zip-unicode-path", good(local_extra=extra(0x7075, b"\1" + struct.pack("<I", zlib.crc32(b"b.txt")) + b"evil")),
      "another name in an extra field of the local header")
    z("zip-name-encoding", "zip-name-encoding", zipfile(ZGOOD(), zipped("caf\u00e9".encode(), b"x")), "a name that may be code page 437")
    z("zip-name-not-utf8", "name-not-utf8", zipfile(ZGOOD(), zipped(b"\xff", b"x", flags=1 << 11)), "a name that is said to be UTF-8")
    z("zip-descriptor", "zip-descriptor", good(flags=8, descriptor=bytes(12)), "a descriptor that says something else")
    z("zip-descriptor-unsigned", "zip-descriptor", good(flags=8, signed=False, descriptor=bytes(12)), "one without signature")
    whole = lambda data: b"PK\x07\x08" + struct.pack("<III", zlib.crc32(data), len(data), len(data))
    hides = b"x" + whole(b"x") + zipfile(zipped("evil", b"evil\n"))[:39]
    d = lambda title, data, comment, **given: z("zip-descriptor-inside" + title, "zip-descriptor-inside", zipfile(ZGOOD(), zipped("b", data, flags=8, method=0, **given)), comment)
    d("", hides, "a descriptor inside a stored member, at which readers of streams end it, and another member behind it")
    d("-unsigned", hides.replace(b"PK\x07\x08", b""), "one without signature")
    d("-first", whole(b"") + b"text", "one that ends the member before it has begun")
    d("-zip64", b"x" + b"PK\x07\x08" + struct.pack("<IQQ", zlib.crc32(b"x"), 1, 1) + b"text", "one with lengths of 64 bits")
    d("-sums", hides, "one in a member whose header says how long it is too", sums_in_local=True)
    d("-unsigned-after", hides, "the real one has no signature", signed=False)
    f = lambda title, id, data, comment: [
        z(f"zip-extra-disagrees-{title}-{side}", "zip-extra-disagrees", good(**{side + "_extra": extra(id, data)}), comment)
        for side in ("local", "central")]
    link = struct.pack("<BHI", 5, 0x0314, 0o120777 << 16)
    f("libarchive", 0x6C78, link, "libarchive obeys it and makes a link")
    asi = lambda mode, target=b"": struct.pack("<IHIHH", 0, mode, len(target), 0, 0) + target
    f("asi-link", 0x756E, asi(0o120777, b"/etc/passwd"), "a link to readers of the ASi Unix field")
    f("asi-mode", 0x756E, asi(0o100755), "a program to readers of the ASi Unix field")
    f("asi-set-id", 0x756E, asi(0o104644), "a set-user-id bit in the ASi Unix field")
    f("asi-short", 0x756E, b"short", "an ASi Unix field that ends early")
    f("pkware-link", 0x000D, bytes(12) + b"/etc/passwd", "the target of a link in PKWARE's Unix field")
    z("zip-encrypted-aes", "zip-encrypted", good(extra=extra(0x9901, b"\2\0AE\3\0\0")), "a field of AES without the method of AES")
    z("zip-encrypted-field", "zip-encrypted", good(extra=extra(0x0017, b"\2\0\1\x66\0\1\1\0")), "a field of strong encryption without its flag")
    z("zip-unicode-path-mac", "zip-unicode-path", good(extra=extra(0x2605, b"ZPIT\4evilTEXTttxt")), "another name for the Macintosh")
    z("zip-unicode-path-encoding", "zip-unicode-path", good(extra=extra(0x0008, b"evil")), "a name in another encoding")
    z("zip-type-folder", "zip-type", zipfile(ZGOOD(), zipped("dir/", mode=0o100644)), "a folder by its name, a file by its mode")
    z("zip-type-file", "zip-type", zipfile(ZGOOD(), zipped("file", b"x", mode=0o040755)), "a file by its name, a folder by its mode")
    z("zip-type-dos", "zip-type", zipfile(ZGOOD(), zipped("file", b"x", host=0, attributes=16)), "a folder by its attributes only")
    z("zip-type-host", "zip-type", zipfile(ZGOOD(), zipped("link", b"a", host=0, mode=0o120777)), "a link by the mode of a system that has none")
    z("size-wrong-larger", "size-wrong", zipfile(zipped("x", b"text of x\n", size=5)), "more comes out than declared: a bomb to who allocates")
    z("size-wrong-smaller", "size-wrong", zipfile(zipped("x", b"text of x\n", size=500)), "less comes out than declared")
    z("size-wrong-stored", "size-wrong", zipfile(zipped("x", b"text of x\n", method=0, size=5)), "a stored member with two sizes")
    z("zip-checksum", "checksum", good(crc=7), "a wrong CRC-32 in both headers")
    z("zip-corrupt", "corrupt", good(packed=b"\x07evil evil"), "a deflate block of a reserved type")
    z("zip-truncated", "truncated", good(packed=zipped("", b"text of b\n")["packed"][:-2]), "a deflate stream that ends early")


def good():
    ok = lambda title, data, members, comment, **given: write("ok-" + title, "ok", data, comment, members=members, **given)
    both = "a/good.txt=5 evil=5"
    long = "long/" * 30 + "name.txt"
    ok("plain", tar(EVIL), both, "nothing special", format="tar")
    ok("gzip", tar(EVIL), both, "nothing special")
    ok("gzip-padding", gz(tar(EVIL)) + bytes(10239), both, "a record filled with zeros behind the stream, as tar writes into a pipe: many an npm package of 2011 is so")
    ok("gzip-members", gz(GOOD) + gz(EVIL) + gz(b"") + gz(END), both, "several gzip members: all are read")
    packed = gz(tar(EVIL))
    named = packed[:3] + b"\x1c" + packed[4:10] + b"\4\0abcd" + b"name\0" + b"comment\0" + packed[10:]
    ok("gzip-header", named, both, "extra field, name and comment in the gzip header")
    ok("xz", xz(tar(EVIL)), both, "xz", format="tar.xz")
    ok("xz-streams", xz(GOOD + EVIL) + bytes(8) + xz(END, check=lzma.CHECK_SHA256), both, "two xz streams and padding", format="tar.xz")
    x86 = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 6}]
    ok("xz-filter", xz(tar(EVIL), filters=x86), both, "xz with a filter for machine code", format="tar.xz")
    ok("zst", zst(tar(EVIL)), both, "Zstandard", format="tar.zst")
    skippable = struct.pack("<II", 0x184D2A5E, 4) + b"skip"
    ok("zst-frames", skippable + zst(GOOD) + skippable + zst(EVIL + END) + skippable, both, "several frames, and skippable ones between", format="tar.zst")
    ok("git-archive", pax(("comment", "0123456789abcdef0123456789abcdef01234567"), kind=b"g") + entry("x-1.0/file", b"x") + END,
       "file=1", "a global header with a commit, as git archive writes it", layout="strip=1")
    ok("pax-name", tar(pax(("path", long), ("mtime", "1700000000.123"), ("uid", "4294967295"), ("SCHILY.xattr.user.x", b"\0\xff")), EVIL),
       f"a/good.txt=5 {long}=5", "a long name by PAX, and keys that nobody needs")
    ok("pax-size", tar(pax(("size", "5")), entry("evil", b"evil\n", size=0)[:512] + pad(b"evil\n")), both, "a size by PAX alone")
    ok("pax-unicode", tar(pax(("path", "\u65e5\u672c/\u8a9e.txt"), ("hdrcharset", "ISO-IR 10646 2000 UTF-8")), EVIL),
       "a/good.txt=5 \u65e5\u672c/\u8a9e.txt=5", "a name beyond ASCII")
    ok("gnu-name", tar(longname(long.encode()), EVIL), f"a/good.txt=5 {long}=5", "a long name by GNU")
    ok("gnu-link", tar(entry(b"long/" * 19 + b"x", b"1"), longname(b"long/" * 19 + b"x", b"K"), symlink("link", "long")),
       "a/good.txt=5 " + "long/" * 19 + "x=1 link->" + "long/" * 19 + "x", "a long target by GNU")
    ok("ustar-prefix", tar(entry("name.txt", b"1", prefix=b"long/" * 20 + b"dir")), "a/good.txt=5 " + "long/" * 20 + "dir/name.txt=1", "a name in two fields")
    ok("xstar-times", tar(entry("name.txt", b"1", prefix=b"dir".ljust(131, b"\0") + b"15212360755\0" * 2)), "a/good.txt=5 dir/name.txt=1", "times of last access and change behind a prefix, as npm's own tar writes them: every package of @types is so")
    ok("v7", entry("a", b"1", magic=bytes(8), kind=b"\0") + folder("dir/", magic=bytes(8)) + END, "a=1 dir/", "a header of the seventh edition")
    ok("base256", tar(entry("x", b"12345", raw_size=b"\x80" + bytes(10) + b"\5", raw_mtime=b"\xff" * 12)), "a/good.txt=5 x=5", "a size in base 256, a time before 1970")
    ok("numbers", tar(entry("x", b"12345", raw_size=b"         5 \0", raw_mode=b"   755 \0")), "a/good.txt=5 x=5*", "numbers with spaces before them")
    ok("dot-slash", folder("./") + folder("./bin/") + entry("./bin/tool", b"#!", mode=0o755) + END, "bin/ bin/tool=2*", "names as `tar -C dir .` writes them")
    ok("one-end-block", GOOD + bytes(512), "a/good.txt=5", "one zero block at the end, as some writers leave it")
    ok("records", tar() + bytes(10240 - 2048), "a/good.txt=5", "padded to a record, as GNU tar does", format="tar")
    ok("modes", tar(entry("x", b"1", mode=0o711), entry("y", b"1", mode=0o611), entry("z", b"1", mode=0)), "a/good.txt=5 x=1* y=1 z=1", "only the owner's x bit counts")
    ok("folder-twice", tar(folder("a/"), folder("a/"), entry("a/x", b"1")), "a/good.txt=5 a/ a/ a/x=1", "a folder may be named again")
    ok("hardlink", tar(hardlink("copy", "./a/good.txt"), hardlink("again", "copy")), "a/good.txt=5 copy=>a/good.txt again=>copy", "hard links are copies")
    ok("hardlink-strip", entry("p/x", b"1") + hardlink("p/y", "p/x") + END, "x=1 y=>x", "strip applies to the targets of hard links", layout="strip=1")
    ok("symlinks", tar(symlink("lib/x.so", "x.so.1"), symlink("lib/x.so.1", "./x.so.1.2"), entry("lib/x.so.1.2", b"1"), symlink("lib64", "lib")),
       "a/good.txt=5 lib/x.so->x.so.1 lib/x.so.1->./x.so.1.2 lib/x.so.1.2=1 lib64->lib", "a shared library and its links")
    ok("symlink-up", tar(symlink("b/c/link", "../../a/good.txt")), "a/good.txt=5 b/c/link->../../a/good.txt", "up and down again, inside")
    ok("symlink-chain", tar(*[symlink(f"l{i}", f"l{i+1}") for i in range(40)] + [entry("l40", b"x")]),
       "a/good.txt=5 " + " ".join(f"l{i}->l{i+1}" for i in range(40)) + " l40=1", "a chain of 40 links")
    ok("exclude", tar(EVIL, symlink("bad", "nowhere")), "a/good.txt=5", "what is left out need not fit", layout="exclude=evil exclude=bad")
    ok("git-files", tar(entry(".gitattributes", b"x"), entry("x/.gitignore", b"x"), entry(".gitmodules", b"x"), entry("git", b"x"), entry(".github/x", b"x")),
       "a/good.txt=5 .gitattributes=1 x/.gitignore=1 .gitmodules=1 git=1 .github/x=1", "files for git that name no program")
    ok("git-excluded", tar(entry(".git/config", b"x"), entry("x/HEAD", b"x"), entry("x/objects/y", b"x"), entry("x/refs/y", b"x")),
       "a/good.txt=5 x/HEAD=1 x/refs/y=1", "of what is left git makes nothing", layout="exclude=.git/** exclude=x/objects/**")
    ok("git-stripped", tar(entry(".git/x", b"x")), "good.txt=5 x=1", "a folder that is used up", layout="strip=1")
    ok("git-apart", tar(entry("HEAD/x", b"x"), entry("objects/x", b"x"), entry("refs/x", b"x"), entry("y/HEAD", b"x"), entry("y/objects/x", b"x")),
       "a/good.txt=5 HEAD/x=1 objects/x=1 refs/x=1 y/HEAD=1 y/objects/x=1", "parts of a repository that make none")
    ok("exclude-folder", tar(folder("lib/"), entry("lib/x", b"x"), folder("empty/")), "a/good.txt=5", "empty folders are left out, and those that nothing is left of", layout="exclude=lib exclude=lib/** exclude=empty")
    ok("include-folder", tar(folder("lib/"), folder("empty/"), entry("lib/x", b"x")), "lib/ empty/ lib/x=1", "a folder and what is in it", layout="include=lib include=lib/** include=empty")
    ok("exclude-collision", tar(EVIL, entry("EVIL", b"1")), both, "one of two that collide is left out", layout="exclude=EVIL")
    ok("include", tar(EVIL), "evil=5", "only what is asked for", layout="include=e*")
    ok("strip", folder("p/") + folder("p/q/") + entry("p/q/x", b"1") + END, "q/ q/x=1", "a folder that is used up is skipped", layout="strip=1")
    ok("executable", tar(hardlink("b", "a/good.txt")), "a/good.txt=5* b=>a/good.txt", "made executable, and its copy with it", layout="executable=a/good.txt executable=b")
    ok("not-collision", tar(entry("ab", b"1"), entry("a/b", b"1"), entry("a-b", b"1")), "a/good.txt=5 ab=1 a/b=1 a-b=1", "names that only look alike")
    ok("unknown-extension", tar(), "a/good.txt=5", "told by its content", name="download")
    z = lambda title, data, members, comment, **given: ok("zip-" + title, data, members, comment, format="zip", **given)
    z("plain", zipfile(ZGOOD(), zipped("b", b"x", method=0), zipped("bin/tool", b"#!", mode=0o100755), zipped("d/", method=0, mode=0o040755)),
      "a/good.txt=5 b=1 bin/tool=2* d/", "stored and deflated")
    z("descriptor", zipfile(ZGOOD(), zipped("b", b"text\n", flags=8), zipped("c", b"text\n", flags=8, signed=False), zipped("d", b"x")),
      "a/good.txt=5 b=5 c=5 d=1", "data descriptors, with and without signature")
    z("descriptor-sums", zipfile(zipped("b", b"text\n", flags=8, sums_in_local=True)), "b=5", "a data descriptor, and the sums in the header too")
    inner = zipfile(zipped("x", b"text\n", flags=8))
    z("descriptor-stored", zipfile(zipped("b", b"text\n", flags=8, method=0), zipped("in.zip", inner, flags=8, method=0), zipped("zeros", bytes(99), flags=8, method=0, signed=False)),
      f"b=5 in.zip={len(inner)} zeros=99", "stored members with data descriptors, as Python writes them into a pipe, and what only looks like one")
    z("unix-fields", zipfile(zipped("x", b"1", extra=extra(0x756E, struct.pack("<IHIHH", 0, 0o100644, 0, 0, 0)) + extra(0x000D, bytes(12)) + extra(0x7875, b"\1\4" + bytes(4) + b"\4" + bytes(4)))),
      "x=1", "modes that agree, times and owners")
    z("comment", zipfile(ZGOOD(), comment=b"a comment"), "a/good.txt=5", "a comment")
    z("symlink", zipfile(ZGOOD(), zipped("link", b"a/good.txt", mode=0o120777)), "a/good.txt=5 link->a/good.txt", "a symbolic link")
    z("utf8", zipfile(zipped("caf\u00e9".encode(), b"x", flags=1 << 11)), "caf\u00e9=1", "a name in UTF-8")
    z("dos", zipfile(zipped("d/", host=0, attributes=16), zipped("d/x", b"1", host=0, attributes=32)), "d/ d/x=1", "written on Windows")
    times = extra(0x5455, b"\3" + bytes(8))
    path = extra(0x7075, b"\1" + struct.pack("<I", zlib.crc32(b"x")) + b"x")
    z("extra", zipfile(zipped("x", b"1", local_extra=times + path, central_extra=extra(0x5455, b"\3" + bytes(4)))), "x=1", "times that differ, a Unicode path that does not")


def main():
    os.makedirs(HERE, exist_ok=True)
    for make in (names, sets, links, kinds, headers, streams, limits, outcomes, zips, good):
        make()
    for stale in set(os.listdir(HERE)) - SEEN:
        os.remove(os.path.join(HERE, stale))
    print(len(SEEN), "files")


main()

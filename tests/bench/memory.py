"""The memory scenario: artifacts of more than 1 GiB must not cost more memory than small ones.

Two files are made, the same bytes each time: a tar.gz that unpacks to nearly the 2 GiB that pinfold allows by default,
half of it incompressible and half at 30:1 (200:1 is what pinfold refuses), and a file of 1 GiB as it is.
"""

import base64
import hashlib
import io
import random
import struct
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from measure import run
from peers import environment
from registry import Registry
from sets import count


@dataclass
class Line:
    """The peak of one command over one artifact, in bytes above `pinfold --version`."""

    artifact: str
    command: str
    start: int
    peak: int
    wall: float
    problem: str | None

    @property
    def above(self) -> int:
        return self.peak - self.start


def measure(pinfold: str, registry: Registry, work: Path) -> list[Line]:
    """Fetches, looks again and verifies each artifact in a project of its own, and prints the table."""
    files = registry.www / "files"
    files.mkdir()
    start = min(run([pinfold, "--version"], files, environment(work / "start"), work / "log").rss for _ in range(3))
    print(f"\nMemory: peak above the start ({start / 2**20:.1f} MiB), at most {LIMIT >> 20} MiB")
    print(f"{'':12}{'':12}{'packed MiB':>11}{'peak MiB':>10}{'above MiB':>11}{'s':>9}", flush=True)
    lines = []
    for name, make, layout, unpacked in ARTIFACTS:
        make(files / name)
        project, state = work / f"{name}-project", work / f"{name}-state"
        project.mkdir()
        write_pin(project, files / name, f"{registry.url}files/{name}", layout)
        env = environment(state)
        for label, command in (("fetch", ["fetch"]), ("fetch again", ["fetch"]), ("verify", ["verify"])):
            done = run([pinfold, *command, "--cache", str(state / "pinfold")], project, env, work / "log")
            line = Line(name, label, start, done.rss, done.wall, done.failure)
            found = (project / "out").stat().st_size if (project / "out").is_file() else count(project / "out")[1]
            if line.problem is None and found != unpacked:
                line.problem = f"the tree has {found} bytes, expected {unpacked}"
            if line.problem is None and line.above > LIMIT:
                line.problem = f"{line.above / 2**20:.1f} MiB above the start"
            lines.append(line)
            print(f"{name:12}{label:12}{(files / name).stat().st_size / 2**20:11.1f}{line.peak / 2**20:10.1f}"
                  f"{line.above / 2**20:11.1f}{line.wall:9.3f}{'  ' + line.problem if line.problem else ''}", flush=True)
    return lines


def write_pin(project: Path, artifact: Path, url: str, layout: str) -> None:
    with artifact.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").digest()
    integrity = f"sha512-{base64.b64encode(digest).decode()}"
    (project / "pins.toml").write_text(
        f'version = 1\n\n[pins.big]\nurl = "{url}"\nintegrity = "{integrity}"\nsize = {artifact.stat().st_size}\n'
        f'to = "out"\n{layout}\n')


def make_archive(path: Path) -> None:
    """A tar.gz of `big/noise` and `big/pattern`, one gzip member: stored blocks first, then compressed ones."""
    crc = size = 0
    with path.open("wb") as file:
        # RFC 1952, section 2.3: deflate, no name, no time, any system.
        file.write(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
        for name, mebibyte, level, end in (("noise", noise(), 0, b""), ("pattern", pattern(), 1, bytes(1024))):
            deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
            for chunk in member(f"big/{name}", mebibyte, end):
                file.write(deflate.compress(chunk))
                crc, size = zlib.crc32(chunk, crc), size + len(chunk)
            # A full flush ends on a byte and forgets the window, so that another compressor can go on from there.
            file.write(deflate.flush(zlib.Z_FINISH if end else zlib.Z_FULL_FLUSH))
        file.write(struct.pack("<II", crc, size % 2**32))


def make_raw(path: Path) -> None:
    with path.open("wb") as file:
        for _ in range(1024):
            file.write(noise())


def member(name: str, mebibyte: bytes, end: bytes) -> Iterator[bytes]:
    """A tar member of HALF times the same MiB, which needs no padding, and what stands behind it."""
    header = tarfile.TarInfo(name)
    header.size = HALF << 20
    yield header.tobuf(tarfile.USTAR_FORMAT)
    for _ in range(HALF):
        yield mebibyte
    yield end


def noise() -> bytes:
    """A MiB without a pattern; deflate looks 32 KiB back and does not see that it comes again."""
    return random.Random(1).randbytes(1 << 20)


def pattern() -> bytes:
    """A MiB of which each 64 KiB are 2 KiB of noise and zeros: 30:1."""
    source = io.BytesIO(noise())
    return b"".join(source.read(2 << 10).ljust(64 << 10, b"\0") for _ in range(16))


HALF = 1000
LIMIT = 64 << 20
# Both files, served, cached and unpacked.
ROOM = 8 << 30
ARTIFACTS = (("big.tar.gz", make_archive, "strip = 1", 2 * HALF << 20), ("big.bin", make_raw, 'format = "raw"', 1 << 30))

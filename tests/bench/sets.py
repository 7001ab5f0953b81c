"""The sets of packages: read from the pins.toml files beside this one, obtained with `npm pack`, checked, looked into."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath


@dataclass
class Package:
    """One pin, its tarball in the cache folder, and what is in it."""

    name: str
    version: str
    integrity: str
    size: int
    to: str
    tarball: Path
    manifest: dict = field(default_factory=dict)
    member: str = ""
    files: int = 0
    unpacked: int = 0

    @property
    def spec(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def alias(self) -> str:
        """The name under which node_modules has it, which differs from `name` where a package is there twice."""
        return self.to.removeprefix("node_modules/")

    @property
    def route(self) -> str:
        """Where an npm registry serves the tarball, below its root."""
        return f"{self.name}/-/{self.name.rpartition('/')[2]}-{self.version}.tgz"

    @property
    def sha512(self) -> str:
        return base64.b64decode(self.integrity.removeprefix("sha512-")).hex()

    def intact(self) -> bool:
        """Whether the tarball is there and is what was pinned."""
        if not self.tarball.is_file() or self.tarball.stat().st_size != self.size:
            return False
        return hashlib.sha512(self.tarball.read_bytes()).hexdigest() == self.sha512

    def inspect(self) -> None:
        """Learns from the tarball what an installation must have: files, bytes, package.json."""
        with tarfile.open(self.tarball) as archive:
            for member in archive:
                if not member.isfile():
                    continue
                self.files += 1
                self.unpacked += member.size
                path = PurePosixPath(member.name)
                if len(path.parts) == 2 and path.name == "package.json":
                    self.member = member.name
                    self.manifest = json.load(archive.extractfile(member))


@dataclass
class Set:
    """The packages of one pins.toml."""

    label: str
    pins: Path
    packages: list[Package]

    @property
    def expected(self) -> tuple[int, int]:
        """Files and bytes that every complete installation has."""
        return sum(p.files for p in self.packages), sum(p.unpacked for p in self.packages)

    @property
    def packed(self) -> int:
        return sum(p.size for p in self.packages)


def load(label: str, cache: Path) -> Set:
    """Reads `pins-LABEL.toml` and makes sure that all its tarballs are in `cache`."""
    pins = Path(__file__).with_name(f"pins-{label}.toml")
    packages = []
    for pin in tomllib.loads(pins.read_text())["pins"].values():
        name, _, version = pin["npm"].rpartition("@")
        tarball = cache / "tarballs" / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
        packages.append(Package(name, version, pin["integrity"], pin["size"], pin["to"], tarball))
    obtain(packages, cache / "tarballs")
    for package in packages:
        package.inspect()
    return Set(label, pins, packages)


def obtain(packages: list[Package], folder: Path) -> None:
    """Fetches what is not in `folder` yet, from the registry that npm is configured for; ends the run on wrong bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [p.spec for p in packages if not p.intact()]
    if missing:
        print(f"fetching {len(missing)} packages into {folder}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as empty:
        for start in range(0, len(missing), BATCH):
            specs = missing[start:start + BATCH]
            subprocess.run(["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder), *specs],
                           cwd=empty, stdout=subprocess.DEVNULL, check=True)
    wrong = [p.spec for p in packages if not p.intact()]
    if wrong:
        raise SystemExit(f"these packages are not what pins.toml says: {', '.join(wrong)}")


def count(folder: Path, besides: str = "") -> tuple[int, int]:
    """Regular files below `folder` and their bytes, without what is called `besides` in `folder` itself."""
    files = size = 0
    pending = [os.fspath(folder)]
    while pending:
        current = pending.pop()
        try:
            entries = list(os.scandir(current))
        except FileNotFoundError:
            continue
        for entry in entries:
            if entry.name == besides and current == os.fspath(folder):
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                files += 1
                size += entry.stat(follow_symlinks=False).st_size
    return files, size


BATCH = 20

#!/usr/bin/env python3
"""`pinfold oci` beside oras and crane (pull, push of 500 MB) and beside cosign 3 (verify of a key-signed artifact).

Everything is on the loopback: Debian's docker-registry, which has no referrers API, and for `verify` the tests' own small
registry too, which has it. The programs are packages of Debian, unpacked into a cache folder; what cannot be had is said
and left out. They take turns in every round.
"""

import argparse
import hashlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from measure import Run, adopt_orphans, run, spread
from registries import counting, docker_registry, mini_registry, remove

CHECKOUT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("PINFOLD_TEST_CORPUS") or CHECKOUT / "../shared/corpus").resolve()
sys.path.insert(0, str(CHECKOUT / "tests/interop"))
import debian


@dataclass
class Line:
    """One program in one table. `command` is asked anew for each run, with its number."""

    name: str
    checks: str
    command: Callable[[int], list[str]]
    # What is there after a run, to be looked at and removed; none for programs that leave nothing.
    out: Path | None = None
    cwd: Path | None = None
    # Whether it counts as one that pinfold is held to.
    is_peer: bool = True
    runs: list[Run] = field(default_factory=list)

    @property
    def best(self) -> float:
        return min(one.wall for one in self.runs)


class Bench:
    """The tools, a folder, and what was missed."""

    def __init__(self, options: argparse.Namespace, work: Path):
        self.work, self.rounds = work, options.rounds
        self.pinfold = str(Path(options.pinfold).resolve())
        self.missed: list[str] = []
        self.tools: dict[str, str] = {}
        for name in ("docker-registry", "oras", "crane", "cosign"):
            try:
                self.tools[name] = debian.obtain(name, options.cache / "debian")
            except debian.Absent as why:
                print(f"left out: {why}")
        nowhere = {name: "http://127.0.0.1:9/" for name in ("HTTP_PROXY", "HTTPS_PROXY")}
        self.env = {"PATH": os.environ["PATH"], "HOME": str(work / "home"), "NO_PROXY": "127.0.0.1,localhost", **nowhere,
                    "DOCKER_CONFIG": str(work / "home"), "PINFOLD_CACHE": str(work / "store")}
        (work / "home").mkdir()
        for name in ("key", "other"):
            self.must([self.pinfold, "keygen", "--no-passphrase", "--out", name, "-q"])
        self.key = str(work / "key.pub")

    def must(self, command: list[str]) -> None:
        done = subprocess.run(command, cwd=self.work, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")

    def refuses(self, command: list[str]) -> None:
        """A program that takes another key for the right one measures nothing."""
        done = subprocess.run(command, cwd=self.work, env=self.env, capture_output=True, check=False)
        if done.returncode == 0:
            sys.exit(f"{' '.join(command)} accepts what it should refuse")

    def race(self, lines: list[Line], rounds: int, look: Callable[[Line], None]) -> None:
        """All lines in turn; what the first run of each left behind is looked at. That run fills caches, and does not
        count."""
        for number in range(rounds + 1):
            # Each round begins with another program, so that none runs twice in a row.
            turn = number % len(lines)
            for line in lines[turn:] + lines[:turn]:
                done = run(line.command(number), line.cwd or self.work, self.env, self.work / "log")
                if done.failure:
                    sys.exit(f"{line.name}: {done.failure}")
                if number:
                    line.runs.append(done)
                else:
                    look(line)
                if line.out:
                    remove(line.out)


def table(title: str, lines: list[Line]) -> None:
    """Below 1 in the column `pinfold/it`, the first line is faster."""
    print(f"\n{title}")
    print(f"{'':26} {'best s':>8} {'median s':>9} {'cpu s':>7} {'peak MiB':>9} {'pinfold/it':>11}  checks")
    for line in lines:
        cpu, peak = min(one.user + one.system for one in line.runs), max(one.rss for one in line.runs) / (1 << 20)
        print(f"{line.name:26} {line.best:8.3f} {statistics.median(one.wall for one in line.runs):9.3f} {cpu:7.3f} "
              f"{peak:9.1f} {lines[0].best / line.best:11.2f}  {line.checks}", flush=True)


def artifacts(bench: Bench, registry: str, size: int) -> dict[str, list[Path]]:
    """One file, and the same bytes in eight; pushed and signed."""
    chance, parts = random.Random(7), []
    (bench.work / "files").mkdir()
    one = bench.work / "files/one.bin"
    with one.open("wb") as whole:
        for number in range(PARTS):
            part = bench.work / f"files/part{number}.bin"
            piece = chance.randbytes(size // PARTS)
            part.write_bytes(piece)
            whole.write(piece)
            parts.append(part)
    made = {"one": [one], "eight": parts}
    for name, files in made.items():
        bench.must([bench.pinfold, "oci", "push", *map(str, files), f"{registry}/bench/{name}:v1", "--key", "key", "-q"])
    return made


def sha(path: Path, name: str) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).digest()


def pins(bench: Bench, folder: Path, registry: str, file: Path) -> None:
    """A project with the one file pinned, whose signature is demanded."""
    described = subprocess.run([bench.pinfold, "oci", "verify", f"{registry}/bench/one:v1", "--key", bench.key], cwd=bench.work,
                               env=bench.env, capture_output=True, text=True, check=True)
    digest = described.stdout.split("@", 1)[1].split()[0]
    folder.mkdir()
    (folder / "key.pub").write_bytes(Path(bench.key).read_bytes())
    (folder / "pins.toml").write_text(
        f'version = 1\n\n[trust]\nprovenance = "off"\n\n[pins.one]\noci = "{registry}/bench/one:v1@{digest}"\n'
        f'integrity = "sha512-{b64encode(sha(file, "sha512")).decode()}"\nto = "out/one.bin"\nformat = "raw"\n\n'
        '[pins.one.signature]\nmode = "strict"\nkeys = ["key.pub"]\n')


def pull(bench: Bench, registry: str, made: dict[str, list[Path]]) -> None:
    """An artifact of one layer and one of eight, pulled by each program; and the one as a pin."""
    for name, files in made.items():
        reference, out = f"{registry}/bench/{name}:v1", {one: bench.work / f"out-{one}" for one in ("p", "o", "c", "b")}
        lines = [Line("pinfold oci pull", "signature, sha256",
                      lambda _, r=reference, o=out["p"]: [bench.pinfold, "oci", "pull", r, "--key", bench.key, "--out", str(o), "-q"],
                      out["p"])]
        if oras := bench.tools.get("oras"):
            lines.append(Line("oras pull", "sha256", lambda _, r=reference, o=out["o"]:
                              [oras, "pull", "--plain-http", "--no-tty", r, "-o", str(o)], out["o"]))
        if crane := bench.tools.get("crane"):
            lines.append(Line("crane pull --format oci", "sha256", lambda _, r=reference, o=out["c"]:
                              [crane, "pull", "--insecure", "--format", "oci", r, str(o)], out["c"]))
            if name == "one":
                blob = f"{registry}/bench/one@sha256:{sha(files[0], 'sha256').hex()}"
                lines.append(Line("crane blob", "sha256", lambda _, o=out["b"]:
                                  ["sh", "-c", f'"{crane}" blob --insecure "$0" > "{o}"', blob], out["b"]))
        if name == "one":
            project = bench.work / "project"
            pins(bench, project, registry, files[0])

            def fetch(_: int) -> list[str]:
                for leftover in (project / "store", project / ".pinfold"):
                    remove(leftover)
                return [bench.pinfold, "fetch", "--cache", "store", "-q"]
            lines.append(Line("pinfold fetch, raw pin", "signature, sha256, sha512", fetch, project / "out", project, False))
        bench.race(lines, bench.rounds, lambda line: whole(line, files))
        size = sum(file.stat().st_size for file in files)
        table(f"Pull of {size / 1e6:.0f} MB from docker-registry, {'one layer' if len(files) == 1 else f'{len(files)} layers'}",
              lines)
        peers = [line for line in lines[1:] if line.is_peer]
        if peers and (ratio := lines[0].best / min(line.best for line in peers)) > SLACK:
            bench.missed.append(f"pull of {name}: {ratio:.2f} of the time of the fastest of the others")
        if (peak := max(one.rss for one in lines[0].runs)) > MEMORY:
            bench.missed.append(f"pull of {name}: {peak >> 20} MiB")


def whole(line: Line, files: list[Path]) -> None:
    """Ends where a program did not write what was pushed. crane names files by their digests."""
    places = [line.out, *line.out.rglob("*")] if line.out.is_dir() else [line.out]
    found = {sha(place, "sha256") for place in places if place.is_file()}
    if missing := [file.name for file in files if sha(file, "sha256") not in found]:
        sys.exit(f"{line.name} left no {', '.join(missing)}")


def push(bench: Bench, registry: str, file: Path) -> None:
    """Each into a new repository, so that the registry has nothing of it."""
    lines = [Line("pinfold oci push", "signs, reads back",
                  lambda number: [bench.pinfold, "oci", "push", str(file), f"{registry}/push/p{number}:v1", "--key", "key", "-q"])]
    if oras := bench.tools.get("oras"):
        lines.append(Line("oras push", "", lambda number: [oras, "push", "--plain-http", "--no-tty", f"{registry}/push/o{number}:v1",
                                                          file.name], cwd=file.parent))
    if crane := bench.tools.get("crane"):
        layout = bench.work / "layout"
        bench.must([crane, "pull", "--insecure", "--format", "oci", f"{registry}/bench/one:v1", str(layout)])
        lines.append(Line("crane push", "", lambda number: [crane, "push", "--insecure", str(layout), f"{registry}/push/c{number}:v1"]))
    bench.race(lines, min(bench.rounds, 5), lambda line: None)
    table(f"Push of {file.stat().st_size / 1e6:.0f} MB to docker-registry (for information)", lines)


def verify(bench: Bench, registry: str, what: str) -> None:
    """A signed artifact, verified with a key; another key has to be refused first."""
    (bench.work / "small").write_text("small")
    bench.must([bench.pinfold, "oci", "push", "small", f"{registry}/bench/small:v1", "--key", "key", "-q"])

    def command(program: str, at: str, key: str) -> list[str]:
        if program == "pinfold":
            return [bench.pinfold, "oci", "verify", f"{at}/bench/small:v1", "--key", key]
        return [bench.tools[program], "verify", "--key", key, "--insecure-ignore-tlog=true", "--allow-http-registry",
                f"{at}/bench/small:v1"]
    programs, lines, asked = ["pinfold", *(["cosign"] if "cosign" in bench.tools else [])], [], {}
    for program in programs:
        bench.refuses(command(program, registry, str(bench.work / "other.pub")))
        with counting(registry) as (proxy, requests):
            bench.must(command(program, proxy, bench.key))
        asked[program] = list(requests)
        lines.append(Line({"pinfold": "pinfold oci verify", "cosign": "cosign 3 verify"}[program],
                          f"signature by the key; {len(requests)} requests",
                          lambda _, program=program: command(program, registry, bench.key)))
    bench.race(lines, 3 * bench.rounds, lambda line: None)
    table(f"Verify of a key-signed artifact, {what}", lines)
    if len(lines) == 2:
        if len(asked["pinfold"]) >= len(asked["cosign"]):
            bench.missed.append(f"verify, {what}: {len(asked['pinfold'])} requests, cosign {len(asked['cosign'])}")
        if (ratio := lines[0].best / lines[1].best) > HALF:
            bench.missed.append(f"verify, {what}: {ratio:.2f} of cosign's time")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="three times as many for verify (default: %(default)s)")
    parser.add_argument("--mb", type=int, default=500, metavar="N", help="size of the artifact (default: %(default)s)")
    parser.add_argument("--work", metavar="DIR", help="where the temporary folder is made: a disk with 15 GB free")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/pinfold-bench", metavar="DIR",
                        help="where the other programs are kept (default: %(default)s)")
    parser.add_argument("--mini", type=Path, default=CORPUS.parent / "tools/miniregistry.py", metavar="FILE",
                        help="the tests' own registry (default: beside the corpus)")
    parser.add_argument("--pinfold", metavar="PATH", help="the program under test",
                        default=os.environ.get("PINFOLD") or str(CHECKOUT / "target/release/pinfold"))
    parser.add_argument("parts", nargs="*", metavar="PART", help="of pull, push, verify (default: all)")
    return parser.parse_args()


def main() -> int:
    options = parse()
    parts = options.parts or ["pull", "push", "verify"]
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="pinfold-oci-", dir=options.work) as name, ExitStack() as running:
        work = Path(name)
        spread(work)
        bench = Bench(options, work)
        if program := bench.tools.get("docker-registry"):
            registry = running.enter_context(docker_registry(program, work / "docker-registry"))
            if {"pull", "push"} & set(parts):
                made = artifacts(bench, registry, options.mb * 1_000_000)
                if "pull" in parts:
                    pull(bench, registry, made)
                if "push" in parts:
                    push(bench, registry, made["one"][0])
            if "verify" in parts:
                verify(bench, registry, "docker-registry (no referrers API)")
        if "verify" in parts:
            if options.mini.is_file():
                mini = running.enter_context(mini_registry(options.mini, work / "mini"))
                verify(bench, mini, "mini registry (referrers API)")
            else:
                print(f"left out: the registry with the referrers API, {options.mini} is not there")
    for one in bench.missed:
        print(f"missed: {one}")
    return 1 if bench.missed else 0


PARTS = 8
# What noise may do to a best time that has to be no longer than another, and the signature, which the others do not look at.
SLACK = 1.1
HALF = 0.5
# Whatever the artifact's size: three layers at once, with what is under way of each.
MEMORY = 24 << 20


if __name__ == "__main__":
    sys.exit(main())

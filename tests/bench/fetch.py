#!/usr/bin/env python3
"""Compares pinfold with its peers over a loopback registry, all in one run; see README.md."""

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import memory
from measure import Run, adopt_orphans, run, spread
from peers import PEERS, Peer, Pinfold, PinfoldAsking, PinfoldEarlier, PinfoldTrees, environment
from registry import Registry
from sets import Set, load


@dataclass
class Row:
    """One program in one scenario over one set. `problem` says why the runs are no measurement, if they are none."""

    peer: str
    runs: list[Run] = field(default_factory=list)
    files: int = 0
    problem: str | None = None

    @property
    def best(self) -> float | None:
        return None if self.problem else min(r.wall for r in self.runs)

    @property
    def least(self) -> Run:
        """The run with the least CPU time: noise can only add to it."""
        return min(self.runs, key=lambda r: r.user + r.system)


class Bench:
    """The programs that take part, prepared for one set."""

    def __init__(self, packages: Set, peers: list[Peer], work: Path):
        self.packages = packages
        self.work = work
        self.peers: list[Peer] = []
        self.unprepared: dict[str, str] = {}
        work.mkdir()
        spread(work)
        for peer in peers:
            template = self.template(peer)
            template.mkdir(parents=True)
            try:
                peer.prepare(packages, template, environment(work / peer.name / "preparation"))
                self.peers.append(peer)
            except RuntimeError as error:
                self.unprepared[peer.name] = str(error)

    def template(self, peer: Peer) -> Path:
        return self.work / peer.name / "template"

    def scenario(self, scenario: str, rounds: int) -> list[Row]:
        """All programs in turn, `rounds` times over. Removes nothing: that would weigh on what follows; see `spread`."""
        contenders = [p for p in self.peers if scenario in p.scenarios]
        rows = {p.name: Row(p.name) for p in contenders}
        rows |= {name: Row(name, problem=why) for name, why in self.unprepared.items()}
        ready = {}
        if scenario != "cold":
            for peer in contenders:
                ready[peer.name] = project, state = self.fresh(peer), self.folder()
                self.once(peer, "cold", project, state, rows[peer.name])
                rows[peer.name].runs.clear()
        for number in range(rounds):
            # Each round begins with another program, so that none always runs after the same one.
            turn = number % max(len(contenders), 1)
            for peer in contenders[turn:] + contenders[:turn]:
                if rows[peer.name].problem is None:
                    project, state = ready.get(peer.name) or (None, self.folder())
                    if scenario in ("cold", "warm"):
                        project = self.fresh(peer)
                    self.once(peer, scenario, project, state, rows[peer.name])
        return list(rows.values())

    def folder(self) -> Path:
        """An empty folder; its name is random, as the name decides about the place on the disk."""
        return Path(tempfile.mkdtemp(dir=self.work))

    def fresh(self, peer: Peer) -> Path:
        """A new checkout: pins, or manifest and lock file, and no tree."""
        project = self.folder()
        shutil.copytree(self.template(peer), project, dirs_exist_ok=True)
        return project

    def once(self, peer: Peer, scenario: str, project: Path, state: Path, row: Row) -> None:
        """One run and the proof that it did its work: as many files and bytes as the tarballs have."""
        env = environment(state)
        done = run(peer.command(scenario, state), project, env, state / "log")
        found = peer.installed(self.packages, project, state)
        row.runs.append(done)
        row.files = found[0]
        if done.failure is not None:
            row.problem = done.failure
        elif found != self.packages.expected:
            row.problem = "has {} files of {} bytes, expected {} of {}".format(*found, *self.packages.expected)


def table(rows: list[Row], rounds: int, scenario: str, packages: Set) -> None:
    files, size = packages.expected
    print(f"\n{SCENARIOS[scenario]}: {len(packages.packages)} packages, {packages.packed / 1e6:.1f} MB packed, "
          f"{size / 1e6:.1f} MB in {files:,} files; {rounds} rounds")
    print(f"{'':10}{'best s':>9}{'median s':>10}{'user s':>9}{'sys s':>9}{'peak MiB':>10}{'files':>8}{'pinfold/it':>12}")
    ours = next((r.best for r in rows if r.peer == "pinfold"), None)
    for row in rows:
        if row.problem:
            print(f"{row.peer:10}  invalid: {row.problem}")
            continue
        median = statistics.median(r.wall for r in row.runs)
        least, rss = row.least, max(r.rss for r in row.runs)
        ratio = f"{ours / row.best:.2f}" if ours and row.peer != "pinfold" else ""
        print(f"{row.peer:10}{row.best:9.4f}{median:10.4f}{least.user:9.3f}{least.system:9.3f}{rss / 2**20:10.1f}"
              f"{row.files:8}{ratio:>12}", flush=True)


def locate(arguments: argparse.Namespace, url: str) -> tuple[list[Peer], bool]:
    """The programs to run, each said with its version or why it is not there; and whether pinfold is missing."""
    found: list[Peer] = []
    missing = False
    if arguments.pinfold != "none":
        program = shutil.which(arguments.pinfold)
        missing = program is None
        if missing:
            print(f"pinfold: no program at `{arguments.pinfold}`; the peers only")
        else:
            found += [kind(os.path.abspath(program), url) for kind in (Pinfold, PinfoldAsking, PinfoldTrees)]
    if arguments.earlier is not None:
        found.append(PinfoldEarlier(str(arguments.earlier.resolve()), url))
    for kind in PEERS:
        if kind.name in arguments.peers:
            program = kind.find(arguments.cache)
            if program is None:
                print(f"{kind.name}: not on this machine and not to be had; skipped")
            else:
                found.append(kind(program, url))
    for peer in found:
        print(f"{peer.name}: {peer.version()}")
    return found, missing


def room(work: Path, sets: list[Set], peers: list[Peer], arguments: argparse.Namespace) -> None:
    """Ends the run before it fills the disk: nothing is removed until all is over."""
    wanted = [s for p in peers for s in p.scenarios if s in arguments.scenario]
    trees = sum(arguments.rounds if s in ("cold", "warm") else 1 for s in wanted)
    # Small files take more room than they have bytes.
    need = sum(s.packed + s.expected[1] * 3 // 2 for s in sets) * trees + ("memory" in arguments.scenario) * memory.ROOM
    free = shutil.disk_usage(work).free
    if free < need:
        raise SystemExit(f"{work} has {free >> 20} MiB free, {need >> 20} are needed; fewer --rounds, or another --work")


def parse() -> argparse.Namespace:
    checkout = Path(__file__).resolve().parents[2]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    names = [kind.name for kind in PEERS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=("3", "86", "all"), default="all")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--peers", default=",".join(names), metavar="LIST", help="of: %(default)s; empty for none")
    parser.add_argument("--scenario", default=",".join([*SCENARIOS, "memory"]), metavar="LIST", help="of: %(default)s")
    parser.add_argument("--pinfold", metavar="PATH", help="default: $PINFOLD or target/release/pinfold; `none`: peers only",
                        default=os.environ.get("PINFOLD") or str(checkout / "target/release/pinfold"))
    parser.add_argument("--earlier", type=Path, metavar="PATH", help="another build of pinfold to run beside it")
    parser.add_argument("--cache", type=Path, default=home / "pinfold-bench", metavar="DIR",
                        help="where packages and peers are kept between runs (default: %(default)s)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where the temporary folder is made; a disk, not a tmpfs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single run there")
    arguments = parser.parse_args()
    arguments.peers = list(filter(None, arguments.peers.split(",")))
    arguments.scenario = list(filter(None, arguments.scenario.split(",")))
    arguments.cache = arguments.cache.resolve()
    scenarios = [*SCENARIOS, "memory"]
    for option, given, known in (("--peers", arguments.peers, names), ("--scenario", arguments.scenario, scenarios)):
        if unknown := set(given) - set(known):
            parser.error(f"{option}: unknown: {', '.join(sorted(unknown))}")
    if arguments.earlier is not None and not os.access(arguments.earlier, os.X_OK):
        parser.error(f"--earlier: no program at `{arguments.earlier}`")
    if arguments.rounds < 1:
        parser.error("--rounds: at least 1")
    return arguments


def main() -> int:
    arguments = parse()
    adopt_orphans()
    # So that nginx and the folders go when the run is ended from outside, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    results: list[dict] = []
    failed = False
    with tempfile.TemporaryDirectory(prefix="pinfold-bench-", dir=arguments.work) as temporary:
        work = Path(temporary)
        timed = [s for s in SCENARIOS if s in arguments.scenario]
        sets = [load(label, arguments.cache) for label in ("3", "86") if timed and arguments.set in (label, "all")]
        with Registry(work / "registry") as registry:
            registry.publish([p for s in sets for p in s.packages])
            peers, missing = locate(arguments, registry.url)
            room(work, sets, peers, arguments)
            for packages in sets:
                bench = Bench(packages, peers, work / packages.label)
                for scenario in timed:
                    rows = bench.scenario(scenario, arguments.rounds)
                    if rows:
                        table(rows, arguments.rounds, scenario, packages)
                    failed |= any(r.problem for r in rows if r.peer in (Pinfold.name, PinfoldAsking.name, PinfoldTrees.name))
                    results.append({"set": packages.label, "scenario": scenario, "rows": [asdict(r) for r in rows]})
            if "memory" in arguments.scenario and peers and peers[0].name == "pinfold":
                lines = memory.measure(peers[0].program, registry, work / "memory")
                failed |= any(line.problem for line in lines)
                results.append({"scenario": "memory", "rows": [asdict(line) for line in lines]})
            versions = {p.name: p.version() for p in peers}
    if arguments.json:
        machine = {"cpus": os.cpu_count(), "kernel": platform.release(), "machine": platform.machine()}
        arguments.json.write_text(json.dumps({"machine": machine, "versions": versions, "results": results}, indent=1))
    return 1 if failed or missing else 0


SCENARIOS = {"cold": "Cold, no cache and no tree", "warm": "Warm, the cache but no tree", "nothing": "Nothing to do",
             "verify": "Verify, every byte"}

if __name__ == "__main__":
    sys.exit(main())

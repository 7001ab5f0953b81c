#!/usr/bin/env python3
"""Many projects at once, measured: makes projects with pins of small files, fetches each, and runs
`pinfold verify --projects-from` over all of them.

    python3 tests/bench/scale.py --pinfold target/release/pinfold [--projects 10000] [--pins 5] [--folder DIR]

Every project is whole: its own pins.toml, files, trees and records, so that nothing is read twice by name. One in a
hundred has a tree that was changed and one in a thousand no pins.toml, as among real checkouts some are broken. The
output is held to what it must be, then cut in half and resumed.
"""

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import measure


def integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def content(project: int, pin: int) -> bytes:
    """A few kilobytes that no other pin has."""
    return (f"project {project} pin {pin}\n" * 160).encode()


def make(folder: Path, pinfold: str, projects: int, pins: int, environment: dict) -> None:
    for number in range(projects):
        root = folder / f"{number:05}"
        root.mkdir(parents=True)
        tables = ["version = 1\n"]
        for pin in range(pins):
            data = content(number, pin)
            (root / f"{pin}.bin").write_bytes(data)
            tables.append(
                f'[pins.p{pin}]\nfile = "{pin}.bin"\nintegrity = "{integrity(data)}"\nto = "vendor/p{pin}"\n'
            )
        (root / "pins.toml").write_text("\n".join(tables))
        # The real command makes the trees and records: what is measured later is what a fetch leaves.
        subprocess.run([pinfold, "fetch", "--quiet"], cwd=root, env=environment, check=True,
                       stdout=subprocess.DEVNULL)
        if number % 100 == 7:
            (root / "vendor" / "p0").write_text("loot")
        if number % 1000 == 13:
            (root / "pins.toml").unlink()


def expected(projects: int, pins: int) -> tuple[int, int, int]:
    absent = sum(1 for number in range(projects) if number % 1000 == 13)
    changed = sum(1 for number in range(projects) if number % 100 == 7)
    return (projects - absent) * pins + absent, changed, absent


def run(command: list[str], environment: dict, log: Path) -> dict:
    """One run, its lines in `log`."""
    took = measure.run([*command, "--quiet"], log.parent, environment, log)
    return {"code": took.code, "wall s": round(took.wall, 2), "processor s": round(took.user + took.system, 2),
            "peak MiB": round(took.rss / 2**20, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pinfold", required=True)
    parser.add_argument("--projects", type=int, default=10_000)
    parser.add_argument("--pins", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where to make the projects, and to leave them for the next run")
    options = parser.parse_args()
    pinfold = os.path.abspath(options.pinfold)
    folder = Path(options.folder or tempfile.mkdtemp(prefix="pinfold-scale-"))
    environment = {"HOME": str(folder), "PINFOLD_CACHE": str(folder / "store"), "PATH": os.environ["PATH"]}
    projects = folder / f"projects-{options.projects}-{options.pins}"
    if not projects.exists():
        make(projects, pinfold, options.projects, options.pins, environment)
    listed = folder / "list"
    listed.write_text("".join(f"{projects}/{number:05}\n" for number in range(options.projects)))
    lines, changed, absent = expected(options.projects, options.pins)

    out = folder / "out.jsonl"
    command = [pinfold, "verify", "--projects-from", str(listed)]
    measure.adopt_orphans()
    for jobs in sorted({1, os.cpu_count() or 1, 8}):
        best = min((run([*command, "--jobs", str(jobs)], environment, out) for _ in range(options.rounds)),
                   key=lambda result: result["wall s"])
        print(f"jobs {jobs}: {json.dumps(best)}", flush=True)
        verdicts = [json.loads(line)["verdict"] for line in out.read_text().splitlines()]
        got = (len(verdicts), verdicts.count("REFUSED"), verdicts.count("FAILED"))
        assert best["code"] == 1 and got == (lines, changed, absent), (best, got, (lines, changed, absent))

    few = folder / "few"
    few.write_text("".join(listed.read_text().splitlines(keepends=True)[: options.projects // 100]))
    few_out = folder / "few.jsonl"
    result = run([pinfold, "verify", "--projects-from", str(few)], environment, few_out)
    print(f"a hundredth of them: {json.dumps(result)}")

    whole = set(out.read_bytes().splitlines())
    with open(out, "rb+") as stream:
        stream.truncate(out.stat().st_size // 2)
    rest = folder / "rest.jsonl"
    result = run([*command, "--resume", str(out)], environment, rest)
    print(f"the second half, resumed: {json.dumps(result)}")
    text = set((out.read_bytes() + rest.read_bytes()).splitlines())
    assert whole <= text, "a line is missing after the resumed run"

    start = time.monotonic()
    sample = min(200, options.projects)
    for number in range(sample):
        subprocess.run([pinfold, "verify", "--json"], cwd=projects / f"{number:05}", env=environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(f"a process a project, one after the other: {(time.monotonic() - start) / sample * 1000:.1f} ms each")
    if not options.folder:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""`pinfold attest` of many outputs beside coreutils' `sha256sum` and `sha512sum` over the same files on all processors.

The floor is what hashing itself takes: `xargs -P` with as many processes as there are processors, each hashing sixteen
files with both programs. pinfold verifies its pins, asks git, reads every output once for both digests and writes the
statement; what it says of a few outputs is held to what the two programs say. They take turns in every round.
"""

import argparse
import base64
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Run, adopt_orphans, run


def outputs(folder: Path, count: int, total: int) -> int:
    """Makes `count` files of `total` bytes together, of sizes that differ a hundredfold as those of releases do."""
    chance = random.Random(count)
    weights = [chance.lognormvariate(0, 1.5) for _ in range(count)]
    block = chance.randbytes(1 << 20)
    written = 0
    for index, weight in enumerate(weights):
        size = int(weight / sum(weights) * total)
        path = folder / f"dist/{index % 50}/{index}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(index.to_bytes(8, "big"))
            for at in range(0, size, len(block)):
                file.write(block[:min(len(block), size - at)])
        written += path.stat().st_size
    return written


def project(folder: Path, pinfold: str, env: dict[str, str]) -> None:
    """A checkout with one fetched pin."""
    (folder / "tool.bin").write_bytes(b"tool")
    integrity = base64.b64encode(hashlib.sha512(b"tool").digest()).decode()
    (folder / "pins.toml").write_text(
        'version = 1\n\n[trust]\nprovenance = "off"\n\n[pins.tool]\nfile = "tool.bin"\n'
        f'integrity = "sha512-{integrity}"\nto = "vendor/tool"\n')
    (folder / ".gitignore").write_text("/dist/\n/vendor/\n/statement.json\n")
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    for command in [[pinfold, "fetch", "--quiet"], ["git", "init", "--quiet"], ["git", "add", "--all"],
                    [*git, "commit", "--quiet", "--message", "bench"]]:
        subprocess.run(command, cwd=folder, env=env, check=True)


def held(folder: Path, count: int) -> None:
    """Ends where the statement does not say of each output what another program says of it."""
    statement = json.loads((folder / "statement.json").read_text())
    subjects = {one["name"]: one["digest"] for one in statement["subject"]}
    if len(subjects) != count:
        sys.exit(f"{len(subjects)} outputs are stated, and there are {count}")
    for name in list(subjects)[::max(1, count // 50)]:
        data = (folder / name).read_bytes()
        right = {"sha256": hashlib.sha256(data).hexdigest(), "sha512": hashlib.sha512(data).hexdigest()}
        if subjects[name] != right:
            sys.exit(f"{name} is stated wrongly")


def parse() -> argparse.Namespace:
    checkout = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="default: %(default)s")
    parser.add_argument("--outputs", type=int, default=1000, metavar="N", help="default: %(default)s")
    parser.add_argument("--mib", type=int, default=1024, metavar="N", help="of all outputs together (default: %(default)s)")
    parser.add_argument("--work", metavar="DIR", help="where the temporary folder is made")
    parser.add_argument("--pinfold", metavar="PATH", help="the program under test",
                        default=os.environ.get("PINFOLD") or str(checkout / "target/release/pinfold"))
    return parser.parse_args()


def main() -> None:
    options = parse()
    adopt_orphans()
    pinfold = str(Path(options.pinfold).resolve())
    processors = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="pinfold-attest-", dir=options.work) as work:
        folder = Path(work) / "project"
        folder.mkdir()
        env = {"PATH": os.environ["PATH"], "HOME": str(Path(work) / "home"), "PINFOLD_CACHE": str(Path(work) / "cache"),
               "GIT_CONFIG_NOSYSTEM": "1"}
        project(folder, pinfold, env)
        size = outputs(folder, options.outputs, options.mib << 20)
        both = 'sha256sum "$@" && sha512sum "$@"'
        commands = {
            "sha256sum, sha512sum": ["sh", "-c", f"find dist -type f -print0 | xargs -0 -n 16 -P {processors} "
                                                 f"sh -c '{both}' sh"],
            "pinfold attest": [pinfold, "attest", "dist", "--out", "statement.json", "--no-times", "--quiet",
                               "--build-type", "https://example.com/bench/v1", "--builder-id",
                               "https://example.com/bench"],
        }
        runs: dict[str, list[Run]] = {name: [] for name in commands}
        for number in range(options.rounds + 1):
            names = list(commands) if number % 2 else list(commands)[::-1]
            for name in names:
                done = run(commands[name], folder, env, Path(work) / "log")
                if done.failure:
                    sys.exit(f"{name}: {done.failure}")
                # The first round fills the disk's cache.
                if number:
                    runs[name].append(done)
        held(folder, options.outputs)
    print(f"{options.outputs} outputs, {size / (1 << 20):.0f} MiB, {processors} processors")
    floor = min(one.wall for one in runs["sha256sum, sha512sum"])
    print(f"{'':22} {'best s':>8} {'median s':>9} {'cpu s':>8} {'peak MiB':>9} {'MiB/s':>8} {'ratio':>6}")
    for name, all_runs in runs.items():
        best = min(one.wall for one in all_runs)
        cpu = min(one.user + one.system for one in all_runs)
        peak = max(one.rss for one in all_runs) / (1 << 20)
        print(f"{name:22} {best:8.3f} {statistics.median(one.wall for one in all_runs):9.3f} {cpu:8.3f} {peak:9.1f} "
              f"{size / (1 << 20) / best:8.0f} {best / floor:6.2f}")


if __name__ == "__main__":
    main()

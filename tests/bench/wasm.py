#!/usr/bin/env python3
"""Checks signed WebAssembly with pinfold, with wasmsign2, and hashes it with nothing but SHA-256.

Each command reads the same files, which are in the page cache; the median of many runs counts. The module is made here: one
large section of bytes that do not repeat. wasmsign2 is obtained through cargo where it is not at hand, or left out, which
is said.
"""

import argparse
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import measure

LIMITS = {"hashing": 1.3, "wasmsign2": 3.0, "start": 0.005, "memory": 16 << 20}


def leb(value: int) -> bytes:
    out = b""
    while True:
        low, value = value & 0x7F, value >> 7
        if not value:
            return out + bytes([low])
        out += bytes([low | 0x80])


def module(path: Path, size: int) -> None:
    """A module with one custom section of about `size` bytes."""
    content = b"\x04data" + hashlib.shake_256(b"module").digest(min(size, 1 << 20)) * max(1, size >> 20)
    path.write_bytes(b"\0asm\x01\0\0\0" + b"\0" + leb(len(content)) + content)


def other(given: str | None, folder: Path) -> str | None:
    """The command wasmsign2, if it can be had."""
    found = given or shutil.which("wasmsign2")
    if found:
        return found
    asked = ["cargo", "install", "wasmsign2-cli", "--version", "0.2.8", "--locked", "--root", str(folder)]
    if subprocess.run(asked, stdout=subprocess.DEVNULL).returncode == 0:
        return str(folder / "bin/wasmsign2")
    print("wasmsign2 cannot be had: no comparison with it")
    return None


def median(argv: list[str], folder: Path, runs: int) -> tuple[float, int]:
    """Seconds and the largest memory of so many runs; one that fails ends the benchmark."""
    times, memory = [], 0
    for _ in range(runs):
        ran = measure.run(argv, folder, dict(os.environ), folder / "log")
        if ran.failure:
            sys.exit(f"{' '.join(argv)}: {ran.failure}")
        times.append(ran.wall)
        memory = max(memory, ran.rss)
    return statistics.median(times), memory


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pinfold", required=True, type=Path)
    parser.add_argument("--wasmsign2")
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    pinfold = str(options.pinfold.resolve())
    missed = []
    measure.adopt_orphans()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peer = other(options.wasmsign2, folder / "peer")
        subprocess.run([pinfold, "wasm", "keygen", "-k", "k", "-K", "k.pub", "--format", "raw", "-q"], cwd=folder, check=True)
        print(f"{'file':>8}  {'pinfold':>9}  {'sha256':>9}  {'wasmsign2':>9}   ratios, memory")
        memories = []
        for size in (1 << 20, 16 << 20, 80 << 20):
            path = folder / f"{size >> 20}.wasm"
            module(path, size)
            subprocess.run([pinfold, "wasm", "sign", path, "--key", "k", "-q"], cwd=folder, check=True)
            own, memory = median([pinfold, "wasm", "verify", str(path), "--key", "k.pub"], folder, options.runs)
            # OpenSSL hashes as fast as this machine can; coreutils may or may not.
            hasher = ["openssl", "dgst", "-sha256"] if shutil.which("openssl") else ["sha256sum"]
            hashing, _ = median([*hasher, str(path)], folder, options.runs)
            ratio = own / hashing
            line = f"{size >> 20:>5} MB  {own * 1000:>6.1f} ms  {hashing * 1000:>6.1f} ms"
            told = f"{ratio:.2f} of hashing"
            if peer:
                theirs, _ = median([peer, "verify", "-i", str(path), "-K", "k.pub"], folder, options.runs)
                line += f"  {theirs * 1000:>6.1f} ms"
                told += f", {theirs / own:.1f} times as fast as wasmsign2"
                if size > 1 << 20 and theirs / own < LIMITS["wasmsign2"]:
                    missed.append(f"{size >> 20} MB: {theirs / own:.1f} times as fast as wasmsign2")
            else:
                line += f"  {'-':>9}"
            print(f"{line}   {told}, {memory >> 10} KiB", flush=True)
            memories.append(memory)
            if size == 1 << 20 and own > LIMITS["start"]:
                missed.append(f"1 MB takes {own * 1000:.1f} ms")
            if size == 80 << 20 and ratio > LIMITS["hashing"]:
                missed.append(f"80 MB: {ratio:.2f} of hashing")
        if memories[-1] > LIMITS["memory"] or memories[-1] > memories[0] + (2 << 20):
            missed.append(f"80 MB takes {memories[-1] >> 10} KiB, 1 MB {memories[0] >> 10} KiB")
    for one in missed:
        print(f"missed: {one}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

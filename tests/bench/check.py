#!/usr/bin/env python3
"""`pinfold check` beside the two verifiers that everybody has: sigstore-python and @sigstore/verify, on one bundle.

Each is a whole process that reads the artifact, the bundle and a given trusted root, proves the bundle, compares who
signed and that the artifact is its subject, and ends; none asks anybody. They take turns in every round.
The bundle is the provenance of @playwright/cli 0.1.1, out of the corpus that tests use too (`PINFOLD_TEST_CORPUS`).
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measure import Run, adopt_orphans, run


@dataclass
class Peer:
    """A program under comparison: what it is called, and how it is run. The last one before a ratio is pinfold."""

    name: str
    version: str
    command: list[str]


def load(corpus: Path, work: Path) -> None:
    """Puts the artifact, its bundle and the trusted root into `work`; and a hundred and one of the bundle."""
    with tarfile.open(corpus / "attestations.tar.gz") as archive:
        def text(name: str) -> bytes:
            return archive.extractfile(f"attestations/{name}").read()
        (work / "artifact").write_bytes(text(f"{DOCUMENT}.tgz"))
        (work / "root.json").write_bytes(text("trust/trusted_root_public_good.json"))
        response = json.loads(text(f"{DOCUMENT}-attestations.json"))
    bundles = [one["bundle"] for one in response["attestations"] if one["predicateType"].startswith("https://slsa.dev/")]
    line = json.dumps(bundles[0])
    (work / "bundle.json").write_text(line)
    (work / "many.jsonl").write_text(f"{line}\n" * (1 + MANY))


def python_peer(cache: Path) -> Peer | None:
    """sigstore-python in an environment of its own, made once."""
    folder = cache / "attestations/venv"
    python = folder / "bin/python"

    def version() -> str:
        program = "import importlib.metadata as m; print(m.version('sigstore'))"
        answer = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
        return answer.stdout.strip()
    if not python.exists() or version() != SIGSTORE_PYTHON:
        print("installing sigstore-python with pip, once", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=False)
        subprocess.run([python, "-m", "pip", "install", "--quiet", f"sigstore=={SIGSTORE_PYTHON}"], check=False)
    if version() != SIGSTORE_PYTHON:
        return None
    return Peer("sigstore-python", SIGSTORE_PYTHON, [str(python), "-c", PYTHON, "artifact", "bundle.json", "root.json"])


def node_peer(cache: Path) -> Peer | None:
    """@sigstore/verify with what it needs to read a bundle, installed once."""
    node, folder = shutil.which("node"), cache / "attestations/node"

    def installed(name: str) -> str:
        manifest = folder / "node_modules" / name / "package.json"
        return json.loads(manifest.read_text())["version"] if manifest.exists() else ""
    if node is None:
        return None
    wanted = [f"{name}@{version}" for name, version in NODE_PACKAGES.items() if installed(name) != version]
    if wanted and shutil.which("npm"):
        print("installing @sigstore/verify with npm, once", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        everything = [f"{name}@{version}" for name, version in NODE_PACKAGES.items()]
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--prefix", str(folder), *everything],
                       check=False)
    if any(installed(name) != version for name, version in NODE_PACKAGES.items()):
        return None
    script = folder / "verify.cjs"
    script.write_text(NODE)
    return Peer("@sigstore/verify", NODE_PACKAGES["@sigstore/verify"],
                [node, str(script), "artifact", "bundle.json", "root.json"])


def pinfold(program: str, document: str) -> list[str]:
    return [program, "check", "artifact", "--attestation", document, "--trusted-root", "root.json", "--identity", IDENTITY,
            "--issuer", ISSUER, "--quiet"]


def environment(work: Path) -> dict[str, str]:
    """Nothing of the machine's configuration, and no host that could be asked."""
    nobody = "http://127.0.0.1:9"
    return {"PATH": os.environ["PATH"], "HOME": str(work / "home"), "HTTPS_PROXY": nobody, "HTTP_PROXY": nobody,
            "https_proxy": nobody, "http_proxy": nobody}


def rounds(peers: list[Peer], count: int, work: Path) -> dict[str, list[Run]]:
    """Runs all in turn, `count` times; each round begins with another one."""
    runs: dict[str, list[Run]] = {peer.name: [] for peer in peers}
    env = environment(work)
    for peer in peers:
        # Once for the disk's cache, Python's compiled modules, and to see whether it works at all.
        first = run(peer.command, work, env, work / "log")
        if first.failure:
            sys.exit(f"{peer.name} does not accept the bundle: {first.failure}")
    for number in range(count):
        at = number % len(peers)
        for peer in peers[at:] + peers[:at]:
            done = run(peer.command, work, env, work / "log")
            if done.failure:
                sys.exit(f"{peer.name}: {done.failure}")
            runs[peer.name].append(done)
    return runs


def refuses(peer: Peer, work: Path) -> bool:
    """Whether it notices another artifact: who accepts everything is fast."""
    artifact = work / "artifact"
    right = artifact.read_bytes()
    artifact.write_bytes(right + b"x")
    done = run(peer.command, work, environment(work), work / "log")
    artifact.write_bytes(right)
    return done.code != 0


def table(peers: list[Peer], runs: dict[str, list[Run]]) -> None:
    own = min(one.wall for one in runs["pinfold"])
    print(f"{'':26} {'best ms':>9} {'median ms':>9} {'cpu ms':>9} {'peak MiB':>9} {'it/pinfold':>11}")
    for peer in peers:
        walls = [one.wall for one in runs[peer.name]]
        cpu = min(one.user + one.system for one in runs[peer.name])
        peak = max(one.rss for one in runs[peer.name]) / (1 << 20)
        ratio = f"{min(walls) / own:.1f}" if peer.version else ""
        print(f"{peer.name + ' ' + peer.version:26} {min(walls) * 1e3:9.2f} {statistics.median(walls) * 1e3:9.2f} "
              f"{cpu * 1e3:9.2f} {peak:9.1f} {ratio:>11}")


def parse() -> argparse.Namespace:
    checkout = Path(__file__).resolve().parents[2]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("--pinfold", metavar="PATH", help="the program under test",
                        default=os.environ.get("PINFOLD") or str(checkout / "target/release/pinfold"))
    parser.add_argument("--cache", type=Path, default=home / "pinfold-bench", metavar="DIR",
                        help="where the peers are kept between runs (default: %(default)s)")
    parser.add_argument("--corpus", type=Path, metavar="DIR",
                        default=os.environ.get("PINFOLD_TEST_CORPUS") or checkout.parent / "shared/corpus",
                        help="where attestations.tar.gz lies (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single run there")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    program = str(Path(arguments.pinfold).resolve())
    if not os.access(program, os.X_OK):
        sys.exit(f"there is no {program}: run `make build`, or say --pinfold PATH")
    if not (Path(arguments.corpus) / "attestations.tar.gz").exists():
        print(f"skipped: there is no corpus of attestations in {arguments.corpus}; --corpus names another place")
        return 0
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="pinfold-bench-") as temporary:
        work = Path(temporary)
        load(Path(arguments.corpus), work)
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
        found = [Peer("pinfold", version, pinfold(program, "bundle.json")), python_peer(arguments.cache),
                 node_peer(arguments.cache)]
        verifiers = [peer for peer in found if peer]
        for name, peer in zip(("sigstore-python", "@sigstore/verify"), found[1:]):
            if peer is None:
                print(f"skipped: {name} is not there and cannot be installed")
        for peer in verifiers:
            if not refuses(peer, work):
                sys.exit(f"{peer.name} accepts another artifact, so that its time means nothing")
        # What starting any process takes here, and what each further bundle takes in a process.
        others = [Peer("nothing (/bin/true)", "", ["/bin/true"]),
                  Peer(f"pinfold, {1 + MANY} bundles", "", pinfold(program, "many.jsonl"))]
        runs = rounds([*verifiers, *others], arguments.rounds, work)
        print(f"Checking one bundle, {arguments.rounds} rounds, {os.cpu_count()} processors")
        table([*verifiers, *others], runs)
        best = {name: min(one.wall for one in all_runs) for name, all_runs in runs.items()}
        each = (best[others[1].name] - best["pinfold"]) / MANY
        print(f"each further bundle in one process: {each * 1e3:.2f} ms")
    if arguments.json:
        machine = {"cpus": os.cpu_count(), "kernel": platform.release(), "machine": platform.machine()}
        walls = {name: [one.wall for one in all_runs] for name, all_runs in runs.items()}
        arguments.json.write_text(json.dumps({"machine": machine, "wall": walls}, indent=1))
    peak = max(one.rss for one in runs["pinfold"])
    return 1 if best["pinfold"] > MAX_WALL or peak > MAX_PEAK or each > MAX_EACH else 0


DOCUMENT = "docs/mitchdenny__sigstore-dotnet-samples-data-playwright-cli-0.1.1"
IDENTITY = "https://github.com/microsoft/playwright-cli/.github/workflows/publish.yml@refs/tags/v0.1.1"
ISSUER = "https://token.actions.githubusercontent.com"
# How many bundles more are judged in one process, to see what one takes without the process.
MANY = 100
# What has to hold: seconds and bytes.
MAX_WALL, MAX_PEAK, MAX_EACH = 0.006, 10 << 20, 0.001

# The peers' versions, for figures that can be had again; a newer one is a change of this line.
SIGSTORE_PYTHON = "4.5.1"
NODE_PACKAGES = {"@sigstore/verify": "4.1.3", "@sigstore/bundle": "5.0.1", "@sigstore/protobuf-specs": "0.5.2"}

PYTHON = f"""
import hashlib, json, sys
from pathlib import Path
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy
artifact, bundle, root = sys.argv[1:]
verifier = Verifier(trusted_root=TrustedRoot.from_file(root))
signer = policy.Identity(identity={IDENTITY!r}, issuer={ISSUER!r})
kind, payload = verifier.verify_dsse(Bundle.from_json(Path(bundle).read_bytes()), signer)
assert kind == "application/vnd.in-toto+json", kind
digest = hashlib.sha512(Path(artifact).read_bytes()).hexdigest()
assert digest in [one["digest"].get("sha512") for one in json.loads(payload)["subject"]], "another artifact"
"""

NODE = f"""
const crypto = require("node:crypto");
const fs = require("node:fs");
const {{ bundleFromJSON }} = require("@sigstore/bundle");
const {{ TrustedRoot }} = require("@sigstore/protobuf-specs");
const {{ Verifier, toSignedEntity, toTrustMaterial }} = require("@sigstore/verify");
const [artifact, bundle, root] = process.argv.slice(2).map((path) => fs.readFileSync(path));
const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(root))));
const read = bundleFromJSON(JSON.parse(bundle));
const pattern = {json.dumps("^" + IDENTITY.replace(".", chr(92) + ".") + "$")};
verifier.verify(toSignedEntity(read), {{ subjectAlternativeName: pattern, extensions: {{ issuer: {json.dumps(ISSUER)} }} }});
const digest = crypto.createHash("sha512").update(artifact).digest("hex");
const statement = JSON.parse(read.content.dsseEnvelope.payload);
if (!statement.subject.some((one) => one.digest.sha512 === digest)) throw new Error("another artifact");
"""

if __name__ == "__main__":
    sys.exit(main())

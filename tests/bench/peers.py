"""The programs under comparison: where they are, what they need in a project folder, how they are run.

Each run has two folders: the project, where the tree goes, and the state, where home, caches and stores go.
Nothing else of the machine's configuration reaches a program, and a proxy that refuses everything stands before any
host but the loopback.
"""

import glob
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sets import Set, count


class Peer:
    """What is common to all: a program found, a template folder made once, and then one command a scenario."""

    name = ""
    # The scenarios that mean something for this program.
    scenarios = ("cold", "warm", "nothing")

    def __init__(self, program: str, registry: str):
        self.program = program
        self.registry = registry

    @staticmethod
    def find(cache: Path) -> str | None:
        """The program's path, installed into the benchmark's cache folder if that is its way; `None` if there is none."""
        raise NotImplementedError

    def version(self) -> str:
        answer = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=False)
        return (answer.stdout or answer.stderr).strip().splitlines()[0]

    def prepare(self, packages: Set, project: Path, env: dict[str, str]) -> None:
        """Writes into `project` what a checkout would have: manifest and lock file."""
        raise NotImplementedError

    def command(self, scenario: str, state: Path) -> list[str]:
        raise NotImplementedError

    def installed(self, packages: Set, project: Path, state: Path) -> tuple[int, int]:
        """Files and bytes of the packages in the finished tree, without the program's own."""
        # pnpm makes each package a symbolic link, and a node_modules/.bin inside it; no tarball of a set has the like.
        found = [count((project / p.to).resolve(), besides="node_modules") for p in packages.packages]
        return sum(files for files, _ in found), sum(size for _, size in found)


class Pinfold(Peer):
    name = "pinfold"
    scenarios = ("cold", "warm", "nothing", "verify")

    def prepare(self, packages, project, env):
        shutil.copy(packages.pins, project / "pins.toml")

    def command(self, scenario, state):
        # None of the others looks for evidence.
        options = ["--cache", str(state / "pinfold"), "--verify-attestations", "off"]
        if scenario == "verify":
            return [self.program, "verify", *options]
        return [self.program, "fetch", *options, "--registry", f"npm={self.registry}"]


class PinfoldEarlier(Pinfold):
    """An earlier build of pinfold, in the same run: what a change costs shows only there."""

    name = "earlier"


class PinfoldAsking(Pinfold):
    """pinfold as it is by default: it asks for the evidence of each package, which this registry does not have."""

    name = "asking"
    scenarios = ("cold", "nothing")

    def command(self, scenario, state):
        return [word for word in super().command(scenario, state) if word not in ("--verify-attestations", "off")]


class PinfoldTrees(Pinfold):
    """pinfold with a tree hash in every pin: a second digest over every byte at each fetch, and a shorter proof later."""

    name = "with tree"
    scenarios = ("cold", "verify")

    def prepare(self, packages, project, env):
        # No tree has this hash, so that the refusal tells the right one.
        nothing = f"sha256-{'A' * 43}="
        text = re.sub(r"^(size = .*)$", rf'\1\ntree = "{nothing}"', packages.pins.read_text(), flags=re.MULTILINE)
        (project / "pins.toml").write_text(text)
        command = [*self.command("cold", project / "store"), "--json"]
        done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)
        for row in json.loads(done.stdout)["rows"]:
            before, table, after = text.partition(f"[pins.{row['subject']}]\n")
            if not table:
                before, table, after = text.partition(f"[pins.\"{row['subject']}\"]\n")
            text = before + table + after.replace(nothing, row["findings"][0]["received"], 1)
        shutil.rmtree(project)
        project.mkdir()
        (project / "pins.toml").write_text(text)


class PackageManager(Peer):
    """A package manager with a lock file, made once from a package.json that lists the whole set."""

    def lock(self) -> list[str]:
        raise NotImplementedError

    def prepare(self, packages, project, env):
        wanted = {p.alias: p.version if p.alias == p.name else f"npm:{p.spec}" for p in packages.packages}
        manifest = {"name": "bench", "version": "1.0.0", "private": True, "dependencies": wanted}
        (project / "package.json").write_text(json.dumps(manifest, indent=2))
        (project / ".npmrc").write_text(f"registry={self.registry}\n")
        done = subprocess.run(self.lock(), cwd=project, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"`{' '.join(self.lock())}` failed:\n{done.stdout}{done.stderr}")
        shutil.rmtree(project / "node_modules", ignore_errors=True)


class Bun(PackageManager):
    name = "bun"

    @staticmethod
    def find(cache):
        install_from_npm(cache)
        return first(cache / "peers/node_modules/@oven/bun-*/bin/bun") or shutil.which("bun")

    def lock(self):
        return [self.program, "install", "--lockfile-only", "--ignore-scripts"]

    def command(self, scenario, state):
        return [self.program, "install", "--frozen-lockfile", "--ignore-scripts"]


class Pnpm(PackageManager):
    name = "pnpm"

    @staticmethod
    def find(cache):
        install_from_npm(cache)
        return first(cache / "peers/node_modules/@pnpm/exe.*/pnpm") or shutil.which("pnpm")

    def lock(self):
        return [self.program, "install", "--lockfile-only", "--ignore-scripts"]

    def command(self, scenario, state):
        return [self.program, "install", "--frozen-lockfile", "--ignore-scripts", "--store-dir", str(state / "pnpm")]


class Npm(PackageManager):
    name = "npm"

    @staticmethod
    def find(cache):
        del cache
        return shutil.which("npm")

    def lock(self):
        return [self.program, "install", "--package-lock-only", "--ignore-scripts"]

    def command(self, scenario, state):
        # `npm ci` begins with removing the tree, so that it never has nothing to do.
        return [self.program, "install" if scenario == "nothing" else "ci", "--ignore-scripts"]


class Pipeline(Peer):
    """curl, sha512sum, tar: it has no cache and no memory, so only the cold run means something."""

    name = "pipeline"
    scenarios = ("cold",)

    @staticmethod
    def find(cache):
        del cache
        tools = ("sh", "xargs", "curl", "sha512sum", "tar")
        return str(Path(__file__).with_name("pipeline.sh")) if all(map(shutil.which, tools)) else None

    def version(self):
        answer = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
        return " ".join(answer.stdout.split()[:2])

    def prepare(self, packages, project, env):
        lines = [f"{self.registry}{p.route} {p.sha512} {p.to}\n" for p in packages.packages]
        (project / "list").write_text("".join(lines))

    def command(self, scenario, state):
        return [self.program, "list"]


class Dotslash(Peer):
    """Its cache is its tree, so that there is no warm run."""

    name = "dotslash"
    scenarios = ("cold", "nothing")

    @staticmethod
    def find(cache):
        found = first(cache / "bin/dotslash") or shutil.which("dotslash")
        if found is None and shutil.which("cargo"):
            print("installing dotslash with cargo, once", file=sys.stderr)
            subprocess.run(["cargo", "install", "--quiet", "--locked", "--root", str(cache), f"dotslash@{DOTSLASH}"],
                           check=False)
            found = first(cache / "bin/dotslash")
        return found

    def prepare(self, packages, project, env):
        machine = f"linux-{platform.machine()}"
        names = []
        for p in packages.packages:
            digest = hashlib.sha256(p.tarball.read_bytes()).hexdigest()
            artifact = {"size": p.size, "hash": "sha256", "digest": digest, "format": "tar.gz", "path": p.member,
                        "providers": [{"url": self.registry + p.route}]}
            name = p.alias.replace("/", "__")
            names.append(name)
            document = {"name": name, "platforms": {machine: artifact}}
            (project / name).write_text(f"#!/usr/bin/env dotslash\n{json.dumps(document)}\n")
        (project / "list").write_text("\n".join(names) + "\n")

    def command(self, scenario, state):
        return ["/bin/sh", "-c", 'exec xargs -P 2 -n 1 "$0" -- fetch <list', self.program]

    def installed(self, packages, project, state):
        # A folder for each artifact, named by a digest of its own making; a fresh state has none but those of the set.
        # Beside it lies the archive as it came, which dotslash leaves there.
        trees = [path for path in (state / "dotslash").glob("[0-9a-f][0-9a-f]/*") if path.is_dir()]
        found = [count(tree) for tree in trees]
        return sum(files for files, _ in found), sum(size for _, size in found)


def environment(state: Path) -> dict[str, str]:
    """All that a program gets to know of the machine; whatever it keeps goes below `state`."""
    kept = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "NO_COLOR": "1", "DO_NOT_TRACK": "1"}
    places = {"HOME": "home", "TMPDIR": "tmp", "XDG_CACHE_HOME": "xdg-cache", "XDG_CONFIG_HOME": "xdg-config",
              "XDG_DATA_HOME": "xdg-data", "XDG_STATE_HOME": "xdg-state", "BUN_INSTALL": "bun",
              "BUN_INSTALL_CACHE_DIR": "bun-cache", "DOTSLASH_CACHE": "dotslash", "npm_config_cache": "npm",
              "npm_config_userconfig": "npmrc", "npm_config_globalconfig": "npmrc-global"}
    settings = {"npm_config_audit": "false", "npm_config_fund": "false", "npm_config_update_notifier": "false"}
    nowhere = {name: "http://127.0.0.1:9/" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}
    near = {name: "127.0.0.1,localhost" for name in ("no_proxy", "NO_PROXY")}
    for folder in ("home", "tmp"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    return kept | {name: str(state / place) for name, place in places.items()} | settings | nowhere | near


def install_from_npm(cache: Path) -> None:
    """Installs bun and pnpm into the benchmark's cache folder, once, without running their scripts."""
    folder = cache / "peers"
    if (folder / "node_modules").is_dir() or shutil.which("npm") is None:
        return
    print("installing bun and pnpm with npm, once", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--prefix", str(folder), f"bun@{BUN}",
                    f"pnpm@{PNPM}"], check=False)


def first(pattern: Path) -> str | None:
    """The first match that can be run; the shortest name is the plain build, longer ones are for other libcs and CPUs."""
    found = [path for path in sorted(glob.glob(str(pattern)), key=len) if os.access(path, os.X_OK)]
    return found[0] if found else None


PEERS = (Bun, Pipeline, Pnpm, Npm, Dotslash)
# The peers' versions, for figures that can be had again; a newer one is a change of this line.
BUN = "1.4.5"
PNPM = "12.21.0"
DOTSLASH = "0.5.7"

#!/usr/bin/env python3
"""What pinfold signs, before other people's tools, and what they sign, before pinfold.

    python3 tests/interop/run.py --pinfold target/debug/pinfold --tests target/debug/deps/it-…

Obtains the tools in a folder of its own through pip, npm and apt, as each is configured on this machine, and installs
nothing. What cannot be had is named, and every check that needs it is skipped by name; `--strict` makes that a failure.
Needs the internet, and Python's standard library. The parts are files beside this one, each with `run(lab)`.
"""

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import tempfile

# Nothing is left in the checkout.
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import debian
from debian import Absent

PARTS = ["keys", "keyless", "oci"]


class Lab:
    """A folder, the tools, and what came out."""

    def __init__(self, folder, pinfold, tests, downloads):
        self.folder, self.pinfold, self.tests = folder, os.path.abspath(pinfold), os.path.abspath(tests)
        self.downloads = os.path.abspath(downloads)
        self.tools, self.rows = {}, []

    # What is done

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return name

    def run(self, *args, env=None, input=None):
        """Runs something in the folder: (exit code, what it said)."""
        environment = {**os.environ, **(env or {})}
        done = subprocess.run(args, cwd=self.folder, env=environment, input=input, capture_output=True, timeout=300)
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace")

    def must(self, *args, **more):
        code, said = self.run(*args, **more)
        if code != 0:
            raise AssertionError(f"{' '.join(args)}: exit code {code}: {said}")
        return said

    # What came out

    def check(self, tool, what, expected, call):
        """`call` returns (whether it was accepted, what was said), or raises Absent. A check that nothing can fail proves
        nothing, so that each good case goes with bad ones whose `expected` is False."""
        try:
            accepted, said = call()
        except Absent as why:
            self.row("skipped", tool, what, str(why))
            return
        except (AssertionError, subprocess.TimeoutExpired, OSError) as error:
            accepted, said = None, str(error)
        outcome = "ok" if accepted is expected else "FAILED"
        self.row(outcome, tool, what, said if outcome == "FAILED" else "")

    def row(self, outcome, tool, what, said):
        self.rows.append(outcome)
        last = said.strip().splitlines()[-1:] if outcome == "skipped" else said.strip().splitlines()
        print(f"{outcome:8} {tool:20} {what}", *(f"         {line}" for line in last), sep="\n", flush=True)

    # Where the tools come from; each is asked for once

    def tool(self, name, obtain):
        if name not in self.tools:
            try:
                self.tools[name] = obtain()
            except (Absent, subprocess.TimeoutExpired, OSError, AssertionError) as why:
                self.tools[name] = Absent(f"{name}: {why}")
        if isinstance(self.tools[name], Absent):
            raise self.tools[name]
        return self.tools[name]

    def program(self, name):
        def obtain():
            found = shutil.which(name)
            if not found:
                raise Absent("it is not installed")
            return found

        return self.tool(name, obtain)

    def python(self, *packages):
        """A Python with packages, from pip."""

        def obtain():
            folder = self.path("venv-" + "-".join(packages))
            self.must(sys.executable, "-m", "venv", folder)
            python = os.path.join(folder, "bin", "python")
            self.must(python, "-m", "pip", "--quiet", "install", *packages)
            return python

        return self.tool("pip " + " ".join(packages), obtain)

    def node(self, *packages):
        """A folder with packages, from npm; their scripts are not run."""
        self.program("npm")

        def obtain():
            folder = self.path("node-" + "-".join(packages).replace("/", "-").replace("@", ""))
            os.makedirs(folder, exist_ok=True)
            self.must("npm", "install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", *packages)
            return folder

        return self.tool("npm " + " ".join(packages), obtain)

    def debian(self, name):
        """A program out of a package of Debian, of those that debian.py knows."""
        return self.tool(name, lambda: debian.obtain(name, self.downloads))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pinfold", required=True, help="the command")
    parser.add_argument("--tests", required=True, help="the program with the integration tests, which signs for keys.py")
    parser.add_argument("--strict", action="store_true", help="fail where a tool cannot be had")
    parser.add_argument("--downloads", help="a folder that keeps the programs from Debian for the next time")
    parser.add_argument("parts", nargs="*", default=PARTS, help=f"of {', '.join(PARTS)} [default: all]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pinfold-interop-") as folder:
        lab = Lab(folder, options.pinfold, options.tests, options.downloads or os.path.join(folder, "downloads"))
        for part in options.parts:
            if os.path.exists(os.path.join(HERE, f"{part}.py")):
                print(f"# {part}")
                importlib.import_module(part).run(lab)
    count = {outcome: lab.rows.count(outcome) for outcome in ["ok", "skipped", "FAILED"]}
    print(", ".join(f"{number} {outcome}" for outcome, number in count.items()))
    failed = count["FAILED"] or not count["ok"] or (options.strict and count["skipped"])
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

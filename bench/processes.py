"""The processes that are measured, and what the system says about them."""

import asyncio
import os
import re
import resource
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from config.settings import Settings

ROOT = Path(__file__).parents[1]
OUR_SERVER = (str(ROOT / "main.py"),)
STRAIGHT_RELAY = ("-m", "bench.straight_relay")
UPSTREAM = ("-m", "bench.upstream")

_START_TIMEOUT_S = 30
_STOP_TIMEOUT_S = 12


@dataclass(frozen=True, slots=True)
class Process:
    """A server in a process of its own."""

    pid: int
    port: int

    def cpu_s(self) -> float:
        """CPU time of all its threads so far, user and system, in seconds."""
        # How Linux numbers the CPU clock of another process; clock_getcpuclockid(3) computes the same. It
        # counts nanoseconds, where /proc/<pid>/stat has hundredths of a second.
        return time.clock_gettime(~self.pid << 3 | 2)

    def resident_kib(self) -> int:
        """Memory that it holds, in KiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"process {self.pid} has ended")
        return int(found[1])


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core the measured server has for itself, and which the load and the upstream share.

    Attributes:
        are_apart: False on a machine with a single core.
    """

    server: int
    load: int

    @property
    def are_apart(self) -> bool:
        return self.server != self.load


def take_cores() -> Cores:
    """Chooses two cores and moves this process to the one for the load."""
    usable = sorted(os.sched_getaffinity(0))
    cores = Cores(server=usable[-1], load=usable[0])
    os.sched_setaffinity(0, {cores.load})
    return cores


def raise_file_limit() -> int:
    """Lets this process, and those that it starts, open as many files as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


@asynccontextmanager
async def running(
    arguments: tuple[str, ...], core: int, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Runs a Python server that prints its address, on one core, and ends it.

    Its environment has no settings but those given, and its folder no `.env`.

    Raises:
        RuntimeError: It did not start; the text is the end of its log.
    """
    with TemporaryDirectory() as folder:
        log_path = Path(folder) / "log"
        with log_path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                "--port",
                "0",
                cwd=folder,
                env=_clean_environment() | {"PYTHONPATH": str(ROOT)} | dict(environment or {}),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        os.sched_setaffinity(process.pid, {core})
        try:
            port = await _announced_port(process)
            if port is None:
                raise RuntimeError(f"{' '.join(arguments)} did not start: {log_path.read_text()[-2000:]}")
            yield Process(process.pid, port)
        finally:
            await _end(process)


async def _announced_port(process: asyncio.subprocess.Process) -> int | None:
    assert process.stdout is not None
    async with asyncio.timeout(_START_TIMEOUT_S):
        line = (await process.stdout.readline()).decode()
    found = re.search(r"http://[^/]*:(\d+)/", line)
    return int(found[1]) if found else None


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _clean_environment() -> dict[str, str]:
    settings = Settings.model_fields
    return {
        name: value
        for name, value in os.environ.items()
        if name.lower() not in settings and not name.lower().endswith("_proxy")
    }

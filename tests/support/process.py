"""The real server as a process of its own, for a test that kills it, starves it, or looks at how it ends."""

import asyncio
import os
import re
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.forking import CAN_FORK, Forked, forks

ROOT = Path(__file__).parents[2]
PATIENCE_S = 45
"""A start takes a second of a free processor, and many of a busy one."""

MAIN = ("main.py", "--port", "0")
UVICORN = ("-m", "uvicorn", "main:app", "--port", "0")

_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


def environment(**settings: Any) -> dict[str, str]:
    """Settings by their field names, and nothing else that a server could read."""
    named = {name.upper(): str(value) for name, value in settings.items()}
    return {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **named}


class ServerProcess:
    """A server; its log is what it wrote to its standard error output.

    Args:
        log: A file for it.
        command: Python's arguments; one whose output names its address.
        is_afresh: Python starts for it, as at a user's; else it is forked (`forking.py`), which is quick.
        settings: By their field names.
    """

    def __init__(
        self, log: Path, command: tuple[str, ...] = MAIN, *, is_afresh: bool = False, **settings: Any
    ) -> None:
        self.port = 0
        self._is_forked = CAN_FORK and not is_afresh and command[0] != "-c" and "--workers" not in command
        self._log = log
        self._output = log.with_suffix(".out")
        self._log_before = 0
        self._command = command
        self._settings = {"database_url": "none", "voice": False, "tool_approval": "off", **settings}
        self._process: asyncio.subprocess.Process | Forked | None = None

    @property
    def url(self) -> str:
        """The address of its WebSocket."""
        return f"ws://127.0.0.1:{self.port}/ws"

    def setting(self, name: str) -> str:
        """What it is started with."""
        return str(self._settings[name])

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> list[str]:
        """The lines of its log so far, of all its runs."""
        return self._log.read_text(encoding="utf-8").splitlines()

    async def begins(self) -> None:
        """Starts it, without waiting for anything."""
        with self._log.open("ab") as log, self._output.open("wb") as output:
            self._log_before = log.tell()
            if self._is_forked:
                variables = environment(**self._settings)
                self._process = forks().fork(self._command, variables, output.fileno(), log.fileno())
                return
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._command,
                cwd=ROOT,
                env=environment(**self._settings),
                stdout=output,
                stderr=log,
            )

    async def starts(self) -> None:
        """Starts it; returns when it serves."""
        await self.begins()
        await self.serves()

    async def serves(self) -> None:
        """Waits until it says where it is, and answers there."""
        assert self._process is not None
        async with asyncio.timeout(PATIENCE_S):
            while (found := self._address()) is None or not await self._answers(int(found)):
                assert self._process.returncode is None, self.log
                await asyncio.sleep(0.02)
        self.port = int(found)

    def _address(self) -> str | None:
        """What it says of its port, `uvicorn main:app` in its log."""
        with self._log.open("rb") as log:
            log.seek(self._log_before)
            said = self._output.read_bytes() + log.read()
        found = _ADDRESS.search(said.decode())
        return None if found is None else found[1]

    async def _answers(self, port: int) -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, verify=False, timeout=PATIENCE_S) as client:
                await client.get(f"http://127.0.0.1:{port}/agent/health")
        except httpx.TransportError:
            return False
        return True

    def signals(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ends(self, patience_s: float = PATIENCE_S) -> int:
        """Waits for its end; returns its status."""
        assert self._process is not None
        async with asyncio.timeout(patience_s):
            await self._process.wait()
        assert self._process.returncode is not None
        return self._process.returncode

    async def is_killed(self) -> None:
        """SIGKILL, and its end."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._process is not None:
            await self.ends()

    async def asks(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Asks one of its HTTP routes."""
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=PATIENCE_S) as client:
            return await client.request(method, f"http://127.0.0.1:{self.port}{path}", **options)

    def may_use(self, what: int, most: int) -> None:
        """Bounds one of its resources (`resource.RLIMIT_...`), or lifts the bound again."""
        hard = resource.prlimit(self.pid, what)[1]
        resource.prlimit(self.pid, what, (most, hard))


@asynccontextmanager
async def server_process(
    folder: Path, command: tuple[str, ...] = MAIN, *, is_afresh: bool = False, **settings: Any
) -> AsyncIterator[ServerProcess]:
    """A server that has not been started yet; whatever runs at the end is killed."""
    server = ServerProcess(folder / "server.log", command, is_afresh=is_afresh, **settings)
    try:
        yield server
    finally:
        await server.is_killed()

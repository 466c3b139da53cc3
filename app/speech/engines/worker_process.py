"""One worker process, seen from the server."""

import asyncio
import contextlib
import logging
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Final

from app.errors import WorkerFailed
from app.speech.engines.worker_wire import (
    LENGTH_BYTES,
    BrokenFrame,
    Frame,
    Header,
    body_length,
    header_length,
    header_of,
    packed,
)

_log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[3]
_PIPE_BYTES: Final = 1 << 20
_MAX_READ_AHEAD: Final = 8
"""Replies that wait for their reader; a slow one slows the worker."""

_ENVIRONMENT: Final = {
    # Nothing of the server's own: a worker reads what strangers sent, and the server's environment has keys.
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    # Two workers of one thread are faster than one of two, and do not starve the event loop.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class WorkerProcess:
    """A process that runs `app.speech.engines.worker`; does one job at a time.

    Args:
        kind: The module that does the work.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._process: Process | None = None
        self._replies: asyncio.Queue[Frame | None] = asyncio.Queue(maxsize=_MAX_READ_AHEAD)
        self._tasks: list[asyncio.Task[None]] = []
        self.job = 0
        self.has_ended = asyncio.Event()

    @property
    def pid(self) -> int:
        """The process's number; 0 before it runs."""
        return self._process.pid if self._process else 0

    async def start(self, options: Header, timeout_s: float) -> None:
        """Start the process and wait until it is ready.

        Raises:
            WorkerFailed: It does not start, or not in time; nothing of it is left.
        """
        try:
            self._process = await self._created()
        except OSError as exc:
            raise WorkerFailed(f"{self._kind} cannot be started: {type(exc).__name__}") from exc
        self._tasks = [
            asyncio.create_task(self._read_replies(self._process), name=f"worker-{self.pid}-replies"),
            asyncio.create_task(self._log_words(self._process), name=f"worker-{self.pid}-log"),
        ]
        try:
            await self._send({"options": options}, b"", timeout_s)
            await self.reply(timeout_s)
        except BaseException:
            await self.end()
            raise

    async def begin(self, header: Header, body: bytes, timeout_s: float) -> None:
        """Give it a job.

        Raises:
            WorkerFailed: It has died, or does not read.
        """
        self.job += 1
        await self._send({**header, "job": self.job}, body, timeout_s)

    def cancel(self) -> None:
        """Ask it to stop its job after the piece that it makes now; its end comes all the same."""
        if self._process and self._process.stdin and not self.has_ended.is_set():
            self._process.stdin.write(packed({"cancel": self.job}))

    async def reply(self, timeout_s: float) -> Frame:
        """Return the next frame from it.

        Raises:
            WorkerFailed: It has died, or says nothing for `timeout_s`.
        """
        try:
            async with asyncio.timeout(timeout_s):
                frame = await self._replies.get()
        except TimeoutError:
            raise WorkerFailed(f"{self._kind} {self.pid} said nothing for {timeout_s:g} s") from None
        if frame is None:
            raise WorkerFailed(f"{self._kind} {self.pid} has died")
        return frame

    async def end(self) -> None:
        """End the process, now; return when it has gone."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        self.has_ended.set()
        try:
            await process.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        # Not before: whoever is cut off here is followed by another who ends it.
        self._process = None

    async def _created(self) -> Process:
        command = (sys.executable, "-m", "app.speech.engines.worker", self._kind)
        # Ctrl-C is for the server, which ends its workers when it no longer needs them: a session of its own.
        creation = asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE,
            cwd=_ROOT, env=_ENVIRONMENT, limit=_PIPE_BYTES, start_new_session=True,
        )  # fmt: skip
        creating = asyncio.ensure_future(creation)
        try:
            return await asyncio.shield(creating)
        except asyncio.CancelledError:
            # Cut off half way, asyncio would leave the process to itself, and its pipes open.
            await asyncio.wait({creating})
            if creating.exception() is None:
                self._process = creating.result()
                await self.end()
            raise

    async def _send(self, header: Header, body: bytes, timeout_s: float) -> None:
        process = self._process
        if process is None or process.stdin is None or self.has_ended.is_set():
            raise WorkerFailed(f"{self._kind} has died")
        try:
            async with asyncio.timeout(timeout_s):
                process.stdin.write(packed(header, body))
                await process.stdin.drain()
        except TimeoutError:
            raise WorkerFailed(f"{self._kind} {self.pid} did not read for {timeout_s:g} s") from None
        except OSError as exc:
            raise WorkerFailed(f"{self._kind} {self.pid} has died: {type(exc).__name__}") from exc

    async def _read_replies(self, process: Process) -> None:
        """Put what comes into the queue, None when no more comes."""
        source = process.stdout
        assert source is not None  # noqa: S101 - it was asked for
        try:
            while True:
                head = await source.readexactly(header_length(await source.readexactly(LENGTH_BYTES)))
                body = await source.readexactly(body_length(await source.readexactly(LENGTH_BYTES)))
                await self._replies.put((_reply_of(head), body))
        except Exception as exc:
            if not isinstance(exc, asyncio.IncompleteReadError | BrokenFrame | OSError):
                _log.exception("internal")
            self.has_ended.set()
            await self._replies.put(None)
        except asyncio.CancelledError:
            # It is being ended; who still waits for a reply must not wait on.
            while not self._replies.empty():
                self._replies.get_nowait()
            self._replies.put_nowait(None)
            raise

    async def _log_words(self, process: Process) -> None:
        source = process.stderr
        assert source is not None  # noqa: S101 - it was asked for
        while words := await source.read(4096):
            _log.debug(
                "worker_says",
                extra={"kind": self._kind, "pid": process.pid, "words": words.decode(errors="replace")},
            )


def _reply_of(head: bytes) -> Header:
    """Return a reply's header, which says whether it is the last one, or that the worker is ready."""
    header = header_of(head)
    if "ready" not in header and not isinstance(header.get("end"), bool):
        raise BrokenFrame("a reply that says neither that it is the last nor that it is not")
    return header

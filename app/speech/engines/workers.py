"""A pool of worker processes: the heavy work of speech, away from the event loop.

A worker that dies or hangs costs its own job alone: it is replaced, and the others do not notice.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Final

from app.errors import VoiceBusy, WorkerFailed
from app.speech.engines.fair_slots import WaitingLine
from app.speech.engines.worker_process import WorkerProcess
from app.speech.engines.worker_wire import Frame, Header, JobRefused

_log = logging.getLogger(__name__)

_FIRST_RESTART_S: Final = 0.1
_LONGEST_RESTART_S: Final = 30.0


class WorkerPool:
    """Workers of one kind, with a bounded line of jobs in front of them.

    Args:
        kind: The module that does the work, with `load(options) -> Handler`.
        options: What `load` gets; `nice` lowers the processes' priority.
        size: How many processes.
        queue: How many jobs may wait; of one owner half of them.
        timeout_s: How long a worker may be silent during a job, in seconds.
        wait_s: How long a job may wait for a worker, in seconds; by default the same.
        start_timeout_s: How long a worker may take to be ready, in seconds.

    Attributes:
        lost: How many workers have died or hung so far.
    """

    def __init__(
        self,
        kind: str,
        options: Header | None = None,
        *,
        size: int = 1,
        queue: int = 16,
        timeout_s: float = 15,
        wait_s: float | None = None,
        start_timeout_s: float = 60,
    ) -> None:
        self.lost = 0
        self._kind = kind
        self._options = options or {}
        self._size = size
        self._timeout_s = timeout_s
        self._wait_s = timeout_s if wait_s is None else wait_s
        self._start_timeout_s = start_timeout_s
        self._live: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        self._line: WaitingLine[WorkerProcess] = WaitingLine(queue, kind, self._offer)
        self._keepers: list[asyncio.Task[None]] = []
        self._drains: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def is_ready(self) -> bool:
        """Whether a worker is there, idle or busy."""
        return bool(self._live)

    @property
    def has_idle(self) -> bool:
        """Whether a job would begin at once."""
        return any(not worker.has_ended.is_set() for worker in self._idle)

    @property
    def pids(self) -> tuple[int, ...]:
        """The numbers of the processes that are ready, for those who watch them."""
        return tuple(sorted(worker.pid for worker in self._live))

    async def start(self) -> None:
        """Start all workers; return when each is ready.

        Raises:
            WorkerFailed: One of them could not be started; then none runs.
        """
        workers = [WorkerProcess(self._kind) for _ in range(self._size)]
        starts = [worker.start(self._options, self._start_timeout_s) for worker in workers]
        try:
            results = await asyncio.gather(*starts, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
        except BaseException:
            for worker in workers:
                await worker.end()
            raise
        for worker in workers:
            self._keepers.append(asyncio.create_task(self._keep(worker), name=f"keep-{self._kind}"))
            self._offer(worker)

    async def run(
        self, header: Header, payload: bytes = b"", urgency: int = 0, owner: str = ""
    ) -> AsyncGenerator[Frame, None]:
        """Do one job; yield its pieces as they come.

        Closing the generator gives the job up: the worker stops after its piece, and counts as busy until
        then.

        Args:
            header: What is asked.
            payload: Its bytes.
            urgency: Jobs with a lower number go first; among equals their owners in turns.
            owner: Whose job it is.

        Raises:
            VoiceBusy: Too many wait, or this one has waited too long.
            WorkerFailed: The worker died, hung, or failed at this job.
            Refused: The job itself is at fault.
        """
        worker = await self._acquire(urgency, owner)
        is_over = False
        try:
            await worker.begin(header, payload, self._timeout_s)
            while True:
                reply, body = await self._reply(worker)
                if reply["end"]:
                    is_over = True
                    break
                yield reply, body
            _raise_ending(reply)
        except WorkerFailed as exc:
            if not is_over:
                _log.warning("worker_lost", extra={"kind": self._kind, "facts": exc.facts})
                worker.has_ended.set()
            raise
        finally:
            self._give_back(worker, owner, is_over=is_over)

    async def aclose(self) -> None:
        """End all workers; jobs under way end in `WorkerFailed`."""
        self._is_closed = True
        self._line.fail(WorkerFailed(f"{self._kind}: closed"))
        tasks = [*self._keepers, *self._drains]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._keepers.clear()
        # A keeper that was cancelled before its first step has ended nothing.
        await asyncio.gather(*(worker.end() for worker in self._live))
        self._live.clear()

    async def _keep(self, worker: WorkerProcess) -> None:
        """See to it that there is a worker in this place: a new one when the old one has ended."""
        try:
            while True:
                await worker.has_ended.wait()
                self.lost += 1
                self._live.discard(worker)
                if worker in self._idle:
                    self._idle.remove(worker)
                delay_s = _FIRST_RESTART_S
                while (successor := await self._successor(worker)) is None:
                    await asyncio.sleep(delay_s)
                    delay_s = min(delay_s * 2, _LONGEST_RESTART_S)
                worker = successor
                self._offer(worker)
        finally:
            self._live.discard(worker)
            await worker.end()

    async def _successor(self, worker: WorkerProcess) -> WorkerProcess | None:
        """End a worker and start another; None where it does not start, for whatever reason."""
        try:
            await worker.end()
            successor = WorkerProcess(self._kind)
            await successor.start(self._options, self._start_timeout_s)
        except WorkerFailed as exc:
            _log.error("worker_not_restarted", extra={"kind": self._kind, "facts": exc.facts})
            return None
        except Exception:
            _log.exception("internal")
            return None
        return successor

    async def _acquire(self, urgency: int, owner: str) -> WorkerProcess:
        if self._is_closed or not self._keepers:
            raise WorkerFailed(f"{self._kind}: not running")
        while self._idle:
            worker = self._idle.pop()
            if not worker.has_ended.is_set():
                self._line.begun(owner)
                return worker
        try:
            return await self._line.wait(owner, urgency, self._wait_s)
        except TimeoutError:
            raise self._waited_too_long() from None

    def _waited_too_long(self) -> VoiceBusy | WorkerFailed:
        facts = f"{self._kind}: waited {self._wait_s:g} s for a worker"
        return VoiceBusy(facts) if self._live else WorkerFailed(f"{facts}; none is alive")

    def _give_back(self, worker: WorkerProcess, owner: str, *, is_over: bool) -> None:
        if is_over or worker.has_ended.is_set() or self._is_closed:
            self._line.ended(owner)
            self._offer(worker)
            return
        worker.cancel()
        task = asyncio.create_task(self._drain(worker, owner), name=f"drain-{self._kind}")
        self._drains.add(task)
        task.add_done_callback(self._drains.discard)

    async def _drain(self, worker: WorkerProcess, owner: str) -> None:
        """Wait for the end of a job that nobody waits for."""
        try:
            while not (await self._reply(worker))[0]["end"]:
                pass
        except WorkerFailed as exc:
            _log.warning("worker_lost", extra={"kind": self._kind, "facts": exc.facts})
            worker.has_ended.set()
        self._line.ended(owner)
        self._offer(worker)

    async def _reply(self, worker: WorkerProcess) -> Frame:
        """Return the next frame of a worker.

        Raises:
            WorkerFailed: None comes, for whatever reason: the worker is to be replaced.
        """
        try:
            return await worker.reply(self._timeout_s)
        except WorkerFailed:
            raise
        except Exception as exc:
            _log.exception("internal")
            raise WorkerFailed(f"{self._kind}: {type(exc).__name__}") from exc

    def _offer(self, worker: WorkerProcess) -> None:
        """Give a worker that is free to the job that waits first."""
        if worker.has_ended.is_set() or self._is_closed:
            return
        self._live.add(worker)
        if not self._line.give(worker):
            self._idle.append(worker)


def _raise_ending(reply: Header) -> None:
    match reply.get("error"):
        case None:
            return
        case "refused":
            raise JobRefused(str(reply["reason"]), str(reply["facts"]))
        case _:
            raise WorkerFailed(f"the job failed in the worker: {reply['facts']}")

"""The threads in which plain (not async) tools run.

They are the tools' own, so that tools which never return cannot use up the threads that name look-ups and
file reads need; and they are daemons, so that such a tool cannot keep the process from ending.
"""

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any


class ThreadsBusy(Exception):
    """Every thread runs a tool."""


_Job = tuple[asyncio.AbstractEventLoop, asyncio.Future[Any], Callable[[], Any]]


class ToolThreads:
    """A bounded pool of daemon threads, started as they are needed.

    Args:
        size: How many tools may run in threads at once.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._started: int = 0
        self._busy: int = 0
        self._lock = threading.Lock()

    @property
    def busy(self) -> int:
        """Threads that run a tool now, those whose callers gave up included."""
        return self._busy

    async def run(self, function: Callable[[], Any]) -> Any:
        """Run `function` in a thread, with the caller's context variables.

        A cancelled call gives up its result; the thread stays busy until the function returns.

        Raises:
            ThreadsBusy: No thread is free; at once, there is no queue.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        with self._lock:
            if self._busy >= self._size:
                raise ThreadsBusy
            if self._busy == self._started:
                name = f"tool-{self._started + 1}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
                self._started += 1
            self._busy += 1
        context = contextvars.copy_context()
        self._jobs.put((loop, future, lambda: context.run(function)))
        return await future

    def close(self) -> None:
        """Let idle threads end; busy ones end when their tool returns."""
        for _ in range(self._started):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._do(*job)
            del job  # an idle thread holds on to nothing

    def _do(
        self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], function: Callable[[], Any]
    ) -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = function()
        except BaseException as exc:  # handed to the caller, who decides
            error = exc
        with self._lock:
            self._busy -= 1
        # A loop that has closed refuses: nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_deliver, future, result, error)


def _deliver(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):
        # A future refuses StopIteration, which would end the awaiting coroutine.
        future.set_exception(RuntimeError("StopIteration"))
    else:
        future.set_exception(error)


class PatientThreads:
    """Threads for tools that always end soon: a call waits in line for one, instead of being refused.

    Args:
        size: How many of them run at once.
    """

    def __init__(self, size: int) -> None:
        # A cancelled call leaves its thread busy for the moment that its tool still takes.
        self._threads = ToolThreads(2 * size)
        self._slots = asyncio.Semaphore(size)

    async def run(self, function: Callable[[], Any]) -> Any:
        """Run `function` in a thread, when one is free."""
        async with self._slots:
            return await self._threads.run(function)

    def close(self) -> None:
        """Let idle threads end."""
        self._threads.close()

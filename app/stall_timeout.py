"""Timeouts that are judged by a machine that was awake.

After a pause (the lid was closed, the process was stopped, the loop was held up) all timers are due at once,
and come before what has arrived meanwhile is read. A timer that goes off late says nothing about whoever was
waited for: it is given as much time more as it came late, up to its own limit, in which that is read.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType

LATE_S = 0.1
"""A timer that is later than this, in seconds, tells of a pause of our own."""


def more_time_s(due: float, limit_s: float) -> float:
    """Return how much longer to wait; 0 where the time was fairly over.

    Args:
        due: When the timer was to go off, on the running loop's clock.
        limit_s: What it measures, in seconds.
    """
    late_s = asyncio.get_running_loop().time() - due
    return min(late_s, limit_s) if late_s > LATE_S else 0.0


class Alarm:
    """Calls back once, when the time is over and nothing is left to be read.

    Args:
        limit_s: In how many seconds.
        on_over: What is called.
    """

    def __init__(self, limit_s: float, on_over: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit_s = limit_s
        self._on_over = on_over
        self._set(limit_s)

    def cancel(self) -> None:
        """It will not call."""
        self._timer.cancel()

    def _set(self, after_s: float) -> None:
        self._due = self._loop.time() + after_s
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        more_s = more_time_s(self._due, self._limit_s)
        if more_s:
            self._set(more_s)
        else:
            self._on_over()


class Patience:
    """`asyncio.timeout`, but for a pause of our own. Made by `patiently` or `patiently_until`."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = max(0.0, limit_s)
        self._scope = asyncio.timeout(None)
        self._alarm: Alarm | None = None

    def expired(self) -> bool:
        """Return whether the time was over."""
        return self._scope.expired()

    async def __aenter__(self) -> "Patience":
        await self._scope.__aenter__()
        self._alarm = Alarm(self._limit_s, self._end)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None  # it refers to this, and this to it
        return await self._scope.__aexit__(exc_type, exc, traceback)

    def _end(self) -> None:
        self._scope.reschedule(asyncio.get_running_loop().time())


def patiently(limit_s: float) -> Patience:
    """Raise `TimeoutError` if the block inside takes longer, in seconds of a machine that is awake."""
    return Patience(limit_s)


def patiently_until(deadline: float) -> Patience:
    """Return the same, until a moment on the running loop's clock."""
    return Patience(deadline - asyncio.get_running_loop().time())

"""A clock that notices when somebody waits too long."""

import asyncio
from collections.abc import Callable

from app.stall_timeout import more_time_s


class StallClock:
    """Calls `on_stall` once when one wait goes on for longer than its limit.

    Only waiting counts, not the time that the consumer takes over what it got. One timer serves a whole
    answer: starting and ending a wait only notes the time, and the timer, when it goes off, looks whether the
    limit is really over. A token therefore costs no timer.

    Args:
        limit_s: The longest wait, in seconds.
        on_stall: Called from the event loop; must make the waiting one fail.
        waiting_since: When the first wait began, on the running loop's clock.

    Attributes:
        has_fired: Whether `on_stall` was called.
    """

    def __init__(self, limit_s: float, on_stall: Callable[[], None], waiting_since: float) -> None:
        self.has_fired = False
        self._limit_s = limit_s
        self._on_stall = on_stall
        self._loop = asyncio.get_running_loop()
        self._waiting_since: float | None = waiting_since
        self._look_at(waiting_since + limit_s)

    def begin_wait(self) -> None:
        """A wait begins now; call it again at each sign of progress."""
        self._waiting_since = self._loop.time()

    def end_wait(self) -> None:
        """Nobody waits."""
        self._waiting_since = None

    def set_limit(self, limit_s: float) -> None:
        """From now on a wait may take this long, in seconds."""
        if limit_s < self._limit_s and not self.has_fired:
            self._timer.cancel()
            self._look_at(self._loop.time() + limit_s)
        self._limit_s = limit_s

    def stop(self) -> None:
        """Never fires again."""
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        since = now if self._waiting_since is None else self._waiting_since
        more_s = more_time_s(self._due, self._limit_s)
        if now - since < self._limit_s:
            self._look_at(since + self._limit_s)
        elif more_s:
            self._look_at(now + more_s)  # what has come during a pause of our own is still to be read
        else:
            self.has_fired = True
            self._on_stall()

    def _look_at(self, when: float) -> None:
        self._due = when
        self._timer = self._loop.call_at(when, self._look)

"""What a connection was let in with, and for how long: a token's end is the end of what its bearer hears."""

import asyncio
from collections.abc import Callable

from app.errors import Unauthorized

LONGEST_SLEEP_S = 60.0
"""How long at most a lease sleeps, in seconds: the wall clock, by which tokens end, may be set meanwhile."""

_SHORTEST_SLEEP_S = 0.01


class AccessGrant:
    """A connection's right to hear.

    Args:
        check: Raises `Unauthorized` once what the connection came with is not good any more.
        left_s: For how many seconds it is good from now on, as far as it says so itself; None: without end.
        token: What it came with; of a ticket, what that was got with.
    """

    def __init__(
        self, check: Callable[[], None], left_s: Callable[[], float | None], token: str | None = None
    ) -> None:
        self.check = check
        self.token = token
        self._left_s = left_s
        self._on_over: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self, on_over: Callable[[], None]) -> None:
        """Call `on_over`, once, in the moment in which the right ends."""
        self._on_over = on_over
        self.look()

    def look(self) -> None:
        """See whether it is still good: its time has come, or the keys have changed."""
        if self._on_over is None:
            return
        self._cancel_timer()
        try:
            self.check()
        except Unauthorized:
            on_over, self._on_over = self._on_over, None
            on_over()
            return
        left_s = self._left_s()
        if left_s is not None:
            sleep_s = min(max(left_s, _SHORTEST_SLEEP_S), LONGEST_SLEEP_S)
            self._timer = asyncio.get_running_loop().call_later(sleep_s, self.look)

    def stop(self) -> None:
        """The connection has ended by itself."""
        self._on_over = None
        self._cancel_timer()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

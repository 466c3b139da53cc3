"""How often a running tool is heard of: at once, and then at most once in each interval."""

import asyncio
import math
from collections.abc import Callable

MAX_MESSAGE_CHARS = 200


class ProgressReporter:
    """Takes a tool's reports from any thread and lets few of them through.

    Args:
        interval_s: Least time between two that are told, in seconds.
        tell: Called on the event loop with a message and a fraction.
    """

    def __init__(self, interval_s: float, tell: Callable[[str | None, float | None], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._interval_s = interval_s
        self._tell = tell
        self._started_at = self._loop.time()
        self._told_at: float | None = None
        self._latest: tuple[str | None, float | None] = (None, None)
        self._wake_up_is_due = False
        self.is_closed = False

    def __call__(self, message: str | None = None, fraction: float | None = None) -> None:
        """Report; a flood from a thread costs one wake-up of the loop at a time."""
        if self.is_closed:
            return
        self._latest = (_clean(message), _clamped(fraction))
        if not self._wake_up_is_due:
            self._wake_up_is_due = True
            try:
                self._loop.call_soon_threadsafe(self._look)
            except RuntimeError:
                self.is_closed = True  # the loop has ended, and the tool's thread has not noticed

    @property
    def next_due(self) -> float:
        """When the user is to hear of the tool again, on the loop's clock in seconds."""
        return (self._started_at if self._told_at is None else self._told_at) + self._interval_s

    def tick(self) -> None:
        """Tell the latest report if it is time."""
        if not self.is_closed and self._loop.time() >= self.next_due:
            self._say()

    def _look(self) -> None:
        self._wake_up_is_due = False
        if not self.is_closed and (self._told_at is None or self._loop.time() >= self.next_due):
            self._say()

    def _say(self) -> None:
        self._told_at = self._loop.time()
        self._tell(*self._latest)


def _clean(message: str | None) -> str | None:
    if not message:
        return None
    text = "".join(char if char.isprintable() else " " for char in str(message)[:MAX_MESSAGE_CHARS])
    return text.encode("utf-8", "replace").decode().strip() or None


def _clamped(fraction: float | None) -> float | None:
    if fraction is None or not math.isfinite(fraction):
        return None
    return min(1.0, max(0.0, float(fraction)))

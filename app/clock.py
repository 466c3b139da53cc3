"""Time, passed in wherever code needs it.

Durations, timeouts and ages run on the event loop's clock, which never jumps; only what people read (stored
times, `get_current_time`) uses the wall clock.
"""

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the server knows about time."""

    def now(self) -> datetime:
        """Return the wall clock, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary point; never goes back."""
        ...


class SystemClock:
    """The machine's wall clock and the running event loop's time."""

    def now(self) -> datetime:
        """Return the wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the running loop's time, the same that its timers use.

        Raises:
            RuntimeError: No event loop is running.
        """
        return asyncio.get_running_loop().time()


def wire_time(moment: datetime) -> str:
    """Return a UTC moment as clients read it: `2025-07-20T10:30:00Z`, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

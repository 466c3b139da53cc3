"""When servers ran: a client that finds none cannot come back, so the time without one does not count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class RunningTime:
    """The time since a moment, without that in which no server ran.

    Attributes:
        pauses: From a server's last sign of life to the start of the next, the first ones first. What lies
            before them counts in full.
    """

    pauses: tuple[Span, ...] = ()

    @classmethod
    def of(cls, lives: Sequence[Span]) -> "RunningTime":
        """By the lives of servers, each from its start to its last sign of life."""
        pauses: list[Span] = []
        seen_upto: datetime | None = None
        # One whose clock was set back has seen the end of its life before the start.
        for started, seen in sorted((min(life), max(life)) for life in lives):
            if seen_upto is not None and started > seen_upto:
                pauses.append((seen_upto, started))
            seen_upto = max(seen, seen_upto or seen)
        return cls(tuple(pauses))

    def between(self, since: datetime, now: datetime) -> timedelta:
        """For how long servers have run from a moment until now; never less than nothing."""
        without = timedelta()
        for began, ended in self.pauses:
            without += max(min(ended, now) - max(began, since), timedelta())
        return max(now - since - without, timedelta())

    def before(self, now: datetime, window: timedelta) -> datetime:
        """Return the moment since which servers have run for a whole window."""
        for began, ended in reversed(self.pauses):
            if now - ended > window:
                break
            window -= max(now - ended, timedelta())
            now = min(now, began)
        return now - window

"""What the log says of a client that does wrong: a line a second at most, and how many it stands for."""

import logging
from contextvars import ContextVar
from typing import Any, Final

from app.clock import Clock
from app.services.limits.address_conduct import Conduct

logger = logging.getLogger(__name__)

LINE_EVERY_S: Final = 1.0

CONDUCT: Final = ContextVar[Conduct | None]("conduct", default=None)
"""Of the address whose connection the running task serves."""


class Complaints:
    """Those about one connection.

    Args:
        conduct: Of its address; a loud address has a line for all of its connections together.
        log: Where the lines go, by the name of whoever refuses.
    """

    def __init__(self, clock: Clock, conduct: Conduct, log: logging.Logger) -> None:
        self._clock = clock
        self._conduct = conduct
        self._log = log
        self._said_at = -LINE_EVERY_S
        self._unsaid = 0

    def tell(self, level: int, code: str, facts: dict[str, Any] | None = None) -> None:
        """Write a line about something that was refused, or count it for the next one."""
        self._conduct.note()
        now = self._clock.monotonic()
        if now - self._said_at < LINE_EVERY_S:
            self._unsaid += 1
            return
        self._said_at = now
        more, self._unsaid = self._unsaid, 0
        self._log.log(level, code, extra={**(facts or {}), **({"more": more} if more else {})})

    def close(self) -> None:
        """Tell of what was counted and not told yet."""
        if self._unsaid:
            self._said_at = -LINE_EVERY_S
            self._unsaid -= 1
            self.tell(logging.INFO, "more_refused")


def _is_handshake(record: logging.LogRecord) -> bool:
    """Return whether it is uvicorn's line about a WebSocket that was accepted, as text or with fields."""
    is_named = record.msg == "handshake" and getattr(record, "status", None) == 101
    return record.name == "uvicorn.error" and (is_named or "[accepted]" in str(record.msg))


def passes(record: logging.LogRecord) -> bool:
    """A filter for the log's handler: leaves out most lines of whoever would drown it, and counts them.

    Errors are always written.
    """
    conduct = CONDUCT.get()
    if conduct is None or record.levelno >= logging.ERROR:
        return True
    if conduct.is_exempt and _is_handshake(record):
        left_out = conduct.handshake_line()
    elif conduct.is_loud:
        left_out = conduct.line(is_warning=record.levelno >= logging.WARNING)
    else:
        return True
    if left_out is None:
        return False
    if left_out:
        record.left_out = left_out
    return True

"""Tickets: good once and for some seconds, for a page that must not hold the token itself."""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from app.clock import Clock
from app.services.auth.principal import Principal

MAX_TICKETS = 10_000
MAX_TICKETS_OF_ONE = 20
"""So many of one user wait at most; one more takes the oldest one's place."""

_MARK = "ticket."


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket opens.

    Attributes:
        token: The one that it was got with; the talk ends with it.
    """

    principal: Principal
    token: str
    good_until: float


class Tickets:
    """Those that wait, in memory, by their hashes.

    Args:
        lifetime_s: How long each is good, in seconds.

    Attributes:
        issuer: Stands in each ticket, so that another process knows whom to ask; empty for one that is alone.
    """

    def __init__(self, clock: Clock, lifetime_s: float) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self.issuer = ""
        self._waiting: OrderedDict[bytes, Ticket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def issue(self, principal: Principal, token: str) -> str:
        """Return a new ticket for whoever came with this token."""
        now = self._clock.monotonic()
        self._drop_old(now)
        own = [digest for digest, ticket in self._waiting.items() if ticket.principal == principal]
        for digest in own[: len(own) - MAX_TICKETS_OF_ONE + 1] if len(own) >= MAX_TICKETS_OF_ONE else ():
            del self._waiting[digest]
        if len(self._waiting) >= MAX_TICKETS:
            self._waiting.popitem(last=False)
        issuer = f"{self.issuer}." if self.issuer else ""
        ticket = f"{_MARK}{issuer}{secrets.token_urlsafe(32)}"
        self._waiting[_hash(ticket)] = Ticket(principal, token, now + self._lifetime_s)
        return ticket

    def redeem(self, ticket: str) -> Ticket | None:
        """Return what it opens; None for one that is unknown, spent or too old. It is spent now."""
        if not ticket.startswith(_MARK):
            return None
        # Found by its hash: how long that takes tells nothing of the tickets themselves.
        found = self._waiting.pop(_hash(ticket), None)
        return found if found is not None and self._clock.monotonic() < found.good_until else None

    def holds(self, ticket: str) -> bool:
        """Return whether it would open something now; it is not spent by that."""
        found = self._waiting.get(_hash(ticket)) if ticket.startswith(_MARK) else None
        return found is not None and self._clock.monotonic() < found.good_until

    def _drop_old(self, now: float) -> None:
        # All live equally long, so the oldest come first.
        while self._waiting and next(iter(self._waiting.values())).good_until <= now:
            self._waiting.popitem(last=False)


def issuer_of(ticket: str) -> str | None:
    """Return which process has issued a ticket; None for what says none."""
    issuer, dot, _ = ticket.removeprefix(_MARK).partition(".")
    return issuer if ticket.startswith(_MARK) and dot else None


def _hash(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode("utf-8", "replace")).digest()

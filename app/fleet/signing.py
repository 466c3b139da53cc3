"""Signatures of what processes of a fleet ask of each other: HMAC-SHA256 by a secret of all (RFC 2104).

What is signed names the life of the process that is asked, the moment, and a number that is used once, so
that a request is good for one process, for half a minute, and a single time.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.clock import Clock

GOOD_FOR_S: Final = 30.0
"""By how many seconds a request may be late, or the clocks of two machines apart."""

HEADER: Final = "fleet-signature"

_VERSION: Final = "v1"
_MOST_KEPT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature stands for.

    Attributes:
        to: The life of the process that is asked; empty for whoever answers.
        content: The body, or what stands for it.
    """

    method: str
    path: str
    to: str
    content: bytes = b""

    def digest(self, secret: str, at: str, number: str) -> str:
        """Return the signature by one secret."""
        facts = [
            _VERSION,
            self.method,
            self.path,
            self.to,
            at,
            number,
            hashlib.sha256(self.content).hexdigest(),
        ]
        return hmac.new(secret.encode(), "\n".join(facts).encode(), hashlib.sha256).hexdigest()


class Refused(Exception):
    """A request is not another process's; its text is for the log."""


class Signer:
    """Signs requests, and checks those of others.

    Args:
        own: The common secrets: the first one signs, all are good.
    """

    def __init__(self, own: Sequence[str], clock: Clock) -> None:
        self._secrets = tuple(own)
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    def sign(self, request: Signed) -> str:
        """Return the header for a request."""
        at, number = str(round(self._clock.now().timestamp())), secrets.token_hex(12)
        return f"{_VERSION} {at} {number} {request.digest(self._secrets[0], at, number)}"

    def check(self, request: Signed, header: str | None) -> None:
        """Take a request, once.

        Raises:
            Refused: It is not signed by a secret of ours, too old, or was there before.
        """
        match (header or "").split(" "):
            case [version, at, number, signature] if version == _VERSION and at.isascii() and at.isdecimal():
                pass
            case _:
                raise Refused("no signature")
        wanted = [request.digest(own, at, number) for own in self._secrets]
        if not any(hmac.compare_digest(digest.encode(), signature.encode()) for digest in wanted):
            raise Refused("not by our secret")
        now = self._clock.now().timestamp()
        if abs(now - int(at)) > GOOD_FOR_S:
            raise Refused("too old, or the clocks of the machines differ")
        self._note(number, now)

    def _note(self, number: str, now: float) -> None:
        """Raise `Refused` for a number that was there before."""
        while self._seen and next(iter(self._seen.values())) < now - 2 * GOOD_FOR_S:
            self._seen.popitem(last=False)
        if number in self._seen or len(self._seen) >= _MOST_KEPT:
            raise Refused("it was here before")
        self._seen[number] = now

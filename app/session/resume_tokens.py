"""The tokens with which a client takes its session up again.

A token is a secret: it is kept as a hash and compared in constant time. Two are good: the newest, and the one
that the client came with last (at first: that of `session_created`), so that a client that missed its
`session_resumed` can come again. Using the newest spends the older. Where somebody comes with the older, the
newest of that moment stays good too: it may have been a `resume` from a connection that its client had given
up, and the client has the newer one.

Where a new one could not be stored, the client is given its own back, with a mark of this stream behind it:
whoever has the session next knows that token too, and this stream knows that the client has heard it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Self

TOKEN_BYTES = 24
"""192 bits from the system's random source."""


_MARK_BYTES = 6
_BEHIND = "~"
"""No token has it (`token_urlsafe`)."""


def _hash(token: str) -> bytes:
    token = token.partition(_BEHIND)[0]
    # A plain hash is right for a random secret of 192 bits: there is nothing to guess.
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _each(hashes: bytes) -> list[bytes]:
    size = hashlib.sha256().digest_size
    return [hashes[at : at + size] for at in range(0, len(hashes), size)]


@dataclass(slots=True)
class ResumeTokens:
    """The good tokens of one stream, as hashes; made with hashes, they are those of a stream before it.

    Attributes:
        newest: Given out last.
        previous: The one that the client came with last; behind it the newest of then, where it was older.
        mark: Of this stream.
    """

    newest: bytes = b""
    previous: bytes = b""
    mark: str = field(default_factory=lambda: secrets.token_urlsafe(_MARK_BYTES))
    _older_stream: frozenset[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Hashes that were there before this stream gave out a token come from one that is gone.
        self._older_stream = frozenset({self.newest, *_each(self.previous)})

    @classmethod
    def of_stream(cls, newest: bytes, previous: bytes, mark: str, older_stream: Collection[bytes]) -> Self:
        """Those of a stream that goes on elsewhere: it has given them out, but for the older ones."""
        tokens = cls(newest, previous, mark)
        tokens._older_stream = frozenset(older_stream)
        return tokens

    @property
    def older_stream(self) -> frozenset[bytes]:
        """Hashes of tokens that a stream before this one gave out."""
        return self._older_stream

    def issue(self) -> str:
        """Return a new token, now the newest; the one that was used before stays good."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self.newest = _hash(token)
        if not self.previous:
            self.previous = self.newest
        return token

    def marked(self, token: str) -> str:
        """Return a token that a client came with as this stream gives it back."""
        return token.partition(_BEHIND)[0] + _BEHIND + self.mark

    def is_good(self, token: str) -> bool:
        """Return whether a client may come in with this token. Spends nothing."""
        own = _hash(token)
        # All are compared: how long it takes says nothing of which.
        is_previous = [hmac.compare_digest(own, each) for each in _each(self.previous or bytes(32))]
        return self.is_newest(token) or any(is_previous)

    def is_newest(self, token: str) -> bool:
        """Return whether no other has been given out since this one."""
        return hmac.compare_digest(_hash(token), self.newest or bytes(32))

    def names_this_stream(self, token: str) -> bool:
        """Whether this stream gave the token out; what a client saw of another says nothing about it."""
        mark = token.partition(_BEHIND)[2]
        return mark == self.mark if mark else _hash(token) not in self._older_stream

    def redeem(self, token: str) -> None:
        """A client has come in with this good token: from now on it is the one that was used last."""
        passed_over = b"" if self.is_newest(token) else self.newest
        self.previous = _hash(token) + passed_over

"""Who may do what: the tokens of `API_TOKENS`, and what they open.

Without tokens the server is open to whoever reaches it; what changes or erases a talk is then kept to this
machine by the router.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.errors import Unauthorized
from config.settings import ApiToken


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever came with a good token."""

    user_id: str
    role: Literal["user", "admin"]

    def may_see(self, user_id: str) -> bool:
        """Whether this user's talks are theirs to see: their own, and for an admin all."""
        return self.role == "admin" or self.user_id == user_id


class Access:
    """Knows the tokens, as hashes.

    Args:
        tokens: What `API_TOKENS` says; without any, everybody is let in, as nobody in particular.
    """

    def __init__(self, tokens: Sequence[ApiToken]) -> None:
        self._known = [
            (_hash(token.token.get_secret_value()), Principal(token.user_id, token.role)) for token in tokens
        ]

    @property
    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return not self._known

    def identify(self, token: str | None) -> Principal | None:
        """Whose token it is; None where none is asked for.

        Compares with all tokens, each in constant time, so that the time tells nothing (CWE-208).

        Raises:
            Unauthorized: A token is asked for, and this is none.
        """
        if self.is_open:
            return None
        given = _hash(token or "")
        found: Principal | None = None
        for known, principal in self._known:
            if hmac.compare_digest(known, given):
                found = principal
        if found is None or not token:
            raise Unauthorized
        return found


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()

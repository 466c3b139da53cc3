"""Whoever came with a good token."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principal:
    """A user by name, and what they may do."""

    user_id: str
    role: Literal["user", "admin"]

    def may_see(self, user_id: str) -> bool:
        """Whether this user's talks are theirs to see: their own, and for an admin all."""
        return self.role == "admin" or self.user_id == user_id

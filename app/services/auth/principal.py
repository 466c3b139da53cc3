"""Whoever came with a good token."""

from dataclasses import dataclass

from config.api_tokens import Role


@dataclass(frozen=True, slots=True)
class Principal:
    """A user by name, and what they may do."""

    user_id: str
    role: Role

    def may_see(self, user_id: str) -> bool:
        """Return whether this user's talks are theirs to see: their own, and for an admin all."""
        return self.role == "admin" or self.user_id == user_id

    @property
    def may_contribute(self) -> bool:
        """Whether they may add to talks: what is put in there has the operator's voice or the agent's."""
        return self.role in ("backend", "admin")

    @property
    def may_list_all(self) -> bool:
        """Whether they may know which talks there are, and how they stand; not what is said in them."""
        return self.role in ("backend", "admin")

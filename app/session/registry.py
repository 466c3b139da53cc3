"""The sessions that live in this process.

A small interface on purpose: several processes behind a load balancer come later, and then this is what
changes.
"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from app.errors import ServerFull


class HasSessionId(Protocol):
    """Anything that is kept by its session's id."""

    @property
    def session_id(self) -> str:
        """The id that clients know it by."""
        ...


T = TypeVar("T", bound=HasSessionId)


class SessionRegistry(Generic[T]):
    """Live sessions by id.

    Args:
        max_sessions: How many there may be at once.
    """

    def __init__(self, max_sessions: int) -> None:
        self._max_sessions = max_sessions
        self._sessions: dict[str, T] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[T]:
        """A snapshot: the registry may change while the caller walks it."""
        return iter(list(self._sessions.values()))

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._sessions

    def get(self, session_id: str) -> T | None:
        """Return the session, or None."""
        return self._sessions.get(session_id)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another session."""
        return len(self._sessions) >= self._max_sessions

    def add(self, session: T) -> None:
        """Register a session.

        Raises:
            ServerFull: There are `max_sessions` already.
        """
        if self.is_full:
            raise ServerFull
        self._sessions[session.session_id] = session

    def remove(self, session_id: str) -> None:
        """Forget a session; one that is not there is no error."""
        self._sessions.pop(session_id, None)

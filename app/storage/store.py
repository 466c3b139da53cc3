"""What the rest of the server knows of storage.

A write is a value that `Store.write` takes without waiting; its receipt can be awaited. Reads are awaited and
take `STORE_TIMEOUT_S` at most. A database that is locked, full or gone delays writes and fails reads; it
never stops a talk.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from app.storage.operations import Write
from app.storage.records import (
    CallRow,
    MessageRecord,
    Page,
    SessionFilter,
    SessionRecord,
    StoredTalk,
    StoreHealth,
)
from app.storage.running_time import RunningTime
from app.storage.writer import Receipt


class Store(Protocol):
    """Where talks are kept. Writes are applied in the order of the calls."""

    @property
    def is_on(self) -> bool:
        """Whether anything is kept at all."""
        ...

    @property
    def requires_notes(self) -> bool:
        """Whether a tool's write must not run before the store has taken it."""
        ...

    @property
    def may_act(self) -> bool:
        """Whether a tool's write that was noted may run: what was noted is still this process's to do."""
        ...

    def health(self) -> StoreHealth:
        """Return how it stands; cheap, asks nobody."""
        ...

    async def aclose(self, grace_s: float) -> None:
        """Store what waits, for at most `grace_s` seconds, and close."""
        ...

    def write(self, write: Write) -> Receipt:
        """Take what is to be written, of `writes.py` or `upkeep_writes.py`. Never waits and never raises."""
        ...

    async def forget_ended(self, before: datetime) -> int:
        """Erase sessions that ended before it, a few at a time; how many.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        ...

    # Reads; each raises StoreUnavailable where the database does not answer in time

    async def running_time(self) -> RunningTime:
        """When servers ran before this one."""
        ...

    async def session(self, session_id: str) -> SessionRecord | None:
        """Return a session's row."""
        ...

    async def talk(
        self,
        session_id: str,
        newest_turns: int = 200,
        is_wanted: Callable[[SessionRecord], bool] | None = None,
    ) -> StoredTalk | None:
        """Return all that is needed to take a session up again; nothing is read of one that is not wanted."""
        ...

    async def sessions(
        self, chosen: SessionFilter, limit: int = 50, cursor: str | None = None
    ) -> Page[SessionRecord]:
        """Sessions, the newest first. Raises BadCursor."""
        ...

    async def messages(
        self, session_id: str, limit: int = 200, cursor: str | None = None, upto: int | None = None
    ) -> Page[MessageRecord]:
        """A session's messages, the first ones first, to the place `upto`; fewer than `limit` of large ones.

        Raises BadCursor.
        """
        ...

    async def talk_extent(self, session_id: str) -> int:
        """Return the place of a session's last message; -1 where it has none."""
        ...

    async def calls(self, session_id: str, call_ids: Sequence[str]) -> tuple[CallRow, ...]:
        """Those of a session's calls that have these ids."""
        ...

    async def search(self, session_id: str, query: str, limit: int = 10) -> tuple[MessageRecord, ...]:
        """Messages of a session that hold words of the query, the best first, without case and accents."""
        ...

    async def profile(self, user_id: str) -> dict[str, Any] | None:
        """Return what is kept of a user."""
        ...

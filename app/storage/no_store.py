"""The store of a server that keeps nothing: `DATABASE_URL=none`."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

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


class NoStore:
    """Nothing is stored, and nothing is found. Every receipt says so at once."""

    is_on = False
    requires_notes = False
    may_act = True

    def health(self) -> StoreHealth:
        """It is off."""
        return StoreHealth(status="off", database="none")

    async def aclose(self, grace_s: float) -> None:
        """There is nothing to close."""

    def write(self, write: Write) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    async def forget_ended(self, before: datetime) -> int:
        """See `Store`."""
        return 0

    async def running_time(self) -> RunningTime:
        """See `Store`."""
        return RunningTime()

    async def session(self, session_id: str) -> SessionRecord | None:
        """See `Store`."""
        return None

    async def talk(
        self,
        session_id: str,
        newest_turns: int = 200,
        is_wanted: Callable[[SessionRecord], bool] | None = None,
    ) -> StoredTalk | None:
        """See `Store`."""
        return None

    async def sessions(
        self, chosen: SessionFilter, limit: int = 50, cursor: str | None = None
    ) -> Page[SessionRecord]:
        """See `Store`."""
        return Page(())

    async def messages(
        self, session_id: str, limit: int = 200, cursor: str | None = None, upto: int | None = None
    ) -> Page[MessageRecord]:
        """See `Store`."""
        return Page(())

    async def talk_extent(self, session_id: str) -> int:
        """See `Store`."""
        return -1

    async def calls(self, session_id: str, call_ids: Sequence[str]) -> tuple[CallRow, ...]:
        """See `Store`."""
        return ()

    async def search(self, session_id: str, query: str, limit: int = 10) -> tuple[MessageRecord, ...]:
        """See `Store`."""
        return ()

    async def profile(self, user_id: str) -> dict[str, Any] | None:
        """See `Store`."""
        return None

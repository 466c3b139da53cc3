"""The store of a server that keeps nothing: `DATABASE_URL=none`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.storage.records import (
    NO_ENDS,
    CallRow,
    CallStatus,
    Ending,
    MessageRecord,
    MessageStatus,
    Outcome,
    Page,
    SessionChange,
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

    def health(self) -> StoreHealth:
        """It is off."""
        return StoreHealth(status="off", database="none")

    async def aclose(self, grace_s: float) -> None:
        """There is nothing to close."""

    def session_opened(self, session: SessionRecord) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def session_changed(self, session_id: str, change: SessionChange) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def text_accepted(
        self, session_id: str, message: MessageRecord, joins: str = "", ends: Mapping[str, Ending] = NO_ENDS
    ) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def messages_stored(self, session_id: str, messages: Sequence[MessageRecord]) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def turn_ended(
        self,
        session_id: str,
        turn_id: str,
        ending: Ending,
        messages: Sequence[MessageRecord],
        *,
        told: Sequence[str] = (),
        told_at: datetime | None = None,
        drops_before: int | None = None,
    ) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def turn_cut(
        self,
        session_id: str,
        turn_id: str,
        messages: Sequence[MessageRecord],
        *,
        told: Sequence[str] = (),
        told_at: datetime | None = None,
        drops_before: int | None = None,
    ) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def message_marked(self, session_id: str, position: int, status: MessageStatus) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def call_started(self, session_id: str, call: CallRow) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def call_began(self, session_id: str, call_id: str) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def call_ended(
        self,
        session_id: str,
        call_id: str,
        status: CallStatus,
        *,
        ended_at: datetime,
        result: str | None = None,
        reason: str | None = None,
        outcome: Outcome | None = None,
    ) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def calls_told(self, session_id: str, call_ids: Sequence[str], told_at: datetime) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def profile_stored(self, user_id: str, profile: dict[str, Any], session_id: str = "") -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def profile_erased(self, user_id: str) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def session_erased(self, session_id: str) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def user_erased(self, user_id: str) -> Receipt:
        """See `Store`."""
        return Receipt.refused()

    def detached_ended(self, detached_before: datetime) -> Receipt:
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

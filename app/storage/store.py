"""What the rest of the server knows of storage.

Writes are plain calls that never wait: each gives a receipt, which can be awaited. Reads are awaited and take
`STORE_TIMEOUT_S` at most. A database that is locked, full or gone delays writes and fails reads; it never
stops a talk.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

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

    def health(self) -> StoreHealth:
        """How it stands; cheap, asks nobody."""
        ...

    async def aclose(self, grace_s: float) -> None:
        """Stores what waits, for at most `grace_s` seconds, and closes."""
        ...

    # Sessions

    def session_opened(self, session: SessionRecord) -> Receipt:
        """A session began, or was taken up again in this form."""
        ...

    def session_changed(self, session_id: str, change: SessionChange) -> Receipt:
        """Locale, token hashes, summary, a client that came or went, the end."""
        ...

    # Messages

    def text_accepted(
        self, session_id: str, message: MessageRecord, joins: str = "", ends: Mapping[str, Ending] = NO_ENDS
    ) -> Receipt:
        """A user's text (status `accepted`). Wait for the receipt before `message_accepted` says durable.

        `joins`: the turn whose text it says again, with more words; that one is `joined` from then on.
        `ends`: the turns whose accepted texts it ends, and the status that they get.
        """
        ...

    def messages_stored(self, session_id: str, messages: Sequence[MessageRecord]) -> Receipt:
        """Messages of a turn that goes on, or a corrected form of stored ones (same position, turn, role)."""
        ...

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
        """What a turn said; its accepted texts get `ending` as their status.

        Args:
            session_id: Whose.
            turn_id: The turn.
            ending: How it ended.
            messages: What it said; its user's texts are there already.
            told: The calls whose results it has told; with the turn or not at all.
            told_at: When.
            drops_before: It was asked again: what it said before, in places under this, goes.
        """
        ...

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
        """What a turn said before the server's stop cut it; its text still has no ending.

        The arguments are those of `turn_ended`.
        """
        ...

    def message_marked(self, session_id: str, position: int, status: MessageStatus) -> Receipt:
        """Another status for one message, such as `refused` for one that left all prompts."""
        ...

    # Tool calls

    def call_started(self, session_id: str, call: CallRow) -> Receipt:
        """A call is about to run. For a write, wait for the receipt first."""
        ...

    def call_began(self, session_id: str, call_id: str) -> Receipt:
        """A write begins that was stored as not begun. Wait for the receipt first."""
        ...

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
        """How a call ended; `result` is the tool message's JSON text."""
        ...

    def calls_told(self, session_id: str, call_ids: Sequence[str], told_at: datetime) -> Receipt:
        """The turn in which these results were told has ended."""
        ...

    # Users, erasure, retention

    def profile_stored(self, user_id: str, profile: dict[str, Any], session_id: str = "") -> Receipt:
        """The user's whole profile. `session_id`: the session that it comes from, if any."""
        ...

    def profile_erased(self, user_id: str) -> Receipt:
        """The user's profile is to go."""
        ...

    def session_erased(self, session_id: str) -> Receipt:
        """A session is to go, with all its rows; what is written to it later is dropped."""
        ...

    def user_erased(self, user_id: str) -> Receipt:
        """All of a user is to go. End the user's live sessions first."""
        ...

    def detached_ended(self, detached_before: datetime) -> Receipt:
        """Sessions without a client since then have ended."""
        ...

    async def forget_ended(self, before: datetime) -> int:
        """Erases sessions that ended before it, a few at a time; how many.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        ...

    # Reads; each raises StoreUnavailable where the database does not answer in time

    async def running_time(self) -> RunningTime:
        """When servers ran before this one."""
        ...

    async def session(self, session_id: str) -> SessionRecord | None:
        """A session's row."""
        ...

    async def talk(
        self,
        session_id: str,
        newest_turns: int = 200,
        is_wanted: Callable[[SessionRecord], bool] | None = None,
    ) -> StoredTalk | None:
        """All that is needed to take a session up again; nothing is read of one that is not wanted."""
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
        """The place of a session's last message; -1 where it has none."""
        ...

    async def calls(self, session_id: str, call_ids: Sequence[str]) -> tuple[CallRow, ...]:
        """Those of a session's calls that have these ids."""
        ...

    async def search(self, session_id: str, query: str, limit: int = 10) -> tuple[MessageRecord, ...]:
        """Messages of a session that hold words of the query, the best first, without case and accents."""
        ...

    async def profile(self, user_id: str) -> dict[str, Any] | None:
        """What is kept of a user."""
        ...

"""What the store takes and gives: plain values, without a database behind them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, Literal, TypedDict, TypeVar

Role = Literal["user", "assistant", "tool", "system"]

MessageStatus = Literal["accepted", "ok", "interrupted", "withdrawn", "refused", "failed", "joined"]
"""`accepted`: a user's text whose turn has not ended, or what a back end adds and was not carried out yet.
`withdrawn`: taken back before it was answered; of a back end's, it was not carried out.
`refused`: kept for people, but out of all later prompts. `failed`: ended in an error."""

Ending = Literal["ok", "interrupted", "withdrawn", "refused", "failed", "joined"]

NO_ENDS: Final[Mapping[str, Ending]] = {}

NONE_SUPERSEDED: Final[Mapping[str, str]] = {}

CallStatus = Literal["running", "done", "failed", "timed_out", "cancelled", "interrupted"]

Outcome = Literal["none", "unknown"]
"""What a write did, where its status does not say it. `none`: it has not begun, or was not run. `unknown`: it
may have acted, and nobody can tell."""

SessionStatus = Literal["active", "ended", "all"]

StoreStatus = Literal["ok", "degraded", "off"]

TITLE_CHARS = 80

SEARCHED_SESSIONS = 2000
"""As much of a user's first text as names a talk in a list."""


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message of a talk.

    Attributes:
        position: Its place, from 0, given by the session; unique in it.
        client_id: The client's own id of a text, unique in the session.
        tool_calls: An assistant's calls, as the chat-completions API writes them.
        tool_call_id: The call that a tool message answers.
        source: Whose it is where its role does not tell; None in all others, and before release 0002 of the
            tables.
        superseded_by: The turn that came in the place of this message's turn, by a revision, or that turn
            itself, where a client deleted the message; None where there is none.
    """

    position: int
    turn_id: str
    role: Role
    content: str | None
    created_at: datetime
    status: MessageStatus = "ok"
    client_id: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    source: Literal["backend", "server"] | None = None
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session without its messages.

    Attributes:
        token_hash: Of the newest resume token; empty on v1.
        previous_token_hash: Of the older ones that are good; see `ResumeTokens`.
        summary: Stands for the turns that began before position `summary_upto`.
        detached_at: When its client left; None while one is connected. The resume window runs from here,
            also across a restart, but for the time without a server: one that starts sets it to its own start
            where it is still None.
        ended_at: None while the session may still be resumed.
        message_count: User and assistant messages; read only.
        title: What the user calls it, else the beginning of their first text, `TITLE_CHARS` at most; read
            only.
    """

    id: str
    user_id: str
    protocol: str
    locale: str
    created_at: datetime
    last_activity: datetime
    token_hash: bytes = b""
    previous_token_hash: bytes = b""
    summary: str | None = None
    summary_upto: int | None = None
    detached_at: datetime | None = None
    ended_at: datetime | None = None
    message_count: int = 0
    title: str = ""


class SessionChange(TypedDict, total=False):
    """What may change in a session; what is left out stays."""

    user_id: str
    protocol: str
    locale: str
    token_hash: bytes
    previous_token_hash: bytes
    summary: str | None
    summary_upto: int | None
    given_title: str | None
    last_activity: datetime
    detached_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallRow:
    """A tool call.

    Attributes:
        arguments: The JSON text that the tool was run with.
        result: What the tool message says, as a JSON text; None while it runs.
        told_at: When the turn ended in which the result was told.
        outcome: What a write did, where its status does not say it. A running one without has begun.
        idempotency_key: Under which the other side knows it; None where that is the call's own id.
    """

    call_id: str
    turn_id: str
    name: str
    arguments: str
    effect: Literal["read", "write"]
    started_at: datetime
    status: CallStatus = "running"
    reason: str | None = None
    result: str | None = None
    ended_at: datetime | None = None
    told_at: datetime | None = None
    outcome: Outcome | None = None
    idempotency_key: str | None = None

    @property
    def may_have_acted(self) -> bool:
        """Whether it is a write of which nobody knows what it did."""
        if self.outcome == "unknown":
            return True
        return self.has_begun_writing and self.status not in ("done", "failed")

    @property
    def told_reason(self) -> str | None:
        """Why it ended as it did, as clients are told it."""
        return "outcome_unknown" if self.ended_at is not None and self.may_have_acted else self.reason

    @property
    def has_begun_writing(self) -> bool:
        """Whether it is a write that has begun, so that its turn must not be run again."""
        return self.effect == "write" and self.outcome != "none" and self.reason not in ("denied", "expired")


@dataclass(frozen=True, slots=True)
class StoredTalk:
    """All that a server needs to take a session up again after a restart.

    Attributes:
        messages: Of the newest turns, and of those that no summary stands for, up to a bound; turn by turn as
            they began, each in order. Superseded turns are none of them.
        next_position: The place of the next message.
        running_calls: Calls without an ending: the server ended while they ran.
        untold_calls: Ended, and the result was not told.
        writes: The newest calls that change something, however they stand, oldest first.
        ended_calls: The newest that have ended, as they began, without their arguments; not those that the
            server's stop has ended and nobody was told of.
        unanswered: Accepted texts whose turn has no ending, oldest first.
        contributions: What a back end has added and was not carried out, oldest first.
        superseded: The newest superseded turns, oldest first, with the turns that came in their place.
        turn_of_client_id: The turns of the newest accepted client ids, oldest first.
    """

    session: SessionRecord
    messages: tuple[MessageRecord, ...]
    next_position: int
    running_calls: tuple[CallRow, ...]
    untold_calls: tuple[CallRow, ...]
    unanswered: tuple[MessageRecord, ...]
    turn_of_client_id: dict[str, str]
    writes: tuple[CallRow, ...] = ()
    ended_calls: tuple[CallRow, ...] = ()
    contributions: tuple[MessageRecord, ...] = ()
    superseded: Mapping[str, str] = field(default_factory=lambda: NONE_SUPERSEDED)


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions a list holds.

    Attributes:
        only: Ids of which a session's must be one; None for any.
        but: Ids that are left out.
        is_spoken: Only those in which the user has said something.
        query: Only those whose title or texts hold all of its words, without case and accents; empty: any.
            Of one user's, among their newest `SEARCHED_SESSIONS`.
    """

    status: SessionStatus = "all"
    user_id: str | None = None
    only: frozenset[str] | None = None
    but: frozenset[str] = frozenset()
    is_spoken: bool = False
    query: str = ""


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of many; `next_cursor` is None on the last page."""

    rows: tuple[Row, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """What `/agent/health` and `/agent/diagnose` say of the store.

    Attributes:
        status: `off` where there is none; `degraded` while writes wait.
        waiting: Writes that are not stored yet.
        problem: What is wrong, without secrets; empty when all is well.
        advice: What an operator can do; empty when all is well.
    """

    status: StoreStatus
    database: Literal["sqlite", "postgresql", "none"]
    waiting: int = 0
    problem: str = ""
    advice: str = ""

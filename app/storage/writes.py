"""What a talk writes: each write a value, and the statements behind it. All that varies are parameters.

Each may be applied twice with the result of once (see `writer.py`): rows are inserted under the keys that the
caller gave them, and what stands there already is only replaced by a newer form of the same row.

A new kind of write is a class here, or in `upkeep_writes.py`, and whoever gives it to `Store.write`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, bindparam, delete, update

from app.storage.models import messages, sessions, tool_calls
from app.storage.operations import (
    InsertInto,
    Operation,
    StatementByDialect,
    WriteStep,
    insert_unless_erased,
)
from app.storage.records import (
    NO_ENDS,
    CallRow,
    CallStatus,
    Ending,
    MessageRecord,
    MessageStatus,
    Outcome,
    SessionChange,
    SessionRecord,
)
from app.storage.text import folded

_TITLE_FIELDS = ("given_title", "folded_title")
"""A session that is taken up again knows nothing of them, and leaves them as they are."""

_OWNER_FIELDS = ("owner", "owner_epoch")
_STORED_SESSION_FIELDS = [
    column.name for column in sessions.c if column.name not in (*_TITLE_FIELDS, *_OWNER_FIELDS)
]

_MESSAGE_FIELDS = [column.name for column in fields(MessageRecord)]

_CALL_FIELDS = [column.name for column in fields(CallRow)]

_CALL_ENDING_FIELDS = ("status", "ended_at", "result", "reason", "outcome")


def _session_upsert(insert: InsertInto) -> Executable:
    names = [*_STORED_SESSION_FIELDS, *_OWNER_FIELDS]
    row = insert_unless_erased(insert, sessions, names, bindparam("id", type_=sessions.c.id.type))
    changed = {name: row.excluded[name] for name in _STORED_SESSION_FIELDS if name != "id"}
    # It is written again where the answer was lost; another process may have the session by now.
    is_same = sessions.c.owner.is_not_distinct_from(row.excluded.owner) & (
        sessions.c.owner_epoch == row.excluded.owner_epoch
    )
    upsert = row.on_conflict_do_update(index_elements=["id"], set_=changed, where=is_same)
    return upsert.returning(sessions.c.id)


def _message_upsert(insert: InsertInto) -> Executable:
    row = insert(messages)
    changing = ("content", "folded", "tool_calls", "status")
    upsert = row.on_conflict_do_update(
        index_elements=["session_id", "position"],
        set_={name: row.excluded[name] for name in changing},
        where=(messages.c.turn_id == row.excluded.turn_id) & (messages.c.role == row.excluded.role),
    )
    return upsert.returning(messages.c.position)


def _call_insert(insert: InsertInto) -> Executable:
    return insert(tool_calls).on_conflict_do_nothing(index_elements=["session_id", "call_id"])


_UPSERT_SESSION = StatementByDialect.of(_session_upsert)
_UPSERT_MESSAGE = StatementByDialect.of(_message_upsert)
_INSERT_CALL = StatementByDialect.of(_call_insert)
_NOTE_ACTIVITY = (
    update(sessions)
    .where(sessions.c.id == bindparam("of_session"))
    .values(last_activity=bindparam("last_activity"))
)
_END_TEXTS = (
    update(messages)
    .where(
        messages.c.session_id == bindparam("of_session"),
        messages.c.turn_id == bindparam("of_turn"),
        messages.c.status == "accepted",
    )
    .values(status=bindparam("status"))
)
_JOIN_TEXT = (
    update(messages)
    .where(
        messages.c.session_id == bindparam("of_session"),
        messages.c.turn_id == bindparam("of_turn"),
        messages.c.role == "user",
    )
    .values(status="joined")
)
_DROP_EARLIER_ANSWER = delete(messages).where(
    messages.c.session_id == bindparam("of_session"),
    messages.c.turn_id == bindparam("of_turn"),
    messages.c.role != "user",
    messages.c.position < bindparam("before"),
)
_BEGIN_CALL = (
    update(tool_calls)
    .where(tool_calls.c.session_id == bindparam("of_session"), tool_calls.c.call_id == bindparam("of_call"))
    .values(outcome=None)
    .returning(tool_calls.c.call_id)
)
_END_CALL = (
    update(tool_calls)
    .where(tool_calls.c.session_id == bindparam("of_session"), tool_calls.c.call_id == bindparam("of_call"))
    .values({name: bindparam(name) for name in _CALL_ENDING_FIELDS})
    .returning(tool_calls.c.call_id)
)


# Sessions


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A session began; a row that is there is brought to this form, if its owner is the same.

    Attributes:
        owner: The process that has claimed it, where several share the database.
        owner_epoch: By which of its claims.
    """

    session: SessionRecord
    owner: UUID | None = None
    owner_epoch: int = 0

    def operation(self) -> Operation:
        """See `Write`."""
        values = {name: getattr(self.session, name) for name in _STORED_SESSION_FIELDS}
        values |= {"owner": self.owner, "owner_epoch": self.owner_epoch}
        step = WriteStep(_UPSERT_SESSION, needs_row=True, values=values)
        return Operation("session_opened", self.session.id, (step,), is_first=True)


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """Locale, token hashes, summary, a client that came or went, the end. What is not named stays."""

    session_id: str
    change: SessionChange

    def operation(self) -> Operation:
        """See `Write`."""
        change = self.change
        values: dict[str, Any] = {**change}
        if "given_title" in change:
            values["folded_title"] = None if change["given_title"] is None else folded(change["given_title"])
        statement = update(sessions).where(sessions.c.id == self.session_id).values(**values)
        weight = len(change.get("summary") or "")
        step = WriteStep(statement.returning(sessions.c.id), needs_row=True)
        # Its end, or that all of it that is to be stored stands before this.
        is_last = change.get("ended_at") is not None or set(change) == {"protocol"}
        is_anyones = set(change) == {"given_title"}
        return Operation(
            "session_changed", self.session_id, (step,), weight, is_last=is_last, is_anyones=is_anyones
        )


@dataclass(frozen=True, slots=True)
class SessionReleased:
    """A process no longer has a session; what it wrote before stands before this."""

    session_id: str
    owner: UUID
    owner_epoch: int

    def operation(self) -> Operation:
        """See `Write`."""
        is_theirs = (sessions.c.owner == self.owner) & (sessions.c.owner_epoch == self.owner_epoch)
        statement = update(sessions).where(sessions.c.id == self.session_id, is_theirs).values(owner=None)
        return Operation("session_released", self.session_id, (WriteStep(statement),), is_last=True)


# Messages


@dataclass(frozen=True, slots=True)
class MessagesStored:
    """Messages of a turn that goes on, or a newer form of stored ones: same position, turn, role."""

    session_id: str
    messages: Sequence[MessageRecord]

    def operation(self) -> Operation:
        """See `Write`."""
        return Operation("messages_stored", self.session_id, *_stored(self.session_id, self.messages))


@dataclass(frozen=True, slots=True)
class TextAccepted:
    """A user's text (status `accepted`). Wait for the receipt before `message_accepted` says durable.

    Attributes:
        joins: The turn whose text it says again, with more words; that one is `joined` from then on.
        ends: The turns whose accepted texts it ends, and the status that they get; they are not asked again.
        supersedes: The turns that it takes the place of; they are marked, also what they still add: those
            rows come with their mark.
    """

    session_id: str
    text: MessageRecord
    joins: str = ""
    ends: Mapping[str, Ending] = field(default_factory=lambda: NO_ENDS)
    supersedes: Sequence[str] = ()

    def operation(self) -> Operation:
        """See `Write`."""
        steps, chars = _stored(self.session_id, [self.text])
        if self.joins:
            steps += (WriteStep(_JOIN_TEXT, values=_of_turn(self.session_id, self.joins)),)
        steps += tuple(_end(self.session_id, turn_id, ending) for turn_id, ending in self.ends.items())
        if self.supersedes:
            steps += (_supersede(self.session_id, self.supersedes, self.text.turn_id),)
        return Operation("text_accepted", self.session_id, steps, chars)


@dataclass(frozen=True, slots=True)
class CallsTold:
    """The turn in which these results were told has ended."""

    session_id: str
    call_ids: Sequence[str]
    told_at: datetime

    def operation(self) -> Operation:
        """See `Write`."""
        is_one = tool_calls.c.call_id.in_(self.call_ids)
        statement = update(tool_calls).where(tool_calls.c.session_id == self.session_id, is_one)
        return Operation("calls_told", self.session_id, (WriteStep(statement.values(told_at=self.told_at)),))


@dataclass(frozen=True, slots=True)
class WordsTakenOut:
    """What one side said in a turn was deleted: it is marked as superseded by its own turn."""

    session_id: str
    turn_id: str
    role: str

    def operation(self) -> Operation:
        """See `Write`."""
        is_said = (messages.c.role == self.role) & messages.c.tool_calls.is_(None)
        is_theirs = (messages.c.turn_id == self.turn_id) & messages.c.superseded_by.is_(None)
        statement = update(messages).where(messages.c.session_id == self.session_id, is_theirs, is_said)
        step = WriteStep(statement.values(superseded_by=self.turn_id))
        return Operation("words_taken_out", self.session_id, (step,))


@dataclass(frozen=True, slots=True)
class TurnCut:
    """What a turn said before the server's stop cut it; its text still has no ending.

    Attributes:
        messages: What it said; its user's texts are there already.
        told: The results that it has told: with the turn or not at all.
        drops_before: It was asked again: what it said before, in places under this, goes.
    """

    session_id: str
    turn_id: str
    messages: Sequence[MessageRecord]
    told: CallsTold | None = None
    drops_before: int | None = None

    def operation(self) -> Operation:
        """See `Write`."""
        steps, chars = _stored(self.session_id, self.messages)
        if self.drops_before is not None:
            values = {**_of_turn(self.session_id, self.turn_id), "before": self.drops_before}
            steps += (WriteStep(_DROP_EARLIER_ANSWER, values=values),)
        return _telling(Operation("turn_cut", self.session_id, steps, chars), self.told)


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """What a turn said; its accepted texts get `ending` as their status.

    The other attributes are those of `TurnCut`.
    """

    session_id: str
    turn_id: str
    ending: Ending
    messages: Sequence[MessageRecord]
    told: CallsTold | None = None
    drops_before: int | None = None

    def operation(self) -> Operation:
        """See `Write`."""
        cut = TurnCut(self.session_id, self.turn_id, self.messages, drops_before=self.drops_before)
        said = cut.operation()
        steps = (*said.steps, _end(self.session_id, self.turn_id, self.ending))
        return _telling(replace(said, name="turn_ended", steps=steps), self.told)


@dataclass(frozen=True, slots=True)
class MessageMarked:
    """Another status for one message, such as `refused` for one that left all prompts."""

    session_id: str
    position: int
    status: MessageStatus

    def operation(self) -> Operation:
        """See `Write`."""
        is_it = (messages.c.session_id == self.session_id) & (messages.c.position == self.position)
        statement = update(messages).where(is_it).values(status=self.status).returning(messages.c.position)
        return Operation("message_marked", self.session_id, (WriteStep(statement, needs_row=True),))


# Tool calls


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call is about to run; one that stands there already is left as it is.

    For a write, wait for the receipt first.
    """

    session_id: str
    call: CallRow

    def operation(self) -> Operation:
        """See `Write`."""
        values = {"session_id": self.session_id, **_fields(self.call, _CALL_FIELDS)}
        step = WriteStep(_INSERT_CALL, values=values)
        return Operation("call_started", self.session_id, (step,), len(self.call.arguments))


@dataclass(frozen=True, slots=True)
class CallBegan:
    """A write begins that was stored as not begun. Wait for the receipt first."""

    session_id: str
    call_id: str

    def operation(self) -> Operation:
        """See `Write`."""
        key = {"of_session": self.session_id, "of_call": self.call_id}
        return Operation("call_began", self.session_id, (WriteStep(_BEGIN_CALL, needs_row=True, values=key),))


@dataclass(frozen=True, slots=True)
class CallEnded:
    """How a call ended; `result` is the tool message's JSON text."""

    session_id: str
    call_id: str
    status: CallStatus
    ended_at: datetime
    result: str | None = None
    reason: str | None = None
    outcome: Outcome | None = None

    def operation(self) -> Operation:
        """See `Write`."""
        values = {"of_session": self.session_id, "of_call": self.call_id}
        values |= {name: getattr(self, name) for name in _CALL_ENDING_FIELDS}
        step = WriteStep(_END_CALL, needs_row=True, values=values)
        return Operation("call_ended", self.session_id, (step,), len(self.result or ""))


# Parts of more than one


def _stored(session_id: str, rows: Sequence[MessageRecord]) -> tuple[tuple[WriteStep, ...], int]:
    """Return the steps that store messages, and about what they weigh."""
    steps = [WriteStep(_UPSERT_MESSAGE, needs_row=True, values=_message(session_id, row)) for row in rows]
    if rows:
        values = {"of_session": session_id, "last_activity": max(row.created_at for row in rows)}
        steps.append(WriteStep(_NOTE_ACTIVITY, values=values))
    return tuple(steps), sum(map(_weight, rows))


def _message(session_id: str, row: MessageRecord) -> dict[str, Any]:
    is_found = row.content is not None and row.role in ("user", "assistant")
    text = folded(row.content or "") if is_found else None
    return {"session_id": session_id, "folded": text, **_fields(row, _MESSAGE_FIELDS)}


def _fields(row: MessageRecord | CallRow, names: Sequence[str]) -> dict[str, Any]:
    """Return what stands in the columns of the same names."""
    return {name: getattr(row, name) for name in names}


def _weight(row: MessageRecord) -> int:
    return len(row.content or "") + sum(len(str(call)) for call in row.tool_calls or ())


def _of_turn(session_id: str, turn_id: str) -> dict[str, Any]:
    return {"of_session": session_id, "of_turn": turn_id}


def _end(session_id: str, turn_id: str, ending: Ending) -> WriteStep:
    return WriteStep(_END_TEXTS, values={**_of_turn(session_id, turn_id), "status": ending})


def _supersede(session_id: str, turn_ids: Sequence[str], by: str) -> WriteStep:
    is_theirs = messages.c.turn_id.in_(turn_ids) & messages.c.superseded_by.is_(None)
    statement = update(messages).where(messages.c.session_id == session_id, is_theirs)
    return WriteStep(statement.values(superseded_by=by))


def _telling(operation: Operation, told: CallsTold | None) -> Operation:
    return operation if told is None else operation.followed_by(told.operation())

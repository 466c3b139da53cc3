"""The statements behind each write. All values are parameters.

Each may be applied twice with the result of once (see `writer.py`): rows are inserted under the keys that the
caller gave them, and what stands there already is only replaced by a newer form of the same row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Executable,
    Table,
    bindparam,
    delete,
    exists,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from app.storage.models import erased_sessions, lives, messages, sessions, tool_calls, users
from app.storage.operations import Operation, Step
from app.storage.records import (
    NO_ENDS,
    CallRow,
    CallStatus,
    Ending,
    MessageRecord,
    Outcome,
    SessionChange,
    SessionRecord,
)
from app.storage.text import folded

_TITLE_FIELDS = ("given_title", "folded_title")
"""A session that is taken up again knows nothing of them, and leaves them as they are."""

_STORED_SESSION_FIELDS = [column.name for column in sessions.c if column.name not in _TITLE_FIELDS]

_KEPT_LIVES = 500
"""Of servers that have ended; a life before those counts as if there had been one server all the time."""

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
    .values({name: bindparam(name) for name in ("status", "ended_at", "result", "reason", "outcome")})
    .returning(tool_calls.c.call_id)
)


class Writes:
    """Makes the operations for one of the two databases: their upserts are spelled in different modules."""

    def __init__(self, dialect: str) -> None:
        self._is_sqlite = dialect == "sqlite"
        self._upsert_session = self._session_upsert()
        self._upsert_message = self._message_upsert()
        self._insert_call = self._insert(tool_calls).on_conflict_do_nothing(
            index_elements=["session_id", "call_id"]
        )

    def _insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    def _insert_unless_erased(
        self, table: Table, names: Sequence[str], session_id: ColumnElement[str]
    ) -> sqlite.Insert | postgresql.Insert:
        """A row of parameters by the columns' names, unless the session was erased."""
        row = select(*[bindparam(name, type_=table.c[name].type) for name in names])
        was_erased = exists().where(erased_sessions.c.session_id == session_id)
        return self._insert(table).from_select(list(names), row.where(~was_erased))

    def _session_upsert(self) -> Executable:
        names = _STORED_SESSION_FIELDS
        insert = self._insert_unless_erased(sessions, names, bindparam("id", type_=sessions.c.id.type))
        changed = {name: insert.excluded[name] for name in names if name != "id"}
        return insert.on_conflict_do_update(index_elements=["id"], set_=changed).returning(sessions.c.id)

    def _message_upsert(self) -> Executable:
        insert = self._insert(messages)
        changing = ("content", "folded", "tool_calls", "status")
        upsert = insert.on_conflict_do_update(
            index_elements=["session_id", "position"],
            set_={name: insert.excluded[name] for name in changing},
            where=(messages.c.turn_id == insert.excluded.turn_id) & (messages.c.role == insert.excluded.role),
        )
        return upsert.returning(messages.c.position)

    def session_opened(self, session: SessionRecord) -> Operation:
        """The session's row; one that is there is brought to this form."""
        values = {name: getattr(session, name) for name in _STORED_SESSION_FIELDS}
        step = Step(self._upsert_session, needs_row=True, values=values)
        return Operation("session_opened", session.id, (step,))

    def session_changed(self, session_id: str, change: SessionChange) -> Operation:
        """What is named changes, the rest stays."""
        values: dict[str, Any] = {**change}
        if "given_title" in change:
            values["folded_title"] = None if change["given_title"] is None else folded(change["given_title"])
        statement = update(sessions).where(sessions.c.id == session_id).values(**values)
        weight = len(change.get("summary") or "")
        step = Step(statement.returning(sessions.c.id), needs_row=True)
        # Its end, or that all of it that is to be stored stands before this.
        is_last = change.get("ended_at") is not None or set(change) == {"protocol"}
        return Operation("session_changed", session_id, (step,), weight, is_last=is_last)

    def messages_stored(
        self, session_id: str, rows: Sequence[MessageRecord], name: str = "messages_stored"
    ) -> Operation:
        """New messages, or a newer form of messages that stand there: same turn, same role."""
        steps = [self._message(session_id, row) for row in rows]
        if rows:
            steps.append(_activity(session_id, max(row.created_at for row in rows)))
        return Operation(name, session_id, tuple(steps), sum(map(_weight, rows)))

    def text_accepted(
        self, session_id: str, text: MessageRecord, joins: str = "", ends: Mapping[str, Ending] = NO_ENDS
    ) -> Operation:
        """A user's text; what it joins is not read twice from then on, what it ends is not asked again."""
        stored = self.messages_stored(session_id, [text], "text_accepted")
        steps = [*stored.steps]
        if joins:
            steps.append(Step(_JOIN_TEXT, values={"of_session": session_id, "of_turn": joins}))
        for turn_id, ending in ends.items():
            key = {"of_session": session_id, "of_turn": turn_id}
            steps.append(Step(_END_TEXTS, values={**key, "status": ending}))
        return replace(stored, steps=tuple(steps))

    def turn_ended(
        self,
        session_id: str,
        turn_id: str,
        ending: Ending,
        rows: Sequence[MessageRecord],
        *,
        drops_before: int | None = None,
    ) -> Operation:
        """What the turn said, and that its texts have had their ending."""
        stored = self.turn_cut(session_id, turn_id, rows, drops_before=drops_before, name="turn_ended")
        key = {"of_session": session_id, "of_turn": turn_id}
        return replace(stored, steps=(*stored.steps, Step(_END_TEXTS, values={**key, "status": ending})))

    def turn_cut(
        self,
        session_id: str,
        turn_id: str,
        rows: Sequence[MessageRecord],
        *,
        drops_before: int | None = None,
        name: str = "turn_cut",
    ) -> Operation:
        """What the turn said; of what it said in places under `drops_before` nothing stays."""
        stored = self.messages_stored(session_id, rows, name)
        if drops_before is None:
            return stored
        key = {"of_session": session_id, "of_turn": turn_id}
        drop = Step(_DROP_EARLIER_ANSWER, values={**key, "before": drops_before})
        return replace(stored, steps=(*stored.steps, drop))

    def message_marked(self, session_id: str, position: int, status: str) -> Operation:
        """Another status for one message."""
        statement = (
            update(messages)
            .where(messages.c.session_id == session_id, messages.c.position == position)
            .values(status=status)
            .returning(messages.c.position)
        )
        return Operation("message_marked", session_id, (Step(statement, needs_row=True),))

    def _message(self, session_id: str, row: MessageRecord) -> Step:
        is_found = row.content is not None and row.role in ("user", "assistant")
        values = {
            "session_id": session_id,
            "position": row.position,
            "turn_id": row.turn_id,
            "client_id": row.client_id,
            "role": row.role,
            "content": row.content,
            "tool_calls": row.tool_calls,
            "tool_call_id": row.tool_call_id,
            "source": row.source,
            "status": row.status,
            "created_at": row.created_at,
            "folded": folded(row.content or "") if is_found else None,
        }
        return Step(self._upsert_message, needs_row=True, values=values)

    def call_started(self, session_id: str, call: CallRow) -> Operation:
        """A call that is about to run; one that stands there already is left as it is."""
        values = {
            "session_id": session_id,
            "call_id": call.call_id,
            "turn_id": call.turn_id,
            "name": call.name,
            "arguments": call.arguments,
            "effect": call.effect,
            "status": call.status,
            "reason": call.reason,
            "result": call.result,
            "started_at": call.started_at,
            "ended_at": call.ended_at,
            "told_at": call.told_at,
            "outcome": call.outcome,
            "idempotency_key": call.idempotency_key,
        }
        step = Step(self._insert_call, values=values)
        return Operation("call_started", session_id, (step,), len(call.arguments))

    def call_began(self, session_id: str, call_id: str) -> Operation:
        """A write that was stored as not begun begins."""
        step = Step(_BEGIN_CALL, needs_row=True, values={"of_session": session_id, "of_call": call_id})
        return Operation("call_began", session_id, (step,))

    def call_ended(
        self,
        session_id: str,
        call_id: str,
        status: CallStatus,
        ended_at: datetime,
        result: str | None,
        reason: str | None,
        outcome: Outcome | None = None,
    ) -> Operation:
        """How the call ended."""
        key = {"of_session": session_id, "of_call": call_id}
        values: dict[str, Any] = {"status": status, "ended_at": ended_at, "result": result}
        values |= {"reason": reason, "outcome": outcome}
        step = Step(_END_CALL, needs_row=True, values=key | values)
        return Operation("call_ended", session_id, (step,), len(result or ""))

    def calls_told(self, session_id: str, call_ids: Sequence[str], told_at: datetime) -> Operation:
        """The turn that told these results has ended."""
        statement = (
            update(tool_calls)
            .where(tool_calls.c.session_id == session_id, tool_calls.c.call_id.in_(call_ids))
            .values(told_at=told_at)
        )
        return Operation("calls_told", session_id, (Step(statement),))

    def profile_stored(self, user_id: str, profile: dict[str, Any], session_id: str) -> Operation:
        """The user's whole profile; not if it comes from a session that was erased."""
        values = {"user_id": user_id, "profile": profile}
        is_of = literal(session_id, sessions.c.id.type)
        insert = self._insert_unless_erased(users, list(values), is_of)
        upsert = insert.on_conflict_do_update(
            index_elements=["user_id"], set_={"profile": insert.excluded.profile}
        )
        step = Step(upsert.returning(users.c.user_id), needs_row=True, values=values)
        return Operation("profile_stored", session_id, (step,), len(str(profile)))

    def profile_erased(self, user_id: str) -> Operation:
        """The user's profile is gone."""
        step = Step(delete(users).where(users.c.user_id == user_id))
        return Operation("profile_erased", "", (step,), is_erasure=True)

    def session_erased(self, session_id: str, at: datetime) -> Operation:
        """The session with all that hangs on it is gone, and does not come back."""
        buried = self._insert(erased_sessions).values(session_id=session_id, erased_at=at)
        steps = (
            Step(buried.on_conflict_do_nothing(index_elements=["session_id"])),
            Step(delete(sessions).where(sessions.c.id == session_id)),
        )
        return Operation("session_erased", session_id, steps, is_erasure=True)

    def user_erased(self, user_id: str, at: datetime) -> Operation:
        """All sessions of the user and the profile are gone, and do not come back."""
        of_user = sessions.c.user_id == user_id
        ids = select(sessions.c.id, literal(at, erased_sessions.c.erased_at.type)).where(of_user)
        buried = self._insert(erased_sessions).from_select(["session_id", "erased_at"], ids)
        steps = (
            Step(buried.on_conflict_do_nothing(index_elements=["session_id"])),
            Step(delete(sessions).where(of_user)),
            Step(delete(users).where(users.c.user_id == user_id)),
        )
        return Operation("user_erased", "", steps, is_erasure=True)

    def sessions_forgotten(self, session_ids: Sequence[str], before: datetime) -> Operation:
        """Old sessions leave, if they are still ended and old; so do the marks of old erasures."""
        steps = (
            Step(delete(sessions).where(sessions.c.id.in_(session_ids), sessions.c.ended_at < before)),
            Step(delete(erased_sessions).where(erased_sessions.c.erased_at < before)),
        )
        return Operation("sessions_forgotten", "", steps, is_erasure=True)

    def server_started(self, life: UUID, at: datetime) -> Operation:
        """A life begins. Clients that were there when the last one ended left, for all we know, just now."""
        begins = self._insert(lives).values(id=life, started_at=at, seen_at=at)
        newest = select(lives.c.id).order_by(lives.c.started_at.desc()).limit(_KEPT_LIVES)
        left = (
            update(sessions)
            # Whatever their times say, by a clock that was set back since: this server has none there yet.
            .where(sessions.c.ended_at.is_(None), sessions.c.detached_at.is_(None))
            .values(detached_at=at)
        )
        steps = (
            Step(begins.on_conflict_do_nothing(index_elements=["id"])),
            Step(delete(lives).where(lives.c.id.not_in(newest))),
            Step(left),
        )
        return Operation("server_started", "", steps)

    def server_seen(self, life: UUID, at: datetime) -> Operation:
        """A sign of life."""
        statement = update(lives).where(lives.c.id == life).values(seen_at=at)
        return Operation("server_seen", "", (Step(statement),))

    def detached_ended(self, detached_before: datetime) -> Operation:
        """Sessions whose resume window is over have ended at the moment their client left."""
        statement = (
            update(sessions)
            .where(sessions.c.ended_at.is_(None), sessions.c.detached_at < detached_before)
            .values(ended_at=sessions.c.detached_at)
        )
        return Operation("detached_ended", "", (Step(statement),))


def _activity(session_id: str, at: datetime) -> Step:
    return Step(_NOTE_ACTIVITY, values={"of_session": session_id, "last_activity": at})


def _weight(row: MessageRecord) -> int:
    return len(row.content or "") + sum(len(str(call)) for call in row.tool_calls or ())

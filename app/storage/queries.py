"""The statements behind each read. All values are parameters; `LIKE` takes its signs literally."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, literal, or_, select

from app.storage.errors import BadCursor
from app.storage.models import lives, messages, sessions, tool_calls, users
from app.storage.records import (
    SEARCHED_SESSIONS,
    TITLE_CHARS,
    CallRow,
    MessageRecord,
    Page,
    SessionFilter,
    SessionRecord,
    StoredTalk,
)
from app.storage.running_time import Span
from app.storage.text import storable, words_of

_MOST_WORDS = 20

_MOST_QUERY_WORDS = 8
"""How many words of a search among talks count."""

_NOT_FOUND = ("refused", "joined")
"""What the service has refused must not come back into a prompt; joined words stand in another text."""

_MOST_TURNS = 500
"""A talk is loaded from its summary on, but never more of it."""

_MOST_CLIENT_IDS = 1000
"""How many texts are known again when they are sent twice; as many as a session knows that lives."""

_MOST_ENDED_CALLS = 50

_MOST_BYTES = 4 * 1024 * 1024
"""No more of a talk's newest turns is loaded; the newest is, whatever its size."""

_PAGE_BYTES = 1024 * 1024
"""A page of messages ends behind the one with which it is over this."""

_IDS_AT_ONCE = 500

_SIZED_AT_ONCE = 32

_SCANNED_MESSAGES = 5000
"""Among so many messages the newest turns are looked for, however long a talk is."""

# In the order of the records' fields: a row is unpacked into its record.
_MESSAGE_COLUMNS = [messages.c[field.name] for field in fields(MessageRecord)]
_SESSION_COLUMNS = [sessions.c[field.name] for field in fields(SessionRecord) if field.name in sessions.c]

_MOST_WRITES = 200
"""How many of a session's writes are known again, so that none is done twice."""

_CALL_COLUMNS = [tool_calls.c[field.name] for field in fields(CallRow)]

_IS_CURRENT = messages.c.superseded_by.is_(None)
"""No revision has put another turn in the place of its own, and it was not deleted, which names its own."""

_MOST_SUPERSEDED = 1000

_IS_SAID = or_(messages.c.role != "assistant", messages.c.status.not_in(("accepted", "withdrawn")))
"""All but what a back end wants the agent to say, and what was not said."""

_COUNT = (
    select(func.count())
    .where(messages.c.session_id == sessions.c.id, messages.c.role.in_(("user", "assistant")))
    .where(messages.c.content.is_not(None), _IS_SAID)
    .correlate(sessions)
    .scalar_subquery()
    .label("message_count")
)

# The primary key leads to it: the first text is among the first messages.
_TEXTS = (
    select(func.substr(messages.c.content, 1, TITLE_CHARS))
    .where(messages.c.session_id == sessions.c.id, messages.c.role == "user")
    .where(messages.c.content.is_not(None), _IS_CURRENT)
    .correlate(sessions)
)
_FIRST_TEXT = _TEXTS.order_by(messages.c.position).limit(1).scalar_subquery()
_TITLE = func.coalesce(sessions.c.given_title, _FIRST_TEXT, "").label("title")


def _message(row: Row[Any]) -> MessageRecord:
    return MessageRecord(*row)


def _call(row: Row[Any]) -> CallRow:
    return CallRow(*row)


def _session(row: Row[Any]) -> SessionRecord:
    return SessionRecord(*row)


def session(connection: Connection, session_id: str) -> SessionRecord | None:
    """Return the session's row; None where there is none."""
    statement = select(*_SESSION_COLUMNS, _COUNT, _TITLE).where(sessions.c.id == storable(session_id))
    row = connection.execute(statement).first()
    return None if row is None else _session(row)


def talk(
    connection: Connection,
    session_id: str,
    newest_turns: int,
    is_wanted: Callable[[SessionRecord], bool] | None = None,
) -> StoredTalk | None:
    """All that a restarted server needs of a session; None where there is none, or it is not wanted."""
    found = session(connection, session_id)
    if found is None or not (is_wanted is None or is_wanted(found)):
        return None
    session_id = found.id
    waiting = _messages_where(connection, session_id, messages.c.status == "accepted")
    last = connection.scalar(select(func.max(messages.c.position)).where(messages.c.session_id == session_id))
    untold = tool_calls.c.told_at.is_(None)
    calls = (
        connection.execute(
            select(*_CALL_COLUMNS)
            .where(tool_calls.c.session_id == session_id, untold)
            .order_by(tool_calls.c.started_at, tool_calls.c.call_id)
        )
    ).all()
    return StoredTalk(
        session=found,
        messages=newest(connection, session_id, newest_turns, found.summary_upto or 0),
        next_position=0 if last is None else last + 1,
        running_calls=tuple(_call(row) for row in calls if row.ended_at is None),
        untold_calls=tuple(_call(row) for row in calls if row.ended_at is not None),
        unanswered=tuple(message for message in waiting if message.role == "user"),
        contributions=tuple(message for message in waiting if message.role != "user"),
        turn_of_client_id=_client_ids(connection, session_id),
        writes=_writes(connection, session_id),
        ended_calls=_ended_calls(connection, session_id),
        superseded=_superseded(connection, session_id),
    )


def _superseded(connection: Connection, session_id: str) -> dict[str, str]:
    """The newest superseded turns, oldest first, with the turns that came in their place."""
    statement = (
        select(messages.c.turn_id, messages.c.superseded_by)
        .where(messages.c.session_id == session_id, ~_IS_CURRENT)
        .where(messages.c.superseded_by != messages.c.turn_id)
        .group_by(messages.c.turn_id, messages.c.superseded_by)
        .order_by(func.min(messages.c.position).desc())
        .limit(_MOST_SUPERSEDED)
    )
    rows = connection.execute(statement).all()
    return {row.turn_id: row.superseded_by for row in reversed(rows)}


def _writes(connection: Connection, session_id: str) -> tuple[CallRow, ...]:
    """The newest calls that change something, oldest first."""
    statement = (
        select(*_CALL_COLUMNS)
        .where(tool_calls.c.session_id == session_id, tool_calls.c.effect == "write")
        .order_by(tool_calls.c.started_at.desc(), tool_calls.c.call_id.desc())
        .limit(_MOST_WRITES)
    )
    return tuple(_call(row) for row in reversed(connection.execute(statement).all()))


def _ended_calls(connection: Connection, session_id: str) -> tuple[CallRow, ...]:
    """The newest calls that have ended, as they began; `Store.calls` has their arguments."""
    columns = [literal("").label("arguments") if c.name == "arguments" else c for c in _CALL_COLUMNS]
    is_left_to_tell = and_(tool_calls.c.told_at.is_(None), tool_calls.c.reason == "shutdown")
    statement = (
        select(*columns)
        .where(tool_calls.c.session_id == session_id, tool_calls.c.ended_at.is_not(None))
        .where(or_(tool_calls.c.reason.is_(None), ~is_left_to_tell))
        .order_by(tool_calls.c.started_at.desc(), tool_calls.c.call_id.desc())
        .limit(_MOST_ENDED_CALLS)
    )
    return tuple(_call(row) for row in reversed(connection.execute(statement).all()))


def _client_ids(connection: Connection, session_id: str) -> dict[str, str]:
    """The turns of the newest client ids, oldest first."""
    statement = (
        select(messages.c.client_id, messages.c.turn_id)
        .where(messages.c.session_id == session_id, messages.c.client_id.is_not(None))
        .order_by(messages.c.position.desc())
        .limit(_MOST_CLIENT_IDS)
    )
    rows = connection.execute(statement).all()
    return {row.client_id: row.turn_id for row in reversed(rows)}


def _messages_where(
    connection: Connection, session_id: str, *conditions: ColumnElement[bool]
) -> tuple[MessageRecord, ...]:
    statement = select(*_MESSAGE_COLUMNS).where(messages.c.session_id == session_id, *conditions)
    rows = connection.execute(statement.order_by(messages.c.position))
    return tuple(map(_message, rows))


def newest(
    connection: Connection, session_id: str, turns: int, summary_upto: int
) -> tuple[MessageRecord, ...]:
    """The messages of the newest turns, turn by turn: a text that waited stands before its own answer.

    Args:
        connection: To the database.
        session_id: Whose.
        turns: At least so many, if there are.
        summary_upto: All turns that began here or later, up to `_MOST_TURNS`.
    """
    last = select(func.max(messages.c.position)).where(messages.c.session_id == session_id).scalar_subquery()
    began = func.min(messages.c.position).label("began")
    newest_starts = (
        select(messages.c.turn_id, began)
        .where(messages.c.session_id == session_id, messages.c.position > last - _SCANNED_MESSAGES)
        .where(_IS_CURRENT)
        .group_by(messages.c.turn_id)
        .order_by(began.desc())
        .limit(max(turns, _MOST_TURNS))
    ).cte("newest_starts")
    floor = select(newest_starts.c.began).order_by(newest_starts.c.began.desc()).limit(turns).subquery()
    least = select(func.min(floor.c.began)).scalar_subquery()
    starts = select(newest_starts).where(
        or_(newest_starts.c.began >= least, newest_starts.c.began >= summary_upto)
    )
    newest_first = connection.execute(starts.order_by(newest_starts.c.began.desc())).all()
    turn_ids = _that_fit(connection, session_id, [turn.turn_id for turn in newest_first])
    began_at = {turn_id: place for place, turn_id in enumerate(reversed(turn_ids))}
    statement = (
        select(*_MESSAGE_COLUMNS)
        .where(messages.c.session_id == session_id, messages.c.turn_id.in_(turn_ids), _IS_CURRENT)
        .order_by(messages.c.position)
    )
    rows = map(_message, connection.execute(statement).all())
    return tuple(sorted(rows, key=lambda row: began_at[row.turn_id]))


def _that_fit(connection: Connection, session_id: str, turn_ids: list[str]) -> list[str]:
    """As many of the turns as may be loaded, from the first one on."""
    room = _MOST_BYTES
    size = func.sum(_size_of(connection)).label("size")
    # A few at a time: to know a text's size, SQLite reads it.
    for start in range(0, len(turn_ids), _SIZED_AT_ONCE):
        some = turn_ids[start : start + _SIZED_AT_ONCE]
        statement = (
            select(messages.c.turn_id, size)
            .where(messages.c.session_id == session_id, messages.c.turn_id.in_(some))
            .group_by(messages.c.turn_id)
        )
        sizes: dict[str, int] = {row.turn_id: row.size for row in connection.execute(statement)}
        for place, turn_id in enumerate(some, start):
            room -= sizes.get(turn_id, 0)
            if room < 0 and place:
                return turn_ids[:place]
    return turn_ids


def _size_of(connection: Connection) -> ColumnElement[int]:
    """About what a message weighs in memory: its words and its calls."""
    # SQLite has the size in bytes only from 3.43 on; for other than plain letters this is too little.
    size = func.length if connection.dialect.name == "sqlite" else func.octet_length
    return func.coalesce(size(messages.c.content), 0) + func.coalesce(size(messages.c.tool_calls), 0)


def session_page(
    connection: Connection, chosen: SessionFilter, limit: int, cursor: str | None
) -> Page[SessionRecord]:
    """Sessions, the newest first.

    Raises:
        BadCursor: The cursor is none of ours.
    """
    newest = (sessions.c.created_at.desc(), sessions.c.id.desc())
    statement = select(*_SESSION_COLUMNS, _COUNT, _TITLE).order_by(*newest)
    if chosen.status != "all":
        is_active = sessions.c.ended_at.is_(None)
        statement = statement.where(is_active if chosen.status == "active" else ~is_active)
    if chosen.user_id is not None:
        statement = statement.where(sessions.c.user_id == storable(chosen.user_id))
    if chosen.only is not None:
        statement = statement.where(sessions.c.id.in_(chosen.only))
    if chosen.but:
        statement = statement.where(sessions.c.id.not_in(chosen.but))
    if chosen.is_spoken:
        statement = statement.where(_TEXTS.exists())
    if chosen.query:
        statement = statement.where(*_that_hold(chosen))
    if cursor is not None:
        created_at, last_id = _read_cursor(cursor)
        older = sessions.c.created_at < created_at
        same = and_(sessions.c.created_at == created_at, sessions.c.id < last_id)
        statement = statement.where(or_(older, same))
    rows = [_session(row) for row in connection.execute(statement.limit(limit + 1))]
    if len(rows) <= limit:
        return Page(tuple(rows))
    return Page(tuple(rows[:limit]), _cursor(rows[limit - 1]))


def _that_hold(chosen: SessionFilter) -> list[ColumnElement[bool]]:
    """Conditions for the sessions in which all words of a search stand, each in the title or in a text."""
    newest = select(sessions.c.id).order_by(sessions.c.created_at.desc(), sessions.c.id.desc())
    if chosen.user_id is not None:
        newest = newest.where(sessions.c.user_id == storable(chosen.user_id))
    # However many talks somebody has: a word that stands nowhere has all of them read.
    conditions: list[ColumnElement[bool]] = [sessions.c.id.in_(newest.limit(SEARCHED_SESSIONS))]
    texts = select(messages.c.position).where(
        messages.c.session_id == sessions.c.id, messages.c.status.not_in(_NOT_FOUND), _IS_SAID, _IS_CURRENT
    )
    for word in words_of(chosen.query, _MOST_QUERY_WORDS):
        said = texts.where(messages.c.folded.contains(word, autoescape=True)).correlate(sessions).exists()
        conditions.append(or_(sessions.c.folded_title.contains(word, autoescape=True), said))
    return conditions


def _cursor(last: SessionRecord) -> str:
    text = json.dumps([last.created_at.isoformat(), last.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        created_at, last_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None or not isinstance(last_id, str):
            raise BadCursor("no cursor of this list")
        # One at either end of the calendar has no form in another zone.
        return moment.astimezone(UTC), storable(last_id)
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError) as exc:
        raise BadCursor("no cursor of this list") from exc


def message_page(
    connection: Connection, session_id: str, limit: int, cursor: str | None, upto: int | None = None
) -> Page[MessageRecord]:
    """Return a session's messages as they came, from the first: so many, or fewer where they are large.

    Args:
        connection: To the database.
        session_id: Whose.
        limit: The most that are had at once.
        cursor: Where the page before has ended.
        upto: The place of the last one that is asked for; None for no end.

    Raises:
        BadCursor: The cursor is none of ours.
    """
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise BadCursor("no cursor of these messages")
    after = -1 if cursor is None else int(cursor)
    asked = [messages.c.session_id == storable(session_id), messages.c.position > after]
    if upto is not None:
        asked.append(messages.c.position <= upto)
    sizes = select(messages.c.position, _size_of(connection).label("size")).where(*asked)
    last, length, room, has_more = after, 0, _PAGE_BYTES, False
    # Not all at once: to know a text's size, SQLite reads it.
    with connection.execute(sizes.order_by(messages.c.position).limit(limit + 1)) as places:
        for place in places:
            has_more = length == limit or room <= 0
            if has_more:
                break
            last, length, room = place.position, length + 1, room - place.size
    if not length:
        return Page(())
    statement = select(*_MESSAGE_COLUMNS).where(*asked, messages.c.position <= last)
    rows = connection.execute(statement.order_by(messages.c.position)).all()
    return Page(tuple(map(_message, rows)), str(last) if has_more else None)


def talk_extent(connection: Connection, session_id: str) -> int:
    """Return the place of a session's last message; -1 where it has none."""
    last = select(func.max(messages.c.position)).where(messages.c.session_id == storable(session_id))
    place = connection.scalar(last)
    return -1 if place is None else place


def calls(connection: Connection, session_id: str, call_ids: Sequence[str]) -> tuple[CallRow, ...]:
    """Those of a session's calls that have these ids."""
    found: list[CallRow] = []
    for start in range(0, len(call_ids), _IDS_AT_ONCE):
        some = [storable(call_id) for call_id in call_ids[start : start + _IDS_AT_ONCE]]
        statement = select(*_CALL_COLUMNS).where(
            tool_calls.c.session_id == storable(session_id), tool_calls.c.call_id.in_(some)
        )
        found += map(_call, connection.execute(statement).all())
    return tuple(found)


def found_messages(
    connection: Connection, session_id: str, query: str, limit: int
) -> tuple[MessageRecord, ...]:
    """Messages that hold words of the query: those with most of them first, then the newest."""
    words = words_of(query, _MOST_WORDS)
    if not words:
        return ()
    hits = [messages.c.folded.contains(word, autoescape=True) for word in words]
    score: Any = sum((case((hit, 1), else_=0) for hit in hits[1:]), case((hits[0], 1), else_=0))
    statement = (
        select(*_MESSAGE_COLUMNS)
        .where(messages.c.session_id == storable(session_id), or_(*hits))
        .where(messages.c.status.not_in(_NOT_FOUND), _IS_SAID, _IS_CURRENT)
        .order_by(score.desc(), messages.c.position.desc())
        .limit(limit)
    )
    return tuple(map(_message, connection.execute(statement).all()))


def known_lives(connection: Connection) -> Sequence[Span]:
    """When servers lived, each from its start to its last sign of life."""
    statement = select(lives.c.started_at, lives.c.seen_at)
    return [(row.started_at, row.seen_at) for row in connection.execute(statement)]


def profile(connection: Connection, user_id: str) -> dict[str, Any] | None:
    """Return what is kept of a user; None where nothing is."""
    statement = select(users.c.profile).where(users.c.user_id == storable(user_id))
    return connection.scalar(statement)


def ended_before(connection: Connection, moment: datetime, limit: int) -> Sequence[str]:
    """Ids of sessions that ended before it."""
    statement = select(sessions.c.id).where(sessions.c.ended_at < moment).limit(limit)
    return connection.execute(statement).scalars().all()

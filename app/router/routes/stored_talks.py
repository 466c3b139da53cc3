"""How stored talks look over HTTP, and who may see them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson
from fastapi import HTTPException
from pydantic import BaseModel

from app.clock import wire_time
from app.services.auth.principal import Principal
from app.services.sessions.session_port import SessionFacts
from app.services.websocket_agent_service import WebSocketAgentService
from app.session.profile import ProfileUnknown
from app.session.service_extras import shown_calls
from app.storage.errors import BadCursor, StoreUnavailable
from app.storage.records import CallRow, MessageRecord, SessionFilter, SessionRecord
from app.storage.store import Store


class StoredCall(BaseModel):
    """A tool call: `running`, or how it has ended; where it is not done, `error` is a sentence."""

    call_id: str
    name: str
    arguments: dict[str, Any]
    status: str
    reason: str | None
    result: Any
    error: str | None
    started_at: str
    ended_at: str | None


class StoredMessage(BaseModel):
    """A message of a talk; `status` says how the turn went that it belongs to.

    `calls`: how those of its `tool_calls` stand that have begun. `source`: whose it is where its role does
    not tell: `backend` for what came by `POST /sessions/{session_id}/messages`, `server` for a wish to greet.
    `superseded`: a revision has put another turn in the place of its own. `deleted`: its client deleted it.
    """

    position: int
    turn_id: str
    role: str
    content: str | None
    created_at: str
    status: str
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    calls: list[StoredCall] | None = None
    source: Literal["backend", "server"] | None = None
    superseded: bool = False
    deleted: bool = False


class MessageList(BaseModel):
    """Some messages, the first ones first; where they are large, fewer than were asked for."""

    messages: list[StoredMessage]
    next_cursor: str | None


async def messages_of(store: Store, session_id: str, records: Sequence[MessageRecord]) -> list[StoredMessage]:
    """Stored messages as clients see them, with the calls that they have made.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    ids = [call["id"] for record in records for call in record.tool_calls or ()]
    rows = await store.calls(session_id, ids) if ids else ()
    calls = {row.call_id: _call(row) for row in rows}
    return [_message(record, calls) for record in records]


def _message(record: MessageRecord, calls: Mapping[str, StoredCall]) -> StoredMessage:
    made = [calls[call["id"]] for call in record.tool_calls or () if call["id"] in calls]
    return StoredMessage(
        position=record.position,
        turn_id=record.turn_id,
        role=record.role,
        content=record.content,
        created_at=wire_time(record.created_at),
        status=record.status,
        tool_calls=shown_calls(record.tool_calls),
        tool_call_id=record.tool_call_id,
        calls=made or None,
        source=record.source,
        superseded=record.superseded_by not in (None, record.turn_id),
        deleted=record.superseded_by == record.turn_id,
    )


def _call(row: CallRow) -> StoredCall:
    told: dict[str, Any] = orjson.loads(row.result or "{}")
    return StoredCall(
        call_id=row.call_id,
        name=row.name,
        arguments=orjson.loads(row.arguments),
        status=row.status,
        reason=row.told_reason,
        result=told.get("result"),
        error=told.get("error"),
        started_at=wire_time(row.started_at),
        ended_at=None if row.ended_at is None else wire_time(row.ended_at),
    )


def describe_stored(record: SessionRecord) -> dict[str, Any]:
    """Return a session that does not live now, in the form of one that does."""
    return {
        "session_id": record.id,
        "user_id": record.user_id,
        "state": "idle" if record.ended_at is None else "ended",
        "created_at": wire_time(record.created_at),
        "last_activity": wire_time(record.last_activity),
        "message_count": record.message_count,
        "pending_tools": [],
        "title": title_of(record),
    }


def title_of(record: SessionRecord) -> str:
    """Return what a talk is called, in one line; empty where nothing has been said."""
    return " ".join(record.title.split())


async def describe_now(
    service: WebSocketAgentService, records: Sequence[SessionRecord]
) -> list[dict[str, Any]]:
    """Return sessions as they are now: as they live, where they do."""
    found = await service.port.sessions([record.id for record in records])
    live = {facts.session_id: facts.shown for facts in found}
    return [
        {**live[record.id], "title": title_of(record)} if record.id in live else describe_stored(record)
        for record in records
    ]


async def describe_live(service: WebSocketAgentService, some: Sequence[SessionFacts]) -> list[dict[str, Any]]:
    """Live sessions, with their titles where the store has one; without them while it does not answer."""
    titles = await _titles_of(service.store, frozenset(live.session_id for live in some))
    return [{**live.shown, "title": titles.get(live.session_id) or None} for live in some]


async def _titles_of(store: Store, session_ids: frozenset[str]) -> dict[str, str]:
    # What lives is shown at once, also where a database is known not to work.
    if not session_ids or store.health().status != "ok":
        return {}
    try:
        page = await store.sessions(SessionFilter("all", only=session_ids), len(session_ids))
    except StoreUnavailable:
        return {}
    return {record.id: title_of(record) for record in page.rows}


def unavailable(error: StoreUnavailable | ProfileUnknown) -> HTTPException:
    """The database does not answer now."""
    return HTTPException(503, "the store does not answer; try again later")


def is_erased_now(service: WebSocketAgentService, is_erased: bool) -> None:
    """Answer 503 where an erasure still waits for the database: nobody may take it for done."""
    if service.store.is_on and not is_erased:
        raise HTTPException(503, "it is erased as soon as the database answers; ask again to be sure")


def bad_cursor(error: BadCursor) -> HTTPException:
    """The cursor is none of ours."""
    return HTTPException(422, "cursor: use the next_cursor of an earlier answer")


def store_of(service: WebSocketAgentService) -> Store:
    """Return the store; answers 503 where nothing is kept."""
    if not service.store.is_on:
        raise HTTPException(503, "this server keeps no talks: DATABASE_URL is none; name a database there")
    return service.store


async def live_session(
    service: WebSocketAgentService, session_id: str, caller: Principal | None
) -> SessionFacts | None:
    """Return a live session, if it is there and theirs to see."""
    facts = await service.port.session(session_id)
    return facts if facts is not None and (caller is None or caller.may_see(facts.user_id)) else None


async def stored_session(
    service: WebSocketAgentService, session_id: str, caller: Principal | None
) -> SessionRecord:
    """A session's row, if it is theirs to see; 404 for one that is not there and one of others alike."""
    if not service.store.is_on and await live_session(service, session_id, caller) is None:
        raise HTTPException(404, "no such session")
    try:
        record = await store_of(service).session(session_id)
    except StoreUnavailable as error:
        raise unavailable(error) from None
    if record is None or (caller is not None and not caller.may_see(record.user_id)):
        raise HTTPException(404, "no such session")
    return record

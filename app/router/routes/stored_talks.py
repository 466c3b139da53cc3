"""How stored talks look over HTTP, and who may see them."""

from typing import Any

from fastapi import HTTPException
from pydantic import BaseModel

from app.clock import wire_time
from app.services.principal import Principal
from app.services.websocket_agent_service import WebSocketAgentService
from app.session.profile import ProfileUnknown
from app.session.service_extras import shown_calls
from app.storage.errors import BadCursor, StoreUnavailable
from app.storage.records import MessageRecord, SessionRecord
from app.storage.store import Store


class StoredMessage(BaseModel):
    """A message of a talk; `status` says how the turn went that it belongs to."""

    position: int
    turn_id: str
    role: str
    content: str | None
    created_at: str
    status: str
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class MessageList(BaseModel):
    """Some messages, the first ones first."""

    messages: list[StoredMessage]
    next_cursor: str | None


def message_of(record: MessageRecord) -> StoredMessage:
    """A stored message as clients see it."""
    return StoredMessage(
        position=record.position,
        turn_id=record.turn_id,
        role=record.role,
        content=record.content,
        created_at=wire_time(record.created_at),
        status=record.status,
        tool_calls=shown_calls(record.tool_calls),
        tool_call_id=record.tool_call_id,
    )


def describe_stored(record: SessionRecord) -> dict[str, Any]:
    """A session that does not live now, in the form of one that does."""
    return {
        "session_id": record.id,
        "user_id": record.user_id,
        "state": "idle" if record.ended_at is None else "ended",
        "created_at": wire_time(record.created_at),
        "last_activity": wire_time(record.last_activity),
        "message_count": record.message_count,
        "pending_tools": [],
    }


def describe_now(service: WebSocketAgentService, record: SessionRecord) -> dict[str, Any]:
    """A session as it is now: as it lives, where it does."""
    live = service.sessions.get(record.id)
    return describe_stored(record) if live is None else live.describe()


def unavailable(error: StoreUnavailable | ProfileUnknown) -> HTTPException:
    """The database does not answer now."""
    return HTTPException(503, "the store does not answer; try again later")


def is_erased_now(service: WebSocketAgentService, is_erased: bool) -> None:
    """Answers 503 where an erasure still waits for the database: nobody may take it for done."""
    if service.store.is_on and not is_erased:
        raise HTTPException(503, "it is erased as soon as the database answers; ask again to be sure")


def bad_cursor(error: BadCursor) -> HTTPException:
    """The cursor is none of ours."""
    return HTTPException(422, "cursor: use the next_cursor of an earlier answer")


def store_of(service: WebSocketAgentService) -> Store:
    """The store; answers 503 where nothing is kept."""
    if not service.store.is_on:
        raise HTTPException(503, "this server keeps no talks: DATABASE_URL is off")
    return service.store


async def stored_session(
    service: WebSocketAgentService, session_id: str, caller: Principal | None
) -> SessionRecord:
    """A session's row, if it is theirs to see; 404 for one that is not there and one of others alike."""
    if not service.store.is_on and service.session_host.find(session_id, caller) is None:
        raise HTTPException(404, "no such session")
    try:
        record = await store_of(service).session(session_id)
    except StoreUnavailable as error:
        raise unavailable(error) from None
    if record is None or (caller is not None and not caller.may_see(record.user_id)):
        raise HTTPException(404, "no such session")
    return record


async def all_messages(store: Store, session_id: str) -> list[MessageRecord]:
    """All messages of a session, page by page."""
    messages: list[MessageRecord] = []
    cursor: str | None = None
    while True:
        try:
            page = await store.messages(session_id, limit=500, cursor=cursor)
        except StoreUnavailable as error:
            raise unavailable(error) from None
        messages += page.rows
        cursor = page.next_cursor
        if cursor is None:
            return messages


def as_markdown(record: SessionRecord, messages: list[MessageRecord]) -> str:
    """A talk as people read it: what the user and the agent said, and which tools were called."""
    lines = [f"# {record.id}", "", f"{record.user_id}, {wire_time(record.created_at)}", ""]
    for message in messages:
        if message.role == "tool":
            continue
        who = {"user": record.user_id, "assistant": "Agent"}.get(message.role, message.role)
        for call in message.tool_calls or ():
            lines += [f"*{call['function']['name']}* `{call['function']['arguments']}`", ""]
        if message.content:
            mark = "" if message.status in ("ok", "accepted") else f" ({message.status})"
            lines += [f"**{who}**{mark}, {wire_time(message.created_at)}:", "", message.content, ""]
    return "\n".join(lines)

"""The talks, for operators and back ends."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from app.conversation.injected_message import Mode
from app.errors import BudgetExceeded, QueueFull
from app.router.auth_dependencies import Caller, Changer, Contributor, Service
from app.router.routes.export_forms import find_zone
from app.router.routes.exports import export_of
from app.router.routes.stored_talks import (
    MessageList,
    bad_cursor,
    describe_live,
    describe_now,
    is_erased_now,
    live_session,
    messages_of,
    store_of,
    stored_session,
    unavailable,
)
from app.services.auth.principal import Principal
from app.services.websocket_agent_service import WebSocketAgentService
from app.storage.errors import BadCursor, StoreUnavailable
from app.storage.records import SessionFilter, SessionStatus
from app.storage.writes import SessionChanged
from app.unseen import without_unseen

router = APIRouter()

Limit = Annotated[int, Query(ge=1, le=500)]


class PendingTool(BaseModel):
    """A tool call that runs."""

    call_id: str
    name: str
    elapsed_s: float


class SessionInfo(BaseModel):
    """A session. Times are UTC, whole seconds; `state` is `ended` for one that can no longer be resumed.

    `title`: what its user calls it, else how their first text begins. Left out of a live session without
    either, where nothing is stored or the store does not answer, and for who may not read the session.
    """

    session_id: str
    user_id: str
    state: str
    created_at: str
    last_activity: str
    message_count: int
    pending_tools: list[PendingTool]
    title: str | None = None


class SessionList(BaseModel):
    """Some sessions; `active_sessions` counts those that live, whatever the list shows."""

    active_sessions: int
    sessions: list[SessionInfo]
    next_cursor: str | None = None


class TitleRequest(BaseModel):
    """What a talk is called from now on; null or blank: how its first text begins, again."""

    title: str | None = Field(max_length=200)


class TitleInfo(BaseModel):
    """What a talk is called now."""

    session_id: str
    title: str


class ContributionRequest(BaseModel):
    """What a back end adds to a talk."""

    content: str = Field(min_length=1, max_length=100_000)
    mode: Mode = "say"


class ContributionReceipt(BaseModel):
    """It waits in line; the turn that will say it has this id.

    `durable`: it is carried out also where the server ends before.
    """

    turn_id: str
    durable: bool


@router.get("/sessions", response_model_exclude_none=True)
async def list_sessions(
    service: Service,
    caller: Caller,
    status: SessionStatus = "active",
    user_id: str | None = None,
    state: str | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> SessionList:
    """List sessions, with a user's token their own: the live ones, those that ended, or all."""
    if caller is not None and not caller.may_list_all:
        if user_id not in (None, caller.user_id):
            return SessionList(active_sessions=0, sessions=[])
        user_id = caller.user_id
    mine = await service.port.states(user_id)
    if status == "active":
        ids, next_cursor = _page(mine, state, limit, cursor)
        shown = await describe_live(service, await service.port.sessions(ids))
    else:
        chosen = _chosen(mine, status, user_id, state)
        shown, next_cursor = await _stored(service, chosen, limit, cursor)
    sessions = [_info(session, caller) for session in shown]
    return SessionList(active_sessions=len(mine), sessions=sessions, next_cursor=next_cursor)


def _page(
    states: Mapping[str, str], state: str | None, limit: int, cursor: str | None
) -> tuple[list[str], str | None]:
    """Return the live sessions after the one that the cursor names, in the order in which they began."""
    wanted = [session_id for session_id, its in states.items() if state in (None, its)]
    if cursor in wanted:
        wanted = wanted[wanted.index(cursor) + 1 :]
    shown = wanted[:limit]
    return shown, shown[-1] if len(wanted) > limit else None


def _chosen(
    live: Mapping[str, str], status: SessionStatus, user_id: str | None, state: str | None
) -> SessionFilter:
    """What the store is asked for: it knows the states of sessions that do not live, `idle` and `ended`."""
    if state is None:
        return SessionFilter(status, user_id)
    if (state, status) == ("idle", "all"):
        busy = frozenset(session_id for session_id, its in live.items() if its != state)
        return SessionFilter("active", user_id, but=busy)
    if state == "ended":
        return SessionFilter("ended", user_id, but=frozenset(live))
    in_it = frozenset(session_id for session_id, its in live.items() if its == state)
    return SessionFilter(status, user_id, only=in_it)


async def _stored(
    service: WebSocketAgentService, chosen: SessionFilter, limit: int, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    try:
        page = await store_of(service).sessions(chosen, limit, cursor)
    except BadCursor as error:
        raise bad_cursor(error) from None
    except StoreUnavailable as error:
        raise unavailable(error) from None
    return await describe_now(service, page.rows), page.next_cursor


@router.get("/sessions/{session_id}", response_model_exclude_none=True)
async def show_session(session_id: str, service: Service, caller: Caller) -> SessionInfo:
    """Show one live session, or answer 404: for one that is not there and one of somebody else alike."""
    sees_all = caller is None or caller.may_list_all
    live = await live_session(service, session_id, None if sees_all else caller)
    if live is None:
        raise HTTPException(404, "no such session")
    (shown,) = await describe_live(service, [live])
    return _info(shown, caller)


def _info(facts: dict[str, Any], caller: Principal | None) -> SessionInfo:
    """Return what a caller may know of a session: its title is part of what is said in it."""
    info = SessionInfo.model_validate(facts)
    if caller is not None and not caller.may_see(info.user_id):
        info.title = None
    return info


@router.get("/sessions/{session_id}/messages")
async def list_messages(
    session_id: str, service: Service, caller: Caller, limit: Limit = 200, cursor: str | None = None
) -> MessageList:
    """List what was said in a session, live or ended, the first messages first."""
    await stored_session(service, session_id, caller)
    try:
        page = await service.store.messages(session_id, limit, cursor)
        messages = await messages_of(service.store, session_id, page.rows)
    except BadCursor as error:
        raise bad_cursor(error) from None
    except StoreUnavailable as error:
        raise unavailable(error) from None
    return MessageList(messages=messages, next_cursor=page.next_cursor)


@router.get("/sessions/{session_id}/export")
async def export_session(
    session_id: str,
    service: Service,
    caller: Caller,
    format: Literal["json", "markdown", "text"] = "json",
    time_zone: Annotated[str, Query(max_length=64)] = "UTC",
) -> Response:
    """Give a whole talk as a file; its times for people are those of `time_zone`, such as Europe/Madrid."""
    zone = find_zone(time_zone)
    if zone is None:
        raise HTTPException(422, "time_zone: must be a name such as Europe/Madrid")
    record = await stored_session(service, session_id, caller)
    return await export_of(service.store, record, format, zone)


@router.patch("/sessions/{session_id}")
async def rename_session(
    session_id: str, request: TitleRequest, service: Service, caller: Changer
) -> TitleInfo:
    """Give a session, live or ended, another title. Without a store there is none."""
    if not service.store.is_on:
        raise HTTPException(404, "no such session")
    await stored_session(service, session_id, caller)
    given = " ".join(without_unseen(request.title or "").replace("\0", " ").split())
    receipt = service.store.write(SessionChanged(session_id, {"given_title": given or None}))
    if not await receipt.wait(service.settings.store_timeout_s):
        raise HTTPException(503, "it has that title as soon as the database answers")
    record = await stored_session(service, session_id, caller)
    return TitleInfo(session_id=session_id, title=record.title)


@router.delete("/sessions/{session_id}", status_code=204)
async def erase_session(session_id: str, service: Service, caller: Changer) -> None:
    """End a session, if it lives, and erase all that is kept of it."""
    if await live_session(service, session_id, caller) is None:
        await stored_session(service, session_id, caller)
    is_erased_now(service, await service.eraser.erase(session_id))


@router.post("/sessions/{session_id}/messages", status_code=202)
async def contribute(
    session_id: str, request: ContributionRequest, service: Service, caller: Contributor
) -> ContributionReceipt:
    """Have the agent say something, know something, or react to something."""
    if await service.port.session(session_id) is None:
        raise HTTPException(404, "no such session")
    content = without_unseen(request.content)
    if "\0" in request.content or not content.strip():
        raise HTTPException(422, "content must be a text without NUL characters")
    try:
        injected = await service.port.inject(session_id, content, request.mode)
    except QueueFull:
        raise HTTPException(429, "too many contributions wait in this talk") from None
    except BudgetExceeded as error:
        raise HTTPException(429, error.sentence(service.settings.agent_locale)) from None
    if injected is None:
        raise HTTPException(404, "no such session")
    return ContributionReceipt(turn_id=injected.turn_id, durable=injected.is_durable)

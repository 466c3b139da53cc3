"""The talks, for operators and back ends."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from app.conversation.contribution import Contribution, Mode
from app.errors import BudgetExceeded, QueueFull
from app.router.guards import Caller, Changer, Contributor, Service
from app.router.routes.export_forms import find_zone
from app.router.routes.exports import export_of
from app.router.routes.stored_talks import (
    MessageList,
    bad_cursor,
    describe_now,
    is_erased_now,
    messages_of,
    store_of,
    stored_session,
    unavailable,
)
from app.services.live_session import LiveSession
from app.services.websocket_agent_service import WebSocketAgentService
from app.storage.errors import BadCursor, StoreUnavailable
from app.storage.records import SessionFilter, SessionStatus
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

    `title`: what its user calls it, else how their first text begins; in lists of stored sessions.
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
    """Lists sessions, with a user's token their own: the live ones, those that ended, or all."""
    if caller is not None and not caller.may_list_all:
        if user_id not in (None, caller.user_id):
            return SessionList(active_sessions=0, sessions=[])
        user_id = caller.user_id
    mine = [live for live in service.sessions if user_id in (None, live.session.user_id)]
    if status == "active":
        page, next_cursor = _page(mine, state, limit, cursor)
        shown = [live.describe() for live in page]
    else:
        chosen = _chosen(mine, status, user_id, state)
        shown, next_cursor = await _stored(service, chosen, limit, cursor)
    sessions = [SessionInfo.model_validate(session) for session in shown]
    return SessionList(active_sessions=len(mine), sessions=sessions, next_cursor=next_cursor)


def _page(
    sessions: list[LiveSession], state: str | None, limit: int, cursor: str | None
) -> tuple[list[LiveSession], str | None]:
    """The live sessions after the one that the cursor names, in the order in which they began."""
    wanted = [live for live in sessions if state in (None, live.session.state.value)]
    if cursor is not None:
        ids = [live.session_id for live in wanted]
        wanted = wanted[ids.index(cursor) + 1 :] if cursor in ids else wanted
    more = len(wanted) > limit
    shown = wanted[:limit]
    return shown, shown[-1].session_id if more else None


def _chosen(
    live: list[LiveSession], status: SessionStatus, user_id: str | None, state: str | None
) -> SessionFilter:
    """What the store is asked for: it knows the states of sessions that do not live, `idle` and `ended`."""
    if state is None:
        return SessionFilter(status, user_id)
    if (state, status) == ("idle", "all"):
        busy = frozenset(one.session_id for one in live if one.session.state.value != state)
        return SessionFilter("active", user_id, but=busy)
    if state == "ended":
        return SessionFilter("ended", user_id, but=frozenset(one.session_id for one in live))
    in_it = frozenset(one.session_id for one in live if one.session.state.value == state)
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
    return [describe_now(service, record) for record in page.rows], page.next_cursor


@router.get("/sessions/{session_id}", response_model_exclude_none=True)
async def show_session(session_id: str, service: Service, caller: Caller) -> SessionInfo:
    """Shows one live session, or answers 404: for one that is not there and one of somebody else alike."""
    sees_all = caller is None or caller.may_list_all
    live = service.sessions.get(session_id) if sees_all else service.session_host.find(session_id, caller)
    if live is None:
        raise HTTPException(404, "no such session")
    return SessionInfo.model_validate(live.describe())


@router.get("/sessions/{session_id}/messages")
async def list_messages(
    session_id: str, service: Service, caller: Caller, limit: Limit = 200, cursor: str | None = None
) -> MessageList:
    """Lists what was said in a session, live or ended, the first messages first."""
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
    """Gives a whole talk as a file; its times for people are those of `time_zone`, such as Europe/Madrid."""
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
    receipt = service.store.session_changed(session_id, {"given_title": given or None})
    if not await receipt.wait(service.settings.store_timeout_s):
        raise HTTPException(503, "it has that title as soon as the database answers")
    record = await stored_session(service, session_id, caller)
    return TitleInfo(session_id=session_id, title=record.title)


@router.delete("/sessions/{session_id}", status_code=204)
async def erase_session(session_id: str, service: Service, caller: Changer) -> None:
    """Ends a session, if it lives, and erases all that is kept of it."""
    live = service.session_host.find(session_id, caller)
    if live is None:
        await stored_session(service, session_id, caller)
    is_erased_now(service, await service.eraser.erase(session_id))


@router.post("/sessions/{session_id}/messages", status_code=202)
async def contribute(
    session_id: str, request: ContributionRequest, service: Service, caller: Contributor
) -> ContributionReceipt:
    """Has the agent say something, know something, or react to something."""
    live = service.sessions.get(session_id)
    if live is None:
        raise HTTPException(404, "no such session")
    content = without_unseen(request.content)
    if "\0" in request.content or not content.strip():
        raise HTTPException(422, "content must be a text without NUL characters")
    contribution = Contribution(content, request.mode)
    try:
        receipt = live.conversation.put_in(contribution)
    except QueueFull:
        raise HTTPException(429, "too many contributions wait in this talk") from None
    except BudgetExceeded as error:
        raise HTTPException(429, error.sentence(service.settings.agent_locale)) from None
    return ContributionReceipt(turn_id=contribution.turn_id, durable=await receipt)

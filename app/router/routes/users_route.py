"""What is kept of a user, for them and for operators."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Query
from pydantic import BaseModel

from app.protocol.client import ANONYMOUS
from app.router.guards import Changer, Service
from app.router.routes.sessions_route import SessionInfo
from app.router.routes.stored_talks import bad_cursor, describe_stored, store_of, unavailable
from app.services.access import Principal
from app.services.profile import Profile
from app.storage.errors import BadCursor, StoreUnavailable
from app.storage.records import SessionFilter

router = APIRouter()


class TalkInfo(SessionInfo):
    """A talk of a user; `title` is how their first text begins, empty where they have said nothing."""

    title: str


class TalkList(BaseModel):
    """Some talks of a user; `active_sessions` counts those that live, whatever the list shows."""

    active_sessions: int
    sessions: list[TalkInfo]
    next_cursor: str | None = None


@router.get("/users/{user_id}/sessions", response_model_exclude_none=True)
async def list_user_sessions(
    user_id: str,
    service: Service,
    caller: Changer,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
    spoken: bool = False,
) -> TalkList:
    """Lists a user's talks, the newest first; `spoken`: without those in which they have said nothing."""
    _check(user_id, caller)
    try:
        page = await store_of(service).sessions(
            SessionFilter("all", user_id, is_spoken=spoken), limit, cursor
        )
    except BadCursor as error:
        raise bad_cursor(error) from None
    except StoreUnavailable as error:
        raise unavailable(error) from None
    live = {session.session_id: session for session in service.sessions}
    shown = [(live[r.id].describe() if r.id in live else describe_stored(r), r.title) for r in page.rows]
    return TalkList(
        active_sessions=sum(session.session.user_id == user_id for session in live.values()),
        sessions=[TalkInfo(**facts, title=" ".join(title.split())) for facts, title in shown],
        next_cursor=page.next_cursor,
    )


@router.delete("/users/{user_id}", status_code=204)
async def erase_user(user_id: str, service: Service, caller: Changer) -> None:
    """Ends a user's sessions and erases all that is kept of them."""
    _check(user_id, caller)
    await service.session_host.erase_user(user_id)


@router.get("/users/{user_id}/profile")
async def show_profile(user_id: str, service: Service, caller: Changer) -> Profile:
    """Shows what the agent keeps of a user."""
    _check(user_id, caller)
    try:
        return Profile.of(await store_of(service).profile(user_id))
    except StoreUnavailable as error:
        raise unavailable(error) from None


@router.put("/users/{user_id}/profile")
async def store_profile(
    user_id: str, profile: Annotated[Profile, Body()], service: Service, caller: Changer
) -> Profile:
    """Puts another profile in its place."""
    _check(user_id, caller)
    values: dict[str, Any] = profile.model_dump()
    await store_of(service).profile_stored(user_id, values).wait(service.settings.store_timeout_s)
    return profile


@router.delete("/users/{user_id}/profile", status_code=204)
async def erase_profile(user_id: str, service: Service, caller: Changer) -> None:
    """Forgets what the agent keeps of a user; their talks stay."""
    _check(user_id, caller)
    await store_of(service).profile_erased(user_id).wait(service.settings.store_timeout_s)


def _check(user_id: str, caller: Principal | None) -> None:
    """Answers 404 for a nobody, who has nothing of their own, and for what is not theirs to see."""
    if user_id == ANONYMOUS or (caller is not None and not caller.may_see(user_id)):
        raise HTTPException(404, "no such user")

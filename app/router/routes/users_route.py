"""What is kept of a user, for them and for operators."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Query, Response
from fastapi import Path as PathParam
from pydantic import BaseModel

from app.protocol.client import ANONYMOUS
from app.router.guards import Changer, Service
from app.router.routes.sessions_route import SessionInfo
from app.router.routes.stored_talks import (
    bad_cursor,
    describe_now,
    is_erased_now,
    store_of,
    unavailable,
)
from app.services.principal import Principal
from app.services.profiles import UserProfile
from app.session.profile import Profile, ProfileUnknown
from app.storage.errors import BadCursor, StoreUnavailable
from app.storage.records import SessionFilter

router = APIRouter()


class TalkInfo(SessionInfo):
    """A talk of a user; `title` is empty where they have said nothing and given it none."""

    title: str | None = ""


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
    q: Annotated[str, Query(max_length=200)] = "",
) -> TalkList:
    """Lists a user's talks, the newest first.

    `spoken`: without those in which they have said nothing. `q`: those in whose title and texts all of its
    words stand, eight at most.
    """
    _check(user_id, caller)
    try:
        page = await store_of(service).sessions(
            SessionFilter("all", user_id, is_spoken=spoken, query=q), limit, cursor
        )
    except BadCursor as error:
        raise bad_cursor(error) from None
    except StoreUnavailable as error:
        raise unavailable(error) from None
    return TalkList(
        active_sessions=sum(live.session.user_id == user_id for live in service.sessions),
        sessions=[TalkInfo(**describe_now(service, record)) for record in page.rows],
        next_cursor=page.next_cursor,
    )


@router.delete("/users/{user_id}", status_code=204)
async def erase_user(user_id: str, service: Service, caller: Changer) -> None:
    """Ends a user's sessions and erases all that is kept of them."""
    _check(user_id, caller)
    is_erased_now(service, await service.eraser.erase_user(user_id))


def user_profile(user_id: str, service: Service, caller: Changer) -> UserProfile:
    """The profile that a path names, if it is theirs to see; answers 503 where nothing is kept."""
    _check(user_id, caller)
    store_of(service)
    return service.session_host.profiles.of(user_id)


Kept = Annotated[UserProfile, Depends(user_profile)]
IfMatch = Annotated[str | None, Header()]
"""The ETag of the profile that the caller has seen: another one is not touched (412)."""


@router.get("/users/{user_id}/profile")
async def show_profile(kept: Kept, response: Response) -> Profile:
    """Shows what the agent keeps of a user."""
    return _shown(await _known(kept), response)


@router.put("/users/{user_id}/profile")
async def store_profile(
    kept: Kept,
    profile: Annotated[Profile, Body()],
    service: Service,
    response: Response,
    if_match: IfMatch = None,
) -> Profile:
    """Puts another profile in its place."""
    if if_match is not None:
        _check_seen(await _known(kept), if_match)
    await kept.replace(profile).wait(service.settings.store_timeout_s)
    return _shown(profile, response)


@router.delete("/users/{user_id}/profile", status_code=204)
async def erase_profile(kept: Kept, service: Service) -> None:
    """Forgets what the agent keeps of a user; their talks stay."""
    is_erased_now(service, await kept.erase().wait(service.settings.store_timeout_s))


@router.delete("/users/{user_id}/profile/notes/{position}")
async def erase_note(
    kept: Kept,
    position: Annotated[int, PathParam(ge=0)],
    service: Service,
    response: Response,
    if_match: IfMatch = None,
) -> Profile:
    """Forgets one note, counted from 0; answers what is left."""
    seen = await _known(kept)
    _check_seen(seen, if_match)
    if position >= len(seen.notes):
        raise HTTPException(404, "no such note")
    left = seen.without_note(position)
    is_erased_now(service, await kept.replace(left).wait(service.settings.store_timeout_s))
    return _shown(left, response)


async def _known(kept: UserProfile) -> Profile:
    try:
        return await kept.known()
    except ProfileUnknown as error:
        raise unavailable(error) from None


def _check_seen(profile: Profile, if_match: str | None) -> None:
    if if_match not in (None, "*", f'"{profile.version}"'):
        raise HTTPException(412, "the profile has changed since it was read")


def _shown(profile: Profile, response: Response) -> Profile:
    response.headers["ETag"] = f'"{profile.version}"'
    return profile


def _check(user_id: str, caller: Principal | None) -> None:
    """Answers 404 for a nobody, who has nothing of their own, and for what is not theirs to see."""
    if user_id == ANONYMOUS or (caller is not None and not caller.may_see(user_id)):
        raise HTTPException(404, "no such user")

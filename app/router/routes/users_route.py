"""What is kept of a user, for them and for operators."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Query, Response
from fastapi import Path as PathParam
from pydantic import BaseModel

from app.protocol.fields import ANONYMOUS
from app.router.auth_dependencies import Changer, Service
from app.router.routes.sessions_route import SessionInfo
from app.router.routes.stored_talks import (
    bad_cursor,
    describe_now,
    is_erased_now,
    store_of,
    unavailable,
)
from app.services.auth.principal import Principal
from app.services.sessions.profiles import UserProfile
from app.session.profile import Profile, ProfileUnknown
from app.storage.errors import BadCursor, StoreUnavailable
from app.storage.records import SessionFilter
from app.storage.writer import Receipt

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
    """List a user's talks, the newest first.

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
        active_sessions=len(await service.port.states(user_id)),
        sessions=[TalkInfo(**shown) for shown in await describe_now(service, page.rows)],
        next_cursor=page.next_cursor,
    )


@router.delete("/users/{user_id}", status_code=204)
async def erase_user(user_id: str, service: Service, caller: Changer) -> None:
    """End a user's sessions and erase all that is kept of them."""
    _check(user_id, caller)
    is_erased_now(service, await service.eraser.erase_user(user_id))


def user_profile(user_id: str, service: Service, caller: Changer) -> UserProfile:
    """Return the profile that a path names, if it is theirs to see; answers 503 where nothing is kept."""
    _check(user_id, caller)
    store_of(service)
    return service.session_host.profiles.of(user_id)


Kept = Annotated[UserProfile, Depends(user_profile)]
IfMatch = Annotated[str | None, Header()]
"""The ETag of the profile that the caller has seen: another one is not touched (412)."""


@router.get("/users/{user_id}/profile")
async def show_profile(kept: Kept, response: Response) -> Profile:
    """Show what the agent keeps of a user."""
    return _shown(await _known(kept), response)


@router.put("/users/{user_id}/profile")
async def store_profile(
    kept: Kept,
    profile: Annotated[Profile, Body()],
    service: Service,
    response: Response,
    if_match: IfMatch = None,
) -> Profile:
    """Put another profile in its place."""

    def replaced(seen: Profile) -> Profile:
        _checked(seen, if_match)
        return profile

    written = kept.replace(profile) if if_match is None else await _changed(kept, replaced)
    if written is not None:
        await written.wait(service.settings.store_timeout_s)
    return _shown(profile, response)


@router.delete("/users/{user_id}/profile", status_code=204)
async def erase_profile(kept: Kept, service: Service) -> None:
    """Forget what the agent keeps of a user; their talks stay."""
    is_erased_now(service, await kept.erase().wait(service.settings.store_timeout_s))


@router.delete("/users/{user_id}/profile/notes/{position}")
async def erase_note(
    kept: Kept,
    position: Annotated[int, PathParam(ge=0)],
    service: Service,
    response: Response,
    if_match: IfMatch = None,
) -> Profile:
    """Forget one note, counted from 0; answer what is left."""

    def without_it(seen: Profile) -> Profile:
        _checked(seen, if_match)
        if position >= len(seen.notes):
            raise HTTPException(404, "no such note")
        return seen.without_note(position)

    written = await _changed(kept, without_it)
    is_erased_now(service, written is None or await written.wait(service.settings.store_timeout_s))
    return _shown(kept.current, response)


async def _changed(kept: UserProfile, change: Callable[[Profile], Profile]) -> Receipt | None:
    try:
        return await kept.change(change)
    except ProfileUnknown as error:
        raise unavailable(error) from None


async def _known(kept: UserProfile) -> Profile:
    try:
        return await kept.known()
    except ProfileUnknown as error:
        raise unavailable(error) from None


def _checked(profile: Profile, if_match: str | None) -> None:
    if if_match not in (None, "*", f'"{profile.version}"'):
        raise HTTPException(412, "the profile has changed since it was read")


def _shown(profile: Profile, response: Response) -> Profile:
    response.headers["ETag"] = f'"{profile.version}"'
    return profile


def _check(user_id: str, caller: Principal | None) -> None:
    """Answer 404 for an anonymous user, who has nothing of their own, and for what is not theirs to see."""
    if user_id == ANONYMOUS or (caller is not None and not caller.may_see(user_id)):
        raise HTTPException(404, "no such user")

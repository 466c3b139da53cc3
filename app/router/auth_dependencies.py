"""Who may use a route, as FastAPI dependencies; on the event loop, like all that knows tokens."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from app.errors import Unauthorized
from app.router.credentials import (
    REFUSED_ORIGIN,
    bearer_token,
    has_foreign_origin,
    is_foreign_embed,
    is_local,
)
from app.services.auth.principal import Principal
from app.services.websocket_agent_service import WebSocketAgentService


async def service_of(request: Request) -> WebSocketAgentService:
    """Return the agent that this application serves."""
    return request.app.state.service


Service = Annotated[WebSocketAgentService, Depends(service_of)]


async def caller(request: Request, service: Service) -> Principal | None:
    """Whoever asks; None where the server asks for no token. Answers 401 without a good one."""
    try:
        return service.access.identify(bearer_token(request))
    except Unauthorized as error:
        raise HTTPException(
            401, error.sentence(service.settings.agent_locale), {"WWW-Authenticate": "Bearer"}
        ) from None


Caller = Annotated[Principal | None, Depends(caller)]


async def changer(request: Request, service: Service, principal: Caller) -> Principal | None:
    """Whoever changes something: never a page of another site, and without tokens only this machine."""
    if has_foreign_origin(request, service.settings.allowed_origins):
        raise HTTPException(403, f"a page of another origin may not change anything here; {REFUSED_ORIGIN}")
    if principal is None and not is_local(request):
        raise HTTPException(403, "without tokens this answers requests from this machine alone")
    return principal


Changer = Annotated[Principal | None, Depends(changer)]


async def contributor(principal: Changer) -> Principal | None:
    """Whoever may add to talks: a back end or an admin; without tokens, this machine.

    Answers 403 to a user, also in a talk of their own: what is added there is not taken for theirs.
    """
    if principal is not None and not principal.may_contribute:
        raise HTTPException(403, "only a token with the role backend or admin may add to talks")
    return principal


Contributor = Annotated[Principal | None, Depends(contributor)]


async def own_page(request: Request, service: Service) -> None:
    """Keep pages of other sites from what costs something, although it changes nothing."""
    if is_foreign_embed(request) or has_foreign_origin(request, service.settings.allowed_origins):
        raise HTTPException(403, f"a page of another origin may not ask for that here; {REFUSED_ORIGIN}")


async def admin(principal: Caller) -> Principal | None:
    """Operators: who has an admin's token, or anybody where none is asked for. Others see no such route."""
    if principal is not None and principal.role != "admin":
        raise HTTPException(404)
    return principal


Admin = Annotated[Principal | None, Depends(admin)]

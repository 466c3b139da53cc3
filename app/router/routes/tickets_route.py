"""Tickets, with which a page may open a socket without holding its user's token."""

import secrets
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel

from app.router.auth_dependencies import Changer, Service
from app.router.credentials import EPHEMERAL, bearer_token

router = APIRouter()


class TicketInfo(BaseModel):
    """A ticket: good once, for so many seconds, in the place of a token at a socket."""

    ticket: str
    expires_in_s: float


@router.post("/tickets", status_code=201)
async def issue_ticket(request: Request, response: Response, service: Service, caller: Changer) -> TicketInfo:
    """Give a ticket for whoever's token this is; 404 where no token is asked for."""
    token = bearer_token(request)
    if caller is None or token is None:
        raise HTTPException(404, "this server asks for no token")
    response.headers["Cache-Control"] = "no-store"
    ticket = service.access.tickets.issue(caller, token)
    return TicketInfo(ticket=ticket, expires_in_s=service.access.ticket_left_s(token))


class ClientSecret(BaseModel):
    """A ticket as clients of the OpenAI Realtime API know it; `expires_at` is in seconds since 1970."""

    value: str
    expires_at: int
    session: dict[str, Any]


@router.post("/v1/realtime/client_secrets")
@router.post("/openai/v1/realtime/client_secrets")
async def issue_client_secret(
    request: Request, response: Response, service: Service, caller: Changer
) -> ClientSecret:
    """Give an ephemeral key for whoever's token this is; where no token is asked for, any key will do."""
    token = bearer_token(request)
    response.headers["Cache-Control"] = "no-store"
    ticket = secrets.token_urlsafe(32)
    if caller is not None and token is not None:
        ticket = service.access.tickets.issue(caller, token)
    expires_at = int(datetime.now(UTC).timestamp() + service.access.ticket_left_s(token))
    session = {"type": "realtime", "object": "realtime.session"}
    return ClientSecret(value=f"{EPHEMERAL}{ticket}", expires_at=expires_at, session=session)

"""Tickets, with which a page may open a socket without holding its user's token."""

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel

from app.router.credentials import bearer_token
from app.router.guards import Changer, Service

router = APIRouter()


class TicketInfo(BaseModel):
    """A ticket: good once, for so many seconds, in the place of a token at a socket."""

    ticket: str
    expires_in_s: float


@router.post("/tickets", status_code=201)
async def issue_ticket(request: Request, response: Response, service: Service, caller: Changer) -> TicketInfo:
    """Gives a ticket for whoever's token this is; 404 where no token is asked for."""
    token = bearer_token(request)
    if caller is None or token is None:
        raise HTTPException(404, "this server asks for no token")
    response.headers["Cache-Control"] = "no-store"
    ticket = service.access.tickets.issue(caller, token)
    return TicketInfo(ticket=ticket, expires_in_s=service.settings.ticket_lifetime_s)

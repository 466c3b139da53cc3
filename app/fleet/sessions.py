"""The live sessions of all processes: what is asked of one that is elsewhere, its owner answers.

A question is a JSON object, signed like a link; so is the answer an object. A process that does not answer is
left out of lists; what must reach the owner of one session is not answered at all where that is silent.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.conversation.injected_message import Mode
from app.errors import BudgetExceeded, QueueFull
from app.fleet.peers import Peer, Peers
from app.services.auth.tickets import Tickets
from app.services.sessions.session_port import Injected, LocalSessions, SessionFacts
from app.storage.errors import StoreUnavailable
from app.storage.shared import SharedDatabase

logger = logging.getLogger(__name__)

MAX_QUESTION_BYTES: Final = 2 * 1024 * 1024
"""The longest contribution, with each of its characters escaped."""


class AskStates(BaseModel):
    """The states of live sessions, all or one user's."""

    ask: Literal["states"] = "states"
    user_id: str | None = None


class AskSessions(BaseModel):
    """Some sessions as others see them."""

    ask: Literal["sessions"] = "sessions"
    session_ids: list[str]


class AskInject(BaseModel):
    """Add something to a session."""

    ask: Literal["inject"] = "inject"
    session_id: str
    content: str
    mode: Mode


class AskErase(BaseModel):
    """End a session that is being erased."""

    ask: Literal["erase"] = "erase"
    session_id: str


class AskEraseUser(BaseModel):
    """End the sessions of a user who is being erased."""

    ask: Literal["erase_user"] = "erase_user"
    user_id: str
    began_before: datetime | None = None


class AskTicket(BaseModel):
    """Spend a ticket of the process that is asked."""

    ask: Literal["ticket"] = "ticket"
    ticket: str


Question = Annotated[
    AskTicket | AskStates | AskSessions | AskInject | AskErase | AskEraseUser, Field(discriminator="ask")
]
_QUESTION: Final[TypeAdapter[Any]] = TypeAdapter(Question)


async def answer(local: LocalSessions, tickets: Tickets, body: bytes) -> dict[str, Any]:
    """Answer another process's question about the sessions of this one, or a ticket.

    Raises:
        ValueError: It is none.
    """
    try:
        question = _QUESTION.validate_json(body)
    except ValidationError as exc:
        raise ValueError(f"no question: {exc.error_count()} fields") from exc
    match question:
        case AskStates(user_id=user_id):
            return {"states": await local.states(user_id)}
        case AskSessions(session_ids=session_ids):
            return {"sessions": [asdict(facts) for facts in await local.sessions(session_ids)]}
        case AskErase(session_id=session_id):
            await local.erase(session_id)
        case AskEraseUser(user_id=user_id, began_before=began_before):
            await local.erase_user(user_id, began_before)
        case AskTicket(ticket=ticket):
            spent = tickets.redeem(ticket)
            return {"token": None if spent is None else spent.token}
        case AskInject():
            return await _injected(local, question)
        case _:
            raise ValueError("no question")
    return {}


async def _injected(local: LocalSessions, question: AskInject) -> dict[str, Any]:
    try:
        injected = await local.inject(question.session_id, question.content, question.mode)
    except QueueFull:
        return {"refused": "queue_full"}
    except BudgetExceeded as exc:
        return {"refused": "budget_exceeded", "minutes": exc.fields.get("minutes", 0)}
    return {"injected": None if injected is None else asdict(injected)}


class FleetSessions:
    """See `SessionPort`: the sessions of this process and of all others that live.

    Args:
        local: Those of this process.
    """

    def __init__(self, local: LocalSessions, shared: SharedDatabase, peers: Peers) -> None:
        self._local = local
        self._shared = shared
        self._peers = peers

    async def session(self, session_id: str) -> SessionFacts | None:
        """See `SessionPort`."""
        found = await self.sessions([session_id])
        return found[0] if found else None

    async def states(self, user_id: str | None = None) -> Mapping[str, str]:
        """See `SessionPort`. Those of one process follow those of another one that began before it."""
        own = await self._local.states(user_id)
        others = await self._peers.ask_all(AskStates(user_id=user_id))
        found: dict[str, str] = {}
        for answered in others:
            found |= answered.get("states", {})
        return {**found, **own}

    async def sessions(self, session_ids: Collection[str]) -> Sequence[SessionFacts]:
        """See `SessionPort`."""
        facts = {one.session_id: one for one in await self._local.sessions(session_ids)}
        missing = [session_id for session_id in session_ids if session_id not in facts]
        if missing:
            for answered in await self._peers.ask_all(AskSessions(session_ids=missing)):
                for told in answered.get("sessions", []):
                    one = SessionFacts(**told)
                    facts.setdefault(one.session_id, one)
        return [facts[session_id] for session_id in session_ids if session_id in facts]

    async def inject(self, session_id: str, content: str, mode: Mode) -> Injected | None:
        """See `SessionPort`."""
        found = await self._local.inject(session_id, content, mode)
        owner = await self._owner_of(session_id) if found is None else None
        if owner is None:
            return found
        told = await self._peers.ask(owner, AskInject(session_id=session_id, content=content, mode=mode))
        match (told or {}).get("refused"):
            case "queue_full":
                raise QueueFull
            case "budget_exceeded":
                raise BudgetExceeded(minutes=(told or {}).get("minutes", 0))
            case _:
                injected = (told or {}).get("injected")
                return None if injected is None else Injected(**injected)

    async def redeem(self, issuer: str, ticket: str) -> str | None:
        """See `SessionPort`."""
        try:
            nodes = await self._shared.nodes()
        except StoreUnavailable:
            return None
        for node in nodes:
            if str(node.id) == issuer:
                told = await self._peers.ask(Peer(issuer, node.address), AskTicket(ticket=ticket))
                return (told or {}).get("token")
        return None

    async def erase(self, session_id: str) -> None:
        """See `SessionPort`. A process that does not hear it ends the session with its next write."""
        await self._local.erase(session_id)
        owner = await self._owner_of(session_id)
        if owner is not None:
            await self._peers.ask(owner, AskErase(session_id=session_id))

    async def erase_user(self, user_id: str, began_before: datetime | None = None) -> None:
        """See `SessionPort`."""
        await self._local.erase_user(user_id, began_before)
        await self._peers.ask_all(AskEraseUser(user_id=user_id, began_before=began_before))

    async def _owner_of(self, session_id: str) -> Peer | None:
        try:
            place = await self._shared.placement(session_id)
        except StoreUnavailable:
            logger.warning("storage_unavailable", extra={"operation": "placement"})
            return None
        if place is None or place.owner in (None, self._shared.me) or not place.is_alive:
            return None
        return Peer(str(place.owner), place.address or "")

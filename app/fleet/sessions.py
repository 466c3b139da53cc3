"""The live sessions of all processes: what is asked of one that is elsewhere, its owner answers.

A question is a JSON object, signed like a link; so is the answer an object. A process that does not answer is
left out of lists; what must reach the owner of one session is not answered at all where that is silent.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import httpx
import orjson
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.conversation.injected_message import Mode
from app.errors import BudgetExceeded, QueueFull
from app.fleet import signing
from app.fleet.signing import Signed, Signer
from app.services.auth.tickets import Tickets
from app.services.sessions.session_port import Injected, LocalSessions, SessionFacts
from app.storage.errors import StoreUnavailable
from app.storage.shared import SharedDatabase

logger = logging.getLogger(__name__)

ASK_PATH: Final = "/fleet/ask"

MAX_QUESTION_BYTES: Final = 2 * 1024 * 1024
"""The longest contribution, with each of its characters escaped."""

_TIMEOUT_S: Final = 2.0


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


@dataclass(frozen=True, slots=True)
class _Peer:
    node: str
    address: str


class FleetSessions:
    """See `SessionPort`: the sessions of this process and of all others that live.

    Args:
        local: Those of this process.
        http: Asks the others; closed by whoever made it.
    """

    def __init__(
        self, local: LocalSessions, shared: SharedDatabase, signer: Signer, http: httpx.AsyncClient
    ) -> None:
        self._local = local
        self._shared = shared
        self._signer = signer
        self._http = http

    async def session(self, session_id: str) -> SessionFacts | None:
        """See `SessionPort`."""
        found = await self.sessions([session_id])
        return found[0] if found else None

    async def states(self, user_id: str | None = None) -> Mapping[str, str]:
        """See `SessionPort`. Those of one process follow those of another one that began before it."""
        own = await self._local.states(user_id)
        others = await self._ask_all(AskStates(user_id=user_id))
        found: dict[str, str] = {}
        for answered in others:
            found |= answered.get("states", {})
        return {**found, **own}

    async def sessions(self, session_ids: Collection[str]) -> Sequence[SessionFacts]:
        """See `SessionPort`."""
        facts = {one.session_id: one for one in await self._local.sessions(session_ids)}
        missing = [session_id for session_id in session_ids if session_id not in facts]
        if missing:
            for answered in await self._ask_all(AskSessions(session_ids=missing)):
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
        told = await self._ask(owner, AskInject(session_id=session_id, content=content, mode=mode))
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
                told = await self._ask(_Peer(issuer, node.address), AskTicket(ticket=ticket))
                return (told or {}).get("token")
        return None

    async def erase(self, session_id: str) -> None:
        """See `SessionPort`. A process that does not hear it ends the session with its next write."""
        await self._local.erase(session_id)
        owner = await self._owner_of(session_id)
        if owner is not None:
            await self._ask(owner, AskErase(session_id=session_id))

    async def erase_user(self, user_id: str, began_before: datetime | None = None) -> None:
        """See `SessionPort`."""
        await self._local.erase_user(user_id, began_before)
        await self._ask_all(AskEraseUser(user_id=user_id, began_before=began_before))

    async def _owner_of(self, session_id: str) -> _Peer | None:
        try:
            place = await self._shared.placement(session_id)
        except StoreUnavailable:
            logger.warning("storage_unavailable", extra={"operation": "placement"})
            return None
        if place is None or place.owner in (None, self._shared.me) or not place.is_alive:
            return None
        return _Peer(str(place.owner), place.address or "")

    async def _ask_all(self, question: BaseModel) -> list[Mapping[str, Any]]:
        """Return the answers of all others that live and answer."""
        try:
            nodes = await self._shared.nodes()
        except StoreUnavailable:
            logger.warning("storage_unavailable", extra={"operation": "nodes"})
            return []
        peers = [_Peer(str(node.id), node.address) for node in nodes if node.id != self._shared.me]
        answers = await asyncio.gather(*(self._ask(peer, question) for peer in peers))
        return [answered for answered in answers if answered is not None]

    async def _ask(self, peer: _Peer, question: BaseModel) -> Mapping[str, Any] | None:
        """Return a process's answer; None where it does not answer."""
        body = question.model_dump_json().encode()
        signed = Signed("POST", ASK_PATH, peer.node, body)
        headers = {signing.HEADER: self._signer.sign(signed), "fleet-to": peer.node}
        try:
            response = await self._http.post(
                peer.address + ASK_PATH, content=body, headers=headers, timeout=_TIMEOUT_S
            )
            response.raise_for_status()
            answered: Mapping[str, Any] = orjson.loads(response.content)
        except (httpx.HTTPError, ValueError) as exc:
            cause = str(exc) or type(exc).__name__
            logger.warning("peer_silent", extra={"peer": peer.address, "cause": cause})
            return None
        return answered

"""The directory of several processes: owners are rows of the database, peers have ports."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from app.errors import ServerFull
from app.fleet.caller import Caller
from app.fleet.links import Link, NotReached, open_link
from app.fleet.peers import Peers
from app.fleet.sessions import AskSessions
from app.fleet.signing import Signer
from app.services.connections.handshake_info import HandshakeInfo
from app.services.sessions.directory import NodeFacts, SessionHeld, SessionLease
from app.storage.errors import StoreUnavailable
from app.storage.fence import LOST
from app.storage.ownership import Placement
from app.storage.shared import SharedDatabase
from app.storage.sql_store import SqlStore
from app.storage.writer import Receipt
from app.storage.writes import SessionReleased

logger = logging.getLogger(__name__)

_GIVEN_UP_S: Final = 10.0
"""For so long a process that is not at its address counts as gone, in seconds; its row is old by then."""


class FleetDirectory:
    """See `SessionDirectory`.

    Args:
        shared: The database of all of them.
        store: Where this process writes.
        signer: Has the common secret.
        peers: The others, who are asked for what the database does not know.
    """

    is_shared = True

    def __init__(self, shared: SharedDatabase, store: SqlStore, signer: Signer, peers: Peers) -> None:
        self._shared = shared
        self._store = store
        self._signer = signer
        self._peers = peers
        self._given_up: dict[UUID, float] = {}
        self._claiming: set[str] = set()

    @property
    def nodes(self) -> Sequence[NodeFacts]:
        """See `SessionDirectory`."""
        known = self._peers.known
        return [NodeFacts(str(node.id), node.state, node.sessions, node.version) for node in known]

    @property
    def owner(self) -> str:
        """This process's life."""
        return str(self._shared.me)

    @property
    def has_others(self) -> bool:
        """See `SessionDirectory`."""
        return any(node.state == "serving" and node.id != self._shared.me for node in self._peers.known)

    def begin(self, session_id: str) -> SessionLease:
        """See `SessionDirectory`."""
        self._shared.fence.hold(session_id, 1)
        return SessionLease(session_id, self.owner, 1)

    async def claim(self, session_id: str) -> SessionLease:
        """See `SessionDirectory`. The database would let this process claim what it has itself."""
        if session_id in self._claiming or self._shared.fence.epoch_of(session_id) != LOST:
            raise SessionHeld(self.owner)
        self._claiming.add(session_id)
        try:
            found = await self._shared.claim(session_id, self._gone())
            if not isinstance(found, int):
                raise SessionHeld("" if found is None else str(found.owner))
            self._shared.fence.hold(session_id, found)
        finally:
            self._claiming.discard(session_id)
        return SessionLease(session_id, self.owner, found)

    async def way_to(self, session_id: str, wire: str, visitor: HandshakeInfo) -> Link | None:
        """See `SessionDirectory`."""
        caller = Caller(wire, visitor.address, visitor.token, visitor.is_local)
        try:
            place = await self._shared.placement(session_id)
        except StoreUnavailable:
            logger.warning("storage_unavailable", extra={"operation": "placement"})
            link = None if visitor.is_linked else await self._ask_for(session_id, caller)
            if link is None:
                raise ServerFull from None
            return link
        if (
            place is None and not visitor.is_linked
        ):  # it may have begun just now, or where nothing can be stored
            return await self._ask_for(session_id, caller)
        if place is None or place.owner in (None, self._shared.me, *self._gone()):
            return None
        if not place.is_alive and (self._shared.is_steady or place.address is None):
            return None
        if visitor.is_linked:  # it has moved on meanwhile: the next try finds it there
            raise ServerFull
        return await self._linked(place, caller)

    async def _ask_for(self, session_id: str, caller: Caller) -> Link | None:
        """Return a link to the process that says it has a session; None where all say that they have not.

        Raises:
            ServerFull: One of them does not answer, and may have it.
        """
        await self._peers.look()  # one of them may have come within this second
        peers, question = self._peers.others, AskSessions(session_ids=[session_id])
        answers = await asyncio.gather(*(self._peers.ask(peer, question) for peer in peers))
        for peer, answered in zip(peers, answers, strict=True):
            if answered is not None and answered.get("sessions"):
                return await self._linked(Placement(UUID(peer.node), 0, peer.address, True), caller)
        if None in answers:
            raise ServerFull
        return None

    async def _linked(self, place: Placement, caller: Caller) -> Link | None:
        """Return a link to the owner; None where it is gone, and its sessions may be claimed."""
        owner, address = place.owner, place.address
        if owner is None or address is None:
            return None
        try:
            return await open_link(address, str(owner), caller, self._signer)
        except NotReached:
            # Early is safe: should it live all the same, the fence keeps it from writing.
            logger.info("peer_gone", extra={"peer": address})
            self._given_up[owner] = time.monotonic() + _GIVEN_UP_S
            return None
        except OSError as exc:
            logger.warning("peer_silent", extra={"peer": address, "cause": str(exc) or type(exc).__name__})
            raise ServerFull from None

    def _gone(self) -> frozenset[UUID]:
        now = time.monotonic()
        for node in [node for node, until in self._given_up.items() if until < now]:
            del self._given_up[node]
        return frozenset(self._given_up)

    async def owner_of(self, session_id: str) -> str | None:
        """See `SessionDirectory`."""
        place = await self._shared.placement(session_id)
        return None if place is None or place.owner is None or not place.is_alive else str(place.owner)

    async def has_lost(self, session_id: str) -> bool:
        """See `SessionDirectory`."""
        return session_id in await self._shared.lost()

    def release(self, lease: SessionLease) -> Receipt:
        """See `SessionDirectory`. What is still in line of it is written before."""
        receipt = self._store.write(SessionReleased(lease.session_id, self._shared.me, lease.epoch))
        self._shared.fence.let_go(lease.session_id, lease.epoch)
        return receipt

"""Which process owns a session: one at a time, so that nobody else makes it go on."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.services.connections.handshake_info import HandshakeInfo
from app.session.transport import Transport
from app.storage.writer import Receipt


@dataclass(frozen=True, slots=True)
class SessionLease:
    """A process's ownership of one session.

    Attributes:
        owner: The id of the process's life.
        epoch: One more with each claim: a later lease outranks an earlier one.
    """

    session_id: str
    owner: str
    epoch: int


class SessionHeld(Exception):
    """The session has an owner already.

    Attributes:
        owner: The id of that process's life.
    """

    def __init__(self, owner: str) -> None:
        super().__init__(f"held by {owner}")
        self.owner = owner


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A process that owns sessions, as others see it; `id` is its life's."""

    id: str
    state: str
    sessions: int
    version: str


@dataclass(frozen=True, slots=True)
class Landed:
    """A session that its owner has let go for this process to have.

    Attributes:
        parcel: What the owner held of it beside the store.
        transport: Its client's connection, with what of it nobody has read yet.
        frozen_at: Since when it has not been read, on the loop's clock, in seconds.
    """

    parcel: bytes
    transport: Transport
    frozen_at: float


class Way(Protocol):
    """A way to the process that owns a session."""

    async def carry(
        self, transport: Transport, first: str | bytes, takes: Callable[[bytes], bool]
    ) -> Landed | None:
        """Have that process serve a connection, from this first frame to its end, or until it lets go.

        Args:
            transport: The connection.
            first: What its client has said.
            takes: Says whether this process would have a session, from what its owner says that it needs.

        Returns:
            The session, where its owner has let it go: then the connection is open, and to be served here.
        """
        ...


class SessionDirectory(Protocol):
    """Who owns which session.

    Attributes:
        is_shared: Other processes may own sessions, and write to those that nobody owns: what was read of one
            before it was claimed may be old.
        owner: This process's life.
    """

    is_shared: bool

    @property
    def owner(self) -> str:
        """This process's life."""
        ...

    @property
    def nodes(self) -> Sequence[NodeFacts]:
        """All processes that live, as known a moment ago; none where this one is alone."""
        ...

    @property
    def has_others(self) -> bool:
        """Whether another process takes new sessions, as known a moment ago."""
        ...

    def begin(self, session_id: str) -> SessionLease:
        """Own a session that nobody has known before."""
        ...

    async def claim(self, session_id: str) -> SessionLease:
        """Own a session that was owned before, by this process or another one.

        Raises:
            SessionHeld: It has an owner.
            StoreUnavailable: Nobody knows.
        """
        ...

    async def way_to(self, session_id: str, wire: str, visitor: HandshakeInfo) -> Way | None:
        """Return the way to the process that owns a session; None where none but this one does.

        Args:
            session_id: Which.
            wire: The wire protocol that its client speaks, by its name.
            visitor: The client, with the token that it was let in by.

        Raises:
            ServerFull: Nobody knows, or that process does not answer: the client may yet come.
        """
        ...

    async def owner_of(self, session_id: str) -> str | None:
        """Return who owns a session; None where nobody does."""
        ...

    async def has_lost(self, session_id: str) -> bool:
        """Return whether another process has claimed a session of this one's since, whoever has it now.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        ...

    def release(self, lease: SessionLease) -> Receipt | None:
        """Own it no longer; a lease that is not the newest of its session changes nothing.

        Returns:
            What becomes of it where others have to know it; None where nobody has.
        """
        ...


class OneProcess:
    """A directory for a process that shares its sessions with no other one; see `SessionDirectory`.

    Epochs begin anew where a session has been released: nobody else holds an older lease.
    """

    is_shared = False

    def __init__(self) -> None:
        self.owner = secrets.token_hex(8)
        self.nodes: Sequence[NodeFacts] = ()
        self._leases: dict[str, SessionLease] = {}

    @property
    def has_others(self) -> bool:
        """See `SessionDirectory`."""
        return False

    def begin(self, session_id: str) -> SessionLease:
        """See `SessionDirectory`."""
        if session_id in self._leases:
            raise SessionHeld(self.owner)
        lease = self._leases[session_id] = SessionLease(session_id, self.owner, 1)
        return lease

    async def claim(self, session_id: str) -> SessionLease:
        """See `SessionDirectory`."""
        return self.begin(session_id)

    async def way_to(self, session_id: str, wire: str, visitor: HandshakeInfo) -> Way | None:
        """See `SessionDirectory`."""
        return None

    async def owner_of(self, session_id: str) -> str | None:
        """See `SessionDirectory`."""
        return self.owner if session_id in self._leases else None

    async def has_lost(self, session_id: str) -> bool:
        """See `SessionDirectory`."""
        return False

    def release(self, lease: SessionLease) -> Receipt | None:
        """See `SessionDirectory`."""
        if self._leases.get(lease.session_id) is lease:
            del self._leases[lease.session_id]

"""What several processes of one PostgreSQL database ask it of each other and of their sessions."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from uuid import UUID

from app.storage.connections import Answer, Work
from app.storage.fence import SessionFence
from app.storage.membership import Membership, Node, live_nodes
from app.storage.ownership import Placement, claim, placement
from app.storage.profile_changes import Change, Stored, change_profile


class Transact(Protocol):
    """Runs work on one of a few connections that may write. Begin, commit and rollback are its own."""

    def __call__(self, work: Work[Answer]) -> Awaitable[Answer]:
        """Return what `work` returns or raises.

        Raises:
            StoreUnavailable: No connection came free in time, or the database does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class SharedDatabase:
    """The database as one of several processes uses it.

    Attributes:
        membership: This process among the others.
        fence: The sessions for which it writes.
    """

    membership: Membership
    fence: SessionFence
    _transact: Transact
    _renew: Callable[[], Awaitable[None]]

    @property
    def me(self) -> UUID:
        """This life of the process."""
        return self.membership.id

    @property
    def is_steady(self) -> bool:
        """Whether a process whose row is old is gone; see `Membership.is_steady`."""
        return self.membership.is_steady

    async def nodes(self) -> tuple[Node, ...]:
        """Return the processes that live, those that began first first.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        return await self._transact(live_nodes)

    async def placement(self, session_id: str) -> Placement | None:
        """Return where a session is; None where none is stored by this id.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        return await self._transact(lambda connection: placement(connection, session_id))

    async def claim(self, session_id: str, given_up: Collection[UUID] = ()) -> int | Placement | None:
        """Own a session from now on; see `ownership.claim`.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        me = self.membership.id
        return await self._transact(partial(claim, session_id=session_id, me=me, given_up=given_up))

    async def lost(self) -> frozenset[str]:
        """Return those of this process's sessions that others have claimed.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        return await self._transact(self.fence.taken)

    async def change_profile(
        self, user_id: str, change: Change, session_id: str
    ) -> tuple[Stored | None, Stored | None]:
        """Replace a user's profile by what `change` makes of it; see `profile_changes.change_profile`.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        return await self._transact(
            lambda connection: change_profile(connection, user_id, change, session_id)
        )

    async def do(self, work: Work[Answer]) -> Answer:
        """Return what work on a connection that may write returns.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        return await self._transact(work)

    async def renew(self) -> None:
        """Write down at once how this process is; what fails is tried again within a second."""
        await self._renew()

"""A process owns a session once, however many of its connections come for it at a time."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.fleet.directory import FleetDirectory
from app.services.sessions.directory import SessionHeld
from app.storage.fence import SessionFence
from app.storage.ownership import Placement
from app.storage.writer import Receipt
from tests.fleet.test_peer_port import signer


class Rows:
    """The database that all share, with one session.

    Attributes:
        owner: Who has it, and by which claim.
    """

    def __init__(self) -> None:
        self.me = uuid4()
        self.fence = SessionFence(self.me)
        self.owner: tuple[UUID | None, int] = (None, 1)

    async def claim(self, session_id: str, given_up: Any) -> int | Placement:
        await asyncio.sleep(0)
        owner, epoch = self.owner
        if owner not in (None, self.me):
            return Placement(owner, epoch, "http://other", True)
        self.owner = (self.me, epoch + 1)
        return epoch + 1

    def write(self, write: Any) -> Receipt:
        receipt = Receipt()
        receipt.settle(True)
        self.owner = (None, self.owner[1])
        return receipt


async def test_of_two_that_claim_at_once_one_has_it() -> None:
    rows = Rows()
    directory = FleetDirectory(rows, rows, signer())  # type: ignore[arg-type]
    outcomes = await asyncio.gather(*(directory.claim("s") for _ in range(3)), return_exceptions=True)
    leases = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]

    assert len(leases) == 1
    assert all(isinstance(one, SessionHeld) for one in outcomes if one not in leases)
    with pytest.raises(SessionHeld):
        await directory.claim("s")
    directory.release(leases[0])
    assert (await directory.claim("s")).epoch == 3


async def test_one_that_another_process_has_may_be_claimed_later() -> None:
    rows = Rows()
    directory = FleetDirectory(rows, rows, signer())  # type: ignore[arg-type]
    rows.owner = (uuid4(), 7)
    with pytest.raises(SessionHeld):
        await directory.claim("s")
    rows.owner = (None, 7)

    assert (await directory.claim("s")).epoch == 8

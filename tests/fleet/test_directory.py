"""A process owns a session once, however many of its connections come for it at a time."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.errors import ServerFull
from app.fleet import directory as directories
from app.fleet.directory import FleetDirectory
from app.fleet.peers import Peer
from app.services.connections.handshake_info import HandshakeInfo
from app.services.sessions.directory import SessionHeld
from app.storage.errors import StoreUnavailable
from app.storage.fence import SessionFence
from app.storage.ownership import Placement
from app.storage.writer import Receipt
from tests.fleet.test_peer_port import signer


class Others:
    """The other processes, and which of them has which session; None: it does not answer.

    Attributes:
        asked: Who was asked.
    """

    def __init__(self, **has: Sequence[str] | None) -> None:
        self.others: list[Peer] = []
        self.known = ()
        self.asked: list[str] = []
        self._living = [Peer(str(UUID(int=n)), f"http://127.0.0.1:{n}") for n in range(1, 1 + len(has))]
        self._has = dict(zip((peer.node for peer in self._living), has.values(), strict=True))

    async def look(self) -> None:
        self.others = self._living

    async def ask(self, peer: Peer, question: Any) -> dict[str, Any] | None:
        self.asked.append(peer.node)
        has = self._has[peer.node]
        return None if has is None else {"sessions": [one for one in has if one in question.session_ids]}


class Rows:
    """The database that all share, with one session.

    Attributes:
        owner: Who has it, and by which claim.
    """

    def __init__(self) -> None:
        self.me = uuid4()
        self.fence = SessionFence(self.me)
        self.owner: tuple[UUID | None, int] = (None, 1)
        self.answers = True

    async def placement(self, session_id: str) -> None:
        if not self.answers:
            raise StoreUnavailable("no database")

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


def directory_of(rows: Rows, others: Others | None = None) -> FleetDirectory:
    return FleetDirectory(rows, rows, signer(), others or Others())  # type: ignore[arg-type]


async def test_of_two_that_claim_at_once_one_has_it() -> None:
    rows = Rows()
    directory = directory_of(rows)
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
    directory = directory_of(rows)
    rows.owner = (uuid4(), 7)
    with pytest.raises(SessionHeld):
        await directory.claim("s")
    rows.owner = (None, 7)

    assert (await directory.claim("s")).epoch == 8


@pytest.mark.parametrize("is_linked", [False, True])
@pytest.mark.parametrize("answers", [True, False], ids=["the database answers", "it is away"])
@pytest.mark.parametrize(
    ("others", "leads_to"),
    [
        ({}, None),
        ({"a": [], "b": []}, None),
        ({"a": [], "b": ["s"]}, 2),
        ({"a": None, "b": ["s"]}, 2),
        ({"a": ["s"], "b": None}, 1),
        ({"a": None, "b": []}, "come again"),
        ({"a": None, "b": ["other"]}, "come again"),
    ],
    ids=str,
)
async def test_of_a_session_that_the_database_does_not_know_the_others_are_asked(
    monkeypatch: pytest.MonkeyPatch,
    others: dict[str, Sequence[str] | None],
    leads_to: int | str | None,
    answers: bool,
    is_linked: bool,
) -> None:
    """One that begins is stored a moment later, or not at all while nothing can be."""
    rows, asked = Rows(), Others(**others)
    rows.answers = answers

    async def linked(address: str, node: str, *_: Any) -> Any:
        return UUID(node).int

    monkeypatch.setattr(directories, "open_link", linked)
    way = directory_of(rows, asked).way_to(
        "s", "voice-agent.v2", HandshakeInfo("", None, is_linked=is_linked)
    )
    if (not answers and (is_linked or leads_to is None)) or (not is_linked and leads_to == "come again"):
        with pytest.raises(ServerFull):
            await way
    else:
        assert await way == (None if is_linked else leads_to)
    assert bool(asked.asked) is (bool(others) and not is_linked)

"""The owner's end of a link offers a session when it is quiet, and lets it go only if it still is."""

import asyncio
from typing import Any

import pytest

from app.fleet import owner_end
from app.fleet.control import Control, ControlChannel
from app.fleet.owner_end import OwnerEnd
from tests.fleet.test_landing import SECRET, LiveClient
from tests.fleet.test_peer_port import OTHERS, signer


class Moves:
    """The moves of one session.

    Attributes:
        is_quiet: Nothing happens in it.
        parcel: What it is packed into; None: it cannot be claimed.
        departed: How often it was let go.
    """

    def __init__(self, *, is_quiet: bool = True, parcel: bytes | None = b"parcel") -> None:
        self.is_quiet, self.parcel, self.departed = is_quiet, parcel, 0
        self.is_leaving = False
        self.links: set[Any] = set()
        self.under_way = 0

    def could_go(self, session_id: str, transport: Any) -> bool:
        return self.is_quiet and session_id == "s"

    async def offer(self, session_id: str, transport: Any) -> bytes | None:
        return b"needs" if self.could_go(session_id, transport) else None

    def depart(self, session_id: str, transport: Any) -> object | None:
        if not self.could_go(session_id, transport):
            return None
        self.departed += 1
        return self

    async def pack(self, departure: object) -> bytes | None:
        return self.parcel


class Talk:
    """A link whose client's frames are noted as they are read."""

    def __init__(self, moves: Moves) -> None:
        self.link, self.read, self.moves = LiveClient(), list[str | bytes](), moves
        self.other_end = ControlChannel(SECRET, signer())
        self.end = OwnerEnd(self.link, ControlChannel(SECRET, signer()), moves)  # type: ignore[arg-type]
        self.end.has_session("s")

    async def serves(self) -> None:
        while (frame := await self.end.receive()) is not None:
            self.read.append(frame)

    @property
    def said(self) -> list[str]:
        controls = [self.other_end.read(frame) for frame in self.link.heard]
        return [control.word if control is not None else "?" for control in controls]


async def test_a_quiet_session_goes_with_the_freeze_and_the_parcel_is_the_last():
    talk = Talk(Moves())
    talk.link.sends("one", talk.other_end.write("freeze"), "two")
    await talk.end.served_by(talk.serves())

    assert talk.read == ["one"]
    assert talk.moves.departed == 1
    assert [ControlChannel(SECRET, signer()).read(frame) for frame in talk.link.heard] == [
        Control("parcel", b"parcel")
    ]
    assert talk.link.closed == (1000, "moved")
    assert (talk.moves.links, talk.moves.under_way) == (set(), 0)


async def test_a_session_in_which_something_happens_is_thawed():
    talk = Talk(Moves(is_quiet=False))
    talk.link.sends(talk.other_end.write("freeze"), "two", None)
    await talk.end.served_by(talk.serves())

    assert (talk.read, talk.said, talk.moves.departed) == (["two"], ["thaw"], 0)


async def test_a_session_that_cannot_be_claimed_yet_is_not_sent():
    talk = Talk(Moves(parcel=None))
    talk.link.sends(talk.other_end.write("freeze"))
    await talk.end.served_by(talk.serves())

    assert talk.link.heard == []
    assert talk.link.closed is not None and talk.link.closed[0] == 1012


async def test_frames_of_the_client_that_look_like_words_are_its_own():
    talk = Talk(Moves())
    forged = [b"freeze", ControlChannel(bytes(24), signer()).write("freeze"), "freeze"]
    talk.link.sends(*forged, None)
    await talk.end.served_by(talk.serves())

    assert (talk.read, talk.moves.departed) == (forged, 0)


@pytest.mark.parametrize(
    "frame", [SECRET, ControlChannel(SECRET, signer(OTHERS)).write("freeze")], ids=["bare", "by others"]
)
async def test_a_word_with_the_secret_that_nobody_signed_ends_the_link(frame: bytes):
    talk = Talk(Moves())
    talk.link.sends(frame, "two")
    await talk.end.served_by(talk.serves())

    assert (talk.read, talk.moves.departed) == ([], 0)


async def test_it_is_offered_once_it_has_been_quiet_for_a_moment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(owner_end, "QUIET_FOR_S", 0.3)
    monkeypatch.setattr(owner_end, "_LOOK_S", 0.01)
    talk = Talk(Moves(is_quiet=False))
    serving = asyncio.create_task(talk.end.served_by(talk.serves()))
    await asyncio.sleep(0.1)
    assert talk.link.heard == []
    began = asyncio.get_running_loop().time()
    talk.moves.is_quiet = True
    async with asyncio.timeout(20):
        while not talk.link.heard:  # noqa: ASYNC110  # it looks at a clock
            await asyncio.sleep(0.01)
    assert asyncio.get_running_loop().time() - began >= 0.3
    talk.link.sends(None)
    await serving

    assert talk.said == ["quiet"]


async def test_in_a_drain_it_is_offered_at_once():
    talk = Talk(Moves())
    talk.moves.is_leaving = True
    serving = asyncio.create_task(talk.end.served_by(talk.serves()))
    async with asyncio.timeout(20):
        while not talk.link.heard:  # noqa: ASYNC110  # it looks at a clock
            await asyncio.sleep(0.01)
    talk.link.sends(None)
    await serving

    assert talk.said == ["quiet"]


async def test_it_is_offered_ever_more_rarely_to_a_process_that_does_not_take_it(
    monkeypatch: pytest.MonkeyPatch,
):
    for name, value in {"QUIET_FOR_S": 0, "_LOOK_S": 0.001, "_OFFER_AGAIN_S": 0.1}.items():
        monkeypatch.setattr(owner_end, name, value)
    talk = Talk(Moves())
    serving = asyncio.create_task(talk.end.served_by(talk.serves()))
    await asyncio.sleep(1)
    talk.link.sends(None)
    await serving

    assert 1 <= len(talk.said) <= 4  # after 0, 0.1, 0.3 and 0.7 s

"""A landing end stops reading for a moment, and what it reads then belongs to whoever has the session."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from app.errors import ServerFull
from app.fleet import landing
from app.fleet.control import Control, ControlChannel, new_channel, opened_channel
from app.fleet.links import Link
from app.fleet.signing import Refused
from tests.fleet.test_links import Client, never
from tests.fleet.test_peer_port import OTHERS, signer

SECRET = secrets.token_bytes(24)


class LiveClient(Client):
    """A client that sends when it is told to; a frame, None: it goes, or an exception."""

    def __init__(self) -> None:
        super().__init__()
        self.line: asyncio.Queue[str | bytes | Exception | None] = asyncio.Queue()

    async def receive(self) -> str | bytes | None:
        frame = await self.line.get()
        if isinstance(frame, Exception):
            raise frame
        return frame

    def sends(self, *frames: str | bytes | Exception | None) -> None:
        for frame in frames:
            self.line.put_nowait(frame)


@dataclass
class Owner:
    """The other end.

    Attributes:
        heard: What it got, controls by their word.
    """

    connection: ServerConnection
    channel: ControlChannel = field(default_factory=lambda: ControlChannel(SECRET, signer()))
    heard: list[str | bytes] = field(default_factory=list[str | bytes])

    async def says(self, word: landing.Control) -> None:
        await self.connection.send(self.channel.write(word.word, word.body))

    async def hears(self) -> str | bytes:
        frame = await self.connection.recv()
        control = self.channel.read(frame)
        self.heard.append(frame if control is None else f"<{control.word}>")
        return self.heard[-1]


@asynccontextmanager
async def linked(owner: Callable[[Owner], Awaitable[None]]) -> AsyncIterator[Link]:
    async def serves(connection: ServerConnection) -> None:
        await owner(Owner(connection))

    async with serve(serves, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        connection = await connect(f"ws://127.0.0.1:{port}", proxy=None, compression=None)
        yield Link(connection, ControlChannel(SECRET, signer()))


def always(asked: bytes) -> bool:
    return asked == b"needs"


QUIET = Control("quiet", b"needs")


async def frozen(owner: Owner, client: LiveClient) -> None:
    """The owner has offered the session, and the other end reads no more."""
    client.sends("before")
    assert [await owner.hears(), await owner.hears()] == ["first", "before"]
    await owner.says(QUIET)
    assert await owner.hears() == "<freeze>"


async def test_what_is_read_after_a_freeze_comes_first_where_the_session_is_then():
    client, heard = LiveClient(), []

    async def owner(end: Owner) -> None:
        await frozen(end, client)
        client.sends("late", b"later")
        await end.connection.send("last words")
        await end.says(Control("parcel", b"all of it\nand more"))
        heard.extend(end.heard)
        await end.connection.wait_closed()

    async with linked(owner) as link:
        landed = await link.carry(client, "first", always)

        assert landed is not None
        assert landed.parcel == b"all of it\nand more"
        assert [await landed.transport.receive(), await landed.transport.receive()] == ["late", b"later"]
        assert (heard, client.heard, client.closed) == (["first", "before", "<freeze>"], ["last words"], None)


async def test_a_thaw_lets_all_go_on_as_before_and_again():
    client = LiveClient()

    async def owner(end: Owner) -> None:
        await frozen(end, client)
        client.sends("late")
        await end.says(Control("thaw"))
        assert await end.hears() == "late"
        await end.says(QUIET)
        assert await end.hears() == "<freeze>"
        await end.says(Control("thaw"))
        client.sends("later")
        assert await end.hears() == "later"
        await end.connection.close(4410, "ended")

    async with linked(owner) as link:
        assert await link.carry(client, "first", always) is None

    assert client.closed == (4410, "ended")


async def test_a_session_that_is_not_wanted_is_not_asked_for():
    client = LiveClient()

    async def owner(end: Owner) -> None:
        await end.hears()
        await end.says(QUIET)
        client.sends("goes on")
        assert await end.hears() == "goes on"
        await end.connection.close(4410, "ended")

    async with linked(owner) as link:
        await link.carry(client, "first", never)

    assert client.closed == (4410, "ended")


async def test_words_out_of_place_do_nothing():
    client = LiveClient()

    async def owner(end: Owner) -> None:
        await end.hears()
        for word in (Control("parcel", b"x"), Control("thaw"), Control("freeze"), Control("unknown")):
            await end.says(word)
        client.sends("goes on")
        assert await end.hears() == "goes on"
        await end.connection.close(4410, "ended")

    async with linked(owner) as link:
        assert await link.carry(client, "first", always) is None

    assert client.closed == (4410, "ended")


async def cuts(owner: Owner) -> None:
    owner.connection.transport.abort()


async def says_nothing(owner: Owner) -> None:
    await owner.connection.wait_closed()


async def forges(owner: Owner) -> None:
    owner.channel = ControlChannel(SECRET, signer(OTHERS))
    await owner.says(Control("parcel", b"x"))
    await owner.connection.wait_closed()


@pytest.mark.parametrize("fails", [cuts, says_nothing, forges])
async def test_a_client_whose_owner_fails_while_it_waits_comes_again(
    fails: Callable[[Owner], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(landing, "MOST_FROZEN_S", 0.5)
    client, codes = LiveClient(), []

    async def owner(end: Owner) -> None:
        await frozen(end, client)
        client.sends("late")
        await fails(end)
        codes.append(end.connection.close_code)

    async with linked(owner) as link:
        assert await link.carry(client, "first", always) is None

    assert client.closed is not None and client.closed[0] == 1012
    assert 1000 not in codes  # which would be the client's goodbye


async def test_a_client_that_goes_meanwhile_is_gone_where_its_session_is_then():
    client = LiveClient()

    async def owner(end: Owner) -> None:
        await frozen(end, client)
        client.sends(None)
        await end.says(Control("parcel", b"x"))
        await end.connection.wait_closed()

    async with linked(owner) as link:
        landed = await link.carry(client, "first", always)

        assert landed is not None
        assert await landed.transport.receive() is None


async def test_a_client_that_goes_before_a_thaw_is_gone_for_its_owner():
    client, codes = LiveClient(), []

    async def owner(end: Owner) -> None:
        await frozen(end, client)
        client.sends(None)
        await end.says(Control("thaw"))
        await end.connection.wait_closed()
        codes.append(end.connection.close_code)

    async with linked(owner) as link:
        await link.carry(client, "first", always)

    assert codes == [1001]


async def test_a_large_message_without_room_is_told_where_the_session_is_then():
    client = LiveClient()

    async def owner(end: Owner) -> None:
        await frozen(end, client)
        client.sends(ServerFull("large messages"))
        await end.says(Control("parcel", b"x"))
        await end.connection.wait_closed()

    async with linked(owner) as link:
        landed = await link.carry(client, "first", always)

        assert landed is not None
        with pytest.raises(ServerFull):
            await landed.transport.receive()


FORGED = {
    "the word alone": b"freeze",
    "another secret": ControlChannel(secrets.token_bytes(24), signer()).write("freeze"),
    "none": b"",
    "half of it": SECRET[:12] + b"freeze\nv1 1 2 3\n",
}


@pytest.mark.parametrize("frame", FORGED.values(), ids=FORGED)
def test_a_frame_without_the_secret_of_the_link_is_the_clients(frame: bytes):
    assert ControlChannel(SECRET, signer()).read(frame) is None


def test_a_text_is_the_clients():
    assert ControlChannel(SECRET, signer()).read(SECRET.hex()) is None


def altered(frame: bytes) -> bytes:
    return frame[:-1] + bytes([frame[-1] ^ 1])


UNSIGNED = {
    "by others": ControlChannel(SECRET, signer(OTHERS)).write("parcel", b"body"),
    "too old": ControlChannel(SECRET, signer(off_s=-60)).write("parcel", b"body"),
    "another body": altered(ControlChannel(SECRET, signer()).write("parcel", b"body")),
    "another word": ControlChannel(SECRET, signer()).write("freeze").replace(b"freeze", b"parcel"),
    "nothing but the secret": SECRET,
    "no signature": SECRET + b"freeze\n\n",
    "no text": SECRET + b"\xff\xfe\n\xff\n",
}


@pytest.mark.parametrize("frame", UNSIGNED.values(), ids=UNSIGNED)
def test_a_word_that_is_not_signed_is_refused(frame: bytes):
    with pytest.raises(Refused):
        ControlChannel(SECRET, signer()).read(frame)


def test_a_word_is_good_once():
    reader, frame = ControlChannel(SECRET, signer()), ControlChannel(SECRET, signer()).write("freeze")

    assert reader.read(frame) == Control("freeze")
    with pytest.raises(Refused, match="before"):
        reader.read(frame)


def test_a_word_of_a_later_release_is_known_as_such():
    frame = ControlChannel(SECRET, signer())
    assert frame.read(ControlChannel(SECRET, signer()).write("later", b"x")) == Control(  # type: ignore[arg-type]
        "unknown", b"x"
    )


def test_the_opening_of_a_link_brings_its_channel():
    mine, header = new_channel("life-1", signer())
    theirs = opened_channel("life-1", header, signer())

    assert theirs is not None
    assert theirs.read(mine.write("freeze", b"\n\n")) == Control("freeze", b"\n\n")


def test_a_link_of_a_release_before_has_no_channel():
    assert opened_channel("life-1", None, signer()) is None


OPENINGS = {
    "another life": new_channel("life-2", signer())[1],
    "by others": new_channel("life-1", signer(OTHERS))[1],
    "another secret": "ab" * 24 + new_channel("life-1", signer())[1][48:],
    "short": "ab" + new_channel("life-1", signer())[1][48:],
    "nothing": "",
}


@pytest.mark.parametrize("header", OPENINGS.values(), ids=OPENINGS)
def test_an_opening_that_is_not_ours_is_refused(header: str):
    with pytest.raises(Refused):
        opened_channel("life-1", header, signer())

"""A link passes frames on as they are, and each end hears how the other one ended."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from app.clock import SystemClock
from app.errors import ServerFull
from app.fleet.caller import Caller
from app.fleet.links import Link, open_link
from app.fleet.signing import Signer

Owner = Callable[[ServerConnection], Awaitable[None]]


class Client:
    """A client's connection, as the process sees it that it has come to.

    Attributes:
        sent: What it sends, in order: frames; None: it goes; an exception is raised.
        heard: What was sent to it.
        closed: With which code and reason it was closed.
    """

    def __init__(self, *sent: str | bytes | Exception | None, code: int | None = None) -> None:
        self.sent = deque(sent)
        self.heard: list[str | bytes] = []
        self.closed: tuple[int, str] | None = None
        self.close_code: int | None = code
        self.fault_code: int | None = None

    async def receive(self) -> str | bytes | None:
        if not self.sent:
            await asyncio.Event().wait()
        frame = self.sent.popleft()
        if isinstance(frame, Exception):
            raise frame
        return frame

    async def send(self, message: str | bytes) -> None:
        self.heard.append(message)

    def send_at_once(self, message: str | bytes) -> bool:
        return False

    def abort(self) -> None:
        """Nothing."""

    async def close(self, code: int, reason: str = "") -> None:
        self.closed = self.closed or (code, reason)


def never(asked: bytes) -> bool:
    """No session is taken."""
    return False


@asynccontextmanager
async def linked(owner: Owner) -> AsyncIterator[Link]:
    async with serve(owner, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        connection = await connect(f"ws://127.0.0.1:{port}", proxy=None, compression=None)
        yield Link(connection)


async def test_frames_of_both_kinds_go_both_ways_as_they_are():
    async def owner(connection: ServerConnection) -> None:
        for _ in range(3):
            await connection.send(await connection.recv())
        await connection.close(4410, "ended")

    client = Client("ñ", b"\x00\xff")
    async with linked(owner) as link:
        await link.carry(client, '{"type":"resume"}', never)

    assert client.heard == ['{"type":"resume"}', "ñ", b"\x00\xff"]
    assert client.closed == (4410, "ended")


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013, 4401, 4408, 4409])
async def test_a_client_is_closed_as_its_owner_closes(code: int):
    async def owner(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(code, "why")

    client = Client()
    async with linked(owner) as link:
        await link.carry(client, "first", never)

    assert client.closed == (code, "why")


async def test_a_client_of_a_link_that_breaks_is_told_to_come_again():
    async def owner(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    client = Client()
    async with linked(owner) as link:
        await link.carry(client, "first", never)

    assert client.closed is not None and client.closed[0] == 1012


class LateClient(Client):
    """A client that goes when it may."""

    def __init__(self, code: int | None) -> None:
        super().__init__(None, code=code)
        self.may_go = asyncio.Event()

    async def receive(self) -> str | bytes | None:
        await self.may_go.wait()
        return await super().receive()


@pytest.mark.parametrize(
    ("code", "told"), [(1000, 1000), (4000, 4000), (None, 1001), (1006, 1001), (1005, 1001)]
)
async def test_an_owner_hears_how_the_client_left(code: int | None, told: int):
    heard = asyncio.get_running_loop().create_future()
    client = LateClient(code)

    async def owner(connection: ServerConnection) -> None:
        await connection.recv()
        client.may_go.set()
        await connection.wait_closed()
        heard.set_result(connection.close_code)

    async with linked(owner) as link:
        await link.carry(client, "first", never)

    assert await heard == told


async def test_a_client_whose_large_message_finds_no_room_comes_again():
    async def owner(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.wait_closed()

    client = Client(ServerFull("large messages"))
    async with linked(owner) as link:
        await link.carry(client, "first", never)

    assert client.closed is not None and client.closed[0] == 1013


async def test_what_a_client_said_that_has_gone_meanwhile_is_not_passed_on():
    heard = asyncio.get_running_loop().create_future()

    async def owner(connection: ServerConnection) -> None:
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        heard.set_result(connection.close_code)

    async with linked(owner) as link:
        await link.carry(Client(None), "first", never)

    assert await heard == 1001


def resets_all(listening: socket.socket) -> None:
    """Takes connections, and ends each with an RST before it can have said a word."""
    with contextlib.suppress(OSError):
        while True:
            taken, _ = listening.accept()
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            taken.close()


async def test_a_process_that_hangs_up_while_a_link_is_opened_does_not_answer():
    """Whoever wanted the link is told to come again, wherever in the handshake it broke."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    resetting = threading.Thread(target=resets_all, args=(listening,), daemon=True)
    resetting.start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    signer = Signer(["0123456789abcdef" * 4], SystemClock())
    caller = Caller("voice-agent.v2", "127.0.0.1", None, True)
    opened: list[object] = []
    for _ in range(20):
        links = [asyncio.create_task(open_link(address, "node", caller, signer)) for _ in range(10)]
        await asyncio.sleep(0)
        opened += await asyncio.gather(*links, return_exceptions=True)
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    resetting.join()

    assert {one for one in opened if not isinstance(one, OSError)} == set()

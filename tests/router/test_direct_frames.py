"""Messages that go straight to the socket are as the library would write them, and none follows a close."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import BINARY, TEXT, Frame

from app.router.direct_frames import DirectWebSocket, frame

Send = Callable[[dict[str, Any]], Awaitable[None]]

LENGTHS = (0, 1, 125, 126, 127, 65_535, 65_536, 70_000)
"""Around those at which a frame's head grows."""

PATIENCE_S = 10


@asynccontextmanager
async def talking(
    talk: Callable[[Send, Callable[[], Awaitable[Any]]], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server whose every connection is accepted and given to `talk`; its address."""

    async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await talk(send, receive)

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, ws=DirectWebSocket, log_config=None, loop="none", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        await task


def connected(address: str) -> connect:
    return connect(address, compression=None, proxy=None, max_size=None)


@given(st.one_of(st.sampled_from(LENGTHS), st.integers(0, 1000)), st.booleans())
def test_frame_is_as_the_library_writes_it(length: int, is_text: bool):
    payload = b"x" * length

    made = frame(0x81 if is_text else 0x82, payload)

    assert made == Frame(TEXT if is_text else BINARY, payload).serialize(mask=False)


async def test_messages_of_all_lengths_arrive_in_order():
    said: list[str | bytes] = [kind * length for length in LENGTHS for kind in ("ñ", b"\0")]

    async def says_all(send: Send, receive: Callable[[], Awaitable[Any]]) -> None:
        for message in said:
            await send({"type": "websocket.send", "text" if isinstance(message, str) else "bytes": message})
        await receive()

    async with talking(says_all) as address, connected(address) as client, asyncio.timeout(PATIENCE_S):
        assert [await client.recv() for _ in said] == said


async def test_peer_that_does_not_read_is_waited_for():
    sent = 0
    is_full = asyncio.Event()

    async def floods(send: Send, receive: Callable[[], Awaitable[Any]]) -> None:
        nonlocal sent
        for _ in range(200):
            try:
                async with asyncio.timeout(0.2):
                    await send({"type": "websocket.send", "bytes": bytes(1_000_000)})
            except TimeoutError:
                break
            sent += 1
        is_full.set()
        await receive()

    async with talking(floods) as address, connected(address) as client, asyncio.timeout(PATIENCE_S):
        await is_full.wait()
        assert 0 < sent < 100
        assert [len(await client.recv()) for _ in range(sent)] == [1_000_000] * sent


@pytest.mark.parametrize("who", ["client", "server"])
async def test_nothing_follows_a_close(who: str):
    failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def says_too_late(send: Send, receive: Callable[[], Awaitable[Any]]) -> None:
        if who == "server":
            await send({"type": "websocket.close", "code": 1000})
        await receive()
        try:
            await send({"type": "websocket.send", "text": "too late"})
        except (OSError, RuntimeError) as exc:
            failed.set_result(exc)

    async def heard_of(client: ClientConnection) -> list[str | bytes]:
        return [message async for message in client]

    async with talking(says_too_late) as address, connected(address) as client, asyncio.timeout(PATIENCE_S):
        if who == "client":
            await client.close()
        assert await heard_of(client) == []
        assert isinstance(await failed, OSError | RuntimeError)

"""What strangers leave with the server, other than halves of messages: it weighs little, and goes again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.faults.test_group_h_floods import MIB, OPENING, V1, V2, opened, resident_mib
from tests.support.process import ServerProcess, server_process
from tests.support.raw_client import CONTINUATION, PING, TEXT, frame, handshake

pytestmark = pytest.mark.e2e

GROWS_MIB = 100
"""The goal is 50."""

Attack = Callable[[ServerProcess, AsyncExitStack], Awaitable[None]]


async def sends_raw(server: ServerProcess, stack: AsyncExitStack, *pieces: bytes) -> asyncio.StreamReader:
    """A connection that sends these bytes, as far as anybody takes them within a moment."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    stack.callback(lambda: writer.transport.abort())  # which holds the writer too
    for piece in pieces:
        writer.write(piece)
        try:
            async with asyncio.timeout(0.5):
                await writer.drain()
        except (TimeoutError, ConnectionError):
            break
    return reader


async def bodies_without_end(server: ServerProcess, stack: AsyncExitStack) -> None:
    head = b"POST /tickets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16000000\r\n\r\n"
    await asyncio.gather(*(sends_raw(server, stack, head, b"x" * 15 * MIB) for _ in range(20)))


async def chunks_without_end(server: ServerProcess, stack: AsyncExitStack) -> None:
    head = b"PUT /users/ana/profile HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    await asyncio.gather(*(sends_raw(server, stack, head, b"1\r\nx\r\n" * 2 * MIB) for _ in range(10)))


async def heads_without_end(server: ServerProcess, stack: AsyncExitStack) -> None:
    head = b"GET /ws HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 60_000
    await asyncio.gather(*(sends_raw(server, stack, head) for _ in range(300)))


async def requests_in_a_row(server: ServerProcess, stack: AsyncExitStack) -> None:
    """Nobody reads the answers."""
    many = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 5000
    await asyncio.gather(*(sends_raw(server, stack, many) for _ in range(10)))


async def long_texts_that_wait(server: ServerProcess, stack: AsyncExitStack) -> None:
    """Each talk is left with texts in its line."""
    text = frame(TEXT, json.dumps({"type": "text", "content": "x" * 30_000}).encode())

    async def talks() -> None:
        async with opened(server.port, V2) as client:
            await client.sends(*[text] * 8)
            await client.hears(TEXT)

    for _ in range(10):
        await asyncio.gather(*(talks() for _ in range(10)))


async def sessions_without_a_word(server: ServerProcess, stack: AsyncExitStack) -> None:
    async def begins() -> None:
        async with opened(server.port, V2):
            pass

    for _ in range(30):
        await asyncio.gather(*(begins() for _ in range(20)))


async def names_of_users(server: ServerProcess, stack: AsyncExitStack) -> None:
    async def begins(number: int) -> None:
        _, client = await handshake(server.port, V1)
        name = f"{number:06}" + "x" * 90
        await client.sends(frame(TEXT, json.dumps({"type": "system", "user_id": name}).encode()))
        await client.hears(TEXT)
        client.writer.transport.abort()

    for start in range(0, 1000, 20):
        await asyncio.gather(*(begins(start + number) for number in range(20)))


async def beginnings_full_of_junk(server: ServerProcess, stack: AsyncExitStack) -> None:
    junk = json.dumps({"type": "start", "user_id": "x", "junk": "x" * 60_000}).encode()
    for _ in range(100):
        client = await stack.enter_async_context(opened(server.port, V2, has_session=False))
        await client.sends(frame(TEXT, junk))
        await client.hears(TEXT)


async def fragments_before_a_session(server: ServerProcess, stack: AsyncExitStack) -> None:
    pieces = frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"x" * 100, fin=False) * 600
    for _ in range(30):
        client = await stack.enter_async_context(opened(server.port, has_session=False))
        await client.sends(pieces)


async def pings_that_nobody_reads_the_answers_of(server: ServerProcess, stack: AsyncExitStack) -> None:
    many = frame(PING, b"x" * 125) * 90 + frame(TEXT, b'{"type":"ping"}') * 90
    clients = [await stack.enter_async_context(opened(server.port, V2)) for _ in range(30)]
    for _ in range(4):
        await asyncio.gather(*(client.sends(many) for client in clients), return_exceptions=True)
        await asyncio.sleep(1.1)


async def refused_texts(server: ServerProcess, stack: AsyncExitStack) -> None:
    """A megabyte each, from talks that are left at once."""
    text = frame(TEXT, b'{"type":"text","content":"' + b"x" * 900_000 + b'"}')
    for _ in range(40):
        async with opened(server.port, V2) as client:
            await client.sends(text)
            while b"context_too_long" not in await client.hears(TEXT):
                pass


async def half_a_page_read(server: ServerProcess, stack: AsyncExitStack) -> None:
    for _ in range(100):
        await sends_raw(server, stack, b"GET /page/app.js HTTP/1.1\r\nHost: localhost\r\n\r\n")


ATTACKS: list[Attack] = [
    bodies_without_end,
    chunks_without_end,
    heads_without_end,
    requests_in_a_row,
    long_texts_that_wait,
    sessions_without_a_word,
    names_of_users,
    beginnings_full_of_junk,
    fragments_before_a_session,
    pings_that_nobody_reads_the_answers_of,
    refused_texts,
    half_a_page_read,
]


@pytest.mark.parametrize("attack", ATTACKS)
async def test_h2_what_strangers_leave_weighs_little_and_others_are_answered(
    tmp_path: Path, attack: Attack
) -> None:
    async with server_process(tmp_path, llm_provider="demo") as server, AsyncExitStack() as stack:
        await server.starts()
        async with opened(server.port) as other:
            before = resident_mib(server)
            await attack(server, stack)
            grown = resident_mib(server) - before
            await other.sends(frame(TEXT, b'{"type":"text","content":"hola"}'))
            while b"response_complete" not in await other.hears(TEXT):
                pass
        async with opened(server.port, has_session=False) as newcomer:
            await newcomer.sends(frame(TEXT, OPENING[V1]))
            assert b"session_created" in await newcomer.hears(TEXT)

    assert grown < GROWS_MIB
    print(f"GREW {attack.__name__} {grown:.1f}")

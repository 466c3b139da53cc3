"""The loop and the threads get their turns from each other."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.interpreter import SWITCH_INTERVAL_S, take_short_turns
from tests.storage.talks import a_session, a_text, store_at
from tests.support.context import settings_with
from tests.support.server import running_server


@pytest.fixture(autouse=True)
def python_own() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    yield
    sys.setswitchinterval(before)


@asynccontextmanager
async def busy_loop() -> AsyncIterator[None]:
    """Something that reckons on the loop all the time, 2 ms at a stretch."""

    async def reckon() -> None:
        while True:
            until = time.perf_counter() + 0.002
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(0)

    task = asyncio.create_task(reckon())
    try:
        yield
    finally:
        task.cancel()


async def test_what_is_said_is_stored_although_the_loop_never_rests(tmp_path: Path):
    take_short_turns()
    async with store_at(f"sqlite:///{tmp_path}/talks.db") as store, busy_loop():
        receipts = [store.session_opened(a_session())]
        receipts += [store.text_accepted("s1", a_text(n)) for n in range(300)]

        assert await receipts[-1].wait(10)
        async with asyncio.timeout(2):
            assert len((await store.messages("s1", 200)).rows) == 200


async def _seconds_for_echoes(count: int) -> float:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1")
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        began = time.perf_counter()
        for _ in range(count):
            writer.write(b"x")
            await reader.readexactly(1)
        took_s = time.perf_counter() - began
        writer.close()
        await writer.wait_closed()
    return took_s


async def test_thread_that_reckons_leaves_the_loop_its_turns():
    is_over = threading.Event()

    def reckon() -> None:
        while not is_over.is_set():
            sum(range(1000))

    thread = threading.Thread(target=reckon)
    thread.start()
    try:
        before_s = await _seconds_for_echoes(50)
        take_short_turns()
        after_s = await _seconds_for_echoes(50)
    finally:
        is_over.set()
        thread.join()

    assert after_s < before_s / 2


async def test_server_takes_short_turns():
    async with running_server(settings_with()):
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)

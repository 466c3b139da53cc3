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
from app.storage.writes import SessionOpened, TextAccepted
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
        receipts = [store.write(SessionOpened(a_session()))]
        receipts += [store.write(TextAccepted("s1", a_text(n))) for n in range(300)]

        assert await receipts[-1].wait(10)
        async with asyncio.timeout(2):
            assert len((await store.messages("s1", 200)).rows) == 200


def _order_of_a_thread_and_who_waits() -> list[str]:
    """Who is first: a thread that reckons for some tenths of a second, or who wants to go on beside it."""
    order: list[str] = []
    has_begun = threading.Event()

    def reckon() -> None:
        has_begun.set()  # from here on it holds the interpreter until it is told to give way
        for _ in range(10_000_000):
            pass
        order.append("thread")

    thread = threading.Thread(target=reckon)
    thread.start()
    has_begun.wait()
    order.append("who waits")
    thread.join()
    return order


def test_thread_that_reckons_leaves_others_their_turns():
    sys.setswitchinterval(1000)
    assert _order_of_a_thread_and_who_waits() == ["thread", "who waits"], "or this shows nothing"

    take_short_turns()
    assert _order_of_a_thread_and_who_waits() == ["who waits", "thread"]


async def test_server_takes_short_turns():
    async with running_server(settings_with()):
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)

"""Look-ups neither block nor pile up."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from app.tools.support.name_lookup import LookupFailed, SystemResolver


def answers(*addresses: str) -> Any:
    return lambda host, port, type: [(0, 0, 0, "", (address, 0)) for address in addresses]


def failing(errno: int) -> Any:
    def look_up(host: str, port: None, type: int) -> Any:
        raise socket.gaierror(errno, "")

    return look_up


class Stuck:
    """A name server that does not answer until it is told to."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.threads: list[threading.Thread] = []

    def __call__(self, host: str, port: None, type: int) -> Any:
        self.threads.append(threading.current_thread())
        self.release.wait(10)
        return answers("8.8.8.8")(host, port, type)


async def test_all_addresses_are_told_once_and_in_order():
    resolve = SystemResolver(look_up=answers("2001:db8::1", "8.8.8.8", "8.8.8.8"))

    assert await resolve("a.example") == ["2001:db8::1", "8.8.8.8"]


async def test_the_systems_own_resolver_is_the_default():
    assert await SystemResolver()("127.0.0.1") == ["127.0.0.1"]


@pytest.mark.parametrize(("errno", "is_final"), [(socket.EAI_NONAME, True), (socket.EAI_AGAIN, False)])
async def test_a_name_that_does_not_exist_is_told_from_a_silent_server(errno: int, is_final: bool):
    with pytest.raises(LookupFailed) as failure:
        await SystemResolver(look_up=failing(errno))("a.example")

    assert failure.value.is_final is is_final


async def test_a_look_up_that_takes_too_long_is_given_up():
    stuck = Stuck()

    with pytest.raises(LookupFailed) as failure:
        await SystemResolver(timeout_s=0.05, look_up=stuck)("a.example")

    stuck.release.set()
    assert not failure.value.is_final


async def test_look_ups_that_hang_are_counted_until_they_end():
    stuck = Stuck()
    resolve = SystemResolver(max_threads=1, timeout_s=0.05, look_up=stuck)
    with pytest.raises(LookupFailed):
        await resolve("a.example")

    with pytest.raises(LookupFailed):
        await resolve("b.example")

    assert len(stuck.threads) == 1
    stuck.release.set()
    stuck.threads[0].join()
    assert await resolve("c.example") == ["8.8.8.8"]


async def test_a_hanging_look_up_does_not_hold_the_process_or_the_loop():
    stuck = Stuck()
    waiting = asyncio.create_task(SystemResolver(look_up=stuck)("a.example"))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert all(thread.daemon for thread in stuck.threads)
    stuck.release.set()

"""The watch over the event loop says what holds it up."""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.watchdog import STALL_S, LoopWatchdog


@asynccontextmanager
async def watched(stall_s: float = STALL_S) -> AsyncIterator[LoopWatchdog]:
    watchdog = LoopWatchdog(stall_s)
    watchdog.start()
    try:
        await asyncio.sleep(0.01)  # the first beat
        yield watchdog
        await asyncio.sleep(0.01)
    finally:
        watchdog.stop()


def stalls(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.message == "loop_stall"]


def ends(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.message == "loop_stall_over"]


def hold_up_everybody(seconds: float) -> None:
    time.sleep(seconds)


def reckon(cpu_s: float) -> None:
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        pass


async def is_over(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    async with asyncio.timeout(10):
        while not ends(caplog):  # noqa: ASYNC110  # the listener is a thread
            await asyncio.sleep(0.01)
    (line,) = ends(caplog)
    return line


async def test_blocked_loop_is_logged_once_with_what_blocks_it(caplog: pytest.LogCaptureFixture):
    async with watched():
        hold_up_everybody(1.5)

    (line,) = stalls(caplog)
    assert line.levelname == "WARNING"
    assert line.__dict__["over_ms"] == 250
    assert "hold_up_everybody" in line.__dict__["stack"]
    assert len(line.__dict__["stack"]) <= 450


async def test_each_stall_has_its_line(caplog: pytest.LogCaptureFixture):
    async with watched() as watchdog:
        for _ in range(2):
            hold_up_everybody(1.5)
            await asyncio.sleep(0.2)

    assert len(stalls(caplog)) == watchdog.stalls == 2


async def test_end_of_a_stall_says_how_long_it_was(caplog: pytest.LogCaptureFixture):
    async with watched():
        hold_up_everybody(1.5)
        line = await is_over(caplog)

    assert 350 <= line.__dict__["about_ms"] <= 15_000


@pytest.mark.skipif(sys.platform != "linux", reason="the clock of another thread is not to be had here")
async def test_stall_that_reckons_is_told_from_one_that_sleeps(caplog: pytest.LogCaptureFixture):
    async with watched():
        hold_up_everybody(1.5)
        slept = await is_over(caplog)
        (slept_meanwhile,) = stalls(caplog)
        caplog.clear()
        reckon(0.9)
        reckoned = await is_over(caplog)
        (reckoned_meanwhile,) = stalls(caplog)

    assert slept.__dict__["cpu_ms"] < 250
    assert slept_meanwhile.__dict__["cpu_ms"] < 250
    assert reckoned.__dict__["cpu_ms"] >= 900
    assert 0 < reckoned_meanwhile.__dict__["cpu_ms"] <= reckoned.__dict__["cpu_ms"]


async def test_loop_that_is_busy_but_never_for_long_is_left_alone(caplog: pytest.LogCaptureFixture):
    async with watched(stall_s=0.5):
        end = time.monotonic() + 0.9
        while time.monotonic() < end:
            hold_up_everybody(0.02)
            await asyncio.sleep(0)

    assert stalls(caplog) == []


async def test_stopped_watch_leaves_no_thread_and_no_timer():
    async with watched():
        assert any(thread.name == "loop-watchdog" for thread in threading.enumerate())

    assert all(thread.name != "loop-watchdog" for thread in threading.enumerate())

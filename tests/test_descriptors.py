"""A process that has no file descriptors left says so, once."""

import asyncio
import logging
import os
import resource
from collections.abc import Iterator

import pytest

from app.clock import SystemClock
from app.descriptors import watch_descriptors


@pytest.fixture
def all_in_use() -> Iterator[list[int]]:
    """Takes every file descriptor; closing one of them frees it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100 + len(os.listdir("/proc/self/fd")), hard))
    taken: list[int] = []
    try:
        while True:
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        yield taken
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in taken:
            os.close(number)


async def test_it_says_so_once_and_when_it_is_over(
    all_in_use: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app.descriptors")
    watching = asyncio.create_task(watch_descriptors(SystemClock(), 0.001))
    for _ in range(20):
        await asyncio.sleep(0.001)
    os.close(all_in_use.pop())
    while len(caplog.records) < 2:  # noqa: ASYNC110  # it tells nobody but the log
        await asyncio.sleep(0.001)
    watching.cancel()
    await asyncio.wait({watching})

    assert [(r.levelname, r.msg) for r in caplog.records] == [
        ("ERROR", "no_descriptors"),
        ("INFO", "descriptors_free"),
    ]

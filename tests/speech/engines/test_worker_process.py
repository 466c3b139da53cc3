"""One worker, seen from the server. What a pool makes of many is in `test_workers.py`."""

import asyncio
import gc
import logging
import os

import pytest

from app.errors import WorkerFailed
from app.speech.engines.worker_process import WorkerProcess

KIND = "tests.support.voice_worker"


async def test_worker_does_one_job():
    worker = WorkerProcess(KIND)
    await worker.start({}, 30)
    try:
        await worker.begin({"do": "echo"}, b"sound", 10)
        assert (await worker.reply(10))[1] == b"sound"
        assert (await worker.reply(10))[0]["end"]
    finally:
        await worker.end()


async def test_module_that_is_not_there_is_a_worker_that_failed():
    worker = WorkerProcess("tests.support.no_such_module")

    with pytest.raises(WorkerFailed):
        await worker.start({}, 30)

    assert worker.pid == 0


async def test_worker_that_is_not_ready_in_time_is_ended():
    worker = WorkerProcess(KIND)

    with pytest.raises(WorkerFailed):
        await worker.start({}, 0.001)

    assert worker.has_ended.is_set()


async def test_ended_worker_takes_no_job_and_leaves_no_process():
    worker = WorkerProcess(KIND)
    await worker.start({}, 30)
    pid = worker.pid
    await worker.end()
    await worker.end()

    with pytest.raises(WorkerFailed):
        await worker.begin({"do": "echo"}, b"", 10)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8])
async def test_start_that_is_given_up_half_way_leaves_no_process(steps: int):
    """A pool that is closed while it replaces a worker."""
    worker = WorkerProcess(KIND)
    starting = asyncio.create_task(worker.start({}, 30))
    for _ in range(steps):
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait({starting})
    gc.collect()  # what was left open would be said now, and fail the test

    assert starting.cancelled()
    assert worker.pid == 0


@pytest.mark.parametrize("steps", [1, 2])
async def test_end_that_is_given_up_half_way_is_gone_on_with(steps: int):
    worker = WorkerProcess(KIND)
    await worker.start({}, 30)
    pid = worker.pid
    ending = asyncio.create_task(worker.end())
    for _ in range(steps):
        await asyncio.sleep(0)
    ending.cancel()
    await asyncio.wait({ending})
    await worker.end()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_a_worker_prints_is_logged_for_those_who_debug(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, "app.speech.engines.worker_process")
    worker = WorkerProcess(KIND)
    await worker.start({}, 30)
    await worker.begin({"do": "echo"}, b"", 10)
    await worker.reply(10)
    await worker.end()

    assert any("a library that talks" in getattr(record, "words", "") for record in caplog.records)

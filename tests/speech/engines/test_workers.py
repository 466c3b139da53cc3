"""The pool: its jobs run in processes, in the right order, and one that dies or hangs costs itself alone."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from app.errors import VoiceBusy, WorkerFailed
from app.speech.engines import worker_process
from app.speech.engines.worker_process import WorkerProcess
from app.speech.engines.worker_wire import Frame, Header, JobRefused, packed
from app.speech.engines.workers import WorkerPool

KIND = "tests.support.voice_worker"


@asynccontextmanager
async def pool_of(size: int = 1, **values: Any) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(KIND, values.pop("options", None), size=size, **values)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.aclose()


async def all_of(pool: WorkerPool, header: Header, body: bytes = b"", urgency: int = 0) -> list[Frame]:
    return [frame async for frame in pool.run(header, body, urgency)]


async def until_replaced(pool: WorkerPool, pid: int, size: int = 1) -> None:
    async with asyncio.timeout(20):
        # A process's death is outside the loop: there is no event to wait for.
        while len(pool.pids) < size or pid in pool.pids:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_job_comes_back_with_its_header_and_bytes():
    async with pool_of(options={"name": "x"}) as pool:
        [(reply, body)] = await all_of(pool, {"do": "echo", "word": "ñ"}, b"\x00\xff" * 500_000)

    assert reply["header"] == {"do": "echo", "word": "ñ"}
    assert reply["options"] == {"name": "x"}
    assert reply["pid"] != os.getpid()
    assert body == b"\x00\xff" * 500_000


async def test_pieces_come_in_order_with_their_numbers():
    async with pool_of() as pool:
        frames = await all_of(pool, {"do": "count", "to": 50})

    assert [(reply["seq"], reply["number"]) for reply, _ in frames] == [(n, n) for n in range(50)]


async def test_workers_do_jobs_at_the_same_time():
    async with pool_of(2) as pool:
        first = pool.run({"do": "count", "to": 2})
        second = pool.run({"do": "count", "to": 2})
        pids = {(await anext(first))[0]["pid"], (await anext(second))[0]["pid"]}
        assert not pool.has_idle
        await first.aclose()
        await second.aclose()

    assert len(pids) == 2


async def test_more_urgent_jobs_go_first_and_among_equals_the_older():
    order: list[str] = []

    async def job(pool: WorkerPool, name: str, urgency: int) -> None:
        await all_of(pool, {"do": "echo"}, urgency=urgency)
        order.append(name)

    async with pool_of() as pool, asyncio.TaskGroup() as tasks:
        running = pool.run({"do": "count", "to": 1})
        await anext(running)
        for name, urgency in [("late", 2), ("first a", 0), ("middle", 1), ("first b", 0)]:
            tasks.create_task(job(pool, name, urgency))
        await asyncio.sleep(0)
        await running.aclose()

    assert order == ["first a", "first b", "middle", "late"]


async def test_job_over_the_line_of_those_that_wait_is_refused():
    async with pool_of(queue=1) as pool:
        running = pool.run({"do": "count", "to": 1})
        await anext(running)
        waiting = asyncio.create_task(all_of(pool, {"do": "echo"}))
        await asyncio.sleep(0)

        with pytest.raises(VoiceBusy):
            await all_of(pool, {"do": "echo"})

        await running.aclose()
        assert len(await waiting) == 1


async def test_job_that_waits_longer_than_the_limit_is_refused():
    async with pool_of(timeout_s=0.2) as pool:
        running = pool.run({"do": "count", "to": 1})
        await anext(running)

        with pytest.raises(VoiceBusy):
            await all_of(pool, {"do": "echo"})

        await running.aclose()


async def test_closing_a_job_stops_the_worker_between_pieces():
    async with pool_of() as pool:
        async with aclosing(pool.run({"do": "count", "to": 10_000, "each_s": 0.01})) as running:
            await anext(running)
        assert not pool.has_idle, "it is busy until it has stopped"

        async with asyncio.timeout(20):
            [(reply, _)] = await all_of(pool, {"do": "echo"})

    assert reply["header"] == {"do": "echo"}


async def test_cancelled_waiter_leaves_the_line():
    async with pool_of(queue=1) as pool:
        running = pool.run({"do": "count", "to": 1})
        await anext(running)
        waiting = asyncio.create_task(all_of(pool, {"do": "echo"}))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        again = asyncio.create_task(all_of(pool, {"do": "echo"}))
        await asyncio.sleep(0)
        await running.aclose()

        assert len(await again) == 1


async def test_worker_that_dies_costs_its_own_job_alone():
    async with pool_of(2) as pool:
        other = pool.run({"do": "count", "to": 3})
        survivor = (await anext(other))[0]["pid"]
        [victim] = set(pool.pids) - {survivor}

        with pytest.raises(WorkerFailed):
            await all_of(pool, {"do": "die"})

        assert [reply["number"] async for reply, _ in other] == [1, 2]
        await until_replaced(pool, victim, size=2)
        assert survivor in pool.pids
        assert pool.lost == 1
        assert len(await all_of(pool, {"do": "echo"})) == 1


async def test_worker_that_hangs_is_killed_within_the_limit_and_replaced():
    async with pool_of(timeout_s=1) as pool:
        hanging = pool.run({"do": "hang"})
        pid = (await anext(hanging))[0]["pid"]

        async with asyncio.timeout(10):
            with pytest.raises(WorkerFailed):
                await anext(hanging)

        await until_replaced(pool, pid)
        assert len(await all_of(pool, {"do": "echo"})) == 1
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_idle_worker_that_dies_is_replaced_before_anybody_needs_it():
    async with pool_of() as pool:
        [pid] = pool.pids
        os.kill(pid, signal.SIGKILL)

        await until_replaced(pool, pid)

        assert len(await all_of(pool, {"do": "echo"})) == 1


async def test_idle_worker_that_was_stopped_costs_the_next_job_its_limit_and_no_more():
    async with pool_of(timeout_s=0.5) as pool:
        [pid] = pool.pids
        os.kill(pid, signal.SIGSTOP)

        async with asyncio.timeout(10):
            with pytest.raises(WorkerFailed):
                await all_of(pool, {"do": "echo"}, b"x" * 4_000_000)

        await until_replaced(pool, pid)
        assert len(await all_of(pool, {"do": "echo"})) == 1


NO_FRAMES = {
    "no length": b"\xff" * 64,
    "no header": (3).to_bytes(4, "big") + b"[1]" + bytes(4),
    "no end": packed({"job": 1, "seq": 0}),
    "no answer": packed({}),
}


@pytest.mark.parametrize("garbage", NO_FRAMES.values(), ids=NO_FRAMES)
async def test_worker_that_writes_no_frames_is_replaced(garbage: bytes):
    async with pool_of(timeout_s=20) as pool:
        [pid] = pool.pids
        # The frames' own pipe is the first that was opened after the three that every process has.
        with pytest.raises(WorkerFailed):
            await all_of(pool, {"do": "garbage", "fd": 3, "hex": garbage.hex()})

        async with asyncio.timeout(15):
            await until_replaced(pool, pid)
            assert len(await all_of(pool, {"do": "echo"})) == 1


@pytest.mark.parametrize("error", [OSError("a pipe"), EOFError(), KeyError("end"), RuntimeError()], ids=repr)
async def test_worker_whose_job_ends_in_an_error_that_nobody_foresaw_is_replaced(error: Exception):
    async def reply(timeout_s: float) -> Frame:
        raise error

    async with pool_of() as pool:
        [pid] = pool.pids
        async with aclosing(pool.run({"do": "count", "to": 10_000, "each_s": 0.01})) as running:
            await anext(running)
            (worker,) = pool._live
            worker.reply = reply  # type: ignore[method-assign]

        await until_replaced(pool, pid)
        assert len(await all_of(pool, {"do": "echo"})) == 1
        assert pool.lost == 1


@pytest.mark.parametrize("error", [OSError("a pipe"), KeyError("end"), RuntimeError()], ids=repr)
async def test_job_whose_reply_cannot_be_read_costs_its_worker_alone(error: Exception):
    async def reply(timeout_s: float) -> Frame:
        raise error

    async with pool_of() as pool:
        (worker,) = pool._live
        worker.reply = reply  # type: ignore[method-assign]
        with pytest.raises(WorkerFailed):
            await all_of(pool, {"do": "echo"})

        assert len(await all_of(pool, {"do": "echo"})) == 1


@pytest.mark.parametrize(
    "error", [WorkerFailed("no processes"), OSError("no processes"), ValueError(), RuntimeError()], ids=repr
)
async def test_worker_is_replaced_although_a_start_fails_in_a_way_that_nobody_foresaw(
    error: Exception, monkeypatch: pytest.MonkeyPatch
):
    start, errors = WorkerProcess.start, [error]

    async def failing(self: WorkerProcess, options: Header, timeout_s: float) -> None:
        if errors:
            raise errors.pop()
        await start(self, options, timeout_s)

    async with pool_of() as pool:
        monkeypatch.setattr(WorkerProcess, "start", failing)
        [pid] = pool.pids
        os.kill(pid, signal.SIGKILL)
        await until_replaced(pool, pid)
        assert len(await all_of(pool, {"do": "echo"})) == 1


async def test_reader_that_breaks_ends_its_worker_at_once(monkeypatch: pytest.MonkeyPatch):
    def broken(head: bytes) -> Header:
        raise ValueError("a bug")

    async with pool_of(timeout_s=30) as pool:
        with monkeypatch.context() as patch, pytest.raises(WorkerFailed):
            patch.setattr(worker_process, "header_of", broken)
            async with asyncio.timeout(10):
                await all_of(pool, {"do": "echo"})

        assert len(await all_of(pool, {"do": "echo"})) == 1


async def test_job_that_raises_fails_without_its_words_and_the_worker_lives():
    async with pool_of() as pool:
        before = pool.pids
        with pytest.raises(WorkerFailed) as failure:
            await all_of(pool, {"do": "raise"})
        await all_of(pool, {"do": "echo"})

        assert "secret" not in failure.value.facts
        assert pool.pids == before


async def test_job_that_is_at_fault_itself_says_why():
    async with pool_of() as pool:
        with pytest.raises(JobRefused) as refusal:
            await all_of(pool, {"do": "refuse"})

    assert (refusal.value.reason, refusal.value.facts) == ("too_long", "12 s")


async def test_worker_sees_nothing_of_the_servers_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "secret")
    async with pool_of() as pool:
        [(reply, _)] = await all_of(pool, {"do": "environment"})

    assert "AZURE_OPENAI_API_KEY" not in reply["names"]
    assert reply["threads"] == "1"


async def test_kind_that_cannot_load_fails_the_start_and_leaves_nothing():
    pool = WorkerPool(KIND, {"fails": True})

    with pytest.raises(WorkerFailed):
        await pool.start()

    assert not pool.is_ready
    with pytest.raises(WorkerFailed):
        await all_of(pool, {"do": "echo"})


async def test_closing_ends_the_processes_and_the_jobs_under_way():
    pool = WorkerPool(KIND, timeout_s=30)
    await pool.start()
    [pid] = pool.pids
    running = pool.run({"do": "count", "to": 1000, "each_s": 0.01})
    await anext(running)
    waiting = asyncio.create_task(all_of(pool, {"do": "echo"}))
    await asyncio.sleep(0)

    await pool.aclose()

    async with asyncio.timeout(10):
        with pytest.raises(WorkerFailed):
            _ = [frame async for frame in running]
        with pytest.raises(WorkerFailed):
            await waiting
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not pool.is_ready


async def test_pool_that_is_closed_as_soon_as_it_has_started_leaves_nothing():
    pool = WorkerPool(KIND, size=2)
    await pool.start()
    pids = pool.pids

    await pool.aclose()

    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

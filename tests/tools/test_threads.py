"""The threads in which plain tools run: bounded, their own, and never in the way of the process's end."""

import asyncio
import socket
import threading
import weakref
from contextvars import ContextVar

import pytest

from app.tools.threads import ThreadsBusy, ToolThreads

WHO = ContextVar("who", default="nobody")


async def hold(threads: ToolThreads, release: threading.Event) -> asyncio.Task[None]:
    """Keeps one thread busy until `release`."""
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        release.wait(30)

    task = asyncio.create_task(threads.run(work))
    await begun.wait()
    return task


async def test_function_runs_in_a_thread_and_its_result_comes_back():
    threads = ToolThreads(1)

    name = await threads.run(lambda: threading.current_thread().name)

    assert name == "tool-1"
    threads.close()


async def test_function_sees_the_callers_context():
    threads = ToolThreads(1)
    WHO.set("ana")

    assert await threads.run(WHO.get) == "ana"
    threads.close()


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()]
)
async def test_what_the_function_raises_is_raised_to_the_caller_and_the_thread_lives_on(error: BaseException):
    threads = ToolThreads(1)

    def work() -> None:
        raise error

    with pytest.raises(type(error)):
        await threads.run(work)

    assert await threads.run(lambda: "next") == "next"
    threads.close()


async def test_stop_iteration_does_not_end_the_callers_coroutine():
    threads = ToolThreads(1)

    with pytest.raises(RuntimeError, match="StopIteration"):
        await threads.run(lambda: next(iter([])))

    threads.close()


async def test_full_pool_says_so_at_once_and_is_free_again_when_a_function_returns():
    threads, release = ToolThreads(2), threading.Event()
    held = [await hold(threads, release) for _ in range(2)]

    for _ in range(40):
        with pytest.raises(ThreadsBusy):
            await threads.run(lambda: None)
    assert threads.busy == 2

    release.set()
    await asyncio.gather(*held)
    assert await threads.run(lambda: "free") == "free"
    assert threads.busy == 0
    threads.close()


async def test_names_are_looked_up_while_all_threads_are_used_up():
    threads, release = ToolThreads(2), threading.Event()
    held = [await hold(threads, release) for _ in range(2)]

    found = await asyncio.get_running_loop().getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)

    assert found
    release.set()
    await asyncio.gather(*held)
    threads.close()


async def test_thread_of_a_cancelled_call_stays_busy_until_its_function_returns():
    threads, release = ToolThreads(1), threading.Event()
    held = await hold(threads, release)

    held.cancel()
    await asyncio.wait({held})
    assert held.cancelled()
    assert threads.busy == 1
    with pytest.raises(ThreadsBusy):
        await threads.run(lambda: None)

    release.set()
    threads.close()


async def test_threads_are_started_as_they_are_needed_and_used_again():
    threads = ToolThreads(100)

    names = {await threads.run(lambda: threading.current_thread().name) for _ in range(20)}

    assert names == {"tool-1"}
    threads.close()


async def test_threads_do_not_keep_the_process_from_ending():
    threads = ToolThreads(1)

    assert await threads.run(lambda: threading.current_thread().daemon)
    threads.close()


async def test_closed_pool_ends_its_threads():
    threads = ToolThreads(2)
    thread = await threads.run(threading.current_thread)

    threads.close()
    await asyncio.to_thread(thread.join, 10)

    assert not thread.is_alive()


async def test_idle_thread_holds_on_to_nothing():
    class Result:
        pass

    threads, loop, gone = ToolThreads(1), asyncio.get_running_loop(), asyncio.Event()
    result = await threads.run(Result)
    watch = weakref.ref(result, lambda _: loop.call_soon_threadsafe(gone.set))

    del result
    async with asyncio.timeout(10):
        await gone.wait()

    assert watch() is None
    threads.close()


def test_thread_survives_the_loop_of_its_caller():
    threads, release, begun = ToolThreads(1), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        release.wait(30)

    async def give_up() -> None:
        task = asyncio.create_task(threads.run(work))
        await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        await asyncio.wait({task})

    async def try_again() -> str:
        async with asyncio.timeout(10):
            while True:
                try:
                    return str(await threads.run(lambda: "alive"))
                except ThreadsBusy:
                    await asyncio.sleep(0.01)

    asyncio.run(give_up())
    release.set()

    assert asyncio.run(try_again()) == "alive"
    threads.close()

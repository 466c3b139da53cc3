"""Tool calls run as tasks: each has a timeout and exactly one ending, whatever the tool does."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.chat import FunctionCall
from app.protocol.events import ResponseComplete, ToolFinished, ToolProgress, ToolStarted
from app.tools.base import ToolContext, ToolError
from app.tools.runner import STOP_GRACE_S
from tests.support.context import settings_with
from tests.support.scripted import Pause, Says, ScriptedModel, calls, says
from tests.support.talk import Workshop, talk
from tests.support.tool_bench import Args, Work, a_tool, bench, sleeping
from tests.support.virtual_time import run_virtual, virtual

# How a call ends


@virtual
async def test_call_runs_and_its_result_is_told():
    async with bench(sleeping(0.5)) as b:
        run = b.start()
        assert run.is_pending
        assert set(b.session.pending_tools) == {run.call_id} == set(b.runner.running)
        await b.ends(run)

        assert run.answer == {"status": "done", "result": "ok"}
        assert await b.seen() == [
            ToolStarted("turn_1", run.call_id, "work", "{}"),
            ToolFinished(run.call_id, "work", "done", 0.5, result="ok"),
        ]
        assert b.late == []


@virtual
async def test_tool_knows_its_call_and_its_deadline():
    seen: list[ToolContext] = []

    async def work(args: Args, ctx: ToolContext) -> None:
        seen.append(ctx)

    async with bench(a_tool(work, timeout_s=7)) as b:
        run = await b.ends(b.start())
        (ctx,) = seen

    assert (ctx.call_id, ctx.session_id, ctx.user_id, ctx.locale) == (run.call_id, "s1", "ana", "es")
    assert ctx.deadline == pytest.approx(7)


def raising(error: BaseException) -> Work:
    async def work(args: Args, ctx: ToolContext) -> None:
        raise error

    return work


def raising_in_a_thread(error: BaseException) -> Work:
    def work(args: Args, ctx: ToolContext) -> None:
        raise error

    return work


ERRORS = [
    ValueError("secret detail"),
    SystemExit(3),
    KeyboardInterrupt(),
    asyncio.CancelledError(),
    BaseException("x"),
    RecursionError(),
    StopIteration(),
]


@pytest.mark.parametrize("kind", [raising, raising_in_a_thread])
@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_tool_that_raises_has_failed_with_a_sentence_that_says_nothing_of_its_inside(
    kind: Callable[[BaseException], Work], error: BaseException, caplog: pytest.LogCaptureFixture
):
    async with bench(a_tool(kind(error))) as b:
        run = await b.ends(b.start())

        sentence = "ha ocurrido un error dentro de la herramienta."
        assert run.answer == {"status": "failed", "error": sentence}
        (end,) = await b.seen(ToolFinished)
        assert (end.status, end.error) == ("failed", sentence)
        assert await b.ends(b.start()), "the session lives"
    tracebacks = [r for r in caplog.records if r.exc_info and r.__dict__["call_id"] == run.call_id]
    assert len(tracebacks) == 1


@virtual
async def test_tool_that_says_what_it_cannot_do_is_heard():
    async with bench(a_tool(raising(ToolError("no hay papel.")))) as b:
        run = await b.ends(b.start())

    assert run.answer == {"status": "failed", "error": "no hay papel."}


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("a\0b\ud83d", "a\ufffdb?"),
        ("x" * 10**6, "x" * 500),
        ("", "ha ocurrido un error dentro de la herramienta."),
    ],
)
def test_sentence_of_a_tool_is_fit_to_be_sent_and_stored(sentence: str, told: str):
    @virtual
    async def scenario() -> None:
        async with bench(a_tool(raising(ToolError(sentence)))) as b:
            run = await b.ends(b.start())

        assert run.answer == {"status": "failed", "error": told}

    scenario()


@virtual
async def test_tool_that_hangs_is_timed_out_cancelled_and_awaited():
    cleaned_up: list[float] = []

    async def work(args: Args, ctx: ToolContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.25)
            cleaned_up.append(ctx.clock.monotonic())

    async with bench(a_tool(work), tool_timeout_s=20) as b:
        run = await b.ends(b.start())

        assert cleaned_up == [20.25]
        (end,) = await b.seen(ToolFinished)
        assert (end.status, end.elapsed_s) == ("timed_out", 20.25)
        assert run.answer is not None and "20.0 segundos" in run.answer["error"]


@virtual
async def test_limit_of_a_tool_of_its_own_counts_before_the_servers():
    async with bench(sleeping(100, timeout_s=3), tool_timeout_s=20) as b:
        await b.ends(b.start())

        (end,) = await b.seen(ToolFinished)
        assert (end.status, end.elapsed_s) == ("timed_out", 3)


@virtual
async def test_tool_that_raises_in_its_clean_up_has_still_timed_out():
    async def work(args: Args, ctx: ToolContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("in the clean-up")

    async with bench(a_tool(work), tool_timeout_s=1) as b:
        run = await b.ends(b.start())

    assert run.answer is not None and run.answer["status"] == "timed_out"


@virtual
async def test_tool_that_swallows_its_cancellation_is_told_a_second_later_and_its_result_is_dropped():
    release = asyncio.Event()

    async def work(args: Args, ctx: ToolContext) -> str:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return "too late"

    async with bench(a_tool(work), tool_timeout_s=5) as b:
        run = await b.ends(b.start())
        assert len(b.host.stuck) == 1
        (end,) = await b.seen(ToolFinished)
        assert (end.status, end.elapsed_s) == ("timed_out", 5 + STOP_GRACE_S)

        release.set()
        await asyncio.sleep(1)

        assert b.host.stuck == set()
        assert await b.seen() == []
        assert run.answer is not None and run.answer["status"] == "timed_out"


@virtual
async def test_result_without_a_plain_form_is_a_failure():
    cycle: list[Any] = []
    cycle.append(cycle)

    async def work(args: Args, ctx: ToolContext) -> Any:
        return cycle

    async with bench(a_tool(work)) as b:
        run = await b.ends(b.start())

    assert run.answer == {"status": "failed", "error": "el resultado no se puede convertir en texto."}


@virtual
async def test_huge_result_is_cut_to_the_setting_and_marked():
    async def work(args: Args, ctx: ToolContext) -> str:
        return "x" * 10**8

    async with bench(a_tool(work), tool_result_max_chars=100) as b:
        run = await b.ends(b.start())

    assert run.answer == {"status": "done", "result": "x" * 100, "truncated": True}


# Calls that do not run


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [("nope", {}, "las que hay son: work"), ("work", {"tag": 5}, "tag: ")],
)
def test_call_that_cannot_run_has_its_answer_at_once(name: str, arguments: dict[str, Any], why: str):
    @virtual
    async def scenario() -> None:
        async with bench(sleeping(1)) as b:
            run = b.start(name, arguments)

            assert run.answer is not None and why in run.answer["error"]
            (end,) = await b.seen()
            assert (end.call_id, end.status) == (run.call_id, "failed")
            assert b.session.pending_tools == {}

    scenario()


@virtual
async def test_call_that_is_refused_is_answered_with_the_sentence():
    async with bench(sleeping(1)) as b:
        run = b.runner.refuse(FunctionCall("m", "wo rk", "{nope"), "turn_1", "demasiadas.")

    assert (run.name, run.arguments) == ("wo_rk", "{}")
    assert run.answer == {"status": "failed", "error": "demasiadas."}


@virtual
async def test_effect_that_cannot_be_told_counts_as_a_write():
    def effect(args: Args) -> Any:
        raise KeyError(args.tag)

    async with bench(sleeping(0, effect=effect)) as b:
        first = b.start()
        second = b.start()
        await b.ends(first)

        assert second.repeats is first
        assert b.runner.answer_to(second) == {"status": "done", "result": "ok", "call_id": first.call_id}


@virtual
async def test_reads_are_repeated_and_writes_are_not():
    shop = Workshop()
    async with bench(shop.tool("look"), shop.tool("send", "write")) as b:
        runs = [b.start(name) for name in ("look", "look", "send", "send")]
        assert b.runner.answer_to(runs[3]) == {"status": "running", "call_id": runs[2].call_id}
        await b.runner.wait(runs)

    assert shop.runs == [("look", ""), ("look", ""), ("send", "")]


@virtual
async def test_write_is_run_again_once_the_user_has_spoken():
    shop = Workshop()
    async with bench(shop.tool("send", "write")) as b:
        await b.ends(b.start("send"))
        b.runner.user_spoke()
        await b.ends(b.start("send"))

    assert len(shop.runs) == 2


# How long a turn waits


@virtual
async def test_turn_waits_for_as_long_as_it_may_and_cancels_nothing():
    async with bench(sleeping(3, name="slow"), sleeping(0.2, name="quick"), tool_inline_wait_s=1) as b:
        runs = [b.start("slow"), b.start("quick")]
        await b.runner.wait(runs)

        assert b.host.clock.monotonic() == 1
        assert [run.is_pending for run in runs] == [True, False]
        await b.ends(runs[0])
        assert runs[0].answer == {"status": "done", "result": "ok"}


@virtual
async def test_turn_waits_no_longer_than_the_tools_need():
    async with bench(sleeping(0.3), tool_inline_wait_s=100) as b:
        await b.runner.wait([b.start(), b.start()])

        assert b.host.clock.monotonic() == pytest.approx(0.3)


@virtual
async def test_tool_may_ask_the_turn_for_patience():
    async with bench(sleeping(4, inline_wait_s=5), tool_inline_wait_s=1) as b:
        run = b.start()
        await b.runner.wait([run])

    assert run.answer == {"status": "done", "result": "ok"}


@virtual
async def test_turn_does_not_wait_for_calls_that_have_their_answer():
    async with bench(sleeping(1)) as b:
        await b.runner.wait([b.start("nope")])
        await b.runner.wait([])

        assert b.host.clock.monotonic() == 0


@virtual
async def test_call_that_ends_after_its_turn_is_handed_on_once():
    async with bench(sleeping(3)) as b:
        run = b.start()
        run.detach()
        await b.ends(run)

        assert b.late == [run]


# Progress


@virtual
async def test_running_tool_is_heard_of_in_each_interval_until_its_end():
    async with bench(sleeping(12), tool_progress_interval_s=5) as b:
        run = await b.ends(b.start())
        await asyncio.sleep(20)

        heard = await b.seen(ToolProgress, ToolFinished)
    assert heard == [
        ToolProgress(run.call_id, "work", 5),
        ToolProgress(run.call_id, "work", 10),
        ToolFinished(run.call_id, "work", "done", 12, result="ok"),
    ]


@virtual
async def test_flood_of_reports_is_told_at_once_and_then_once_in_each_interval():
    async def work(args: Args, ctx: ToolContext) -> None:
        for n in range(10_000):
            ctx.progress(f"paso {n}", n / 10_000)
            await asyncio.sleep(0.001)
        ctx.progress("fin", 1)

    async with bench(a_tool(work), tool_progress_interval_s=4) as b:
        await b.ends(b.start())

        heard = await b.seen(ToolProgress, ToolFinished)
    assert [type(event) for event in heard] == [ToolProgress, ToolProgress, ToolProgress, ToolFinished]
    assert heard[0].message == "paso 0"
    assert [round(event.elapsed_s) for event in heard[:3]] == [0, 4, 8]


async def test_report_from_a_thread_that_was_given_up_is_not_told():
    release, done = threading.Event(), threading.Event()

    def work(args: Args, ctx: ToolContext) -> None:
        release.wait(30)
        ctx.progress("demasiado tarde")
        done.set()

    async with bench(a_tool(work), tool_timeout_s=0.05) as b:
        await b.ends(b.start())
        release.set()
        await asyncio.to_thread(done.wait, 30)
        await asyncio.sleep(0)

        assert [type(event) for event in await b.seen()] == [ToolStarted, ToolFinished]


# Threads


async def test_plain_function_runs_in_a_thread_of_its_own_pool_and_the_loop_goes_on():
    loop = asyncio.get_running_loop()
    reached, release = asyncio.Event(), threading.Event()

    def work(args: Args, ctx: ToolContext) -> str:
        ctx.progress("en ello")
        loop.call_soon_threadsafe(reached.set)
        release.wait(30)
        return threading.current_thread().name

    async with bench(a_tool(work)) as b:
        run = b.start()
        await reached.wait()
        release.set()
        await b.ends(run)

        assert run.answer == {"status": "done", "result": "tool-1"}
        assert [event.message for event in await b.seen(ToolProgress)] == ["en ello"]


async def test_call_without_a_free_thread_fails_at_once():
    release = threading.Event()

    def work(args: Args, ctx: ToolContext) -> None:
        release.wait(30)

    async with bench(a_tool(work), sleeping(0, name="other"), threads=2) as b:
        held = [b.start(), b.start()]
        await asyncio.sleep(0)
        refused = [await b.ends(b.start()) for _ in range(38)]
        other = await b.ends(b.start("other"))

        sentence = "todas las herramientas están ocupadas; inténtalo dentro de un momento."
        assert all(run.answer == {"status": "failed", "error": sentence} for run in refused)
        assert other.answer == {"status": "done", "result": "ok"}
        release.set()
        for run in held:
            assert (await b.ends(run)).answer == {"status": "done", "result": None}


async def test_blocking_function_that_never_returns_is_timed_out():
    release = threading.Event()

    def work(args: Args, ctx: ToolContext) -> None:
        release.wait(30)

    async with bench(a_tool(work), tool_timeout_s=0.05) as b:
        run = await b.ends(b.start())

        assert run.answer is not None and run.answer["status"] == "timed_out"
        assert b.host.threads.busy == 1
        release.set()


# The end of a session


@virtual
async def test_closing_cancels_what_runs_and_waits_for_it():
    async with bench(sleeping(100)) as b:
        runs = [b.start() for _ in range(3)]
        await asyncio.sleep(1)
        await b.runner.aclose()

        assert [run.ending and run.ending.status for run in runs] == ["cancelled"] * 3
        assert len(await b.seen(ToolFinished)) == 3


@virtual
async def test_call_that_is_cancelled_in_the_tick_of_its_start_ends_once():
    async with bench(sleeping(100)) as b:
        run = b.start()
        await b.runner.aclose()

        assert run.ending is not None and run.ending.status == "cancelled"
        assert [event.status for event in await b.seen(ToolFinished)] == ["cancelled"]
        assert b.session.pending_tools == {}


@virtual
async def test_closing_waits_no_longer_than_a_moment_for_a_tool_that_will_not_stop():
    release = asyncio.Event()

    async def work(args: Args, ctx: ToolContext) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async with bench(a_tool(work)) as b:
        b.start()
        await asyncio.sleep(0)
        await b.runner.aclose()

        assert b.host.clock.monotonic() == STOP_GRACE_S
        release.set()
        await asyncio.sleep(0.1)


@virtual
async def test_call_that_is_cancelled_twice_ends_once():
    async def work(args: Args, ctx: ToolContext) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(0.5)

    async with bench(a_tool(work)) as b:
        run = b.start()
        await asyncio.sleep(1)
        assert run.task is not None
        run.task.cancel()
        await asyncio.sleep(0.1)
        run.task.cancel()
        await asyncio.sleep(1)

        assert [event.status for event in await b.seen(ToolFinished)] == ["cancelled"]
        assert b.host.stuck == set()


def test_late_result_of_a_closed_talk_is_dropped_with_one_line(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)

    @virtual
    async def scenario() -> None:
        async with talk(
            ScriptedModel([calls(("slow", {"seconds": 9})), says("Voy.")]), [Workshop().tool("slow")]
        ) as t:
            t.says("ve")
            await t.passes(3)
            await t.conversation.aclose()
            await t.passes(20)

            assert not t.conversation.is_busy

    scenario()
    dropped = [record for record in caplog.records if record.message == "tool_result_dropped"]
    assert [record.levelname for record in dropped] == ["DEBUG"]


# Races


times = st.sampled_from([0, 0.5, 0.999, 1.0, 1.001, 2])


@given(seconds=times, timeout_s=times.filter(bool), cancel_at=st.none() | times, detach_at=st.none() | times)
@hypothesis_settings(deadline=None)
def test_call_that_ends_in_the_tick_of_its_timeout_or_cancel_has_one_ending(
    seconds: float, timeout_s: float, cancel_at: float | None, detach_at: float | None
):
    async def at(moment: float | None, act: Callable[[], Any]) -> None:
        if moment is not None:
            await asyncio.sleep(moment)
            act()

    async def scenario() -> None:
        async with bench(sleeping(seconds, timeout_s=timeout_s)) as b:
            run = b.start()
            assert run.task is not None
            was_detached = False

            def detach() -> None:
                nonlocal was_detached
                if run.is_pending:
                    run.detach()
                    was_detached = True

            waits: list[Awaitable[Any]] = [at(cancel_at, run.task.cancel), at(detach_at, detach)]
            await asyncio.gather(*waits)
            await b.ends(run)
            ends = await b.seen(ToolFinished)

            assert len(ends) == 1
            assert run.answer is not None and run.answer["status"] == ends[0].status
            assert b.late == [run] * was_detached
            assert ends[0].elapsed_s <= min(m for m in (seconds, timeout_s, cancel_at) if m is not None)

    run_virtual(scenario())


@virtual
async def test_fifty_results_that_come_at_once_during_a_turn_are_told_together_after_it():
    shop = Workshop()
    fifty = calls(*(("slow", {"seconds": 3, "result": f"r{n}", "tag": str(n)}) for n in range(50)))

    def answer(request: Any) -> Any:
        if len(model.requests) == 1:
            return fifty
        if len(model.requests) == 3:
            return [Says("Sigo"), Pause(5), Says(" aquí.")]
        return says("Voy.") if len(model.requests) == 2 else says("Todos.")

    model = ScriptedModel(answer)
    async with talk(model, [shop.tool("slow")], settings_with(max_tool_calls=50)) as t:
        t.says("cincuenta")
        await t.passes(2)
        t.says("¿sigues?")
        await t.rests()

        assert t.answers() == ["Voy.", "Sigo aquí.", "Todos."]
        assert len(t.events(ResponseComplete)) == 3
    told = [orjson.loads(m["content"]) for m in model.requests[-1].messages if m["role"] == "tool"]
    assert sorted(m["result"] for m in told if m["status"] == "done") == sorted(f"r{n}" for n in range(50))

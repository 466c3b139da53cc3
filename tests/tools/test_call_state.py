"""The states of a tool call: one table, which the runner keeps whatever happens to a call."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.errors import UnknownCall
from app.protocol.events import ApprovalRequested, ToolFinished, ToolStarted, ToolStatus
from app.tools.base import ToolContext, ToolError
from app.tools.call_state import CALL_MOVES, ENDINGS, CallState, IllegalCallMove, check_call_move
from app.tools.tool_call import DeliveryMode, ToolCall, ToolOutcome
from tests.support.tool_bench import Args, Bench, a_tool, bench
from tests.support.virtual_time import run_virtual

TABLE = {
    "asked": "repeated waiting_for_approval starting failed",
    "repeated": "",
    "waiting_for_approval": "starting cancelled interrupted",
    "starting": "running failed timed_out cancelled interrupted",
    "running": "done failed timed_out cancelled interrupted",
    "done": "delivered",
    "failed": "delivered",
    "timed_out": "delivered",
    "cancelled": "delivered",
    "interrupted": "delivered",
    "delivered": "",
}


def a_call(*path: str, effect: Any = "write") -> ToolCall:
    call = ToolCall("c1", "t1", "send", "{}", 0.0, effect)
    for state in path:
        if state in ENDINGS:
            call.end(ToolOutcome(state, error="no."))  # pyright: ignore[reportArgumentType]
        else:
            call.move_to(CallState(state))
    return call


def test_table_has_exactly_these_moves():
    assert {str(source): set(map(str, targets)) for source, targets in CALL_MOVES.items()} == {
        source: set(targets.split()) for source, targets in TABLE.items()
    }


@pytest.mark.parametrize(("source", "target"), [*itertools.product(CallState, CallState)])
def test_move_is_allowed_where_the_table_has_it(source: CallState, target: CallState):
    if target in TABLE[source].split():
        check_call_move(source, target)
    else:
        with pytest.raises(IllegalCallMove, match=f"{source} -> {target}"):
            check_call_move(source, target)


def test_endings_are_the_statuses_that_clients_are_told():
    assert set(map(str, ENDINGS)) == set(get_args(ToolStatus))


def test_nobody_can_change_the_table():
    with pytest.raises(TypeError):
        CALL_MOVES[CallState.DONE] = frozenset()  # pyright: ignore[reportIndexIssue]


def test_second_ending_raises_and_changes_nothing():
    call = a_call("starting", "running", "done")

    with pytest.raises(IllegalCallMove, match="done -> failed"):
        call.end(ToolOutcome("failed", error="tarde."))

    assert call.state is CallState.DONE
    assert call.ending is not None and call.ending.status == "done"


def test_call_that_has_not_begun_has_no_result():
    with pytest.raises(IllegalCallMove, match="starting -> done"):
        a_call("starting").end(ToolOutcome("done"))


def test_ending_is_told_once_however_often_that_is_said():
    call = a_call("starting", "running", "failed")

    call.deliver()
    call.deliver()

    assert call.path.count(CallState.DELIVERED) == 1


@pytest.mark.parametrize(
    ("path", "effect", "is_unknown"),
    [
        ("starting running timed_out", "write", True),
        ("starting running cancelled", "write", True),
        ("starting running cancelled delivered", "write", True),
        ("starting running interrupted", "write", True),
        ("starting running failed", "write", False),
        ("starting running done", "write", False),
        ("starting cancelled", "write", False),
        ("waiting_for_approval cancelled", "write", False),
        ("waiting_for_approval starting running cancelled", "write", True),
        ("starting running timed_out", "read", False),
    ],
)
def test_outcome_is_unknown_of_a_write_that_had_begun(path: str, effect: str, is_unknown: bool):
    assert a_call(*path.split(), effect=effect).is_unknown is is_unknown


@pytest.mark.parametrize("has_begun", [True, False])
@pytest.mark.parametrize("is_told", [True, False])
def test_call_of_an_earlier_life_stands_as_the_store_has_it(has_begun: bool, is_told: bool):
    before = a_call("starting")

    call = ToolCall.restored(
        before.start_note(), ToolOutcome("interrupted"), None, has_begun=has_begun, is_told=is_told
    )

    assert call.state is (CallState.DELIVERED if is_told else CallState.INTERRUPTED)
    assert (call.has_begun, call.is_untold, call.is_unknown) == (has_begun, not is_told, has_begun)
    assert call.end_note().outcome == ("unknown" if has_begun else "none")
    assert [*itertools.pairwise(call.path)] == [
        (source, target) for source, target in itertools.pairwise(call.path) if target in CALL_MOVES[source]
    ]


# Whatever happens to a call


@dataclass
class Job:
    """What a tool does: how long it works, how it ends, how long it cleans up when it is cancelled."""

    works_s: float
    cleans_s: float
    fails: bool

    async def work(self, args: Args, ctx: ToolContext) -> str:
        try:
            await asyncio.sleep(self.works_s)
        finally:
            await asyncio.sleep(self.cleans_s)
        if self.fails:
            raise ToolError("no puede ser.")
        return "ok"


def act_on(b: Bench, run: ToolCall, act: str) -> None:
    """Do to a call what a person, a turn or the server may do at any moment."""
    acts: dict[str, Callable[[], Any]] = {
        "approve": lambda: b.runner.approvals.answer(run.call_id, approved=True),
        "deny": lambda: b.runner.approvals.answer(run.call_id, approved=False),
        "cancel": lambda: b.runner.cancel(run.call_id),
        "cancel_reads": lambda: b.runner.cancel_reads(run.turn_id),
        "break": lambda: run.task.cancel() if run.task is not None else None,
        "detach": run.detach,
        "deliver": lambda: None if run.is_pending else run.deliver(),
        "ask_again": b.runner.approvals.ask_again,
    }
    try:
        acts[act]()
    except UnknownCall:
        assert act in ("approve", "deny", "cancel"), "only what a client sends may come too late"


ACTS = ("approve", "deny", "cancel", "cancel_reads", "break", "detach", "deliver", "ask_again")
MOMENTS = st.sampled_from([0, 0.5, 1.0, 1.5, 2.0, 3.0])


@given(
    job=st.builds(Job, MOMENTS, st.sampled_from([0, 0.5, 3]), st.booleans()),
    effect=st.sampled_from(["read", "write"]),
    approval=st.booleans(),
    timeout_s=st.sampled_from([0.5, 1.0, 2.0]),
    expires_s=st.sampled_from([1, 2]),
    acts=st.lists(st.tuples(MOMENTS, st.sampled_from(ACTS)), max_size=6),
    closes_at=st.none() | MOMENTS,
)
@hypothesis_settings(deadline=None)
def test_call_has_one_ending_and_makes_no_move_outside_the_table(
    job: Job,
    effect: str,
    approval: bool,
    timeout_s: float,
    expires_s: int,
    acts: list[tuple[float, str]],
    closes_at: float | None,
):
    tool = a_tool(job.work, effect=effect, approval=approval, timeout_s=timeout_s)
    moments = [*acts, (closes_at, "close")] if closes_at is not None else acts

    async def scenario() -> None:
        async with bench(tool, tool_approval="writes", approval_timeout_s=expires_s) as b:
            failures: list[Any] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
            run = b.start()
            closing: list[asyncio.Task[None]] = []
            for moment, act in sorted(moments, key=lambda item: item[0]):
                await asyncio.sleep(moment - b.host.clock.monotonic())
                if act == "close":
                    closing.append(asyncio.create_task(b.runner.aclose("shutdown")))
                else:
                    act_on(b, run, act)
            await b.ends(run)
            await asyncio.sleep(10)
            await asyncio.gather(*closing)
            run.deliver()
            assert failures == []
            assert_one_life(run, b, await b.seen())

    run_virtual(scenario())


def assert_one_life(run: ToolCall, b: Bench, seen: list[Any]) -> None:
    """The path keeps to the table, and what was said of the call is what the path says."""
    assert all(target in CALL_MOVES[source] for source, target in itertools.pairwise(run.path))
    [ending] = [state for state in run.path if state in ENDINGS]
    assert run.path[-2:] == [ending, CallState.DELIVERED]
    [finished] = [event for event in seen if isinstance(event, ToolFinished)]
    assert finished.status == ending
    started = [event for event in seen if isinstance(event, ToolStarted)]
    assert len(started) == (CallState.STARTING in run.path)
    asked = [event for event in seen if isinstance(event, ApprovalRequested)]
    assert bool(asked) <= run.needed_approval
    assert run.has_begun or ending is not CallState.DONE
    assert len(b.late) <= (run.delivery.mode is DeliveryMode.IN_BACKGROUND)

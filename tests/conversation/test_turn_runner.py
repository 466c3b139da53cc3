"""One turn at a time, ended by the model, by an error or by the user, and its ending said in one way."""

import asyncio
from typing import Any

import pytest

from app.chat import TokenUsage
from app.conversation.outcome import TurnOutcome
from app.conversation.turn import Turn
from app.errors import AgentError, Internal, LlmUnavailable
from app.llm.base import ChatRequest
from app.protocol.events import (
    ErrorOccurred,
    Interrupted,
    ResponseChunk,
    ResponseComplete,
    StateChanged,
    TurnStarted,
)
from app.protocol.v2.history import describe_entry
from app.session.state import SessionState
from tests.support.scripted import Answer, Calls, Ends, Fails, Pause, Says, ScriptedModel, calls, says
from tests.support.stage import Stage, stage
from tests.support.talk import Workshop
from tests.support.virtual_time import virtual


def begin(s: Stage, source: Any = "user", **options: Any) -> Turn:
    history = s.session.conversation_history
    history.begin_turn("turn_1")
    history.add_user("hola")
    return s.turns.begin("turn_1", source, **options)


async def after(s: Stage, seconds: float, turn: Turn, *, listens: bool = True) -> TurnOutcome:
    """Runs a turn that the user interrupts after so many seconds."""
    running = asyncio.create_task(s.turns.run(turn))
    await asyncio.sleep(seconds)
    if listens:
        await s.seen()
    assert s.turns.interrupt()
    return await running


@pytest.mark.parametrize("source", ["user", "tool", "agent"])
def test_turn_says_at_its_start_that_it_begins(source: Any) -> None:
    @virtual
    async def test() -> None:
        async with stage(ScriptedModel([])) as s:
            begin(s, source)

            assert await s.seen() == [TurnStarted("turn_1", source)]

    test()


@virtual
async def test_turn_that_ends_well_says_its_text_and_its_numbers() -> None:
    script = [[Pause(1), Says("Ho"), Says("la"), Pause(1), Ends("stop", TokenUsage(5, 6))]]
    async with stage(ScriptedModel(script)) as s:
        accepted_at = asyncio.get_running_loop().time()
        await asyncio.sleep(2)
        turn = begin(s)
        outcome = await s.turns.run(turn)
        assert outcome.kind == "answered"
        await s.turns.finish(turn, outcome, accepted_at=accepted_at)
        *_, complete, state = await s.seen()

    assert isinstance(complete, ResponseComplete) and complete.timings is not None
    assert (complete.finish_reason, complete.text, complete.usage) == ("stop", "Hola", TokenUsage(5, 6))
    timings = complete.timings
    assert (timings.queued, timings.first_token, timings.total) == (2000, 1000, 4000)
    assert state == StateChanged("idle")
    assert [entry["content"] for entry in [describe_entry(e) for e in s.session.transcript]] == ["Hola"]


@virtual
async def test_turn_that_the_agent_began_has_waited_for_nobody() -> None:
    async with stage(ScriptedModel([says("Ya.")])) as s:
        turn = begin(s, "tool")
        outcome = await s.turns.run(turn)
        assert outcome.kind == "answered"
        await s.turns.finish(turn, outcome)
        (complete,) = await s.seen(ResponseComplete)

    assert (complete.timings.queued, complete.timings.total) == (0, 0)


@virtual
async def test_turn_ends_to_its_tools_while_they_run() -> None:
    script = [calls(("slow", {"seconds": 20})), says("Voy.")]
    async with stage(ScriptedModel(script), Workshop().tool("slow")) as s:
        turn = begin(s)
        outcome = await s.turns.run(turn)
        assert outcome.kind == "answered"
        await s.turns.finish(turn, outcome)
        *_, state = await s.seen()

        assert s.session.state is SessionState.PROCESSING_TOOL
    assert state == StateChanged("processing_tool")


@virtual
async def test_error_of_the_model_is_an_outcome() -> None:
    async with stage(ScriptedModel([[Says("Pues "), Fails(LlmUnavailable())]])) as s:
        turn = begin(s)
        outcome = await s.turns.run(turn)
        assert isinstance(outcome.error, LlmUnavailable)
        await s.turns.finish(turn, outcome)
        *_, error, state = await s.seen()

    assert error == ErrorOccurred(outcome.error, "turn_1")
    assert state == StateChanged("idle")
    assert s.remembered() == [("user", "hola"), ("assistant", "Pues ")]


@virtual
async def test_bug_is_an_internal_error_with_a_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def breaks(request: ChatRequest) -> Answer:
        raise ZeroDivisionError

    async with stage(ScriptedModel(breaks)) as s:
        outcome = await s.turns.run(begin(s))

    assert isinstance(outcome.error, Internal)
    assert [record.message for record in caplog.records if record.exc_info] == ["internal"]


@pytest.mark.parametrize(
    ("source", "words", "is_agents"),
    [("user", [], False), ("tool", [], True), ("tool", ["Pues "], False), ("agent", [], True)],
)
def test_only_a_silent_failure_of_the_agent_is_its_own_affair(
    source: Any, words: list[str], is_agents: bool
) -> None:
    @virtual
    async def test() -> None:
        async with stage(ScriptedModel([[*says(*words), Fails(LlmUnavailable())]])) as s:
            turn = begin(s, source)
            outcome = await s.turns.run(turn)
            assert isinstance(outcome.error, AgentError)
            await s.turns.finish(turn, outcome)
            (error,) = await s.seen(ErrorOccurred)

        assert error.is_agents is is_agents

    test()


@virtual
async def test_interrupted_turn_leaves_what_was_heard() -> None:
    script = [[Says("uno "), Pause(5), Says("dos")]]
    async with stage(ScriptedModel(script)) as s:
        turn = begin(s)
        outcome = await after(s, 1, turn)
        await s.turns.finish(turn, outcome)
        events = await s.seen()
        (entry,) = [describe_entry(e) for e in s.session.transcript]

    assert outcome == TurnOutcome("interrupted", "uno ")
    interrupted, complete, state = events
    assert interrupted == Interrupted("turn_1", "uno ")
    assert (complete.finish_reason, complete.text) == ("interrupted", "uno ")
    assert state == StateChanged("idle")
    assert (entry["content"], entry["interrupted"]) == ("uno ", True)
    assert s.remembered() == [("user", "hola"), ("assistant", "uno ")]


@virtual
async def test_words_that_had_not_left_were_not_heard() -> None:
    async with stage(ScriptedModel([[Says("uno "), Says("dos"), Pause(5)]])) as s:
        turn = begin(s)
        outcome = await after(s, 1, turn, listens=False)

        assert await s.seen(ResponseChunk) == []
    assert outcome == TurnOutcome("interrupted", "")
    assert s.remembered() == [("user", "hola")]


@virtual
async def test_interrupted_call_goes_on_and_its_announcement_is_cut() -> None:
    shop = Workshop()
    script = [[Says("Voy "), Says("a mirar."), Calls([("slow", {"seconds": 3})])]]
    async with stage(ScriptedModel(script), shop.tool("slow"), tool_inline_wait_s=2) as s:
        turn = begin(s)
        outcome = await after(s, 1, turn, listens=False)
        await asyncio.sleep(5)

        assert [run.name for run in s.line] == ["slow"]
    assert outcome == TurnOutcome("interrupted", "")
    assert s.remembered() == [("user", "hola"), ("assistant", None)]


@virtual
async def test_nothing_is_interrupted_where_nothing_runs() -> None:
    async with stage(ScriptedModel([says("Hola")])) as s:
        assert not s.turns.interrupt()
        turn = begin(s)
        assert not s.turns.interrupt()
        await s.turns.run(turn)
        assert not s.turns.interrupt("turn_1")
        assert s.turns.running_turn is None


@virtual
async def test_turn_is_interrupted_once_and_only_under_its_own_id() -> None:
    async with stage(ScriptedModel([[Pause(5)]])) as s:
        turn = begin(s)
        running = asyncio.create_task(s.turns.run(turn))
        await asyncio.sleep(1)

        assert s.turns.running_turn is turn
        assert not s.turns.interrupt("turn_0")
        assert s.turns.interrupt("turn_1")
        assert not s.turns.interrupt()
        assert await running == TurnOutcome("interrupted", "")


@virtual
async def test_turn_that_has_ended_in_the_same_moment_is_not_interrupted() -> None:
    async with stage(ScriptedModel([[Says("Hola"), Pause(1)]])) as s:
        turn = begin(s)
        answers: list[bool] = []
        asyncio.get_running_loop().call_later(1, lambda: answers.append(s.turns.interrupt()))
        outcome = await s.turns.run(turn)

        assert (outcome.kind == "interrupted") is answers[0]


@virtual
async def test_turn_without_tools_is_offered_none() -> None:
    script = [says("a"), says("b")]
    async with stage(ScriptedModel(script), Workshop().tool("look")) as s:
        await s.turns.run(begin(s))
        await s.turns.run(begin(s, with_tools=False))

    assert [bool(request.tools) for request in s.model.requests] == [True, False]


@virtual
async def test_closing_session_cancels_its_turn_and_waits_for_it() -> None:
    async with stage(ScriptedModel([[Says("Ho"), Pause(100)]])) as s:
        running = asyncio.create_task(s.turns.run(begin(s)))
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.wait({running})

        assert running.cancelled()
        assert s.model.open_streams == 0
    assert s.remembered() == [("user", "hola"), ("assistant", "Ho")]


@virtual
async def test_turn_under_which_something_is_cancelled_that_nobody_cancelled_fails() -> None:
    def cancelled(request: ChatRequest) -> Answer:
        raise asyncio.CancelledError

    async with stage(ScriptedModel(cancelled)) as s:
        outcome = await s.turns.run(begin(s))

    assert isinstance(outcome.error, Internal)

"""One turn: the model is asked, its tools run, it is asked again, until it has answered."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest

from app.chat import TokenUsage
from app.conversation.early_answer import Drafts
from app.conversation.model_request import RequestBuilder
from app.conversation.turn import Turn, TurnEnd, TurnParts
from app.errors import (
    AgentError,
    ContentFiltered,
    ContextTooLong,
    Internal,
    LlmCut,
    LlmUnavailable,
    TurnTimeout,
)
from app.llm.base import ChatRequest, Completion
from app.protocol.events import Event, ResponseChunk, StateChanged, ToolFinished
from app.session.history import History
from app.session.message_rules import validate
from app.session.outbox import Outbox
from app.session.record import ConversationRecord
from app.session.voice_session import VoiceSession
from app.tools.base import Tool
from app.tools.runner import ToolHost, ToolRunner
from app.tools.threads import ToolThreads
from app.tools.tool_call import ToolCall
from app.tools.tool_list import ToolRegistry
from tests.support.context import settings_with
from tests.support.scripted import (
    Answer,
    Calls,
    Ends,
    Fails,
    Pause,
    Says,
    ScriptedModel,
    calls,
    last_text,
    says,
)
from tests.support.talk import NoTransport, Workshop
from tests.support.virtual_time import VirtualClock, virtual


@dataclass
class Stage:
    """A turn about to run, and the session that it writes to."""

    turn: Turn
    session: VoiceSession
    model: ScriptedModel
    late: list[ToolCall]

    @property
    def history(self) -> History:
        return self.session.conversation_history

    async def seen(self, *kinds: type) -> list[Any]:
        events: list[Event] = [await self.session.outbox.take() for _ in range(len(self.session.outbox))]
        return [event for event in events if isinstance(event, kinds or object)]

    async def said(self) -> str:
        return "".join(chunk.content for chunk in await self.seen(ResponseChunk))

    def remembered(self) -> list[tuple[str, Any]]:
        return [(m["role"], m["content"]) for m in self.history if m["role"] != "tool"]


@asynccontextmanager
async def stage(
    model: ScriptedModel,
    *tools: Tool,
    source: Any = "user",
    with_tools: bool = True,
    max_history_tokens: int = 10**6,
    **settings: Any,
) -> AsyncIterator[Stage]:
    chosen, clock = settings_with(**settings), VirtualClock()
    history, outbox = History("Eres amable.", max_history_tokens), Outbox(10**6, 10**9)
    session = VoiceSession("s1", NoTransport(), "ana", history, outbox, clock.now(), clock.now())
    host = ToolHost(ToolRegistry(tools), chosen, clock, httpx.AsyncClient(verify=False), ToolThreads(1))
    late: list[ToolCall] = []
    runner = ToolRunner(host, session, late.append)
    history.begin_turn("turn_1")
    history.add_user("hola")
    asking = RequestBuilder(session, runner, chosen)
    drafts = Drafts(session, model, asking, chosen.max_response_chars)
    parts = TurnParts(session, ConversationRecord(session), model, runner, asking, drafts, chosen)
    turn = Turn("turn_1", source, parts, with_tools=with_tools)
    try:
        yield Stage(turn, session, model, late)
    finally:
        await runner.aclose()
        await host.aclose()
    assert model.invalid == []
    assert model.open_streams == 0
    assert validate(history) == []


# What is said


@virtual
async def test_answer_is_said_as_it_comes_and_remembered_whole():
    async with stage(ScriptedModel([says("Ho", "la.")])) as s:
        end = await s.turn.run()

        assert end == TurnEnd("stop", Completion("stop"))
        assert await s.seen() == [
            StateChanged("thinking"),
            StateChanged("speaking"),
            ResponseChunk("turn_1", "Hola."),
        ]
        assert s.remembered() == [("user", "hola"), ("assistant", "Hola.")]


@virtual
async def test_silent_turn_leaves_no_chunk_on_the_wire():
    async with stage(ScriptedModel([[]]), source="tool") as s:
        await s.turn.run()

        assert not s.turn.has_spoken
        assert await s.seen(ResponseChunk) == []


@virtual
async def test_rounds_stand_apart_on_the_wire_and_in_the_history():
    script = [[Says("Voy a mirar."), Calls([("work", {})])], says("Mirado."), says("nunca")]
    async with stage(ScriptedModel(script), Workshop().tool("work")) as s:
        await s.turn.run()

        assert await s.said() == "Voy a mirar.\n\nMirado."
        assert s.remembered()[1:] == [("assistant", "Voy a mirar."), ("assistant", "Mirado.")]


@virtual
async def test_session_speaks_before_the_first_piece_of_each_round():
    script = [[Says("Voy."), Calls([("work", {})])], says("Ya.")]
    async with stage(ScriptedModel(script), Workshop().tool("work")) as s:
        await s.turn.run()

        shown = [getattr(e, "state", "chunk") for e in await s.seen(StateChanged, ResponseChunk)]
    assert shown == ["thinking", "speaking", "chunk", "processing_tool", "thinking", "speaking", "chunk"]


# How it ends


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("strange", "stop")],
)
def test_end_says_why_the_model_stopped(reason: str, finish: str):
    @virtual
    async def scenario() -> None:
        async with stage(ScriptedModel([[Says("Ya"), Ends(reason, TokenUsage(5, 1))]])) as s:
            end = await s.turn.run()

        assert end.finish_reason == finish
        assert end.completion is not None and end.completion.usage == TokenUsage(5, 1)

    scenario()


@virtual
async def test_answer_over_its_limit_is_cut_remembered_and_the_stream_is_closed():
    async with stage(ScriptedModel([[Says("palabra ")] * 10**6]), max_response_chars=20) as s:
        end = await s.turn.run()

        assert end == TurnEnd("length", None)
        assert await s.said() == "palabra palabra pala"
        assert s.remembered()[-1] == ("assistant", "palabra palabra pala")


@virtual
async def test_answer_of_exactly_its_limit_is_whole():
    async with stage(ScriptedModel([says("12345", "67890")]), max_response_chars=10) as s:
        end = await s.turn.run()

        assert end.finish_reason == "stop"
        assert await s.said() == "1234567890"


@virtual
async def test_turn_over_its_time_fails_and_keeps_what_was_said():
    async with stage(ScriptedModel([[Says("Pues "), Pause(1000)]]), turn_timeout_s=20) as s:
        with pytest.raises(TurnTimeout):
            await s.turn.run()

        assert asyncio.get_running_loop().time() == 20
        assert s.remembered()[-1] == ("assistant", "Pues ")


class Broken(ScriptedModel):
    """A provider that has bugs."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__([])
        self.error = error

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str | Completion, None]:
        yield "Pues"
        if self.error is not None:
            raise self.error


@virtual
async def test_timeout_error_of_the_provider_itself_is_no_end_of_the_turns_time():
    async with stage(Broken(TimeoutError())) as s:
        with pytest.raises(TimeoutError):
            await s.turn.run()

        assert s.remembered()[-1] == ("assistant", "Pues")


@virtual
async def test_stream_that_ends_without_a_completion_was_cut():
    async with stage(Broken(None)) as s:
        with pytest.raises(LlmCut):
            await s.turn.run()

        assert s.remembered()[-1] == ("assistant", "Pues")


@pytest.mark.parametrize("error", [LlmCut(), LlmUnavailable(), Internal()])
def test_failed_answer_keeps_what_was_said(error: AgentError):
    @virtual
    async def scenario() -> None:
        async with stage(ScriptedModel([[Says("Ten"), Says("go"), Fails(error)]])) as s:
            with pytest.raises(type(error)):
                await s.turn.run()

            assert s.remembered() == [("user", "hola"), ("assistant", "Tengo")]

    scenario()


@virtual
async def test_cancelled_turn_keeps_what_was_said_and_closes_the_stream():
    async with stage(ScriptedModel([[Says("Ten"), Pause(100)]])) as s:
        task = asyncio.create_task(s.turn.run())
        await asyncio.sleep(1)
        assert s.model.open_streams == 1

        task.cancel()
        await asyncio.wait({task})

        assert s.model.open_streams == 0
        assert s.remembered()[-1] == ("assistant", "Ten")


# Too long, refused


@virtual
async def test_prompt_that_is_too_long_is_tried_once_more_without_its_older_half():
    def answer(request: ChatRequest) -> Answer:
        return [Fails(ContextTooLong())] if len(request.messages) > 12 else says("Cabe.")

    async with stage(ScriptedModel(answer)) as s:
        for number in range(20):
            s.history.begin_turn(f"t{number}")
            s.history.add_user(f"texto {number}")
        await s.turn.run()

        assert len(s.model.requests) == 2
        assert s.model.requests[1].messages[-1]["content"] == "texto 19"
        assert s.remembered()[-1] == ("assistant", "Cabe.")


@virtual
async def test_prompt_is_halved_until_it_fits():
    def answer(request: ChatRequest) -> Answer:
        return [Fails(ContextTooLong())] if len(request.messages) > 4 else says("Cabe.")

    async with stage(ScriptedModel(answer)) as s:
        for number in range(40):
            s.history.begin_turn(f"t{number}")
            s.history.add_user(f"{number} " + "x" * 90)
        s.history.accepted()
        await s.turn.run()

        assert len(s.model.requests) > 2
        assert s.model.requests[-1].messages[-1]["content"].startswith("39 ")
        assert s.remembered()[-1] == ("assistant", "Cabe.")


@virtual
async def test_text_that_is_itself_too_long_costs_nothing_that_was_said_before():
    def answer(request: ChatRequest) -> Answer:
        is_there = any(message["content"] == "demasiado" for message in request.messages)
        return [Fails(ContextTooLong())] if is_there else says("Cabe.")

    async with stage(ScriptedModel(answer)) as s:
        for number in range(9):
            s.history.begin_turn(f"t{number}")
            s.history.add_user(f"texto {number}")
            s.history.add_assistant("Vale.")
        s.history.accepted()
        before = s.remembered()
        s.history.begin_turn("t")
        s.history.add_user("demasiado")
        with pytest.raises(ContextTooLong):
            await s.turn.run()

        assert s.remembered() == before
        assert s.history.take_left() == []


@pytest.mark.parametrize("error", [ContextTooLong(), ContentFiltered()])
def test_what_the_service_refuses_leaves_the_history(error: AgentError):
    @virtual
    async def scenario() -> None:
        async with stage(ScriptedModel(lambda r: [Fails(error)])) as s:
            with pytest.raises(type(error)):
                await s.turn.run()

            assert len(s.model.requests) == 1, "there is no older half to leave"
            assert list(s.history) == []

    scenario()


@virtual
async def test_text_over_the_budget_is_refused_without_asking_the_service():
    async with stage(ScriptedModel([]), max_history_tokens=100) as s:
        s.history.for_api()
        s.history.accepted()
        s.history.begin_turn("t")
        s.history.add_user("x" * 1000)
        with pytest.raises(ContextTooLong):
            await s.turn.run()

        assert s.model.requests == []
        assert s.remembered() == [("user", "hola")]


@virtual
async def test_text_that_was_answered_once_is_kept_when_its_tool_results_are_refused():
    script = [calls(("work", {"result": "veneno"})), [Fails(ContentFiltered())]]
    async with stage(ScriptedModel(script), Workshop().tool("work")) as s:
        with pytest.raises(ContentFiltered):
            await s.turn.run()

        assert list(s.history) == [{"role": "user", "content": "hola"}]


# Tools


@virtual
async def test_model_is_offered_the_tools_and_told_the_talks_language():
    async with stage(ScriptedModel([says("Ya.")]), Workshop().tool("work"), with_tools=True) as s:
        await s.turn.run()

        assert [schema["function"]["name"] for schema in s.model.requests[0].tools] == ["work"]


@virtual
async def test_turn_without_tools_offers_none_and_runs_none():
    shop = Workshop()
    script = [[Says("Bueno."), Calls([("work", {})])]]
    async with stage(ScriptedModel(script), shop.tool("work"), with_tools=False) as s:
        end = await s.turn.run()

        assert s.model.requests[0].tools == []
        assert shop.runs == []
        assert end.finish_reason == "stop"
        assert s.remembered()[-1] == ("assistant", "Bueno.")


@virtual
async def test_tool_that_takes_longer_than_the_turn_waits_goes_on_without_it():
    script = [calls(("slow", {"seconds": 10}), ("quick", {"result": 4})), says("Voy.")]
    shop = Workshop()
    async with stage(ScriptedModel(script), shop.tool("slow"), shop.tool("quick"), tool_inline_wait_s=2) as s:
        await s.turn.run()

        assert asyncio.get_running_loop().time() == 2
        answers = [orjson.loads(m["content"]) for m in s.model.requests[1].messages[-2:]]
        (call_id,) = s.session.pending_tools
        assert answers == [{"status": "running", "call_id": call_id}, {"status": "done", "result": 4}]
        await asyncio.sleep(20)
        assert [run.call_id for run in s.late] == [call_id]


@virtual
async def test_turn_that_ends_while_it_waits_lets_its_tools_go_on():
    script = [calls(("slow", {"seconds": 10}), ("quick", {}))]
    shop = Workshop()
    tools = [shop.tool("slow"), shop.tool("quick")]
    async with stage(ScriptedModel(script), *tools, tool_inline_wait_s=100, turn_timeout_s=3) as s:
        with pytest.raises(TurnTimeout):
            await s.turn.run()

        assert validate(s.history) == []
        statuses = [orjson.loads(m["content"])["status"] for m in s.history if m["role"] == "tool"]
        assert statuses == ["running", "done"]
        await asyncio.sleep(20)
        assert [(run.name, run.answer) for run in s.late] == [("slow", {"status": "done", "result": "ok"})]


@pytest.mark.parametrize("before", [[], [Says("Voy. ")]])
def test_rounds_of_tools_end_with_a_plain_sentence(before: Answer):
    shop = Workshop()

    @virtual
    async def scenario() -> None:
        model = ScriptedModel(lambda r: [*before, Calls([("work", {})])])
        async with stage(model, shop.tool("work"), max_tool_rounds=2) as s:
            end = await s.turn.run()

            assert end.finish_reason == "stop"
            assert len(shop.runs) == 2
            said = await s.said()
            assert said.endswith(
                "He usado demasiadas herramientas seguidas sin llegar a una respuesta, así que lo dejo aquí."
            )
            assert s.remembered()[-1][1] in said
            assert said.count("\n\n") == len(before) * 3

    scenario()


@virtual
async def test_no_rounds_at_all_may_be_allowed():
    shop = Workshop()
    async with stage(ScriptedModel([calls(("work", {}))]), shop.tool("work"), max_tool_rounds=0) as s:
        await s.turn.run()

        assert shop.runs == []
        assert "demasiadas herramientas" in await s.said()


@virtual
async def test_calls_over_the_limit_are_refused_with_a_sentence():
    shop = Workshop()
    script = [calls(*(("work", {"tag": str(n)}) for n in range(5))), says("Ya.")]
    async with stage(ScriptedModel(script), shop.tool("work"), max_tool_calls=2) as s:
        await s.turn.run()

        assert [tag for _, tag in shop.runs] == ["0", "1"]
        assert [e.status for e in await s.seen(ToolFinished)].count("failed") == 3
        assert "el máximo son 2" in last_text(s.model.requests[1])


@virtual
async def test_usage_corrects_the_budget():
    async with stage(
        ScriptedModel([[Says("Ya"), Ends("stop", TokenUsage(10_000, 1))]]), max_history_tokens=250
    ) as s:
        await s.turn.run()

        for number in range(5):
            s.history.begin_turn(f"t{number}")
            s.history.add_user("x" * 100)
        assert len(s.history.for_api()) < 4

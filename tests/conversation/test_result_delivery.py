"""What tools brought in the background is told once: by the model, or at last by the server itself."""

import asyncio

import orjson
import pytest

from app.conversation.result_delivery import MAX_TELLINGS, new_turn_id
from app.errors import ContentFiltered, LlmUnavailable
from app.protocol.events import ErrorOccurred, Interrupted, ResponseChunk, ResponseComplete, TurnStarted
from app.session.speech_output import HeardSpeech, NullSpeechOutput
from app.tools.tool_call import ToolCall
from tests.support.scripted import Answer, Fails, Pause, Says, ScriptedModel, last_text, says
from tests.support.stage import Stage, stage
from tests.support.talk import Workshop
from tests.support.virtual_time import virtual

FAILS: Answer = [Fails(LlmUnavailable())]


async def tell(s: Stage, *runs: ToolCall) -> None:
    """Tells runs, and again what comes back into the line, as the talk does."""
    await s.teller.tell(new_turn_id(), list(runs))
    while s.line:
        again = list(s.line)
        s.line.clear()
        await s.teller.tell(new_turn_id(), again)


async def said(s: Stage) -> list[str]:
    return [chunk.content for chunk in await s.seen(ResponseChunk)]


def told_results(s: Stage) -> list[str]:
    """The results that the model was shown, in all requests."""
    return [
        orjson.loads(message["content"])["result"]
        for message in s.session.conversation_history
        if message["role"] == "tool"
    ]


def test_ids_of_turns_are_opaque_and_unique() -> None:
    assert len({new_turn_id() for _ in range(100)}) == 100


@virtual
async def test_results_are_told_together_in_one_turn() -> None:
    async with stage(ScriptedModel([says("Las dos.")]), Workshop().tool("look")) as s:
        runs = [await s.ended("look", result="uno"), await s.ended("look", result="dos")]
        await tell(s, *runs)
        events = await s.seen(TurnStarted, ResponseChunk, ResponseComplete)

    started, chunk, complete = events
    assert (started.source, chunk.content, complete.text) == ("tool", "Las dos.", "Las dos.")
    assert told_results(s) == ["uno", "dos"]


@virtual
async def test_result_enters_the_history_under_a_new_id_with_the_first_calls_id_inside() -> None:
    async with stage(ScriptedModel([says("Ya.")]), Workshop().tool("look")) as s:
        run = await s.ended("look", result="uno", tag="a")
        await tell(s, run)
        calling, answer, _ = s.session.conversation_history

    (call,) = calling["tool_calls"]
    assert call["function"] == {"name": "look", "arguments": run.arguments}
    assert call["id"] == answer["tool_call_id"] != run.call_id
    assert orjson.loads(answer["content"]) == {"status": "done", "result": "uno", "call_id": run.call_id}


@pytest.mark.parametrize("nothing", [None, "", 0, False, [], {}])
def test_result_that_is_nothing_is_told_too(nothing: object) -> None:
    @virtual
    async def test() -> None:
        async with stage(ScriptedModel([says("Ya.")]), Workshop().tool("look")) as s:
            await tell(s, await s.ended("look", result=nothing))

        assert told_results(s) == [nothing]

    test()


@virtual
async def test_result_that_could_not_be_told_is_told_again_and_shown_once() -> None:
    async with stage(ScriptedModel([FAILS, [], says("Ya.")]), Workshop().tool("look")) as s:
        await tell(s, await s.ended("look", result="uno"))
        events = await s.seen(ResponseComplete, ErrorOccurred)

    assert [getattr(event, "is_agents", None) for event in events] == [True, True, None]
    assert told_results(s) == ["uno"]
    assert len(s.model.requests) == 3


@virtual
async def test_server_tells_at_last_by_itself() -> None:
    async with stage(ScriptedModel([FAILS] * MAX_TELLINGS), Workshop().tool("look")) as s:
        await tell(s, await s.ended("look", result="x" * 500))
        (text,) = await said(s)

    assert "look" in text
    assert "x" * 200 in text
    assert "x" * 201 not in text
    assert s.remembered()[-1] == ("assistant", text)
    assert told_results(s)[-1] == "x" * 500


@virtual
async def test_result_that_the_service_refuses_does_not_stay_in_the_history() -> None:
    refuses: Answer = [Fails(ContentFiltered())]
    async with stage(ScriptedModel([refuses] * MAX_TELLINGS), Workshop().tool("look")) as s:
        await tell(s, await s.ended("look", result="malo"))

        assert len(await said(s)) == 1
    assert told_results(s) == []


@virtual
async def test_those_that_have_tries_left_are_told_after_the_servers_own_words() -> None:
    script = [FAILS] * MAX_TELLINGS + [says("La otra.")]
    async with stage(ScriptedModel(script), Workshop().tool("look")) as s:
        old, new = await s.ended("look", result="uno"), await s.ended("look", result="dos")
        for _ in range(MAX_TELLINGS - 1):
            await s.teller.tell(new_turn_id(), [old])
            s.line.clear()
        await tell(s, old, new)
        texts = await said(s)

    assert len(texts) == 2
    assert "uno" in texts[0] and "dos" not in texts[0]
    assert texts[1] == "La otra."
    assert '"dos"' in last_text(s.model.requests[-1])


@virtual
async def test_interrupted_telling_counts_if_something_of_it_was_heard() -> None:
    async with stage(ScriptedModel([[Says("Pues "), Pause(9)]]), Workshop().tool("look")) as s:
        telling = asyncio.create_task(tell(s, await s.ended("look")))
        await asyncio.sleep(1)
        assert await said(s) == ["Pues "]
        s.turns.interrupt()
        await telling

        assert [event.heard for event in await s.seen(Interrupted)] == ["Pues "]
    assert len(s.model.requests) == 1


@virtual
async def test_interrupted_telling_that_nobody_heard_is_told_again() -> None:
    async with stage(ScriptedModel([[Says("Pues "), Pause(9)], says("Ya.")]), Workshop().tool("look")) as s:
        telling = asyncio.create_task(tell(s, await s.ended("look")))
        await asyncio.sleep(1)
        s.turns.interrupt()
        await telling

        assert await said(s) == ["Ya."]


@virtual
async def test_agent_that_talks_to_itself_loses_its_tools_until_the_user_speaks() -> None:
    model = ScriptedModel(lambda request: says("Ya."))
    async with stage(model, Workshop().tool("look"), max_agent_turns=2) as s:
        for _ in range(3):
            await tell(s, await s.ended("look"))
        s.teller.user_spoke()
        await tell(s, await s.ended("look"))

    assert [bool(request.tools) for request in model.requests] == [True, True, False, True]


@virtual
async def test_trying_again_is_no_further_turn_of_the_agents_own() -> None:
    script = [FAILS, FAILS, says("Ya."), says("Ya.")]
    async with stage(ScriptedModel(script), Workshop().tool("look"), max_agent_turns=2) as s:
        await tell(s, await s.ended("look"))
        await tell(s, await s.ended("look"))

    assert [bool(request.tools) for request in s.model.requests] == [True] * 4


class Pausing(NullSpeechOutput):
    """A mouth whose sound takes so long that an interruption comes before any of it was heard."""

    def __init__(self) -> None:
        self.is_slow = True

    async def finish(self, turn_id: str) -> None:
        if self.is_slow:
            await asyncio.sleep(9)

    def cut(self, turn_id: str) -> HeardSpeech | None:
        return HeardSpeech(0)


REFUSES: Answer = [Fails(ContentFiltered())]


@pytest.mark.parametrize("failed", [FAILS, REFUSES], ids=["failed", "refused"])
def test_servers_own_words_that_nobody_heard_are_said_again(failed: Answer) -> None:
    @virtual
    async def test() -> None:
        async with stage(ScriptedModel([failed] * MAX_TELLINGS), Workshop().tool("look")) as s:
            s.session.speech_output = speech_output = Pausing()
            telling = asyncio.create_task(tell(s, await s.ended("look", result="uno")))
            await asyncio.sleep(9 * (MAX_TELLINGS + 0.5))
            s.turns.interrupt()
            speech_output.is_slow = False
            await telling
            (text,) = await said(s)

        assert "uno" in text
        assert told_results(s) == (["uno"] if failed is FAILS else [])

    test()


@virtual
async def test_interruption_is_no_failed_try() -> None:
    telling = [Says("Pues "), Pause(9)]
    async with stage(
        ScriptedModel([telling] * (MAX_TELLINGS + 1) + [says("Ya.")]), Workshop().tool("look")
    ) as s:
        task = asyncio.create_task(tell(s, await s.ended("look", result="uno")))
        for _ in range(MAX_TELLINGS + 1):
            await asyncio.sleep(1)
            s.turns.interrupt()
        await task

        assert await said(s) == ["Ya."]
    assert told_results(s) == ["uno"]


@pytest.mark.parametrize("failed", [FAILS, [Says("Pues "), *FAILS]], ids=["silent", "in the middle"])
def test_result_that_could_not_be_told_is_not_in_the_history_until_it_is_told_again(failed: Answer) -> None:
    @virtual
    async def test() -> None:
        async with stage(ScriptedModel([failed, says("Ya.")]), Workshop().tool("look")) as s:
            await s.teller.tell(new_turn_id(), [await s.ended("look", result="uno")])
            assert told_results(s) == []
            await tell(s, *[run for run in s.line if isinstance(run, ToolCall)])

        assert told_results(s) == ["uno"]

    test()

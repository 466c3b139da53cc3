import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest

from app.errors import LlmBadResponse, LlmCut, LlmStalled, LlmUnavailable
from app.llm.answer import StreamedResponse
from app.llm.base import Completion, TokenUsage
from app.llm.openai_errors import Failure, Hints
from app.llm.transport import ServiceUnreachable
from tests.support.answers import chunk, events, text_events
from tests.support.virtual_time import virtual

HINTS = Hints(key="", key_setting="KEY", model="MODEL", endpoint="URL")
STOP = events(chunk(finish_reason="stop"), "[DONE]")


class ScriptedBody:
    """A body that gives these bytes, then ends; an exception is raised, None waits for `abort`."""

    def __init__(self, steps: Sequence[bytes | ServiceUnreachable | None]) -> None:
        self.steps = list(steps)
        self.aborted = asyncio.Event()

    async def read(self) -> bytes:
        step = self.steps.pop(0) if self.steps else b""
        if step is None:
            await self.aborted.wait()
            raise ServiceUnreachable("disconnected", "Connection closed")
        if isinstance(step, ServiceUnreachable):
            raise step
        return step

    def abort(self) -> None:
        self.aborted.set()


def answer_of(
    *steps: bytes | ServiceUnreachable | None, resources: AsyncExitStack | None = None
) -> StreamedResponse:
    now = asyncio.get_running_loop().time()
    body = ScriptedBody(steps)
    return StreamedResponse(body, HINTS, (0.1, 0.1), now, resources or AsyncExitStack())  # type: ignore[arg-type]


async def read(answer: StreamedResponse) -> tuple[str, Completion]:
    await answer.begin()
    text = ""
    while pieces := await answer.pieces():
        text += "".join(pieces)
    completion = await answer.completion()
    await answer.aclose()
    return text, completion


async def failure_of(answer: StreamedResponse) -> tuple[str, Failure]:
    text = ""
    with pytest.raises(Failure) as caught:
        await answer.begin()
        while pieces := await answer.pieces():
            text += "".join(pieces)
    await answer.aclose()
    return text, caught.value


async def test_answer_is_read_to_its_end():
    assert await read(answer_of(text_events("uno ", "dos"), STOP)) == ("uno dos", Completion("stop"))


async def test_answer_that_comes_in_one_piece_is_read_too():
    assert await read(answer_of(text_events("uno ") + STOP)) == ("uno ", Completion("stop"))


async def test_beginning_waits_for_a_sign_of_life_and_loses_none_of_the_text():
    answer = answer_of(b": hi\n\n", events({"choices": []}), text_events("uno "), text_events("dos"), STOP)

    await answer.begin()

    assert await answer.pieces() == ["uno "]
    assert await read(answer) == ("dos", Completion("stop"))


async def test_break_before_the_beginning_may_be_tried_again():
    """B4"""
    _, failure = await failure_of(
        answer_of(events({"choices": []}), ServiceUnreachable("disconnected", "reset"))
    )

    assert (type(failure.error), failure.may_retry) == (LlmUnavailable, True)


async def test_break_after_the_beginning_is_final():
    """B5"""
    text, failure = await failure_of(
        answer_of(text_events("uno "), ServiceUnreachable("disconnected", "reset"))
    )

    assert (text, type(failure.error), failure.may_retry) == ("uno ", LlmCut, False)


async def test_break_after_the_finish_reason_is_an_end():
    """B13"""
    stopped = events(chunk(finish_reason="stop"))

    assert await read(answer_of(stopped, ServiceUnreachable("disconnected", "reset"))) == (
        "",
        Completion("stop"),
    )


async def test_end_without_any_event_is_no_answer():
    """B20"""
    _, failure = await failure_of(answer_of(b"<html>\n</html>\n"))

    assert (type(failure.error), failure.may_retry) == (LlmBadResponse, False)


async def test_end_after_an_event_but_before_any_text_may_be_tried_again():
    _, failure = await failure_of(answer_of(events({"choices": []})))

    assert (type(failure.error), failure.may_retry) == (LlmCut, True)


async def test_fault_comes_after_the_text_before_it():
    """B5"""
    text, failure = await failure_of(answer_of(text_events("uno ") + b"data: {\n\n"))

    assert (text, type(failure.error)) == ("uno ", LlmBadResponse)


async def test_silence_aborts_the_body():
    """B14"""
    text, failure = await failure_of(answer_of(text_events("uno "), None))

    assert (text, type(failure.error)) == ("uno ", LlmStalled)
    assert failure.error.facts == "silent for too long mid-stream"


async def test_body_that_does_not_end_after_done_is_dropped():
    assert await read(answer_of(STOP, None)) == ("", Completion("stop"))


async def test_letting_go_closes_everything_at_any_moment():
    resources = AsyncExitStack()
    closed: list[str] = []
    resources.callback(closed.append, "response")

    await answer_of(resources=resources).aclose()

    assert closed == ["response"]


# Reasons for the end


def reasoned(text: str, reason: str | None = "stop") -> bytes:
    return events(chunk({"content": text}, finish_reason=reason))


async def test_reason_on_each_chunk_ends_nothing():
    role = events(chunk({"role": "assistant", "content": ""}, finish_reason="stop"))
    answer = answer_of(role, reasoned("uno "), reasoned("dos "), reasoned("tres"), events("[DONE]"))

    assert await read(answer) == ("uno dos tres", Completion("stop"))


async def test_break_after_reasons_that_ended_nothing_is_a_cut():
    text, failure = await failure_of(
        answer_of(reasoned("uno "), reasoned("dos "), ServiceUnreachable("disconnected", "reset"))
    )

    assert (text, type(failure.error)) == ("uno dos ", LlmCut)


async def test_body_that_ends_after_reasons_that_ended_nothing_is_whole():
    assert await read(answer_of(reasoned("uno "), reasoned("dos"))) == ("uno dos", Completion("stop"))


USAGE = events({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})


@pytest.mark.parametrize("counts", [[], [USAGE]])
@pytest.mark.parametrize(
    "end",
    [
        [text_events("uno "), reasoned("dos")],
        [reasoned("uno ", None) + reasoned("dos")],
        [text_events("uno dos"), events(chunk(finish_reason="stop"))],
        [reasoned("uno dos", "length")],
    ],
)
@virtual
async def test_answer_that_has_its_reason_is_not_waited_for_as_long_as_one_without(
    end: list[bytes], counts: list[bytes]
):
    """The connection stays open, and nothing more comes."""
    body = ScriptedBody([*end, *counts, None])
    loop = asyncio.get_running_loop()
    answer = StreamedResponse(body, HINTS, (100, 100), loop.time(), AsyncExitStack())  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        text, completion = await read(answer)

    assert text == "uno dos"
    assert completion.usage == (TokenUsage(7, 2) if counts else None)


@pytest.mark.parametrize("reason", ["error", "insufficient_system_resource", "MALFORMED_FUNCTION_CALL"])
async def test_answer_that_its_service_broke_off_is_cut(reason: str):
    end = events(chunk(finish_reason=reason), "[DONE]")

    text, failure = await failure_of(answer_of(text_events("uno "), end))
    nothing, again = await failure_of(answer_of(end))

    assert (text, type(failure.error), failure.error.retryable) == ("uno ", LlmCut, True)
    assert reason in failure.error.facts
    assert (nothing, type(again.error), again.may_retry) == ("", LlmCut, True)


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("eos", "stop"),
        ("", "stop"),
        ("who_knows", "stop"),
    ],
)
async def test_reason_is_told_by_its_usual_name(reason: str, end: str):
    steps = [text_events("uno"), events(chunk(finish_reason=reason), "[DONE]")]

    assert await read(answer_of(*steps)) == ("uno", Completion(end))


async def test_break_in_a_thought_may_be_tried_again():
    thought = text_events("<think>", "uno ")

    _, failure = await failure_of(answer_of(thought, ServiceUnreachable("disconnected", "reset")))

    assert (type(failure.error), failure.may_retry) == (LlmCut, True)


async def test_what_was_held_back_comes_at_the_end():
    for end in (STOP, events(chunk(finish_reason="stop"))):
        assert await read(answer_of(text_events("<thi"), end)) == ("<thi", Completion("stop"))
    silent = answer_of(text_events("<thi"), events(chunk(finish_reason="stop")), None)
    assert await read(silent) == ("<thi", Completion("stop"))


async def test_answer_that_is_all_thought_is_empty():
    assert await read(answer_of(text_events("<think>uno"), STOP)) == ("", Completion("stop"))

"""What every provider over HTTP promises, whichever service it talks to."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from app.errors import (
    ContentFiltered,
    ContextTooLong,
    LlmAuthFailed,
    LlmBadRequest,
    LlmBadResponse,
    LlmBusy,
    LlmCut,
    LlmError,
    LlmNotFound,
    LlmRateLimited,
    LlmStalled,
    LlmUnavailable,
)
from app.llm.base import ChatRequest, Completion, FunctionCall, TokenUsage
from app.llm.chat_completions import ConnectionLimits
from app.llm.retry import RetryPolicy
from tests.support.answers import (
    Deltas,
    Drip,
    Endless,
    HugeLine,
    Raw,
    Reset,
    StallBeforeHeaders,
    Status,
    Text,
    ToolCalls,
    chunk,
    cut_after,
    events,
    gzip_bomb,
    html,
    http_date,
    redirect,
    stall,
    text_events,
)
from tests.support.azure_standin import DEPLOYMENT, KEY, AzureStandin
from tests.support.providers import CALCULATE, KINDS, QUICK, Kind, asks, hears, provider_for

CALL_START = {
    "tool_calls": [{"index": 0, "id": "a", "function": {"name": "calculate", "arguments": '{"x": "ñ'}}]
}
SAID_STOP = events(chunk({"content": "Hola"}), chunk(finish_reason="stop"))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
async def standin() -> AsyncIterator[AzureStandin]:
    async with AzureStandin() as standin:
        yield standin


def retries(caplog: pytest.LogCaptureFixture) -> list[tuple[int, float]]:
    """The retries that were logged: attempt and delay in seconds."""
    return [(r.attempt, r.delay_s) for r in caplog.records if r.message == "llm_retry"]  # type: ignore[attr-defined]


# Answers


async def test_answer_is_streamed_and_then_completed(kind: Kind, standin: AzureStandin):
    standin.script(Text("Hola, ¿qué tal?"))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert heard.pieces == ["Hola, ", "¿qué ", "tal?"]
    assert heard.completion is not None
    assert heard.completion.finish_reason == "stop"


async def test_request_holds_the_messages_and_nothing_that_was_not_asked_for(
    kind: Kind, standin: AzureStandin
):
    async with provider_for(kind, standin) as provider:
        await hears(provider, asks("hola"))

    body = standin.requests[0].body
    body.pop("stream_options", None)
    assert body == {"messages": [{"role": "user", "content": "hola"}], "model": DEPLOYMENT, "stream": True}


async def test_request_with_tools_and_settings_is_what_the_service_accepts(kind: Kind, standin: AzureStandin):
    async with provider_for(kind, standin, max_tokens=20, temperature=0.5) as provider:
        await hears(provider, asks(tools=[CALCULATE]))

    body = standin.requests[0].body
    assert (body["tools"], body["max_tokens"], body["temperature"]) == ([CALCULATE], 20, 0.5)
    assert standin.violations == []


async def test_key_goes_to_its_own_service_in_its_own_header_only(kind: Kind, standin: AzureStandin):
    other = {"openai_api_key": "sk-of-openai", "azure_openai_api_key": KEY}
    values = other if kind == "azure" else {"azure_openai_api_key": "key-of-azure"}

    async with provider_for(kind, standin, **values) as provider:
        heard = await hears(provider)

    headers = standin.requests[0].headers
    assert heard.error is None
    assert KEY in (headers["api-key"] if kind == "azure" else headers["authorization"])
    assert not any("of-openai" in value or "of-azure" in value for value in headers.values())
    assert headers["accept-encoding"] == "identity"


async def test_tool_calls_come_whole_and_at_the_end(kind: Kind, standin: AzureStandin):
    standin.script(
        ToolCalls(("calculate", {"expression": "2+2"}), ("get_public_ip", {}), ids=["a", "b"], text="Voy.")
    )

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider, asks(tools=[CALCULATE]))

    assert heard.pieces == ["Voy."]
    assert heard.completion is not None
    assert heard.completion.finish_reason == "tool_calls"
    assert heard.completion.tool_calls == (
        FunctionCall("a", "calculate", '{"expression": "2+2"}'),
        FunctionCall("b", "get_public_ip", "{}"),
    )


async def test_two_hundred_calls_and_odd_ids_are_handed_on(kind: Kind, standin: AzureStandin):
    """B24, B26: what is too much is for the caller to say."""
    ids = ["", "", "i" * 10_000] + ["same"] * 197
    standin.script(ToolCalls(*[("calculate", {"n": n}) for n in range(200)], ids=ids))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider, asks(tools=[CALCULATE]))

    assert heard.completion is not None
    assert [call.id for call in heard.completion.tool_calls] == ids


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_answer_that_the_service_ends_early_keeps_its_text_and_its_reason(
    kind: Kind, standin: AzureStandin, reason: str
):
    """B11"""
    standin.script(Text("uno dos tres", finish_reason=reason))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert (heard.text, heard.completion) == ("uno dos tres", Completion(reason, (), heard.completion.usage))  # type: ignore[union-attr]


async def test_wholly_empty_answer_is_a_completion_without_text(kind: Kind, standin: AzureStandin):
    """B27"""
    standin.script(Deltas([{"role": "assistant", "content": ""}, None]))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert (heard.pieces, heard.error) == ([], None)
    assert heard.completion is not None


async def test_refusal_is_told_as_text(kind: Kind, standin: AzureStandin):
    """B27"""
    standin.script(Deltas([{"refusal": "No "}, {"refusal": "puedo."}]))

    async with provider_for(kind, standin) as provider:
        assert (await hears(provider)).text == "No puedo."


async def test_answer_without_done_is_complete(kind: Kind, standin: AzureStandin):
    """B13"""
    standin.script(Raw([SAID_STOP]), Raw([SAID_STOP], end="cut"), Raw([SAID_STOP], end="reset"))

    async with provider_for(kind, standin) as provider:
        heard = [await hears(provider) for _ in range(3)]

    assert [(h.text, h.completion) for h in heard] == [("Hola", Completion("stop"))] * 3


async def test_service_that_goes_silent_after_the_finish_reason_has_answered(
    kind: Kind, standin: AzureStandin
):
    """B13, B14"""
    standin.script(Raw([SAID_STOP], end="hang"))

    async with provider_for(kind, standin, llm_stall_timeout_s=0.2) as provider:
        heard = await hears(provider)

    assert heard.completion == Completion("stop")


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
async def test_stream_with_any_legal_line_end_is_read(kind: Kind, standin: AzureStandin, end: str):
    """B18"""
    stream = b"\xef\xbb\xbf: hi\n" + SAID_STOP.replace(b"data: ", b"data:") + events("[DONE]")
    standin.script(Raw([stream.replace(b"\n", end.encode())]))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert (heard.text, heard.completion) == ("Hola", Completion("stop"))


async def test_next_request_uses_the_same_connection(kind: Kind, standin: AzureStandin):
    async with provider_for(kind, standin) as provider:
        for _ in range(5):
            await hears(provider)

    assert standin.server.connections == 1


# Retries


async def test_rate_limit_is_waited_out_as_long_as_the_service_asks(
    kind: Kind, standin: AzureStandin, caplog: pytest.LogCaptureFixture
):
    """B1"""
    standin.script(Status(429, {"retry-after-ms": "120"}), Status(429, {"retry-after": "0.05"}), Text("Hola"))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert (heard.text, heard.error) == ("Hola", None)
    assert retries(caplog) == [(1, 0.12), (2, 0.05)]


async def test_date_to_wait_for_is_honoured(
    kind: Kind, standin: AzureStandin, caplog: pytest.LogCaptureFixture
):
    """B2"""
    standin.script(Status(429, {"retry-after": http_date(2)}), Text("Hola"))

    async with provider_for(kind, standin) as provider:
        assert (await hears(provider)).text == "Hola"

    assert 0.5 <= retries(caplog)[0][1] <= 2


@pytest.mark.parametrize("value", ["-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"])
async def test_senseless_wait_becomes_the_usual_backoff(
    kind: Kind, standin: AzureStandin, caplog: pytest.LogCaptureFixture, value: str
):
    """B2"""
    standin.script(Status(429, {"retry-after": value}), Text("Hola"))

    async with provider_for(kind, standin, retry=None) as provider:
        assert (await hears(provider)).text == "Hola"

    assert 0.37 <= retries(caplog)[0][1] <= 0.5


async def test_wait_of_an_hour_is_an_error_at_once(kind: Kind, standin: AzureStandin):
    """B3"""
    standin.script(Status(429, {"retry-after": "3600"}))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert type(heard.error) is LlmRateLimited
    assert heard.error.retryable


async def test_rate_limit_for_ever_is_an_error_after_the_retries(kind: Kind, standin: AzureStandin):
    """B3"""
    standin.script(*[Status(429)] * 3)

    async with provider_for(kind, standin, retry=QUICK) as provider:
        assert type((await hears(provider)).error) is LlmRateLimited


async def test_number_of_retries_is_a_setting(kind: Kind, standin: AzureStandin):
    standin.script(Status(500))

    async with provider_for(kind, standin, retry=None, llm_max_retries=0) as provider:
        assert type((await hears(provider)).error) is LlmUnavailable


PASSING = [
    Status(500),
    Status(502),
    Status(503),
    Status(504),
    Status(408),
    Reset(),
    Raw([], end="reset"),
    cut_after(SAID_STOP, 5),
]


@pytest.mark.parametrize("failure", PASSING, ids=repr)
async def test_failure_before_the_first_token_is_tried_again(kind: Kind, standin: AzureStandin, failure: Any):
    """B4"""
    standin.script(failure, Text("Hola"))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert (heard.text, heard.error) == ("Hola", None)


@pytest.mark.parametrize("failure", PASSING, ids=repr)
async def test_failure_that_stays_makes_the_model_unavailable(
    kind: Kind, standin: AzureStandin, failure: Any
):
    """B4"""
    standin.script(*[failure] * 3)

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert type(heard.error) is LlmUnavailable
    assert heard.error.retryable


@pytest.mark.parametrize("reset", [False, True])
async def test_failure_after_the_first_token_is_never_tried_again(
    kind: Kind, standin: AzureStandin, reset: bool
):
    """B5: words would be said twice."""
    said = text_events("uno ", "dos ", "tres ", "cuatro ", "cinco ")
    standin.script(cut_after(said, len(said), reset=reset))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert (heard.text, type(heard.error)) == ("uno dos tres cuatro cinco ", LlmCut)
    assert len(standin.requests) == 1


async def test_connection_that_the_service_closed_meanwhile_costs_no_retry(
    kind: Kind, standin: AzureStandin, caplog: pytest.LogCaptureFixture
):
    """B31: the reset meets a request on an old connection."""
    async with provider_for(kind, standin, retry=RetryPolicy(0)) as provider:
        await hears(provider)
        standin.script(Reset(), Text("otra vez"))
        heard = await hears(provider)

    assert (heard.text, heard.error) == ("otra vez", None)
    assert retries(caplog) == []


async def test_idle_connections_may_be_closed_between_turns(kind: Kind, standin: AzureStandin):
    """B31"""
    async with provider_for(kind, standin, retry=RetryPolicy(0)) as provider:
        for _ in range(3):
            assert (await hears(provider)).error is None
            standin.server.close_idle()

    assert standin.server.connections == 3


DICE = {"error": {"message": "Failed to call a function.", "code": "tool_use_failed"}}


@pytest.mark.parametrize(
    "failure",
    [
        Status(400, body=DICE),
        Raw([events(DICE)]),
        Raw([text_events("<think>", "Hmm"), b"event: error\n" + events(DICE)]),
        Deltas([{"reasoning": "Hmm"}], finish_reason="error"),
        Deltas([{"content": ""}], finish_reason="insufficient_system_resource"),
        cut_after(text_events("<think>", "Hmm"), 1000),
    ],
    ids=repr,
)
async def test_answer_of_which_nothing_was_shown_is_asked_for_again(
    kind: Kind, standin: AzureStandin, failure: Any
):
    standin.script(failure, Text("Hola"))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert (heard.text, heard.error) == ("Hola", None)


async def test_pause_after_a_reason_that_is_none_loses_nothing(kind: Kind, standin: AzureStandin):
    """The pause is longer than the wait for what follows a reason."""
    parts = [events(chunk({"content": word}, finish_reason="stop")) for word in ("uno ", "dos")]
    standin.script(Raw(parts, delay_s=2.2))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert (heard.text, heard.completion) == ("uno dos", Completion("stop"))


async def test_model_that_is_known_to_think_without_an_opening_is_heard_from_the_end_of_its_thought(
    kind: Kind, standin: AzureStandin
):
    """The first answer teaches it; from then on no thought is shown."""
    thought = Text("Consideremos todo.\n</think>\n\nHola, ¿qué tal?", delay_s=0.01)
    standin.script(thought, thought)

    async with provider_for(kind, standin) as provider:
        first, second = await hears(provider), await hears(provider)

    assert first.text.endswith("Hola, ¿qué tal?")
    assert second.text == "Hola, ¿qué tal?"


async def test_call_that_is_written_as_text_is_a_call(kind: Kind, standin: AzureStandin):
    written = '<tool_call>{"name": "calculate", "arguments": {"expression": "2+2"}}</tool_call>'
    standin.script(*[Text(f"<think>Hmm</think>\n{written}")] * 2)

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider, asks(tools=[CALCULATE]))
        without_tools = await hears(provider)

    assert (heard.pieces, heard.error) == ([], None)
    assert heard.completion is not None
    assert heard.completion.tool_calls == (FunctionCall("", "calculate", '{"expression": "2+2"}'),)
    assert without_tools.text == written


async def test_call_that_is_written_behind_a_sentence_is_a_call_and_the_sentence_is_said(
    kind: Kind, standin: AzureStandin
):
    written = '<tool_call>{"name": "calculate", "arguments": {"expression": "(2+2)}"}}</tool_call>'
    standin.script(Text(f"Voy a calcularlo.\n\n{written}"), Text(f"Así es:\n```\n{written}\n```"))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider, asks(tools=[CALCULATE]))
        shown = await hears(provider, asks(tools=[CALCULATE]))

    assert heard.text == "Voy a calcularlo.\n\n"
    assert heard.completion is not None
    assert heard.completion.tool_calls == (FunctionCall("", "calculate", '{"expression": "(2+2)}"}'),)
    assert shown.text == f"Así es:\n```\n{written}\n```"
    assert shown.completion is not None and not shown.completion.tool_calls


async def test_last_text_with_the_reason_and_no_done_ends_an_answer_on_an_open_connection(
    kind: Kind, standin: AzureStandin
):
    """B13"""
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    last = events(chunk({"content": "dos"}, finish_reason="stop"))
    standin.script(Raw([text_events("uno "), last, events(usage)], end="hang"))

    async with provider_for(kind, standin, llm_stall_timeout_s=100) as provider, asyncio.timeout(20):
        heard = await hears(provider)

    assert (heard.text, heard.completion) == ("uno dos", Completion("stop", usage=TokenUsage(7, 2)))


# Refusals

REFUSALS: list[tuple[Any, type[LlmError]]] = [
    (Status(401), LlmAuthFailed),
    (Status(403), LlmAuthFailed),
    (Status(404, code="DeploymentNotFound"), LlmNotFound),
    (Status(400, message="invalid"), LlmBadRequest),
    (Status(422, message="invalid"), LlmBadRequest),
    (Status(400, code="content_filter"), ContentFiltered),
    (Status(400, code="context_length_exceeded"), ContextTooLong),
    (Status(204, body=b""), LlmBadResponse),
    (redirect("http://127.0.0.1:9/"), LlmBadResponse),
    (html(), LlmBadResponse),
    (Status(200, body={"choices": []}), LlmBadResponse),
    (Status(200, body=b'{"choices": []}\n'), LlmBadResponse),
    (Raw([]), LlmBadResponse),
    (Raw([b"hello\n\n"]), LlmBadResponse),
    (Raw([b"data: {broken\n\n"]), LlmBadResponse),
    (Raw([events({"error": {"message": "boom"}})]), LlmBadResponse),
    (Raw([b'event: error\ndata: {"message": "boom"}\n\n']), LlmBadResponse),
    (HugeLine(), LlmBadResponse),
    (gzip_bomb(), LlmBadResponse),
]


@pytest.mark.parametrize(("answer", "error"), REFUSALS, ids=[repr(answer)[:60] for answer, _ in REFUSALS])
async def test_refusal_and_nonsense_are_told_without_another_try(
    kind: Kind, standin: AzureStandin, answer: Any, error: type[LlmError]
):
    """B6, B7, B8, B9, B10, B18, B19, B20, B21"""
    standin.script(answer)

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert (heard.pieces, type(heard.error)) == ([], error)
    assert len(standin.requests) == 1


async def test_prompt_that_the_filter_refuses_is_told_from_one_that_is_too_long(
    kind: Kind, standin: AzureStandin
):
    """B8, B9"""
    standin.filter_word, standin.max_chars = "prohibido", 50

    async with provider_for(kind, standin) as provider:
        filtered = await hears(provider, asks("algo prohibido"))
        too_long = await hears(provider, asks("x" * 51))
        fine = await hears(provider, asks("x" * 50))

    assert [type(heard.error) for heard in (filtered, too_long, fine)] == [
        ContentFiltered,
        ContextTooLong,
        type(None),
    ]


async def test_wrong_key_is_refused_and_never_shown(
    kind: Kind, standin: AzureStandin, caplog: pytest.LogCaptureFixture
):
    """B6"""
    wrong = {f"{'azure_openai' if kind == 'azure' else 'openai'}_api_key": "wrong-key-987"}

    async with provider_for(kind, standin, **wrong) as provider:
        heard = await hears(provider)

    assert type(heard.error) is LlmAuthFailed
    assert ("AZURE_OPENAI_API_KEY" if kind == "azure" else "OPENAI_API_KEY") in heard.error.facts
    assert "wrong-key-987" not in heard.error.facts + caplog.text + repr(provider.__dict__)


async def test_redirect_takes_neither_key_nor_talk_to_another_host(kind: Kind, standin: AzureStandin):
    """B21"""
    async with AzureStandin() as other, provider_for(kind, standin) as provider:
        standin.script(redirect(f"{other.url}/v1/chat/completions"))
        heard = await hears(provider)

        assert other.server.connections == 0
    assert "not followed" in heard.error.facts  # type: ignore[union-attr]


async def test_bad_request_names_its_request_id(kind: Kind, standin: AzureStandin):
    """B10"""
    standin.script(Status(400, {"x-request-id": "req_77"}))

    async with provider_for(kind, standin) as provider:
        assert "req_77" in (await hears(provider)).error.facts  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["max_tokens", "temperature", "stream_options"])
async def test_refused_parameter_is_left_out_and_stays_so(kind: Kind, standin: AzureStandin, name: str):
    standin.refused_parameters = {name}
    new = {"azure_openai_api_version": "2024-10-21"}

    async with provider_for(kind, standin, max_tokens=9, temperature=1, **new) as provider:
        heard = [await hears(provider) for _ in range(2)]

    assert [h.error for h in heard] == [None, None]
    assert [name in request.body for request in standin.requests] == [True, False, False]
    assert ("max_completion_tokens" in standin.requests[-1].body) is (name == "max_tokens")


async def test_limit_of_a_request_is_the_smaller_one(kind: Kind, standin: AzureStandin):
    async with provider_for(kind, standin, max_tokens=20) as provider:
        for limit in (9, 90, None):
            await hears(provider, replace(asks("hola"), max_tokens=limit))

    assert [request.body["max_tokens"] for request in standin.requests] == [9, 20, 20]


async def test_limit_of_a_request_that_is_refused_takes_no_other_request_its_own(
    kind: Kind, standin: AzureStandin
):
    standin.refused_parameters = {"max_tokens", "max_completion_tokens", "temperature"}
    new = {"azure_openai_api_version": "2024-10-21"}

    async with provider_for(kind, standin, temperature=1, **new) as provider:
        heard = [await hears(provider, replace(asks("hola"), max_tokens=limit)) for limit in (9, 9, None)]

    assert [each.error for each in heard] == [None, None, None]
    names = [[name for name in request.body if name.startswith("max_")] for request in standin.requests]
    assert names.count(["max_tokens"]) == 2 and names[-1] == []


async def test_several_refused_parameters_are_learned_in_one_turn(kind: Kind, standin: AzureStandin):
    standin.refused_parameters = {"max_tokens", "max_completion_tokens", "temperature"}

    async with provider_for(kind, standin, max_tokens=9, temperature=1, retry=RetryPolicy(0)) as provider:
        heard = await hears(provider)

    assert heard.error is None
    assert len(standin.requests) == 4


# Cuts and silence


@pytest.mark.parametrize("size", [1, 7, 30])
async def test_cut_anywhere_in_a_chunk_keeps_what_was_said(kind: Kind, standin: AzureStandin, size: int):
    """B12"""
    said = text_events("uno ")
    standin.script(cut_after(said + text_events("año"), len(said) + size))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert (heard.text, type(heard.error), heard.completion) == ("uno ", LlmCut, None)


async def test_cut_inside_a_character_is_a_cut(kind: Kind, standin: AzureStandin):
    """B12"""
    stream = text_events("uno ", "ñ")
    standin.script(cut_after(stream, stream.index("ñ".encode()) + 1))

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider)

    assert (heard.text, type(heard.error)) == ("uno ", LlmCut)


async def test_half_a_tool_call_is_never_handed_on(kind: Kind, standin: AzureStandin):
    """B12"""
    half = events(chunk(CALL_START))
    standin.script(cut_after(half, len(half)), Raw([half]))

    async with provider_for(kind, standin) as provider:
        heard = [await hears(provider, asks(tools=[CALCULATE])) for _ in range(2)]

    assert [(type(h.error), h.completion) for h in heard] == [(LlmCut, None)] * 2


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (StallBeforeHeaders(), ""),
        (stall(), ""),
        (stall("uno ", "dos"), "uno dos"),
        (Drip(), ""),
        (Drip(b"\n"), ""),
        (Drip(events(chunk({"content": ""}))), ""),
        (Drip(b": x\n", first=text_events("uno ")), "uno "),
        (Drip(b"d", first=text_events("uno ")), "uno "),
    ],
    ids=repr,
)
async def test_silence_and_bytes_without_progress_are_a_stall(
    kind: Kind, standin: AzureStandin, answer: Any, text: str
):
    """B14, B15: the upstream connection is closed, too."""
    limits = {"llm_first_token_timeout_s": 0.5, "llm_stall_timeout_s": 0.3}

    async with provider_for(kind, standin, **limits) as provider:
        await hears(provider)
        standin.script(answer)
        began = asyncio.get_running_loop().time()
        heard = await hears(provider)
        took_s = asyncio.get_running_loop().time() - began
        await asyncio.wait_for(standin.requests[1].gone.wait(), 1)

    assert (heard.text, type(heard.error)) == (text, LlmStalled)
    assert 0.25 < took_s < 2


async def test_slow_answer_that_goes_on_is_no_stall(kind: Kind, standin: AzureStandin):
    """B15"""
    standin.script(Text("uno dos tres cuatro cinco seis siete ocho", delay_s=0.1))

    async with provider_for(kind, standin, llm_stall_timeout_s=0.5) as provider:
        heard = await hears(provider)

    assert (heard.text, heard.error) == ("uno dos tres cuatro cinco seis siete ocho", None)


async def test_slow_consumer_is_no_stall_of_the_service(kind: Kind, standin: AzureStandin):
    """B14"""
    standin.script(Raw([text_events("uno "), SAID_STOP], delay_s=0.01))
    text = ""

    async with provider_for(kind, standin, llm_stall_timeout_s=0.3) as provider:
        async for part in provider.stream(asks()):
            busy = asyncio.Event()
            asyncio.get_running_loop().call_later(0.6, busy.set)
            await busy.wait()
            text += part if isinstance(part, str) else ""

    assert text == "uno Hola"


# Letting go


async def test_closing_the_generator_closes_the_upstream_connection(kind: Kind, standin: AzureStandin):
    """B16, B32"""
    standin.script(Endless())

    async with provider_for(kind, standin) as provider:
        async with aclosing(provider.stream(asks())) as stream:
            assert await anext(stream) == "bla "
        await asyncio.wait_for(standin.requests[0].gone.wait(), 0.5)


@pytest.mark.parametrize("answer", [StallBeforeHeaders(), stall(), stall("uno")], ids=repr)
async def test_cancelling_the_consumer_closes_the_upstream_connection(
    kind: Kind, standin: AzureStandin, answer: Any
):
    """B32: before the headers, before the first token, in the middle."""
    arrived = asyncio.Event()
    standin.reply = lambda request: (arrived.set(), answer)[1]

    async with provider_for(kind, standin) as provider:
        consumer = asyncio.ensure_future(hears(provider))
        await arrived.wait()
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer
        await asyncio.wait_for(standin.requests[0].gone.wait(), 0.5)


async def test_full_pool_is_busy_after_a_bounded_wait(kind: Kind, standin: AzureStandin):
    """B30"""
    standin.reply = lambda request: stall("uno ")
    limits = ConnectionLimits(pool_size=2, slot_wait_s=0.1)

    async with provider_for(kind, standin, limits=limits) as provider:
        streams = [provider.stream(asks()) for _ in range(2)]
        for stream in streams:
            await anext(stream)
        heard = await hears(provider)
        for stream in streams:
            await stream.aclose()

    assert type(heard.error) is LlmBusy


async def test_one_who_waits_gets_the_slot_that_becomes_free(kind: Kind, standin: AzureStandin):
    """B30"""
    standin.script(stall("uno "), Text("dos"))

    async with provider_for(kind, standin, limits=ConnectionLimits(pool_size=1)) as provider:
        first = provider.stream(asks())
        await anext(first)
        second = asyncio.ensure_future(hears(provider))
        await first.aclose()

        assert (await second).text == "dos"


async def test_interruptions_give_their_slots_back(kind: Kind, standin: AzureStandin):
    """B30"""
    standin.reply = lambda request: stall("uno ")
    pool = ConnectionLimits(pool_size=10, slot_wait_s=0.5)

    async with provider_for(kind, standin, limits=pool) as provider:
        for _ in range(100):
            stream = provider.stream(asks())
            await anext(stream)
            await stream.aclose()
        streams = [provider.stream(asks()) for _ in range(10)]

        assert await asyncio.gather(*(anext(stream) for stream in streams)) == ["uno "] * 10
        for stream in streams:
            await stream.aclose()


@pytest.mark.parametrize(
    "answer", [Status(500), Status(400), StallBeforeHeaders(), stall("uno"), html()], ids=repr
)
async def test_failures_give_their_slots_back(kind: Kind, standin: AzureStandin, answer: Any):
    """B30"""
    standin.reply = lambda request: answer
    pool = ConnectionLimits(pool_size=1, slot_wait_s=0.2)
    quick = {"llm_first_token_timeout_s": 0.1, "llm_stall_timeout_s": 0.1}

    async with provider_for(kind, standin, limits=pool, retry=RetryPolicy(0), **quick) as provider:
        heard = [await hears(provider) for _ in range(3)]

    assert all(h.error is not None and type(h.error) is not LlmBusy for h in heard)


async def test_waiting_for_a_retry_holds_no_slot(kind: Kind, standin: AzureStandin):
    """B3: other sessions' turns run on."""
    standin.script(Status(429, {"retry-after": "0.5"}), Text("dos"), Text("uno"))
    asked = asyncio.Event()
    logging.getLogger("app.llm.chat_completions").addFilter(on_retry := (lambda record: asked.set() or True))

    async with provider_for(kind, standin, limits=ConnectionLimits(pool_size=1)) as provider:
        first = asyncio.ensure_future(hears(provider))
        await asked.wait()
        second = await hears(provider)

        assert (second.text, (await first).text) == ("dos", "uno")
    logging.getLogger("app.llm.chat_completions").removeFilter(on_retry)


async def test_many_answers_at_once_are_not_mixed(kind: Kind, standin: AzureStandin):
    async with provider_for(kind, standin) as provider:
        heard = await asyncio.gather(*(hears(provider, asks(f"uno dos {n}")) for n in range(50)))

    assert [h.text for h in heard] == [f"uno dos {n}" for n in range(50)]


async def test_history_with_tool_calls_is_accepted(kind: Kind, standin: AzureStandin):
    function = {"name": "calculate", "arguments": "{}"}
    messages = [
        {"role": "system", "content": "Eres un asistente."},
        {"role": "user", "content": "2+2"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "a", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "a", "content": "4"},
    ]

    async with provider_for(kind, standin) as provider:
        heard = await hears(provider, ChatRequest(messages, [CALCULATE]))

    assert (heard.error, standin.violations) == (None, [])

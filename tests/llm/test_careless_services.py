"""Habits of services that call themselves compatible, as tables: each row is an answer as it came over HTTP.

Where a habit has no name but its own, the row says which kind of service has it.
"""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.errors import (
    ContentFiltered,
    ContextTooLong,
    LlmAuthFailed,
    LlmBadResponse,
    LlmError,
    LlmRateLimited,
    LlmUnavailable,
)
from app.llm.base import ChatRequest, TokenUsage
from tests.support.answers import Raw, Status, Text, chunk, events
from tests.support.azure_standin import AzureStandin
from tests.support.providers import CALCULATE, Heard, asks, hears, provider_for

HO, LA, END = chunk({"content": "Ho"}), chunk({"content": "la"}), chunk({}, "stop")
SUM = '{"expression": "2+2"}'
TWO = '{"expression": "3+3"}'
CALL = {"index": 0, "id": "a", "function": {"name": "calculate", "arguments": SUM}}
JSON_TYPE = {"content-type": "application/json"}


@pytest.fixture
async def standin() -> AsyncIterator[AzureStandin]:
    async with AzureStandin() as standin:
        yield standin


def lines(*values: Any, end: str = "\n", field: str = "data: ") -> bytes:
    """Events as somebody writes them by hand."""
    texts = (value if isinstance(value, str) else json.dumps(value) for value in values)
    return "".join(f"{field}{text}{end}" for text in texts).encode()


def whole(content: str | None = "Hola", **message: Any) -> dict[str, Any]:
    """An answer in one piece."""
    said = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "message": said, "finish_reason": "tool_calls" if message else "stop"}
    return {"id": "x", "object": "chat.completion", "choices": [choice]}


def choice(**fields: Any) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, **fields}]}


async def heard_of(standin: AzureStandin, *answers: Any) -> Heard:
    standin.script(*answers)
    async with provider_for("openai", standin) as provider:
        return await hears(provider, asks(tools=[CALCULATE]))


FRAMED: dict[str, bytes] = {
    "one line break between events": lines(HO, LA, END, "[DONE]"),
    "one CRLF between events": lines(HO, LA, END, "[DONE]", end="\r\n"),
    "one CR between events": lines(HO, LA, END, "[DONE]", end="\r"),
    "no line end behind the last event": lines(HO) + b"\n" + lines(chunk({"content": "la"}, "stop"), end=""),
    "no line end behind [DONE]": lines(HO, LA, end="\n\n") + b"data: [DONE]",
    "the field's name twice": lines(HO, LA, END, "[DONE]", end="\n\n", field="data: data: "),
    "an event stream in an event stream": b"".join(
        lines(each) + b"data: \ndata: \n\n"
        for each in (f"data: {json.dumps(HO)}", f"data: {json.dumps(LA)}", "data: [DONE]")
    ),
    "no blank behind the field": lines(HO, LA, END, "[DONE]", end="\n\n", field="data:"),
    "a blank before the field": lines(HO, LA, END, "[DONE]", end="\n\n", field="  data: "),
    "a mark of the byte order before each event": lines(
        HO, LA, END, "[DONE]", end="\n\n", field="\ufeffdata: "
    ),
    "a field in capitals": lines(HO, LA, END, "[DONE]", end="\n\n", field="DATA: "),
    "JSON by lines": lines(HO, LA, END, field=""),
    "JSON in the line behind the field": lines(HO, LA, "[DONE]", end="\n\n", field="data:\n "),
    "two values in one event": lines(json.dumps(HO) + json.dumps(LA), "[DONE]", end="\n\n"),
    "the next event in the same line": lines(
        json.dumps(HO) + "data: " + json.dumps(LA), "[DONE]", end="\n\n"
    ),
    "JSON over many lines": b"".join(
        b"".join(b"data: " + line + b"\n" for line in json.dumps(each, indent=1).encode().split(b"\n"))
        + b"\n"
        for each in (HO, LA, END)
    ),
    "comments within the lines of JSON": b": one\n"
    + lines(HO)
    + b": two\n\n: three\n\n"
    + lines(LA, END, end="\n\n"),
    "[done]": lines(HO, LA, "[done]", end="\n\n"),
    "[DONE] in quotes": lines(HO, LA, '"[DONE]"', end="\n\n"),
    "[DONE] without a field": lines(HO, LA, end="\n\n") + b"[DONE]\n\n",
    "a whole answer": lines(whole(), field="", end=""),
    "a whole answer, for people": json.dumps(whole(), indent=2).encode(),
    "a whole answer in a list": json.dumps([whole()]).encode(),
    "a comma too many": lines('{"choices":[{"delta":{"content":"Hola, [a,]"},},]}', "[DONE]", end="\n\n"),
}


@pytest.mark.parametrize("body", FRAMED.values(), ids=FRAMED.keys())
async def test_answer_is_read_however_its_events_are_framed(standin: AzureStandin, body: bytes):
    heard = await heard_of(standin, Raw([body]))

    assert heard.error is None
    assert heard.text in ("Hola", "Hola, [a,]")


@pytest.mark.parametrize("body", FRAMED.values(), ids=FRAMED.keys())
async def test_the_same_comes_out_of_single_bytes(standin: AzureStandin, body: bytes):
    heard = await heard_of(standin, Raw([body[at : at + 1] for at in range(len(body))]))

    assert heard.error is None
    assert heard.text in ("Hola", "Hola, [a,]")


SHAPED: dict[str, tuple[list[Any], TokenUsage | None]] = {
    "a content that is one part": ([chunk({"content": {"type": "text", "text": "Hola"}}), END], None),
    "a part whose text has a value": (
        [chunk({"content": [{"type": "text", "text": {"value": "Hola"}}]}), END],
        None,
    ),
    "a text in the place of a delta": ([choice(text="Ho"), choice(text="la", finish_reason="stop")], None),
    "a delta that is a text": ([choice(delta="Hola"), END], None),
    "a delta in a list": ([choice(delta=[{"content": "Hola"}]), END], None),
    "one choice that is no list": ([{"choices": {"delta": {"content": "Hola"}}}, END], None),
    "an empty delta beside a message": (
        [choice(delta={}, message={"content": "Hola"}, finish_reason="stop")],
        None,
    ),
    "all that was said so far beside the delta": (
        [
            choice(delta={"content": "Ho"}, message={"content": "Ho"}),
            choice(delta={"content": "la"}, message={"content": "Hola"}, finish_reason="stop"),
        ],
        None,
    ),
    "finishReason": ([HO, LA, choice(delta={}, finishReason="stop")], None),
    "counts within x_groq": (
        [HO, LA, {**END, "x_groq": {"usage": {"prompt_tokens": 7, "completion_tokens": 2}}}],
        TokenUsage(7, 2),
    ),
    "counts within the choice": (
        [HO, LA, choice(delta={}, finish_reason="stop", usage={"prompt_tokens": 7, "completion_tokens": 2})],
        TokenUsage(7, 2),
    ),
    "counts as fractions": (
        [HO, LA, END, {"choices": [], "usage": {"prompt_tokens": 7.0, "completion_tokens": 2.0}}],
        TokenUsage(7, 2),
    ),
    "counts that are none": (
        [HO, LA, END, '{"choices": [], "usage": {"prompt_tokens": nan, "completion_tokens": -inf}}'],
        None,
    ),
    "a good word of a service's own": (
        [{**HO, "base_resp": {"status_code": 0, "status_msg": ""}}, LA, END],
        None,
    ),
    "a status that is fine": ([{"code": 200, "message": "success"}, HO, LA, END], None),
    "what a filter found, without a delta": (
        [
            {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
            HO,
            choice(
                content_filter_results={}, content_filter_offsets={"check_offset": 44}, finish_reason=None
            ),
            LA,
            END,
        ],
        None,
    ),
}


@pytest.mark.parametrize(("values", "usage"), SHAPED.values(), ids=SHAPED.keys())
async def test_answer_is_read_whatever_its_shape(
    standin: AzureStandin, values: list[Any], usage: TokenUsage | None
):
    heard = await heard_of(standin, Raw([events(*values, "[DONE]")]))

    assert (heard.error, heard.text) == (None, "Hola")
    assert heard.completion is not None
    assert heard.completion.usage == usage


@pytest.mark.parametrize("body", [json.dumps(whole()).encode(), lines(HO, LA, END, end="\n\n")])
async def test_answer_that_is_called_json_is_one(standin: AzureStandin, body: bytes):
    heard = await heard_of(standin, Raw([body], headers=JSON_TYPE))

    assert (heard.error, heard.text) == (None, "Hola")


async def test_whole_answer_may_call_tools(standin: AzureStandin):
    called = {"id": "a", "type": "function", "function": {"name": "calculate", "arguments": SUM}}
    heard = await heard_of(standin, Status(200, body=whole(None, tool_calls=[called])))

    assert heard.completion is not None
    assert [(call.name, call.arguments) for call in heard.completion.tool_calls] == [("calculate", SUM)]


async def test_json_that_is_neither_answer_nor_error_is_quoted(standin: AzureStandin):
    heard = await heard_of(standin, Status(200, body={"status": "ok", "service": "another"}))

    assert type(heard.error) is LlmBadResponse
    assert '"service":"another"' in heard.error.facts


async def test_half_an_event_at_the_end_is_a_cut(standin: AzureStandin):
    heard = await heard_of(
        standin, Raw([lines(HO, end="\n\n") + b'data: {"choices":[{"delta":{"content":"la"}}'])
    )

    assert heard.error is not None
    assert heard.error.code == "llm_cut"
    assert heard.text == "Ho"


FAILED: dict[str, tuple[Any, type[LlmError], bool]] = {
    "within the choice": (
        choice(delta={"content": ""}, error={"code": 429, "message": "Slow down"}),
        LlmRateLimited,
        True,
    ),
    "within the choice, with a reason": (
        choice(delta={"content": ""}, finish_reason="error", error={"code": 502, "message": "Network lost"}),
        LlmBadResponse,
        True,
    ),
    "within the choice, of a moderator": (
        choice(
            delta={},
            finish_reason="error",
            error={"code": 403, "message": "Your input was flagged for violence"},
        ),
        ContentFiltered,
        False,
    ),
    "in a list": (
        [{"error": {"code": 503, "message": "No room.", "status": "UNAVAILABLE"}}],
        LlmBadResponse,
        True,
    ),
    "for people, without a field": (
        json.dumps({"error": {"code": 503, "message": "busy"}}, indent=2),
        LlmBadResponse,
        True,
    ),
    "a word": ({"error": "upstream connect error or disconnect/reset before headers"}, LlmUnavailable, True),
    "a code and words": (
        {"code": "Throttling", "message": "Requests rate limit exceeded"},
        LlmRateLimited,
        True,
    ),
    "a code of a text that is not taken": (
        {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content."},
        ContentFiltered,
        False,
    ),
    "a code of a prompt too long": (
        {"code": "InvalidParameter", "message": "Range of input length should be [1, 30720]"},
        ContextTooLong,
        False,
    ),
    "error_code": (
        {"error_code": 110, "error_msg": "Access token invalid or no longer valid"},
        LlmAuthFailed,
        False,
    ),
    "base_resp": (
        {"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
        LlmRateLimited,
        True,
    ),
    "errors": ({"success": False, "errors": [{"code": 3040, "message": "overloaded"}]}, LlmUnavailable, True),
    "detail": ({"detail": "Service unavailable"}, LlmUnavailable, True),
    "type": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        LlmBadResponse,
        True,
    ),
}


@pytest.mark.parametrize("is_json", [False, True], ids=["stream", "json"])
@pytest.mark.parametrize(("value", "error", "is_tried_again"), FAILED.values(), ids=FAILED.keys())
async def test_error_is_one_whatever_its_shape(
    standin: AzureStandin, value: Any, error: type[LlmError], is_tried_again: bool, is_json: bool
):
    text = value if isinstance(value, str) else json.dumps(value)
    body = text.encode() if is_json or isinstance(value, str) else f"data: {text}\n\n".encode()
    failed = Raw([body], headers=JSON_TYPE) if is_json else Raw([body])
    tries = 3 if is_tried_again else 1
    told = await heard_of(standin, *[failed] * tries)

    assert type(told.error) is error
    assert len(standin.requests) == tries


def pieces(*arguments: Any, name: str = "calculate") -> list[Any]:
    head = {"index": 0, "id": "a", "function": {"name": name}}
    return [
        chunk({"tool_calls": [head]}),
        *(chunk({"tool_calls": [{"index": 0, "function": {"arguments": each}}]}) for each in arguments),
    ]


CALLED: dict[str, list[Any]] = {
    "the text of a text": pieces(json.dumps(SUM)),
    "the text of a text of a text": pieces(json.dumps(json.dumps(SUM))),
    "the text of a text, in pieces": pieces(json.dumps(SUM)[:9], json.dumps(SUM)[9:]),
    "a fence": pieces(f"```json\n{SUM}\n```"),
    "a template's token behind them": pieces(SUM, "<|im_end|>"),
    "two tokens behind them": pieces(SUM, "\n</tool_call>", "<|eot_id|>"),
    "Python's quotes": pieces("{'expression': '2+2'}"),
    "a comma too many": pieces('{"expression": "2+2",}'),
    "a list of one object": pieces([{"expression": "2+2"}]),
    "all that has come, each time": pieces('{"exp', '{"expression": "2', SUM),
    "an object in the place of a text": pieces({"expression": "2+2"}),
    "parameters": [
        chunk({"tool_calls": [{"id": "a", "function": {"name": "calculate", "parameters": SUM}}]})
    ],
    "null before them": pieces(None, "", SUM),
    "a channel behind the name": pieces(SUM, name="calculate<|channel|>commentary"),
    "a namespace before the name": pieces(SUM, name="functions.calculate"),
    "a namespace and a number": pieces(SUM, name="functions.calculate:0"),
    "quotes around the name": pieces(SUM, name='"calculate"'),
    "blanks around the name": pieces(SUM, name=" calculate\n"),
    "a number that begins with one": [chunk({"tool_calls": [{**CALL, "index": 1}]})],
    "the same call in a message at the end": [
        chunk({"tool_calls": [CALL]}),
        choice(delta={}, message={"tool_calls": [CALL]}, finish_reason="tool_calls"),
    ],
}


@pytest.mark.parametrize("values", CALLED.values(), ids=CALLED.keys())
async def test_call_is_what_its_model_meant(standin: AzureStandin, values: list[Any]):
    heard = await heard_of(standin, Raw([events(*values, chunk({}, "tool_calls"), "[DONE]")]))

    assert heard.completion is not None
    called = [(call.name, json.loads(call.arguments)) for call in heard.completion.tool_calls]
    assert called == [("calculate", {"expression": "2+2"})]


@pytest.mark.parametrize("arguments", ["null", "None", "", "{}", "[]", '""', "undefined"])
async def test_no_arguments_are_none(standin: AzureStandin, arguments: str):
    heard = await heard_of(standin, Raw([events(*pieces(arguments), chunk({}, "tool_calls"), "[DONE]")]))

    assert heard.completion is not None
    assert [json.loads(call.arguments or "{}") for call in heard.completion.tool_calls] == [{}]


@pytest.mark.parametrize(
    "arguments",
    [
        '{"expression": "2+2"',
        '"{\\"expression\\": \\"2',
        '{"expression": "2+',
        "2+2",
        '["2", "2"]',
        "{'a': open}",
    ],
)
async def test_half_an_object_is_never_made_whole(standin: AzureStandin, arguments: str):
    heard = await heard_of(standin, Raw([events(*pieces(arguments), chunk({}, "tool_calls"), "[DONE]")]))

    assert heard.completion is not None
    assert [call.arguments for call in heard.completion.tool_calls] == [arguments]


async def test_two_calls_that_each_grow_stay_two(standin: AzureStandin):
    values = [
        chunk(
            {
                "tool_calls": [
                    {"index": at, "id": f"c{at}", "function": {"name": "calculate", "arguments": text}}
                ]
            }
        )
        for at, whole_text in enumerate((SUM, TWO))
        for text in (whole_text[:8], whole_text)
    ]
    heard = await heard_of(standin, Raw([events(*values, chunk({}, "tool_calls"), "[DONE]")]))

    assert heard.completion is not None
    assert [json.loads(call.arguments)["expression"] for call in heard.completion.tool_calls] == [
        "2+2",
        "3+3",
    ]


SIGNED = {"google": {"thought_signature": "S"}}
BESIDE: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "beside the call, in its delta": (
        [chunk({"tool_calls": [CALL], "extra_content": SIGNED})],
        {"extra_content": SIGNED},
    ),
    "beside the delta": (
        [choice(delta={"tool_calls": [CALL]}, extra_content=SIGNED)],
        {"extra_content": SIGNED},
    ),
    "in a delta of its own": (
        [chunk({"tool_calls": [CALL]}), chunk({"content": "", "extra_content": SIGNED})],
        {"extra_content": SIGNED},
    ),
    "in a thought, whose mark is not of the whole": (
        [
            chunk({"content": "Hm", "extra_content": {"google": {"thought": True}}}),
            chunk(
                {"content": "Hm", "extra_content": {"google": {"thought": True, "thought_signature": "S"}}}
            ),
            chunk({"tool_calls": [CALL]}),
        ],
        {"extra_content": SIGNED},
    ),
    "blocks of a thought, in pieces": (
        [
            chunk({"thinking_blocks": [{"type": "thinking", "thinking": "H", "signature": ""}]}),
            chunk({"thinking_blocks": [{"type": "thinking", "thinking": "m", "signature": ""}]}),
            chunk({"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "S"}]}),
            chunk({"thinking_blocks": [{"type": "redacted_thinking", "data": "X"}]}),
            chunk({"tool_calls": [CALL]}),
        ],
        {
            "thinking_blocks": [
                {"type": "thinking", "thinking": "Hm", "signature": "S"},
                {"type": "redacted_thinking", "data": "X"},
            ]
        },
    ),
    "something opaque": (
        [chunk({"reasoning_text": "Hm"}), chunk({"reasoning_opaque": "S"}), chunk({"tool_calls": [CALL]})],
        {"reasoning_opaque": "S"},
    ),
}


@pytest.mark.parametrize(("values", "fields"), BESIDE.values(), ids=BESIDE.keys())
async def test_what_comes_beside_a_call_is_kept_wherever_it_stands(
    standin: AzureStandin, values: list[Any], fields: dict[str, Any]
):
    heard = await heard_of(standin, Raw([events(*values, chunk({}, "tool_calls"), "[DONE]")]))

    assert heard.completion is not None
    assert heard.completion.extras is not None
    assert heard.completion.extras["fields"] == fields


async def test_service_that_wants_tools_beside_calls_gets_their_names(standin: AzureStandin):
    """As gateways before Bedrock do, once a turn may call no more."""
    words = "doesn't support tool calling without `tools=` param specified."
    called = {"id": "c1", "type": "function", "function": {"name": "calculate", "arguments": SUM}}
    request = ChatRequest(
        [
            {"role": "user", "content": "2+2?"},
            {"role": "assistant", "content": None, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "c1", "content": "4"},
        ]
    )
    standin.script(Status(400, message=words), Text("Cuatro."), Text("Cuatro."))
    async with provider_for("openai", standin) as provider:
        heard = [await hears(provider, request) for _ in range(2)]

    assert [each.text for each in heard] == ["Cuatro.", "Cuatro."]
    offered = [[tool["function"]["name"] for tool in each.body.get("tools", [])] for each in standin.requests]
    assert offered == [[], ["calculate"], ["calculate"]]


@pytest.mark.parametrize(
    "odd",
    [
        '"' * 500_000,
        '\\"' * 300_000,
        '{"a":"' + "\\" * 600_000,
        ",}" * 300_000,
        "nan" * 200_000,
        "{}" * 300_000,
    ],
    ids=["quotes", "escaped", "escapes", "commas", "nans", "objects"],
)
async def test_event_that_is_odd_all_over_holds_nobody_up(standin: AzureStandin, odd: str):
    began = time.process_time()
    heard = await heard_of(standin, Raw([f"data: {odd}\n\n".encode()]))

    assert time.process_time() - began < 5
    assert heard.error is not None

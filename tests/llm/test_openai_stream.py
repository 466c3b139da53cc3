import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import LlmBadResponse, LlmRateLimited
from app.llm.base import Completion, FunctionCall, TokenUsage
from app.llm.offered_tools import OfferedTools
from app.llm.openai_errors import Hints
from app.llm.openai_stream import AnswerDecoder
from app.llm.thinking_habit import ThinkingHabit
from tests.support.answers import AZURE_FIRST_CHUNK, chunk, events, text_events

HINTS = Hints(key="k" * 20, key_setting="KEY", model="MODEL", endpoint="URL")


def decoded(*values: Any) -> tuple[list[str], AnswerDecoder]:
    decoder = AnswerDecoder(HINTS)
    return decoder.feed(events(*values)), decoder


def test_text_comes_out_piece_by_piece():
    pieces, _ = decoded(chunk({"content": "Ho"}), chunk({"content": "la"}))

    assert pieces == ["Ho", "la"]


@pytest.mark.parametrize(
    "value",
    [
        AZURE_FIRST_CHUNK,
        {"id": "x", "object": "chat.completion.chunk"},
        {"choices": None},
        {"choices": "none"},
        {"choices": [None]},
        {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        {"choices": [{"index": 0}]},
        chunk({"role": "assistant", "content": ""}),
        chunk({"role": "assistant", "content": None, "audio": None, "new_field": {"a": [1]}}),
        chunk({"content": 7}),
        chunk({"tool_calls": None}),
        {"usage": "much"},
    ],
)
def test_chunk_that_says_nothing_is_no_progress_and_no_fault(value: dict[str, Any]):
    """B17: counting Azure's first chunk as progress would forbid the retry that a 429 still allows."""
    pieces, decoder = decoded(value)

    assert pieces == []
    assert not decoder.has_progress
    assert decoder.failure is None


def test_usage_comes_in_a_chunk_of_its_own_or_never():
    """B17"""
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
    _, with_usage = decoded(chunk(finish_reason="stop"), {"choices": [], "usage": usage})
    _, without = decoded(chunk(finish_reason="stop", usage=None))

    assert with_usage.completion() == Completion("stop", (), TokenUsage(12, 3))
    assert without.completion().usage is None


def test_refusal_is_text():
    """B27"""
    assert decoded(chunk({"refusal": "No puedo."}))[0] == ["No puedo."]


def test_text_and_tool_calls_of_one_delta_are_both_read():
    """B27"""
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}

    pieces, decoder = decoded(chunk({"content": "Voy", "tool_calls": [call]}), "[DONE]")

    assert pieces == ["Voy"]
    assert decoder.completion() == Completion("tool_calls", (FunctionCall("a", "f", "{}"),))


def test_content_in_parts_is_joined():
    assert decoded(chunk({"content": [{"type": "text", "text": "Ho"}, {"type": "text", "text": "la"}]}))[
        0
    ] == ["Hola"]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thought_is_progress_but_no_text(name: str):
    """B15: a model that thinks for minutes is not silent."""
    pieces, decoder = decoded(chunk({"content": "", name: "Hmm"}))

    assert pieces == []
    assert decoder.has_progress


def test_calls_tell_more_than_the_finish_reason():
    """B27"""
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}

    _, decoder = decoded(chunk({"tool_calls": [call]}), chunk(finish_reason="stop"), "[DONE]")

    assert decoder.completion() == Completion("stop", (FunctionCall("a", "f", "{}"),))


def test_done_alone_is_an_empty_answer():
    """B27"""
    pieces, decoder = decoded("[DONE]")

    assert pieces == []
    assert decoder.has_ended
    assert decoder.completion() == Completion("stop")


def test_nothing_counts_after_done():
    pieces, decoder = decoded("[DONE]", chunk({"content": "late"}), "{broken")

    assert pieces == []
    assert decoder.failure is None


@pytest.mark.parametrize("data", ['{"broken', "7", '"text"', "[1]", "{'a': 1}", '{"a": 1,,}', "[" * 100_000])
def test_event_that_is_no_json_object_is_a_bad_response(data: str):
    """B18"""
    _, decoder = decoded(data)

    assert decoder.failure is not None
    assert isinstance(decoder.failure.error, LlmBadResponse)


def test_text_before_a_fault_in_the_same_bytes_is_kept():
    """B5"""
    decoder = AnswerDecoder(HINTS)

    pieces = decoder.feed(text_events("uno ", "dos") + b"data: {broken\n\n" + text_events("tres"))

    assert pieces == ["uno ", "dos"]
    assert decoder.failure is not None


def test_error_object_is_mapped_by_its_code():
    """B18"""
    _, decoder = decoded({"error": {"code": "rate_limit_exceeded", "message": "slow down"}})

    assert decoder.failure is not None
    assert isinstance(decoder.failure.error, LlmRateLimited)


def test_event_named_error_is_an_error_whatever_its_data():
    """B18"""
    decoder = AnswerDecoder(HINTS)

    decoder.feed(b'event: error\ndata: {"message": "boom"}\n\n')

    assert decoder.failure is not None
    assert "boom" in decoder.failure.error.facts


def test_last_event_without_its_empty_line_counts_at_the_end():
    """B13"""
    decoder = AnswerDecoder(HINTS)
    decoder.feed(events(chunk(finish_reason="stop")).removesuffix(b"\n"))
    assert not decoder.has_ended

    decoder.finish()

    assert decoder.has_ended


def test_tool_calls_without_end_are_a_bad_response():
    """B22"""
    decoder = AnswerDecoder(HINTS)
    piece = events(chunk({"tool_calls": [{"index": 0, "function": {"arguments": "x" * 900_000}}]}))

    for _ in range(5):
        decoder.feed(piece)

    assert decoder.failure is not None


# Dialects


def raw(*datas: str) -> tuple[list[str], AnswerDecoder]:
    decoder = AnswerDecoder(HINTS)
    pieces = decoder.feed("".join(f"data: {data}\n\n" for data in datas).encode())
    return pieces + decoder.rest(), decoder


def delta(fields: str, more: str = "") -> str:
    return f'{{"choices": [{{"index": 0, "delta": {fields}}}]{more}}}'


@pytest.mark.parametrize(
    ("datas", "text"),
    [
        ([delta('{"content": "Hola \\ud83d"}'), delta('{"content": "\\ude00 fin"}')], "Hola \U0001f600 fin"),
        ([delta('{"content": "\\ud83d"}'), delta('{"content": "\\ude00"}')], "\U0001f600"),
        ([delta('{"content": "a\\ud83d"}'), delta('{"content": "b"}')], "a\ufffdb"),
        ([delta('{"content": "a\\ud83d"}')], "a\ufffd"),
        ([delta('{"content": "\\ude00a"}')], "\ufffda"),
        ([delta('{"content": "Hola"}', ', "usage": {"prompt_tokens": NaN}')], "Hola"),
        ([delta('{"content": "Hola"}', ', "x": [Infinity, -Infinity]')], "Hola"),
        ([delta('{"content": "Hola"}', f', "x": {"9" * 5000}')], "Hola"),
        ([delta('{"content": "a", "content": "Hola"}')], "Hola"),
        (["\ufeff" + delta('{"content": "Hola"}')], "Hola"),
        ([delta('{"content": "Ho\tla\x01"}')], "Ho\tla\x01"),
        ([delta('{"content": "Hola"}') + "\0"], "Hola"),
        ([delta('{"content": "Hola"}'), "[DONE] "], "Hola"),
        (["", delta('{"content": "Hola"}')], "Hola"),
        (["null", "[]", delta('{"content": "Hola"}')], "Hola"),
        (["\nevent: ping\ndata: alive", delta('{"content": "Hola"}')], "Hola"),
        ([delta('{"refusal": "No \\ud83d"}'), delta('{"refusal": "\\ude00"}')], "No \U0001f600"),
    ],
    ids=repr,
)
def test_odd_json_is_read_as_other_clients_read_it(datas: list[str], text: str):
    pieces, decoder = raw(*datas)

    assert decoder.failure is None
    assert "".join(pieces) == text
    assert "".join(pieces).encode()


def test_bytes_that_are_no_utf8_cost_a_character_and_no_answer():
    decoder = AnswerDecoder(HINTS)

    assert decoder.feed(b'data: {"choices":[{"delta":{"content":"a\xffb"}}]}\n\n') == ["a\ufffdb"]


@pytest.mark.parametrize(
    "fields",
    [
        '{"reasoning_details": [{"content": "\\ud83d"}]}',
        '{"tool_calls": [{"index": 0, "content": "\\ud83d", "function": {"name": "f", "arguments": "{}"}}]}',
        '{"reasoning_content": "\\ud83d"}',
    ],
)
def test_half_a_character_in_what_goes_back_is_none(fields: str):
    completion = raw(delta(fields), "[DONE]")[1].completion("s")

    assert orjson.dumps([completion.extras, [call.extras for call in completion.tool_calls]])


def test_half_a_character_in_a_call_is_joined():
    parts = ['{\\"x\\": \\"\\ud83d', '\\ude00\\"}']
    pieces = [
        delta(f'{{"tool_calls": [{{"index": 0, "function": {{"arguments": "{part}"}}}}]}}') for part in parts
    ]
    name = delta('{"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]}')

    assert raw(name, *pieces)[1].completion().tool_calls == (FunctionCall("a", "f", '{"x": "\U0001f600"}'),)


@pytest.mark.parametrize(
    "value",
    [
        [{"type": "thinking", "thinking": [{"type": "text", "text": "Hmm"}]}],
        [{"type": "reasoning", "text": "Hmm"}],
    ],
)
def test_part_that_is_a_thought_is_progress_but_no_text(value: Any):
    pieces, decoder = decoded(chunk({"content": value}))

    assert (pieces, decoder.has_progress) == ([], True)


@pytest.mark.parametrize(
    "mark", [{"thought": True}, {"extra_content": {"google": {"thought": True}}}, {"reasoning_content": "x"}]
)
def test_delta_that_is_a_thought_is_no_text(mark: dict[str, Any]):
    content = "" if "reasoning_content" in mark else "Hmm"
    assert decoded(chunk({"content": content, **mark}), chunk({"content": "Hola"}))[0] == ["Hola"]


def test_call_in_the_old_form_is_read():
    _, decoder = decoded(
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}),
        chunk(finish_reason="function_call"),
    )

    assert decoder.completion() == Completion("tool_calls", (FunctionCall("", "f", "{}"),))


def test_answer_that_comes_whole_in_one_event_is_read():
    whole = {"choices": [{"index": 0, "message": {"content": "Hola"}, "finish_reason": "stop"}]}

    assert decoded(whole)[0] == ["Hola"]
    assert decoded(chunk({"content": "Hola"}), whole)[0] == ["Hola"]


@pytest.mark.parametrize(
    "tags",
    [
        "<tool_call>",
        "<tool_call>\n</tool_call>",
        "[TOOL_CALLS]",
        "```json\n",
        "<reflection>hm</reflection>\n",
    ],
)
def test_tags_that_a_server_leaves_around_a_call_are_no_text(tags: str):
    call = {"index": 0, "id": "a", "function": {"name": "calculate", "arguments": "{}"}}
    decoder = AnswerDecoder(HINTS, OfferedTools([{"type": "function", "function": {"name": "calculate"}}]))
    pieces = decoder.feed(
        events(chunk({"content": tags}), chunk({"tool_calls": [call]}, "tool_calls"), "[DONE]")
    )

    assert pieces + decoder.rest() == []
    assert [each.name for each in decoder.completion().tool_calls] == ["calculate"]


def test_error_that_is_not_called_one_is_one():
    _, decoder = decoded({"object": "error", "message": "boom", "code": 500})

    assert decoder.failure is not None
    assert "boom" in decoder.failure.error.facts


def test_thought_and_its_call_leave_the_call():
    call = '<think>Hmm</think>\n<tool_call>{"name": "f", "arguments": {"n": 1}}</tool_call>'
    decoder = AnswerDecoder(HINTS, OfferedTools([{"type": "function", "function": {"name": "f"}}]))
    pieces = decoder.feed(text_events(*call) + events(chunk(finish_reason="stop"), "[DONE]"))

    assert pieces + decoder.rest() == []
    assert decoder.completion() == Completion("stop", (FunctionCall("", "f", '{"n": 1}'),))


def test_thought_that_comes_apart_leaves_the_text_of_a_thinking_model_at_once():
    decoder = AnswerDecoder(HINTS, habit=ThinkingHabit("deepseek-r1"))

    assert decoder.feed(events(chunk({"reasoning_content": "Hmm"}), chunk({"content": "Consideremos"}))) == [
        "Consideremos"
    ]


def test_thought_that_ends_in_the_same_bytes_has_not_left_yet():
    decoder = AnswerDecoder(HINTS)

    assert decoder.feed(text_events("Consideremos ", "todo.\n", "</think>", "\n\nHola")) == ["Hola"]


CALL_PIECE = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1}


@pytest.mark.parametrize(
    ("values", "is_ending"),
    [
        ([chunk({"content": "uno"}), chunk(finish_reason="stop")], True),
        ([chunk({"content": "uno"}), chunk({"content": ""}, finish_reason="stop")], True),
        ([chunk({"content": "uno"}, finish_reason="stop")], False),
        ([chunk({"content": ""}, finish_reason="stop")], False),
        ([chunk({"content": "uno"}, finish_reason="stop"), chunk({"content": "dos"})], False),
        (
            [
                chunk({"content": "1"}, finish_reason="stop"),
                chunk({"content": "2"}),
                chunk(finish_reason="stop"),
            ],
            False,
        ),
        ([chunk({"content": "uno"}), chunk(finish_reason="")], False),
        ([chunk({"content": "uno"}), chunk({"content": "dos"}, finish_reason="stop")], True),
        ([chunk({"role": "assistant", "content": ""}), chunk({"content": "1"}, finish_reason="stop")], True),
        ([chunk({"content": "uno"}, finish_reason="length")], True),
        ([chunk({"tool_calls": [CALL_PIECE]}, finish_reason="tool_calls")], True),
        ([chunk({"content": "uno"}, finish_reason="stop"), {"choices": [], "usage": USAGE}], True),
        ([chunk({"content": "uno"}, finish_reason="stop", usage=USAGE)], False),
        ([chunk({"content": "uno"}, finish_reason="null"), chunk({"content": "dos"})], False),
        (
            [
                chunk({"content": "uno"}),
                chunk({"content": "dos"}, finish_reason="stop"),
                chunk({"content": "tres"}),
            ],
            False,
        ),
    ],
)
def test_only_a_reason_with_which_the_answer_can_be_whole_is_near_the_end(values: list[Any], is_ending: bool):
    assert decoded(*values)[1].is_ending is is_ending


ATOMS = [None, 0, 1.5, 10**30, float("nan"), True, "", "f", "{}", "{", "<think>", "stop", "\ud83d", "\ude00"]
KEYS = [
    "choices", "delta", "content", "tool_calls", "function", "name", "arguments", "id", "index",
    "usage", "message", "refusal", "reasoning_content", "reasoning_details", "extra_content", "text",
]  # fmt: skip
VALUES = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4), max_size=6))
def test_no_delta_of_any_shape_breaks_the_reader(deltas: list[dict[str, Any]]):
    data = "".join(f"data: {json.dumps({'choices': [{'index': 0, 'delta': each}]})}\n\n" for each in deltas)
    decoder = AnswerDecoder(HINTS, OfferedTools([{"type": "function", "function": {"name": "f"}}]))

    pieces = decoder.feed(data.encode()) + decoder.finish() + decoder.rest()
    completion = decoder.completion("s")

    assert all(piece.encode() for piece in pieces)
    calls = [(call.id, call.name, call.arguments, call.extras) for call in completion.tool_calls]
    assert orjson.dumps([completion.extras, calls])

"""What a service gives along with an answer or a call: kept as it came, and bounded."""

from typing import Any

import pytest

from app.llm.extras import MAX_FIELD_BYTES, MAX_THOUGHT_CHARS
from app.llm.openai_stream import AnswerDecoder
from tests.llm.test_openai_stream import HINTS
from tests.support.answers import chunk, events

STOP = chunk({}, "tool_calls")


def completion_of(*deltas: dict[str, Any]) -> Any:
    decoder = AnswerDecoder(HINTS)
    for delta in deltas:
        decoder.feed(events(chunk(delta)))
    decoder.feed(events(STOP, "[DONE]"))
    assert decoder.failure is None
    return decoder.completion("the service")


def call(index: int = 0, **fields: Any) -> dict[str, Any]:
    function = {"name": "look", "arguments": "{}"}
    return {"tool_calls": [{"index": index, "id": f"c{index}", "function": function, **fields}]}


SIGNATURE = {"google": {"thought_signature": "abc"}}

KEPT: dict[str, tuple[list[dict[str, Any]], dict[str, Any] | None, list[dict[str, Any] | None]]] = {
    "nothing": ([call()], None, [None]),
    "thoughts in pieces": (
        [{"content": None, "reasoning_content": "Ve"}, {"reasoning_content": "amos"}, call()],
        {"reasoning_content": "Veamos"},
        [None],
    ),
    "thoughts beside a call": ([call() | {"reasoning_content": "Ya"}], {"reasoning_content": "Ya"}, [None]),
    "thoughts that nobody wants back": ([{"reasoning": "Hm"}, call()], None, [None]),
    "a signature on the first of two calls": (
        [call(extra_content=SIGNATURE), call(1)],
        None,
        [{"extra_content": SIGNATURE}, None],
    ),
    "a signature in a piece of its own": (
        [call(), {"tool_calls": [{"index": 0, "extra_content": SIGNATURE}]}],
        None,
        [{"extra_content": SIGNATURE}],
    ),
    "unknown fields": ([call(cookie=[1], empty=None)], None, [{"cookie": [1]}]),
    "details in pieces": (
        [
            {"reasoning_details": [{"type": "reasoning.text", "text": "Ve", "index": 0}]},
            {"reasoning_details": [{"type": "reasoning.text", "text": "amos", "index": 0, "signature": "s"}]},
            {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "id": "r1", "index": 1}]},
            call(),
        ],
        {
            "reasoning_details": [
                {"type": "reasoning.text", "text": "Veamos", "index": 0, "signature": "s"},
                {"type": "reasoning.encrypted", "data": "x", "id": "r1", "index": 1},
            ]
        },
        [None],
    ),
    "a field over its limit": ([call(cookie="x" * MAX_FIELD_BYTES, other=1)], None, [{"other": 1}]),
    "details over their limit": (
        [{"reasoning_details": [{"type": "t", "data": "x" * MAX_FIELD_BYTES}]}, call()],
        None,
        [None],
    ),
}


@pytest.mark.parametrize(("deltas", "of_message", "of_calls"), KEPT.values(), ids=list(KEPT))
def test_what_is_kept(deltas: Any, of_message: Any, of_calls: Any):
    completion = completion_of(*deltas)

    kept = [completion.extras, *(each.extras for each in completion.tool_calls)]
    assert [each and each["fields"] for each in kept] == [of_message, *of_calls]
    assert {each["service"] for each in kept if each} <= {"the service"}


def test_long_thoughts_lose_their_beginning():
    pieces = [{"reasoning_content": f"{n:05} " * 100} for n in range(1000)]
    thought = completion_of(*pieces, call()).extras["fields"]["reasoning_content"]

    assert len(thought) == MAX_THOUGHT_CHARS
    assert thought.endswith("00999 ")

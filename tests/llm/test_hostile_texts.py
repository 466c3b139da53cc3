"""What a model, or who has it say something, may write: of one sign ever so often, it is read in little time.

The goal is 20 ms for 16,000 characters; ten times of that is the bound. What grows with the square of the
length takes seconds. It is the time of this thread that counts, not what the machine does beside it.
"""

import random
import time
from collections.abc import Callable

import pytest

from app.llm.answer_text import AnswerText
from app.llm.call_places import CallPlaces
from app.llm.odd_json import read_odd_json
from app.llm.offered_tools import OfferedTools
from app.llm.request_messages import request_messages
from app.llm.sse import SseSplitter
from app.llm.thinking_habit import ModelHabits
from app.llm.tool_call_pieces import ToolCallPieces
from app.llm.written_calls import written_calls
from tests.support.providers import CALCULATE

CHARS = 16_000
BOUND_S = 1.0
"""Some 20 ms; what looks again at all that was read for each sign takes many seconds."""

TOOLS = OfferedTools([CALCULATE])

SIGNS = [
    *" \n.,:1a\"'`*#<>()[]{}|=\\/-_",
    *("\\\"", "<|", "</", "<t", "<tool_call>", "<think>", "</think>", "[TOOL_CALLS]", "[\""),
    *("{\"a\":", "\n\n", "a ", "1,"),
    *("\u0301", "\u200d", "\ufe0f", "🙂", "字", "``` ", ". <", "`.<tool_call>"),
]  # fmt: skip
CALL = '{"name": "calculate", "arguments": {"expression": "'


def answered(text: str, piece_chars: int) -> None:
    answer = AnswerText(TOOLS, ModelHabits("m").in_talk("t"))
    last = ""
    for start in range(0, len(text), piece_chars):
        answer.feed(text[start : start + piece_chars], last)
        last = text[start : start + piece_chars]
    answer.finish(is_cut=False)


def argued(text: str) -> None:
    pieces = ToolCallPieces(TOOLS.parameters)
    pieces.add([{"index": 0, "id": "x", "function": {"name": "calculate", "arguments": ""}}])
    for start in range(0, len(text), 50):
        pieces.add([{"index": 0, "function": {"arguments": text[start : start + 50]}}])
    pieces.calls()


def split(text: str) -> None:
    splitter = SseSplitter()
    data = b"data: " + text.encode()
    for start in range(0, len(data), 50):
        splitter.feed(data[start : start + 50])
    splitter.finish()


def decoded(text: str) -> None:
    with pytest.raises(ValueError):
        read_odd_json(b'{"a": "' + text.replace('"', "").encode())


def asked(text: str) -> None:
    said = [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    request_messages([*said, said[0]])


READERS: dict[str, Callable[[str], None]] = {
    "whole answer": lambda text: answered(text, CHARS),
    "answer in pieces": lambda text: answered(text, 50),
    "answer behind a sentence": lambda text: answered("Hola. " + text, 50),
    "answer behind a call's beginning": lambda text: answered(CALL + text, 50),
    "answer behind a tag": lambda text: answered("<tool_call>" + text, CHARS),
    "call as text": lambda text: written_calls(text, TOOLS) and None,
    "string that nothing closes": lambda text: written_calls(f'{{"a": {text}', TOOLS, is_cut=True) and None,
    "arguments": argued,
    "events": split,
    "odd JSON": decoded,
    "history": asked,
}


@pytest.mark.parametrize("reader", READERS)
def test_long_text_of_one_sign_is_read_in_little_time(reader: str):
    spent: dict[str, float] = {}
    for sign in SIGNS:
        text = (sign * CHARS)[:CHARS]
        began = time.thread_time()
        READERS[reader](text)
        spent[sign] = time.thread_time() - began

    worst = max(spent, key=lambda sign: spent[sign])
    assert spent[worst] < BOUND_S, f"{spent[worst]:.3f} s for {worst!r}"


@pytest.mark.parametrize("blank", ["\n", " ", "\r"])
def test_answer_of_blanks_that_come_one_by_one_is_read_in_time_that_grows_with_their_number(blank: str):
    began = time.thread_time()
    answered(blank * 60_000, 1)

    assert time.thread_time() - began < 4, "looked at anew with each one, they take over ten seconds"


def test_place_of_a_call_is_the_same_in_one_piece_and_in_many():
    """What is shown piece by piece is looked at with what is known of the pieces before."""
    chance = random.Random(7)
    parts = ["`", "```", "a", ". ", "\n", " ", "<tool_call>", "[tool_calls]", "<", "[", "🙂", "!", "\t"]
    found = 0
    for _ in range(3000):
        before = "".join(chance.choices(parts, k=6))
        behind = "".join(chance.choices(parts, k=6))
        places = CallPlaces(TOOLS)
        places.pass_on(before)
        whole = CallPlaces(TOOLS)
        at = places.first_in(before + behind, len(before))
        expected = whole.first_in(before + behind, 0)
        if expected is not None and expected >= len(before):
            assert at == expected, before + behind
            found += 1

    assert found > 100

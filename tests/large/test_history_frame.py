"""The `history` message of talks of any size: one frame that every client takes, with the newest in it."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.protocol.events import HistoryTold, RunningCall, Spoken, ToolFinished
from app.protocol.v2.encoding import outcome
from app.protocol.v2.history import MAX_FRAME_BYTES, beginning_of, history_frame, json_bytes
from app.protocol.v2.server import HistoryMessage
from app.session.transcript import MAX_CALLS, MAX_CHARS, MAX_ENTRIES, Transcript

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MIB = 1024 * 1024

# From one byte a character to six: plain, in two halves of UTF-16, and written as an escape.
SIGNS = st.sampled_from(["a", "ñ", "€", "😀", '"', "\\", "\x01", "\n"])
SIZES = st.sampled_from([1, 50, 5_000, 90_000, 300_000, 700_000])
SAID = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), SIGNS, SIZES), max_size=8)


def transcript_of(said: list[tuple[Any, str, int]]) -> Transcript:
    transcript = Transcript()
    for place, (role, sign, size) in enumerate(said):
        transcript.add(Spoken(role, sign * size, f"turn_{place}", NOW))
    return transcript


def frame_of(transcript: Transcript, turn: tuple[str, str] | None = None, running: int = 0) -> dict[str, Any]:
    calls = [RunningCall(f"call_{n}", "slow") for n in range(running)]
    frame = history_frame(HistoryTold(list(transcript), turn, calls, transcript.calls), outcome)
    assert len(frame.encode()) <= MAX_FRAME_BYTES
    HistoryMessage.model_validate_json(frame)
    return orjson.loads(frame)


@given(said=SAID, sign=SIGNS, turn=st.none() | SIZES)
def test_frame_is_never_larger_than_a_client_takes_and_has_the_newest(
    said: list[tuple[Any, str, int]], sign: str, turn: int | None
) -> None:
    frame = frame_of(transcript_of(said), None if turn is None else ("turn_now", sign * turn))

    shown = frame["messages"]
    newest = said[len(said) - len(shown) :]
    assert bool(shown) == bool(said)
    for entry, (role, letter, size) in zip(shown, newest, strict=True):
        assert entry["role"] == role
        assert entry.get("truncated", False) == (len(entry["content"]) < size)
        assert entry["content"] == letter * len(entry["content"])
    assert not any(entry.get("truncated") for entry in shown[1:])
    if turn is not None:
        text = frame["turn"]["text"]
        assert text == sign * len(text)
        assert frame["turn"].get("truncated", False) == (len(text) < turn)


def test_all_of_a_usual_talk_is_there() -> None:
    frame = frame_of(transcript_of([("user", "a", 20), ("assistant", "b", 500)] * 100))

    assert len(frame["messages"]) == MAX_ENTRIES
    assert not any("truncated" in entry for entry in frame["messages"])


@pytest.mark.parametrize("size", [MAX_FRAME_BYTES, MIB, 5 * MIB])
def test_message_that_is_alone_too_large_is_cut_and_marked(size: int) -> None:
    frame = frame_of(transcript_of([("user", "x", 5), ("user", "a", size), ("assistant", "b", 10)]))

    cut, answer = frame["messages"]
    assert (cut["truncated"], answer["content"]) == (True, "b" * 10)
    assert len(cut["content"]) > MAX_FRAME_BYTES * 0.9


def test_two_hundred_texts_of_a_mebibyte_weigh_no_more_than_one_in_memory() -> None:
    transcript = transcript_of([("user", "a", MIB)] * 200)

    assert sum(len(entry.content) for entry in transcript) <= 2 * MAX_CHARS


def test_calls_that_have_ended_are_there_with_what_they_brought() -> None:
    transcript = transcript_of([("user", "a", 5)])
    transcript.end_call("turn_0", ToolFinished("call_1", "calculate", "done", 0.5, result={"value": 4}))
    transcript.end_call("turn_0", ToolFinished("call_2", "slow", "cancelled", 2, "se canceló.", "user"))
    transcript.end_call("turn_9", ToolFinished("call_3", "slow", "done", 2))
    transcript.forget("turn_9")

    assert frame_of(transcript, running=1)["tools"] == [
        {
            "turn_id": "turn_0",
            "call_id": "call_1",
            "name": "calculate",
            "status": "done",
            "elapsed_s": 0.5,
            "result": {"value": 4},
        },
        {
            "turn_id": "turn_0",
            "call_id": "call_2",
            "name": "slow",
            "status": "cancelled",
            "elapsed_s": 2,
            "reason": "user",
            "error": "se canceló.",
        },
        {"call_id": "call_0", "name": "slow", "status": "running"},
    ]


def test_calls_never_take_the_room_of_the_words() -> None:
    transcript = transcript_of([("user", "a", 300_000)])
    for n in range(2 * MAX_CALLS):
        transcript.end_call("turn_0", ToolFinished(f"call_{n}", "look", "done", 1, result="\x01" * 2000))

    frame = frame_of(transcript, running=3)

    assert len(frame["messages"][0]["content"]) == 300_000
    assert [call["call_id"] for call in frame["tools"][-4:]] == ["call_99", "call_0", "call_1", "call_2"]


@given(text=st.text(max_size=60), room=st.integers(2, 80))
def test_beginning_is_the_longest_that_fits(text: str, room: int) -> None:
    beginning = beginning_of(text, room)

    assert text.startswith(beginning)
    assert json_bytes(beginning) <= room
    assert beginning == text or json_bytes(text[: len(beginning) + 1]) > room

"""The last words of a talk, as a client shows them."""

from app.protocol.events import Spoken
from app.protocol.v2.history import describe_entry
from app.session.transcript import MAX_ENTRIES, Transcript
from tests.support.virtual_time import EPOCH


def test_entries_are_described_in_the_order_in_which_they_were_said() -> None:
    transcript = Transcript()
    transcript.add(Spoken("user", "hola", "t1", EPOCH))
    transcript.add(Spoken("assistant", "bue", "t1", EPOCH, interrupted=True))

    assert [describe_entry(entry) for entry in transcript] == [
        {
            "role": "user",
            "content": "hola",
            "turn_id": "t1",
            "created_at": "2025-07-20T10:30:00Z",
            "interrupted": False,
        },
        {
            "role": "assistant",
            "content": "bue",
            "turn_id": "t1",
            "created_at": "2025-07-20T10:30:00Z",
            "interrupted": True,
        },
    ]


def test_nothing_said_adds_nothing() -> None:
    transcript = Transcript()
    transcript.add(Spoken("assistant", "", "t1", EPOCH))

    assert [describe_entry(entry) for entry in transcript] == []


def test_oldest_entries_leave_first() -> None:
    transcript = Transcript()
    for number in range(MAX_ENTRIES + 5):
        transcript.add(Spoken("user", str(number), "t", EPOCH))

    contents = [entry["content"] for entry in [describe_entry(entry) for entry in transcript]]
    assert contents == [str(number) for number in range(5, MAX_ENTRIES + 5)]


def test_what_was_heard_of_a_turn_can_be_corrected():
    transcript = Transcript()
    transcript.add(Spoken("user", "hola", "t1", EPOCH))
    transcript.add(Spoken("assistant", "hola a", "t1", EPOCH, True))

    transcript.correct(Spoken("assistant", "hola a todos", "t1", EPOCH, True))

    assert [entry["content"] for entry in [describe_entry(entry) for entry in transcript]] == [
        "hola",
        "hola a todos",
    ]


def test_turn_in_whose_place_another_comes_is_forgotten():
    transcript = Transcript()
    for turn_id in ("t1", "t2"):
        transcript.add(Spoken("user", turn_id, turn_id, EPOCH))

    transcript.forget("t1")

    assert [entry["content"] for entry in [describe_entry(entry) for entry in transcript]] == ["t2"]


def test_what_a_refused_turn_said_is_marked_and_still_shown() -> None:
    transcript = Transcript()
    transcript.add(Spoken("user", "veneno", "t1", EPOCH))
    transcript.add(Spoken("user", "hola", "t2", EPOCH))

    transcript.refuse("t1")

    assert [entry.content for entry in transcript if entry.is_refused] == ["veneno"]
    assert len([describe_entry(entry) for entry in transcript]) == 2

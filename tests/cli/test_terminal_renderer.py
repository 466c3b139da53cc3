"""Answers and notes never mix, and no line is begun twice."""

import io
from typing import Any

from voice_agent_client import AudioChunk, ConnectionLost, SessionResumed, parse_event

from app.cli.terminal_renderer import TerminalRenderer


def written(*items: Any, **options: Any) -> tuple[str, str]:
    answers, notes = io.StringIO(), io.StringIO()
    renderer = TerminalRenderer(answers, notes, "en", **options)
    for item in items:
        renderer.write(parse_event(item) if isinstance(item, dict) else item)
    return answers.getvalue(), notes.getvalue()


def chunk(content: str, turn_id: str = "t1") -> dict[str, Any]:
    return {"type": "response_chunk", "turn_id": turn_id, "content": content}


NOTE = {"type": "state", "state": "thinking"}
END = {"type": "response_complete", "turn_id": "t1", "text": "", "finish_reason": "stop"}


def test_a_note_on_the_same_screen_begins_a_line_of_its_own():
    assert written(chunk("One"), NOTE, chunk(" two"), END)[0] == "One\n two\n"


def test_a_pipe_gets_the_answer_alone():
    assert written(chunk("One"), NOTE, chunk(" two"), END, is_shared=False) == ("One two\n", "· thinking\n")


def test_another_turn_begins_another_line():
    assert written(chunk("One"), chunk("Two", "t2"))[0] == "One\nTwo"


def test_quiet_means_errors_only():
    error = {"type": "error", "code": "x", "content": "No."}
    items = (NOTE, ConnectionLost(1006, 1), SessionResumed("s"), {"type": "system", "content": "Hi"}, error)

    assert written(*items, is_quiet=True)[1] == "· Error: No.\n"


def test_a_history_shows_only_what_was_not_shown():
    entries = [
        {"role": role, "content": content, "turn_id": turn_id}
        for role, content, turn_id in (
            ("user", "a", "t1"),
            ("assistant", "A", "t1"),
            ("assistant", "B", "t2"),
        )
    ]
    history = {"type": "history", "messages": entries, "turn": {"turn_id": "t3", "text": "C"}, "tools": []}

    assert written(chunk("A"), END, history)[0] == "A\nB\nC"


def test_sound_and_unknown_messages_are_no_words():
    assert written(AudioChunk("t", 24_000, b"\0\0"), {"type": "weather"}, {"type": "pong"}) == ("", "")


def test_what_is_asked_for_leave_is_shown_even_when_quiet():
    asked = {"type": "approval_requested", "name": "pay", "call_id": "c1", "arguments": {"eur": 5}}

    assert "/approve c1" in written(asked, is_quiet=True)[1]


def test_what_is_asked_for_leave_cannot_hide_behind_its_length():
    values = {"headers": {"X-Pad": "a" * 1000}, "url": "https://orders.example/cancel"}
    asked = {"type": "approval_requested", "name": "pay", "call_id": "c1", "arguments": values}

    assert "https://orders.example/cancel" in written(asked)[1]

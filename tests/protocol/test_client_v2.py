"""The shapes of what clients may send on v2."""

from typing import Any, get_args

import pytest

from app.errors import BadMessage, UnknownType
from app.protocol.v2.client import (
    AudioOptions,
    ResumeMessage,
    SessionUpdateMessage,
    StartMessage,
    TextMessage,
    V2ClientMessage,
    V2Message,
)
from app.protocol.v2.wire import decode

LEAST: dict[str, dict[str, Any]] = {
    "start": {},
    "resume": {"session_id": "s", "resume_token": "t", "last_seq": 0},
    "text": {"content": "hola"},
    "revise": {"turn_id": "t", "id": "r"},
    "interrupt": {},
    "cancel_tool": {"call_id": "c"},
    "approve_tool": {"call_id": "c", "approved": True},
    "session_update": {},
    "ping": {},
    "playback": {"turn_id": "t", "played_ms": 0},
    "audio_commit": {},
    "audio_clear": {},
    "end": {},
    "audio": {"content": "AAAA"},
    "system": {},
}
"""Each message with the fields that it must have."""


def test_these_are_the_messages_of_the_protocol() -> None:
    union, _ = get_args(V2ClientMessage)

    kinds = {get_args(model.model_fields["type"].annotation)[0] for model in get_args(union)}
    assert kinds == set(LEAST)


@pytest.mark.parametrize("kind", LEAST)
def test_message_with_its_least_fields_is_read_and_unknown_ones_are_ignored(kind: str) -> None:
    message = decode({"type": kind, **LEAST[kind], "new_in_v9": [1]})

    assert message.type == kind  # pyright: ignore[reportAttributeAccessIssue]
    assert "new_in_v9" not in message.model_dump()


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in LEAST for name in LEAST[kind]])
def test_missing_field_is_named(kind: str, name: str) -> None:
    fields = {key: value for key, value in LEAST[kind].items() if key != name}

    with pytest.raises(BadMessage, match=f"“{name}” is missing"):
        decode({"type": kind, **fields})


@pytest.mark.parametrize("last_seq", [-1, 1.5, "7", 1e30, 2**53 + 1, None, True])
def test_last_seq_is_a_number_from_zero_on(last_seq: Any) -> None:
    with pytest.raises(BadMessage, match="last_seq"):
        decode({"type": "resume", **LEAST["resume"], "last_seq": last_seq})


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "text", "content": "a", "id": ""},
        {"type": "text", "content": "a", "id": "x" * 65},
        {"type": "text", "content": "a", "id": 5},
        {"type": "text", "content": "a\0"},
        {"type": "text", "content": "a", "interrupt": "yes"},
        {"type": "interrupt", "turn_id": 5},
        {"type": "cancel_tool", "call_id": ""},
        {"type": "approve_tool", "call_id": "c", "approved": "yes"},
        {"type": "playback", "turn_id": "t", "played_ms": -1},
        {"type": "session_update", "locale": "fr"},
        {"type": "session_update", "speed": 9.0},
        {"type": "start", "audio": {"in": {"sample_rate_hz": 44100}}},
        {"type": "start", "user_id": "x" * 201},
        {"type": "start", "continue": ""},
        {"type": "audio", "content": "AAAA", "format": "mp3"},
        {"type": "resume", **LEAST["resume"], "resume_token": "x" * 201},
        {"type": None},
        {},
    ],
)
def test_wrong_value_is_a_bad_message(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadMessage):
        decode(wrong)


@pytest.mark.parametrize("kind", ["", "Start", "say", "x" * 500])
def test_unknown_type_is_named(kind: str) -> None:
    with pytest.raises(UnknownType):
        decode({"type": kind})


def test_ids_of_1_to_64_characters_are_the_clients_own() -> None:
    for client_id in ("1", "ñ" * 64):
        assert decode({"type": "text", "content": "", "id": client_id}) == TextMessage(
            type="text", content="", id=client_id
        )


def test_text_interrupts_only_if_it_says_so() -> None:
    message = decode({"type": "text", "content": "a"})

    assert isinstance(message, TextMessage)
    assert (message.id, message.interrupt) == (None, False)


def test_words_that_python_keeps_for_itself_have_their_names_on_the_wire() -> None:
    audio = {"in": {"sample_rate_hz": 16000}, "out": True}
    message = decode({"type": "start", "continue": "s1", "locale": "en", "audio": audio})

    assert isinstance(message, StartMessage)
    assert message.continue_ == "s1"
    assert isinstance(message.audio, AudioOptions)
    assert message.audio.input is not None and message.audio.input.sample_rate_hz == 16000
    assert message.audio.turn_detection == "auto"


def test_speed_may_be_a_whole_number() -> None:
    message = decode({"type": "session_update", "speed": 1})

    assert isinstance(message, SessionUpdateMessage)
    assert message.speed == 1


def test_messages_are_values() -> None:
    message = decode({"type": "resume", **LEAST["resume"]})

    assert isinstance(message, V2Message)
    assert message == ResumeMessage(type="resume", session_id="s", resume_token="t", last_seq=0)

"""How the events of a talk look on the wire of v2."""

from dataclasses import dataclass, field
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chat import TokenUsage
from app.errors import LlmCut, Locale, QueueFull
from app.protocol.events import (
    ApprovalRequested,
    AudioComplete,
    AudioFrame,
    AudioStarted,
    AudioTerms,
    EmotionEstimate,
    ErrorOccurred,
    Event,
    FeaturesChanged,
    GoingAway,
    HistoryTold,
    Interrupted,
    MessageAccepted,
    Notice,
    PlaybackHint,
    Pong,
    Remarked,
    ResponseChunk,
    ResponseComplete,
    SessionCreated,
    SessionResumed,
    SessionTerms,
    SpeechStarted,
    SpeechStopped,
    StateChanged,
    Timings,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TranscriptHeard,
    TurnStarted,
    pcm16,
)
from app.protocol.v2 import encoding as v2


@dataclass(frozen=True)
class Shape:
    """A message: the fields that it always has, and those that it may have."""

    always: set[str]
    sometimes: set[str] = field(default_factory=set[str])


SHAPES = {
    "session_created": Shape(
        {
            "session_id",
            "timestamp",
            "protocol",
            "resume_token",
            "resume_window_s",
            "heartbeat_s",
            "features",
            "audio",
            "continued",
        }
    ),
    "state": Shape({"state"}),
    "system": Shape({"content"}),
    "message_accepted": Shape({"id", "turn_id", "durable"}, {"utterance_id"}),
    "turn_started": Shape({"turn_id", "source"}),
    "response_chunk": Shape({"turn_id", "content"}),
    "response_complete": Shape(
        {"turn_id", "content", "text", "finish_reason", "usage", "timings_ms", "durable"}
    ),
    "tool_started": Shape({"turn_id", "call_id", "name", "arguments"}),
    "tool_progress": Shape({"call_id", "name", "elapsed_s"}, {"message", "fraction"}),
    "tool_finished": Shape(
        {"call_id", "name", "status", "elapsed_s"}, {"reason", "result", "error", "truncated"}
    ),
    "interrupted": Shape({"turn_id", "heard"}),
    "error": Shape({"content", "code", "retryable"}, {"id", "turn_id", "call_id"}),
    "pong": Shape(set()),
    "history": Shape({"messages", "turn", "tools", "waiting"}),
    "session_resumed": Shape({"session_id", "resume_token", "replayed", "gap", "next_seq"}),
    "going_away": Shape({"reason", "reconnect_after_s", "deadline_s"}, {"overlap"}),
    "approval_requested": Shape({"call_id", "name", "arguments", "expires_in_s"}),
    "speech_started": Shape({"utterance_id"}),
    "speech_stopped": Shape({"utterance_id", "empty"}),
    "transcript": Shape({"utterance_id", "content", "final", "language"}, {"emotion"}),
    "audio_started": Shape({"turn_id", "format", "sample_rate_hz", "offset_ms"}),
    "audio_complete": Shape({"turn_id"}),
    "playback_hint": Shape({"turn_id", "action"}),
    "features": Shape({"features"}),
}

words = st.text(max_size=20)
seconds = st.floats(0, 1e6)
counts = st.integers(0, 10**9)
reasons = st.sampled_from(["stop", "interrupted", "length", "content_filter"])
statuses = st.sampled_from(["done", "failed", "timed_out", "cancelled", "interrupted"])
audio = st.builds(
    AudioTerms, st.sampled_from([None, pcm16(8000), pcm16(16000)]), st.booleans(), st.booleans()
)
terms = st.builds(
    SessionTerms, words, seconds, seconds, st.lists(words, max_size=3), st.booleans(), st.none() | audio
)
moods = st.builds(
    EmotionEstimate, st.sampled_from(["neutral", "frustrated", "hurried", "pleased"]), st.floats(0, 1)
)
arguments = st.dictionaries(words, words | st.integers(0, 9), max_size=3).map(
    lambda a: orjson.dumps(a).decode()
)
EVENTS: dict[type, st.SearchStrategy[Any]] = {
    SessionCreated: st.builds(SessionCreated, words, words, terms),
    FeaturesChanged: st.builds(FeaturesChanged, st.lists(words, max_size=3)),
    Notice: st.builds(Notice, words),
    MessageAccepted: st.builds(MessageAccepted, words, st.none() | words, st.booleans(), st.none() | words),
    SpeechStarted: st.builds(SpeechStarted, words),
    SpeechStopped: st.builds(SpeechStopped, words, st.booleans()),
    TranscriptHeard: st.builds(
        TranscriptHeard,
        words,
        words,
        st.sampled_from(["es", "en"]),
        st.booleans(),
        st.none() | moods,
    ),
    AudioStarted: st.builds(AudioStarted, words, st.just(24000), counts),
    AudioFrame: st.builds(AudioFrame, words, st.binary(max_size=9)),
    AudioComplete: st.builds(AudioComplete, words),
    PlaybackHint: st.builds(PlaybackHint, words, st.sampled_from(["duck", "resume"])),
    TurnStarted: st.builds(TurnStarted, words, st.sampled_from(["user", "tool", "agent"])),
    ResponseChunk: st.builds(ResponseChunk, words, words),
    ResponseComplete: st.builds(
        ResponseComplete,
        words,
        reasons,
        st.none() | st.builds(TokenUsage, counts, counts),
        words,
        st.none() | st.builds(Timings, counts, st.none() | counts, counts, st.none() | counts),
        st.booleans(),
    ),
    ToolStarted: st.builds(ToolStarted, words, words, words, arguments),
    ToolProgress: st.builds(ToolProgress, words, words, seconds, st.none() | words, st.none() | seconds),
    ToolFinished: st.builds(
        ToolFinished,
        words,
        words,
        statuses,
        seconds,
        st.none() | words,
        st.none() | st.just("user"),
        st.none() | words | st.lists(st.integers(0, 9)),
        st.booleans(),
    ),
    ApprovalRequested: st.builds(ApprovalRequested, words, words, arguments, seconds),
    StateChanged: st.builds(StateChanged, words),
    ErrorOccurred: st.builds(
        ErrorOccurred,
        st.builds(QueueFull),
        st.none() | words,
        st.none() | words,
        st.none() | words,
        st.booleans(),
    ),
    Interrupted: st.builds(Interrupted, st.none() | words, words),
    Pong: st.builds(Pong),
    HistoryTold: st.just(HistoryTold([])),
    SessionResumed: st.builds(
        SessionResumed, words, words, st.integers(0, 2**53), st.booleans(), st.integers(1, 2**53)
    ),
    GoingAway: st.builds(GoingAway, words, seconds, seconds),
}
locales = st.sampled_from(["es", "en"])


def heard(event: Event, locale: Locale = "es") -> dict[str, Any]:
    """The message without its type's name and its number."""
    message: dict[str, Any] = orjson.loads(v2.encode(event, locale, 7))
    assert message.pop("seq") == 7
    return message


def test_every_event_is_tried() -> None:
    assert set(EVENTS) == set(get_args(Event)) - {Remarked}  # which this protocol has none of


IN_JSON = {kind: strategy for kind, strategy in EVENTS.items() if kind is not AudioFrame}


@given(event=st.one_of(list(IN_JSON.values())), locale=locales, seq=st.integers(1, 2**53))
def test_every_event_has_its_shape_and_its_number(event: Event, locale: Locale, seq: int) -> None:
    message = orjson.loads(v2.encode(event, locale, seq))

    shape = SHAPES[message["type"]]
    fields = set(message) - {"type", "seq"}
    assert shape.always <= fields <= shape.always | shape.sometimes
    assert message["seq"] == seq


@pytest.mark.parametrize("kind", IN_JSON)
def test_all_but_what_is_no_part_of_the_talk_is_numbered(kind: type) -> None:
    @given(event=EVENTS[kind])
    def test(event: Event) -> None:
        assert v2.is_numbered(event) is (kind not in (Pong, GoingAway, HistoryTold, SessionResumed))
        assert "seq" not in orjson.loads(v2.encode(event, "es", None))

    test()


@pytest.mark.parametrize(
    "event", [TurnStarted("t1", "user"), ResponseChunk("t1", "a"), Interrupted("t1", "a")]
)
def test_what_a_turn_says_has_its_id(event: Event) -> None:
    assert heard(event)["turn_id"] == "t1"


def test_session_created_says_what_a_client_needs_to_come_back() -> None:
    terms = SessionTerms("secret", 120, 20, ["approval"])

    assert heard(SessionCreated("id", "2025-07-20T10:30:00Z", terms)) == {
        "type": "session_created",
        "session_id": "id",
        "timestamp": "2025-07-20T10:30:00Z",
        "protocol": "voice-agent.v2",
        "resume_token": "secret",
        "resume_window_s": 120,
        "heartbeat_s": 20,
        "features": ["approval"],
        "audio": None,
        "continued": False,
    }


def test_sound_is_no_json_and_has_no_number() -> None:
    assert not v2.is_numbered(AudioFrame("t1", b""))
    with pytest.raises(TypeError):
        v2.encode(AudioFrame("t1", b""), "es", None)


def test_session_created_says_what_sound_was_agreed_on() -> None:
    terms = SessionTerms("secret", 120, 20, audio=AudioTerms(pcm16(16000), out=True))

    assert heard(SessionCreated("id", "now", terms))["audio"] == {
        "in": {"sample_rate_hz": 16000},
        "out": True,
        "turn_detection": "auto",
    }


def test_transcript_has_a_mood_only_where_one_was_judged() -> None:
    assert "emotion" not in heard(TranscriptHeard("u1", "hola", "es"))
    assert heard(TranscriptHeard("u1", "hola", "es", emotion=EmotionEstimate("pleased", 0.756)))[
        "emotion"
    ] == {
        "label": "pleased",
        "confidence": 0.76,
    }


def test_receipt_without_a_clients_id_has_null() -> None:
    assert heard(MessageAccepted("t1"))["id"] is None
    assert heard(MessageAccepted("t1", "c1"))["id"] == "c1"


@pytest.mark.parametrize("locale", ["es", "en"])
def test_end_of_an_answer_has_its_text_and_its_numbers(locale: Locale) -> None:
    event = ResponseComplete("t1", "length", TokenUsage(5, 6), "Hola", Timings(1, None, 30), durable=True)

    assert heard(event, locale) == {
        "type": "response_complete",
        "turn_id": "t1",
        "content": "Respuesta completada",
        "text": "Hola",
        "finish_reason": "length",
        "usage": {"prompt_tokens": 5, "completion_tokens": 6},
        "timings_ms": {"queued": 1, "first_token": None, "first_audio": None, "total": 30},
        "durable": True,
    }


def test_arguments_of_a_call_are_an_object() -> None:
    assert heard(ToolStarted("t1", "c1", "look", '{"a":[1]}'))["arguments"] == {"a": [1]}


def test_reason_of_an_ending_is_there_only_if_there_is_one() -> None:
    assert "reason" not in heard(ToolFinished("c1", "look", "done", 1.23456))
    assert heard(ToolFinished("c1", "look", "cancelled", 1.23456, "por algo", "user")) == {
        "type": "tool_finished",
        "call_id": "c1",
        "name": "look",
        "status": "cancelled",
        "elapsed_s": 1.235,
        "reason": "user",
        "error": "por algo",
    }


@pytest.mark.parametrize(("locale", "content"), [("es", LlmCut.es), ("en", LlmCut.en)])
def test_error_has_code_sentence_and_what_it_is_about_but_no_facts(locale: Locale, content: str) -> None:
    event = ErrorOccurred(LlmCut("upstream said: key abc"), "t1", "c1", "call1")

    assert heard(event, locale) == {
        "type": "error",
        "content": content,
        "code": "llm_cut",
        "retryable": True,
        "id": "c1",
        "turn_id": "t1",
        "call_id": "call1",
    }


def test_interruption_of_nothing_names_no_turn() -> None:
    assert heard(Interrupted(None)) == {"type": "interrupted", "turn_id": None, "heard": ""}

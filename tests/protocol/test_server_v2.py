"""The contract of v2's server: each message has a model that forbids what is not documented."""

from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.chat import TokenUsage
from app.errors import BadMessage, Internal, QueueFull, ResumeRefused, UnknownCall
from app.protocol import events
from app.protocol.asyncapi import models_of, type_of
from app.protocol.events import pcm16
from app.protocol.v2 import encoding as v2
from app.protocol.v2.server import Numbered, V2ServerMessage
from app.session.state import SessionState

CONTRACT: TypeAdapter[Any] = TypeAdapter(V2ServerMessage)

words = st.text(max_size=20)
counts = st.integers(0, 2**53)
times = st.floats(0, 1e6)
errors = st.sampled_from(
    [BadMessage("mal", "bad"), Internal("x"), QueueFull(), ResumeRefused(), UnknownCall()]
)
json_objects = st.dictionaries(words, st.one_of(st.none(), st.booleans(), times, words, st.lists(words)))
terms = st.builds(
    events.SessionTerms,
    words,
    times,
    times,
    st.lists(st.sampled_from(["audio_in", "approval"])),
    st.booleans(),
    st.none()
    | st.builds(
        events.AudioTerms, st.sampled_from([None, pcm16(8000), pcm16(48000)]), st.booleans(), st.booleans()
    ),
)
timings = st.builds(events.Timings, counts, st.none() | counts, counts, st.none() | counts)
moods = st.builds(
    events.EmotionEstimate, st.sampled_from(["neutral", "frustrated", "hurried", "pleased"]), st.floats(0, 1)
)
histories = st.builds(
    events.HistoryTold,
    st.lists(st.builds(events.Spoken, st.sampled_from(["user", "assistant"]), words, words, st.datetimes())),
    st.none() | st.tuples(words, words),
    st.lists(st.builds(events.RunningCall, words, words)),
)
fractions = st.none() | st.floats(0, 1)

said: dict[type, st.SearchStrategy[Any]] = {
    events.SessionCreated: st.builds(events.SessionCreated, words, words, terms),
    events.FeaturesChanged: st.builds(events.FeaturesChanged, st.lists(words)),
    events.Notice: st.builds(events.Notice, words),
    events.MessageAccepted: st.builds(
        events.MessageAccepted, words, st.none() | words, st.booleans(), st.none() | words
    ),
    events.SpeechStarted: st.builds(events.SpeechStarted, words),
    events.SpeechStopped: st.builds(events.SpeechStopped, words, st.booleans()),
    events.TranscriptHeard: st.builds(
        events.TranscriptHeard,
        words,
        words,
        st.sampled_from(["es", "en"]),
        st.booleans(),
        st.none() | moods,
    ),
    events.AudioStarted: st.builds(events.AudioStarted, words, st.sampled_from([16000, 24000]), counts),
    events.AudioComplete: st.builds(events.AudioComplete, words),
    events.PlaybackHint: st.builds(events.PlaybackHint, words, st.sampled_from(["duck", "resume"])),
    events.TurnStarted: st.builds(events.TurnStarted, words, st.sampled_from(["user", "tool", "agent"])),
    events.ResponseChunk: st.builds(events.ResponseChunk, words, words),
    events.ResponseComplete: st.builds(
        events.ResponseComplete,
        words,
        st.sampled_from(["stop", "interrupted", "length", "content_filter"]),
        st.none() | st.builds(TokenUsage, counts, counts),
        words,
        st.none() | timings,
        st.booleans(),
    ),
    events.Interrupted: st.builds(events.Interrupted, st.none() | words, words),
    events.ToolStarted: st.builds(
        events.ToolStarted, words, words, words, json_objects.map(lambda value: orjson.dumps(value).decode())
    ),
    events.ToolProgress: st.builds(events.ToolProgress, words, words, times, st.none() | words, fractions),
    events.ToolFinished: st.builds(
        events.ToolFinished,
        words,
        words,
        st.sampled_from(["done", "failed", "timed_out", "cancelled", "interrupted"]),
        times,
        st.none() | words,
        st.sampled_from([None, "denied", "expired", "user", "shutdown", "stuck"]),
    ),
    events.ApprovalRequested: st.builds(
        events.ApprovalRequested,
        words,
        words,
        json_objects.map(lambda value: orjson.dumps(value).decode()),
        times,
    ),
    events.StateChanged: st.builds(
        events.StateChanged, st.sampled_from([state.value for state in SessionState])
    ),
    events.ErrorOccurred: st.builds(
        events.ErrorOccurred, errors, st.none() | words, st.none() | words, st.none() | words
    ),
    events.Pong: st.just(events.Pong()),
    events.GoingAway: st.builds(events.GoingAway, words, times),
    events.HistoryTold: histories,
    events.SessionResumed: st.builds(
        events.SessionResumed, words, words, counts, st.booleans(), st.integers(1, 2**53)
    ),
}


@given(st.one_of(*said.values()), st.sampled_from(["es", "en"]), st.integers(1, 2**53))
def test_all_that_the_encoder_writes_is_in_the_contract(event: Any, locale: Any, seq: int) -> None:
    CONTRACT.validate_json(v2.encode(event, locale, seq if v2.is_numbered(event) else None))


def test_every_event_is_tried() -> None:
    assert set(said) == set(get_args(events.Event)) - {
        events.AudioFrame,  # which is no JSON
        events.Remarked,  # which this protocol has none of
    }


def test_what_is_not_documented_is_no_message() -> None:
    with pytest.raises(ValidationError):
        CONTRACT.validate_python({"type": "pong", "at": 1})


def test_just_what_is_not_part_of_the_talk_has_no_number() -> None:
    unnumbered = {type_of(model) for model in models_of(V2ServerMessage) if not issubclass(model, Numbered)}

    assert unnumbered == {"session_resumed", "history", "pong", "going_away", "error"}


def test_every_message_says_when_it_is_sent() -> None:
    for model in models_of(V2ServerMessage):
        assert "Sent " in (model.__doc__ or ""), model

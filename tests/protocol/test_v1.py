"""How the events of a talk look on the wire of v1."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.chat import TokenUsage
from app.errors import LlmCut, Locale, QueueFull
from app.protocol.events import (
    ErrorOccurred,
    Event,
    GoingAway,
    HistoryTold,
    Interrupted,
    MessageAccepted,
    Notice,
    Pong,
    ResponseChunk,
    ResponseComplete,
    SessionCreated,
    StateChanged,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnStarted,
)
from app.protocol.v1 import encoding as v1
from app.protocol.v1.server import V1ServerMessage

CONTRACT: TypeAdapter[Any] = TypeAdapter(V1ServerMessage)

words = st.text(max_size=20)
seconds = st.floats(0, 1e6)
events = st.one_of(
    st.builds(SessionCreated, words, words),
    st.builds(Notice, words),
    st.builds(MessageAccepted, words),
    st.builds(TurnStarted, words, st.sampled_from(["user", "tool", "agent"])),
    st.builds(ResponseChunk, words, words),
    st.builds(
        ResponseComplete,
        words,
        st.sampled_from(["stop", "interrupted", "length", "content_filter"]),
        st.none() | st.just(TokenUsage(1, 2)),
    ),
    st.builds(ToolStarted, words, words, words, words),
    st.builds(ToolProgress, words, words, seconds, st.none() | words, st.none() | seconds),
    st.builds(
        ToolFinished,
        words,
        words,
        st.sampled_from(["done", "failed", "timed_out", "cancelled", "interrupted"]),
        seconds,
        st.none() | words,
    ),
    st.builds(StateChanged, words),
    st.builds(ErrorOccurred, st.builds(QueueFull), st.none() | words, is_agents=st.booleans()),
    st.builds(Interrupted, st.none() | words, words),
    st.builds(Pong),
    st.builds(GoingAway, words, seconds),
)
locales = st.sampled_from(["es", "en"])


def heard(event: Event, locale: Locale = "es") -> list[dict[str, Any]]:
    return [orjson.loads(text) for text in v1.encode(event, locale)]


@given(event=events, locale=locales)
def test_each_encoded_message_is_one_of_the_contract(event: Event, locale: Locale):
    for text in v1.encode(event, locale):
        CONTRACT.validate_json(text)


def test_session_created_has_its_id_and_its_time():
    assert heard(SessionCreated("id", "2025-07-20T10:30:00Z")) == [
        {"type": "session_created", "session_id": "id", "timestamp": "2025-07-20T10:30:00Z"}
    ]


@pytest.mark.parametrize(
    ("event", "es", "en"),
    [
        (MessageAccepted("t"), "Mensaje recibido", "Message received"),
        (TurnStarted("t", "user"), "Pensando en tu respuesta...", "Thinking about your answer..."),
        (Notice("Soy una demo."), "Soy una demo.", "Soy una demo."),
        (ToolStarted("t", "c", "reloj", "{}"), "Herramienta reloj: en marcha.", "Tool reloj: started."),
        (
            ToolProgress("c", "reloj", 5.2),
            "Herramienta reloj: sigue en marcha (5 s).",
            "Tool reloj: still running (5 s).",
        ),
        (
            ToolProgress("c", "reloj", 5.2, "a medias..."),
            "Herramienta reloj: sigue en marcha (5 s): a medias.",
            "Tool reloj: still running (5 s): a medias.",
        ),
        (
            ToolFinished("c", "reloj", "done", 0.24),
            "Herramienta reloj: terminada (0.2 s).",
            "Tool reloj: done (0.2 s).",
        ),
        (
            ToolFinished("c", "reloj", "failed", 1, "no hay pila."),
            "Herramienta reloj: ha fallado (1.0 s): no hay pila.",
            "Tool reloj: failed (1.0 s): no hay pila.",
        ),
    ],
)
def test_sentence_about_the_talk_is_a_system_message(event: Event, es: str, en: str):
    assert heard(event, "es") == [{"type": "system", "content": es}]
    assert heard(event, "en") == [{"type": "system", "content": en}]


@pytest.mark.parametrize("status", ["done", "failed", "timed_out", "cancelled", "interrupted"])
def test_each_ending_of_a_tool_names_the_tool(status: Any):
    (message,) = heard(ToolFinished("c", "mi_reloj", status, 1, "por algo"))

    assert "mi_reloj" in message["content"]


def test_chunk_is_passed_on_as_it_is():
    assert heard(ResponseChunk("t", 'ñ\n"{x}"')) == [{"type": "response_chunk", "content": 'ñ\n"{x}"'}]


@pytest.mark.parametrize("locale", ["es", "en"])
def test_end_of_an_answer_says_the_same_in_every_language(locale: Locale):
    assert heard(ResponseComplete("t"), locale) == [
        {"type": "response_complete", "content": "Respuesta completada"}
    ]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_answer_that_was_cut_says_so_before_its_end(reason: Any):
    system, end = heard(ResponseComplete("t", reason))

    assert (system["type"], end["type"]) == ("system", "response_complete")
    assert "se ha cortado" in system["content"]


def test_error_is_a_sentence_in_the_users_language():
    event = ErrorOccurred(LlmCut("upstream said: key abc"), "t")

    assert heard(event, "es") == [{"type": "error", "content": LlmCut.es}]
    assert heard(event, "en") == [{"type": "error", "content": LlmCut.en}]


@pytest.mark.parametrize(
    "event",
    [
        TurnStarted("t", "tool"),
        TurnStarted("t", "agent"),
        StateChanged("idle"),
        Interrupted("t", "Ho"),
        Pong(),
        GoingAway("shutdown", 5),
        HistoryTold([]),
        ErrorOccurred(LlmCut(), "t", is_agents=True),
    ],
)
def test_what_v1_has_no_words_for_stays_unsaid(event: Event):
    assert heard(event) == []

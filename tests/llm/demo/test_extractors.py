"""Arguments are taken out of a sentence as the user wrote them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.llm.demo.extractors import EXTRACTORS, MAX_CALLS, MAX_DELAY_S, Intent
from app.llm.demo.matching import read
from app.llm.demo.understanding import understand
from tests.llm.demo.asking import TOOLS, Talk, calls


def test_there_is_an_extractor_for_every_built_in_tool():
    assert set(EXTRACTORS) == set(TOOLS)


SENTENCES = st.lists(
    st.sampled_from("sol mar casa hola sun sea house hello muy bien 2+2 Madrid tiempo hora weather".split()),
    min_size=1,
).map(" ".join)
ANALYSES = [
    'analiza "{}"',
    "analiza el texto «{}»",
    "¿cuántas palabras tiene “{}”?",
    "Analiza este texto: palabra {}",
    'analyze "{}"',
    "How many words are in “{}”?",
    "analyse the text '{}'",
    "Analyze this text: word {}",
]


@given(text=SENTENCES, template=st.sampled_from(ANALYSES))
@settings(deadline=None)
def test_a_text_is_handed_on_exactly(text: str, template: str):
    expected = template.partition(": ")[2].format(text) if ": " in template else text

    assert calls(template.format(text)) == [("text_analysis", {"text": expected})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Analiza este texto hola qué tal amigos", "hola qué tal amigos"),
        ("¿cuántas palabras hay en el perro come pan?", "el perro come pan"),
        ("¿Qué sentimiento tiene me encanta este sitio?", "me encanta este sitio"),
        ("Analyze this text I really enjoyed the show", "I really enjoyed the show"),
        ("Analiza este texto:\nuno\n\ndos: tres", "uno\n\ndos: tres"),
    ],
)
def test_a_text_without_quotes_is_what_follows(text: str, expected: str):
    assert calls(text) == [("text_analysis", {"text": expected})]


@given(
    seconds=st.integers(0, 25),
    template=st.sampled_from(
        [
            "prueba una llamada lenta de {} segundos",
            "simula una API lenta durante {} s",
            "llama a la API de prueba y que tarde {} segundos",
            "try a slow call of {} seconds",
            "simulate a slow call for {} sec",
            "make a {}-second test call",
        ]
    ),
)
@settings(deadline=None)
def test_a_duration_is_taken_as_it_is_said(seconds: int, template: str):
    assert calls(template.format(seconds)) == [("placeholder_api_call", {"delay_s": seconds})]


@pytest.mark.parametrize(
    ("text", "delays"),
    [
        ("2,5 segundos", [2.5]),
        ("500 ms", [0.5]),
        ("un par de segundos", [2]),
        ("medio minuto", [30]),
        ("3 minutes", [180]),
        ("veinte segundos", [20]),
        ("3 perros", []),
        ("9999999999999 segundos", []),
    ],
)
def test_durations_come_in_many_forms(text: str, delays: list[float]):
    assert [slot.value for slot in read(text).of_kind("{duration}")] == delays


def test_so_many_calls_are_made_as_are_asked_for_within_reason():
    assert calls("prueba una llamada lenta de 3 minutos") == [
        ("placeholder_api_call", {"delay_s": MAX_DELAY_S})
    ]
    assert len(calls("lanza tres llamadas lentas de 2 segundos")) == 3
    assert len(calls("lanza 500 llamadas lentas")) == MAX_CALLS


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("recuerda que me llamo Ana", {"name": "Ana"}),
        ("llámame ana lópez", {"name": "Ana"}),
        ("my name is José de la Fuente y", {"name": "José de la Fuente"}),
        ("prefiero que me hables en español", {"language": "es"}),
        ("forget my name", {"forget": "name"}),
        ("olvida mi idioma", {"forget": "language"}),
        ("borra mis datos", {"forget": "everything"}),
        ("olvida que me gusta el té", {"forget": "me gusta el té"}),
    ],
)
def test_what_is_kept_and_forgotten(text: str, arguments: dict[str, Any]):
    assert calls(text) == [("remember", arguments)]


@pytest.mark.parametrize("text", ["llámame luego", "call me when you know"])
def test_no_name_is_made_up(text: str):
    assert calls(text) == []


def test_a_note_may_hold_whole_other_requests_and_ends_with_its_sentence():
    assert calls("recuerda que quiero saber qué hora es en Lima y calcula 2+2. ¿Qué hora es en Tokio?") == [
        ("remember", {"note": "quiero saber qué hora es en Lima y calcula 2+2"}),
        ("get_current_time", {"timezone": "Tokio"}),
    ]
    assert calls("calcula 2+2 y recuerda que me gusta el té") == [
        ("calculate", {"expression": "2+2"}),
        ("remember", {"note": "me gusta el té"}),
    ]


def test_a_name_is_kept_beside_other_requests():
    assert calls("me llamo Ana, ¿qué hora es en Tokio?") == [
        ("remember", {"name": "Ana"}),
        ("get_current_time", {"timezone": "Tokio"}),
    ]


def test_a_note_without_words_is_asked_for():
    (intent,) = understand("recuerda que", TOOLS).intents

    assert (intent.tool, intent.missing) == ("remember", "note")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("¿Qué dije antes sobre «el viaje a Roma»?", "el viaje a Roma"),
        ("¿Qué dije de la palabra “tren” ayer?", "tren"),
        ("¿Qué dije sobre el tren ayer?", "tren"),
    ],
)
def test_topic_is_what_stands_in_quotes_or_behind_the_small_words(text: str, query: str):
    assert calls(text) == [("search_talk", {"query": query})]


async def test_search_without_a_topic_is_asked_for_one():
    talk = Talk(locale="es")

    assert await talk.says("usa la herramienta search_talk") == (
        "¿Qué quieres que busque en nuestra conversación?"
    )
    await talk.says("el perro")

    assert talk.called == [("search_talk", {"query": "perro"})]


def test_an_intent_says_what_was_understood():
    assert str(Intent("calculate", {"expression": "2+2"})) == "calculate: 2+2"
    assert str(Intent("get_public_ip")) == "get_public_ip"
    assert str(Intent("make_http_request", {"url": "https://a.example", "method": "GET"})) == (
        "make_http_request: https://a.example, GET"
    )


def test_a_long_argument_is_said_in_part():
    said = str(Intent("text_analysis", {"text": "uno\ndos " * 200_000}))

    assert len(said) < 100
    assert said.endswith("…")
    assert "\n" not in said

"""«¿Qué dije sobre X?» is a search of the talk, and what it finds is put into words."""

from typing import Any

import pytest

from app.llm.demo.conversation import Outcome
from app.llm.demo.phrasing import tell
from tests.llm.demo.asking import Talk, calls


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("usa la herramienta search_talk con perros", "perros"),
        ("¿Qué dije antes sobre «el viaje a Roma»?", "el viaje a Roma"),
        ("¿Qué dije de la palabra “tren” ayer?", "tren"),
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


FOUND: dict[str, Any] = {
    "found": [
        {"who": "user", "when": "2026-01-05T10:30:00Z", "text": "mi tren sale a las ocho"},
        {"who": "agent", "when": None, "text": "El tren va puntual."},
    ],
    "note": None,
}


async def test_what_was_found_is_told_with_who_said_it_and_when():
    talk = Talk()
    await talk.says("¿qué dije sobre el tren?")

    said = await talk.gets({"status": "done", "result": FOUND})

    assert said.splitlines() == [
        "Esto encuentro sobre «tren» en nuestra conversación:",
        "- tú, el 2026-01-05 10:30 UTC: «mi tren sale a las ocho»",
        "- yo: «El tren va puntual.»",
    ]


def told(value: dict[str, Any], language: Any) -> str:
    return tell([Outcome("search_talk", {"query": "x"}, "done", value=value)], language, is_late=False)


def test_nothing_found_is_said_too_and_what_was_not_searched():
    nothing = {"found": [], "note": "Solo se ha buscado en lo que está en memoria."}

    assert told(nothing, "es") == (
        "No encuentro nada sobre «x» en nuestra conversación.\n"
        "(Solo se ha buscado en lo que está en memoria.)"
    )
    assert told(nothing, "en") == (
        "I find nothing about “x” in our talk.\n(I have only searched what I have in memory.)"
    )


def test_result_of_another_form_is_told_plainly():
    assert "otra: 1" in told({"otra": 1}, "es")

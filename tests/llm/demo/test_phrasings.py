"""Whatever way people put it, the right tool is asked for with the right arguments.

The phrasings are a test set. By a hash of each text they are two halves: one that may be looked at while
examples are written, and one that may not. docs/demo.md has the figures.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from app.errors import Locale
from app.llm.demo.language import language_of
from app.llm.demo.understanding import understand
from tests.llm.demo.asking import TOOLS, calls, meant

CASES = json.loads((Path(__file__).parents[2] / "cases" / "demo_phrasings.json").read_text(encoding="utf-8"))
LOCALES: tuple[Locale, ...] = ("es", "en")
REQUESTS = [
    (tool, locale, text, arguments)
    for tool in TOOLS
    for locale in LOCALES
    for text, arguments in CASES[tool][locale]
]
LEAST_RIGHT = {"looked at": 0.97, "held": 0.8}


def half_of(text: str) -> str:
    return "held" if hashlib.sha256(text.encode()).digest()[0] % 2 else "looked at"


def is_right(tool: str, locale: Locale, text: str, arguments: dict[str, Any]) -> bool:
    return [meant(*call, locale) for call in calls(text)] == [meant(tool, arguments, locale)]


@pytest.mark.parametrize("half", LEAST_RIGHT)
def test_most_requests_are_understood_with_their_arguments(half: str):
    right = [is_right(*request) for request in REQUESTS if half_of(request[2]) == half]

    assert len(right) > 500
    assert sum(right) >= LEAST_RIGHT[half] * len(right)


@pytest.mark.parametrize("half", LEAST_RIGHT)
def test_most_small_talk_and_statements_call_nothing(half: str):
    right = [not understand(text, TOOLS).intents for text in CASES["nothing"] if half_of(text) == half]

    assert len(right) > 50
    assert sum(right) >= LEAST_RIGHT[half] * len(right)


@pytest.mark.parametrize("half", LEAST_RIGHT)
def test_language_of_a_request_is_seldom_mistaken(half: str):
    told = [language_of(text) in (locale, None) for _, locale, text, _ in REQUESTS if half_of(text) == half]

    assert sum(told) >= 0.95 * len(told)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("locale", LOCALES)
def test_there_are_at_least_twenty_phrasings_for_each_tool_and_language(tool: str, locale: Locale):
    assert len({text for text, _ in CASES[tool][locale]}) >= 20


URL = "https://example.com"
SENTENCES: list[tuple[str, Locale, str, dict[str, Any]]] = [
    ("calculate", "es", "Hola, ¿puedes calcular 2+2?", {"expression": "2+2"}),
    ("calculate", "es", "¿Cuánto es 2+2?", {"expression": "2+2"}),
    ("calculate", "en", "How much is 2+2?", {"expression": "2+2"}),
    ("calculate", "es", "¿cuánto es 15 % de 80?", {"expression": "15 % de 80"}),
    ("calculate", "en", "what is 15% of 80?", {"expression": "15% of 80"}),
    ("get_current_time", "es", "¿qué hora es en Tokio?", {"timezone": "Tokio"}),
    ("get_current_time", "en", "what time is it in Tokyo?", {"timezone": "Tokyo"}),
    ("text_analysis", "es", "analiza este texto: me encanta este sitio", {"text": "me encanta este sitio"}),
    ("text_analysis", "en", "analyse this text: I love this place", {"text": "I love this place"}),
    ("get_weather_info", "es", "¿qué tiempo hace en Lima?", {"location": "Lima"}),
    ("get_weather_info", "en", "weather in Lima", {"location": "Lima"}),
    ("make_http_request", "es", "haz un GET a https://example.com", {"url": URL, "method": "GET"}),
    ("make_http_request", "en", "fetch https://example.com", {"url": URL}),
    ("get_public_ip", "es", "¿cuál es tu IP pública?", {}),
    ("get_public_ip", "en", "what is your public IP?", {}),
    ("placeholder_api_call", "es", "Prueba una llamada lenta de 12 segundos", {"delay_s": 12}),
    ("placeholder_api_call", "es", "Haz una llamada lenta de 6 segundos", {"delay_s": 6}),
    ("placeholder_api_call", "en", "try a slow call of 10 seconds", {"delay_s": 10}),
    ("remember", "es", "recuerda que me gusta el té", {"note": "me gusta el té"}),
    ("remember", "en", "remember that I like tea", {"note": "I like tea"}),
    ("search_talk", "es", "¿qué dije sobre el viaje?", {"query": "viaje"}),
    ("search_talk", "en", "what did I say about the trip?", {"query": "trip"}),
]  # fmt: skip
"""What the specification, the README, the page, the docs and the demo's own offer of help suggest to say."""


@pytest.mark.parametrize(("tool", "locale", "text", "arguments"), SENTENCES)
def test_sentences_that_people_are_told_to_try_always_work(
    tool: str, locale: Locale, text: str, arguments: dict[str, Any]
):
    assert is_right(tool, locale, text, arguments), calls(text)
    assert language_of(text) in (locale, None)

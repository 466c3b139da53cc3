"""Each built-in tool has its reader, and the most particular is heard first."""

import pytest

from app.llm.demo.readers import READERS, read_piece
from app.llm.demo.text import utterance
from tests.llm.demo.asking import TOOLS


def test_there_is_a_reader_for_every_built_in_tool():
    assert set(READERS) == set(TOOLS)


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("¿cuánto es el tiempo de lectura de “dos por dos”?", "text_analysis"),
        ("haz una petición lenta de prueba de 5 segundos", "placeholder_api_call"),
        ("haz una petición a https://example.com/ip", "make_http_request"),
        ("¿qué tiempo hace en Lima a esta hora?", "get_weather_info"),
    ],
)
def test_the_most_particular_reader_wins(text: str, tool: str):
    assert [ask.tool for ask in read_piece(utterance(text), "es")] == [tool]


def test_a_named_tool_needs_no_other_word():
    assert [ask.arguments for ask in READERS["get_weather_info"](utterance("para Bilbao"), "es", True)] == [
        {"location": "Bilbao"}
    ]

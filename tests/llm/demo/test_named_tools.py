"""Tools can be called by their names, those from outside too."""

from typing import Any

import pytest

from app.llm.demo.understanding import understand
from tests.llm.demo.asking import calls, schema

OUTSIDE = {
    "echo": schema("message", message="string"),
    "search-files": schema("path", "depth", path="string", depth="integer"),
}


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ('usa la herramienta echo con {"message": "hola"}', ("echo", {"message": "hola"})),
        ('call tool echo {"message": "hi"}', ("echo", {"message": "hi"})),
        ('search-files {"path": "/tmp", "depth": 1}', ("search-files", {"path": "/tmp", "depth": 1})),
        ('calculate {"expression": "2+2"}', ("calculate", {"expression": "2+2"})),
        ("usa calculate con 3*4", ("calculate", {"expression": "3*4"})),
        ('get_weather_info({"location": "Lima"})', ("get_weather_info", {"location": "Lima"})),
        (
            "call get_current_time with timezone Europe/Paris",
            ("get_current_time", {"timezone": "Europe/Paris"}),
        ),
        ('ejecuta placeholder_api_call {"delay_s": 4}', ("placeholder_api_call", {"delay_s": 4})),
        (
            "use the tool make_http_request to get https://example.com",
            ("make_http_request", {"url": "https://example.com"}),
        ),
        ("herramienta text_analysis: hola mundo", ("text_analysis", {"text": "hola mundo"})),
        ("get_public_ip()", ("get_public_ip", {})),
    ],
)
def test_a_tool_is_called_by_its_name(text: str, call: tuple[str, dict[str, Any]]):
    assert calls(text, **OUTSIDE) == [call]


@pytest.mark.parametrize(
    "text", ["hay un echo en la cueva", "qué es una herramienta", "there was an echo in there"]
)
def test_a_word_that_is_also_a_name_calls_nothing(text: str):
    assert calls(text, **OUTSIDE) == []


def test_a_tool_that_was_not_offered_is_not_called():
    assert calls('usa la herramienta echo con {"message": "hola"}') == []


def test_a_tool_from_outside_that_needs_nothing_needs_no_json():
    assert calls("usa la herramienta pinger", pinger=schema()) == [("pinger", {})]


def test_what_a_tool_from_outside_lacks_is_asked_for():
    (intent,) = understand("usa la herramienta search-files", OUTSIDE).intents

    assert intent.missing == "path, depth"

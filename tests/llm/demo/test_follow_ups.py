"""A short text goes on from what was asked before."""

from typing import Any

import pytest

from app.llm.demo.extractors import Intent
from tests.llm.demo.asking import calls, meant


@pytest.mark.parametrize(
    ("tool", "arguments", "text", "expected"),
    [
        ("get_current_time", {"timezone": "Asia/Tokyo"}, "¿y en Londres?", {"timezone": "Europe/London"}),
        ("get_current_time", {}, "what about Paris?", {"timezone": "Europe/Paris"}),
        ("get_weather_info", {"location": "Lima"}, "¿y Quito?", {"location": "Quito"}),
        ("calculate", {"expression": "2+2"}, "¿y por 3?", {"expression": "(2+2)*3"}),
        ("calculate", {"expression": "7"}, "and squared?", {"expression": "7**2"}),
        ("make_http_request", {"url": "https://example.com"}, "otra vez", {"url": "https://example.com"}),
        ("get_public_ip", {}, "again, please", {}),
    ],
)
def test_a_follow_up_takes_the_earlier_tool(
    tool: str, arguments: dict[str, Any], text: str, expected: dict[str, Any]
):
    found = calls(text, earlier=Intent(tool, arguments))

    assert [meant(*call, "es") for call in found] == [meant(tool, expected, "es")]


@pytest.mark.parametrize(
    "text", ["gracias", "hola", "¿quién eres?", "tengo 3 gatos", "y ya está", "vivo en Lima"]
)
@pytest.mark.parametrize("tool", ["get_current_time", "get_weather_info", "calculate"])
def test_small_talk_is_no_follow_up(tool: str, text: str):
    assert calls(text, earlier=Intent(tool, {"expression": "2+2"} if tool == "calculate" else {})) == []


def test_a_duration_in_passing_is_no_follow_up():
    assert calls("quedan 5 minutos", earlier=Intent("placeholder_api_call", {"delay_s": 3})) == []


def test_a_text_that_asks_for_something_itself_is_no_follow_up():
    earlier = Intent("get_current_time", {"timezone": "Asia/Tokyo"})

    assert calls("¿y qué tiempo hace en Lima?", earlier=earlier) == [
        ("get_weather_info", {"location": "Lima"})
    ]


@pytest.mark.parametrize(
    ("tool", "text", "expected"),
    [
        ("get_weather_info", "Madrid", {"location": "Madrid"}),
        (
            "get_weather_info",
            "en Villanueva de la Serena, por favor",
            {"location": "Villanueva de la Serena"},
        ),
        ("calculate", "7*8", {"expression": "7*8"}),
        ("make_http_request", "https://example.com", {"url": "https://example.com"}),
        ("text_analysis", "me gusta el sol", {"text": "me gusta el sol"}),
    ],
)
def test_what_was_asked_for_may_come_alone(tool: str, text: str, expected: dict[str, Any]):
    assert calls(text, earlier=Intent(tool, {}, missing="it")) == [(tool, expected)]


@pytest.mark.parametrize("text", ["no, gracias", "¿cómo va?"])
def test_a_change_of_mind_is_no_answer(text: str):
    for tool in ("get_weather_info", "remember"):
        assert calls(text, earlier=Intent(tool, {}, missing="it")) == []


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("y por 3?", "(2+2) * 3"),
        ("multiplícalo por 3", "(2+2) * 3"),
        ("and divide it by 4", "(2+2) / 4"),
        ("plus 10", "(2+2) + 10"),
        ("súmale 5", "(2+2) + 5"),
        ("-5", "(2+2) - 5"),
        ("¿y al cuadrado?", "(2+2)**2"),
        ("half of that", "((2+2)/2)"),
        ("-5+3", "-5+3"),
        ("3 por 4", "3 * 4"),
        ("suma 3 y 4", "3 + 4"),
        ("(1+2)*3", "(1+2)*3"),
    ],
)
def test_an_operation_goes_on_from_the_sum_before_and_a_whole_sum_does_not(text: str, whole: str):
    found = calls(text, earlier=Intent("calculate", {"expression": "2+2"}))

    assert found == [("calculate", {"expression": whole})]


@pytest.mark.parametrize("text", ["hola", "dime la hora", "más o menos", "menos mal"])
def test_what_is_no_operation_leaves_the_sum_alone(text: str):
    assert "calculate" not in dict(calls(text, earlier=Intent("calculate", {"expression": "2+2"})))


@pytest.mark.parametrize(
    ("tool", "arguments", "text"),
    [
        ("get_public_ip", {}, "¿y en Lima?"),
        ("text_analysis", {"text": "x"}, "and in Rome?"),
        ("get_weather_info", {"location": "Lima"}, "y el perro de mi vecina la del quinto no para de ladrar"),
    ],
)
def test_a_tool_without_a_place_has_no_follow_up_about_one(tool: str, arguments: dict[str, Any], text: str):
    assert calls(text, earlier=Intent(tool, arguments)) == []


@pytest.mark.parametrize(("tool", "text"), [("make_http_request", "ninguna"), ("echo", "hola")])
def test_what_does_not_answer_an_open_question_calls_nothing(tool: str, text: str):
    assert calls(text, earlier=Intent(tool, {}, missing="it")) == []

"""Whatever way people put it, the right tool is asked for with the right arguments."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.llm.demo.text import language_of
from app.llm.demo.understanding import MAX_READ_CHARS, understand
from tests.llm.demo.asking import TOOLS, calls

CASES = json.loads((Path(__file__).parents[2] / "cases" / "demo_phrasings.json").read_text(encoding="utf-8"))
PHRASINGS = [
    pytest.param(tool, language, text, arguments, id=f"{tool}-{language}-{text}")
    for tool in TOOLS
    for language, rows in CASES[tool].items()
    for text, arguments in rows
]


@pytest.mark.parametrize(("tool", "language", "text", "arguments"), PHRASINGS)
def test_a_request_is_understood_however_it_is_put(
    tool: str, language: str, text: str, arguments: dict[str, Any]
):
    assert calls(text) == [(tool, arguments)]
    assert language_of(text) in (language, None)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("language", ["es", "en"])
def test_there_are_at_least_twenty_phrasings_for_each_tool_and_language(tool: str, language: str):
    assert len({text for text, _ in CASES[tool][language]}) >= 20


@pytest.mark.parametrize("text", CASES["nothing"])
def test_small_talk_and_statements_call_nothing(text: str):
    assert understand(text, TOOLS) == []


@pytest.mark.parametrize(
    "text", ["CALCULA 2+2", "calcula 2+2", "Calcúla 2+2", "  calcula   2+2  ", "¡¡calcula 2+2!!"]
)
def test_case_accents_spaces_and_shouting_do_not_matter(text: str):
    assert calls(text) == [("calculate", {"expression": "2+2"})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "calcula 2+2 y dime la hora en Tokio",
            [("calculate", {"expression": "2+2"}), ("get_current_time", {"timezone": "Asia/Tokyo"})],
        ),
        (
            "What's 5*5 and what's the weather in Rome?",
            [("calculate", {"expression": "5*5"}), ("get_weather_info", {"location": "Rome"})],
        ),
        (
            "dime la hora, el clima de Madrid y mi ip pública",
            [
                ("get_current_time", {"timezone": "Europe/Madrid"}),
                ("get_weather_info", {"location": "Madrid"}),
                ("get_public_ip", {}),
            ],
        ),
        (
            "¿Qué tiempo hace en Lima y en Quito?",
            [("get_weather_info", {"location": "Lima"}), ("get_weather_info", {"location": "Quito"})],
        ),
        (
            "what time is it in London, New York and Tokyo?",
            [
                ("get_current_time", {"timezone": zone})
                for zone in ("Europe/London", "America/New_York", "Asia/Tokyo")
            ],
        ),
        (
            "prueba una llamada lenta de 10 segundos y mientras calcula 3*3",
            [("placeholder_api_call", {"delay_s": 10}), ("calculate", {"expression": "3*3"})],
        ),
        (
            "start three slow calls of 5, 10 and 15 seconds",
            [("placeholder_api_call", {"delay_s": seconds}) for seconds in (5, 10, 15)],
        ),
        (
            "simula una llamada de 5 segundos, otra de 8 segundos y dime mi IP",
            [
                ("placeholder_api_call", {"delay_s": 5}),
                ("placeholder_api_call", {"delay_s": 8}),
                ("get_public_ip", {}),
            ],
        ),
        ("lanza 3 llamadas lentas de 4 segundos", [("placeholder_api_call", {"delay_s": 4})] * 3),
        (
            "fetch https://example.com and tell me the time in Paris",
            [
                ("make_http_request", {"url": "https://example.com"}),
                ("get_current_time", {"timezone": "Europe/Paris"}),
            ],
        ),
        ("la fecha y la hora en Lima", [("get_current_time", {"timezone": "America/Lima"})]),
        (
            "time and weather in Berlin",
            [
                ("get_current_time", {"timezone": "Europe/Berlin"}),
                ("get_weather_info", {"location": "Berlin"}),
            ],
        ),
        (
            "¿Qué tiempo hace en Lima y qué hora es?",
            [("get_weather_info", {"location": "Lima"}), ("get_current_time", {"timezone": "America/Lima"})],
        ),
        (
            "cuánto es (12+8)/4 y 7*6 y 2^8",
            [("calculate", {"expression": each}) for each in ("(12+8)/4", "7*6", "2^8")],
        ),
        ("multiplica 3 por 4, súmale 5 y dime la hora", [
            ("calculate", {"expression": "(3*4)+5"}), ("get_current_time", {}),
        ]),
        ("calcula 2+2 y calcula 2+2", [("calculate", {"expression": "2+2"})]),
    ],
)  # fmt: skip
def test_several_requests_in_one_text_are_told_apart(text: str, expected: list[tuple[str, dict[str, Any]]]):
    assert calls(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("calcla 5*8", ("calculate", {"expression": "5*8"})),
        ("clacula 5*8", ("calculate", {"expression": "5*8"})),
        ("wether in paris", ("get_weather_info", {"location": "paris"})),
        ("que ora es", ("get_current_time", {})),
        ("¿qué timpo hace en Sevilla?", ("get_weather_info", {"location": "Sevilla"})),
        ("what tiem is it in Oslo", ("get_current_time", {"timezone": "Europe/Oslo"})),
        ("anlaiza este texto: hola", ("text_analysis", {"text": "hola"})),
    ],
)
def test_slips_of_the_fingers_are_forgiven(text: str, expected: tuple[str, dict[str, Any]]):
    assert calls(text) == [expected]


def test_what_is_to_be_analysed_is_no_request_itself():
    text = "Analiza este texto: calcula 2+2, dime la hora en Tokio y descarga https://example.com"

    assert calls(text) == [("text_analysis", {"text": text.partition(": ")[2]})]


def test_a_request_before_an_analysis_is_heard_too():
    assert calls("dime la hora y analiza este texto: buenos días") == [
        ("get_current_time", {}),
        ("text_analysis", {"text": "buenos días"}),
    ]


def test_a_long_text_is_analysed_whole():
    long = "Todo va bien. " * MAX_READ_CHARS

    assert calls(f"Analiza este texto: {long}") == [("text_analysis", {"text": long.strip()})]


def test_a_tool_that_is_not_there_is_still_asked_for_so_that_the_user_can_be_told():
    asks = understand("¿Qué hora es?", {"calculate": TOOLS["calculate"]})

    assert [ask.tool for ask in asks] == ["get_current_time"]


@pytest.mark.parametrize(
    ("text", "tool", "argument"),
    [
        ("¿Qué tiempo hace?", "get_weather_info", "location"),
        ("weather", "get_weather_info", "location"),
        ("calcula", "calculate", "expression"),
        ("haz una petición", "make_http_request", "url"),
        ("analiza un texto", "text_analysis", "text"),
    ],
)
def test_what_a_request_lacks_is_named(text: str, tool: str, argument: str):
    (ask,) = understand(text, TOOLS)

    assert (ask.tool, ask.missing) == (tool, argument)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "1",
        "-" * 20_000 + "1",
        "y " * 100_000,
        "9" * 100_000,
        '"' * 5_000,
        '{"a":' * 3_000,
        " " * 500_000,
    ],
    ids=["parentheses", "signs", "words", "digits", "quotes", "json", "spaces"],
)
@pytest.mark.timeout(5)
def test_no_text_takes_long_or_breaks_it(text: str):
    understand(text, TOOLS)

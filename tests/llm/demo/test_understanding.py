"""Requests in one text are told apart, slips forgiven, what is missing named, and nothing takes long."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.llm.demo.extractors import Intent
from app.llm.demo.language import language_of
from app.llm.demo.understanding import understand
from tests.llm.demo.asking import TOOLS, calls, meant

Call = tuple[str, dict[str, Any]]


def read_by_tools(found: list[Call]) -> list[Call]:
    return [meant(*call, "es") for call in found]


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
def test_several_requests_in_one_text_are_told_apart(text: str, expected: list[Call]):
    assert read_by_tools(calls(text)) == read_by_tools(expected)


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
def test_slips_of_the_fingers_are_forgiven(text: str, expected: Call):
    assert read_by_tools(calls(text)) == read_by_tools([expected])


def test_what_is_to_be_analysed_is_no_request_itself():
    text = "Analiza este texto: calcula 2+2, dime la hora en Tokio y descarga https://example.com"

    assert calls(text) == [("text_analysis", {"text": text.partition(": ")[2]})]


def test_a_request_before_an_analysis_is_heard_too():
    assert calls("dime la hora y analiza este texto: buenos días") == [
        ("get_current_time", {}),
        ("text_analysis", {"text": "buenos días"}),
    ]


def test_a_long_text_is_analysed_whole():
    long = "Todo va bien. " * 2_000

    assert calls(f"Analiza este texto: {long}") == [("text_analysis", {"text": long.strip()})]


def test_a_tool_that_is_not_there_is_still_asked_for_so_that_the_user_can_be_told():
    intents = understand("¿Qué hora es?", {"calculate": TOOLS["calculate"]}).intents

    assert [intent.tool for intent in intents] == ["get_current_time"]


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
    (intent,) = understand(text, TOOLS).intents

    assert (intent.tool, intent.missing) == (tool, argument)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("hola", "greeting"),
        ("muchas gracias", "thanks"),
        ("who are you?", "who"),
        ("¿cómo me llamo?", "my_name"),
        ("xyzzy", ""),
    ],
)
def test_small_talk_has_a_topic_and_calls_nothing(text: str, topic: str):
    assert understand(text, TOOLS) == ([], topic)


@pytest.mark.parametrize(
    "text",
    [
        "la película es positiva",
        "me encanta este texto",
        "un mensaje para ti: hola",
        "media hora",
        "¿a qué hora abre el museo?",
        "this time",
        "take your time",
        "what time does it open",
        "3 times",
        "timeline",
        "no tengo tiempo",
        "hace mucho tiempo",
        "under the weather",
        "tiempo libre",
        "mi web es https://foo.com",
        "I like https://foo.com",
        "escríbeme a ana@example.com",
        "¿qué es una IP?",
        "what is an IP address?",
        "la ip de example.com",
        "mi ip privada",
        "suma y sigue",
        "el resto del día",
        "add this song",
        "más o menos",
        "el 5 de mayo",
        "una y otra vez",
        "la reunión dura 5 segundos",
        "trabajo lento",
        "call me at 5",
    ],
)
def test_counter_examples_call_nothing(text: str):
    assert calls(text) == []


HOSTILE = {
    "parentheses": "(",
    "signs": "-",
    "words": "y ",
    "digits": "9",
    "quotes": '"',
    "open quotes": "“",
    "json": '{"a":',
    "spaces": " ",
    "factorials": "9!",
    "list": "1, ",
    "hours": "hora ",
    "analyses": "analiza ",
    "places": "Lima ",
    "hosts": "a.com ",
    "addresses": "http://a",
    "closed": "http://a)",
    "equations": "x=",
    "marks": "a\u0301",
    "ligatures": "\ufdfa",
    "lines": "\n",
    "numbers": "veinte y ",
    "sums": "suma 1 y ",
    "roots": "raiz cuadrada de ",
    "zones": "a/",
    "names": "calculate ",
    "seconds": "1 segundo ",
    "strangers": "qwerty ",
    "notes": "recuerda que ",
    "fields": "post a https://a.com con a=1 ",
    "headers": "get https://a.com con cabecera X-A: ",
    "requests": "calcula 2+2 y dime la hora en Lima, ",
    "topics": "que dije sobre ",
}


@pytest.mark.alone
@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_text_takes_long(piece: str):
    """The goal is 20 ms for the longest message, 1 MiB; ten times that fails."""
    text = (piece * (2**20 // len(piece) + 1))[: 2**20]
    understand("hola", TOOLS)

    def seconds() -> float:
        began = time.process_time()
        understand(text, TOOLS, Intent("calculate", {"expression": "2+2"}))
        language_of(text)
        return time.process_time() - began

    assert min(seconds() for _ in range(3)) < 0.2


WORDS = st.sampled_from(
    """calcula suma 2+2 3 por ( ) - + % ! ? , . : ; y and hora time en in Lima Tokio analiza este texto
    recuerda que {} {"a":1} https://a.com con a=1 post X-A: " ' « 10 segundos raíz de me llamo
    calculate""".split()
)


@given(text=st.text(max_size=200) | st.lists(WORDS, max_size=40).map(" ".join))
@settings(max_examples=150, deadline=None)
def test_no_text_breaks_it(text: str):
    understood = understand(text, TOOLS, Intent("get_weather_info", {}, missing="it"))

    assert all(isinstance(str(intent), str) for intent in understood.intents)

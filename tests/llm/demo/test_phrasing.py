"""What a tool returned is told in words, and nothing that it did not return."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Locale
from app.llm.demo.conversation import Outcome
from app.llm.demo.phrasing import MAX_SHOWN_CHARS, tell


def done(tool: str, value: Any, **arguments: Any) -> Outcome:
    return Outcome(tool, arguments, "done", value=value)


@given(result=st.integers(), expression=st.sampled_from(["2+2", "10/4", "1"]))
def test_the_number_is_the_tools_even_if_it_is_wrong(result: int, expression: str):
    said = tell([done("calculate", {"expression": expression, "result": result})], "es", is_late=False)

    assert said == f"{expression} = {result}"


@pytest.mark.parametrize(
    ("outcome", "language", "parts"),
    [
        (done("calculate", 4, expression="2+2"), "es", ["2+2 = 4"]),
        (done("get_current_time", {"sentence": "En Lima son las 10:30."}), "es", ["En Lima son las 10:30."]),
        (
            done("get_current_time", {"time": "10:30", "date": "2026-01-02", "timezone": "UTC"}),
            "en",
            ["10:30", "UTC"],
        ),
        (
            done(
                "get_weather_info",
                {"location": "Lima", "description": "nublado", "temperature_c": 18.5, "simulated": True},
            ),
            "es",
            ["Lima", "nublado", "18.5 °C", "simulados"],
        ),
        (done("get_public_ip", {"ip": "203.0.113.9"}), "en", ["203.0.113.9"]),
        (
            done("placeholder_api_call", {"waited_s": 5.0, "notice": "No API was called."}),
            "en",
            ["5.0 s", "No API was called."],
        ),
        (
            done("make_http_request", {"status": 201, "url": "https://a.example", "json": {"id": 7}}),
            "es",
            ["201", '{"id": 7}'],
        ),
        (
            done("make_http_request", {"status": 404, "body": ""}, url="https://a.example"),
            "en",
            ["https://a.example", "404"],
        ),
        (
            done(
                "text_analysis",
                {
                    "words": 3,
                    "characters": 12,
                    "sentences": 1,
                    "language": "es",
                    "sentiment": {"label": "positive"},
                },
            ),
            "es",
            ["palabras: 3", "caracteres: 12", "español", "positivo"],
        ),
        (done("search", {"hits": [1, 2], "more": False}), "es", ["search", "hits: [1, 2]", "more: no"]),
        (done("search", "free text"), "en", ["search", "free text"]),
        (done("search", None), "es", ["search", "nada"]),
        (done("search", []), "en", ["search", "[]"]),
        (done("text_analysis", {"other": "shape"}), "en", ["other: shape"]),
    ],
)
def test_a_result_is_told_in_the_users_language(outcome: Outcome, language: Locale, parts: list[str]):
    said = tell([outcome], language, is_late=False)

    assert [part for part in parts if part not in said] == []


@pytest.mark.parametrize("status", ["failed", "timed_out", "cancelled", "interrupted"])
@pytest.mark.parametrize(
    ("language", "error"), [("es", "No se divide entre cero."), ("en", "One cannot divide by the zero.")]
)
def test_what_went_wrong_is_told_with_the_given_sentence(status: Any, language: Locale, error: str):
    said = tell(
        [Outcome("calculate", {"expression": "1/0"}, status, error=error)],
        language,
        is_late=False,
    )

    assert error in said
    assert "1/0" in said


SPOKEN = {
    "get_weather_info": {
        "location": "Lima",
        "description": "cielo cubierto",
        "temperature_c": 18.5,
        "simulated": True,
        "notice": "Datos simulados: este servidor no tiene configurado ningún servicio meteorológico.",
    },
    "get_current_time": {
        "date": "2026-01-05",
        "time": "10:30:00",
        "timezone": "Asia/Tokyo",
        "utc_offset": "+09:00",
        "weekday": "lunes",
        "sentence": "En Asia/Tokyo (UTC+09:00) son las 10:30 del lunes, 5 de enero de 2026.",
    },
    "placeholder_api_call": {
        "waited_s": 1.0,
        "notice": "Esto es un marcador de posición: no se ha llamado a ninguna API real.",
    },
    "make_http_request": {
        "status": 200,
        "url": "https://a.example",
        "note": "El cuerpo no ha llegado entero a tiempo.",
    },
}


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("get_weather_info", "In Lima: overcast, 18.5 °C. (These data are simulated.)"),
        ("get_current_time", "In Asia/Tokyo (UTC+09:00) it is 10:30 on Monday, 5 January 2026."),
        ("placeholder_api_call", "The test call finished in 1.0 s. It was only a test: no API was called."),
        (
            "make_http_request",
            "https://a.example answers with status 200.\n(The content could not be read completely.)",
        ),
    ],
)
def test_a_result_in_the_sessions_language_is_told_in_the_users(tool: str, said: str):
    assert tell([done(tool, SPOKEN[tool])], "en", is_late=False) == said


@pytest.mark.parametrize("tool", ["calculate", "get_weather_info", "make_http_request", "get_public_ip"])
def test_a_failure_in_the_sessions_language_is_told_in_the_users(tool: str):
    outcome = Outcome(tool, {}, "failed", error="El servidor no ha respondido a tiempo.")

    said = tell([outcome], "en", is_late=False)

    assert "servidor" not in said
    assert said.startswith("I could not manage")


def test_a_place_without_a_known_time_is_said_to_be_unknown_and_no_other_is_suggested():
    error = "No conozco la zona horaria «Narnia». ¿Quizá Africa/Luanda?"

    said = tell(
        [Outcome("get_current_time", {"timezone": "Narnia"}, "failed", error=error)], "es", is_late=False
    )

    assert "«Narnia»: no conozco ese lugar" in said
    assert "Luanda" not in said


def test_what_still_runs_is_said_to_run():
    said = tell([Outcome("placeholder_api_call", {}, "running", call_id="a")], "es", is_late=False)

    assert said == "Estoy en ello: la llamada de prueba sigue en marcha; te aviso cuando acabe."


def test_a_late_result_says_what_it_belongs_to():
    said = tell([done("placeholder_api_call", {"waited_s": 5.0})], "es", is_late=True)

    assert said.startswith("Ya tengo el resultado de la llamada de prueba.")


def test_several_results_are_told_one_by_one():
    outcomes = [done("calculate", 4, expression="2+2"), Outcome("placeholder_api_call", {}, "running")]

    assert len(tell(outcomes, "en", is_late=False).splitlines()) == 2


def test_a_huge_result_is_shown_in_part():
    said = tell([done("search", "x" * 100_000)], "es", is_late=False)

    assert len(said) < MAX_SHOWN_CHARS + 100

"""What a tool returned is told in words, in the user's language, and nothing that it did not return."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Locale
from app.llm.demo.conversation import Outcome
from app.llm.demo.telling import MAX_SHOWN_CHARS, tell
from app.tools.support.weather_codes import WEATHER_CODES
from tests.llm.demo.asking import Talk


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
                {
                    "location": "Lima",
                    "description": "nublado",
                    "temperature_c": 18.5,
                    "notice": "Datos simulados.",
                },
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
        (done("search", {"hits": [1, 2], "more": False}), "es", ["search", "hits: [1, 2]", "more: false"]),
        (done("search", "free text"), "en", ["search", "free text"]),
        (done("search", None), "es", ["search", "null"]),
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
        ("get_current_time", "In Asia/Tokyo it is 2026-01-05, 10:30:00."),
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


def test_what_still_runs_is_said_to_run():
    said = tell([Outcome("placeholder_api_call", {}, "running")], "es", is_late=False)

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


def told(tool: str, value: Any, language: Locale, **arguments: Any) -> str:
    return tell([done(tool, value, **arguments)], language, is_late=False)


@pytest.mark.parametrize("words", WEATHER_CODES.values())
@pytest.mark.parametrize("language", ["es", "en"])
def test_every_description_of_the_weather_tool_is_known_in_both_languages(
    words: dict[Locale, str], language: Locale
):
    for spoken in words.values():
        value = {"location": "Lima", "temperature_c": 1, "description": spoken}
        assert f": {words[language]}, 1 °C" in told("get_weather_info", value, language)


def test_a_description_that_is_not_known_is_never_told_in_the_wrong_language():
    value = {"location": "Lima", "temperature_c": 40, "description": "hace un calor de mil demonios"}

    assert "demonios" in told("get_weather_info", value, "es")
    assert told("get_weather_info", value, "en") == "In Lima: 40 °C."


def test_a_moment_is_told_from_its_fields():
    moment = {"date": "2026-01-05", "time": "01:30:00", "timezone": "Asia/Tokyo", "utc_offset": "+09:00"}

    assert told("get_current_time", moment, "es") == ("En Asia/Tokyo es el 2026-01-05, 01:30:00.")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", "1.500 + 1 = 1501 (He leído 1.500 como 1500)"),
        ("en", "1.500 + 1 = 1501 (read as 1500 + 1)"),
    ],
)
def test_how_an_ambiguous_number_was_read_is_told(language: Locale, said: str):
    value = {
        "expression": "1.500 + 1",
        "result": 1501,
        "read_as": "1500 + 1",
        "note": "He leído 1.500 como 1500.",
    }

    assert told("calculate", value, language) == said


def test_a_tool_from_outside_keeps_its_words():
    def failed(tool: str, status: Any) -> str:
        outcome = Outcome(tool, {}, status, error="The server is not there.")
        return tell([outcome], "es", is_late=False)

    assert failed("echo", "failed").endswith(": The server is not there.")
    assert "servicio" in failed("get_public_ip", "failed")
    assert failed("echo", "cancelled") == "Se ha cancelado la herramienta echo."


def test_an_unknown_place_is_named():
    error = "No conozco la zona horaria «Narnia». ¿Quizá Africa/Luanda?"
    outcome = Outcome("get_current_time", {"timezone": "Narnia"}, "failed", error=error)

    assert "“Narnia”" in tell([outcome], "en", is_late=False)


def test_what_was_kept_and_forgotten_is_told():
    assert told("remember", {"remembered": ["name: Ana"]}, "es", name="Ana") == "¡Encantado, Ana!"
    assert told("remember", {"remembered": ["a"], "forgotten": ["b"]}, "en") == (
        "Forgotten: b. I will remember: a."
    )
    assert "todavía no" in told("remember", {"remembered": ["a"], "is_stored": False}, "es")
    assert "(vacío)" in told("remember", {}, "es")


async def test_what_was_found_is_told_with_who_said_it_and_when():
    talk = Talk()
    await talk.says("¿qué dije sobre el tren?")
    found = [
        {"who": "user", "when": "2026-01-05T10:30:00Z", "text": "mi tren sale a las ocho"},
        {"who": "agent", "when": None, "text": "El tren va puntual."},
    ]

    said = await talk.gets({"status": "done", "result": {"found": found, "note": None}})

    assert said.splitlines() == [
        "Esto encuentro sobre «tren» en nuestra conversación:",
        "- 2026-01-05 10:30 tú: «mi tren sale a las ocho»",
        "- yo: «El tren va puntual.»",
    ]


def test_nothing_found_is_said_too_and_what_was_not_searched():
    nothing = {"found": [], "note": "Solo se ha buscado en lo que está en memoria."}

    assert told("search_talk", nothing, "es", query="x") == (
        "No encuentro nada sobre «x» en nuestra conversación.\n"
        "(Solo se ha buscado en lo que está en memoria.)"
    )
    assert told("search_talk", nothing, "en", query="x") == (
        "I find nothing about “x” in our talk.\n(I have only searched what I have in memory.)"
    )


def test_a_result_of_another_form_is_told_plainly():
    assert "otra: 1" in told("search_talk", {"otra": 1}, "es")


@pytest.mark.parametrize(
    ("tool", "value", "language", "said"),
    [
        (
            "text_analysis",
            {
                "words": 3,
                "language": "es",
                "frequent_words": [{"word": "sol", "count": 2}, {"word": "mar"}, "x"],
            },
            "en",
            "The analysis of the text: words: 3; language: Spanish; most frequent: sol, mar, x.",
        ),
        ("make_http_request", {"status": 200, "url": "u", "truncated": True}, "en", "(The content was cut.)"),
        ("make_http_request", {"other": 1}, "en", "other: 1"),
        ("calculate", {"other": 1}, "en", "other: 1"),
        ("search", {str(n): n for n in range(20)}, "es", "- 11: 11\n…"),
    ],
)
def test_parts_of_results_are_told_as_far_as_they_are_there(
    tool: str, value: Any, language: Locale, said: str
):
    assert said in told(tool, value, language)


def test_what_ran_out_of_time_is_told_without_words_of_the_other_language():
    outcome = Outcome("calculate", {}, "timed_out", error="The time limit of the tool is over.")

    assert tell([outcome], "es", is_late=False) == "Se ha agotado el tiempo del cálculo."

"""Without a tool to call the demo is polite, honest, and says what it can do."""

import pytest

from app.errors import Locale
from app.llm.demo.conversation import Outcome
from app.llm.demo.talk import NOTICE, ask_for, before_calling, not_there, nothing_new, small_talk
from tests.llm.demo.asking import TOOLS


def talk(text: str, language: Locale = "es", **more: object) -> str:
    options: dict[str, object] = {"agent_name": "Clara", "tools": list(TOOLS), **more}
    return small_talk(text, language, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("hola", "es", "¡Hola! Soy Clara"),
        ("good morning", "en", "Hello! I am Clara"),
        ("gracias", "es", "De nada"),
        ("thanks a lot", "en", "welcome"),
        ("adiós", "es", "Hasta luego"),
        ("bye", "en", "Goodbye"),
        ("¿cómo estás?", "es", "Muy bien"),
        ("how are you?", "en", "Very well"),
        ("vale", "es", "De acuerdo"),
        ("ok", "en", "All right"),
    ],
)
def test_small_talk_is_answered_in_kind(text: str, language: Locale, said: str):
    assert said in talk(text, language)


@pytest.mark.parametrize(
    ("text", "language", "said"), [("¿quién eres?", "es", "demostración"), ("who are you?", "en", "demo")]
)
def test_it_says_openly_that_it_is_a_demo(text: str, language: Locale, said: str):
    assert said in talk(text, language)
    assert said in NOTICE[language].lower()


@pytest.mark.parametrize("text", ["cuéntame un chiste", "¿cuál es el sentido de la vida?"])
def test_what_it_does_not_know_it_admits(text: str):
    answer = talk(text)

    assert "sin modelo de lenguaje" in answer
    assert "¿qué hora es en Tokio?" in answer


@pytest.mark.parametrize(("text", "language"), [("ayuda", "es"), ("what can you do?", "en")])
def test_help_names_every_tool_that_is_there_with_an_example_and_no_other(text: str, language: Locale):
    assert talk(text, language).count("\n- ") == len(TOOLS)
    assert talk(text, language, tools=["calculate"]).count("\n- ") == 1
    assert "search" in talk(text, language, tools=["calculate", "search"])


def test_without_tools_it_says_so():
    assert "ninguna herramienta" in talk("ayuda", tools=[])


def test_what_still_runs_is_told_when_asked():
    running = [Outcome("placeholder_api_call", {}, "running", call_id="a")]

    assert "la llamada de prueba" in talk("¿cómo va?", running=running)


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_sentence_has_both_languages(language: Locale):
    sentences = [
        ask_for("calculate", "expression", language),
        ask_for("search", "path", language),
        not_there(["calculate"], language),
        before_calling(["make_http_request"], language),
        nothing_new(language),
    ]

    assert all(sentences)
    assert before_calling(["calculate"], language) == ""

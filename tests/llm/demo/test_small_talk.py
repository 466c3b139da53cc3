"""Without a tool to call the demo is polite, honest, says what it can do, and knows who it talks to."""

from typing import Any

import orjson
import pytest

from app.errors import Locale
from app.llm.demo.small_talk import (
    NOTICE,
    ask_for,
    is_to_greet,
    known_user,
    not_there,
    small_talk,
)
from app.llm.demo.understanding import understand
from tests.llm.demo.asking import TOOLS, Talk

ANA = {"name": "Ana", "preferences": {"answers": "short"}, "notes": ["likes tea"]}


def talk(text: str, language: Locale = "es", **more: object) -> str:
    options: dict[str, object] = {"agent_name": "Clara", "tools": list(TOOLS), "user": {}, **more}
    return small_talk(understand(text, TOOLS).topic, language, **options)  # type: ignore[arg-type]


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


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_sentence_has_both_languages(language: Locale):
    sentences = [
        ask_for("calculate", "expression", language),
        ask_for("search", "path", language),
        not_there(["calculate"], language),
    ]

    assert all(sentences)


# What the prompt tells of the user


def prompt_about(user: dict[str, Any]) -> dict[str, Any]:
    data = orjson.dumps(user).decode()
    return {"role": "system", "content": f"Rules.\n\nData:\n<user_profile>\n{data}\n</user_profile>"}


def knowing(user: dict[str, Any], **options: Any) -> Talk:
    talk = Talk(**options)
    talk.messages[0] = prompt_about(user)
    return talk


async def test_who_is_not_known_is_told_that_nothing_can_be_kept():
    talk = Talk(tools={name: schema for name, schema in TOOLS.items() if name != "remember"})

    assert "no lo puedo guardar" in await talk.says("recuerda que me gusta el té")
    assert talk.calls == ()


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("¿Qué sabes de mí?", "es", "sé de ti:\n- te llamas Ana\n- answers: short\n- likes tea"),
        ("what do you know about me?", "en", "- your name is Ana"),
        ("¿cómo me llamo?", "es", "Te llamas Ana."),
        ("What's my name?", "en", "Your name is Ana."),
        ("¿sabes quién soy?", "es", "te llamas Ana"),
        ("do you remember me?", "en", "likes tea"),
    ],
)
def test_it_tells_what_it_knows_of_the_user_when_asked(text: str, language: Locale, said: str):
    assert said in talk(text, language, user=ANA)


@pytest.mark.parametrize(("text", "language"), [("¿qué sabes de mí?", "es"), ("what is my name?", "en")])
def test_of_a_stranger_it_says_that_it_knows_nothing(text: str, language: Locale):
    assert {"es": "no sé nada", "en": "do not know"}[language] in talk(text, language)


async def test_it_greets_by_name():
    assert (await knowing(ANA).says("hola")).startswith("¡Hola, Ana! Soy")
    assert (await knowing({}).says("hello")).startswith("Hello! I am")


@pytest.mark.parametrize(
    ("locale", "note", "said"),
    [("es", "El usuario acaba de llegar. Salúdalo.", "¡Hola, Ana!"), ("en", "Greet them.", "Hello, Ana!")],
)
async def test_it_greets_when_it_is_told_to(locale: str, note: str, said: str):
    talk = knowing(ANA, locale=locale)
    talk.messages.append({"role": "system", "content": note})

    assert (await talk.goes_on()).startswith(said)


def test_rules_alone_are_no_request_to_greet():
    assert not is_to_greet([{"role": "system", "content": "Greet everybody."}])
    assert not is_to_greet([prompt_about(ANA), {"role": "user", "content": "greet"}])


@pytest.mark.parametrize("content", [None, "", "[1]", "{"])
def test_where_the_prompt_tells_nothing_nobody_is_known(content: Any):
    content = content and f"<user_profile>\n{content}\n</user_profile>"

    assert known_user([{"role": "system", "content": content}]) == {}
    assert known_user([]) == {}


async def test_a_talk_that_remembers():
    talk = Talk(locale="en")
    await talk.says("remember that I like tea")
    assert talk.called == [("remember", {"note": "I like tea"})]

    answer = await talk.gets({"status": "done", "result": {"remembered": ["I like tea"], "forgotten": []}})

    assert answer == "I will remember: I like tea."

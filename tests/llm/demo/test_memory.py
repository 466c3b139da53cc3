"""The demo understands what is to be kept of the user and what to be forgotten, and knows who it talks to."""

from typing import Any

import orjson
import pytest

from app.errors import Locale
from app.llm.demo.memory import about_user, claim, is_to_greet, kept, known_user, name_of
from app.llm.demo.text import utterance
from tests.llm.demo.asking import TOOLS, Talk, calls

ANA = {"name": "Ana", "preferences": {"answers": "short"}, "notes": ["likes tea"]}


def prompt_about(user: dict[str, Any]) -> dict[str, Any]:
    data = orjson.dumps(user).decode()
    return {"role": "system", "content": f"Rules.\n\nData:\n<user_profile>\n{data}\n</user_profile>"}


def knowing(user: dict[str, Any], **options: Any) -> Talk:
    talk = Talk(**options)
    talk.messages[0] = prompt_about(user)
    return talk


def test_a_note_may_hold_whole_other_requests_and_ends_with_its_sentence():
    assert calls("recuerda que quiero saber qué hora es en Lima y calcula 2+2. ¿Qué hora es en Tokio?") == [
        ("remember", {"note": "quiero saber qué hora es en Lima y calcula 2+2"}),
        ("get_current_time", {"timezone": "Asia/Tokyo"}),
    ]
    assert calls("calcula 2+2 y recuerda que me gusta el té") == [
        ("calculate", {"expression": "2+2"}),
        ("remember", {"note": "me gusta el té"}),
    ]


def test_a_name_is_kept_beside_other_requests():
    assert calls("me llamo Ana, ¿qué hora es en Tokio?") == [
        ("remember", {"name": "Ana"}),
        ("get_current_time", {"timezone": "Asia/Tokyo"}),
    ]


def test_a_note_without_words_is_asked_for():
    found = claim(utterance("recuerda que"))

    assert found is not None and found[2].missing == "note"


async def test_who_is_not_known_is_told_that_nothing_can_be_kept():
    talk = Talk(tools={name: schema for name, schema in TOOLS.items() if name != "remember"})

    assert "no lo puedo guardar" in await talk.says("recuerda que me gusta el té")
    assert talk.calls == ()


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        (
            "¿Qué sabes de mí?",
            "es",
            "sé de ti:\n- te llamas Ana\n- answers: short\n- likes tea",
        ),
        ("what do you know about me?", "en", "- your name is Ana"),
        ("¿cómo me llamo?", "es", "Te llamas Ana."),
        ("What's my name?", "en", "Your name is Ana."),
        ("¿sabes quién soy?", "es", "te llamas Ana"),
        ("do you remember me?", "en", "likes tea"),
        ("hola", "es", ""),
        ("¿quién eres?", "es", ""),
        ("¿qué sabes hacer?", "es", ""),
    ],
)
def test_it_tells_what_it_knows_of_the_user_when_asked(text: str, language: Locale, said: str):
    answer = about_user(text, ANA, language)

    assert said in answer
    assert bool(said) is bool(answer)


@pytest.mark.parametrize(("text", "language"), [("¿qué sabes de mí?", "es"), ("what is my name?", "en")])
def test_of_a_stranger_it_says_that_it_knows_nothing(text: str, language: Locale):
    assert {"es": "no sé nada", "en": "do not know"}[language] in about_user(text, {}, language)


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
    assert name_of({}) == ""


def test_what_was_done_is_told_from_the_result():
    assert kept({"remembered": ["name: Ana"], "forgotten": []}, {"name": "Ana"}, "es") == "¡Encantado, Ana!"
    assert kept({"remembered": ["a"], "forgotten": ["b"]}, {}, "en") == "Forgotten: b. I will remember: a."
    assert "todavía no" in kept({"remembered": ["a"], "is_stored": False}, {}, "es")
    assert kept({}, {}, "es") == ""


async def test_a_talk_that_remembers():
    talk = Talk(locale="en")
    await talk.says("remember that I like tea")
    assert talk.called == [("remember", {"note": "I like tea"})]

    answer = await talk.gets({"status": "done", "result": {"remembered": ["I like tea"], "forgotten": []}})

    assert answer == "I will remember: I like tea."

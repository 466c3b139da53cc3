"""The demo answers a frustrated user, one in a hurry and a pleased one differently."""

from typing import Any

import pytest

from app.chat import Mood
from app.errors import Locale
from app.llm.base import ChatRequest, Completion
from app.llm.demo import DemoModel
from app.llm.demo.small_talk import in_manner
from tests.llm.demo.asking import api_tools
from tests.support.context import settings_with


async def answer(text: str, mood: Mood | None, locale: Locale = "es") -> tuple[str, Completion]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": text}]
    request = ChatRequest(messages, api_tools(), locale, mood=mood)
    *words, completion = [
        piece async for piece in DemoModel(settings_with(), token_delay_s=0).stream(request)
    ]
    assert isinstance(completion, Completion)
    return "".join(map(str, words)), completion


@pytest.mark.parametrize(
    ("locale", "text", "begins"),
    [("es", "¿cuánto es 2+2?", "Tienes razón, perdona."), ("en", "what is 2+2?", "You're right, I'm sorry.")],
)
async def test_a_frustrated_user_is_acknowledged_first_and_the_thing_is_done(
    locale: Locale, text: str, begins: str
):
    words, completion = await answer(text, "frustrated", locale)

    assert words.startswith(begins)
    assert [call.name for call in completion.tool_calls] == ["calculate"]


async def test_a_user_in_a_hurry_gets_one_sentence_and_no_offers():
    words, _ = await answer("hola, cuéntame un cuento", "hurried")

    assert "\n" not in words
    assert words.count(".") == 1


async def test_a_user_in_a_hurry_gets_no_words_before_a_call():
    words, completion = await answer("haz un GET a https://example.com", "hurried")

    assert words == ""
    assert completion.tool_calls


async def test_a_late_result_is_told_to_somebody_in_a_hurry_without_a_preamble():
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "¿cuánto es 2+2?"},
        {"role": "assistant", "content": "Voy."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "calculate", "arguments": '{"expression": "2+2"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": '{"status": "done", "result": {"result": 4}}'},
    ]
    said: dict[str, str] = {}
    for mood in ("neutral", "hurried"):
        request = ChatRequest(messages, api_tools(), "es", mood=mood)
        pieces = [piece async for piece in DemoModel(settings_with(), token_delay_s=0).stream(request)]
        said[mood] = "".join(piece for piece in pieces if isinstance(piece, str))

    assert said["neutral"].endswith(said["hurried"])
    assert len(said["hurried"]) < len(said["neutral"])


@pytest.mark.parametrize(("locale", "warm"), [("es", "¡Me alegro!"), ("en", "I'm glad!")])
async def test_a_pleased_user_is_answered_warmly(locale: Locale, warm: str):
    words, _ = await answer("perfecto" if locale == "es" else "perfect", "pleased", locale)

    assert words.startswith(warm)


async def test_thanks_are_answered_once():
    words, _ = await answer("gracias", "pleased")

    assert words == "¡De nada! ¿Algo más?"


@pytest.mark.parametrize(
    "text", ["hola", "gracias", "ayuda", "¿cuánto es 2+2?", "haz un GET a https://example.com"]
)
async def test_a_neutral_user_is_answered_as_one_whom_nobody_judged(text: str):
    assert (await answer(text, "neutral"))[0] == (await answer(text, None))[0]


def test_a_list_that_was_asked_for_is_given_whole_in_a_hurry():
    offer = "I can:\n- do sums. Or not"

    assert in_manner(offer, "hurried", "en", is_call=False) == offer


def test_acknowledging_promises_only_what_is_being_done():
    assert "ahora mismo" in in_manner("", "frustrated", "es", is_call=True)
    assert "ahora mismo" not in in_manner("No sé.", "frustrated", "es", is_call=False)

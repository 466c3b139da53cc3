"""The demo talks and calls tools as a language model does, from the messages alone."""

import asyncio
import re
from contextlib import aclosing
from typing import Any

import pytest

from app.llm.base import WAIT, ChatProvider, ChatRequest, Completion
from app.llm.demo import DemoModel
from tests.llm.demo.asking import TOOLS, Talk, api_tools, schema
from tests.support.context import settings_with


async def pieces_of(text: str, tools: list[dict[str, Any]] | None = None) -> list[str | Completion]:
    request = ChatRequest([{"role": "user", "content": text}], tools or [], "es")
    return [piece async for piece in DemoModel(settings_with(), token_delay_s=0).stream(request)]


async def test_the_seeds_own_question_is_answered_with_the_tools_number():
    talk = Talk()

    assert await talk.says("Hola, ¿puedes calcular 2+2?") == "calculate: 2+2"
    assert talk.called == [("calculate", {"expression": "2+2"})]
    answer = await talk.gets({"status": "done", "result": {"expression": "2+2", "result": 4}})

    assert answer == "2+2 = 4"
    assert talk.completion.finish_reason == "stop"


async def test_what_was_understood_is_said_before_it_is_done():
    talk = Talk()

    assert await talk.says("calcula 2+2, dime la hora en Tokio y mi IP") == (
        "calculate: 2+2\nget_current_time: Tokio\nget_public_ip"
    )


async def test_the_number_is_never_the_demos_own():
    talk = Talk()

    await talk.says("¿cuánto es 2+2?")

    assert "5" in await talk.gets({"status": "done", "result": {"expression": "2+2", "result": 5}})


@pytest.mark.parametrize(("text", "waits"), [("Quiero que me", True), ("¿Qué hora es?", False)])
async def test_unfinished_words_get_the_mark_where_it_may_be_given(text: str, waits: bool):
    messages = [{"role": "user", "content": text}]
    for may_wait in (True, False):
        request = ChatRequest(messages, [], "es", may_wait=may_wait)
        pieces = [piece async for piece in DemoModel(settings_with(), token_delay_s=0).stream(request)]
        assert (pieces[0] == WAIT) is (waits and may_wait)
        assert isinstance(pieces[-1], Completion)


async def test_words_come_one_by_one_and_then_one_completion():
    *words, completion = await pieces_of("hola")

    assert len(words) > 5
    assert all(isinstance(word, str) and len(word.split()) == 1 for word in words)
    assert completion == Completion("stop")


async def test_every_space_and_line_of_an_answer_is_streamed():
    *words, _ = await pieces_of("ayuda", api_tools())

    assert "".join(map(str, words)).count("\n- ") == len(TOOLS)


async def test_several_tools_are_called_in_one_answer_with_ids_of_their_own():
    talk = Talk()

    await talk.says("calcula 2+2 y dime la hora en Tokio")

    assert talk.called == [
        ("calculate", {"expression": "2+2"}),
        ("get_current_time", {"timezone": "Tokio"}),
    ]
    assert talk.completion.finish_reason == "tool_calls"
    assert len({call.id for call in talk.calls}) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", call.id) for call in talk.calls)


async def test_each_of_several_results_is_told():
    talk = Talk()
    await talk.says("calcula 2+2 y calcula 1/0")

    answer = await talk.gets(
        {"status": "done", "result": {"expression": "2+2", "result": 4}},
        {"status": "failed", "error": "No se puede dividir entre cero."},
    )

    assert "2+2 = 4" in answer
    assert "No se puede dividir entre cero." in answer


async def test_a_slow_tool_is_announced_and_told_when_it_comes():
    talk = Talk()
    await talk.says("prueba una llamada lenta de 10 segundos")

    assert "te aviso" in await talk.gets({"status": "running", "call_id": talk.calls[0].id})
    assert "hola" in (await talk.says("hola")).lower()
    late = await talk.hears_late(
        "placeholder_api_call", {"delay_s": 10}, {"status": "done", "result": {"waited_s": 10.0}}
    )

    assert "Ya tengo el resultado de la llamada de prueba" in late
    assert "10.0" in late
    assert "hola" not in late.lower()


async def test_the_answer_is_in_the_language_of_the_question():
    talk = Talk(locale="es")
    await talk.says("What is my public IP?")

    assert await talk.gets({"status": "done", "result": {"ip": "203.0.113.9"}}) == (
        "This server's public IP address is 203.0.113.9."
    )


@pytest.mark.parametrize(("locale", "word"), [("es", "resultado"), ("en", "result")])
async def test_a_question_without_a_language_is_answered_in_the_talks(locale: str, word: str):
    talk = Talk(locale=locale)
    await talk.says("2+2")

    late = await talk.gets({"status": "running", "call_id": "a"})
    late = await talk.hears_late("calculate", {"expression": "2+2"}, {"status": "done", "result": 4})

    assert word in late


@pytest.mark.parametrize(
    ("before", "text", "word"),
    [
        ("", "calcula i*i", "¿Qué operación"),
        ("¿qué puedes hacer?", "xyzzy", "una demostración"),
    ],
)
async def test_words_without_a_tool_are_in_the_language_of_the_text_or_of_the_talk(
    before: str, text: str, word: str
):
    talk = Talk(locale="en")
    if before:
        await talk.says(before)

    assert word in await talk.says(text)
    assert talk.calls == ()


async def test_a_missing_argument_is_asked_for_and_then_used():
    talk = Talk()

    assert await talk.says("¿Qué tiempo hace?") == "¿De qué lugar quieres saber el tiempo?"
    await talk.says("Madrid")

    assert talk.called == [("get_weather_info", {"location": "Madrid"})]


async def test_a_follow_up_is_understood_from_the_messages():
    talk = Talk()
    await talk.says("¿Qué hora es en Tokio?")
    await talk.gets({"status": "done", "result": {"sentence": "Las diez."}})

    await talk.says("¿y en Londres?")

    assert talk.called == [("get_current_time", {"timezone": "Londres"})]


async def test_a_follow_up_may_come_in_another_language():
    talk = Talk()
    await talk.says("¿Qué hora es en Tokio?")
    await talk.gets({"status": "done", "result": {"sentence": "Las diez."}})

    await talk.says("what about London?")

    assert talk.called == [("get_current_time", {"timezone": "London"})]
    moment = {
        "date": "2026-01-05",
        "time": "01:30:00",
        "timezone": "Europe/London",
        "sentence": "Es la 01:30.",
    }
    assert await talk.gets({"status": "done", "result": moment}) == (
        "In Europe/London it is 2026-01-05, 01:30:00."
    )


async def test_only_tools_of_the_request_are_called():
    talk = Talk(tools={"calculate": TOOLS["calculate"]})

    answer = await talk.says("¿Qué hora es?")

    assert talk.calls == ()
    assert "get_current_time" in answer


async def test_without_tools_none_is_called():
    *_, completion = await pieces_of("calcula 2+2")

    assert completion == Completion("stop")


async def test_a_tool_from_outside_is_called_by_its_name():
    talk = Talk(tools={"echo": schema("message", message="string")})

    await talk.says('usa la herramienta echo con {"message": "hola"}')

    assert talk.called == [("echo", {"message": "hola"})]


async def test_it_calls_itself_by_the_agents_name():
    assert "Clara" in await Talk(agent_name="Clara").says("hola")
    assert "Asistente" in await Talk().says("hola")
    assert "I am Assistant" in await Talk(locale="en").says("hello")


async def test_nothing_is_answered_twice():
    talk = Talk()
    first = await talk.says("hola")

    assert await talk.goes_on() != first


async def test_a_stream_can_be_closed_at_any_moment():
    request = ChatRequest([{"role": "user", "content": "ayuda"}], api_tools(), "es")
    demo = DemoModel(settings_with(), token_delay_s=3600)

    async with aclosing(demo.stream(request)) as stream:
        assert await anext(stream)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), timeout=0.01)

    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_two_talks_with_one_demo_know_nothing_of_each_other():
    demo = DemoModel(settings_with(), token_delay_s=0)
    one, other = Talk(), Talk()
    one.demo = other.demo = demo
    await one.says("¿Qué hora es en Tokio?")
    await one.gets({"status": "done", "result": {"sentence": "Las diez."}})

    await other.says("¿y en Londres?")

    assert other.calls == ()


async def test_it_is_a_provider_that_says_what_it_is():
    demo: ChatProvider = DemoModel(settings_with())

    assert (demo.name, demo.model) == ("demo", "demo")
    assert set(demo.notice) == {"es", "en"}
    assert [check.ok for check in await demo.diagnose()] == [True]
    await demo.aclose()

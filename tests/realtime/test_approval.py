"""What waits for approval on the Realtime API: by voice, by a text."""

from typing import Any

import pytest

from tests.realtime.app import App, app_of, said
from tests.realtime.test_sound import spoken
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, calls, says
from tests.support.server import running_server
from tests.support.talk import Workshop

WRITES = settings_with(tool_approval="writes")
SCRIPT = (calls(("send", {"tag": "x"})), "Te pregunto.", "Hecho.")


async def hears_question(app: App) -> Any:
    """The response that asks; it was heard to its end."""
    while "¿Permites" not in said(response := (await app.hears("response.done")).response):
        pass
    return response


@pytest.mark.parametrize(("word", "runs"), [("sí.", True), ("yes.", True), ("no.", False)])
async def test_spoken_word_decides_and_is_an_item_that_no_model_reads(word: str, runs: bool):
    workshop = Workshop()
    tools = [workshop.tool("send", "write")]
    async with spoken(*SCRIPT, settings=WRITES, tools=tools) as talk:
        await talk.app.adds("envía")
        await talk.app.sends("response.create")
        question = await hears_question(talk.app)
        start = len(talk.app.heard)
        await talk.says(word)
        item = (await talk.app.hears("conversation.item.done")).item
        told = (await talk.app.hears("response.done")).response
        requests = talk.model.requests

    assert said(question) == "¿Permites que ejecute send con tag: x? Di sí o no."
    assert talk.app.kinds(start)[:5] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert (item.role, item.content[0].transcript) == ("user", word)
    assert workshop.runs == ([("send", "x")] if runs else [])
    assert said(told) == "Hecho."
    assert not any(word in str(m["content"]) for m in requests[-1].messages if m["role"] == "user")


async def test_push_to_talk_answers_without_an_error():
    workshop = Workshop()
    tools = [workshop.tool("send", "write")]
    async with spoken(*SCRIPT, settings=WRITES, tools=tools) as talk:
        await talk.updates(audio={"input": {"turn_detection": None}})
        await talk.app.adds("envía")
        await talk.app.sends("response.create")
        await hears_question(talk.app)
        start = len(talk.app.heard)
        await talk.says("sí.", silence_ms=100)
        await talk.app.sends("input_audio_buffer.commit")
        await talk.app.hears("response.done")

    assert workshop.runs == [("send", "x")]
    assert talk.app.kinds(start)[:3] == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]


@pytest.mark.parametrize(("word", "runs"), [("Sí.", True), ("no", False), ("qué hora es", False)])
async def test_where_nothing_is_heard_or_spoken_a_text_decides(word: str, runs: bool):
    workshop = Workshop()
    tools = [workshop.tool("send", "write")]
    model = ScriptedModel([*SCRIPT[:1], says("¿Puedo?"), says("Hecho.")])
    async with running_server(WRITES, provider=model, tools=tools) as server, app_of(server) as app:
        await app.asks("envía")
        await app.adds(word)
        await app.hears("response.done")

    assert workshop.runs == ([("send", "x")] if runs else [])

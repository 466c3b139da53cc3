"""What waits for approval on the Realtime API: by voice, by a text."""

import json
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

    assert said(question) == "¿Permites que ejecute send con tag: x? Di «sí, por favor» o «no, gracias»."
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


# By a function of the client's

APPROVE = {
    "type": "function",
    "name": "approve_tool_call",
    "description": "Asks the user.",
    "parameters": {"type": "object", "properties": {}},
}


async def answers(app: App, call_id: str, output: str) -> None:
    item = {"type": "function_call_output", "call_id": call_id, "output": output}
    await app.sends("conversation.item.create", item=item)


async def hears_call(app: App) -> Any:
    """The next function call of the client's, and that its response is over."""
    while True:
        response = (await app.hears("response.done")).response
        if response.output and response.output[0].type == "function_call":
            return response.output[0]


@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.parametrize("aloud", [True, False])
async def test_client_that_declares_the_function_is_called_and_decides(approved: bool, aloud: bool):
    workshop = Workshop()
    tools = [workshop.tool("send", "write")]
    async with spoken(*SCRIPT, settings=WRITES, tools=tools) as talk:
        session = await talk.updates(tools=[APPROVE], output_modalities=["audio" if aloud else "text"])
        await talk.app.adds("envía")
        await talk.app.sends("response.create")
        call = await hears_call(talk.app)
        start = len(talk.app.heard)
        await answers(talk.app, call.call_id, f'{{"approved": {str(approved).lower()}}}')
        told = (await talk.app.hears("response.done")).response

    assert [tool.name for tool in session.tools] == ["approve_tool_call"]
    assert call.name == "approve_tool_call" and call.status == "completed"
    arguments = json.loads(call.arguments)
    assert (arguments["tool"], arguments["arguments"]) == ("send", {"tag": "x"})
    assert arguments["call_id"].startswith("call_") and arguments["may_happen_twice"] is False
    assert 0 < arguments["expires_in_s"] <= 60
    assert workshop.runs == ([("send", "x")] if approved else [])
    assert talk.app.kinds(start)[:2] == ["conversation.item.added", "conversation.item.done"]
    assert said(told) == "Hecho."
    # The model is not offered it, and nobody was asked aloud.
    offered = [tool["function"]["name"] for tool in talk.model.requests[0].tools]
    assert offered == ["send"]
    assert not any(
        "¿Permites" in said(event.response) for event in talk.app.heard if "response.done" == event.type
    )


async def test_words_decide_nothing_where_the_client_is_called_and_bad_answers_are_refused():
    workshop = Workshop()
    tools = [workshop.tool("send", "write")]
    answered = [says("Te pregunto."), says("Hola."), says("Hecho.")]
    model = ScriptedModel([*SCRIPT[:1], *answered])
    async with running_server(WRITES, provider=model, tools=tools) as server, app_of(server) as app:
        await app.sends("session.update", session={"tools": [APPROVE]})
        await app.adds("envía")
        await app.sends("response.create")
        call = await hears_call(app)
        await app.adds("no")
        await app.responds()
        for bad in ("yes", "true", '{"approved": "true"}', "[]", "{"):
            await answers(app, call.call_id, bad)
            assert (await app.hears("error")).error.param == "item.output"
        await answers(app, call.call_id, '{"approved": true}')
        await app.hears("response.done")
        await answers(app, call.call_id, '{"approved": false}')
        assert (await app.hears("error")).error.code == "unknown_call"

    assert workshop.runs == [("send", "x")]


async def test_function_that_is_declared_late_is_called_for_what_waits_already():
    workshop = Workshop()
    tools = [workshop.tool("send", "write")]
    model = ScriptedModel([*SCRIPT[:1], says("Te pregunto."), says("Hecho.")])
    async with running_server(WRITES, provider=model, tools=tools) as server, app_of(server) as app:
        await app.asks("envía")
        await app.sends("session.update", session={"tools": [APPROVE]})
        call = await hears_call(app)
        await app.sends("session.update", session={"tools": [APPROVE], "output_modalities": ["text"]})
        await answers(app, call.call_id, '{"approved": true}')
        await app.hears("response.done")

    assert workshop.runs == [("send", "x")]
    assert sum(event.type == "response.function_call_arguments.done" for event in app.heard) == 1


async def test_several_calls_are_told_one_after_another_and_one_that_expires_is_over():
    workshop = Workshop()
    tools = [workshop.tool("send", "write")]
    settings = settings_with(tool_approval="writes", approval_timeout_s=2)
    script = [calls(("send", {"tag": "x"}), ("send", {"tag": "y"})), *[says("Bien.") for _ in range(4)]]
    async with (
        running_server(settings, provider=ScriptedModel(script), tools=tools) as server,
        app_of(server) as app,
    ):
        await app.sends("session.update", session={"tools": [APPROVE]})
        await app.adds("envía")
        await app.sends("response.create")
        first = await hears_call(app)
        second = await hears_call(app)
        await answers(app, first.call_id, '{"approved": true}')
        assert (await app.hears("error")).error.code == "unknown_call"
        await answers(app, second.call_id, '{"approved": true}')
        while not workshop.runs:
            await app.next()

    assert workshop.runs == [("send", "y")]

"""The session: what an update changes, and what a client may bring."""

from typing import Any

import pytest

from tests.realtime.app import app_of, said
from tests.realtime.test_items import WITH_INSTRUCTIONS, told
from tests.support.scripted import ScriptedModel, calls, says
from tests.support.server import running_server
from tests.support.talk import Workshop

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


async def test_update_is_a_deep_merge_and_is_answered_with_the_whole_session():
    async with running_server(provider=ScriptedModel([])) as server, app_of(server) as app:
        before = app.heard[0].session
        for update in (
            {"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}},
            {"audio": {"input": {"turn_detection": None}}, "no_such_key": {"deep": [1]}},
        ):
            await app.sends("session.update", session=update)
            session = (await app.hears("session.updated")).session

    assert before.audio.input.turn_detection.type == "server_vad"
    assert session.audio.input.turn_detection is None
    assert session.audio.input.transcription.model == "whisper-1"
    assert session.id == before.id and session.audio.output == before.audio.output


@pytest.mark.parametrize(
    ("name", "kind", "rate"),
    [("pcm16", "audio/pcm", 24000), ("g711_ulaw", "audio/pcmu", None), ("g711_alaw", "audio/pcma", None)],
)
async def test_names_of_the_beta_are_understood(name: str, kind: str, rate: int | None):
    update = {
        "modalities": ["text", "audio"],
        "voice": "alloy",
        "input_audio_format": name,
        "output_audio_format": name,
        "turn_detection": {"type": "semantic_vad"},
        "input_audio_transcription": {"model": "whisper-1"},
        "max_response_output_tokens": 100,
        "temperature": 0.8,
    }
    async with running_server(provider=ScriptedModel([])) as server, app_of(server) as app:
        await app.sends("session.update", session=update)
        session = (await app.hears("session.updated")).session

    sound = session.audio
    assert sound.input.format.type == sound.output.format.type == kind
    assert getattr(sound.input.format, "rate", None) == rate
    assert sound.input.turn_detection.type == "semantic_vad"
    assert session.max_output_tokens == 100


async def test_wrong_value_changes_nothing():
    async with running_server(provider=ScriptedModel([])) as server, app_of(server) as app:
        await app.sends("session.update", session={"audio": {"output": {"speed": 9}}}, event_id="e1")
        error = (await app.hears("error")).error
        await app.sends("session.update", session={})
        session = (await app.hears("session.updated")).session

    assert (error.code, error.param, error.event_id) == ("invalid_value", "session.audio.output.speed", "e1")
    assert session.audio.output.speed == 1.0


@pytest.mark.parametrize("brought", [{"instructions": "Be rude."}, {"tools": [WEATHER]}])
async def test_instructions_and_tools_are_refused_unless_the_operator_lets_clients(brought: dict[str, Any]):
    model = ScriptedModel([says("Sí.")])
    async with running_server(provider=model) as server, app_of(server) as app:
        await app.sends("session.update", session={**brought, "audio": {"output": {"speed": 1.5}}})
        error = (await app.hears("error")).error
        session = (await app.hears("session.updated")).session
        await app.asks("hola")

    assert error.code == "client_instructions_not_allowed"
    assert (session.instructions, session.tools, session.audio.output.speed) == ("", [], 1.5)
    assert "rude" not in str(model.requests[0].messages)


async def test_instructions_stand_behind_the_servers():
    model = ScriptedModel([says("Sí."), says("No.")])
    async with running_server(WITH_INSTRUCTIONS, provider=model) as server, app_of(server) as app:
        await app.sends("session.update", session={"instructions": "Be brief."})
        session = (await app.hears("session.updated")).session
        await app.asks("hola")
        await app.sends("session.update", session={"instructions": ""})
        await app.hears("session.updated")
        await app.asks("adiós")

    rules = [request.messages[0]["content"] for request in model.requests]
    assert session.instructions == "Be brief."
    assert rules[0].startswith(rules[1]) and rules[0].endswith("Be brief.")


async def test_one_answer_may_have_instructions_of_its_own_and_metadata_comes_back():
    model = ScriptedModel([says("Arr.")])
    async with running_server(WITH_INSTRUCTIONS, provider=model) as server, app_of(server) as app:
        response = await app.responds(instructions="Greet like a pirate.", metadata={"client_event_id": "x"})

    created = next(event for event in app.heard if event.type == "response.created")
    assert created.response.metadata == response.metadata == {"client_event_id": "x"}
    assert told(model) == [("system", "Greet like a pirate.")]


async def test_tool_of_the_client_is_called_there_and_its_answer_waits_to_be_asked_for():
    model = ScriptedModel([calls(("get_weather", {"city": "Vigo"})), says("Llueve.")])
    async with running_server(WITH_INSTRUCTIONS, provider=model, tools=[]) as server, app_of(server) as app:
        await app.sends("session.update", session={"tools": [WEATHER]})
        assert (await app.hears("session.updated")).session.tools[0].name == "get_weather"
        start = len(app.heard)
        response = await app.asks("¿Qué tiempo hace en Vigo?")
        call = response.output[0]
        output = {"type": "function_call_output", "call_id": call.call_id, "output": '{"sky": "rain"}'}
        middle = len(app.heard)
        await app.sends("conversation.item.create", item=output)
        await app.sends("response.create")
        second = (await app.hears("response.done")).response

    assert app.kinds(start)[2 : middle - start] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert (call.type, call.name, call.arguments) == ("function_call", "get_weather", '{"city":"Vigo"}')
    assert [schema["function"]["name"] for schema in model.requests[0].tools] == ["get_weather"]
    assert '{\\"sky\\": \\"rain\\"}' in model.requests[1].messages[-1]["content"]
    assert said(second) == "Llueve."


async def test_server_runs_its_own_tools_and_tells_late_results_by_itself():
    def answer(request: Any) -> Any:
        last = request.messages[-1]
        if last["role"] == "user":
            return calls(("slow", {"seconds": 1.0, "result": "listo"}))
        return says("Estoy en ello." if "running" in last["content"] else "Ya está.")

    tools = [Workshop().tool("slow", inline_wait_s=0.05)]
    async with running_server(provider=ScriptedModel(answer), tools=tools) as server, app_of(server) as app:
        first = await app.asks("hazlo")
        second = (await app.hears("response.done")).response

    assert (said(first), said(second)) == ("Estoy en ello.", "Ya está.")
    assert not any("function_call" in kind for kind in app.kinds())


async def test_name_that_the_server_has_is_refused_and_the_session_says_so():
    tools = [Workshop().tool("get_weather")]
    model = ScriptedModel([])
    async with (
        running_server(WITH_INSTRUCTIONS, provider=model, tools=tools) as server,
        app_of(server) as app,
    ):
        await app.sends("session.update", session={"tools": [WEATHER]}, event_id="e1")
        error = (await app.hears("error")).error
        session = (await app.hears("session.updated")).session

    assert "get_weather" in error.message and error.event_id == "e1"
    assert session.tools == []


async def test_result_of_a_call_that_nobody_made_is_refused():
    async with running_server(provider=ScriptedModel([])) as server, app_of(server) as app:
        output = {"type": "function_call_output", "call_id": "call_none", "output": "{}"}
        await app.sends("conversation.item.create", item=output, event_id="e1")
        error = (await app.hears("error")).error

    assert (error.code, error.event_id) == ("unknown_call", "e1")


async def test_many_functions_with_many_parameters_are_taken():
    parameters = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(20)}}
    tools = [{**WEATHER, "name": f"tool_{n}", "parameters": parameters} for n in range(60)]
    async with running_server(WITH_INSTRUCTIONS, provider=ScriptedModel([])) as server, app_of(server) as app:
        await app.sends("session.update", session={"tools": tools})
        session = (await app.hears("session.updated")).session

    assert len(session.tools) == 60


async def test_limit_of_the_session_or_of_one_response_reaches_the_model():
    model = ScriptedModel([says("Uno."), says("Dos."), says("Tres.")])
    async with running_server(provider=model) as server, app_of(server) as app:
        await app.asks("a")
        await app.sends("session.update", session={"max_output_tokens": 200})
        await app.asks("b")
        await app.adds("c")
        response = await app.responds(max_output_tokens=50)

    assert [request.max_tokens for request in model.requests] == [None, 200, 50]
    assert response.max_output_tokens == 50


async def test_no_tools_are_offered_where_the_client_chooses_none():
    model = ScriptedModel([says("Uno."), says("Dos."), says("Tres."), says("Cuatro.")])
    tools = [Workshop().tool("work")]
    async with running_server(provider=model, tools=tools) as server, app_of(server) as app:
        await app.asks("a")
        await app.adds("b")
        await app.responds(tool_choice="none")
        await app.sends("session.update", session={"tool_choice": "none"})
        await app.asks("c")
        await app.adds("d")
        await app.responds(tool_choice="auto")

    assert [len(request.tools) for request in model.requests] == [1, 0, 0, 1]


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "get_weather"}])
async def test_tool_that_the_model_must_call_is_refused(choice: Any):
    async with running_server(provider=ScriptedModel([])) as server, app_of(server) as app:
        await app.sends("session.update", session={"tool_choice": choice}, event_id="e1")
        error = (await app.hears("error")).error
        session = (await app.hears("session.updated")).session
        await app.sends("response.create", response={"tool_choice": choice}, event_id="e2")
        second = (await app.hears("error")).error

    assert (error.code, error.param, error.event_id) == ("unsupported", "session.tool_choice", "e1")
    assert session.tool_choice == "auto"
    assert (second.code, second.param, second.event_id) == ("unsupported", "response.tool_choice", "e2")


@pytest.mark.parametrize("limit", [0, 5000, "many"])
async def test_limit_that_the_api_does_not_have_is_refused(limit: Any):
    async with running_server(provider=ScriptedModel([])) as server, app_of(server) as app:
        await app.sends("response.create", response={"max_output_tokens": limit})
        assert (await app.hears("error")).error.code == "invalid_value"
        await app.sends("session.update", session={"max_output_tokens": limit})
        assert (await app.hears("error")).error.code == "invalid_value"

"""Protocol v1 over real sockets, as the product's first page promises it."""

import asyncio
import re

import pytest

from app.protocol.v1.server import V1ServerMessage
from tests.support.context import settings_with
from tests.support.scripted import Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.server import client_of, running_server
from tests.support.talk import Workshop

THINKING = {"type": "system", "content": "Pensando en tu respuesta..."}
RECEIVED = {"type": "system", "content": "Mensaje recibido"}
COMPLETE = {"type": "response_complete", "content": "Respuesta completada"}


async def test_the_first_talk_goes_as_the_protocol_says() -> None:
    async with (
        running_server(provider=ScriptedModel([says("Ho", "la")])) as server,
        client_of(server) as client,
    ):
        await client.sends({"type": "system", "user_id": "user123", "content": ""})
        await client.sends({"type": "text", "content": "Hola", "user_id": "user123"})
        await client.hears("response_complete")

    created, *rest = client.heard
    assert set(created) == {"type", "session_id", "timestamp"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created["timestamp"])
    assert rest == [
        RECEIVED,
        THINKING,
        {"type": "response_chunk", "content": "Ho"},
        {"type": "response_chunk", "content": "la"},
        COMPLETE,
    ]


async def test_the_seeds_question_is_answered_with_the_tools_number() -> None:
    async with running_server() as server, client_of(server) as client:
        await client.opens()
        await client.says("Hola, ¿puedes calcular 2+2?")
        answer = await client.hears_answer()

    assert "4" in answer
    told = [m["content"] for m in client.heard if m["type"] == "system" and "calculate" in m["content"]]
    assert len(told) == 2, "started and ended"
    assert "demo" in client.heard[1]["content"].lower(), "it says openly that it is a demo"


async def test_english_server_speaks_english_but_completes_as_ever() -> None:
    settings = settings_with(agent_locale="en")
    async with running_server(settings, provider=ScriptedModel([says("Hi")])) as server:
        async with client_of(server) as client:
            await client.opens()
            await client.says("Hello")
            await client.hears("response_complete")
            await client.sends("{")
            error = await client.hears("error")

    contents = [m.get("content") for m in client.heard[1:]]
    assert contents[:2] == ["Message received", "Thinking about your answer..."]
    assert contents[3] == "Respuesta completada"
    assert error["content"] == "I cannot read that message: it is not valid JSON."


@pytest.mark.parametrize(
    ("first", "user_id", "then"),
    [
        ({}, "anonymous", []),
        ({"type": "system", "user_id": "ana"}, "ana", []),
        ({"type": "text", "content": "", "user_id": "ana"}, "ana", []),
        ({"type": "text", "content": "hola", "user_id": "ana"}, "ana", ["system", "system"]),
        ({"type": "system", "content": "hola"}, "anonymous", ["system", "system"]),
        ({"type": "hello"}, "anonymous", []),
        ({"type": "hello", "content": "x"}, "anonymous", ["error"]),
        ({"content": "x"}, "anonymous", ["error"]),
        ({"type": "text", "content": 5}, "anonymous", ["error"]),
        ({"type": "text", "content": "hola", "user_id": 5}, "anonymous", ["error"]),
        ({"type": "audio", "content": "AAAA"}, "anonymous", ["error"]),
        ({"user_id": None}, "anonymous", []),
    ],
)
async def test_first_object_makes_the_session(first: dict, user_id: str, then: list[str]) -> None:
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(provider=model) as server, client_of(server) as client:
        await client.sends(first)
        created = await client.hears_next()
        session = (await server.get(f"/sessions/{created['session_id']}")).json()
        for kind in then:
            assert (await client.hears_next())["type"] == kind
        if then == ["system", "system"]:
            await client.hears("response_complete")
        await client.says("¿sigues?")
        assert await client.hears_answer() == "Sí."

    assert session["user_id"] == user_id


@pytest.mark.parametrize("garbage", ["", "{", "[]", '"text"', "7", "null", b"\x00\x01", "[" * 60_000])
async def test_garbage_makes_no_session_and_costs_one_error(garbage: str | bytes) -> None:
    async with running_server(provider=ScriptedModel([])) as server, client_of(server) as client:
        await client.sends(garbage)
        error = await client.hears_next()
        sessions = (await server.get("/sessions")).json()
        await client.opens()

    assert error["type"] == "error"
    assert sessions == {"active_sessions": 0, "sessions": []}
    assert [m["type"] for m in client.heard] == ["error", "session_created"]


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        b"\x00",
        {"type": "text"},
        {"type": "text", "content": None},
        {"type": "text", "content": {"a": 1}},
        {"type": "text", "content": "   "},
        {"type": "nope", "content": "x"},
        {"type": 7, "content": "x"},
        {"content": "x"},
        {"type": "text", "content": "x", "user_id": []},
        {"type": "text", "content": "nul \0"},
        {"type": "cancel_tool", "call_id": "x"},
        {"type": "resume", "session_id": "x"},
        '{"type":"text","type":"system","content":"x"}',
        '{"type":"text","content":"\\ud83d"}',
        '{"type":"text","content":"x","n":NaN}',
    ],
)
async def test_bad_message_costs_one_error_and_the_session_lives(bad: object) -> None:
    async with running_server(provider=ScriptedModel([says("Aquí.")])) as server, client_of(server) as client:
        await client.opens()
        await client.sends(bad)
        await client.says("¿sigues ahí?")
        error = await client.hears_next()
        answer = await client.hears_answer()

    assert error["type"] == "error"
    assert set(error) == {"type", "content"}
    assert answer == "Aquí."


async def test_text_is_received_between_the_chunks_of_another_turn() -> None:
    model = ScriptedModel([[Says("a"), Pause(0.3), Says("b")], says("c")])
    async with running_server(provider=model) as server, client_of(server) as client:
        await client.opens()
        await client.says("uno")
        await client.hears("response_chunk", "a")
        await client.says("dos")
        await client.hears("response_complete")
        await client.hears("response_complete")

    after_first_chunk = client.heard[client.heard.index({"type": "response_chunk", "content": "a"}) + 1 :]
    assert after_first_chunk == [
        RECEIVED,
        {"type": "response_chunk", "content": "b"},
        COMPLETE,
        THINKING,
        {"type": "response_chunk", "content": "c"},
        COMPLETE,
    ]


async def test_user_is_answered_while_a_slow_tool_runs_and_told_when_it_ends() -> None:
    shop = Workshop()
    ends = asyncio.Event()

    async def run(args, ctx):
        await ends.wait()
        return "listo"

    slow = shop.tool("slow")
    slow = type(slow)(slow.name, slow.description, slow.arguments, run, "read")
    settings = settings_with(tool_inline_wait_s=0.05, tool_progress_interval_s=0.1)
    script = [calls(("slow", {})), says("Estoy en ello."), says("Son las tres."), says("Ya: listo.")]
    async with running_server(settings, provider=ScriptedModel(script), tools=[slow]) as server:
        async with client_of(server) as client:
            session_id = await client.opens()
            await client.says("haz algo lento")
            assert await client.hears_answer() == "Estoy en ello."
            await client.says("¿qué hora es?")
            assert await client.hears_answer() == "Son las tres."
            await client.hears("system", "slow: sigue en marcha")
            info = (await server.get(f"/sessions/{session_id}")).json()
            ends.set()
            assert await client.hears_answer() == "Ya: listo."

    assert info["state"] == "processing_tool"
    assert [tool["name"] for tool in info["pending_tools"]] == ["slow"]
    told = [m["content"] for m in client.heard if "slow" in m.get("content", "")]
    assert told[0] == "Herramienta slow: en marcha."
    assert re.fullmatch(r"Herramienta slow: terminada \(\d+\.\d s\)\.", told[-1])


async def test_state_is_idle_again_when_the_answer_is_complete() -> None:
    async with running_server(provider=ScriptedModel([says("Hola")])) as server, client_of(server) as client:
        session_id = await client.opens()
        await client.says("hola")
        await client.hears("response_complete")
        info = (await server.get(f"/sessions/{session_id}")).json()

    assert info["state"] == "idle"
    assert info["message_count"] == 2
    assert info["pending_tools"] == []


async def test_session_ends_with_its_connection_and_leaves_nothing() -> None:
    shop = Workshop()
    model = ScriptedModel([calls(("slow", {"seconds": 100})), [Says("Voy"), Pause(100)]])
    settings = settings_with(tool_inline_wait_s=0.05)
    before = asyncio.all_tasks()
    async with running_server(settings, provider=model, tools=[shop.tool("slow")]) as server:
        serving = asyncio.all_tasks()
        async with client_of(server) as client:
            session_id = await client.opens()
            await client.says("ve")
            await client.hears("response_chunk", "Voy")
        await server.is_empty()

        assert (await server.get(f"/sessions/{session_id}")).status_code == 404
        assert (await server.get("/sessions")).json()["active_sessions"] == 0
        assert model.open_streams == 0
        left = {task.get_name() for task in asyncio.all_tasks() - serving - before if not task.done()}
        assert not {name for name in left if name.startswith(("tool", "talk", "reader", "writer"))}


async def test_sessions_are_apart() -> None:
    model = ScriptedModel(lambda r: [Says(last_text(r)), Pause(0.01), Says("!")])
    async with running_server(provider=model) as server:

        async def talks(number: int) -> list[str]:
            async with client_of(server) as client:
                await client.opens(f"user{number}")
                for turn in range(3):
                    await client.says(f"{number}-{turn}")
                return [await client.hears_answer() for _ in range(3)]

        answers = await asyncio.gather(*(talks(number) for number in range(20)))

    assert answers == [[f"{number}-{turn}!" for turn in range(3)] for number in range(20)]


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        (None, None),
        (["voice-agent.v1"], "voice-agent.v1"),
        (["foo", "voice-agent.v1"], "voice-agent.v1"),
        (["foo"], None),
    ],
)
async def test_subprotocol(offered: list[str] | None, selected: str | None) -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        async with client_of(server, subprotocols=offered) as client:
            await client.opens()
            assert client.socket.subprotocol == selected


async def test_every_message_is_one_of_the_five() -> None:
    from pydantic import TypeAdapter

    adapter = TypeAdapter(V1ServerMessage)
    async with running_server() as server, client_of(server) as client:
        await client.opens()
        for text in (
            "hola",
            "calcula 1/0",
            "¿qué hora es en Tokio?",
            "prueba una llamada lenta de 2 segundos",
        ):
            await client.says(text)
        await client.sends("{")
        for _ in range(5):
            await client.hears("response_complete")

    for message in client.heard:
        adapter.validate_python(message)

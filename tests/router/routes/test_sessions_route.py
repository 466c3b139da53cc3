"""The talks, for back ends; what `GET` shows is in test_agent_route.py."""

from typing import Any

import httpx
import pytest

from tests.support.scripted import Pause, Says, ScriptedModel, last_text, says
from tests.support.server import Server, client_of, running_server


async def contributes(server: Server, session_id: str, **body: Any) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        return await client.post(f"http://127.0.0.1:{server.port}/sessions/{session_id}/messages", json=body)


async def test_back_end_speaks_in_a_talk() -> None:
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(provider=model) as server, client_of(server) as client:
        session_id = await client.opens()
        receipt = await contributes(server, session_id, content="Tu pedido ha llegado.")
        said = await client.hears_answer()
        await client.says("gracias")
        await client.hears_answer()

    assert receipt.status_code == 202
    assert receipt.json()["turn_id"]
    assert receipt.json()["durable"] is False, "this server keeps nothing"
    assert said == "Tu pedido ha llegado."
    assert {"role": "assistant", "content": "Tu pedido ha llegado."} in model.requests[0].messages


async def test_back_end_adds_knowledge_that_nobody_hears() -> None:
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(provider=model) as server, client_of(server) as client:
        session_id = await client.opens()
        await contributes(server, session_id, content="El usuario es cliente oro.", mode="context")
        await client.says("hola")
        await client.hears_answer()

    assert [m["type"] for m in client.heard if m["type"] != "system"] == [
        "session_created",
        "response_chunk",
        "response_complete",
    ]
    (note,) = (m["content"] for m in model.requests[0].messages[1:] if m["role"] == "system")
    assert note.endswith('{"context":"El usuario es cliente oro."}')


async def test_back_end_has_the_agent_react() -> None:
    model = ScriptedModel(lambda r: says(f"<{last_text(r)}>"))
    async with running_server(provider=model) as server, client_of(server) as client:
        session_id = await client.opens()
        await contributes(server, session_id, content="Pregunta si todo va bien.", mode="prompt")
        said = await client.hears_answer()

    assert said == "<Pregunta si todo va bien.>"


async def test_contribution_waits_for_the_turn_that_runs() -> None:
    model = ScriptedModel([[Says("a"), Pause(0.2), Says("b")]])
    async with running_server(provider=model) as server, client_of(server) as client:
        session_id = await client.opens()
        await client.says("hola")
        await client.hears("response_chunk", "a")
        await contributes(server, session_id, content="c")
        answers = [await client.hears_answer() for _ in range(2)]

    assert answers == ["b", "c"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": ""},
        {"content": "  "},
        {"content": "x", "mode": "sing"},
        {"content": 7},
        {"content": "\0"},
    ],
)
async def test_bad_contribution_is_refused(body: dict[str, Any]) -> None:
    async with running_server(provider=ScriptedModel([])) as server, client_of(server) as client:
        answer = await contributes(server, await client.opens(), **body)

    assert answer.status_code == 422


async def test_contribution_to_an_unknown_talk_is_404() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        assert (await contributes(server, "nope", content="x")).status_code == 404


async def test_more_contributions_than_may_wait_are_refused() -> None:
    model = ScriptedModel([[Says("a"), Pause(60)]])
    async with running_server(provider=model) as server, client_of(server) as client:
        session_id = await client.opens()
        await client.says("hola")
        await client.hears("response_chunk", "a")
        codes = [(await contributes(server, session_id, content="x")).status_code for _ in range(9)]

    assert codes == [202] * 8 + [429]

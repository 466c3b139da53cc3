"""A session of the Realtime API is stored like others, with all that was added to it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.realtime.app import app_of, said
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, says
from tests.support.server import Server, running_server
from tests.support.v2_client import v2_client


async def test_session_is_stored_with_what_was_added_and_answered(tmp_path: Path):
    settings = settings_with(llm_provider="demo", database_url=f"sqlite+aiosqlite:///{tmp_path}/talks.db")
    model = ScriptedModel([says("Ana.")])
    async with running_server(settings, provider=model) as server:
        async with app_of(server) as app:
            await app.adds("Me llamo Ana.")
            await app.asks("¿Cómo me llamo?")
            (live,) = server.service.sessions
        await server.is_empty()
        answer = await server.get(f"/sessions/{live.session_id}/messages")

    messages = answer.json()["messages"]
    assert [(message["role"], message["content"]) for message in messages] == [
        ("user", "Me llamo Ana."),
        ("user", "¿Cómo me llamo?"),
        ("assistant", "Ana."),
    ]
    assert [message["status"] for message in messages] == ["ok", "ok", "ok"]


TOKEN = "good-token-of-ana"


async def asks(server: Server, path: str) -> httpx.Response:
    """What a user reads of their own."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(verify=False, trust_env=False, headers=headers) as client:
        return await client.get(f"http://127.0.0.1:{server.port}{path}")


@pytest.mark.parametrize("sides", [("user",), ("assistant",), ("user", "assistant")])
async def test_deleted_items_are_marked_in_the_store_and_out_of_a_talk_that_is_taken_up(
    tmp_path: Path, sides: tuple[str, ...]
):
    url = f"sqlite+aiosqlite:///{tmp_path}/talks.db"
    settings = settings_with(llm_provider="demo", database_url=url, api_tokens=f"ana={TOKEN}:user")
    model = ScriptedModel([says("Ana."), says("Bien."), says("Sí.")])
    async with running_server(settings, provider=model) as server:
        async with app_of(server, api_key=TOKEN) as app:
            user = await app.adds("Me llamo Ana.")
            response = await app.responds()
            assert said(response) == "Ana."
            ids = {"user": user.id, "assistant": response.output[0].id}
            for side in sides:
                await app.sends("conversation.item.delete", item_id=ids[side])
                await app.hears("conversation.item.deleted")
            await app.asks("¿Qué tal?")
            (live,) = server.service.sessions
        await server.is_empty()
        talk = f"/sessions/{live.session_id}"
        messages = (await asks(server, f"{talk}/messages")).json()["messages"]
        found = (await asks(server, "/users/ana/sessions?q=Ana")).json()
        export = (await asks(server, f"{talk}/export?format=markdown")).text
        async with v2_client(server) as client:
            await client.starts(**{"token": TOKEN, "continue": live.session_id})
            history = await client.hears("history")

    marks = [(message["role"], message["deleted"], message["superseded"]) for message in messages]
    expected: list[Any] = [("user", "user" in sides, False), ("assistant", "assistant" in sides, False)]
    assert marks == [*expected, ("user", False, False), ("assistant", False, False)]
    assert (found["sessions"] == []) is (len(sides) == 2)
    assert ("borrado después" in export) or ("deleted later" in export)
    told = [entry["content"] for entry in history["messages"]]
    kept = [text for side, text in (("user", "Me llamo Ana."), ("assistant", "Ana.")) if side not in sides]
    assert told == [*kept, "¿Qué tal?", "Bien."]

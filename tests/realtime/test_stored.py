"""A session of the Realtime API is stored like others, with all that was added to it."""

from pathlib import Path

from tests.realtime.app import app_of
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, says
from tests.support.server import running_server


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

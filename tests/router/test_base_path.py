"""A server below a path: with the path and without it, the same answers."""

import httpx
import pytest

from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, says
from tests.support.server import Server, client_of, running_server


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/voice/", 200),
        ("/agent/health", 200),
        ("/voice/agent/health", 200),
        ("/voice/static/app.js", 200),
        ("/voice/voice/agent/health", 404),
        ("/voices/agent/health", 404),
        ("/voice%0a", 404),
        ("/voice//agent/health", 404),
    ],
)
async def test_both_forms_are_answered(path: str, status: int) -> None:
    settings = settings_with(root_path="/voice/")
    async with running_server(settings, provider=ScriptedModel([])) as server:
        assert (await server.get(path)).status_code == status


async def test_the_path_itself_leads_to_the_page_and_nowhere_else() -> None:
    settings = settings_with(root_path="/voice")
    async with running_server(settings, provider=ScriptedModel([])) as server:
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            answer = await client.get(
                f"http://127.0.0.1:{server.port}/voice", headers={"X-Forwarded-Host": "evil.example"}
            )

    assert (answer.status_code, answer.headers["location"]) == (308, "/voice/")


async def test_without_the_setting_there_is_no_such_path() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        assert (await server.get("/voice/agent/health")).status_code == 404


class Below(Server):
    @property
    def url(self) -> str:
        """The address of its WebSocket, below the path."""
        return f"ws://127.0.0.1:{self.port}/voice/ws"


async def test_one_talks_below_the_path() -> None:
    settings = settings_with(root_path="/voice")
    async with running_server(settings, provider=ScriptedModel([says("Hola.")])) as server:
        async with client_of(Below(server.port, server.service)) as client:
            await client.opens()
            await client.says("hola")
            assert await client.hears_answer() == "Hola."

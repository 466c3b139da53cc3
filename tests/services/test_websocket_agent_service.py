"""The service's own life: its names, its start, its end."""

from app.services import websocket_agent_service
from tests.support.context import settings_with
from tests.support.scripted import Pause, Says, ScriptedModel, calls
from tests.support.server import client_of, running_server
from tests.support.talk import Workshop


def test_module_exports_what_its_users_import() -> None:
    assert {"WebSocketAgentService", "VoiceSession", "SessionState"} <= set(vars(websocket_agent_service))


async def test_shutdown_ends_turns_and_tools() -> None:
    shop = Workshop()
    model = ScriptedModel([calls(("slow", {"seconds": 100})), [Says("Voy"), Pause(100)]])
    settings = settings_with(tool_inline_wait_s=0.05)
    async with running_server(settings, provider=model, tools=[shop.tool("slow")]) as server:
        async with client_of(server) as client:
            await client.opens()
            await client.says("ve")
            await client.hears("response_chunk")
            await server.service.aclose()
            assert len(server.service.sessions) == 0
            assert model.open_streams == 0


async def test_session_ids_are_random_and_apart() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        ids = set()
        for _ in range(5):
            async with client_of(server) as client:
                ids.add(await client.opens())

    assert len(ids) == 5
    assert all(len(session_id) == 36 for session_id in ids)

"""Erasure, where somebody does something else at the same moment; whole erasures are in group D's tests."""

import asyncio
from pathlib import Path

import pytest

from config.settings import Settings
from tests.storage.test_faults import locked_by_another_process
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, says
from tests.support.server import Server, running_server
from tests.support.v2_client import V2Client, v2_client


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with(database_url=f"sqlite:///{tmp_path}/talks.db", store_timeout_s=30)


async def ended_talk(server: Server) -> str:
    async with v2_client(server) as client:
        await client.starts()
        await client.says("hola")
        await client.hears_answer()
        await client.leaves()
    await server.is_empty()
    return client.session_id


async def test_talk_that_is_taken_up_while_it_is_erased_ends_too(settings: Settings, tmp_path: Path) -> None:
    async with running_server(settings, provider=ScriptedModel([says("Sí.")])) as server:
        session_id = await ended_talk(server)
        async with v2_client(server) as client:
            await client.connects()
            with locked_by_another_process(tmp_path / "talks.db"):  # it can be read, not written
                erasing = asyncio.create_task(server.service.eraser.erase(session_id))
                await client.sends({"type": "start", "user_id": "ana", "continue": session_id})
                while not len(server.service.sessions):  # noqa: ASYNC110  # the product needs no event for it
                    await asyncio.sleep(0.01)
            assert await erasing is True
            await ends(client)
            await server.is_empty()
        assert await server.service.store.session(session_id) is None


async def ends(client: V2Client) -> None:
    """It has ended for the client, whether it had begun yet or not."""
    first = await client.hears_next()
    if first["type"] == "session_created":
        assert await client.is_closed() == 4410
    else:
        assert first["code"] == "resume_refused"


async def test_session_that_begins_after_the_erasure_of_its_user_stays(
    settings: Settings, tmp_path: Path
) -> None:
    async with running_server(settings, provider=ScriptedModel([says("Sí."), says("Sí.")])) as server:
        await ended_talk(server)
        async with v2_client(server) as client:
            with locked_by_another_process(tmp_path / "talks.db"):
                erasing = asyncio.create_task(server.service.eraser.erase_user("ana"))
                await asyncio.sleep(0)
                await client.starts()
            assert await erasing is True
            await client.says("he vuelto")
            complete = await client.hears_answer()

        assert complete["durable"] is True
        assert await server.service.store.session(client.session_id) is not None

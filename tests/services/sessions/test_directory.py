"""Who owns a session: one at a time, from its beginning until the store has its end."""

from pathlib import Path

import pytest

from app.services.sessions.directory import OneProcess, SessionHeld
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, says
from tests.support.server import running_server
from tests.support.v2_client import v2_client


async def test_session_has_one_owner_until_it_is_released() -> None:
    directory = OneProcess()
    lease = directory.begin("s")

    with pytest.raises(SessionHeld) as held:
        await directory.claim("s")
    assert held.value.owner == await directory.owner_of("s") == directory.owner == lease.owner

    directory.release(lease)
    assert await directory.owner_of("s") is None
    again = await directory.claim("s")
    directory.release(lease)  # an old lease gives nothing away that is somebody's by now
    assert await directory.owner_of("s") == again.owner


async def test_lease_lasts_from_the_opening_to_the_end_and_begins_anew_with_a_continuation(
    tmp_path: Path,
) -> None:
    settings = settings_with(database_url=f"sqlite:///{tmp_path / 'talks.db'}")
    session_id = ""
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        directory = server.service.session_host.directory
        for continued in (False, True):
            async with v2_client(server) as client:
                if continued:
                    await client.connects()
                    await client.sends({"type": "start", "user_id": "ana", "continue": session_id})
                    assert (await client.hears_next())["type"] == "session_created"
                else:
                    await client.starts()
                    session_id = client.session_id
                assert await directory.owner_of(session_id) is not None
                await client.says("hola")
                await client.hears_answer()
                await client.leaves()
            await server.is_empty()
            await server.service.session_host.aclose()  # its end is in the store
            assert await directory.owner_of(session_id) is None

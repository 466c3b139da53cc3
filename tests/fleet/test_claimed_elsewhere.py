"""A process that lives and cannot be reached is taken for gone; what it still holds misleads nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.fleet.conftest import fleet_settings, free_port
from tests.fleet.test_resume_anywhere import answers, drops, knows
from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.process import ServerProcess, server_process
from tests.support.relay import Relay
from tests.support.resuming_client import resuming_client


class Door(Relay):
    """The way to a process's port for the others, which can be shut: connections are refused then."""

    async def opens(self) -> None:
        """Takes connections, at the same port each time."""
        self._listening = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.port = self._listening.sockets[0].getsockname()[1]

    def shuts(self) -> None:
        """Refuses connections, and cuts those that there are."""
        self._listening.close()
        self.drop_all()


@asynccontextmanager
async def two_behind_doors(
    folder: Path, address: str, model: AzureStandin
) -> AsyncIterator[list[tuple[ServerProcess, Door]]]:
    async with AsyncExitStack() as stack:
        both: list[tuple[ServerProcess, Door]] = []
        for number in range(2):
            bound = free_port()
            door = Door(bound)
            await door.opens()
            stack.push_async_callback(door.aclose)
            stack.callback(door.shuts)
            own = folder / f"process{number}"
            own.mkdir()
            ways = {"fleet_address": f"http://127.0.0.1:{door.port}", "fleet_bind": f"127.0.0.1:{bound}"}
            settings = fleet_settings(address, model, **ways)
            server = await stack.enter_async_context(server_process(own, **settings))
            await server.starts()
            both.append((server, door))
        yield both


@pytest.mark.e2e
@pytest.mark.timeout(240)
async def test_a_client_finds_its_session_also_by_the_process_that_had_it_and_has_not_heard_of_its_claim(
    tmp_path: Path, postgres_address: str
):
    async with (
        AzureStandin() as model,
        two_behind_doors(tmp_path, postgres_address, model) as ((owner, door), (other, _)),
    ):
        model.reply = lambda request: Text(f"eco de {request.last_text}")
        async with resuming_client(owner.url, heartbeat_s=5, back_off_s=0.1) as client:
            await client.until(lambda: bool(client.session_id))
            await client.says("uno", "a")
            await client.until(lambda: len(answers(client)) == 1)
            await knows(other, 2)

            # It is silent for the other one, which claims the session; it lives, and writes nothing of it.
            door.shuts()
            await drops(client, other.url)
            assert client.gaps == 1
            await client.says("dos", "b")
            await client.until(lambda: len(answers(client)) == 2 or bool(client.wrong))

            await door.opens()
            await drops(client, owner.url)
            await client.says("tres", "c")
            await client.until(lambda: len(answers(client)) == 3 or bool(client.wrong))

        assert client.wrong == []
        assert answers(client) == ["eco de uno", "eco de dos", "eco de tres"]
        # The newest token was good with nobody but the process that had given it out.
        assert client.gaps == 1


@pytest.mark.e2e
@pytest.mark.timeout(240)
async def test_a_process_says_nothing_of_a_text_that_it_may_not_write(tmp_path: Path, postgres_address: str):
    """Another one has the session: the text is said again there, and is not taken for accepted."""
    async with (
        AzureStandin() as model,
        two_behind_doors(tmp_path, postgres_address, model) as ((owner, _), (other, _)),
    ):
        model.reply = lambda request: Text(f"eco de {request.last_text}")
        async with resuming_client(owner.url, heartbeat_s=5, back_off_s=0.1) as client:
            await client.until(lambda: bool(client.session_id))
            await client.says("uno", "a")
            await client.until(lambda: len(answers(client)) == 1)
            await knows(other, 2)
            database = await asyncpg.connect(postgres_address)
            try:
                await database.execute(
                    "UPDATE sessions SET owner_epoch = owner_epoch + 1,"
                    " owner = (SELECT id FROM nodes WHERE id <> owner AND state = 'serving' LIMIT 1)"
                )
            finally:
                await database.close()

            await client.says("dos", "b")
            await client.until(lambda: len(answers(client)) == 2 or bool(client.wrong))

        assert client.wrong == []
        assert client.close_codes[0] == 1012
        receipts = [(message["id"], message["durable"]) for message in client.heard("message_accepted")]
        assert receipts == [("a", True), ("b", True)]
        assert answers(client) == ["eco de uno", "eco de dos"]

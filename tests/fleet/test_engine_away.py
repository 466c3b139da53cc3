"""The database of a fleet is away: stopped for a while, or followed by one that lacks what came last.

`ENGINE_AWAY_S=60` before the command keeps it away for longer.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from tests.fleet.conftest import fleet
from tests.fleet.judge import Does, faults_of, text_of
from tests.fleet.mix import Shop, open_shop, reply_of
from tests.fleet.talk_record import TalkRecord, record_of
from tests.fleet.test_resume_anywhere import drops, knows
from tests.storage.postgres import PostgresServer, missing
from tests.support.azure_standin import AzureStandin
from tests.support.process import PATIENCE_S, ServerProcess
from tests.support.relay import Relay, relay_to
from tests.support.resuming_client import ResumingClient, resuming_client

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(missing()), reason=missing() or "it is here"),
]

AWAY_S = float(os.environ.get("ENGINE_AWAY_S", "6"))
"""Longer than 5 s: by then the rows of all processes are old."""

SETTINGS = {"store_timeout_s": 0.5, "tool_inline_wait_s": 5, "resume_window_s": 600}


@dataclass
class Talk:
    """A client, and what it has said."""

    client: ResumingClient
    number: int
    said: dict[str, str] = field(default_factory=dict[str, str])

    async def says(self, does: Does) -> bool:
        """Says a text, and waits for its ending; returns whether it was told as safe."""
        text_id = f"{self.number}.{len(self.said)}"
        self.said[text_id] = text_of(does, text_id)
        client = self.client
        await client.says(self.said[text_id], text_id)
        await client.until(lambda: text_id in client.receipts or bool(client.wrong), PATIENCE_S)
        turn_id = client.receipts.get(text_id)
        await client.until(
            lambda: (
                any(m.get("turn_id") == turn_id for m in client.heard("response_complete", "error"))
                or bool(client.wrong)
            ),
            PATIENCE_S,
        )
        assert client.wrong == []
        return any(m["durable"] for m in client.heard("message_accepted") if m["id"] == text_id)


@dataclass(frozen=True)
class Stage:
    """Two processes, their database, and a service that takes orders."""

    database: PostgresServer
    switch: Relay
    address: str
    servers: list[ServerProcess]
    shop: Shop

    @asynccontextmanager
    async def talk(self, number: int, server: ServerProcess) -> AsyncIterator[Talk]:
        """A client of a process, with its session."""
        async with resuming_client(server.url, user_id="ana", heartbeat_s=5, back_off_s=0.1) as client:
            await client.until(lambda: bool(client.session_id), PATIENCE_S)
            yield Talk(client, number)

    async def record(self, talk: Talk) -> TalkRecord:
        """What is known of a talk, now."""
        async with asyncpg.create_pool(self.address, min_size=1, max_size=1) as pool:
            return await record_of(talk.client, talk.said, self.shop.of(talk.number), pool)

    async def recovers(self) -> None:
        """Waits until each process writes again."""
        async with asyncio.timeout(PATIENCE_S):
            for server in self.servers:
                while (await server.asks("GET", "/agent/health")).json()["storage"]["status"] != "ok":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    def unexpected(self) -> list[str]:
        """What the processes have logged that nobody expected."""
        return [line for server in self.servers for line in server.log if "Traceback" in line]


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    database = await asyncio.to_thread(PostgresServer)
    try:
        await asyncio.to_thread(database.start)
        async with (
            relay_to(database.port) as switch,
            AzureStandin() as model,
            open_shop(random.Random(1)) as shop,
            fleet(
                folder,
                address := _through(switch, database),
                model,
                http_tool_allowed_private=f"127.0.0.1:{shop.port}",
                **SETTINGS,
            ) as servers,
        ):
            model.reply = reply_of(shop, random.Random(1))
            for server in servers:
                await knows(server, 2)
            yield Stage(database, switch, address, servers, shop)
    finally:
        await asyncio.to_thread(database.remove)


def _through(switch: Relay, database: PostgresServer) -> str:
    return database.new_database().replace(f":{database.port}/", f":{switch.port}/")


async def test_talks_go_on_while_the_database_is_stopped_and_all_of_them_lands_in_order(tmp_path: Path):
    async with stage(tmp_path) as on:
        one, other = on.servers
        async with on.talk(1, one) as stays, on.talk(2, one) as roams, on.talk(3, other) as third:
            talks = [stays, roams, third]
            for talk in talks:
                assert await talk.says("di")
                assert await talk.says("pide")
            ordered = len(on.shop.orders)

            await asyncio.to_thread(on.database.stop)
            is_back_at = asyncio.get_running_loop().time() + AWAY_S
            for talk in talks:
                assert not await talk.says("di")
                # What cannot be written down is not done.
                assert not await talk.says("pide")
                assert talk.client.heard("tool_finished")[-1]["status"] == "failed"
            assert len(on.shop.orders) == ordered
            # Nobody can say where a session is but the process that has it: it is asked.
            await drops(roams.client, other.url)
            await roams.says("di")
            async with on.talk(4, other) as new:
                talks.append(new)
                assert not await new.says("di")
                await asyncio.sleep(max(0.0, is_back_at - asyncio.get_running_loop().time()))
                await asyncio.to_thread(on.database.start)
                # All rows of processes are old now; whoever comes first takes nobody for gone.
                await drops(third.client, one.url)
                await on.recovers()
                for talk in talks:
                    assert await talk.says("pide")
                    assert talk.client.heard("tool_finished")[-1]["status"] == "done"
                records = [await on.record(talk) for talk in talks]

        assert [faults_of(record) for record in records] == [[]] * 4
        assert [len(record.said) for record in records] == [5, 6, 5, 2]
        # What was said while nobody could write it down is there too.
        for record in records:
            stored = [row["content"] for row in record.rows if row["role"] == "user"]
            assert stored == list(record.said.values())
        assert [talk.client.gaps for talk in talks] == [0] * 4
        assert on.unexpected() == []


async def test_what_a_standby_has_not_heard_of_is_written_down_again(tmp_path: Path):
    """It takes over without the last commits: texts, orders, a session, and a claim of one that has moved."""
    async with stage(tmp_path) as on:
        one, other = on.servers
        async with on.talk(1, one) as known, on.talk(2, other) as roams, on.talk(3, other) as quiet:
            for talk in (known, roams, quiet):
                assert await talk.says("di")
                assert await talk.says("pide")
            standby = await asyncio.to_thread(PostgresServer, on.database)
            try:
                async with on.talk(4, one) as new:
                    await other.is_killed()
                    await drops(roams.client, one.url)
                    for talk in (known, roams, new):
                        assert await talk.says("di")
                        assert await talk.says("pide")

                    await asyncio.to_thread(on.database.stop, "immediate")
                    await asyncio.to_thread(standby.start)
                    on.switch.leads_to(standby.port)
                    on.switch.drop_all()
                    await other.starts()
                    await on.recovers()
                    quiet.client.url = other.url
                    await quiet.client.until(
                        lambda: quiet.client.resumes == 1 or bool(quiet.client.wrong), 40
                    )
                    talks = [known, roams, quiet, new]
                    for talk in talks:
                        assert await talk.says("di")
                        assert await talk.says("pide")
                    records = [await on.record(talk) for talk in talks]
            finally:
                await asyncio.to_thread(standby.remove)

        assert [faults_of(record) for record in records] == [[]] * 4
        assert [len(record.rows) for record in records] == [18, 18, 12, 12]
        assert on.unexpected() == []


async def test_a_token_that_could_not_be_stored_is_good_elsewhere(tmp_path: Path):
    """It was given out while the database was away, and its process is killed before that is back."""
    async with stage(tmp_path) as on:
        one, other = on.servers
        async with on.talk(1, one) as talk:
            assert await talk.says("di")
            await asyncio.to_thread(on.database.stop)
            await drops(talk.client, one.url)
            await drops(talk.client, one.url)
            assert talk.client.gaps == 0

            await one.is_killed()
            await asyncio.to_thread(on.database.start)
            talk.client.url = other.url
            await talk.client.until(lambda: talk.client.gaps == 1 or bool(talk.client.wrong), PATIENCE_S)
            assert await talk.says("pide")
            record = await on.record(talk)

        assert faults_of(record) == []
        assert on.unexpected() == []

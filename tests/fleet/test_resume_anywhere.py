"""A client lands on any process of a fleet and goes on there: while the owner lives, and when it is gone."""

import asyncio
import json
import signal
import time
from pathlib import Path

import asyncpg
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.fleet.conftest import fleet
from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.process import PATIENCE_S, ServerProcess
from tests.support.resuming_client import ResumingClient, resuming_client

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

REPLACED = 4409

SLOW = Text("uno dos tres cuatro cinco seis siete ocho nueve diez", delay_s=0.2)
SLOW_TEXT = "uno dos tres cuatro cinco seis siete ocho nueve diez"


async def drops(client: ResumingClient, url: str) -> None:
    """Its connection is cut, and it comes back elsewhere."""
    client.url = url
    resumes = client.resumes
    socket = client._socket  # pyright: ignore[reportPrivateUsage]
    if socket is not None:  # where its process was killed, it may have noticed
        socket.transport.abort()
    await client.until(lambda: client.resumes > resumes or bool(client.wrong))


async def knows(server: ServerProcess, processes: int) -> None:
    """Waits until a process knows so many, itself among them: it looks each second."""
    async with asyncio.timeout(PATIENCE_S):
        while len((await server.asks("GET", "/agent/health")).json()["fleet"]["nodes"]) < processes:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def answers(client: ResumingClient) -> list[str]:
    return [message["text"] for message in client.heard("response_complete")]


async def test_an_answer_goes_on_over_another_process_while_its_owner_lives(
    tmp_path: Path, postgres_address: str
):
    async with AzureStandin() as model, fleet(tmp_path, postgres_address, model) as (owner, other):
        model.reply = lambda _: SLOW
        async with resuming_client(owner.url) as client:
            await client.until(lambda: bool(client.session_id))
            await client.says("cuenta", "a")
            await client.until(lambda: len(client.heard("response_chunk")) >= 2)

            await drops(client, other.url)
            await client.until(lambda: bool(answers(client)) or bool(client.wrong))

            assert client.wrong == []
            assert client.gaps == 0
            assert answers(client) == [SLOW_TEXT]
            assert list(client.shown.answers.values()) == [SLOW_TEXT]
            model.reply = lambda _: Text("bien")
            await client.says("y ahora", "b")
            await client.until(lambda: len(answers(client)) == 2)
            assert answers(client)[1] == "bien"


async def test_a_killed_owner_is_followed_by_whoever_the_client_lands_on(
    tmp_path: Path, postgres_address: str
):
    """What was accepted and not answered is answered under its own number, by the new owner."""
    async with AzureStandin() as model, fleet(tmp_path, postgres_address, model) as (owner, other):
        async with resuming_client(owner.url) as client:
            await client.until(lambda: bool(client.session_id))
            model.reply = lambda _: Text("hola")
            await client.says("hola", "a")
            await client.until(lambda: len(answers(client)) == 1)
            model.reply = lambda _: SLOW
            await client.says("cuenta", "b")
            await client.until(lambda: len(client.heard("response_chunk")) >= 3)

            client.url = other.url
            began = time.monotonic()
            await owner.is_killed()
            await client.until(lambda: client.resumes == 1 or bool(client.wrong))
            resumed_s = time.monotonic() - began
            await client.until(lambda: len(answers(client)) == 2 or bool(client.wrong))

            assert client.wrong == []
            assert resumed_s < 10
            assert client.gaps == 1
            assert answers(client) == ["hola", SLOW_TEXT]
            (receipt,) = {client.receipts["b"]}
            assert client.heard("response_complete")[-1]["turn_id"] == receipt


async def test_a_resume_that_was_given_up_and_comes_late_to_another_process_takes_nothing(
    tmp_path: Path, postgres_address: str
):
    async with AzureStandin() as model, fleet(tmp_path, postgres_address, model) as (owner, other):
        model.reply = lambda _: Text("hola")
        async with resuming_client(owner.url, heartbeat_s=5) as client:
            await client.until(lambda: bool(client.session_id))
            await knows(other, 2)
            token = client._token  # pyright: ignore[reportPrivateUsage]
            given_up = await connect(other.url, subprotocols=[Subprotocol("voice-agent.v2")])
            await drops(client, owner.url)

            resume = {"type": "resume", "session_id": client.session_id, "resume_token": token}
            await given_up.send(json.dumps({**resume, "last_seq": client.last_seq}))
            given_up.transport.abort()
            await given_up.wait_closed()
            await says_and_hears(client, "a")
            await drops(client, other.url)
            await says_and_hears(client, "b")

            assert (client.wrong, client.resumes) == ([], 2)
            assert REPLACED not in client.close_codes


async def says_and_hears(client: ResumingClient, text_id: str) -> None:
    heard = len(answers(client))
    await client.says("hola", text_id)
    await client.until(lambda: len(answers(client)) > heard or bool(client.wrong))


async def test_a_planned_stop_lets_the_sessions_go_and_their_clients_go_on_elsewhere(
    tmp_path: Path, postgres_address: str
):
    async with AzureStandin() as model, fleet(tmp_path, postgres_address, model) as (owner, other):
        model.reply = lambda _: Text("hola")
        async with resuming_client(owner.url) as client:
            await client.until(lambda: bool(client.session_id))
            await client.says("hola", "a")
            await client.until(lambda: len(answers(client)) == 1)

            client.url = other.url
            owner.signals(signal.SIGTERM)
            await client.until(lambda: client.resumes == 1 or bool(client.wrong), 40)
            assert await owner.ends() == 0
            await client.says("y ahora", "b")
            await client.until(lambda: len(answers(client)) == 2 or bool(client.wrong))

            assert client.wrong == []
            assert not [line for line in owner.log + other.log if "Traceback" in line or " ERROR " in line]
            database = await asyncpg.connect(postgres_address)
            try:
                epochs = await database.fetch(
                    "SELECT owner_epoch FROM sessions JOIN nodes ON nodes.id = owner WHERE state = 'serving'"
                )
                states = await database.fetchval("SELECT array_agg(state ORDER BY started_at) FROM nodes")
            finally:
                await database.close()
            assert [row["owner_epoch"] >= 2 for row in epochs] == [True]
            assert states == ["dead", "serving"]


async def test_a_process_that_drains_sends_who_comes_to_the_others(tmp_path: Path, postgres_address: str):
    """Its answers end, and a client that has come elsewhere hears them over the link."""
    async with AzureStandin() as model, fleet(tmp_path, postgres_address, model) as (owner, other):
        model.reply = lambda _: SLOW
        async with resuming_client(owner.url, heartbeat_s=2, back_off_s=0.1) as client:
            await client.until(lambda: bool(client.session_id))
            await client.says("cuenta", "a")
            await client.until(lambda: len(client.heard("response_chunk")) >= 2)
            await knows(owner, 2)

            owner.signals(signal.SIGTERM)
            await client.until(lambda: bool(client.heard("going_away")))
            with pytest.raises(InvalidStatus) as refused:
                await connect(owner.url, proxy=None)
            assert refused.value.response.status_code == 503
            assert (await owner.asks("GET", "/agent/ready")).status_code == 503
            await drops(client, other.url)
            await client.until(lambda: bool(answers(client)) or bool(client.wrong))

            assert client.wrong == []
            assert answers(client) == [SLOW_TEXT]
            assert client.gaps == 0


async def test_a_stopped_owner_that_wakes_up_writes_nothing_more_and_sends_its_clients_away(
    tmp_path: Path, postgres_address: str
):
    async with AzureStandin() as model, fleet(tmp_path, postgres_address, model) as (owner, other):
        model.reply = lambda _: SLOW
        async with resuming_client(owner.url, heartbeat_s=1) as client:
            await client.until(lambda: bool(client.session_id))
            await client.says("cuenta", "a")
            await client.until(lambda: len(client.heard("response_chunk")) >= 2)

            client.url = other.url
            owner.signals(signal.SIGSTOP)
            try:
                await client.until(lambda: bool(answers(client)) or bool(client.wrong), 40)
            finally:
                owner.signals(signal.SIGCONT)
            assert client.wrong == []
            assert answers(client) == [SLOW_TEXT]
            await client.says("y ahora", "b")
            await client.until(lambda: len(answers(client)) == 2)

            database = await asyncpg.connect(postgres_address)
            try:
                rows = await database.fetch("SELECT turn_id, role, content FROM messages ORDER BY position")
            finally:
                await database.close()
            assert [row["role"] for row in rows] == ["user", "assistant", "user", "assistant"]
            assert [row["content"] for row in rows][1::2] == answers(client)


@pytest.mark.parametrize("mode", ["EXCLUSIVE", "ACCESS EXCLUSIVE"], ids=["not stored yet", "nobody can look"])
async def test_a_client_is_led_to_a_session_that_is_not_stored_yet(
    tmp_path: Path, postgres_address: str, mode: str
):
    """The database takes no session meanwhile, or answers no question about any."""
    quick = {"store_timeout_s": 0.3}
    async with (
        AzureStandin() as model,
        fleet(tmp_path, postgres_address, model, **quick) as (owner, other),
        asyncpg.create_pool(postgres_address, min_size=1, max_size=1) as pool,
    ):
        model.reply = lambda request: Text(f"eco de {request.last_text}")
        await knows(other, 2)
        async with pool.acquire() as locking, locking.transaction():
            await locking.execute(f"LOCK TABLE sessions IN {mode} MODE")
            async with resuming_client(owner.url) as client:
                await client.until(lambda: bool(client.session_id))
                session_id = client.session_id
                await drops(client, other.url)
                await client.says("hola", "a")
                await client.until(lambda: bool(answers(client)) or bool(client.wrong))

                assert client.wrong == []
                assert client.session_id == session_id
                assert client.gaps == 0
                assert answers(client) == ["eco de hola"]

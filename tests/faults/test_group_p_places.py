"""Where the database is: addresses as hosts hand them out, poolers in between, and one server at a time.

Rows P15 and P16. How an address is read: tests/storage/test_address.py.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.storage.pgbouncer import PgBouncer, missing
from tests.storage.postgres import PostgresServer
from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.process import ServerProcess, server_process
from tests.support.v2_client import V2Client

PATIENCE_S = 45
TAKEOVER_S = 6

modes = pytest.mark.parametrize("pooler", ["transaction", "session"], indirect=True)


@pytest.fixture
def pooler(request: pytest.FixtureRequest, postgres: PostgresServer) -> Iterator[PgBouncer]:
    if missing():
        pytest.skip(missing())
    bouncer = PgBouncer(postgres, request.param)
    bouncer.start()
    yield bouncer
    bouncer.remove()


@asynccontextmanager
async def echoing(folder: Path, address: str, **settings: Any) -> AsyncIterator[ServerProcess]:
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240
    async with (
        AzureStandin() as standin,
        server_process(
            folder,
            database_url=address,
            max_messages_per_s=1000,
            max_messages_burst=1000,
            **settings,
            **standin.azure(),
        ) as server,
    ):
        standin.reply = lambda request: Text(f"<{request.last_text}>")
        yield server


async def says(client: V2Client, *texts: str) -> list[bool]:
    """Says each and hears its echo; whether its receipt was durable."""
    durable: list[bool] = []
    for text in texts:
        await client.says(text, id=text)
        durable.append((await client.hears("message_accepted"))["durable"])
        assert (await client.hears_answer())["text"] == f"<{text}>"
    return durable


async def stored(address: str, session_id: str) -> list[str]:
    """What the database itself has of the user's texts."""
    database = await asyncpg.connect(address)
    query = "SELECT content FROM messages WHERE session_id = $1 AND role = 'user' ORDER BY position"
    rows = await database.fetch(query, session_id)
    await database.close()
    return [row["content"] for row in rows]


async def is_well(server: ServerProcess) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(httpx.TransportError):
                if (await server.asks("GET", "/agent/health")).json()["storage"]["status"] == "ok":
                    return
            await asyncio.sleep(0.05)


def lines_of(server: ServerProcess) -> list[str]:
    return [line for line in server.log if " INFO " not in line]


# P16: a pooler in between


@modes
async def test_p16_through_a_pooler_all_lives_of_a_server_store_what_is_said(
    pooler: PgBouncer, postgres: PostgresServer, tmp_path: Path
) -> None:
    """A start, a restart, a kill and a restart, a second server beside it; 200 texts in all."""
    behind = postgres.new_database()
    said: list[str] = []
    async with (
        echoing(tmp_path / "one", pooler.address(behind)) as server,
        echoing(tmp_path / "other", pooler.address(behind)) as other,
    ):
        await server.starts()
        client = V2Client(server.url)
        await client.starts()
        for number, ends in enumerate((signal.SIGTERM, signal.SIGKILL, None)):
            texts = [f"{number}.{n}" for n in range(66 if ends else 68)]
            assert all(await says(client, *texts))
            said += texts
            if ends is None:
                break
            server.signals(ends)
            await server.ends()
            began = time.monotonic()
            await server.starts()
            took_s = time.monotonic() - began
            client.url = server.url
            await client.resumes()
            assert took_s < TAKEOVER_S + PATIENCE_S
        await other.begins()
        assert await other.ends() == 3
        await client.leaves()
        await is_well(server)

    assert len(said) == 200
    assert await stored(behind, client.session_id) == said
    assert len(lines_of(other)) == 1
    assert lines_of(other)[0].startswith("Another server uses this database")
    assert lines_of(server) == []


@modes
async def test_p16_a_pooler_that_is_restarted_costs_no_text(
    pooler: PgBouncer, postgres: PostgresServer, tmp_path: Path
) -> None:
    behind = postgres.new_database()
    async with echoing(tmp_path, pooler.address(behind), store_timeout_s=0.3) as server:
        await server.starts()
        client = V2Client(server.url)
        await client.starts()
        await says(client, "antes")
        await asyncio.to_thread(pooler.stop)
        assert await says(client, "durante") == [False]
        await asyncio.to_thread(pooler.start)
        await is_well(server)
        assert await says(client, "después") == [True]
        await client.leaves()

    assert await stored(behind, client.session_id) == ["antes", "durante", "después"]


@pytest.mark.parametrize(
    ("settings", "query"),
    [
        # It knows neither, and says so instead of connecting.
        ({}, "options=endpoint%3Dx%20-c%20search_path%3Dtalks&application_name=mine"),
        # It takes it and drops it: what is set must be set all the same.
        ({"ignore_startup_parameters": "options,search_path"}, "schema=talks"),
        # Sessions of others are in the way of nothing, and ours of nobody's.
        ({"server_reset_query_always": "1", "default_pool_size": "1"}, "schema=talks&pgbouncer=true"),
    ],
    ids=["refused", "ignored", "one connection for all"],
)
async def test_p16_settings_of_a_session_hold_behind_a_pooler(
    postgres: PostgresServer, tmp_path: Path, settings: dict[str, str], query: str
) -> None:
    if missing():
        pytest.skip(missing())
    behind = postgres.new_database()
    postgres.sql("CREATE SCHEMA talks", behind.rpartition("/")[2])
    bouncer = PgBouncer(postgres, "transaction", **settings)
    bouncer.start()
    try:
        async with echoing(tmp_path, f"{bouncer.address(behind)}?{query}") as server:
            await server.starts()
            client = V2Client(server.url)
            await client.starts()
            assert await says(client, "hola") == [True]
            listed = (await server.asks("GET", f"/sessions/{client.session_id}/messages")).json()
            await client.leaves()
    finally:
        bouncer.remove()

    assert [message["content"] for message in listed["messages"]] == ["hola", "<hola>"]
    tables = postgres.sql("SELECT schemaname FROM pg_tables WHERE tablename = 'messages'", _name(behind))
    assert tables == "talks"


def _name(address: str) -> str:
    return address.rpartition("/")[2]


async def test_p16_a_pooler_that_is_full_is_waited_for(postgres: PostgresServer, tmp_path: Path) -> None:
    if missing():
        pytest.skip(missing())
    behind = postgres.new_database()
    bouncer = PgBouncer(postgres, "transaction", max_client_conn="2")
    bouncer.start()
    try:
        others = [await asyncpg.connect(bouncer.address(behind), statement_cache_size=0) for _ in range(2)]
        async with echoing(tmp_path, bouncer.address(behind), store_timeout_s=0.3) as server:
            await server.starts()
            client = V2Client(server.url)
            await client.starts()
            assert await says(client, "lleno") == [False]
            for other in others:
                await other.close()
            await is_well(server)
            assert await says(client, "libre") == [True]
            await client.leaves()
    finally:
        bouncer.remove()

    assert await stored(behind, client.session_id) == ["lleno", "libre"]


# One server at a time, by a row


async def test_p16_after_kill_9_the_next_start_waits_and_takes_over(
    postgres_address: str, tmp_path: Path
) -> None:
    async with echoing(tmp_path, postgres_address) as server:
        await server.starts()
        for _ in range(2):
            await server.is_killed()
            database = await asyncpg.connect(postgres_address)
            age = "SELECT clock_timestamp() - renewed_at < interval '5 s' FROM nodes"
            assert await database.fetchval(age), "the row of the dead is as good as new"
            await database.close()
            await server.starts()
            await is_well(server)


async def test_p16_a_server_that_was_stopped_writes_nothing_once_another_has_taken_over(
    postgres_address: str, tmp_path: Path
) -> None:
    async with (
        echoing(tmp_path / "one", postgres_address) as one,
        echoing(tmp_path / "other", postgres_address) as other,
    ):
        await one.starts()
        client = V2Client(one.url)
        await client.starts()
        assert await says(client, "antes") == [True]
        one.signals(signal.SIGSTOP)
        began = time.monotonic()
        await other.starts()
        assert time.monotonic() - began < TAKEOVER_S + PATIENCE_S
        await client.says("dormido", id="dormido")  # waits in the socket until it wakes
        one.signals(signal.SIGCONT)
        status = await one.ends()
        await client.is_closed()
        heard = [m for m in client.heard if m["type"] == "message_accepted" and m["durable"]]
        rows = await stored(postgres_address, client.session_id)
        client.url = other.url
        await client.resumes()
        assert await says(client, "después") == [True]
        await client.leaves()
        await is_well(other)

    assert status == 3
    assert [line for line in lines_of(one) if line.startswith("Another server has taken")] == lines_of(one)
    assert len(lines_of(one)) == 1
    assert rows == ["antes"]
    assert len(heard) == 1
    assert await stored(postgres_address, client.session_id) == ["antes", "después"]


async def test_p16_a_short_sleep_costs_nothing(postgres_address: str, tmp_path: Path) -> None:
    async with echoing(tmp_path, postgres_address) as server:
        await server.starts()
        client = V2Client(server.url)
        await client.starts()
        assert await says(client, "buenas noches") == [True]
        server.signals(signal.SIGSTOP)
        await asyncio.sleep(6)  # longer than its row is good for, and nobody takes it
        server.signals(signal.SIGCONT)
        assert await says(client, "buenos días") == [True]
        await client.leaves()


# P15: what can never work stops the start


@pytest.fixture(scope="module")
def strict() -> Iterator[PostgresServer]:
    """A PostgreSQL that asks for passwords, without TLS, with users who may not do everything."""
    from tests.storage import postgres as support

    if support.missing():
        pytest.skip(support.missing())
    server = PostgresServer()
    server.allows(
        "host all postgres 127.0.0.1/32 trust",
        "host all ana 127.0.0.1/32 scram-sha-256",
        "hostssl all tls 127.0.0.1/32 trust",
        "host all rejected 127.0.0.1/32 reject",
        "host all poor 127.0.0.1/32 trust",
    )
    server.start()
    for role in ("ana PASSWORD 's3cr@t/%'", "tls", "rejected", "poor"):
        name, _, options = role.partition(" ")
        server.sql(f"CREATE ROLE {name} LOGIN {options}")
    server.sql("CREATE DATABASE talks")
    server.sql("GRANT ALL ON SCHEMA public TO ana", "talks")
    server.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    yield server
    server.remove()


NEVER = {
    "wrong password": ("ana:s3cr@t2@127.0.0.1:{port}/talks", "refuses the password"),
    "no password": ("ana@127.0.0.1:{port}/talks", "refuses the password"),
    "no such database": ("postgres@127.0.0.1:{port}/nowhere", "no such database"),
    "no such user": ("nobody@127.0.0.1:{port}/talks", "does not let this user in"),
    "rejected": ("rejected@127.0.0.1:{port}/talks", "does not let this user in"),
    "must be encrypted": ("tls@127.0.0.1:{port}/talks", "does not let this user in"),
    "cannot be encrypted": ("postgres@127.0.0.1:{port}/talks?sslmode=require", "rejected SSL"),
    "may make no tables": ("poor@127.0.0.1:{port}/talks", "lacks a right"),
    "no such schema": ("postgres@127.0.0.1:{port}/talks?schema=nowhere", "schema is not there"),
    "no such setting": ("postgres@127.0.0.1:{port}/talks?options=-cnothing%3D1", "not know a setting"),
    "options that are none": ("postgres@127.0.0.1:{port}/talks?options=fast", "cannot read what it is sent"),
    "another alphabet": ("postgres@127.0.0.1:{port}/latin", "ENCODING 'UTF8'"),
    "wrong form": ("postgres@127.0.0.1:{port}/talks?sslmode=s3cr", "must be one of"),
    "password cut short": ("ana:1/s3cr@127.0.0.1:{port}/talks", "cannot be read"),
}


async def ends_with(folder: Path, address: str) -> tuple[int, list[str]]:
    async with server_process(folder, database_url=address) as server:
        await server.begins()
        return await server.ends(), lines_of(server)


@pytest.mark.parametrize("case", NEVER)
async def test_p15_what_can_never_work_stops_the_start_with_one_line(
    strict: PostgresServer, tmp_path: Path, case: str
) -> None:
    address, words = NEVER[case]
    status, lines = await ends_with(tmp_path, "postgresql://" + address.replace("{port}", str(strict.port)))

    assert status == 2
    assert len(lines) == 1, lines
    assert lines[0].startswith("DATABASE_URL: ")
    assert words in lines[0]
    assert "s3cr" not in lines[0]


async def test_p15_a_folder_or_a_device_for_a_file_stops_the_start_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file" / "x.db", Path("/dev/null"), tmp_path / ("x" * 300)):
        status, lines = await ends_with(tmp_path, f"sqlite:///{place}")
        assert (status, len(lines)) == (2, 1), (place, lines)
        (tmp_path / "server.log").unlink()


async def test_p15_what_a_host_hands_out_works_as_it_is(strict: PostgresServer, tmp_path: Path) -> None:
    address = (
        f"postgres://ana:s3cr%40t%2F%25@127.0.0.1:1,127.0.0.1:{strict.port}/talks?sslmode=prefer"
        "&channel_binding=prefer&connect_timeout=10&application_name=mine&keepalives=1&keepalives_idle=30"
        "&gssencmode=disable&pgbouncer=true&connection_limit=5&options=-c%20geqo%3Doff&schema=public"
        "&target_session_attrs=any&client_encoding=utf8&foo=bar"
    )
    async with echoing(tmp_path, address) as server:
        await server.starts()
        client = V2Client(server.url)
        await client.starts()
        assert await says(client, "hola") == [True]
        names = strict.sql("SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = 'ana'")
        await client.leaves()

    assert names == "mine"
    assert [line for line in lines_of(server) if "database_parameters_unknown" not in line] == []


@pytest.mark.parametrize(
    ("place", "cause"),
    [
        ("127.0.0.1:1", "ConnectionRefusedError"),
        ("no.such.host.invalid", "gaierror"),
        ("%2Fno%2Fsuch%2Ffolder", "FileNotFoundError"),
    ],
)
async def test_p15_a_server_that_cannot_be_reached_is_waited_for(
    tmp_path: Path, place: str, cause: str
) -> None:
    async with echoing(tmp_path, f"postgresql://u:s3cr@{place}/d", store_timeout_s=0.3) as server:
        await server.starts()
        health = (await server.asks("GET", "/agent/health")).json()

    assert health["storage"]["status"] == "degraded"
    assert [line for line in server.log if "storage_degraded" in line and cause in line], server.log
    assert not [line for line in server.log if "s3cr" in line]

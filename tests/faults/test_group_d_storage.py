"""What goes wrong with the database, and how a talk goes on: group D's faults, through the whole server.

Those in which a process is killed are in test_group_d_kills.py; those that the store alone meets, in
tests/storage/test_faults.py.
"""

import asyncio
import contextlib
import itertools
import os
import resource
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from config.settings import Settings
from tests.storage.postgres import PostgresServer
from tests.storage.test_faults import file_of, locked_by_another_process, pragma_of_new_connections
from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.context import settings_with
from tests.support.process import server_process
from tests.support.relay import relay_to
from tests.support.scripted import Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.server import PATIENCE_S, client_of, running_server
from tests.support.talk import Workshop
from tests.support.v2_client import V2Client, v2_client

ECHO = ScriptedModel(lambda r: says(f"<{last_text(r)}>"))


def settings_for(address: str, **values: Any) -> Settings:
    return settings_with(
        **{"database_url": address, "max_messages_per_s": 1000, "max_messages_burst": 1000, **values}
    )


async def asks(port: int, method: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=PATIENCE_S) as http:
        return await http.request(method, f"http://127.0.0.1:{port}{path}", **options)


async def said_in(port: int, session_id: str) -> list[str]:
    """What is stored of a talk, in order: the words of user and agent."""
    listed = (await asks(port, "GET", f"/sessions/{session_id}/messages?limit=500")).json()
    return [m["content"] for m in listed["messages"] if m["role"] in ("user", "assistant")]


async def is_stored(port: int, session_id: str, words: list[str]) -> None:
    """Waits until just these words are there."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(KeyError):  # 404 and 503 have no messages
                if await said_in(port, session_id) == words:
                    return
            await asyncio.sleep(0.02)


async def health_of(port: int) -> str:
    health = (await asks(port, "GET", "/agent/health")).json()
    assert health["status"] == health["storage"]["status"]
    return health["status"]


async def is_well(port: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await health_of(port) != "ok":  # noqa: ASYNC110  # what another program sees
            await asyncio.sleep(0.02)


async def asks_and_hears(client: V2Client, text: str) -> tuple[bool, bool]:
    """Says a text and hears its echo; whether its receipt and its ending were durable."""
    await client.says(text, id=text[:64])
    accepted = await client.hears("message_accepted")
    complete = await client.hears_answer()
    assert complete["text"] == f"<{text}>"
    return accepted["durable"], complete["durable"]


def echoes(*texts: str) -> list[str]:
    return [word for text in texts for word in (text, f"<{text}>")]


# D1: locked


@asynccontextmanager
async def locked(address: str) -> AsyncIterator[None]:
    """Nobody else can write, for as long as this lasts."""
    if address.startswith("sqlite"):
        with locked_by_another_process(file_of(address)):
            yield
        return
    other = await asyncpg.connect(address)
    async with other.transaction():
        await other.execute("LOCK TABLE sessions, messages, tool_calls IN ACCESS EXCLUSIVE MODE")
        yield
    await other.close()


async def test_d1_while_the_database_is_locked_the_talk_goes_on(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(address, store_timeout_s=0.2)
    async with running_server(settings, provider=ECHO) as server, v2_client(server) as client:
        async with client_of(server) as old:
            await client.starts()
            old_id = await old.opens("ana")
            before = await asks_and_hears(client, "antes")
            async with locked(address):
                during = [await asks_and_hears(client, f"texto {n}") for n in range(5)]
                await old.says("hola")
                assert await old.hears_answer() == "<hola>"
                assert await health_of(server.port) == "degraded"
                assert (await asks(server.port, "GET", "/agent/diagnose")).json()["status"] == "failed"
            await is_stored(
                server.port, client.session_id, echoes("antes", *(f"texto {n}" for n in range(5)))
            )
            await is_stored(server.port, old_id, echoes("hola"))
            await is_well(server.port)
            after = await asks_and_hears(client, "después")

    assert before == after == (True, True)
    assert during == [(False, False)] * 5
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) <= 1


async def test_d1_once_it_is_known_to_be_locked_nobody_waits_for_it(sqlite_address: str) -> None:
    """The first receipt waits its time; with ten times that for each, these texts would take minutes."""
    settings = settings_for(sqlite_address, store_timeout_s=2)
    async with running_server(settings, provider=ECHO) as server, v2_client(server) as client:
        await client.starts()
        await asks_and_hears(client, "antes")
        with locked_by_another_process(file_of(sqlite_address)):
            await asks_and_hears(client, "primero")
            began = asyncio.get_running_loop().time()
            for n in range(20):
                assert await asks_and_hears(client, f"{n}") == (False, False)
            took_s = asyncio.get_running_loop().time() - began

    assert took_s < 20 * 2, "each text waits for its receipt, and for that of its answer"


# D2: full, read-only


async def test_d2_while_the_disk_is_full_the_talk_goes_on(sqlite_address: str, tmp_path: Path) -> None:
    """A limit on the size of the process's files is a full disk, as SQLite sees it."""
    settings = {"database_url": sqlite_address, "store_timeout_s": 0.3}
    async with AzureStandin() as standin, server_process(tmp_path, **settings, **standin.azure()) as server:
        standin.reply = lambda request: Text("Vale.")
        await server.starts()
        client = V2Client(server.url)
        await client.starts()
        await client.says("hola", id="antes")
        assert (await client.hears("message_accepted"))["durable"] is True
        await client.hears_answer()
        server.may_use(resource.RLIMIT_FSIZE, 4096)
        for n in range(5):
            await client.says("x" * 5_000, id=f"lleno {n}")
            assert (await client.hears("message_accepted"))["durable"] is False
            assert (await client.hears_answer())["durable"] is False
        health = (await server.asks("GET", "/agent/health")).json()
        errors = [line for line in server.log if " ERROR " in line]
        server.may_use(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)
        await is_well(server.port)
        await client.says("hola", id="después")
        assert (await client.hears("message_accepted"))["durable"] is True
        await client.hears_answer()
        words = await said_in(server.port, client.session_id)
        await client.leaves()

    assert health["status"] == health["storage"]["status"] == "degraded"
    assert health["storage"]["waiting"] > 0
    assert len(errors) == 1, errors
    assert "storage_degraded" in errors[0]
    assert words == ["hola", "Vale.", *["x" * 5_000, "Vale."] * 5, "hola", "Vale."]


@pytest.mark.parametrize("pragma", ["PRAGMA max_page_count = 1", "PRAGMA query_only = ON"])
async def test_d2_a_server_that_starts_on_a_full_or_read_only_disk_recovers(
    sqlite_address: str, pragma: str
) -> None:
    async with running_server(settings_for(sqlite_address), provider=ECHO) as server:
        async with v2_client(server) as client:
            await client.starts()
            await asks_and_hears(client, "antes")
            await client.drops()
    with pragma_of_new_connections() as pragmas:
        pragmas.append(pragma)
        settings = settings_for(sqlite_address, store_timeout_s=0.3)
        async with running_server(settings, provider=ECHO) as server:
            client.url = server.url
            assert (await client.resumes())["gap"] is True
            assert await asks_and_hears(client, "x" * 30_000) == (False, False)
            assert await health_of(server.port) == "degraded"
            pragmas.clear()
            await is_stored(server.port, client.session_id, echoes("antes", "x" * 30_000))
            await is_well(server.port)
            await client.leaves()


# D3: connection lost


async def test_d3_a_lost_connection_costs_no_receipt_and_makes_no_row_twice(
    postgres: PostgresServer, postgres_address: str
) -> None:
    async with running_server(settings_for(postgres_address), provider=ECHO) as server:
        async with v2_client(server) as client:
            await client.starts()
            for n in range(5):
                await asyncio.to_thread(postgres.hang_up, postgres_address)
                assert await asks_and_hears(client, f"{n}") == (True, True)
            assert await said_in(server.port, client.session_id) == echoes(*"01234")
            assert await health_of(server.port) == "ok"


async def test_d3_while_postgresql_is_stopped_the_talk_goes_on(
    postgres: PostgresServer, postgres_address: str
) -> None:
    settings = settings_for(postgres_address, store_timeout_s=0.3)
    async with running_server(settings, provider=ECHO) as server, v2_client(server) as client:
        await client.starts()
        await asks_and_hears(client, "antes")
        await asyncio.to_thread(postgres.stop)
        try:
            during = [await asks_and_hears(client, f"{n}") for n in range(3)]
            unreachable = await asks(server.port, "GET", f"/sessions/{client.session_id}/messages")
            await client.drops()
            resumed = await client.resumes()
            health = await health_of(server.port)
        finally:
            await asyncio.to_thread(postgres.start)
        await is_stored(server.port, client.session_id, echoes("antes", *"012"))
        await is_well(server.port)
        after = await asks_and_hears(client, "después")

    assert during == [(False, False)] * 3
    assert unreachable.status_code == 503
    assert (resumed["type"], resumed["gap"]) == ("session_resumed", False)
    assert health == "degraded"
    assert after == (True, True)


# D4: slow


async def test_d4_slow_commits_hold_up_receipts_for_their_time_and_chunks_not_at_all(
    postgres_address: str,
) -> None:
    slow_s, tokens = 0.3, [f"{n} " for n in range(30)]
    port = int(postgres_address.rpartition("@")[2].partition("/")[0].partition(":")[2])
    model = ScriptedModel(lambda r: [step for token in tokens for step in (Says(token), Pause(0.01))])
    async with relay_to(port) as relay:
        address = postgres_address.replace(f":{port}/", f":{relay.port}/")
        async with running_server(settings_for(address, store_timeout_s=0.1), provider=model) as server:
            async with v2_client(server) as client:
                await client.starts()
                relay.break_next("delay", "down", delay_s=slow_s)
                loop = asyncio.get_running_loop()
                began = loop.time()
                await client.says("cuenta", id="c1")
                accepted = await client.hears("message_accepted")
                accepted_s = loop.time() - began
                arrivals = [await self_timed(client, loop) for _ in tokens]
                complete = await client.hears_answer()
                await is_stored(server.port, client.session_id, ["cuenta", "".join(tokens)])

    gaps = [later - earlier for earlier, later in itertools.pairwise(arrivals)]
    assert accepted["durable"] is False
    assert accepted_s < 0.1 * 10
    assert sorted(gaps)[len(gaps) // 2] < slow_s / 5, "the usual gap knows nothing of the database"
    assert complete["text"] == "".join(tokens)


async def self_timed(client: V2Client, loop: asyncio.AbstractEventLoop) -> float:
    await client.hears("response_chunk")
    return loop.time()


# D6: a newer schema


async def test_d6_a_newer_schema_stops_the_start_with_one_line(address: str, tmp_path: Path) -> None:
    async with server_process(tmp_path, database_url=address) as server:
        await server.starts()
        server.signals(signal.SIGTERM)
        await server.ends()
        await executes(address, "UPDATE alembic_version SET version_num = '9999'")
        before = contents(address)
        logged = len(server.log)
        await server.begins()
        status = await server.ends()
        said = [line for line in server.log[logged:] if " INFO " not in line]

        assert status == 3
        assert len(said) == 1
        assert "9999" in said[0]
        assert contents(address) == before


async def executes(address: str, statement: str) -> None:
    if address.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(file_of(address), isolation_level=None)) as connection:
            connection.execute(statement)
        return
    connection = await asyncpg.connect(address)
    await connection.execute(statement)
    await connection.close()


def contents(address: str) -> bytes:
    """The database's file, where it is one."""
    return file_of(address).read_bytes() if address.startswith("sqlite") else b""


# D7: damaged


@pytest.mark.parametrize("damage", ["text", "empty", "first page"])
async def test_d7_with_a_damaged_file_talks_are_served_from_memory(sqlite_address: str, damage: str) -> None:
    async with running_server(settings_for(sqlite_address), provider=ECHO) as server:
        async with v2_client(server) as client:
            await client.starts()
            await asks_and_hears(client, "antes")
            await client.drops()
    file = file_of(sqlite_address)
    whole = file.read_bytes()
    broken = {"text": b"Dear diary, " * 1000, "empty": b"", "first page": os.urandom(4096) + whole[4096:]}
    file.write_bytes(broken[damage])

    settings = settings_for(sqlite_address, store_timeout_s=0.3)
    async with running_server(settings, provider=ECHO) as server:
        async with v2_client(server) as other:
            await other.starts()
            assert await asks_and_hears(other, "hola") == (False, False)
            await other.drops()
            assert (await other.resumes())["gap"] is False
            client.url = server.url
            refused = await client.resumes()
            listed = await asks(server.port, "GET", f"/sessions/{client.session_id}/messages")
            health = await health_of(server.port)
            diagnosis = (await asks(server.port, "GET", "/agent/diagnose")).json()
            await client.drops()
    [storage] = [check for check in diagnosis["checks"] if check["name"] == "storage"]
    assert (refused["code"], refused["retryable"]) == ("server_full", True), "it may be mended in time"
    assert listed.status_code == 503
    assert health == "degraded"
    assert not storage["ok"]
    assert "backup" in storage["detail"]
    assert file.read_bytes() == broken[damage]

    file.write_bytes(whole)
    async with running_server(settings, provider=ECHO) as server:
        client.url = server.url
        assert (await client.resumes())["gap"] is True
        await client.leaves()


# D10: many at once, deadlock, serialisation failure

FAIL_AT_FIRST = """
CREATE SEQUENCE attempts;
CREATE FUNCTION fail_at_first() RETURNS trigger AS $$
BEGIN
    -- A sequence counts on where its transaction is rolled back.
    IF nextval('attempts') <= 3 THEN RAISE EXCEPTION 'not now' USING ERRCODE = '%s'; END IF;
    RETURN NEW;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER fail_at_first BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION fail_at_first();
"""


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"], ids=["serialisation", "deadlock"])
async def test_d10_a_transaction_that_the_database_gives_up_is_tried_again(
    postgres_address: str, sqlstate: str
) -> None:
    async with running_server(settings_for(postgres_address, store_timeout_s=10), provider=ECHO) as server:
        async with v2_client(server) as client:
            await client.starts()
            await is_well(server.port)
            await executes(postgres_address, FAIL_AT_FIRST % sqlstate)
            assert await asks_and_hears(client, "hola") == (True, True)
            assert await said_in(server.port, client.session_id) == echoes("hola")


async def test_d10_two_hundred_talks_at_once_lose_nothing(address: str) -> None:
    count, settings = 200, settings_for(address, store_timeout_s=20)
    async with running_server(settings, provider=ECHO) as server:
        clients = [V2Client(server.url) for _ in range(count)]
        for client in clients:
            await client.starts()
        durable = await asyncio.gather(
            *(asks_and_hears(client, f"texto {number}") for number, client in enumerate(clients))
        )
        stored = await asyncio.gather(*(said_in(server.port, client.session_id) for client in clients[::10]))
        for client in clients:
            await client.leaves()

    assert durable == [(True, True)] * count
    assert stored == [echoes(f"texto {number}") for number in range(0, count, 10)]


# D11: odd text

ODD_TEXTS = {
    "long": "ñ" * 170_000,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈",
    "right to left": "שלום \u202e مرحبا",
    "control": "a\x01\x1b[31m\r\n\u2028b",
    "quotes": "'; DROP TABLE messages; --\"%_\\",
    "escaped": "\\u0000 \\ud83d &amp;",
}


async def test_d11_odd_text_is_read_back_equal(address: str) -> None:
    settings = settings_for(address, max_history_tokens=10**7, max_response_chars=10**6)
    async with running_server(settings, provider=ECHO) as server:
        async with v2_client(server) as client:
            await client.starts(user_id=ODD_TEXTS["quotes"])
            for name, text in ODD_TEXTS.items():
                await client.says(text, id=f"{name} {text[:20]}"[:64])
                assert (await client.hears("message_accepted"))["durable"] is True
                assert (await client.hears_answer())["durable"] is True
            words = await said_in(server.port, client.session_id)
            export = (await asks(server.port, "GET", f"/sessions/{client.session_id}/export")).json()
            mine = await asks(
                server.port, "GET", "/sessions", params={"status": "all", "user_id": ODD_TEXTS["quotes"]}
            )

    assert words == echoes(*ODD_TEXTS.values())
    assert [message["content"] for message in export["messages"]] == words
    assert [session["session_id"] for session in mine.json()["sessions"]] == [client.session_id]


@pytest.mark.parametrize("odd", ['"a\\u0000b"', '"a\\ud83db"'], ids=["NUL", "lone surrogate"])
async def test_d11_what_no_database_keeps_is_refused_at_the_door(address: str, odd: str) -> None:
    async with running_server(settings_for(address), provider=ECHO) as server:
        async with v2_client(server) as client:
            await client.starts()
            await client.sends(f'{{"type": "text", "content": {odd}}}')
            error = await client.hears("error")
            answer = await asks_and_hears(client, "hola")
            assert await said_in(server.port, client.session_id) == echoes("hola")

    assert error["code"] == "bad_message"
    assert answer == (True, True)


# D12: SQL injection

HOSTILE = ("'; DROP TABLE messages; --", '" OR 1=1 --', "%", "_", "ana%", "an_", "\\", "ana';--", "x\x00y")


async def test_d12_ids_and_filters_are_never_read_as_sql(address: str) -> None:
    async with running_server(settings_for(address), provider=ECHO) as server:
        async with v2_client(server) as client:
            await client.starts()
            await asks_and_hears(client, "hola")
            for text in HOSTILE:
                for name in ("user_id", "state"):
                    listed = await asks(server.port, "GET", "/sessions", params={"status": "all", name: text})
                    assert (listed.status_code, listed.json().get("sessions")) == (200, []), (name, text)
                cursor = await asks(server.port, "GET", "/sessions", params={"status": "all", "cursor": text})
                assert cursor.status_code == 422, text
                quoted = "".join(f"%{byte:02x}" for byte in text.encode())
                for method, path in (
                    ("GET", f"/sessions/{quoted}/messages"),
                    ("GET", f"/sessions/{quoted}/export"),
                    ("DELETE", f"/sessions/{quoted}"),
                ):
                    assert (await asks(server.port, method, path)).status_code == 404, (method, path)
                users = (await asks(server.port, "GET", f"/users/{quoted}/sessions")).json()
                assert users["sessions"] == [], text
                assert (await asks(server.port, "DELETE", f"/users/{quoted}")).status_code == 204
            assert await said_in(server.port, client.session_id) == echoes("hola")


# D13: erasure during a live talk


@pytest.mark.parametrize("what", ["user", "session"])
async def test_d13_what_is_erased_during_a_talk_is_gone_for_good(address: str, what: str) -> None:
    shop = Workshop()
    model = ScriptedModel(
        lambda r: (
            calls(("work", {"seconds": 0.3, "result": "PALABRASECRETA"}))
            if len(r.messages) == 2
            else [Says("PALABRASECRETA "), Pause(0.3), Says("PALABRASECRETA")]
        )
    )
    settings = settings_for(address, tool_inline_wait_s=0)
    async with running_server(settings, provider=model, tools=[shop.tool("work")]) as server:
        async with v2_client(server) as client, v2_client(server) as other:
            await client.starts()
            await other.starts(user_id="luis")
            await client.says("PALABRASECRETA", id="c1")
            await client.hears("response_chunk")
            path = "/users/ana" if what == "user" else f"/sessions/{client.session_id}"
            erased = await asks(server.port, "DELETE", path)
            assert await client.is_closed() == 4410
            # Long enough for all that the turn and its tool would have written.
            await asyncio.sleep(1)
            gone = [
                (await asks(server.port, "GET", f"/sessions/{client.session_id}{more}")).status_code
                for more in ("", "/messages", "/export")
            ]
            refused = await client.resumes()
            left = (await asks(server.port, "GET", "/sessions?status=all")).json()["sessions"]
            continued = await other_start(client)
            word = await kept_of(address)

    assert erased.status_code == 204
    assert gone == [404, 404, 404]
    assert refused["code"] == continued["code"] == "resume_refused"
    assert [session["session_id"] for session in left] == [other.session_id]
    assert word == []


async def other_start(client: V2Client) -> dict[str, Any]:
    await client.sends({"type": "start", "user_id": "ana", "continue": client.session_id})
    return await client.hears_next()


async def kept_of(address: str) -> list[str]:
    """Where the secret word still is: files of SQLite, tables of PostgreSQL."""
    if address.startswith("sqlite"):
        folder = file_of(address).parent
        return [path.name for path in folder.iterdir() if b"PALABRASECRETA" in path.read_bytes()]
    connection = await asyncpg.connect(address)
    found = [
        table
        for table in ("sessions", "messages", "tool_calls", "users")
        if await connection.fetchval(
            f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%PALABRASECRETA%'"
        )
    ]
    await connection.close()
    return found


async def test_d13_an_erasure_that_must_wait_is_not_called_done(sqlite_address: str) -> None:
    settings = settings_for(sqlite_address, store_timeout_s=0.3)
    async with running_server(settings, provider=ECHO) as server, v2_client(server) as client:
        await client.starts()
        await asks_and_hears(client, "hola")
        with locked_by_another_process(file_of(sqlite_address)):
            waiting = await asks(server.port, "DELETE", "/users/ana")
            assert await client.is_closed() == 4410
        await is_well(server.port)
        async with asyncio.timeout(PATIENCE_S):  # a busy machine may need longer than the server waits
            while (done := await asks(server.port, "DELETE", "/users/ana")).status_code == 503:
                pass
            while (listed := await asks(server.port, "GET", "/sessions?status=all")).status_code == 503:
                pass
        left = listed.json()["sessions"]

    assert (waiting.status_code, done.status_code) == (503, 204)
    assert left == []

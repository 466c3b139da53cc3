"""Talks of many large texts: as a file, as pages, and taken up again, without anybody noticing."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect

from app.protocol.v2.history import MAX_FRAME_BYTES
from app.router.routes.exports import export_of
from app.storage.upkeep_writes import SessionErased
from app.storage.writes import SessionOpened, TextAccepted
from tests.large.health_watch import MIB
from tests.large.talks import keep_a_talk, memory_of, watched
from tests.storage.talks import NOW, a_session, a_text, store_at
from tests.support.process import ServerProcess, server_process

TEXTS = 120
MOST_GROWTH_MIB = 100
"""What an export may add to the memory: some 30 MiB, and what the system's allocator makes of that."""

STALL_S = 0.5
"""Ten times what nobody notices."""


async def exported(server: ServerProcess, form: str) -> tuple[int, int, bytes]:
    """Reads an export; its status, its length, and its last bytes."""
    length, end = 0, b""
    async with (
        httpx.AsyncClient(verify=False, trust_env=False, timeout=60) as client,
        client.stream("GET", f"http://127.0.0.1:{server.port}/sessions/s1/export?format={form}") as response,
    ):
        async for piece in response.aiter_raw():
            length += len(piece)
            end = (end + piece)[-100:]
    return response.status_code, length, end


@pytest.mark.alone
async def test_export_of_a_talk_of_large_texts_holds_up_nobody(address: str, tmp_path: Path) -> None:
    await keep_a_talk(address, TEXTS, MIB)
    async with server_process(tmp_path, database_url=address) as server:
        await server.starts()
        before = memory_of(server)
        async with watched(server) as watch:
            as_json = await exported(server, "json")
            as_text = await exported(server, "markdown")

    assert as_json[0] == as_text[0] == 200
    assert min(as_json[1], as_text[1]) > TEXTS * MIB * 0.99
    assert as_json[2].endswith(b"}]}")
    assert as_text[2].endswith(b"\n\nrespuesta 119\n")
    assert watch.memory_mib - before < MOST_GROWTH_MIB
    assert watch.waited_s < STALL_S


@pytest.mark.alone
async def test_talk_of_large_texts_goes_on_with_a_client_of_usual_limits(
    address: str, tmp_path: Path
) -> None:
    await keep_a_talk(address, TEXTS, MIB)
    async with server_process(tmp_path, database_url=address) as server:
        await server.starts()
        before = memory_of(server)
        # Its frames may have 1 MiB, as those of most clients.
        async with watched(server) as watch, connect(server.url, subprotocols=["voice-agent.v2"]) as client:  # type: ignore[list-item]
            await client.send(orjson.dumps({"type": "start", "user_id": "ana", "continue": "s1"}).decode())
            created, history = [orjson.loads(await client.recv()) for _ in range(2)]
            await client.send('{"type":"text","content":"¿cuánto es 2+2?"}')
            while (said := orjson.loads(await client.recv()))["type"] != "response_complete":
                pass

    assert (created["type"], created["continued"], history["type"]) == ("session_created", True, "history")
    assert [m["content"] for m in history["messages"]][-1] == f"respuesta {TEXTS - 1}"
    assert history["messages"][0]["truncated"]
    assert len(orjson.dumps(history)) <= MAX_FRAME_BYTES
    assert "4" in said["text"]
    assert watch.memory_mib - before < MOST_GROWTH_MIB
    assert watch.waited_s < STALL_S


async def test_pages_end_early_where_messages_are_large_and_leave_nothing_out(
    address: str, tmp_path: Path
) -> None:
    kept = await keep_a_talk(address, 12, 300_000)
    async with server_process(tmp_path, database_url=address) as server:
        await server.starts()
        pages: list[list[dict[str, Any]]] = []
        cursor = ""
        while cursor is not None:
            answer = await server.asks("GET", f"/sessions/s1/messages?limit=500{cursor}")
            page = answer.json()
            pages.append(page["messages"])
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] is not None else None
        whole = (await server.asks("GET", "/sessions/s1/export")).json()

    listed = [message for page in pages for message in page]
    assert [m["content"] for m in listed] == [record.content for record in kept]
    assert max(sum(len(m["content"]) for m in page) for page in pages) < 2 * MIB
    assert len(pages) > 2
    assert whole["messages"] == listed


async def test_readers_who_fall_asleep_over_an_export_hold_nothing_of_the_database(
    address: str, tmp_path: Path
) -> None:
    await keep_a_talk(address, 30, MIB)
    request = b"GET /sessions/s1/export HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with server_process(tmp_path, database_url=address) as server:
        await server.starts()
        before = memory_of(server)
        readers = [await asyncio.open_connection("127.0.0.1", server.port, limit=1) for _ in range(12)]
        try:
            for reader, writer in readers:
                writer.write(request)
                await reader.read(100)
            async with watched(server) as watch:
                others = [
                    (await server.asks("GET", "/sessions/s1/messages?limit=1")).status_code for _ in range(5)
                ]
        finally:
            for _, writer in readers:
                writer.close()

    assert others == [200] * 5
    assert watch.memory_mib - before < MOST_GROWTH_MIB


@pytest.mark.parametrize("meanwhile", ["said", "erased"])
async def test_export_is_of_one_moment(address: str, meanwhile: str) -> None:
    async with store_at(address) as store:
        await store.write(SessionOpened(a_session())).wait(10)
        for n in range(5):
            assert await store.write(TextAccepted("s1", a_text(n, "a" * MIB))).wait(10)
        record = await store.session("s1")
        assert record is not None
        answer = await export_of(store, record, "json")
        if meanwhile == "said":
            assert await store.write(TextAccepted("s1", a_text(5, "zu spät"))).wait(10)
        else:
            assert await store.write(SessionErased("s1", NOW)).wait(10)
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await answer.stream_response(send)

    body = b"".join(message.get("body", b"") for message in sent)
    if meanwhile == "said":
        assert [m["position"] for m in orjson.loads(body)["messages"]] == [0, 1, 2, 3, 4]
    else:  # what is not whole does not look whole
        assert not body.endswith(b"]}")
        assert sent[-1]["more_body"]


async def test_reader_who_takes_nothing_is_let_go(address: str) -> None:
    async with store_at(address) as store:
        await store.write(SessionOpened(a_session())).wait(10)
        assert await store.write(TextAccepted("s1", a_text(0))).wait(10)
        record = await store.session("s1")
        assert record is not None
        answer = await export_of(store, record, "json", patience_s=0.05)

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        async with asyncio.timeout(10):
            await answer.stream_response(send)

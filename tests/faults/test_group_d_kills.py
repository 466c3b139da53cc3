"""A server that is killed at any moment, and what its clients and its database then know: D8, D9, D5, E3.

`KILLED_TALKS=100 KILLS=20` before the command makes it a long run, `TEXTS=30 WITHIN_S=8` its talks long.
"""

import asyncio
import contextlib
import os
import random
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.answers import Text, ToolCalls
from tests.support.azure_standin import AzureStandin
from tests.support.process import MAIN, ServerProcess, server_process
from tests.support.relay import Relay, relay_to
from tests.support.resuming_client import ResumingClient, resuming_client
from tests.support.v2_client import V2Client

# D8: killed at any moment

KILLED_TALKS = int(os.environ.get("KILLED_TALKS", "10"))
"""How many talks are held on each database while the server is killed."""

KILLS = int(os.environ.get("KILLS", "2"))
TEXTS = int(os.environ.get("TEXTS", "4"))

WITHIN_S = float(os.environ.get("WITHIN_S", "1"))
"""How long the server lives at most before it is killed, in seconds."""


async def holds_a_talk(
    client: ResumingClient, number: int, dice: random.Random, all_are_in: asyncio.Barrier
) -> list[str]:
    """Says texts, some in a hurry; returns them when each has its receipt."""
    said: list[str] = []
    for turn in range(TEXTS):
        content = f"texto {number}.{turn}"
        said.append(content)
        await client.says(content, content)
        if turn == 0:
            # A session that has no receipt yet has been promised nothing: its client would begin anew.
            await client.until(lambda: bool(client.receipts), PATIENCE_S)
            await all_are_in.wait()
        elif dice.random() < 0.7:
            await client.until(lambda: len(client.receipts) == len(said) or bool(client.wrong), PATIENCE_S)
        await asyncio.sleep(dice.random() * 0.3)
    await client.until(lambda: len(client.receipts) == len(said) or bool(client.wrong), PATIENCE_S)
    return said


START_S = 20
"""What a start may take of a busy machine, in seconds."""

PATIENCE_S = 60 + 2 * KILLS * START_S
"""A life may be too short for a client to come back in: all of them, and a minute after the last."""


async def is_killed_now_and_then(
    server: ServerProcess, relay: Relay, dice: random.Random, all_are_in: asyncio.Barrier
) -> None:
    await all_are_in.wait()
    for _ in range(KILLS):
        await asyncio.sleep(dice.choice((0.01, 0.1, 0.5)) * (1 + dice.random()) * WITHIN_S)
        await server.is_killed()
        await server.starts()
        if dice.random() < 0.7:
            # Twice in a row: before anybody has come back, as they come, or in the answers that begin again.
            if dice.random() < 0.7:
                relay.leads_to(server.port)
            await asyncio.sleep(dice.choice((0.0, 0.1, 0.5, 1.0)) * dice.random())
            await server.is_killed()
            await server.starts()
        relay.leads_to(server.port)


def endings_of(client: ResumingClient) -> dict[str, list[str]]:
    endings: dict[str, list[str]] = {}
    for message in client.heard("response_complete", "error"):
        if message.get("turn_id"):
            kind = message["type"] if message["type"] == "response_complete" else message["code"]
            endings.setdefault(message["turn_id"], []).append(kind)
    return endings


async def rows_of(server: ServerProcess, session_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = f"?cursor={cursor}" if cursor else ""
        answer = await server.asks("GET", f"/sessions/{session_id}/messages{query}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        rows += page["messages"]
        cursor = page["next_cursor"]
    return rows


async def all_has_ended(server: ServerProcess, session_id: str) -> list[dict[str, Any]]:
    """The rows, as soon as no text waits for its ending."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            rows = await rows_of(server, session_id)
            if all(row["status"] != "accepted" for row in rows):
                return rows
            await asyncio.sleep(0.05)


async def shows_all(client: ResumingClient) -> None:
    """Waits until the client shows an answer to each of its texts."""
    try:
        await client.until(
            lambda: set(client.shown.answers) == set(client.receipts.values()) or bool(client.wrong),
            PATIENCE_S,
        )
    except TimeoutError:
        log = "\n".join(map(str, client.log[-60:]))
        raise AssertionError(f"{client.receipts}\nbut {client.shown.answers}\n{log}") from None


def check(client: ResumingClient, said: list[str], rows: list[dict[str, Any]]) -> None:
    assert client.wrong == []
    texts = [row for row in rows if row["role"] == "user"]
    assert sorted(row["content"] for row in texts) == sorted(said), "each text once"
    assert {row["content"]: row["turn_id"] for row in texts} == client.receipts
    answers: dict[str, str] = {}
    for row in rows:
        if row["role"] == "assistant":
            assert row["turn_id"] not in answers, "an answer is there twice"
            answers[row["turn_id"]] = row["content"]
    for kinds in endings_of(client).values():
        assert kinds == ["response_complete"], "ended twice, or not answered"
    for row in texts:
        assert row["status"] == "ok"
        assert row["turn_id"] in answers, f"no answer is kept to {row['content']}: {rows}"
        assert client.shown.answers[row["turn_id"]] == answers[row["turn_id"]], (
            "shown, heard or from a history"
        )


@pytest.mark.timeout(60 + 2 * PATIENCE_S)
async def test_d8_what_was_acknowledged_survives_kill_9_at_any_moment(address: str, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    dice = random.Random(seed)
    all_are_in = asyncio.Barrier(KILLED_TALKS + 1)
    # A busy machine must not make the store count as slow: then receipts rightly say that nothing is sure.
    settings = {
        "database_url": address,
        "max_messages_per_s": 1000,
        "max_messages_burst": 1000,
        "max_queued_messages": TEXTS,
        # Starts of a busy machine take half a minute each, and count: the window is not what is tried here.
        "resume_window_s": 2 * PATIENCE_S,
        "store_timeout_s": 60,
    }
    async with AzureStandin() as standin, server_process(tmp_path, **settings, **standin.azure()) as server:
        standin.reply = lambda request: Text(f"eco de {request.last_text} y ya", 0.02)
        await server.starts()
        async with relay_to(server.port) as relay, asyncio.TaskGroup() as group:
            killing = group.create_task(is_killed_now_and_then(server, relay, dice, all_are_in))

            async def talks(number: int) -> tuple[ResumingClient, list[str], list[dict[str, Any]]]:
                options = {"user_id": "ana", "heartbeat_s": 5, "back_off_s": 0.1}
                async with resuming_client(relay.url, **options) as client:
                    said = await holds_a_talk(client, number, dice, all_are_in)
                    await killing
                    rows = await all_has_ended(server, client.session_id) if not client.wrong else []
                    await shows_all(client)
                return client, said, rows

            held = [group.create_task(talks(number)) for number in range(KILLED_TALKS)]
    for talk in held:
        check(*talk.result())


# D9: killed in a tool


class SilentService:
    """Something that `make_http_request` reaches, and that never answers; it counts who came."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.has_come = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            self.has_come.set()
            await reader.read()
        writer.close()


async def test_d9_a_tool_that_was_killed_is_told_as_interrupted_and_not_run_again(
    address: str, tmp_path: Path
) -> None:
    service = SilentService()
    listener = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with (
        AzureStandin() as standin,
        server_process(
            tmp_path,
            database_url=address,
            http_tool_allowed_private=f"127.0.0.1:{port}",
            tool_inline_wait_s=0,
            **standin.azure(),
        ) as server,
    ):
        order = {"url": f"http://127.0.0.1:{port}/order", "method": "POST", "body": "1 tea"}
        standin.script(
            ToolCalls(("make_http_request", order), ("placeholder_api_call", {"delay_s": 25})), Text("Voy.")
        )
        await server.starts()
        client = V2Client(server.url)
        await client.starts()
        await client.says("pide", id="c1")
        started = [await client.hears("tool_started") for _ in range(2)]
        await client.hears_answer()
        await service.has_come.wait()
        await server.is_killed()
        standin.script(Text("No sé si ha llegado."))
        await server.starts()
        client.url = server.url
        resumed = await client.resumes()
        history = await client.hears_next()
        told = await client.hears_answer()
        await client.says("¿y?", id="c2")
        answer = await client.hears_answer()
        await client.leaves()
        rows = (await server.asks("GET", f"/sessions/{client.session_id}/messages")).json()["messages"]
    listener.close()
    await listener.wait_closed()

    assert (resumed["gap"], resumed["next_seq"]) == (True, 1)
    assert history["tools"] == []
    assert told["text"] == "No sé si ha llegado."
    assert answer["finish_reason"] == "stop"
    assert len(service.requests) == 1, "a write is never run twice"
    assert standin.violations == []
    [prompt] = [r.messages for r in standin.requests[2:3]]
    results = [m["content"] for m in prompt if m["role"] == "tool"][-2:]
    for call, result in zip(started, results, strict=True):
        assert '"interrupted"' in result and call["call_id"] in result
    endings = [(m["call_id"], m["status"]) for m in client.heard if m["type"] == "tool_finished"]
    assert endings == [(call["call_id"], "interrupted") for call in started]
    assert [row["content"] for row in rows if row["role"] == "user"] == ["pide", "¿y?"]


# D5: killed in a migration; two at once


KILLED_AT_A_STATEMENT = """
import os, signal, sys
from sqlalchemy import Engine, event
import main

at, seen = int(sys.argv.pop(1)), 0

def count(*_):
    global seen
    seen += 1
    if seen == at:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", count)
main.main()
"""


async def test_d5_a_server_that_was_killed_in_its_migration_starts_the_next_time(
    address: str, tmp_path: Path
) -> None:
    """At each single statement: tests/storage/test_migrate.py."""
    at = random.Random().randrange(1, 14)
    command = ("-c", KILLED_AT_A_STATEMENT, str(at), "--port", "0")
    async with server_process(tmp_path, command, database_url=address) as killed:
        await killed.begins()
        assert await killed.ends() == -signal.SIGKILL, f"statement {at}: {killed.log}"
    async with (
        AzureStandin() as standin,
        server_process(tmp_path, database_url=address, **standin.azure()) as server,
    ):
        await server.starts()
        client = V2Client(server.url)
        await client.starts()
        await client.says("hola", id="c1")
        assert (await client.hears("message_accepted"))["durable"] is True
        await client.hears_answer()
        await client.leaves()


async def test_d5_of_two_servers_that_start_at_once_one_serves(address: str, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    async with server_process(tmp_path, database_url=address) as one:
        async with server_process(tmp_path / "b", database_url=address) as other:
            await asyncio.gather(one.begins(), other.begins())
            ends = {asyncio.create_task(server.ends()): server for server in (one, other)}
            done, waiting = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)
            [loser] = [ends[task] for task in done]
            winner = other if loser is one else one
            await winner.serves()
            [status] = [task.result() for task in done]
            said = [line for line in loser.log if " INFO " not in line]
            health = (await winner.asks("GET", "/agent/health")).json()

    assert status == 3
    assert len(said) == 1
    assert said[0].startswith("Another server")
    assert health["storage"]["status"] == "ok"


# E3: after SIGKILL the port and the database are free


async def test_e3_after_sigkill_nothing_stands_in_the_way_of_the_next_start(
    address: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = (*MAIN[:-1], str(port))
    async with server_process(tmp_path, command, database_url=address) as server:
        for _ in range(2):
            await server.starts()
            client = V2Client(server.url)
            await client.starts()
            await server.is_killed()
            await client.is_closed()
        await server.starts()
        health = (await server.asks("GET", "/agent/health")).json()

    assert server.port == port
    assert health["storage"]["status"] == "ok"

"""What goes wrong with the database, and how a talk goes on: group D's faults, through the whole server."""

import asyncio
import os
import random
from pathlib import Path
from typing import Any

from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.process import ServerProcess, server_process
from tests.support.relay import Relay, relay_to
from tests.support.resuming_client import ResumingClient, resuming_client

# D8: killed at any moment

KILLED_TALKS = int(os.environ.get("KILLED_TALKS", "10"))
"""How many talks are held on each database while the server is killed."""

KILLS = int(os.environ.get("KILLS", "3"))
TEXTS = 6


async def holds_a_talk(client: ResumingClient, number: int, dice: random.Random) -> list[str]:
    """Says texts, some in a hurry; returns them when each has its receipt."""
    said: list[str] = []
    for turn in range(TEXTS):
        content = f"texto {number}.{turn}"
        said.append(content)
        await client.says(content, content)
        if dice.random() < 0.7:
            await client.until(lambda: len(client.receipts) == len(said) or bool(client.wrong), PATIENCE_S)
        await asyncio.sleep(dice.random() * 0.3)
    await client.until(lambda: len(client.receipts) == len(said) or bool(client.wrong), PATIENCE_S)
    return said


PATIENCE_S = 60


async def is_killed_now_and_then(server: ServerProcess, relay: Relay, dice: random.Random) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(dice.choice((0.01, 0.1, 0.5)) * (1 + dice.random()))
        await server.is_killed()
        await server.starts()
        relay.leads_to(server.port)


def endings_of(client: ResumingClient) -> dict[str, set[str]]:
    endings: dict[str, set[str]] = {}
    for message in client.heard("response_complete", "error"):
        if message.get("turn_id"):
            kind = message["type"] if message["type"] == "response_complete" else message["code"]
            endings.setdefault(message["turn_id"], set()).add(kind)
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
    for turn_id, kinds in endings_of(client).items():
        assert kinds in ({"response_complete"}, {"server_restarted"}), (turn_id, kinds)
        if kinds == {"response_complete"}:
            assert client.shown.answers[turn_id] == answers[turn_id]
    for row in texts:
        assert row["status"] in ("ok", "failed")
        assert (row["turn_id"] in answers) == (row["status"] == "ok")


async def test_d8_what_was_acknowledged_survives_kill_9_at_any_moment(address: str, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    dice = random.Random(seed)
    print(f"seed {seed}")
    async with (
        AzureStandin() as standin,
        server_process(tmp_path, database_url=address, max_messages_per_s=1000, **standin.azure()) as server,
    ):
        standin.reply = lambda request: Text(f"eco de {request.last_text} y ya", 0.02)
        await server.starts()
        async with relay_to(server.port) as relay, asyncio.TaskGroup() as group:
            killing = group.create_task(is_killed_now_and_then(server, relay, dice))
            talks = [
                group.create_task(one_talk(server, relay.url, number, dice, killing))
                for number in range(KILLED_TALKS)
            ]
    for talk in talks:
        check(*talk.result())


async def one_talk(
    server: ServerProcess, url: str, number: int, dice: random.Random, killing: asyncio.Task[None]
) -> tuple[ResumingClient, list[str], list[dict[str, Any]]]:
    async with resuming_client(url, user_id="ana", heartbeat_s=2) as client:
        said = await holds_a_talk(client, number, dice)
        await killing
        rows = await all_has_ended(server, client.session_id) if not client.wrong else []
    return client, said, rows

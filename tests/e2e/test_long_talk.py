"""A talk of 500 turns: real sockets, a strict service, a database; prompt and memory stay bounded."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.services.sessions.live_session import LiveSession
from config.settings import Settings
from tests.support.answers import Answer, Text, ToolCalls
from tests.support.azure_standin import AzureStandin
from tests.support.context import settings_with
from tests.support.http_wire import Received
from tests.support.server import Server, client_of, running_server
from tests.support.v2_client import V2Client, v2_client

TURNS = 500
MAX_TOKENS = 1_000

SYLLABLES = ["ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sa", "te"]


def words(number: int) -> list[str]:
    """The words of a turn: drawn, and always the same."""
    draw = random.Random(number)  # no secret
    return ["".join(draw.choices(SYLLABLES, k=5)) for _ in range(6)]


def text_of(number: int) -> str:
    return f"turno {number}: {' '.join(words(number))}"


def is_summary(request: Received) -> bool:
    return request.messages[-1]["content"].startswith('{"summary":')


def summarised(request: Received) -> list[str]:
    """The users' texts that a summary was asked of."""
    data = orjson.loads(request.messages[-1]["content"])
    return [turn[0]["text"] for turn in data["turns"]]


def answer(request: Received) -> Answer:
    last = request.messages[-1]
    if is_summary(request):
        data = orjson.loads(last["content"])
        return Text(f"resumen de {len(data['turns'])} turnos")
    if last["role"] == "user" and last["content"].startswith("busca "):
        return ToolCalls(("search_talk", {"query": last["content"].removeprefix("busca ")}))
    return Text("Vale.") if last["role"] == "user" else Text(last["content"])


@asynccontextmanager
async def standing_in() -> AsyncIterator[AzureStandin]:
    async with AzureStandin() as standin:
        standin.reply = answer
        yield standin
        assert standin.violations == []


def settings_of(standin: AzureStandin, folder: Path) -> Settings:
    return settings_with(
        **standin.azure(
            database_url=f"sqlite+aiosqlite:///{folder}/talks.db",
            max_history_tokens=MAX_TOKENS,
            max_messages_per_s=10_000,
            max_messages_burst=10_000,
            tools=("search_talk",),
        )
    )


async def says(client: V2Client, text: str) -> dict[str, Any]:
    await client.says(text, id=f"c{len(client.heard)}")
    return await client.hears_answer()


def live_of(server: Server, client: V2Client) -> LiveSession:
    live = server.service.sessions.get(client.session_id)
    assert live is not None
    return live


def prompt_tokens(request: Received) -> float:
    return sum(len((m["content"] or "").encode()) for m in request.messages) / 3


@pytest.mark.timeout(120)
async def test_talk_of_500_turns_keeps_prompt_and_memory_bounded_and_forgets_nothing(tmp_path: Path) -> None:
    async with (
        standing_in() as standin,
        running_server(settings_of(standin, tmp_path)) as server,
        v2_client(server) as client,
    ):
        await client.starts()
        held: list[int] = []
        for number in range(TURNS):
            await says(client, text_of(number))
            held.append(len(live_of(server, client).session.conversation_history))
        word = random.choice(words(3))  # no secret
        found = orjson.loads((await says(client, f"busca {word}"))["text"])

    prompts = [request for request in standin.requests if not is_summary(request)]
    requests = [request for request in standin.requests if is_summary(request)]
    given = [text for request in requests for text in summarised(request)]
    assert max(map(prompt_tokens, standin.requests)) <= MAX_TOKENS
    assert max(held) == max(held[:100]), "memory grows no more once the prompt is full"
    assert given.count(text_of(3)) == 1
    assert given == [text_of(number) for number in range(len(given))], "each turn once, in order"
    assert len(given) + held[-1] / 2 > TURNS - 50, "what left has been summarised"
    assert len(requests) < TURNS / 5, "many turns are summarised at once"
    assert "resumen de" in prompts[-1].messages[0]["content"]
    assert [each["text"] for each in found["result"]["found"]] == [text_of(3)]


async def test_restart_keeps_the_summary_and_gives_no_turn_to_it_twice(tmp_path: Path) -> None:
    async with standing_in() as standin:
        settings = settings_of(standin, tmp_path)
        async with running_server(settings) as server, v2_client(server) as client:
            await client.starts()
            for number in range(60):
                await says(client, text_of(number))
            before = live_of(server, client).session.conversation_history
            summary, kept = before.summary, [m["content"] for m in before]
            await client.drops()
        async with running_server(settings) as second:
            client.url = second.url
            await client.resumes()
            after = live_of(second, client).session.conversation_history
            restored = (after.summary, [m["content"] for m in after])
            await client.hears_next()
            for number in range(60, 90):
                await says(client, text_of(number))
            await client.leaves()

    given = [text for request in standin.requests if is_summary(request) for text in summarised(request)]
    assert summary
    assert restored == (summary, kept)
    assert given == [text_of(number) for number in range(len(given))]
    assert len(given) > 60


@pytest.mark.parametrize("keeps", [True, False])
async def test_demo_finds_what_was_said_in_this_talk_alone(tmp_path: Path, keeps: bool) -> None:
    address = f"sqlite+aiosqlite:///{tmp_path}/talks.db" if keeps else "none"
    settings = settings_with(llm_provider="demo", database_url=address)
    async with running_server(settings) as server, client_of(server) as other, client_of(server) as client:
        await other.opens("user123")
        await other.says("El tren de otra persona")
        await other.hears_answer()
        await client.opens("user123")
        await client.says("Mi TREN sale a las ocho")
        await client.hears_answer()
        await client.says("¿qué dije sobre el tren?")
        answer = await client.hears_answer()

    assert "«Mi TREN sale a las ocho»" in answer
    assert "otra persona" not in answer
    assert ("memoria" in answer) is not keeps


async def test_demo_sums_a_long_talk_up() -> None:
    settings = settings_with(
        llm_provider="demo", max_history_tokens=600, max_messages_per_s=1000, max_messages_burst=1000
    )
    async with running_server(settings) as server, v2_client(server) as client:
        await client.starts()
        for number in range(12):
            await says(client, f"hola, turno {number}")
        summary = live_of(server, client).session.conversation_history.summary

    assert summary.splitlines()[0] == "- hola, turno 0"

"""Who may read the metrics, and what it costs the talks."""

import asyncio
import statistics
from itertools import pairwise

import httpx
import pytest

from tests.support.context import settings_with
from tests.support.scripted import Pause, Says, ScriptedModel
from tests.support.server import Client, Server, client_of, running_server

TOKENS = settings_with(api_tokens="ana=a-long-secret-of-ana:user,ops=a-long-secret-of-ops:admin")


async def asks(server: Server, token: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{server.port}/metrics", headers=headers)


async def test_without_tokens_whoever_reaches_the_server_reads_them() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        answer = await asks(server)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "voice_agent_sessions" in answer.text


@pytest.mark.parametrize(
    ("token", "status"),
    [(None, 401), ("wrong", 401), ("a-long-secret-of-ana", 404), ("a-long-secret-of-ops", 200)],
)
async def test_with_tokens_an_admin_alone_reads_them(token: str | None, status: int) -> None:
    async with running_server(TOKENS, provider=ScriptedModel([])) as server:
        answer = await asks(server, token)

    assert answer.status_code == status
    assert ("voice_agent" in answer.text) is (status == 200)


GAP_S = 0.02
PIECES = 150
SCRAPES = 1000


async def gaps_ms(client: Client) -> list[float]:
    """Times between the chunks of one answer."""
    loop = asyncio.get_running_loop()
    await client.says("mucho")
    times: list[float] = []
    while (message := await client.hears_next())["type"] != "response_complete":
        if message["type"] == "response_chunk":
            times.append(loop.time())
    return [(b - a) * 1000 for a, b in pairwise(times)]


@pytest.mark.timeout(300)
async def test_a_thousand_scrapes_do_not_move_the_spacing_of_chunks() -> None:
    """The bound is ten times the goal of 5 ms: the scrapes and the client share the processor here."""
    answer = [step for n in range(PIECES) for step in (Pause(GAP_S), Says(f"{n} "))]
    async with running_server(provider=ScriptedModel([answer, answer])) as server:
        async with client_of(server) as client:
            await client.opens()
            before = statistics.median(await gaps_ms(client))
            scraping = asyncio.create_task(scrape(server, SCRAPES))
            during = statistics.median(await gaps_ms(client))
            done = await scraping

    assert done == SCRAPES
    assert during - before < 50


async def scrape(server: Server, times: int) -> int:
    """Asks again and again over one connection; returns how often it was answered."""
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        found = 0
        for _ in range(times):
            answer = await client.get(f"http://127.0.0.1:{server.port}/metrics")
            found += answer.status_code == 200
        return found

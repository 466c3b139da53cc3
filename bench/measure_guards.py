"""What every limit and check costs, and whether whoever reads the metrics is felt in talks."""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load import Client, keep_asking
from bench.measure import (
    GAP_US,
    OURS,
    Crowd,
    LatencyResult,
    Measured,
    cpu_run,
    latency_run,
    servers,
)
from bench.measure_access import API_TOKEN
from bench.measure_v2 import PairResult, pair_of
from bench.processes import OUR_SERVER, Cores
from bench.upstream import Order

_SCRAPE_S = 0.02

GUARDED = Measured(
    OUR_SERVER,
    {
        "DATABASE_URL": "none",
        "API_TOKENS": f"bench={API_TOKEN}:user",
        "ALLOWED_ORIGINS": "https://app.example.com",
        "ALLOWED_HOSTS": "voice.example.com",
        "MAX_SESSIONS_PER_IP": "10000",
        "MAX_TEXTS_PER_SESSION_HOUR": "100000",
        "MAX_TOKENS_PER_USER_HOUR": "1000000000",
        "MAX_TOOL_CALLS_PER_USER_HOUR": "1000000",
        "MAX_MEMORY_MB": "100000",
        "TOOL_APPROVAL": "writes",
        "LOG_FORMAT": "json",
    },
)
"""All that can be limited or checked is, and nothing is refused."""


@dataclass(frozen=True, slots=True)
class GuardsResult:
    """CPU per token with all limits and checks.

    Attributes:
        pair: Beside a server without them.
        is_older: Whether that server is an older tree.
    """

    pair: PairResult
    is_older: bool


@dataclass(frozen=True, slots=True)
class ScrapesResult:
    """The same talks without and with somebody who reads `/metrics`; medians of the rounds' percentiles."""

    scrapes: int
    rounds: int
    without_p50_ms: float
    without_p99_ms: float
    with_p50_ms: float
    with_p99_ms: float


class GuardedClient(Client):
    """Brings its token in the handshake."""

    HEADERS = f"Authorization: Bearer {API_TOKEN}\r\nOrigin: https://app.example.com\r\n".encode()


async def guards(rounds: int, crowd: Crowd, cores: Cores, older: Path | None) -> GuardsResult:
    """Compares in turns, each first every other time.

    Args:
        rounds: Pairs of runs.
        crowd: Who talks in each.
        cores: For server and load.
        older: A folder with an older tree of this project, to compare with that; None: with this one, without
            any limit.
    """
    base = OURS
    if older is not None:
        base = Measured((str(older / "main.py"),), {"DATABASE_URL": "none", "PYTHONPATH": str(older)})
    costs: dict[type[Client], list[float]] = {Client: [], GuardedClient: []}
    async with servers(cores, base, GUARDED) as (without, guarded):
        ways: list[tuple[Any, type[Client]]] = [(without, Client), (guarded, GuardedClient)]
        for server, kind in ways:
            await cpu_run(server, crowd.streams, Order(25, GAP_US), kind)
        for number in range(rounds):
            for server, kind in ways if number % 2 else reversed(ways):
                run = await cpu_run(server, crowd.streams, Order(crowd.tokens, GAP_US), kind)
                costs[kind].append(run.us_per_token)
    return GuardsResult(pair_of(crowd.streams, costs[Client], costs[GuardedClient]), older is not None)


async def scrapes(count: int, rounds: int, crowd: Crowd, cores: Cores) -> ScrapesResult:
    """Talks with and without readings of the metrics, in turns; `count` of them in all rounds together."""
    quiet: list[LatencyResult] = []
    read: list[LatencyResult] = []
    done = 0
    async with servers(cores, OURS) as (server,):
        await latency_run(server, Crowd(2, 2, 5), keep_asking)
        for number in range(rounds):
            quiet.append(await latency_run(server, crowd, keep_asking))
            wanted = count * (number + 1) // rounds - done
            reading = asyncio.create_task(_reads(server.port, wanted))
            read.append(await latency_run(server, crowd, keep_asking))
            done += await reading
    return ScrapesResult(
        scrapes=done,
        rounds=rounds,
        without_p50_ms=_median(quiet, "token_p50_ms"),
        without_p99_ms=_median(quiet, "token_p99_ms"),
        with_p50_ms=_median(read, "token_p50_ms"),
        with_p99_ms=_median(read, "token_p99_ms"),
    )


def _median(results: Sequence[LatencyResult], figure: str) -> float:
    return statistics.median(getattr(result, figure) for result in results)


async def _reads(port: int, count: int) -> int:
    """Reads the metrics so many times over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if not head.startswith(b"HTTP/1.1 200") or b"voice_agent_" not in await reader.readexactly(length):
            raise RuntimeError(f"no metrics: {head!r}")
        await asyncio.sleep(_SCRAPE_S)
    writer.close()
    return count

"""How many connections one core takes in a second, each with a handshake, a session and a close."""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import measure
from bench.load import CONNECT_TIMEOUT_S, Client, LoadError, MetricsRecorder
from bench.load_v2 import V2Client
from bench.measure import RELAY, Measured, servers
from bench.processes import Cores, Process

OURS = "ours"
AT_ONCE = 16
"""Clients that come and go at the same time: enough that the server's core never waits for them."""

_GOODBYE = b"\x88\x82\0\0\0\0\x03\xe8"
"""A close frame with the code 1000, masked with zeros."""


@dataclass(frozen=True, slots=True)
class ConnectionsResult:
    """One server's connections; medians of the rounds.

    Attributes:
        name: Of the server.
        per_s: Connections in a second, one core busy with them.
        slowest, fastest: The most extreme rounds.
        cpu_us: The server's CPU time for one, user and system, in microseconds.
        load: Share of its core that the server was busy.
    """

    name: str
    rounds: int
    connections: int
    per_s: float
    slowest: float
    fastest: float
    cpu_us: float
    load: float


@dataclass(frozen=True, slots=True)
class _Run:
    per_s: float
    cpu_us: float
    load: float


class _Passing(Client):
    """Leaves as soon as its session exists."""

    def __init__(self) -> None:
        super().__init__(MetricsRecorder())
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, message: dict[str, object], now_ns: int) -> None:
        if message["type"] == self.READY:
            self._transport.write(_GOODBYE)
        elif message["type"] == "error":
            self._fail(f"an error: {message}")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

    def _fail(self, what: str) -> None:
        if what != "the server closed: 1000" and not self.gone.done():
            self.gone.set_exception(LoadError(what))


class _PassingV2(_Passing, V2Client):
    """The same on protocol v2; the straight relay has none."""


async def connections(rounds: int, count: int, cores: Cores, older: Path | None) -> list[ConnectionsResult]:
    """Measure ours and the straight relay in turns, and an older tree where one is given.

    Args:
        rounds: Of each.
        count: Connections in each round.
        older: A folder with an older tree of this project.
    """
    kinds: list[tuple[str, Measured, Callable[[], _Passing]]] = [(OURS, measure.OURS, _PassingV2)]
    if older is not None:
        settings = {"DATABASE_URL": "none", "PYTHONPATH": str(older)}
        kinds.append(("an older tree", Measured((str(older / "main.py"),), settings), _PassingV2))
    kinds.append(("straight relay", RELAY, _Passing))
    seen: list[list[_Run]] = [[] for _ in kinds]
    async with servers(cores, *(measured for _, measured, _ in kinds)) as running:
        for number in range(-1, rounds):  # what is loaded at first is nobody's cost
            ways = [(place, server, kinds[place][2]) for place, server in enumerate(running)]
            for place, server, kind in ways if number % 2 else reversed(ways):
                run = await _run(server, count, kind)
                if number >= 0:
                    seen[place].append(run)
    return [_result(name, count, runs) for (name, _, _), runs in zip(kinds, seen, strict=True)]


async def _run(server: Process, count: int, kind: Callable[[], _Passing]) -> _Run:
    loop = asyncio.get_running_loop()
    left = iter(range(count))

    async def come_and_go() -> None:
        for _ in left:
            client = kind()
            await loop.create_connection(lambda client=client: client, "127.0.0.1", server.port)
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await client.gone

    cpu_s, began = server.cpu_s(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(come_and_go())
    lasted_s, cpu_s = time.monotonic() - began, server.cpu_s() - cpu_s
    return _Run(count / lasted_s, cpu_s / count * 1e6, cpu_s / lasted_s)


def _result(name: str, count: int, runs: list[_Run]) -> ConnectionsResult:
    speeds = [run.per_s for run in runs]
    return ConnectionsResult(
        name,
        len(runs),
        count,
        statistics.median(speeds),
        min(speeds),
        max(speeds),
        statistics.median(run.cpu_us for run in runs),
        statistics.median(run.load for run in runs),
    )

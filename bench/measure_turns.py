"""What a whole turn costs, beside an older tree: texts that come in the same moment, and long histories."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.load import MetricsRecorder, ask_in_bursts
from bench.measure import GAP_US, Crowd, Measured, clients_of, percentile_ms, servers
from bench.processes import OUR_SERVER, Cores, Process
from bench.upstream import Order

_SETTINGS = {"DATABASE_URL": "none", "MAX_MESSAGES_PER_S": "1000", "MAX_HISTORY_TOKENS": "100000"}


class Spread(NamedTuple):
    """A figure of all rounds."""

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class TurnsResult:
    """One tree's turns, in milliseconds.

    Attributes:
        messages: That each talk had before.
        cpu_ms: The server's CPU time for one turn.
        first_chunk_p50_ms: What it adds to the first chunk, in the middle of the crowd.
    """

    is_older: bool
    rounds: int
    talks: int
    messages: int
    cpu_ms: Spread
    first_chunk_p50_ms: Spread


async def turns(
    rounds: int, histories: Sequence[tuple[Crowd, int]], cores: Cores, older: Path | None
) -> list[TurnsResult]:
    """Measures in turns, each tree first every other time.

    Args:
        rounds: Of each tree, for each length of history.
        histories: Who asks in the same moment, and how many messages each of those talks has had before.
        cores: For server and load.
        older: A folder with an older tree of this project, to compare with that; None: without.
    """
    kinds = [Measured(OUR_SERVER, _SETTINGS)]
    if older is not None:
        kinds.append(Measured((str(older / "main.py"),), {**_SETTINGS, "PYTHONPATH": str(older)}))
    results: list[TurnsResult] = []
    async with servers(cores, *kinds) as running:
        for server in running:
            await _run(server, Crowd(10, 1, 5), 0)
        for crowd, messages in histories:
            seen: list[list[tuple[float, float]]] = [[] for _ in running]
            for number in range(rounds):
                order = list(enumerate(running))
                for place, server in order if number % 2 else reversed(order):
                    seen[place].append(await _run(server, crowd, messages))
            for place, rows in enumerate(seen):
                cpu_ms, p50_ms = (_spread(list(figures)) for figures in zip(*rows, strict=True))
                results.append(TurnsResult(place > 0, rounds, crowd.streams, messages, cpu_ms, p50_ms))
    return results


async def _run(server: Process, crowd: Crowd, messages: int) -> tuple[float, float]:
    """CPU for one turn, and the middle of what was added to the first chunks, in milliseconds."""
    metrics = MetricsRecorder()
    async with clients_of(server, crowd.streams, metrics) as clients:
        # The first turn has to open a connection to the upstream. A turn adds two messages.
        await ask_in_bursts(clients, Order(crowd.tokens, 0), max(1, messages // 2))
        cpu_s = server.cpu_s()
        await ask_in_bursts(clients, Order(crowd.tokens, GAP_US, is_stamped=True), crowd.turns)
        cpu_s = server.cpu_s() - cpu_s
    return cpu_s / (crowd.streams * crowd.turns) * 1000, percentile_ms(metrics.first_chunk_ns, 50)


def _spread(figures: list[float]) -> Spread:
    return Spread(statistics.median(figures), min(figures), max(figures))

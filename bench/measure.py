"""The first three measurements: CPU per token, added latency, memory per idle session."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from bench.load import Client, MetricsRecorder, ask_in_bursts, connect_all, keep_asking, one_turn_each
from bench.processes import OUR_SERVER, STRAIGHT_RELAY, UPSTREAM, Cores, Process, running
from bench.upstream import Order

GAP_US = 20_000
"""50 tokens a second, a fast model's pace."""

Ask = Callable[[Sequence[Client], Order, int], Awaitable[None]]

_SETTLED_KIB = 64
"""Memory that changes by less than this between two looks has settled."""


class Crowd(NamedTuple):
    """Clients that talk at once: how many, how many turns each takes, and how long an answer is in tokens."""

    streams: int
    turns: int
    tokens: int


class LongTalk(NamedTuple):
    """Talks whose turns are compared: `window` turns around the early one, and around the late one."""

    talks: int
    early: int
    late: int
    window: int
    tokens: int


@dataclass(frozen=True, slots=True)
class PlanV2:
    """How long to measure what concerns protocol v2 and the store.

    Attributes:
        rounds: Triples of v1, v2 and v1 with SQLite.
        crowd: Who talks in each.
        ring: Numbered messages that a resume replays.
        resumes: How many times it is done.
        long_talk: Turns of the same talk that are compared.
    """

    rounds: int
    crowd: Crowd
    ring: int
    resumes: int
    long_talk: LongTalk


class Measured(NamedTuple):
    """A kind of server: how to start it, and its settings beside the upstream's address."""

    arguments: tuple[str, ...]
    settings: Mapping[str, str] = {}


OURS = Measured(OUR_SERVER, {"DATABASE_URL": "none"})
RELAY = Measured(STRAIGHT_RELAY)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure.

    Attributes:
        cpu_rounds: Pairs of one run of our server and one of the straight relay.
        cpu_crowd: Few enough that the straight relay's core is far from busy.
        crowds: Those whose latency is measured; a single client takes many short turns, or the 99th
            percentile of their beginnings would be just the slowest one.
        burst: Clients that all ask in the same moment.
        sessions: Idle sessions whose memory is weighed.
        v2: What concerns protocol v2 and the store.
        handshakes: Connections with each kind of token.
        connections: Rounds, and connections in each, where a core does nothing else.
        guard_rounds: Pairs of one run with all limits and checks, and one without.
        scrapes: Readings of the metrics, in each of three rounds a third.
        scraped: Who talks meanwhile.
        turn_rounds: Of each tree, where whole turns are compared.
        histories: Who asks in the same moment then, and how many messages each talk has had before.
    """

    cpu_rounds: int
    cpu_crowd: Crowd
    crowds: tuple[Crowd, ...]
    burst: Crowd
    sessions: int
    v2: PlanV2
    scraped: Crowd
    handshakes: int = 200
    connections: tuple[int, int] = (20, 300)
    guard_rounds: int = 10
    scrapes: int = 1000
    turn_rounds: int = 10
    histories: tuple[tuple[Crowd, int], ...] = ((Crowd(100, 5, 5), 2), (Crowd(20, 5, 5), 200))


FULL = Plan(
    cpu_rounds=6,
    cpu_crowd=Crowd(20, 1, 250),
    crowds=(Crowd(1, 100, 10), Crowd(50, 6, 50), Crowd(100, 6, 50)),
    burst=Crowd(100, 5, 5),
    sessions=2000,
    scraped=Crowd(20, 7, 50),
    v2=PlanV2(5, Crowd(20, 1, 250), ring=1000, resumes=40, long_talk=LongTalk(4, 20, 500, 20, 20)),
)
QUICK = Plan(
    cpu_rounds=3,
    cpu_crowd=Crowd(20, 1, 100),
    crowds=(Crowd(1, 30, 5), Crowd(50, 2, 50), Crowd(100, 2, 50)),
    burst=Crowd(100, 2, 5),
    sessions=600,
    handshakes=50,
    connections=(5, 300),
    guard_rounds=3,
    scrapes=150,
    turn_rounds=3,
    histories=((Crowd(50, 2, 5), 2), (Crowd(10, 2, 5), 50)),
    scraped=Crowd(20, 2, 50),
    v2=PlanV2(2, Crowd(20, 1, 50), ring=1000, resumes=10, long_talk=LongTalk(2, 20, 100, 20, 20)),
)


@dataclass(frozen=True, slots=True)
class CpuResult:
    """CPU per relayed token.

    Attributes:
        ours_us: Of our server, in microseconds; median of the rounds.
        straight_us: Of the straight relay.
        ratio: Median of the rounds' own ratios.
        lowest, highest: The most extreme of them.
        ours_alone, straight_alone: Share of the tokens that came in a frame of their own.
        straight_load: Share of its core that the straight relay was busy.
    """

    rounds: int
    streams: int
    ours_us: float
    straight_us: float
    ratio: float
    lowest: float
    highest: float
    ours_alone: float
    straight_alone: float
    straight_load: float


@dataclass(frozen=True, slots=True)
class LatencyResult:
    """Time that our server adds, in milliseconds.

    Attributes:
        is_burst: All asked in the same moment; otherwise each when it liked.
        server_load: Share of its core that the server was busy.
    """

    streams: int
    is_burst: bool
    turns: int
    tokens: int
    first_chunk_p50_ms: float
    first_chunk_p99_ms: float
    token_p50_ms: float
    token_p99_ms: float
    server_load: float


@dataclass(frozen=True, slots=True)
class MemoryResult:
    """Memory of sessions that had one turn."""

    sessions: int
    before_kib: int
    after_kib: int

    @property
    def kib_per_session(self) -> float:
        return (self.after_kib - self.before_kib) / self.sessions


def azure_settings(upstream: Process) -> dict[str, str]:
    """The environment that makes a server talk to this upstream."""
    return {
        "AZURE_OPENAI_ENDPOINT": f"http://127.0.0.1:{upstream.port}",
        "AZURE_OPENAI_API_KEY": "bench",
        "AZURE_OPENAI_DEPLOYMENT_NAME": "bench",
    }


@asynccontextmanager
async def servers(cores: Cores, *kinds: Measured) -> AsyncIterator[list[Process]]:
    """Runs servers of these kinds on one core, and an upstream for them on the load's."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running(UPSTREAM, cores.load))
        yield [
            await stack.enter_async_context(
                running(kind.arguments, cores.server, azure_settings(upstream) | dict(kind.settings))
            )
            for kind in kinds
        ]


@asynccontextmanager
async def clients_of(
    server: Process, count: int, metrics: MetricsRecorder, kind: Callable[[MetricsRecorder], Client] = Client
) -> AsyncIterator[list[Client]]:
    """Clients that are connected inside the block."""
    clients = await connect_all(server.port, count, metrics, kind)
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


@dataclass(frozen=True, slots=True)
class CpuRun:
    """What one run cost: CPU, tokens in a frame of their own, and how busy the core was."""

    us_per_token: float
    alone_share: float
    load: float


async def cpu(plan: Plan, cores: Cores) -> CpuResult:
    """Compares the CPU per token of our server with the straight relay's, round by round in turns."""
    streams, _, tokens = plan.cpu_crowd
    ours: list[CpuRun] = []
    straight: list[CpuRun] = []
    async with servers(cores, OURS, RELAY) as (our_server, straight_relay):
        for server in (our_server, straight_relay):
            await cpu_run(server, streams, Order(25, GAP_US))
        for _ in range(plan.cpu_rounds):
            ours.append(await cpu_run(our_server, streams, Order(tokens, GAP_US)))
            straight.append(await cpu_run(straight_relay, streams, Order(tokens, GAP_US)))
    ratios = [a.us_per_token / b.us_per_token for a, b in zip(ours, straight, strict=True)]
    return CpuResult(
        rounds=plan.cpu_rounds,
        streams=streams,
        ours_us=statistics.median(run.us_per_token for run in ours),
        straight_us=statistics.median(run.us_per_token for run in straight),
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        ours_alone=min(run.alone_share for run in ours),
        straight_alone=min(run.alone_share for run in straight),
        straight_load=statistics.median(run.load for run in straight),
    )


async def cpu_run(
    server: Process, streams: int, order: Order, kind: Callable[[MetricsRecorder], Client] = Client
) -> CpuRun:
    """One turn on each of new connections, from the first text to the last token."""
    metrics = MetricsRecorder()
    async with clients_of(server, streams, metrics, kind) as clients:
        cpu_before, began = server.cpu_s(), time.monotonic()
        await one_turn_each(clients, order)
        cpu_s, lasted_s = server.cpu_s() - cpu_before, time.monotonic() - began
    return CpuRun(cpu_s / metrics.tokens * 1e6, metrics.alone_share, cpu_s / lasted_s)


async def latency(plan: Plan, cores: Cores) -> list[LatencyResult]:
    """Measures what our server adds to the upstream's own times, on one core."""
    async with servers(cores, OURS) as (server,):
        # The first requests load what the SDK imports late.
        await latency_run(server, Crowd(2, 2, 5), keep_asking)
        results = [await latency_run(server, crowd, keep_asking) for crowd in plan.crowds]
        return [*results, await latency_run(server, plan.burst, ask_in_bursts)]


async def latency_run(server: Process, crowd: Crowd, ask: Ask) -> LatencyResult:
    """One crowd's talks with a server of ours."""
    metrics = MetricsRecorder()
    async with clients_of(server, crowd.streams, metrics) as clients:
        cpu_before, began = server.cpu_s(), time.monotonic()
        await ask(clients, Order(crowd.tokens, GAP_US, is_stamped=True), crowd.turns)
        load = (server.cpu_s() - cpu_before) / (time.monotonic() - began)
    return LatencyResult(
        streams=crowd.streams,
        is_burst=ask is ask_in_bursts,
        turns=len(metrics.first_chunk_ns),
        tokens=len(metrics.token_ns),
        first_chunk_p50_ms=percentile_ms(metrics.first_chunk_ns, 50),
        first_chunk_p99_ms=percentile_ms(metrics.first_chunk_ns, 99),
        token_p50_ms=percentile_ms(metrics.token_ns, 50),
        token_p99_ms=percentile_ms(metrics.token_ns, 99),
        server_load=load,
    )


def percentile_ms(times_ns: Sequence[int], percent: int) -> float:
    """The smallest time that this many percent of all do not exceed, in milliseconds."""
    ordered = sorted(times_ns)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] / 1e6


async def memory(
    plan: Plan, cores: Cores, kind: Callable[[MetricsRecorder], Client] = Client
) -> MemoryResult:
    """Weighs sessions that had one turn and now wait for the next text."""
    order = Order(20, 2000)
    batch = 50
    async with servers(cores, OURS) as (server,):
        # What is loaded at the first turns, and the room that connecting needs, is no session's.
        async with clients_of(server, batch, MetricsRecorder(), kind) as warm:
            await one_turn_each(warm, order)
        before_kib = await _settled_kib(server)
        async with AsyncExitStack() as stack:
            for start in range(0, plan.sessions, batch):
                size = min(batch, plan.sessions - start)
                clients = await stack.enter_async_context(clients_of(server, size, MetricsRecorder(), kind))
                await one_turn_each(clients, order)
            after_kib = await _settled_kib(server)
    return MemoryResult(plan.sessions, before_kib, after_kib)


async def _settled_kib(server: Process) -> int:
    """Its memory once that has stopped changing, or after ten seconds."""
    seen = server.resident_kib()
    for _ in range(10):
        await asyncio.sleep(1)
        now = server.resident_kib()
        if abs(now - seen) < _SETTLED_KIB:
            return now
        seen = now
    return seen

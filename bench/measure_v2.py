"""What protocol v2 and the store cost: beside v1, on resuming, in memory, and late in a long talk."""

import asyncio
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.load import Client, LoadError, MetricsRecorder
from bench.load_v2 import V2Client, resume
from bench.measure import (
    GAP_US,
    OURS,
    LongTalk,
    Measured,
    MemoryResult,
    Plan,
    PlanV2,
    clients_of,
    cpu_run,
    memory,
    percentile_ms,
    servers,
)
from bench.processes import OUR_SERVER, Cores, Process
from bench.upstream import Order

_SQLITE = {"DATABASE_URL": "sqlite:///bench.db"}
"""A file in the server's own folder, which is a temporary one."""

WITH_SQLITE = Measured(OUR_SERVER, _SQLITE)

# One client that never pauses is faster than a person may be. The prompt is full before the early turns are
# measured: a longer one costs more, as it must be sent, and would be mistaken for the talk's age.
_LONG_TALKS = Measured(OUR_SERVER, _SQLITE | {"MAX_MESSAGES_PER_S": "1000", "MAX_HISTORY_TOKENS": "500"})


@dataclass(frozen=True, slots=True)
class PairResult:
    """CPU per relayed token of one way beside another, in microseconds.

    Attributes:
        base_us: Of the way that is compared with; median of the rounds.
        other_us: Of the other.
        ratio: Median of the rounds' own ratios.
        lowest, highest: The most extreme of them.
    """

    rounds: int
    streams: int
    base_us: float
    other_us: float
    ratio: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class ResumeResult:
    """Time from connecting to the last replayed message, in milliseconds."""

    messages: int
    resumes: int
    p50_ms: float
    highest_ms: float


@dataclass(frozen=True, slots=True)
class LongTalkResult:
    """CPU of the server for one turn, early and late in the same talks, in milliseconds."""

    talks: int
    early: int
    late: int
    early_ms: float
    late_ms: float

    @property
    def ratio(self) -> float:
        return self.late_ms / self.early_ms


@dataclass(frozen=True, slots=True)
class V2Result:
    """All of it.

    Attributes:
        v2_to_v1: Both without a database.
        sqlite_to_none: Both on v1.
    """

    v2_to_v1: PairResult
    sqlite_to_none: PairResult
    resume: ResumeResult
    memory_v1: MemoryResult
    memory_v2: MemoryResult
    long_talk: LongTalkResult

    @property
    def more_kib_per_session(self) -> float:
        return self.memory_v2.kib_per_session - self.memory_v1.kib_per_session


async def measure_v2(plan: Plan, cores: Cores, memory_v1: MemoryResult | None = None) -> V2Result:
    """Measures all of it; `memory_v1` is taken where it was measured just before."""
    v2_to_v1, sqlite_to_none = await pairs(plan.v2, cores)
    return V2Result(
        v2_to_v1=v2_to_v1,
        sqlite_to_none=sqlite_to_none,
        resume=await resuming(plan.v2, cores),
        memory_v1=memory_v1 or await memory(plan, cores),
        memory_v2=await memory(plan, cores, V2Client),
        long_talk=await long_talk(plan.v2.long_talk, cores),
    )


async def pairs(plan: PlanV2, cores: Cores) -> tuple[PairResult, PairResult]:
    """Compares v2 with v1, and v1 with SQLite to v1 without; the three take turns to be first."""
    streams, _, tokens = plan.crowd
    async with servers(cores, OURS, WITH_SQLITE) as (without, with_sqlite):
        ways: list[tuple[Process, Callable[[MetricsRecorder], Client]]]
        ways = [(without, Client), (without, V2Client), (with_sqlite, Client)]
        costs: list[list[float]] = [[] for _ in ways]
        for server, kind in ways:
            await cpu_run(server, streams, Order(25, GAP_US), kind)
        for number in range(plan.rounds):
            for place in range(len(ways)):
                way = (number + place) % len(ways)
                server, kind = ways[way]
                run = await cpu_run(server, streams, Order(tokens, GAP_US), kind)
                costs[way].append(run.us_per_token)
    v1, v2, sqlite = costs
    return pair_of(streams, v1, v2), pair_of(streams, v1, sqlite)


def pair_of(streams: int, base: Sequence[float], other: Sequence[float]) -> PairResult:
    """What runs in turns say of two ways, in microseconds a token."""
    ratios = [b / a for a, b in zip(base, other, strict=True)]
    return PairResult(
        rounds=len(ratios),
        streams=streams,
        base_us=statistics.median(base),
        other_us=statistics.median(other),
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
    )


async def resuming(plan: PlanV2, cores: Cores) -> ResumeResult:
    """Drops a client and brings it back, again and again, each time for the whole ring.

    Raises:
        LoadError: Not all came back.
    """
    async with servers(cores, OURS) as (server,):
        async with clients_of(server, 1, MetricsRecorder(), V2Client) as (client,):
            assert isinstance(client, V2Client)
            while client.seq < plan.ring:
                await client.ask(Order(100, 1000))
            assert client.ticket is not None
            client.drop()
        # A turn ends with more than its last message: the first return learns where the talk has stopped.
        back, _ = await resume(server.port, client.ticket, client.seq)
        back.drop()
        seq = back.seq
        times_ns: list[int] = []
        for _ in range(plan.resumes):
            assert back.ticket is not None
            back, took_ns = await resume(server.port, back.ticket, seq - plan.ring)
            back.drop()
            if (back.replayed, back.seq) != (plan.ring, seq):
                raise LoadError(f"{back.replayed} messages came back, up to {back.seq} of {seq}")
            times_ns.append(took_ns)
    return ResumeResult(plan.ring, plan.resumes, percentile_ms(times_ns, 50), max(times_ns) / 1e6)


async def long_talk(plan: LongTalk, cores: Cores) -> LongTalkResult:
    """Lets some talks go on side by side, turn by turn, and compares what their turns cost the server."""
    order = Order(plan.tokens, 1000)
    costs_ms: list[float] = []
    async with (
        servers(cores, _LONG_TALKS) as (server,),
        clients_of(server, plan.talks, MetricsRecorder(), V2Client) as clients,
    ):
        for _ in range(plan.late + plan.window // 2):
            before_s = server.cpu_s()
            await asyncio.gather(*(client.ask(order) for client in clients))
            costs_ms.append((server.cpu_s() - before_s) / plan.talks * 1e3)

    def around(turn: int) -> float:
        start = max(0, turn - 1 - plan.window // 2)
        # Not the median: some turns have a summary made beside them, which is part of what a talk costs.
        return statistics.mean(costs_ms[start : start + plan.window])

    return LongTalkResult(plan.talks, plan.early, plan.late, around(plan.early), around(plan.late))

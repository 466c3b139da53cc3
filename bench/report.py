"""Prints what was measured: a Markdown table for people, JSON for machines."""

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.measure import CpuResult, LatencyResult, MemoryResult
from bench.measure_access import HandshakeResult
from bench.measure_connections import OURS, ConnectionsResult
from bench.measure_guards import GuardsResult, ScrapesResult
from bench.measure_realtime import RealtimeResult
from bench.measure_turns import Spread, TurnsResult
from bench.measure_v2 import PairResult, V2Result

Row = tuple[str, str, str]

_PACKAGES = ("uvicorn", "websockets", "uvloop", "openai", "aiohttp", "orjson")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and when it was measured."""

    date: str
    cpu: str
    cores: int
    python: str
    system: str
    packages: dict[str, str]
    file_limit: int
    load_before: float

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return (
            f"{self.date}; {self.cpu}, {self.cores} cores; {self.system}; Python {self.python}; {packages}; "
            f"load of the machine before: {self.load_before:.1f}"
        )


def this_machine(file_limit: int) -> Machine:
    """Looks up the machine's facts."""
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        cpu=model[1] if model else platform.machine(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
        packages={name: version(name) for name in _PACKAGES},
        file_limit=file_limit,
        load_before=os.getloadavg()[0],
    )


@dataclass(slots=True)
class Results:
    """What was measured; None or empty where it was not asked for."""

    machine: Machine
    cpu: CpuResult | None = None
    latency: Sequence[LatencyResult] = ()
    memory: MemoryResult | None = None
    v2: V2Result | None = None
    handshakes: HandshakeResult | None = None
    connections: Sequence[ConnectionsResult] = ()
    guards: GuardsResult | None = None
    scrapes: ScrapesResult | None = None
    turns: Sequence[TurnsResult] = ()
    realtime: RealtimeResult | None = None

    def as_json(self) -> dict[str, Any]:
        """All figures."""
        figures = asdict(self)
        if self.memory is not None:
            figures["memory"]["kib_per_session"] = self.memory.kib_per_session
        if self.v2 is not None:
            figures["v2"]["more_kib_per_session"] = self.v2.more_kib_per_session
            figures["v2"]["long_talk"]["ratio"] = self.v2.long_talk.ratio
        return figures

    def table(self) -> str:
        """The table, with what each figure is to be compared with."""
        rows: list[Row] = []
        if self.cpu is not None:
            rows += _cpu_rows(self.cpu)
        for result in self.latency:
            rows += _latency_rows(result)
        if self.memory is not None:
            rows += _memory_rows(self.memory)
        if self.v2 is not None:
            rows += _v2_rows(self.v2)
        if self.handshakes is not None:
            rows += _handshake_rows(self.handshakes)
        for connections in self.connections:
            rows.append(_connections_row(connections))
        if self.guards is not None:
            beside = "an older tree" if self.guards.is_older else "none"
            rows += _pair_rows(self.guards.pair, f"with every limit and check / {beside}", "≤ 1.10")
        if self.scrapes is not None:
            rows.append(_scrapes_row(self.scrapes))
        for turns in self.turns:
            rows += _turns_rows(turns)
        if self.realtime is not None:
            rows += _realtime_rows(self.realtime)
        lines = ["| what | measured | target |", "|---|---|---|"]
        lines += [f"| {what} | {measured} | {target} |" for what, measured, target in rows]
        return "\n".join([str(self.machine), "", *lines])


def _cpu_rows(cpu: CpuResult) -> list[Row]:
    ratio = f"**{cpu.ratio:.2f}** ({cpu.lowest:.2f} to {cpu.highest:.2f} in {cpu.rounds} rounds)"
    at = f"{cpu.streams} streams of 50 tokens/s"
    return [
        ("CPU per token, ours / straight relay", ratio, "≤ 0.40"),
        (f"CPU per token, ours ({at})", f"{cpu.ours_us:.0f} µs", ""),
        (
            f"CPU per token, straight relay ({cpu.straight_load:.0%} of a core)",
            f"{cpu.straight_us:.0f} µs",
            "",
        ),
        ("tokens in a frame of their own, ours", f"{cpu.ours_alone:.1%}", "≥ 95 %"),
        ("tokens in a frame of their own, straight relay", f"{cpu.straight_alone:.1%}", "≥ 95 %"),
    ]


def _latency_rows(result: LatencyResult) -> list[Row]:
    first = f"p50 {result.first_chunk_p50_ms:.1f} ms, p99 {result.first_chunk_p99_ms:.1f} ms"
    if result.is_burst:
        what = f"added to the first chunk, {result.streams} texts in the same moment"
        return [(f"{what} ({result.turns} turns)", first, "")]
    streams = f"{result.streams} stream" + ("s" if result.streams > 1 else "")
    target = "p99 < 50 ms" if result.streams == 100 else ""
    token = f"p50 {result.token_p50_ms:.2f} ms, p99 {result.token_p99_ms:.1f} ms"
    load = f"{result.server_load:.0%} of a core"
    return [
        (f"added to the first chunk, {streams} ({result.turns} turns, {load})", first, target),
        (f"added to each later token, {streams} ({result.tokens} tokens)", token, target),
    ]


def _memory_rows(memory: MemoryResult) -> list[Row]:
    measured = f"{memory.kib_per_session:.1f} KiB"
    return [(f"memory per idle session ({memory.sessions} sessions after one turn)", measured, "≤ 60 KiB")]


def _v2_rows(v2: V2Result) -> list[Row]:
    back, talk = v2.resume, v2.long_talk
    sessions = f"{v2.memory_v2.sessions} sessions after one turn"
    each = f"{v2.memory_v2.kib_per_session:.1f} and {v2.memory_v1.kib_per_session:.1f}"
    return [
        *_pair_rows(v2.v2_to_v1, "v2 / v1", "≤ 1.15"),
        *_pair_rows(v2.sqlite_to_none, "v1 with SQLite / without", "≤ 1.10"),
        (
            f"resume, from connecting to the last of {back.messages} messages ({back.resumes} times)",
            f"p50 {back.p50_ms:.1f} ms, max {back.highest_ms:.1f} ms",
            "< 50 ms",
        ),
        (
            f"memory per idle session, v2 more than v1 ({sessions})",
            f"{v2.more_kib_per_session:.1f} KiB ({each})",
            "≤ 20 KiB",
        ),
        (
            f"CPU per turn, turn {talk.late} / turn {talk.early} ({talk.talks} talks, SQLite)",
            f"**{talk.ratio:.2f}** ({talk.late_ms:.1f} ms and {talk.early_ms:.1f} ms)",
            "about 1",
        ),
    ]


def _handshake_rows(result: HandshakeResult) -> list[Row]:
    each = f"p50 {result.jwt_p50_ms:.1f} ms and {result.api_token_p50_ms:.1f} ms"
    connects = f"{result.connects} connections each"
    return [
        (
            f"handshake with a signed token, more than with one of `API_TOKENS` ({connects})",
            f"{result.more_ms:.2f} ms ({each})",
            "< 2 ms",
        ),
    ]


def _connections_row(result: ConnectionsResult) -> Row:
    per_s = f"**{result.per_s:.0f}** ({result.slowest:.0f} to {result.fastest:.0f})"
    return (
        f"connections a second on one core, {result.name} ({result.rounds} rounds of {result.connections})",
        f"{per_s}, {result.cpu_us:.0f} µs of CPU each, {result.load:.0%} of the core",
        "≥ 1000" if result.name == OURS else "",
    )


def _scrapes_row(result: ScrapesResult) -> Row:
    return (
        f"added to each later token while `/metrics` is read {result.scrapes} times, and without "
        f"({result.rounds} rounds)",
        f"p50 {result.with_p50_ms:.2f} ms, p99 {result.with_p99_ms:.1f} ms; "
        f"p50 {result.without_p50_ms:.2f} ms, p99 {result.without_p99_ms:.1f} ms",
        "the same",
    )


def _turns_rows(result: TurnsResult) -> list[Row]:
    tree = ", an older tree" if result.is_older else ""
    talks = f"{result.talks} texts in the same moment, each after {result.messages} messages{tree}"
    return [
        (f"CPU per turn, {talks}", _spread(result.cpu_ms, result.rounds), ""),
        (f"added to the first chunk, {talks}, p50", _spread(result.first_chunk_p50_ms, result.rounds), ""),
    ]


def _realtime_rows(result: RealtimeResult) -> list[Row]:
    first, phone = result.first_sound, result.phone
    calls = f"{phone.calls} calls, {phone.server_load:.0%} of a core"
    ears = "real" if phone.has_ears else "stand-in"
    return [
        *_pair_rows(result.pair, "Realtime / v2", "≤ 1.30"),
        (
            f"first sound after a text, Realtime later than v2 ({first.turns} turns each)",
            f"{first.later_ms:+.1f} ms (p50 {first.realtime_ms:.1f} and {first.v2_ms:.1f} ms)",
            "< 20 ms",
        ),
        (
            f"20 ms frames to a phone, off their time ({calls}, {phone.frames} frames)",
            f"p50 {phone.jitter_p50_ms:.1f} ms, p99 {phone.jitter_p99_ms:.1f} ms",
            "p99 < 10 ms",
        ),
        ("the callers' own frames, late", f"p99 {phone.own_p99_ms:.1f} ms", "else the row above says little"),
        ("the least sound that a phone held meanwhile", f"{phone.held_least_ms:.0f} ms", "> 0"),
        (
            f"from a caller's first voiced frame to `clear` ({phone.barge_ins} barge-ins, {ears} detector)",
            f"p50 {phone.clear_p50_ms:.0f} ms, p90 {phone.clear_p90_ms:.0f} ms, "
            f"max {phone.clear_highest_ms:.0f} ms",
            "< 150 ms",
        ),
    ]


def _spread(spread: Spread, rounds: int) -> str:
    return f"**{spread.median:.2f} ms** ({spread.lowest:.2f} to {spread.highest:.2f} in {rounds} rounds)"


def _pair_rows(pair: PairResult, what: str, target: str) -> list[Row]:
    ratio = f"**{pair.ratio:.2f}** ({pair.lowest:.2f} to {pair.highest:.2f} in {pair.rounds} rounds)"
    each = f"{pair.other_us:.0f} µs and {pair.base_us:.0f} µs"
    return [
        (f"CPU per token, {what}", ratio, target),
        (f"CPU per token, {what.replace(' / ', ' and ')} ({pair.streams} streams)", each, ""),
    ]

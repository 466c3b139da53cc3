"""Each process of a fleet is replaced in turn, behind a real balancer, while talks go on over all of them.

    python -m tests.fleet.rolling --talks 300 --streaming 60 --spoken 4 --balancer haproxy   # or nginx
    make fleet-deploy ARGS="--talks 20 --streaming 6"

A process is told to stop (SIGTERM), and when it has ended a new one begins at its address. Each talk is held
against what was promised, token by token and sound by sound; what was measured is printed beside its goal.
"""

import argparse
import asyncio
import json
import math
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.deploy.balancers import balancer
from tests.deploy.proxies import KINDS, Kind, free_port
from tests.fleet.conftest import fleet_settings
from tests.fleet.rolling_record import Kind as TalkKind
from tests.fleet.rolling_record import Record, audible_gaps_ms, reply_to, stalls_ms, waits_ms, wrong_of
from tests.fleet.rolling_talks import Talk, hold_in_node
from tests.storage.postgres import PostgresServer
from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.process import ServerProcess, server_process
from tests.support.speech_standin import SpeechStandin

PATIENCE_S = 120
STALL_P99_MS, STALL_P999_MS, GAP_WITHOUT_OVERLAP_MS = 150, 500, 500
"""The goals, of a machine that has nothing else to do."""

SOUND_S = 6.0
"""How long each spoken answer sounds: the stand-in's voice says as much of any text."""

WORDS: dict[TalkKind, int] = {"quiet": 3, "streaming": 60, "spoken": 4}
PACE_S = 0.1

SETTINGS: dict[str, Any] = {
    "resume_window_s": 600,
    "store_timeout_s": 60,
    "max_pending_connections": 5000,
    "voice": True,
    "stt_provider": "none",
    "tts_provider": "azure",
}


@dataclass(frozen=True)
class Size:
    """How many talks there are; `streaming` and `spoken` are among them.

    Attributes:
        node: Every so many-th is held by the JavaScript client.
        plain: Every so many-th of the others is held by a client that opens no second connection, the first
            spoken one among them.
        words: How long streamed answers are, in tokens.
    """

    talks: int
    streaming: int
    spoken: int
    processes: int = 3
    node: int = 4
    plain: int = 10
    words: int = WORDS["streaming"]

    def kind(self, number: int) -> TalkKind:
        """What the talk of this number does."""
        if number < self.spoken:
            return "spoken"
        return "streaming" if number < self.spoken + self.streaming else "quiet"

    def words_of(self, kind: TalkKind) -> int:
        """How many tokens its answers have."""
        return self.words if kind == "streaming" else WORDS[kind]


@dataclass
class Report:
    """What came of it."""

    records: list[Record]
    drains_s: list[float] = field(default_factory=list)

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """What was promised and not kept, of all talks."""
        return [found for record in self.records for found in wrong_of(record)]

    def stalls_ms(self, *clients: str) -> list[float]:
        """Of streamed answers, beyond their pace."""
        streamed = [r for r in self.records if r.kind == "streaming" and r.client in clients]
        return sorted(ms for record in streamed for ms in stalls_ms(record, PACE_S))

    def gaps_ms(self, *clients: str) -> list[float]:
        """Of spoken answers."""
        spoken = [r for r in self.records if r.kind == "spoken" and r.client in clients]
        return sorted(ms for record in spoken for ms in audible_gaps_ms(record))

    def lines(self) -> list[str]:
        """The report for people."""
        counts = Counter(kind for kind, _ in self.wrong)
        said = sum(len(record.said) for record in self.records)
        lines = [
            f"{len(self.records)} talks, {said} texts, processes gone after"
            f" {', '.join(f'{seconds:.1f}' for seconds in self.drains_s)} s",
            *(f"{kind}: {counts[kind]} (goal 0)" for kind in ("lost", "doubled", "broken")),
        ]
        for name, clients in (("with overlap", ("python", "node")), ("without overlap", ("plain",))):
            records = [record for record in self.records if record.client in clients]
            if not records:
                continue
            stalls, gaps = self.stalls_ms(*clients), self.gaps_ms(*clients)
            lines.append(
                f"{name}: {len(records)} talks, resumed {sum(r.resumes for r in records)} times,"
                f" with a gap {sum(r.gaps for r in records)}, connections lost {_codes(records)},"
                f" told to wait {sum(r.waits for r in records)} times"
            )
            lines.append(
                f"  stall between tokens: p50 {_at(stalls, 0.5):.0f} ms, p99 {_at(stalls, 0.99):.0f} ms"
                f" (goal {STALL_P99_MS}), p99.9 {_at(stalls, 0.999):.0f} ms (goal {STALL_P999_MS}),"
                f" at most {_at(stalls, 1):.0f} ms, of {len(stalls)}"
            )
            waits = sorted(ms for record in records for ms in waits_ms(record))
            lines.append(
                f"  first word after p50 {_at(waits, 0.5):.0f} ms, p99 {_at(waits, 0.99):.0f} ms,"
                f" at most {_at(waits, 1):.0f} ms"
            )
            goal = 0 if name == "with overlap" else GAP_WITHOUT_OVERLAP_MS
            lines.append(
                f"  audible gaps: {sum(ms > 0 for ms in gaps)} of {len(gaps)} frames came too late,"
                f" longest {_at(gaps, 1):.0f} ms (goal {goal})"
            )
        return lines


def _codes(records: Sequence[Record]) -> str:
    counts = Counter(code for record in records for code in record.losses)
    return ", ".join(f"{code} x {count}" for code, count in sorted(counts.items())) or "never"


def _at(values: Sequence[float], share: float) -> float:
    """The value below which this share of the sorted values is; nan where there are none."""
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)] if values else math.nan


@asynccontextmanager
async def fixed_fleet(
    folder: Path, size: int, *settings: Any, **more: Any
) -> AsyncIterator[list[ServerProcess]]:
    """Processes that keep their ports when they are started again."""
    async with AsyncExitStack() as stack:
        servers: list[ServerProcess] = []
        for number in range(size):
            own = folder / f"process{number}"
            own.mkdir()
            command = ("main.py", "--port", str(free_port()))
            one = fleet_settings(*settings, **more)
            servers.append(await stack.enter_async_context(server_process(own, command, **one)))
            await servers[-1].starts()
        yield servers


async def all_know(servers: Sequence[ServerProcess]) -> None:
    """Waits until each process knows that all serve: each looks once a second."""
    async with asyncio.timeout(PATIENCE_S):
        for server in servers:
            while await _serving(server) < len(servers):  # noqa: ASYNC110
                await asyncio.sleep(0.2)


async def _serving(server: ServerProcess) -> int:
    nodes = (await server.asks("GET", "/agent/health")).json()["fleet"]["nodes"]
    return sum(node["state"] == "serving" for node in nodes)


async def deploy(servers: Sequence[ServerProcess]) -> list[float]:
    """Replaces each process in turn; returns how long each took to go, in seconds."""
    took: list[float] = []
    for server in servers:
        await all_know(servers)
        began = time.monotonic()
        server.signals(signal.SIGTERM)
        assert await server.ends() == 0
        took.append(time.monotonic() - began)
        await server.starts()
    await all_know(servers)
    return took


async def run(folder: Path, address: str, size: Size, kind: Kind) -> Report:
    """Holds the talks, replaces the processes, and returns what was heard."""
    voice = SpeechStandin()
    voice.sound = bytes(int(SOUND_S * 24_000) * 2)
    async with voice, AzureStandin() as model:
        model.reply = lambda request: Text(reply_to(request.last_text), PACE_S)
        azure = voice.azure(llm_provider="openai", azure_openai_deployment_name="none")
        settings = {**SETTINGS, "max_sessions": max(100, 2 * size.talks), **azure}
        async with (
            fixed_fleet(folder, size.processes, address, model, **settings) as servers,
            balancer(kind, folder, [server.port for server in servers], 4 * size.talks + 200) as port,
        ):
            await all_know(servers)
            report = await _held(f"ws://127.0.0.1:{port}/ws", size, servers)
            broken = [
                line for server in servers for line in server.log if "Traceback" in line or " ERROR " in line
            ]
            assert broken == []
        assert model.violations == []
    return report


async def _held(url: str, size: Size, servers: Sequence[ServerProcess]) -> Report:
    is_over, node_has_begun = asyncio.Event(), asyncio.Event()
    talks: list[Talk] = []
    in_node: list[tuple[TalkKind, int, int]] = []
    for number in range(size.talks):
        kind = size.kind(number)
        words = size.words_of(kind)
        if number % size.node == size.node - 1:
            in_node.append((kind, number, words))
        else:
            talks.append(Talk(url, kind, number, words, plain=number % size.plain == 0))
    async with asyncio.TaskGroup() as group:
        node = group.create_task(hold_in_node(url, in_node, node_has_begun, is_over))
        for talk in talks:
            group.create_task(talk.hold(is_over))
            # So many at once are another test's.
            await asyncio.sleep(0.02)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await node_has_begun.wait()
                for talk in talks:
                    await talk.has_begun.wait()
            drains_s = await deploy(servers)
        finally:
            is_over.set()
    return Report([*(talk.record for talk in talks), *node.result()], drains_s)


def main() -> int:
    """Reads the command line; returns 1 where something was lost, doubled or broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fleet.rolling", description=__doc__)
    parser.add_argument("--talks", type=int, default=300, help="all of them (%(default)s)")
    parser.add_argument(
        "--streaming", type=int, default=60, help="with answers of 10 tokens a second (%(default)s)"
    )
    parser.add_argument("--spoken", type=int, default=4, help="whose answers sound (%(default)s)")
    parser.add_argument("--processes", type=int, default=3, help="of the fleet (%(default)s)")
    parser.add_argument("--balancer", choices=KINDS, default="haproxy")
    parser.add_argument("--records", type=Path, help="a file for what was heard, as JSON")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 10_000)), hard))
    size = Size(options.talks, options.streaming, options.spoken, options.processes)
    database = PostgresServer()
    database.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            report = asyncio.run(run(Path(folder), database.new_database(), size, options.balancer))
    finally:
        database.remove()
    if options.records is not None:
        options.records.write_text(json.dumps([vars(record) for record in report.records]), encoding="utf-8")
    sys.stdout.writelines(f"{line}\n" for line in report.lines())
    sys.stdout.writelines(f"{kind}: {what}\n" for kind, what in report.wrong[:40])
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

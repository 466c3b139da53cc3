"""The long runs beside the talks: ten thousand idle clients, a storm of returns, a hundred thousand turns.

Their clients are the bench's, lean enough for a crowd in one process.
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.load import MetricsRecorder, connect
from bench.load_v2 import V2Client, resume
from bench.measure import azure_settings, percentile_ms
from bench.processes import UPSTREAM, running
from bench.upstream import Order
from tests.soak.holding import (
    PROGRESS_S,
    REST_S,
    Seen,
    descriptors_of,
    read_log,
    resident_kib,
    rests,
    sessions_left,
    tools_in,
)
from tests.soak.live import live_of
from tests.soak.memory import REST_SHARE, slope_of
from tests.soak.report import MAX_CPU_MS, Check, live_memory, own_stalls
from tests.support import v2_client
from tests.support.process import ROOT, ServerProcess, environment, server_process

SPARE_FILES = 500
"""What server and load need beside the sockets of sessions."""

AT_A_TIME = 50
LEAVE_EVERY_S = 0.0005

MAX_TOKEN_MS = 50
"""Ten times what a token takes on its way through a server that has little else to do."""


@asynccontextmanager
async def paced_server(folder: Path, **settings: Any) -> AsyncIterator[ServerProcess]:
    """A server process with the bench's upstream, which answers at once and asks nothing."""
    async with running(UPSTREAM, min(os.sched_getaffinity(0))) as upstream:
        service = {name.lower(): value for name, value in azure_settings(upstream).items()}
        address = f"sqlite:///{folder / 'talks.db'}"
        settings = {"log_format": "json", **service, **settings}
        async with server_process(folder, is_afresh=True, database_url=address, **settings) as server:
            await server.starts()
            yield server


class IdleClient(V2Client):
    """A client that notices when it is let go of."""

    is_lost = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        super().connection_lost(exc)


async def idle(folder: Path, sessions: int, *, ping_s: float = 10, probes: int = 5) -> list[Check]:
    """A18: so many idle clients live through three rounds of pings, and one more is turned away."""
    settings = {"max_sessions": sessions, "ws_ping_interval_s": ping_s, "ws_ping_timeout_s": 20}
    seen = Seen("sqlite", sessions)
    async with paced_server(folder, **settings) as server:
        probe = V2Client(MetricsRecorder())
        await connect(server.port, probe)
        await _asks(probe, 1)
        alone = await _asks(probe, probes)
        before_kib = resident_kib(server.pid)
        clients = [IdleClient(MetricsRecorder()) for _ in range(sessions - 1)]
        began = time.monotonic()
        await _by_and_by([connect(server.port, client) for client in clients], "connected")
        connected_s = time.monotonic() - began
        kib = (resident_kib(server.pid) - before_kib) / sessions
        code = await _is_turned_away(server)
        print(f"{sessions} sessions, {kib:.0f} KiB each; waiting for three rounds of pings", flush=True)
        await asyncio.sleep(3.5 * ping_s)
        among = await _asks(probe, probes)
        lost = sum(client.is_lost for client in clients)
        active = (await server.asks("GET", "/agent/health")).json()["active_sessions"]
        # By and by, as people do: all in one instant hold up the loop for longer than anybody should.
        for client in [*clients, probe]:
            client.close()
            await asyncio.sleep(LEAVE_EVERY_S)
        seen.left = await sessions_left(server)
    read_log(seen, server.log)
    figure = f"{percentile_ms(alone, 99):.1f} ms alone, {percentile_ms(among, 99):.1f} ms among them"
    return [
        Check("idle sessions after three rounds of pings", f"{active} of {sessions}", active == sessions),
        Check("connections lost", str(lost), lost == 0),
        Check("one more is closed with", str(code), code == 1013),
        Check("memory of each", f"{kib:.0f} KiB", is_kept=True),
        Check("all connected in", f"{connected_s:.0f} s", is_kept=True),
        Check("a talk's tokens, p99", figure, percentile_ms(among, 99) < MAX_TOKEN_MS),
        *_ends(seen),
    ]


async def _asks(client: V2Client, turns: int) -> Sequence[int]:
    """How long each token took through the server, in nanoseconds."""
    client.metrics = MetricsRecorder()
    for _ in range(turns):
        await client.ask(Order(50, 20_000, is_stamped=True))
    return client.metrics.token_ns


async def _is_turned_away(server: ServerProcess) -> int | None:
    client = v2_client.V2Client(server.url, patience_s=60)
    await client.connects()
    await client.sends({"type": "start"})
    assert (await client.hears_next()).get("code") == "server_full"
    return await client.is_closed()


async def leak(folder: Path, sessions: int, *, turns: int = 10) -> list[Check]:
    """E14: so many sessions of some turns, half of them cut in a turn, a quarter never said goodbye to."""
    seen, metrics = Seen("sqlite", sessions), MetricsRecorder()
    tools = tools_in(folder)
    settings = {
        "max_messages_per_s": 1000,
        "max_messages_burst": 1000,
        "resume_window_s": 5,
        "tools_dir": tools,
        "tools": "census",
    }
    async with paced_server(folder, **settings) as server:
        before = descriptors_of(server.pid)

        async def hold(number: int) -> None:
            await _talk(server.port, metrics, number, turns)
            seen.counts.seen["talks"] += 1

        warm = round(sessions * REST_SHARE)
        for part in (range(warm), range(warm, sessions)):
            await _watched(seen, server, [hold(number) for number in part])
            seen.left += await rests(server, min(REST_S, seen.seconds))
            seen.live.append((seen.counts.seen["talks"], await live_of(tools)))
        seen.descriptors = (before, descriptors_of(server.pid))
    read_log(seen, server.log)
    done = seen.counts.seen["talks"]
    slope = slope_of(seen.resident)
    growth = "not measured: too short"
    if slope is not None:
        per_1000 = slope.kib_per_min * seen.seconds / 60 / (sessions * turns / 1000)
        growth = (
            f"{slope.kib_per_min:+.0f} ± {2 * slope.error:.0f} KiB/min, {per_1000:+.1f} KiB in 1,000 turns"
        )
    return [
        Check("sessions, turns", f"{done}, {done * turns}", done == sessions),
        Check("time", f"{seen.seconds:.0f} s", is_kept=True),
        live_memory(seen),
        Check("memory after warm-up", growth, slope is None or slope.is_flat),
        Check("files and sockets open, before and after", f"{before}, {seen.descriptors[1]}", is_kept=True),
        *_ends(seen),
    ]


async def _watched(seen: Seen, server: ServerProcess, talks: list[Coroutine[Any, Any, None]]) -> None:
    """Awaits the talks, and notes the server's memory meanwhile."""
    began = time.monotonic() - seen.seconds
    holding = asyncio.create_task(_by_and_by(talks, "talks"))
    while not holding.done():
        seen.resident.append((time.monotonic() - began, resident_kib(server.pid)))
        await asyncio.wait({holding}, timeout=1)
    await holding
    seen.seconds = time.monotonic() - began


async def _talk(port: int, metrics: MetricsRecorder, number: int, turns: int) -> None:
    order = Order(10, 1000)
    client = V2Client(metrics)
    await connect(port, client)
    for turn in range(turns):
        if number % 2 and turn == turns // 2:
            client.ask(order)  # nobody waits for it: the connection goes down in it
            await asyncio.sleep(order.tokens * order.gap_us / 2e6)
            assert client.ticket is not None
            client.drop()
            client, _ = await resume(port, client.ticket, client.seq)
        else:
            await client.ask(order)
    if number % 4 == 1:
        client.drop()
    else:
        client.close()


async def _by_and_by(all_of_them: Sequence[Coroutine[Any, Any, None]], what: str) -> None:
    """Awaits them, some at a time, and says how it gets on; the first failure ends all."""
    gate, done, told_at = asyncio.Semaphore(AT_A_TIME), 0, time.monotonic()

    async def one(work: Coroutine[Any, Any, None]) -> None:
        nonlocal done, told_at
        async with gate:
            await work
        done += 1
        if time.monotonic() - told_at >= PROGRESS_S:
            told_at = time.monotonic()
            print(f"{done} of {len(all_of_them)} {what}", flush=True)

    async with asyncio.TaskGroup() as group:
        for work in all_of_them:
            group.create_task(one(work))


def _ends(seen: Seen) -> list[Check]:
    own = own_stalls(seen)
    return [
        Check("sessions left", str(seen.left), seen.left == 0),
        Check("stalls of over 250 ms of the loop's own CPU", f"{len(own)} {own[:2] or ''}", not own),
        Check("bugs in the log", f"{len(seen.errors)} {seen.errors[:2] or ''}", not seen.errors),
    ]


async def storm(folder: Path, clients: int) -> list[Check]:
    """A19, by its own test: so many clients lose their server and come back to the next one, each once."""
    # They wait as they are asked to. All in one instant they still come back, and hold up the loop once.
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-k",
            "a19",
            "--timeout=600",
            f"--basetemp={folder / 'storm'}",
        ),
        "tests/faults/test_group_a_crowds.py",
        cwd=ROOT,
        env={**environment(), "STORM": str(clients), "SPREAD": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    last = output.decode().strip().splitlines()
    if process.returncode:
        print("\n".join(last[-40:]))
    logs, own = _storm_stalls(folder)
    return [
        Check(f"{clients} clients after a restart, each once", last[-1], process.returncode == 0),
        Check("logs of the server that were read", str(logs), logs == 1),
        Check(f"stalls of over {MAX_CPU_MS} ms of the loop's own CPU", f"{len(own)} {own or ''}", not own),
    ]


def _storm_stalls(folder: Path) -> tuple[int, list[int]]:
    """How many logs of servers there are, and the stalls in them that the loop itself has spent, in ms."""
    logs = [path.read_text(encoding="utf-8") for path in folder.rglob("server.log")]
    stalls = [int(ms) for log in logs for ms in re.findall(r"loop_stall_over .*\bcpu_ms=(\d+)", log)]
    return len(logs), [ms for ms in stalls if ms > MAX_CPU_MS]

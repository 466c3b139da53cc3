"""`python -m bench.fleet_crowd`: what a fleet carries, and how its clients fare when a process dies.

    python -m bench.fleet_crowd returns --clients 2000  # when are all clients of a killed process back?
    python -m bench.fleet_crowd tokens --streams 60     # tokens a second of one, two and three processes
    python -m bench.fleet_crowd opens --sessions 2000   # sessions a second, alone and as one of several

Without a name: all three. Let nothing else run meanwhile: the clients, the model and PostgreSQL are on the
same machine, and take their share of its processors; `tokens` says how much each has had.
"""

import argparse
import asyncio
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from bench.load import LoadError, MetricsRecorder, connect, keep_asking
from bench.load_v2 import Ticket, V2Client
from bench.processes import UPSTREAM, Process, raise_file_limit, running
from bench.report import this_machine
from bench.upstream import Order
from tests.fleet.conftest import SECRET, free_port
from tests.storage.postgres import PostgresServer
from tests.support.process import ServerProcess, server_process

GOAL_S, STALL_MS, SHARE = 5.0, 250, 0.9
"""All are back after; the longest stall of an event loop; opened sessions against one process alone."""

PATIENCE_S = 120
AT_ONCE = 50
ROUNDS = 5
FIRST_WAIT_S, MOST_WAIT_S = 0.5, 5.0
"""A client that has lost its connection waits for a moment by chance, as the libraries do."""

_STALLED = re.compile(r"loop_stall_over .*?ms=([\d.]+)")

SETTINGS: dict[str, Any] = {
    "max_messages_per_s": 1000,
    "max_messages_burst": 1000,
    "max_pending_connections": 20_000,
    "max_sessions": 20_000,
    "trusted_proxies": "127.0.0.1",
    "log_level": "warning",
    "voice": False,
}


class Comer(V2Client):
    """A client that takes its session up again, wherever it lands."""

    def __init__(self, ticket: Ticket, last_seq: int) -> None:
        super().__init__(MetricsRecorder())
        self.ticket, self.seq = ticket, last_seq

    def opening(self) -> dict[str, Any]:
        """See `Client`."""
        assert self.ticket is not None
        ticket = {"session_id": self.ticket.session_id, "resume_token": self.ticket.resume_token}
        return {"type": "resume", **ticket, "last_seq": self.seq}


@asynccontextmanager
async def processes(
    folder: Path, address: str, upstream: Process, size: int, *, is_fleet: bool = True
) -> AsyncIterator[list[ServerProcess]]:
    """Servers over one database; one that is alone has it for itself."""
    model = {
        "azure_openai_endpoint": f"http://127.0.0.1:{upstream.port}",
        "azure_openai_api_key": "bench",
        "azure_openai_deployment_name": "bench",
    }
    async with AsyncExitStack() as stack:
        found: list[ServerProcess] = []
        for number in range(size):
            own = folder / f"process{number}"
            own.mkdir()
            address_of = {"fleet_address": f"http://127.0.0.1:{free_port()}", "fleet_secret": SECRET}
            settings = {**SETTINGS, **model, "database_url": address, **(address_of if is_fleet else {})}
            found.append(await stack.enter_async_context(server_process(own, **settings)))
            await found[-1].starts()
        yield found


async def many(count: int, make: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    """Do something so many times, a few at once."""
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            await make(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())


def longest_stall_ms(servers: Sequence[ServerProcess], since: Sequence[int]) -> float:
    """Return for how long an event loop was held up, at most, by the logs from these lines on; 0: never."""
    lines = [line for server, at_line in zip(servers, since, strict=True) for line in server.log[at_line:]]
    told = [float(found[1]) for line in lines if (found := _STALLED.search(line))]
    return max(told, default=STALL_MS if any("loop_stall " in line for line in lines) else 0)


async def returns(server: PostgresServer, upstream: Process, options: argparse.Namespace) -> list[str]:
    """Kill one of three processes, and see when each of its clients has its session again."""
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        async with processes(Path(folder), server.new_database(), upstream, 3) as (victim, *others):
            clients = [V2Client(MetricsRecorder()) for _ in range(options.clients)]

            async def begins(number: int) -> None:
                await connect(victim.port, clients[number])
                await clients[number].ask(Order(3, 1000))

            await many(len(clients), begins)
            lines, used = [len(other.log) for other in others], sum(_cpu_s(each.pid) for each in others)
            killed_at = time.monotonic()
            await victim.is_killed()
            waits: list[float] = []
            tries = 0

            async def comes_back(client: V2Client) -> None:
                nonlocal tries
                wait_s = FIRST_WAIT_S
                while True:
                    await asyncio.sleep(chance.uniform(0, wait_s))
                    wait_s = min(2 * wait_s, MOST_WAIT_S)
                    tries += 1
                    assert client.ticket is not None
                    comer = Comer(client.ticket, client.seq)
                    try:
                        await connect(chance.choice(others).port, comer, awaited="session_resumed")
                    except (LoadError, OSError):
                        continue
                    waits.append(time.monotonic() - killed_at)
                    return

            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(comes_back(client))
            used = sum(_cpu_s(each.pid) for each in others) - used
            stall_ms = longest_stall_ms(others, lines)
    told = "none" if not stall_ms else f"{stall_ms:.0f} ms"
    return [
        f"| {len(clients):,} clients of a killed process are back on two others, p50"
        f" | {statistics.median(waits):.2f} s | |",
        f"| the last of them, in {tries:,} tries | {max(waits):.2f} s | {GOAL_S:.0f} s |",
        f"| processor time of the two, each client | {used / len(clients) * 1e3:.1f} ms | |",
        f"| an event loop was held up meanwhile, the longest over {STALL_MS} ms | {told} | none |",
    ]


async def tokens(server: PostgresServer, upstream: Process, options: argparse.Namespace) -> list[str]:
    """Have so many streams for each process, as fast as they go; count what arrives."""
    lines: list[str] = []
    first = 0.0
    for size in (1, 2, 3):
        with tempfile.TemporaryDirectory() as folder:
            async with processes(Path(folder), server.new_database(), upstream, size) as servers:
                metrics = MetricsRecorder()
                clients = [V2Client(metrics) for _ in range(options.streams * size)]

                async def begins(number: int, on: list[ServerProcess] = servers, of: Any = clients) -> None:
                    await connect(on[number % len(on)].port, of[number])

                await many(len(clients), begins)
                before, own = [_cpu_s(each.pid) for each in servers], time.process_time()
                began = time.monotonic()
                await keep_asking(clients, Order(options.tokens, 1000), options.turns)
                lasted_s = time.monotonic() - began
                used = sum(_cpu_s(each.pid) for each in servers) - sum(before)
                own_s = time.process_time() - own
                for client in clients:
                    client.close()
        rate = metrics.tokens / lasted_s
        first = first or rate
        lines.append(
            f"| tokens a second, {size} process{'es' if size > 1 else ''} of {options.streams} streams each"
            f" | {rate:,.0f} ({rate / first:.2f}x), {used / metrics.tokens * 1e6:.0f} µs each;"
            f" {used / lasted_s:.2f} of {os.cpu_count()} cores, the clients {own_s / lasted_s:.2f} | |"
        )
    return lines


def _cpu_s(pid: int) -> float:
    return Process(pid, 0).cpu_s()


async def opens(server: PostgresServer, upstream: Process, options: argparse.Namespace) -> list[str]:
    """Open sessions at a process alone and at one of several, in turns."""
    found: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for is_fleet, rates in found.items():
            with tempfile.TemporaryDirectory() as folder:
                address = server.new_database()
                async with processes(Path(folder), address, upstream, 1, is_fleet=is_fleet) as (one,):
                    clients = [V2Client(MetricsRecorder()) for _ in range(options.sessions)]

                    async def begins(number: int, on: ServerProcess = one, of: Any = clients) -> None:
                        await connect(on.port, of[number])

                    began = time.monotonic()
                    await many(len(clients), begins)
                    rates.append(len(clients) / (time.monotonic() - began))
                    for client in clients:
                        client.close()
    alone, several = statistics.median(found[False]), statistics.median(found[True])
    shares = [a / b for a, b in zip(found[True], found[False], strict=True)]
    return [
        f"| sessions opened a second, alone and as one of several ({ROUNDS} rounds)"
        f" | {alone:,.0f}, {several:,.0f}: {several / alone:.0%} ({min(shares):.0%} to {max(shares):.0%})"
        f" | ≥ {SHARE:.0%} |"
    ]


MEASURES = {"returns": returns, "tokens": tokens, "opens": opens}


async def _run(options: argparse.Namespace) -> None:
    server = PostgresServer()
    server.start()
    core = sorted(os.sched_getaffinity(0))[0]
    try:
        async with running(UPSTREAM, core) as upstream:
            for name in options.what or MEASURES:
                for line in await MEASURES[name](server, upstream, options):
                    sys.stdout.write(f"{line}\n")
                    sys.stdout.flush()
    finally:
        server.remove()


def main() -> None:
    """Read the command line, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.fleet_crowd", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", nargs="*", choices=[*MEASURES, []], help="all of them where none is named")
    parser.add_argument("--clients", type=int, default=2000, help="of the process that is killed")
    parser.add_argument("--streams", type=int, default=60, help="of each process")
    parser.add_argument("--tokens", type=int, default=250, help="of an answer, a millisecond apart at most")
    parser.add_argument("--turns", type=int, default=10, help="of each stream")
    parser.add_argument("--sessions", type=int, default=2000, help="opened in a round")
    options = parser.parse_args()
    files = raise_file_limit()
    sys.stdout.write(f"{this_machine(files)}\n\n| what | | goal |\n|---|---|---|\n")
    asyncio.run(_run(options))


if __name__ == "__main__":
    main()

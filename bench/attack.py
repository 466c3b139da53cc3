"""`python -m bench.attack`: what others notice while one client does its worst.

The server has a core for itself; attacker, upstream and the others' clients share another.
"""

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.attacker import KINDS
from bench.load import Client, Tally, connect_all
from bench.measure import OURS, servers
from bench.processes import Process, raise_file_limit, take_cores
from bench.report import this_machine
from bench.upstream import Order

TALKS = 4
"""Others' talks that go on meanwhile."""

ORDER = Order(50, 20_000, is_stamped=True)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the others and the operators noticed in one run.

    Attributes:
        p50_ms, p99_ms, max_ms: Of the others' chunks, from the upstream's write to their arrival.
        peak_mib, after_mib: Memory beyond what was held before, at its most and at the end.
        lines_a_second: In the log.
        connections: That the attacker needed.
    """

    p50_ms: float
    p99_ms: float
    max_ms: float
    peak_mib: float
    after_mib: float
    lines_a_second: float
    server_load: float
    connections: int = 0


async def _talk_until(client: Client, until: float) -> None:
    while time.monotonic() < until:
        await client.ask(ORDER)


async def _watch_memory(server: Process, most: list[int]) -> None:
    while True:
        most[0] = max(most[0], server.resident_kib())
        await asyncio.sleep(0.05)


@asynccontextmanager
async def _attacker(port: int, kind: str, seconds: float) -> AsyncIterator[asyncio.subprocess.Process | None]:
    if kind == "none":
        yield None
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.attacker", str(port), kind, str(seconds), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _log_lines(server: Process) -> int:
    return Path(f"/proc/{server.pid}/fd/2").read_bytes().count(b"\n")


async def run(server: Process, kind: str, seconds: float, rest_s: float) -> Seen:
    """Others talk for so long while somebody attacks (or `none`), and the server has some rest after it."""
    tally = Tally()
    clients = await connect_all(server.port, TALKS, tally)
    before_kib, lines = server.resident_kib(), _log_lines(server)
    most = [before_kib]
    watch = asyncio.create_task(_watch_memory(server, most))
    until = time.monotonic() + seconds
    cpu_s = server.cpu_s()
    async with _attacker(server.port, kind, seconds) as attacker:
        await asyncio.gather(*(_talk_until(client, until) for client in clients))
        load = (server.cpu_s() - cpu_s) / seconds
        said = b"" if attacker is None else (await attacker.communicate())[0]
    lines = _log_lines(server) - lines
    await asyncio.sleep(rest_s)
    watch.cancel()
    for client in clients:
        client.close()
    delays = sorted(tally.token_ns)
    return Seen(
        p50_ms=delays[len(delays) // 2] / 1e6,
        p99_ms=delays[len(delays) * 99 // 100] / 1e6,
        max_ms=delays[-1] / 1e6,
        peak_mib=(most[0] - before_kib) / 1024,
        after_mib=(server.resident_kib() - before_kib) / 1024,
        lines_a_second=lines / seconds,
        server_load=load,
        connections=int(said or 0),
    )


def _row(kind: str, seen: Seen) -> str:
    delays = f"{seen.p50_ms:.1f} | {seen.p99_ms:.1f} | {seen.max_ms:.0f}"
    weights = f"{seen.peak_mib:+.0f} | {seen.after_mib:+.0f}"
    rest = f"{seen.lines_a_second:.2f} | {seen.server_load:.0%} | {seen.connections}"
    return f"| {kind} | {delays} | {weights} | {rest} |\n"


async def _run_all(kinds: list[str], seconds: float, rest_s: float) -> None:
    cores = take_cores()
    raise_file_limit()
    sys.stdout.write(f"{this_machine(raise_file_limit())}\n\n")
    sys.stdout.write(
        "| attack | p50 ms | p99 ms | max ms | MiB most | MiB after | lines/s | server's core | sockets |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    for kind in kinds:
        async with servers(cores, OURS) as (server,):
            await run(server, "none", 2, 0)  # what is loaded late is loaded now
            sys.stdout.write(_row(kind, await run(server, kind, seconds, rest_s)))
            sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument(
        "--rest", type=float, default=60, help="seconds after which memory is looked at again"
    )
    parser.add_argument(
        "--kinds", default="none,all", help=f"comma list of none, all, each, {', '.join(KINDS)}"
    )
    options = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("It reads /proc and pins processes to cores: it needs Linux.")
    kinds = [kind.strip() for kind in options.kinds.split(",")]
    if "each" in kinds:
        kinds = ["none", "all", *KINDS]
    gc.freeze()
    gc.disable()
    uvloop.run(_run_all(kinds, options.seconds, options.rest))


if __name__ == "__main__":
    main()

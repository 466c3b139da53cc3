"""`python -m bench.attack`: what others notice while one client does its worst.

The server has a core for itself; attacker, upstream and the others' clients share another.
"""

import argparse
import asyncio
import base64
import gc
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.attacker import KINDS, SOCKETS, Attack, open_socket, text
from bench.load import Client, MetricsRecorder, connect_all, one_turn_each
from bench.measure import OURS, clients_of, servers
from bench.processes import Process, raise_file_limit, take_cores
from bench.report import this_machine
from bench.upstream import Order

TALKS = 4
"""Others' talks that go on meanwhile."""

ORDER = Order(50, 20_000, is_stamped=True)

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """What the others and the operators noticed in one run.

    Attributes:
        p50_ms, p99_ms, max_ms: Of the others' chunks, from the upstream's write to their arrival.
        peak_mib, after_mib: Memory beyond what was held before, at its most and at the end.
        lines_a_second: In the log, but for those about the others' own talks.
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


def _log(server: Process) -> list[bytes]:
    return Path(f"/proc/{server.pid}/fd/2").read_bytes().splitlines()


def _sessions_in(log: list[bytes]) -> set[bytes]:
    made = (re.search(rb"session_created session_id=(\S+)", line) for line in log)
    return {found[1] for found in made if found is not None}


async def use_once(server: Process) -> None:
    """Have everything used once, by people who mean no harm.

    What stays of that in any process is no attacker's: code that is loaded late, and room for as many
    connections at once as the attacker has.
    """
    await run(server, "none", 2, 0)
    async with clients_of(server, SOCKETS, MetricsRecorder()) as crowd:
        await one_turn_each(crowd, Order(20, 20_000))
    reader, writer = await open_socket(server.port, Attack("nothing", b"", text('{"type":"system"}')))
    clip = base64.b64encode(bytes(_MIB)).decode()
    for kind, content in (("text", "5 1000 0 " + "palabra " * 10_000), ("audio", clip)):
        writer.write(text(f'{{"type":"{kind}","content":"{content}"}}'))
        await writer.drain()
        heard = b""
        while b"response_complete" not in heard and b'"error"' not in heard:
            heard += await reader.read(65_536)
    writer.close()


async def run(server: Process, kind: str, seconds: float, rest_s: float) -> Seen:
    """Others talk for so long while somebody attacks (or `none`), and the server has some rest after it."""
    metrics = MetricsRecorder()
    clients = await connect_all(server.port, TALKS, metrics)
    before_kib, log = server.resident_kib(), _log(server)
    own, before = _sessions_in(log[-TALKS * 4 :]), len(log)
    most = [before_kib]
    watch = asyncio.create_task(_watch_memory(server, most))
    until = time.monotonic() + seconds
    cpu_s = server.cpu_s()
    async with _attacker(server.port, kind, seconds) as attacker:
        await asyncio.gather(*(_talk_until(client, until) for client in clients))
        load = (server.cpu_s() - cpu_s) / seconds
        said = b"" if attacker is None else (await attacker.communicate())[0]
    lines = sum(not any(session in line for session in own) for line in _log(server)[before:])
    await asyncio.sleep(rest_s)
    watch.cancel()
    for client in clients:
        client.close()
    delays = sorted(metrics.token_ns)
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
            await use_once(server)
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

"""`python -m bench`: measures the server on this machine and prints one table."""

import argparse
import asyncio
import gc
import json
import sys
from pathlib import Path

import uvloop

from bench import measure
from bench.measure_access import handshakes
from bench.measure_connections import connections
from bench.measure_guards import guards, scrapes
from bench.measure_realtime import QUICK as QUICK_REALTIME
from bench.measure_realtime import RealtimePlan, measure_realtime
from bench.measure_turns import turns
from bench.measure_v2 import measure_v2
from bench.processes import raise_file_limit, take_cores
from bench.report import Results, this_machine

LIMIT_S = 600
"""Whatever happens, it ends by then, in seconds."""

_SPARE_FILES = 200
"""What server, load and Python need beside the sessions' sockets."""


async def _run(only: str | None, plan: measure.Plan, older: Path | None) -> Results:
    file_limit = raise_file_limit()
    results = Results(this_machine(file_limit))
    cores = take_cores()
    if not cores.are_apart:
        sys.stderr.write("Only one core: server and load share it, so latencies say little.\n")
    if file_limit < plan.sessions + _SPARE_FILES:
        sys.exit(f"Only {file_limit} open files are allowed; see `ulimit -n`.")
    async with asyncio.timeout(LIMIT_S):
        if only in (None, "cpu"):
            _tell("CPU per token ...")
            results.cpu = await measure.cpu(plan, cores)
        if only in (None, "latency"):
            _tell("added latency ...")
            results.latency = await measure.latency(plan, cores)
        if only in (None, "memory"):
            _tell("memory per session ...")
            results.memory = await measure.memory(plan, cores)
        if only in (None, "v2"):
            _tell("protocol v2 and the store ...")
            results.v2 = await measure_v2(plan, cores, results.memory)
        if only in (None, "access"):
            _tell("handshakes with tokens ...")
            results.handshakes = await handshakes(plan.handshakes, cores)
        if only in (None, "connections"):
            _tell("connections a second ...")
            results.connections = await connections(*plan.connections, cores, older)
        if only in (None, "guards"):
            _tell("limits and checks ...")
            results.guards = await guards(plan.guard_rounds, plan.cpu_crowd, cores, older)
        if only in (None, "scrapes"):
            _tell("readings of the metrics ...")
            results.scrapes = await scrapes(plan.scrapes, 3, plan.scraped, cores)
        if only == "turns":
            _tell("whole turns ...")
            results.turns = await turns(plan.turn_rounds, plan.histories, cores, older)
        if only == "realtime":
            _tell("the Realtime API and the telephone ...")
            results.realtime = await measure_realtime(
                QUICK_REALTIME if plan is measure.QUICK else RealtimePlan(), cores
            )
    return results


def _tell(what: str) -> None:
    sys.stderr.write(f"measuring {what}\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute; the figures are rougher")
    parser.add_argument(
        "--only",
        choices=(
            "cpu",
            "latency",
            "memory",
            "v2",
            "access",
            "connections",
            "guards",
            "scrapes",
            "turns",
            "realtime",
        ),
        help="measure only this; `turns` and `realtime` are measured only so",
    )
    parser.add_argument(
        "--older",
        type=Path,
        metavar="FOLDER",
        help="an older tree, for `connections`, `guards` and `turns` to be compared with",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file as well")
    options = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("The benchmark reads /proc and pins processes to cores: it needs Linux.")
    # A collection in the load would look like a late token.
    gc.freeze()
    gc.disable()
    results = uvloop.run(_run(options.only, measure.QUICK if options.quick else measure.FULL, options.older))
    sys.stdout.write(results.table() + "\n")
    if options.json is not None:
        options.json.write_text(json.dumps(results.as_json(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""One part of the soak: a server process, the load on it, and what is seen from outside."""

import asyncio
import json
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson

from tests.soak.counts import Counts
from tests.soak.live import Live, live_of
from tests.soak.load import Job
from tests.soak.memory import REST_SHARE
from tests.soak.upstream import CENSUS
from tests.support.azure_standin import DEPLOYMENT, KEY
from tests.support.process import ROOT, ServerProcess, environment, server_process
from tests.support.v2_client import V2Client

PROGRESS_S = 10
PROCESSES = 2
ENDING_S = 240
"""How long the talks that run at the end may take to end."""

RESUME_WINDOW_S = 15

CATCHING_UP_S = 120
"""How long a database that is behind may take to store what waits."""

REST_S = 12
"""A little more than HANDSHAKE_TIMEOUT_S, whose timers hold on to connections that have gone."""

SETTINGS: dict[str, Any] = {
    "azure_openai_api_key": KEY,
    "azure_openai_deployment_name": DEPLOYMENT,
    "tools": "read,write,census",
    "tool_inline_wait_s": 0.3,
    "tool_timeout_s": 6,
    "tool_progress_interval_s": 1,
    "llm_stall_timeout_s": 10,
    "max_history_tokens": 1_000_000,
    "max_messages_per_s": 1000,
    "max_messages_burst": 1000,
    "resume_window_s": RESUME_WINDOW_S,
    "ws_ping_interval_s": 5,
    "ws_ping_timeout_s": 10,
    "log_format": "json",
}
"""The stand-in reads talks from whole prompts; the rest makes faults come sooner."""


@dataclass
class Seen:
    """What was seen of one part.

    Attributes:
        resident: The server's memory over time under load, as `(seconds, KiB)`.
        live: What was alive in it after the warm-up and at the end, as `(sessions so far, Live)`.
        tasks: Its tasks before the load and after it, by their functions.
        descriptors: How many files and sockets it had open, before and after.
        left: Sessions that were still there after all windows.
        stalls: Its log's `loop_stall_over`.
        errors: What its log says that it should not: errors that are bugs, tracebacks.
    """

    database: str
    sessions: int
    seconds: float = 0
    counts: Counts = field(default_factory=Counts)
    upstream: dict[str, Any] = field(default_factory=dict)
    resident: list[tuple[float, int]] = field(default_factory=list)
    live: list[tuple[int, Live]] = field(default_factory=list)
    tasks: tuple[dict[str, int], dict[str, int]] = ({}, {})
    descriptors: tuple[int, int] = (0, 0)
    left: int = 0
    cpu_s: float = 0
    stalls: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def resident_kib(pid: int) -> int:
    """A process's memory, in KiB."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None, "the server has ended"
    return int(found[1])


def cpu_s_of(pid: int) -> float:
    """A process's processor time so far, in seconds."""
    return time.clock_gettime(~pid << 3 | 2)  # how Linux numbers the clock of another process


@asynccontextmanager
async def python(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python process with pipes; whatever runs at the end is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**22,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def bad_service(seed: int) -> AsyncIterator[str]:
    """The upstream; its address."""
    async with python("-m", "tests.soak.upstream", str(seed)) as process:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()


class Load:
    """The processes of the load.

    Attributes:
        counts: What they have counted so far, in sum.
    """

    def __init__(self) -> None:
        self._processes: list[asyncio.subprocess.Process] = []
        self._counts: dict[int, Counts] = {}
        self._readers: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def running(self, jobs: list[Job]) -> AsyncIterator[None]:
        """Runs a process for each job; those of earlier jobs have ended."""
        async with _all(*(python("-m", "tests.soak.load", json.dumps(asdict(job))) for job in jobs)) as them:
            self._processes = them
            self._readers = [
                asyncio.create_task(self._read(job.number, process))
                for job, process in zip(jobs, them, strict=True)
            ]
            try:
                yield
            finally:
                for reader in self._readers:
                    reader.cancel()
                await asyncio.wait(self._readers)

    async def _read(self, number: int, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        is_done = False
        while line := await process.stdout.readline():
            told = orjson.loads(line)
            self._counts[number], is_done = Counts.from_json(told), told["is_done"]
        if not is_done:
            self._counts.setdefault(number, Counts()).note("other promises broken", 1, "a load process broke")

    async def end(self) -> None:
        """Has the talks end."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.close()
        _, late = await asyncio.wait(self._readers, timeout=ENDING_S)
        if late:
            lost = self._counts.setdefault(-1, Counts())
            lost.note("other promises broken", len(late), "a process whose talks never end")

    @property
    def counts(self) -> Counts:
        total = Counts()
        for counts in self._counts.values():
            total.add(counts)
        return total


@asynccontextmanager
async def _all(*managers: Any) -> AsyncIterator[list[Any]]:
    if not managers:
        yield []
        return
    async with managers[0] as first, _all(*managers[1:]) as others:
        yield [first, *others]


def tools_in(folder: Path) -> Path:
    """A copy of the soak's tools, which write beside themselves."""
    tools = folder / "tools"
    return shutil.copytree(
        ROOT / "tests" / "soak" / "tools", tools, ignore=shutil.ignore_patterns("__pycache__")
    )


async def hold(
    seen: Seen, folder: Path, address: str, *, seconds: float, pause_s: float, seed: int, **settings: Any
) -> Seen:
    """Holds talks for so long, in two parts with a rest after each; `settings` are the server's."""
    tools = tools_in(folder)
    async with bad_service(seed) as upstream:
        settings = {**SETTINGS, "azure_openai_endpoint": upstream, "tools_dir": tools, **settings}
        async with server_process(folder, is_afresh=True, database_url=address, **settings) as server:
            await server.starts()
            before, descriptors = await _census(server, tools), descriptors_of(server.pid)
            load = Load()
            for part, share in enumerate((REST_SHARE, 1 - REST_SHARE)):
                jobs = _jobs(part, seen.sessions, server.port, seed, pause_s, tools)
                async with load.running(jobs):
                    await _watch(seen, server, load, seconds * share)
                    await load.end()
                    seen.counts = load.counts
                seen.left += await rests(server, min(REST_S, seconds))
                seen.live.append((seen.counts.seen["talks"], await live_of(tools)))
            seen.tasks = (before, await _census(server, tools))
            seen.descriptors = (descriptors, descriptors_of(server.pid))
            async with httpx.AsyncClient(verify=False, trust_env=False) as http:
                seen.upstream = (await http.get(f"{upstream}/soak")).json()
            seen.cpu_s = cpu_s_of(server.pid)
        read_log(seen, server.log)
    return seen


def _jobs(part: int, sessions: int, port: int, seed: int, pause_s: float, tools: Path) -> list[Job]:
    processes = min(PROCESSES, sessions)
    people = [sessions // processes + (n < sessions % processes) for n in range(processes)]
    first = part * PROCESSES
    return [Job(port, count, first + n, seed, pause_s, str(tools / "runs")) for n, count in enumerate(people)]


async def rests(server: ServerProcess, seconds: float) -> int:
    """Lets a server come to rest, and its database catch up; how many sessions are left then."""
    left = await sessions_left(server)
    for _ in range(CATCHING_UP_S):
        if not (await server.asks("GET", "/agent/health")).json()["storage"]["waiting"]:
            break
        await asyncio.sleep(1)
    await asyncio.sleep(seconds)
    return left


async def _watch(seen: Seen, server: ServerProcess, load: Load, seconds: float) -> None:
    """Looks at the server once a second, and says how it gets on."""
    began = time.monotonic() - seen.seconds
    end, told_at = began + seen.seconds + seconds, began + seen.seconds
    while (now := time.monotonic()) < end:
        seen.resident.append((now - began, resident_kib(server.pid)))
        if now - told_at >= PROGRESS_S:
            told_at = now
            _tell(seen, load.counts, server, now - began)
        await asyncio.sleep(min(1.0, seconds / 20))
    seen.seconds = time.monotonic() - began


def _tell(seen: Seen, counts: Counts, server: ServerProcess, passed_s: float) -> None:
    done = ", ".join(f"{counts.seen[name]} {name}" for name in ("talks", "texts", "tools", "resumes"))
    mib, cpu = seen.resident[-1][1] / 1024, cpu_s_of(server.pid) / passed_s
    refused = {name: n for name, n in counts.seen.items() if name.startswith("lists refused")}
    wrong = ", ".join(f"{n} {name}" for name, n in {**refused, **counts.wrong}.items()) or "nothing wrong"
    print(f"{seen.database} {passed_s:4.0f} s: {done}; {mib:.0f} MiB, {cpu:.0%} CPU; {wrong}", flush=True)


async def _census(server: ServerProcess, tools: Path) -> dict[str, int]:
    """The server's tasks, from a tool that runs in it; asked in a talk that is alike each time."""
    client = V2Client(server.url, patience_s=60)
    await client.starts()
    await client.says(CENSUS)
    await client.hears_answer()
    await client.leaves()
    return json.loads((tools / "census").read_text())


def descriptors_of(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def sessions_left(server: ServerProcess) -> int:
    """How many sessions are there when all windows must be over."""
    left = -1
    for _ in range(RESUME_WINDOW_S + 30):
        left = (await server.asks("GET", "/agent/health")).json()["active_sessions"]
        if left == 0:
            break
        await asyncio.sleep(1)
    return left


def read_log(seen: Seen, lines: list[str]) -> None:
    """Takes stalls and bugs from a server's log."""
    for entry in _entries(lines):
        if entry.get("event") == "loop_stall_over":
            seen.stalls.append(entry)
        elif entry.get("level") in ("ERROR", "CRITICAL") or "Traceback" in str(entry):
            seen.errors.append(str(entry)[:2000])


def _entries(lines: list[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            yield {"level": "ERROR", "raw": line}

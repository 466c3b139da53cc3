"""A stored talk of many large texts, a server on it, and how that one fares meanwhile."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.storage.records import MessageRecord
from app.storage.writes import MessagesStored, SessionOpened
from tests.large.health_watch import memory_mib
from tests.storage.talks import a_session, store_at
from tests.support.process import ServerProcess

ROOT = Path(__file__).parents[2]


async def keep_a_talk(address: str, texts: int, size: int) -> list[MessageRecord]:
    """Stores an ended talk `s1` of `ana`: so many texts of so many characters, each with a short answer."""
    kept: list[MessageRecord] = []
    async with store_at(address) as store:
        now = datetime.now(UTC)  # what is older than it may be is erased at the start
        session = a_session(protocol="voice-agent.v2", created_at=now, last_activity=now, ended_at=now)
        await store.write(SessionOpened(session)).wait(30)
        for n in range(texts):
            text = f"{n} " + "palabras " * (size // 9)
            rows = [
                MessageRecord(2 * n, f"t{n}", "user", text, now, client_id=f"c{n}"),
                MessageRecord(2 * n + 1, f"t{n}", "assistant", f"respuesta {n}", now),
            ]
            # The writer refuses what is too much at once.
            assert await store.write(MessagesStored("s1", rows)).wait(30)
            kept += rows
    return kept


@dataclass
class Watch:
    """The longest that anybody waited for `/agent/health`, in seconds, and the most memory, in MiB."""

    waited_s: float = 0.0
    memory_mib: float = 0.0
    asked: int = 0


@asynccontextmanager
async def watched(server: ServerProcess) -> AsyncIterator[Watch]:
    """Has another process ask the server all the time how it is; afterwards one knows what it has seen."""
    watch = Watch()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.large.health_watch", str(server.port), str(server.pid),
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield watch
        told, _ = await process.communicate(b"")
        for name, value in json.loads(told).items():
            setattr(watch, name, value)
        assert watch.asked
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def memory_of(server: ServerProcess) -> float:
    """What the process has in memory now, in MiB."""
    assert server.pid is not None
    return memory_mib(server.pid)

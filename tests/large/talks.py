"""A stored talk of many large texts, a server on it, and how that one fares meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from app.storage.records import MessageRecord
from app.storage.writes import MessagesStored, SessionOpened
from tests.storage.talks import a_session, store_at
from tests.support.process import ServerProcess

MIB = 1024 * 1024


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


@asynccontextmanager
async def watched(server: ServerProcess) -> AsyncIterator[Watch]:
    """Asks the server all the time how it is."""
    watch = Watch()

    async def look() -> None:
        async with httpx.AsyncClient(verify=False, trust_env=False, timeout=30) as client:
            while True:
                began = time.perf_counter()
                await client.get(f"http://127.0.0.1:{server.port}/agent/health")
                watch.waited_s = max(watch.waited_s, time.perf_counter() - began)
                watch.memory_mib = max(watch.memory_mib, memory_mib(server))
                await asyncio.sleep(0.005)

    task = asyncio.create_task(look())
    try:
        yield watch
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def memory_mib(server: ServerProcess) -> float:
    """What the process has in memory now."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / MIB

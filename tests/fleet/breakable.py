"""A fleet of real processes whose every way breaks: to clients, between processes, to the database."""

import asyncio
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.fleet.conftest import SECRET, free_port
from tests.support.azure_standin import AzureStandin
from tests.support.process import ServerProcess, server_process
from tests.support.relay import Relay, relay_to
from tests.talks.several import Door

Break = Literal["kill", "stop", "drain", "clients", "peers", "database", "engine"]

OFTEN: dict[Break, int] = {
    "kill": 6,
    "stop": 6,
    "drain": 3,
    "clients": 18,
    "peers": 18,
    "database": 12,
    "engine": 1,
}
"""How often each is drawn, of all."""

ENDS_S = 150
"""A planned stop waits for a database that is out of reach as long as any write does, on a busy machine."""

PAUSES_S = (0.3, 2.0, 7.0)
"""How long a process is stopped: unnoticed, noticed by its clients, given up by the others (5 s)."""


@dataclass(frozen=True)
class Breakable:
    """A process, and the ways to it and from it.

    Attributes:
        front: Where clients connect.
        door: Where the other processes do.
        database: Its way to the database.
        lock: Held while it is down or stopped.
    """

    server: ServerProcess
    front: Relay
    door: Door
    database: Door
    lock: asyncio.Lock

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self.front.url

    @property
    def port(self) -> int:
        """Its own."""
        return self.server.port


@asynccontextmanager
async def breakable_fleet(
    folder: Path, address: str, model: AzureStandin, size: int, **settings: Any
) -> AsyncIterator[list[Breakable]]:
    """Processes that keep their ports when they are started again."""
    database_port = int(re.findall(r":(\d+)/", address)[0])
    async with AsyncExitStack() as stack:
        processes: list[Breakable] = []
        for number in range(size):
            own = folder / f"process{number}"
            own.mkdir()
            port, bound = free_port(), free_port()
            front = await stack.enter_async_context(relay_to(port))
            database, door = Door(database_port), Door(bound)
            for way in (database, door):
                way.port = free_port()
                await way.opens()
                stack.push_async_callback(way.aclose)
                stack.callback(way.shuts)
            server = await stack.enter_async_context(
                server_process(
                    own,
                    ("main.py", "--port", str(port)),
                    database_url=address.replace(f":{database_port}/", f":{database.port}/"),
                    fleet_address=f"http://127.0.0.1:{door.port}",
                    fleet_bind=f"127.0.0.1:{bound}",
                    fleet_secret=SECRET,
                    **model.openai(),
                    **settings,
                )
            )
            await server.starts()
            processes.append(Breakable(server, front, door, database, asyncio.Lock()))
        yield processes


class Weather:
    """Breaks one thing after the other, until it is told to end; what it began it ends.

    Attributes:
        broke: How often it did what.
    """

    def __init__(
        self, processes: Sequence[Breakable], dice: random.Random, pace_s: float, often: dict[Break, int]
    ) -> None:
        self.broke: Counter[Break] = Counter()
        self._processes = processes
        self._dice = dice
        self._pace_s = pace_s
        self._kinds = [kind for kind, times in often.items() for _ in range(times)]
        self._is_over = asyncio.Event()
        self._shut_doors: set[Door] = set()

    def ends(self) -> None:
        """Nothing breaks any more."""
        self._is_over.set()

    async def blows(self) -> None:
        """Breaks things at the pace; returns when all of them are whole again."""
        async with asyncio.TaskGroup() as group:
            while not await self._is_over_within(self._dice.uniform(0, 2 * self._pace_s)):
                kind, process = self._dice.choice(self._kinds), self._dice.choice(self._processes)
                group.create_task(self._break(kind, process))

    async def _is_over_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._is_over.wait()
        except TimeoutError:
            return False
        return True

    async def _break(self, kind: Break, process: Breakable) -> None:
        if kind in ("kill", "stop", "drain"):
            if process.lock.locked():  # it is down already
                return
            async with process.lock:
                self.broke[kind] += 1
                await self._break_process(kind, process)
            return
        self.broke[kind] += 1
        if kind == "clients":
            await self._break_way(process.front)
        elif kind == "database":
            await self._break_way(process.database)
        elif kind == "engine":
            await self._shut([each.database for each in self._processes], self._dice.uniform(0.5, 7))
        elif self._dice.random() < 0.5:
            await self._break_way(process.door)
        else:
            # The others believe that it is gone, and claim its sessions while it lives.
            await self._shut([process.door], self._dice.uniform(0.05, 0.5))

    async def _break_process(self, kind: Break, process: Breakable) -> None:
        server = process.server
        if kind == "kill":
            await server.is_killed()
            await asyncio.sleep(self._dice.choice((0, 0, 1)) * self._dice.random())
            await server.starts()
        elif kind == "drain":
            server.signals(signal.SIGTERM)
            assert await server.ends(ENDS_S) == 0
            await server.starts()
        else:
            server.signals(signal.SIGSTOP)
            try:
                await self._is_over_within(self._dice.choice(PAUSES_S))
            finally:
                server.signals(signal.SIGCONT)

    async def _break_way(self, way: Relay) -> None:
        """Cuts what goes over it, also in the middle of a message; or lets nothing through for a while."""
        how = self._dice.choice(("cut", "reset", "next", "stall"))
        match how:
            case "cut" | "reset":
                way.drop_all(how)
            case "next":
                way.break_next(self._dice.choice(("cut", "reset")), self._dice.choice(("up", "down")))
            case _:
                way.stall()
                await self._is_over_within(self._dice.uniform(0.1, 3))
                way.drop_all()

    async def _shut(self, doors: Sequence[Door], seconds: float) -> None:
        """Nobody gets through for so long."""
        if self._shut_doors.intersection(doors):
            return
        self._shut_doors.update(doors)
        for door in doors:
            door.shuts()
            door.drop_all()
        await self._is_over_within(seconds)
        for door in doors:
            await door.opens()
        self._shut_doors.difference_update(doors)

"""Generated talks over several processes that share a database, with all the ways between them breaking.

A connection of a client leads to any of the processes; the links between them, and the connections to the
database, are cut while they go on. Now and then a process takes no links: the others believe that it is gone,
and claim its sessions while it lives.
"""

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.services.sessions.live_session import LiveSession
from tests.fleet.conftest import SECRET, free_port
from tests.support.api_rules import violations
from tests.support.context import settings_with
from tests.support.relay import Fault, Relay, relay_to
from tests.support.resuming_client import ResumingClient, resuming_client
from tests.support.scripted import ScriptedModel
from tests.support.server import Server, running_server
from tests.talks.actors import Crew, answer
from tests.talks.plans import TalkPlan, TextPlan
from tests.talks.playing import SETTINGS, Played, do_step, seen

PATIENCE_S = 60
"""How long a talk may take to be whole again."""

REST_S = 0.3
"""So long nothing more may come before a talk counts as over, in seconds."""

_SETTINGS: dict[str, Any] = {**SETTINGS, "store_timeout_s": 60, "resume_window_s": 600}


class RoamingRelay(Relay):
    """Leads each connection to any of some ports."""

    def __init__(self, ports: Sequence[int], faults: Iterable[Fault | None], dice: random.Random) -> None:
        super().__init__(ports[0], faults)
        self._ports = ports
        self._dice = dice

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        self.leads_to(self._dice.choice(self._ports))
        await super().serve(reader, writer)


class Door(Relay):
    """The way to a process's port for the others, which can be shut: connections are refused then."""

    async def opens(self) -> None:
        """Takes connections, at the same port each time."""
        self._listening = await asyncio.start_server(self.serve, "127.0.0.1", self.port, backlog=1024)
        self.port = self._listening.sockets[0].getsockname()[1]

    def shuts(self) -> None:
        """Refuses new connections; those that are open stay."""
        self._listening.close()


@dataclass(frozen=True)
class Process:
    """One of the processes, and what leads to it and from it."""

    server: Server
    door: Door
    database: Relay


@dataclass(frozen=True)
class FleetStage:
    """Processes with the crew of generated talks; see `Stage`."""

    processes: Sequence[Process]
    crew: Crew
    model: ScriptedModel
    dice: random.Random

    async def plays(self, plan: TalkPlan, *, is_cut: bool) -> Played:
        """Holds one talk to its end: a cut one roams, the other one stays where it began."""
        ports = [process.server.port for process in self.processes]
        relay = RoamingRelay(ports if is_cut else ports[:1], plan.faults if is_cut else (), self.dice)
        listening = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
        relay.port = listening.sockets[0].getsockname()[1]
        try:
            async with resuming_client(relay.url) as client:
                return await self._played(client, plan)
        finally:
            listening.close()
            await relay.aclose()

    async def _played(self, client: ResumingClient, plan: TalkPlan) -> Played:
        await client.until(lambda: bool(client.session_id) or bool(client.wrong), PATIENCE_S)
        said: dict[str, tuple[int, TextPlan]] = {}
        for number, step in enumerate(plan.steps):
            await do_step(client, step, number, said)
        await client.until(lambda: set(client.receipts) == set(said) or bool(client.wrong), PATIENCE_S)
        try:
            live = await self._rests(client)
        except TimeoutError:
            raise AssertionError(self._how_it_stands(client)) from None
        rows = await self._rows(client.session_id)
        played = seen(client, said, live, self.crew, rows)
        client.log.append(("sent", {"type": "end"}))
        await client.sends({"type": "end"})
        return played

    async def _rests(self, client: ResumingClient) -> LiveSession:
        """Waits until the talk has nothing more to say, and the client has heard it all."""
        loop = asyncio.get_running_loop()
        quiet_since, before = loop.time(), -1
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await asyncio.sleep(0.02)
                live = self._owner_of(client)
                ring = live.pump.ring if live is not None else None
                is_busy = live is None or ring is None or ring.next_seq - 1 != client.last_seq
                if live is not None:
                    session = live.session
                    is_busy |= bool(live.conversation.is_busy or session.pending_tools or len(session.outbox))
                if (is_busy or client.last_seq != before) and not client.wrong:
                    quiet_since, before = loop.time(), client.last_seq
                elif live is not None and (loop.time() - quiet_since > REST_S or client.wrong):
                    return live

    def _how_it_stands(self, client: ResumingClient) -> str:
        """What is to be seen of a talk that does not come to rest."""
        lines = [f"{client.session_id} does not rest, at {client.last_seq}: {client.wrong}"]
        for number, process in enumerate(self.processes):
            live = process.server.service.sessions.get(client.session_id)
            if live is not None:
                ring, talk = live.pump.ring, live.conversation
                lines.append(
                    f"process {number}: next {ring and ring.next_seq}, link {live.pump.link is not None},"
                    f" busy {talk.is_busy}, tools {live.session.pending_tools}, state {live.session.state}"
                )
        return "\n".join([*lines, *(f"{direction} {message}" for direction, message in client.log[-30:])])

    def _owner_of(self, client: ResumingClient) -> LiveSession | None:
        """The session where its client is; None while that is on its way."""
        found = [process.server.service.sessions.get(client.session_id) for process in self.processes]
        heard = [live for live in found if live is not None and live.pump.link is not None]
        return heard[-1] if len(heard) == 1 else None

    async def _rows(self, session_id: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            query = f"?cursor={cursor}" if cursor else ""
            answered = await self.processes[0].server.get(f"/sessions/{session_id}/messages{query}")
            if answered.status_code != 200:  # the database is not there at the moment
                await asyncio.sleep(0.05)
                continue
            page = answered.json()
            rows += page["messages"]
            cursor = page["next_cursor"]
        return rows

    def requests_refused(self) -> list[list[str]]:
        """What the model's service would have refused, of all requests."""
        wrong = [violations(request.messages) for request in self.model.requests]
        return [problems for problems in [*wrong, *self.model.invalid] if problems]

    async def breaks(self) -> None:
        """Breaks a way of a process now and then, until it is cancelled."""
        while True:
            await asyncio.sleep(self.dice.uniform(0.1, 1.0))
            process = self.dice.choice(self.processes)
            match self.dice.choice(("links", "links", "database", "door")):
                case "links":
                    process.door.drop_all(self.dice.choice(("cut", "reset")))
                case "database":
                    process.database.drop_all(self.dice.choice(("cut", "reset")))
                case _:
                    process.door.shuts()
                    process.door.drop_all()
                    await asyncio.sleep(self.dice.uniform(0.05, 0.3))
                    await process.door.opens()


@asynccontextmanager
async def fleet_stage(address: str, size: int, seed: int, **settings: object) -> AsyncIterator[FleetStage]:
    """Processes for any number of talks, over one database."""
    crew, model, dice = Crew(), ScriptedModel(answer), random.Random(seed)
    port_of_database = int(re.findall(r":(\d+)/", address)[0])
    async with AsyncExitStack() as stack:
        processes: list[Process] = []
        for _ in range(size):
            database = await stack.enter_async_context(relay_to(port_of_database))
            bound = free_port()
            door = Door(bound)
            await door.opens()
            stack.push_async_callback(_closed, door)
            one = {
                "database_url": address.replace(f":{port_of_database}/", f":{database.port}/"),
                "fleet_address": f"http://127.0.0.1:{door.port}",
                "fleet_bind": f"127.0.0.1:{bound}",
                "fleet_secret": SECRET,
            }
            server = await stack.enter_async_context(
                running_server(
                    settings_with(**{**_SETTINGS, **one, **settings}), provider=model, tools=crew.tools
                )
            )
            processes.append(Process(server, door, database))
        on = FleetStage(processes, crew, model, dice)
        breaking = asyncio.create_task(on.breaks(), name="weather")
        try:
            yield on
        finally:
            breaking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await breaking


async def _closed(door: Door) -> None:
    door.shuts()
    await door.aclose()

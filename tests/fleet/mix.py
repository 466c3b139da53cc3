"""Talks over several processes while everything breaks, each held against its promises by `judge.py`.

    python -m tests.fleet.mix 200                 # talks; `make fleet-talks N=10000`
    python -m tests.fleet.mix 200 --processes 2 --at-a-time 12 --records talks.jsonl
    python -m tests.fleet.mix --judge talks.jsonl # judges what was written down before

Processes are killed, stopped for a while and go on, and are replaced by a planned stop; ways are cut between
clients and processes, from process to process, and to the database, which now and then nobody reaches. A talk
says texts and gives orders to a service that counts them. Ends with 1 where a promise was broken.
"""

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import asyncpg

from tests.fleet.breakable import OFTEN, Break, Breakable, Weather, breakable_fleet
from tests.fleet.judge import Does, answer_to, faults_of, newest_text, text_of
from tests.fleet.kills import RoamingClient, answered
from tests.fleet.talk_record import TalkRecord, record_of
from tests.storage.postgres import PostgresServer
from tests.support.answers import Answer, Text, ToolCalls
from tests.support.azure_standin import AzureStandin
from tests.support.http_wire import Received

PATIENCE_S = 120
"""How long a talk may take to be whole again, on a busy machine."""

TOLD_EVERY_S = 30
ORDERS = 0.3
"""So many of the texts are orders."""

SETTINGS: dict[str, Any] = {
    "max_messages_per_s": 1000,
    "max_messages_burst": 1000,
    "resume_window_s": 600,
    # A way that is cut must not make the store count as slow: then receipts rightly say that nothing is sure.
    "store_timeout_s": 60,
    "drain_grace_s": 5,
    "tool_inline_wait_s": 0.2,
}


class Shop:
    """Takes orders by HTTP, and writes down what has arrived."""

    def __init__(self, dice: random.Random) -> None:
        self.orders: list[tuple[str, str]] = []
        self.port = 0
        self._dice = dice
        self._serving: set[asyncio.Task[None]] = set()

    def of(self, number: int) -> list[tuple[str, str]]:
        """The orders of one talk."""
        return [(tag, key) for tag, key in self.orders if tag.startswith(f"{number}.")]

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            key = re.search(r"(?i)^idempotency-key: (\S+)", head, re.MULTILINE)
            self.orders.append((head.split()[1].rpartition("/")[2], key[1] if key else ""))
            await asyncio.sleep(self._dice.choice((0, 0.05, 0.4)))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
        writer.close()

    async def aclose(self) -> None:
        """Ends what it serves."""
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


@asynccontextmanager
async def open_shop(dice: random.Random) -> AsyncIterator[Shop]:
    """A shop on a port of its own."""
    shop = Shop(dice)
    listening = await asyncio.start_server(shop.serve, "127.0.0.1", 0, backlog=1024)
    shop.port = listening.sockets[0].getsockname()[1]
    try:
        yield shop
    finally:
        listening.close()
        await shop.aclose()


@dataclass(frozen=True)
class Mix:
    """What is held, and how.

    Attributes:
        at_a_time: So many talks go on at once.
        pace_s: Something breaks about so often.
        texts: A talk has at least and at most so many.
        records: Where each talk is written down as soon as it is over.
    """

    talks: int
    processes: int = 3
    at_a_time: int = 8
    pace_s: float = 0.4
    texts: tuple[int, int] = (3, 9)
    often: dict[Break, int] = field(default_factory=lambda: dict(OFTEN))
    records: Path | None = None


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        unpromised: Talks of which nothing was acknowledged before their process was gone.
        faults: What was promised and not kept.
    """

    records: list[TalkRecord] = field(default_factory=list[TalkRecord])
    unpromised: int = 0
    resumes: int = 0
    gaps: int = 0
    faults: list[str] = field(default_factory=list[str])
    broke: dict[Break, int] = field(default_factory=dict[Break, int])

    def line(self) -> str:
        """How far it has come."""
        texts = sum(len(record.said) for record in self.records)
        orders = sum(len(record.orders) for record in self.records)
        return (
            f"{len(self.records)} talks ({self.unpromised} more were never acknowledged), {texts} texts,"
            f" {orders} orders, resumed {self.resumes} times, {self.gaps} with a gap;"
            f" {len(self.faults)} faults"
        )


def reply_of(shop: Shop, dice: random.Random) -> Any:
    """What the model says: words, an order, or that it has heard of an order's ending."""

    def reply(request: Received) -> Answer:
        last = request.messages[-1]
        if last["role"] == "tool":
            return Text("hecho y dicho", 0.01)
        does, tag = newest_text(str(last["content"]))
        if does == "pide":
            order = {"url": f"http://127.0.0.1:{shop.port}/order/{tag}", "method": "POST", "body": "1 té"}
            return ToolCalls(("make_http_request", order), text=dice.choice(("", "voy")))
        return Text(answer_to(tag), dice.choice((0, 0.01, 0.05, 0.15)))

    return reply


class MixedTalks:
    """Holds the talks, and judges each when it is over."""

    def __init__(
        self,
        mix: Mix,
        processes: Sequence[Breakable],
        shop: Shop,
        pool: asyncpg.Pool,
        dice: random.Random,
        broke: Counter[Break],
    ) -> None:
        self.outcome = Outcome()
        self._mix = mix
        self._processes = processes
        self._shop = shop
        self._pool = pool
        self._dice = dice
        self._broke = broke
        self._numbers = iter(range(1, mix.talks + 1))

    async def hold(self) -> None:
        """Holds one talk after the other, so many at a time, until none is left."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._mix.at_a_time):
                group.create_task(self._hold_some())

    async def _hold_some(self) -> None:
        for number in self._numbers:
            await self._hold_one(number)

    async def _hold_one(self, number: int) -> None:
        client = RoamingClient(
            self._processes,  # pyright: ignore[reportArgumentType]  # it asks for their addresses alone
            self._dice,
            user_id=f"ana{number % 5}",
            heartbeat_s=1.5,
            back_off_s=0.05,
        )
        running = asyncio.create_task(client.run())
        said: dict[str, str] = {}
        try:
            late = await self._talk(client, number, said)
            record = await self._settled(client, number, said)
            await client.sends({"type": "end"})
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        self._judge(client, record, late)

    async def _talk(self, client: RoamingClient, number: int, said: dict[str, str]) -> list[str]:
        """Says the texts; returns what never came."""
        try:
            await client.until(lambda: bool(client.session_id) or bool(client.wrong), PATIENCE_S)
            for place in range(self._dice.randint(*self._mix.texts)):
                does: Does = "pide" if self._dice.random() < ORDERS else "di"
                text_id = f"{number}.{place}"
                said[text_id] = text_of(does, text_id)
                await client.says(said[text_id], text_id)
                if self._dice.random() < 0.7:
                    await client.until(lambda: _is_whole(client, said, 1), PATIENCE_S)
                await asyncio.sleep(self._dice.random() * 0.4)
            await client.until(lambda: _is_whole(client, said), PATIENCE_S)
        except TimeoutError:
            missing = set(client.receipts.values()) - answered(client)
            return [f"late: {len(client.receipts)} of {len(said)} accepted, {missing} without an ending"]
        return []

    async def _settled(self, client: RoamingClient, number: int, said: dict[str, str]) -> TalkRecord:
        """What is known of a talk as soon as nothing of it is under way any more."""
        until = time.monotonic() + PATIENCE_S
        while True:
            record = await record_of(client, said, self._shop.of(number), self._pool, self._broke["drain"])
            waits = any(row["status"] == "accepted" for row in record.rows)
            waits |= not all(call["has_ended"] for call in record.calls)
            if client.wrong or not waits or time.monotonic() > until:
                return record
            await asyncio.sleep(0.05)

    def _judge(self, client: RoamingClient, record: TalkRecord, late: list[str]) -> None:
        outcome = self.outcome
        if not record.was_promised and (client.wrong or not record.rows):
            outcome.unpromised += 1
            return
        outcome.records.append(record)
        if self._mix.records is not None:
            with self._mix.records.open("a", encoding="utf-8") as file:
                file.write(f"{record.written()}\n")
        outcome.resumes += client.resumes
        outcome.gaps += client.gaps
        outcome.faults += [f"{record.session_id}: {fault}" for fault in [*late, *faults_of(record)]]


def _is_whole(client: RoamingClient, said: dict[str, str], but: int = 0) -> bool:
    """Whether all texts have their receipts, and all but some their endings."""
    if client.wrong:
        return True
    turns = set(client.receipts.values())
    if len(client.receipts) < len(said):
        return False
    ended = answered(client) | {m["turn_id"] for m in client.heard("error") if "turn_id" in m}
    return len(turns - ended - _told_or_lost(client)) <= but


def _told_or_lost(client: RoamingClient) -> set[str]:
    """The turns whose endings a history has; and those that it lacks, and whose receipts promised nothing."""
    found: set[str] = set()
    unsafe: set[str] = set()
    for message in client.heard("message_accepted", "history"):
        if message["type"] == "message_accepted":
            unsafe |= set() if message["durable"] else {message["turn_id"]}
            continue
        entries = message["messages"]
        found |= {entry["turn_id"] for entry in entries if "ending" in entry}
        found |= unsafe - {entry["turn_id"] for entry in entries}
    return found


async def run(folder: Path, address: str, mix: Mix, seed: int) -> Outcome:
    """Holds the talks while things break; returns what came of it."""
    dice = random.Random(seed)
    async with (
        AzureStandin() as model,
        open_shop(dice) as shop,
        breakable_fleet(
            folder,
            address,
            model,
            mix.processes,
            http_tool_allowed_private=f"127.0.0.1:{shop.port}",
            **SETTINGS,
        ) as processes,
        asyncpg.create_pool(address, min_size=1, max_size=4) as pool,
    ):
        model.reply = reply_of(shop, dice)
        weather = Weather(processes, dice, mix.pace_s, mix.often)
        talks = MixedTalks(mix, processes, shop, pool, dice, weather.broke)
        telling = asyncio.create_task(_tell(talks.outcome))
        holding = asyncio.create_task(talks.hold())
        blowing = asyncio.create_task(weather.blows())
        try:
            await asyncio.wait({holding, blowing}, return_when=asyncio.FIRST_COMPLETED)
            if blowing.done():
                blowing.result()  # what breaks things is broken itself: what comes now proves nothing
            await holding
        finally:
            holding.cancel()
            telling.cancel()
            weather.ends()
            await asyncio.gather(telling, holding, return_exceptions=True)
            await blowing
        outcome = talks.outcome
        outcome.broke = dict(weather.broke)
        for process in processes:
            outcome.faults += [f"log: {told}" for told in tracebacks(process.server.log)]
        outcome.faults += [f"model: {wrong}" for wrong in model.violations]
    return outcome


def tracebacks(log: Sequence[str]) -> list[str]:
    """What a process has logged that nobody expected, each with the line before it and its last lines."""
    found: list[str] = []
    for at, line in enumerate(log):
        if "Traceback" in line:
            rest = list(takewhile(lambda each: each.startswith((" ", "Traceback")), log[at:]))
            found.append(
                "\n".join([log[max(at - 1, 0)], *rest[-8:], *log[at + len(rest) : at + len(rest) + 1]])
            )
    return found


async def _tell(outcome: Outcome) -> None:
    told = 0
    while True:
        await asyncio.sleep(TOLD_EVERY_S)
        new, told = outcome.faults[told:], len(outcome.faults)
        sys.stdout.write("".join(f"{line}\n" for line in [outcome.line(), *new[:20]]))
        sys.stdout.flush()


def judged(path: Path) -> Outcome:
    """What was written down before, judged again."""
    outcome = Outcome([TalkRecord.read(line) for line in path.read_text(encoding="utf-8").splitlines()])
    outcome.faults = [
        f"{record.session_id}: {fault}" for record in outcome.records for fault in faults_of(record)
    ]
    return outcome


def main() -> int:
    """Reads the command line; returns 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fleet.mix", description=__doc__)
    parser.add_argument("talks", type=int, nargs="?", default=200, help="how many (%(default)s)")
    parser.add_argument("--processes", type=int, default=3, help="of the fleet (%(default)s)")
    parser.add_argument("--at-a-time", type=int, default=8, help="talks (%(default)s)")
    parser.add_argument("--pace", type=float, default=0.4, help="seconds from break to break (%(default)s)")
    parser.add_argument("--only", choices=sorted(OFTEN), action="append", help="what breaks; all of it else")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--records", type=Path, help="a file for what was sent, heard and stored")
    parser.add_argument("--logs", type=Path, help="a folder for the logs of the processes")
    parser.add_argument("--judge", type=Path, help="judges such a file, and holds no talk")
    options = parser.parse_args()
    if options.judge is not None:
        return _report(judged(options.judge))
    often = {kind: times for kind, times in OFTEN.items() if kind in (options.only or OFTEN)}
    mix = Mix(
        options.talks,
        options.processes,
        options.at_a_time,
        options.pace,
        often=often,
        records=options.records,
    )
    if options.records is not None:
        options.records.unlink(missing_ok=True)
    sys.stdout.write(f"seed {options.seed}\n")
    began = time.monotonic()
    database = PostgresServer()
    database.start()
    try:
        with ExitStack() as stack:
            folder = options.logs or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            folder.mkdir(parents=True, exist_ok=True)
            outcome = asyncio.run(run(folder, database.new_database(), mix, options.seed))
    finally:
        database.remove()
    sys.stdout.write(f"{time.monotonic() - began:.0f} s; broken: {outcome.broke}\n")
    return _report(outcome)


def _report(outcome: Outcome) -> int:
    sys.stdout.write(f"{outcome.line()}\n")
    sys.stdout.writelines(f"{fault}\n" for fault in outcome.faults[:40])
    return 1 if outcome.faults or not outcome.records else 0


if __name__ == "__main__":
    sys.exit(main())

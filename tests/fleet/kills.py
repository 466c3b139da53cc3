"""Processes of a fleet are killed, one after the other, while talks go on over all of them.

    python -m tests.fleet.kills 30           # kills; `make fleet-kills N=1000`
    python -m tests.fleet.kills 30 --talks 8 --processes 3

At the end each talk is held against what was promised: no acknowledged text is lost, doubled or unanswered.
Prints how long it took from a kill until the clients of the killed process had their session again.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.test_group_d_kills import all_has_ended, check, rows_of
from tests.fleet.conftest import fleet
from tests.storage.postgres import PostgresServer
from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.process import ServerProcess
from tests.support.resuming_client import ResumingClient

PATIENCE_S = 60
"""How long a talk may take to be whole again after the last kill, on a busy machine."""

TOLD_EVERY = 25
"""So many kills are a line of progress: about half a minute."""

SETTINGS: dict[str, Any] = {
    "max_messages_per_s": 1000,
    "max_messages_burst": 1000,
    "resume_window_s": 600,
    # A busy machine must not make the store count as slow: then receipts rightly say that nothing is sure.
    "store_timeout_s": 60,
}


class RoamingClient(ResumingClient):
    """A client behind a balancer without a memory: each of its connections lands on any process.

    Attributes:
        landed_on: The process of its newest connection.
        resumed_at: When it had its session again, each time.
    """

    def __init__(self, servers: Sequence[ServerProcess], dice: random.Random, **options: Any) -> None:
        self._servers = servers
        self._dice = dice
        self.landed_on = servers[0]
        self.resumed_at: list[float] = []
        super().__init__("", **options)

    @property
    def url(self) -> str:
        """The address of any process, also of one that is down."""
        self.landed_on = self._dice.choice(self._servers)
        return self.landed_on.url

    @url.setter
    def url(self, value: str) -> None:
        """Nothing: it roams."""

    def _take(self, message: dict[str, Any]) -> None:
        before = dict(self.shown.answers) if message["type"] == "history" else {}
        super()._take(message)
        if message["type"] == "session_resumed":
            self.resumed_at.append(time.monotonic())
        # A history has the last messages alone: what was shown before stays shown.
        self.shown.answers = {**before, **self.shown.answers} if before else self.shown.answers


async def talks(
    client: RoamingClient,
    number: int,
    dice: random.Random,
    is_over: asyncio.Event,
    all_are_in: asyncio.Barrier,
) -> list[str]:
    """Says texts until the last kill; returns them when each has its receipt.

    The kills begin when each talk has its first receipt: before that nothing has been promised.
    """
    said: list[str] = []
    await client.until(lambda: bool(client.session_id), PATIENCE_S)
    while not is_over.is_set() or not said:
        content = f"texto {number}.{len(said)}"
        said.append(content)
        await client.says(content, content)
        await client.until(lambda: len(client.receipts) == len(said) or bool(client.wrong), PATIENCE_S)
        if len(said) == 1:
            await all_are_in.wait()
        # Answers that could not keep up would be asked again by the hundred.
        await client.until(
            lambda: len(client.shown.answers) > len(said) - 3 or bool(client.wrong), PATIENCE_S
        )
        await asyncio.sleep(dice.random() * 0.4)
    return said


async def is_whole(client: RoamingClient) -> None:
    """Waits until the client has the answer to each of its texts, to its end."""
    await client.until(
        lambda: set(client.receipts.values()) <= answered(client) or bool(client.wrong), PATIENCE_S
    )


def answered(client: ResumingClient) -> set[str]:
    """The turns whose answers were heard to their end, or came with a history, which has no others."""
    heard = {message["turn_id"] for message in client.heard("response_complete")}
    histories = (entry for message in client.heard("history") for entry in message["messages"])
    return heard | {entry["turn_id"] for entry in histories if entry["role"] == "assistant"}


async def kills(
    servers: Sequence[ServerProcess], clients: Sequence[RoamingClient], count: int, dice: random.Random
) -> list[float]:
    """Kills one process after the other; returns how long each client was without its session, in seconds."""
    waits: list[float] = []
    for number in range(count):
        if number and number % TOLD_EVERY == 0:
            sys.stdout.write(f"{number} of {count} kills, {len(waits)} clients cut off\n")
            sys.stdout.flush()
        await asyncio.sleep(dice.random() * 0.5)
        victim = dice.choice(servers)
        theirs = [client for client in clients if client.landed_on is victim]
        before = {client: len(client.resumed_at) for client in theirs}
        began = time.monotonic()
        await victim.is_killed()
        starting = asyncio.create_task(victim.starts())
        for client in theirs:
            seen = before[client]
            await client.until(
                lambda one=client, seen=seen: len(one.resumed_at) > seen or bool(one.wrong), PATIENCE_S
            )
            if not client.wrong:
                waits.append(client.resumed_at[seen] - began)
        await starting
    return waits


async def run(folder: Path, address: str, count: int, size: int, seed: int, many: int) -> list[float]:
    """Holds the talks, kills, and checks; returns how long clients were without their session, in seconds."""
    dice, is_over, all_are_in = random.Random(seed), asyncio.Event(), asyncio.Barrier(many + 1)
    async with (
        AzureStandin() as model,
        fleet(folder, address, model, size, **SETTINGS) as servers,
    ):
        model.reply = lambda request: Text(f"eco de {request.last_text} y ya", 0.02)
        options = {"user_id": "ana", "heartbeat_s": 5, "back_off_s": 0.05}
        clients = [RoamingClient(servers, dice, **options) for _ in range(many)]
        running = [asyncio.create_task(client.run()) for client in clients]
        try:
            async with asyncio.TaskGroup() as group:
                held = [
                    group.create_task(talks(client, number, dice, is_over, all_are_in))
                    for number, client in enumerate(clients)
                ]
                await all_are_in.wait()
                waits = await kills(servers, clients, count, dice)
                is_over.set()
            for client in clients:
                await is_whole(client)
                await all_has_ended(servers[0], client.session_id)
        except (BaseExceptionGroup, TimeoutError):
            _tell(clients, servers)
            raise
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        for client, talk in zip(clients, held, strict=True):
            check(client, talk.result(), await rows_of(servers[0], client.session_id))
        broken = [line for server in servers for line in server.log if "Traceback" in line]
        assert broken == []
    return waits


def _tell(clients: Sequence[RoamingClient], servers: Sequence[ServerProcess]) -> None:
    """Shows how the talks stood that are not whole, and what the processes say of them."""
    for client in clients:
        missing = set(client.receipts.values()) - answered(client)
        if missing or len(client.receipts) < len(client.shown.texts) or client.wrong:
            state = f"{client.wrong}, {len(missing)} without an answer"
            sys.stdout.write(f"--- {client.session_id} on {client.landed_on.port}: {state}\n")
            sys.stdout.writelines(f"{entry}\n" for entry in client.log[-25:])
            for server in servers:
                lines = [line for line in server.log if client.session_id in line or "fleet" in line]
                sys.stdout.write(f"--- {server.port}\n")
                sys.stdout.writelines(f"{line}\n" for line in lines[-25:])


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fleet.kills", description=__doc__)
    parser.add_argument("kills", type=int, help="how many")
    parser.add_argument("--talks", type=int, default=8, help="at once (%(default)s)")
    parser.add_argument("--processes", type=int, default=3, help="of the fleet (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    sys.stdout.write(f"seed {options.seed}\n")
    database = PostgresServer()
    database.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            waits = asyncio.run(
                run(
                    Path(folder),
                    database.new_database(),
                    options.kills,
                    options.processes,
                    options.seed,
                    options.talks,
                )
            )
    finally:
        database.remove()
    cuts = statistics.quantiles(waits, n=100) if len(waits) > 1 else [*waits] * 99
    sys.stdout.write(
        f"{options.kills} kills, {len(waits)} clients cut off: again after p50 {cuts[49]:.2f} s,"
        f" p99 {cuts[98]:.2f} s, at most {max(waits, default=0):.2f} s\n"
    )


if __name__ == "__main__":
    main()

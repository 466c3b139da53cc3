"""`python -m bench.fleet`: what the fence and the links of several processes cost on this machine.

Receipts of a store that has its database for itself and of one that shares it, in turns; and a token's way to
a client that has come to its session's owner, and to one that has come to another process; and for how long
one is not read whose session moves to it.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.clock import SystemClock
from app.storage.address import database_address
from app.storage.database import Database
from app.storage.membership import NodeReport, NodeTerms
from app.storage.sql_store import SqlStore
from app.storage.writes import SessionOpened, TextAccepted
from bench.report import this_machine
from tests.fleet.conftest import fleet
from tests.storage.postgres import PostgresServer
from tests.storage.talks import a_session, a_text
from tests.support.answers import Exchange, Text, begin_stream, chunk, end_stream
from tests.support.azure_standin import AzureStandin
from tests.support.process import ServerProcess

ROUNDS = 10
RECEIPTS = 200
AT_ONCE = 100
TOKENS = 300
TOKEN_EVERY_S = 0.01
WARM_UP = 20
MOVES = 40


@asynccontextmanager
async def store_at(address: str, terms: NodeTerms | None) -> AsyncIterator[SqlStore]:
    """Open a store, alone or as one of several."""
    where = database_address(address)
    if where is None:
        raise ValueError(address)
    store = SqlStore(Database(where, 10, terms=terms), SystemClock(), 10)
    await store.start()
    try:
        yield store
    finally:
        await store.aclose(5)


async def receipts(store: SqlStore) -> tuple[float, float]:
    """Return the median of a receipt alone, in ms, and the texts a second that many talks store at once."""
    sessions = [f"s{uuid4().hex}" for _ in range(AT_ONCE)]
    for session_id in sessions:
        if store.shared is not None:
            store.shared.fence.hold(session_id, 1)
        await store.write(SessionOpened(a_session(session_id)))
    lasted: list[float] = []
    for number in range(RECEIPTS):
        began = time.perf_counter()
        await store.write(TextAccepted(sessions[0], a_text(number)))
        lasted.append(1000 * (time.perf_counter() - began))

    async def talks(session_id: str) -> None:
        for number in range(RECEIPTS, RECEIPTS + 20):
            await store.write(TextAccepted(session_id, a_text(number)))

    began = time.perf_counter()
    await asyncio.gather(*map(talks, sessions))
    return statistics.median(lasted), 20 * AT_ONCE / (time.perf_counter() - began)


async def fence(server: PostgresServer) -> list[str]:
    """Measure receipts without and with the fence, in turns."""
    alone: list[tuple[float, float]] = []
    shared: list[tuple[float, float]] = []
    terms = NodeTerms("http://127.0.0.1:9", "0", lambda: NodeReport("serving", 0, 0))
    for _ in range(ROUNDS):
        for found, own in ((alone, None), (shared, terms)):
            async with store_at(server.new_database(), own) as store:
                found.append(await receipts(store))
    lines: list[str] = []
    for number, (what, unit) in enumerate((("a receipt", "ms"), ("texts stored", "a second"))):
        without = statistics.median(one[number] for one in alone)
        with_it = statistics.median(one[number] for one in shared)
        lines.append(
            f"| {what}, p50 | {without:.2f} {unit} | {with_it:.2f} {unit} | {with_it - without:+.2f},"
            f" {with_it / without:.0%} |"
        )
    return lines


class Ticking:
    """An answer whose tokens say when they left the model."""

    async def send(self, exchange: Exchange) -> None:
        """See `Answer`."""
        await begin_stream(exchange)
        await exchange.event(chunk({"role": "assistant", "content": ""}))
        for _ in range(TOKENS):
            await asyncio.sleep(TOKEN_EVERY_S)
            await exchange.event(chunk({"content": f"{time.perf_counter():.6f} "}))
        await end_stream(exchange, "stop", TOKENS)


async def open_socket(server: ServerProcess) -> ClientConnection:
    """Connect without a word."""
    protocols = [Subprotocol("voice-agent.v2")]
    return await connect(server.url, subprotocols=protocols, proxy=None, compression=None)


async def heard(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message of a type."""
    while True:
        message: dict[str, Any] = orjson.loads(await socket.recv())
        if message["type"] == kind:
            return message


async def delays(socket: ClientConnection) -> list[float]:
    """Ask once; return how long each token took from the model to here, in ms."""
    await socket.send(orjson.dumps({"type": "text", "content": "cuenta", "id": uuid4().hex}).decode())
    found: list[float] = []
    while True:
        message: dict[str, Any] = orjson.loads(await socket.recv())
        now = time.perf_counter()
        if message["type"] == "response_chunk":
            found += [1000 * (now - float(text)) for text in message["content"].split()]
        elif message["type"] == "response_complete":
            return found[WARM_UP:]


async def links(server: PostgresServer) -> list[str]:
    """Measure a token's way to a client of the owner, and of another process, in turns."""
    direct: list[float] = []
    forwarded: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with AzureStandin() as model, fleet(Path(folder), server.new_database(), model) as (own, other):
            model.reply = lambda _: Ticking()
            socket = await open_socket(own)
            await socket.send('{"type":"start"}')
            created = await heard(socket, "session_created")
            token, last_seq = created["resume_token"], 0
            for _ in range(ROUNDS // 2):
                for found, place in ((direct, own), (forwarded, other)):
                    socket = await open_socket(place)
                    resume = {
                        "type": "resume",
                        "session_id": created["session_id"],
                        "resume_token": token,
                        "last_seq": last_seq,
                    }
                    await socket.send(orjson.dumps(resume).decode())
                    token = (await heard(socket, "session_resumed"))["resume_token"]
                    found += await delays(socket)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.3):
                            while True:
                                last_seq = orjson.loads(await socket.recv()).get("seq", last_seq)
                    socket.transport.abort()
    lines: list[str] = []
    for name, percent in (("p50", 49), ("p99", 98)):
        straight, led = (statistics.quantiles(each, n=100)[percent] for each in (direct, forwarded))
        lines.append(
            f"| a token from the model to the client, {name} | {straight:.2f} ms | {led:.2f} ms |"
            f" {led - straight:+.2f} ms |"
        )
    return lines


async def moves(server: PostgresServer) -> list[str]:
    """Measure for how long a client is not read whose session moves to where it has landed."""
    frozen: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with AzureStandin() as model, fleet(Path(folder), server.new_database(), model) as (own, other):
            model.reply = lambda request: Text(f"eco de {request.last_text}")
            sockets: list[ClientConnection] = []
            for _ in range(MOVES):
                socket = await open_socket(own)
                await socket.send('{"type":"start"}')
                created = await heard(socket, "session_created")
                await socket.send('{"type":"text","content":"hola","id":"a"}')
                last_seq = (await heard(socket, "response_complete"))["seq"]
                socket.transport.abort()
                sockets.append(await open_socket(other))
                resume = {
                    "type": "resume",
                    "session_id": created["session_id"],
                    "resume_token": created["resume_token"],
                    "last_seq": last_seq,
                }
                await sockets[-1].send(orjson.dumps(resume).decode())
                # One after another: many at once wait for each other, and for this process.
                async with asyncio.timeout(60):
                    while len(frozen) < len(sockets):
                        await asyncio.sleep(0.05)
                        lines = [line for line in other.log if "session_moved" in line]
                        frozen = [float(line.partition("frozen_ms=")[2].split()[0]) for line in lines]
            for socket in sockets:
                socket.transport.abort()
    cuts = statistics.quantiles(frozen, n=100)
    return [
        f"| a client whose session moves to it is not read for, {name} | | {cuts[percent]:.1f} ms | |"
        for name, percent in (("p50", 49), ("p99", 98))
    ]


async def _run() -> list[str]:
    server = PostgresServer()
    server.start()
    try:
        return [*await fence(server), *await links(server), *await moves(server)]
    finally:
        server.remove()


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__).parse_args()
    sys.stdout.write(f"{this_machine(0)}\n\n| what | one process | several | more |\n|---|---|---|---|\n")
    sys.stdout.writelines(f"{line}\n" for line in asyncio.run(_run()))


if __name__ == "__main__":
    main()

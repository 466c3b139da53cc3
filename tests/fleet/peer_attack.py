"""Attacks on the port for the other processes: what is forged, replayed, oversized, unfinished or senseless.

    python -m tests.fleet.peer_attack --seconds 3600

Each attack knows what must come of it; mistakes of who has the secret are among them. Prints how often each
was made, and what came otherwise; ends with 1 if anything did.
"""

import argparse
import asyncio
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from app.clock import SystemClock
from app.fleet.caller import Caller
from app.fleet.links import LINK_PATH
from app.fleet.peer_port import PROBE_PATH
from app.fleet.peers import ASK_PATH
from app.fleet.sessions import MAX_QUESTION_BYTES
from app.fleet.signing import HEADER, Signed, Signer
from tests.fleet.conftest import SECRET, fleet
from tests.fleet.mix import tracebacks
from tests.storage.postgres import PostgresServer
from tests.support.azure_standin import AzureStandin
from tests.support.process import ServerProcess

HANDSHAKE_TIMEOUT_S = 2
ENDS_S: Final = 20.0
"""Whoever sends nothing more, or a byte now and then, is let go by then."""

SETTINGS = {
    "handshake_timeout_s": HANDSHAKE_TIMEOUT_S,
    "first_message_timeout_s": 2,
    "max_message_bytes": 65_536,
}
STATES = orjson.dumps({"ask": "states"})


@dataclass
class Port:
    """The port of one process, as an attacker sees it.

    Attributes:
        life: Of the process.
        seen: A signed request that was overheard.
    """

    number: int
    life: str
    signer: Signer = field(default_factory=lambda: Signer([SECRET], SystemClock()))
    stranger: Signer = field(default_factory=lambda: Signer(["f" * 64], SystemClock()))
    seen: bytes = b""

    def head(self, method: str, path: str, *lines: str, to: str | None = None) -> str:
        """The beginning of a request."""
        life = self.life if to is None else to
        fixed = [f"{method} {path} HTTP/1.1", f"Host: {self.life}", f"fleet-to: {life}", "Connection: close"]
        return "\r\n".join([*fixed, *lines, "", ""])

    def question(
        self, body: bytes, *lines: str, by: Signer | None = None, signed: bytes | None = None
    ) -> bytes:
        """A question, signed for what it is or for something else."""
        of = Signed("POST", ASK_PATH, self.life, body if signed is None else signed)
        signature = f"{HEADER}: {(by or self.signer).sign(of)}"
        return self.head("POST", ASK_PATH, signature, f"Content-Length: {len(body)}", *lines).encode() + body

    async def answers(self, request: bytes) -> str:
        """The status that comes of a request; `closed` where none does."""
        async with asyncio.timeout(ENDS_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
            try:
                writer.write(request)
                await writer.drain()
                line = await reader.readline()
            except ConnectionError:
                return "closed"
            finally:
                writer.close()
        return line.decode("latin-1").split(" ")[1] if line else "closed"

    async def opens(self, *headers: tuple[str, str]) -> str:
        """The status of a link's handshake; then how it is closed that says nothing."""
        address = f"ws://127.0.0.1:{self.number}{LINK_PATH}"
        try:
            async with connect(address, additional_headers=list(headers), proxy=None) as link:
                async with asyncio.timeout(ENDS_S):
                    while True:
                        await link.recv()
        except ConnectionClosed as exc:
            return str(exc.rcvd.code if exc.rcvd is not None else "closed")
        except WebSocketException as exc:
            return str(getattr(getattr(exc, "response", None), "status_code", "closed"))


async def _strange(port: Port) -> str:
    return await port.answers(port.question(STATES, by=port.stranger))


async def _unsigned(port: Port) -> str:
    head = port.head("POST", ASK_PATH, f"Content-Length: {len(STATES)}")
    return await port.answers(head.encode() + STATES)


async def _replayed(port: Port) -> str:
    if not port.seen:
        port.seen = port.question(STATES)
        assert await port.answers(port.seen) == "200"
    return await port.answers(port.seen)


async def _for_another_life(port: Port) -> str:
    of = Signed("GET", PROBE_PATH, "another")
    return await port.answers(
        port.head("GET", PROBE_PATH, f"{HEADER}: {port.signer.sign(of)}", to="another").encode()
    )


async def _turned_to_another_life(port: Port) -> str:
    of = Signed("GET", PROBE_PATH, "another")
    return await port.answers(port.head("GET", PROBE_PATH, f"{HEADER}: {port.signer.sign(of)}").encode())


async def _proxied(port: Port) -> str:
    line = random.choice(("X-Forwarded-For: 10.0.0.1", "Via: 1.1 proxy", "Forwarded: for=10.0.0.1"))
    return await port.answers(port.question(STATES, line))


async def _other_content(port: Port) -> str:
    return await port.answers(port.question(b'{"ask":"erase_user","user_id":"ana"}', signed=STATES))


async def _senseless(port: Port) -> str:
    wrong = (b"", b"{", b"[]", b"null", b'{"ask":"everything"}', b'{"ask":"erase"}', random.randbytes(200))
    return await port.answers(port.question(random.choice(wrong)))


async def _too_long(port: Port) -> str:
    return await port.answers(port.question(b"x" * (MAX_QUESTION_BYTES + 1)))


async def _too_long_and_forged(port: Port) -> str:
    return await port.answers(port.question(b"x" * (4 * MAX_QUESTION_BYTES), by=port.stranger))


async def _unfinished_head(port: Port) -> str:
    return await port.answers(b"POST /fleet/ask HTTP/1.1\r\nHost: x\r\n")


async def _unfinished_body(port: Port) -> str:
    signature = port.stranger.sign(Signed("POST", ASK_PATH, port.life, STATES))
    head = port.head("POST", ASK_PATH, f"{HEADER}: {signature}", "Content-Length: 1000")
    return await port.answers(head.encode() + b"x")


async def _long_head(port: Port) -> str:
    return await port.answers(port.head("GET", PROBE_PATH, "x: " + "y" * 200_000).encode())


async def _other_version(port: Port) -> str:
    signature = port.signer.sign(Signed("GET", PROBE_PATH, port.life))
    return await port.answers(
        port.head("GET", PROBE_PATH, f"{HEADER}: v{random.choice('023')}{signature[2:]}").encode()
    )


async def _no_http(port: Port) -> str:
    return await port.answers(random.randbytes(400) + b"\r\n\r\n")


async def _other_paths(port: Port) -> str:
    path = random.choice(("/", "/ws", "/agent/health", "/sessions", "/fleet", "/fleet/link/../../sessions"))
    return await port.answers(port.head("GET", path).encode())


async def _unsigned_link(port: Port) -> str:
    return await port.opens(("fleet-to", port.life), ("fleet-caller", Caller("voice-agent.v2").header()))


def _link_headers(port: Port, told: str) -> list[tuple[str, str]]:
    signature = port.signer.sign(Signed("GET", LINK_PATH, port.life, told.encode()))
    return [(HEADER, signature), ("fleet-to", port.life), ("fleet-caller", told)]


async def _nobodys_link(port: Port) -> str:
    return await port.opens(
        *_link_headers(port, random.choice(("%%%", "bnVsbA==", "W10=", "eyJ3aXJlIjogMX0=")))
    )


async def _unknown_wire(port: Port) -> str:
    return await port.opens(*_link_headers(port, Caller("voice-agent.v99").header()))


async def _garbled_channel(port: Port) -> str:
    told = Caller("voice-agent.v2").header()
    return await port.opens(*_link_headers(port, told), ("fleet-control", "v1 1 2 3"))


async def _silent_link(port: Port) -> str:
    return await port.opens(*_link_headers(port, Caller("voice-agent.v2").header()))


ATTACKS: dict[str, tuple[Callable[[Port], Awaitable[str]], set[str]]] = {
    "by another secret": (_strange, {"403"}),
    "without a signature": (_unsigned, {"403"}),
    "overheard and sent again": (_replayed, {"403"}),
    "for another life": (_for_another_life, {"421"}),
    "signed for another life and turned to this": (_turned_to_another_life, {"403"}),
    "through a proxy": (_proxied, {"403"}),
    "signed for other words": (_other_content, {"403"}),
    "signed and senseless": (_senseless, {"400"}),
    "signed and too long": (_too_long, {"413", "closed"}),
    "too long, by another secret": (_too_long_and_forged, {"413", "closed"}),
    "an unfinished head": (_unfinished_head, {"closed", "408"}),
    "an unfinished body": (_unfinished_body, {"closed", "408"}),
    "a head without end": (_long_head, {"closed", "400", "431"}),
    "of another version": (_other_version, {"403"}),
    "no HTTP": (_no_http, {"400", "closed"}),
    "other paths": (_other_paths, {"404"}),
    "a link without a signature": (_unsigned_link, {"403"}),
    "a link of nobody": (_nobodys_link, {"400"}),
    "a link of an unknown wire protocol": (_unknown_wire, {"400"}),
    "a link with a garbled channel": (_garbled_channel, {"400", "4408", "1012"}),
    "a link that says nothing": (_silent_link, {"4408"}),
}


@dataclass
class Report:
    """What came of it."""

    made: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])
    grown_kib: int = 0
    slowest_probe_s: float = 0.0


async def attack(port: Port, kinds: Sequence[str], times: int, at_once: int, report: Report) -> None:
    """Makes each attack so many times, some at once."""
    todo = iter([kind for kind in kinds for _ in range(times)])

    async def some() -> None:
        for kind in todo:
            make, wanted = ATTACKS[kind]
            try:
                found = await make(port)
            except (TimeoutError, OSError) as exc:
                found = f"{type(exc).__name__} {exc}"
            report.made[kind] += 1
            if found not in wanted:
                report.wrong.append(f"{kind}: {found}")

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(some())


async def _probes(port: Port, report: Report) -> None:
    """Asks as the other processes do, and measures how long that takes meanwhile."""
    while True:
        began = time.monotonic()
        found = await port.answers(port.question(STATES))
        report.slowest_probe_s = max(report.slowest_probe_s, time.monotonic() - began)
        if found != "200":
            report.wrong.append(f"a process of the fleet: {found}")
        await asyncio.sleep(0.2)


async def life_of(address: str, server: ServerProcess) -> str:
    """The life of a process."""
    database = await asyncpg.connect(address)
    try:
        found = await database.fetchval(
            "SELECT id FROM nodes WHERE address = $1 AND state = 'serving'", server.setting("fleet_address")
        )
    finally:
        await database.close()
    return str(found)


def _resident_kib(server: ServerProcess) -> int:
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0])


async def run(folder: Path, address: str, times: int, at_once: int, seconds: float = 0) -> Report:
    """Attacks one of two processes, at least so many times with each attack and for so long."""
    report = Report()
    async with AzureStandin() as model, fleet(folder, address, model, **SETTINGS) as (server, other):
        port = Port(int(server.setting("fleet_address").rpartition(":")[2]), await life_of(address, server))
        until = time.monotonic() + seconds
        probing = asyncio.create_task(_probes(port, report))
        try:
            await attack(port, list(ATTACKS), 1, at_once, report)
            before = _resident_kib(server)
            while True:
                await attack(port, random.sample(list(ATTACKS), len(ATTACKS)), times, at_once, report)
                if time.monotonic() >= until:
                    break
            report.grown_kib = _resident_kib(server) - before
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
        # Both still know each other.
        for one in (server, other):
            nodes = (await one.asks("GET", "/agent/health")).json()["fleet"]["nodes"]
            if [node["state"] for node in nodes] != ["serving", "serving"]:
                report.wrong.append(f"afterwards: {nodes}")
        report.wrong += [f"log: {told}" for told in tracebacks(server.log)]
    return report


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fleet.peer_attack", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="at least (%(default)s)")
    parser.add_argument("--times", type=int, default=20, help="each attack in a round (%(default)s)")
    parser.add_argument("--at-once", type=int, default=20, help="(%(default)s)")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    database = PostgresServer()
    database.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            address = database.new_database()
            report = asyncio.run(run(Path(folder), address, options.times, options.at_once, options.seconds))
    finally:
        database.remove()
    sys.stdout.writelines(f"{times:7} {kind}\n" for kind, times in report.made.items())
    sys.stdout.write(
        f"memory grew by {report.grown_kib / 1024:.1f} MiB; a process of the fleet waited"
        f" {report.slowest_probe_s:.2f} s at most; {len(report.wrong)} came otherwise\n"
    )
    sys.stdout.writelines(f"{wrong}: {times}\n" for wrong, times in Counter(report.wrong).most_common(30))
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

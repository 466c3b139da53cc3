"""A bad network: a TCP relay that breaks connections at a drawn byte, in a drawn way and direction."""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

Direction = Literal["up", "down"]
"""`up` is what the client sends, `down` what the server sends."""

Kind = Literal["cut", "reset", "stall", "delay", "trickle"]

PIECE_BYTES = 65_536

CRUMBS = 40
"""What a trickling connection makes of each piece."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one connection.

    Attributes:
        kind: `cut` ends both sides with a FIN, `reset` with an RST; `stall` copies nothing more in either
            direction and keeps both sockets; `delay` and `trickle` go on, late or in crumbs.
        after_bytes: So many bytes of the direction get through first, the upgrade included.
        delay_s: How long each later piece waits, in seconds, where the kind is `delay`.
    """

    kind: Kind
    direction: Direction = "down"
    after_bytes: int = 0
    delay_s: float = 0.01


class Pipe:
    """One connection through the relay."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        fault: Fault | None,
        idle_s: float | None,
    ) -> None:
        self._client_reader, self._client_writer = client
        self._server_reader, self._server_writer = server
        self._fault = fault
        self._idle_s = idle_s
        self._active_at = asyncio.get_running_loop().time()
        self._copied: dict[Direction, int] = {"up": 0, "down": 0}
        self._is_stalled = asyncio.Event()
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Copies until one side ends, or the fault ends both."""
        copies = [
            asyncio.create_task(self._copy("up", self._client_reader, self._server_writer)),
            asyncio.create_task(self._copy("down", self._server_reader, self._client_writer)),
        ]
        if self._idle_s is not None:
            copies.append(asyncio.create_task(self._cut_when_idle(self._idle_s)))
        try:
            await self._ended.wait()
        finally:
            for copy in copies:
                copy.cancel()
            await asyncio.gather(*copies, return_exceptions=True)
            self.drop("cut")

    async def _cut_when_idle(self, idle_s: float) -> None:
        loop = asyncio.get_running_loop()
        while (left_s := self._active_at + idle_s - loop.time()) > 0:  # noqa: ASYNC110  # it is a clock
            await asyncio.sleep(left_s)
        self.drop("cut")

    def stall(self) -> None:
        """Copies nothing more; both sides keep their sockets."""
        self._is_stalled.set()

    def drop(self, kind: Literal["cut", "reset"]) -> None:
        """Ends both sides, with a FIN or an RST."""
        for writer in (self._client_writer, self._server_writer):
            if kind == "reset":
                raw: socket.socket | None = writer.get_extra_info("socket")
                if raw is not None and raw.fileno() >= 0:
                    # A linger of zero makes the kernel send an RST in place of a FIN.
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()
        self._ended.set()

    def break_next(self, kind: Kind, direction: Direction, **values: float) -> None:
        """Lets the fault befall the next byte of a direction."""
        self._fault = Fault(kind, direction, self._copied[direction], **values)

    async def _copy(
        self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(PIECE_BYTES):
                self._active_at = asyncio.get_running_loop().time()
                if self._is_stalled.is_set():
                    await self._ended.wait()
                fault = (
                    self._fault if self._fault is not None and self._fault.direction == direction else None
                )
                good = len(piece) if fault is None else max(0, fault.after_bytes - self._copied[direction])
                self._copied[direction] += len(piece)
                writer.write(piece[:good])
                if fault is not None and good <= len(piece):
                    if await self._break(fault):
                        await self._send_badly(fault, piece[good:], writer)
                    continue
                await writer.drain()
        if not self._is_stalled.is_set():
            self.drop("cut")

    async def _break(self, fault: Fault) -> bool:
        """Does what the fault says; whether the connection goes on after it."""
        if fault.kind in ("cut", "reset"):
            await asyncio.sleep(0)  # what was let through is handed to the kernel first
            self.drop("cut" if fault.kind == "cut" else "reset")
            return False
        if fault.kind == "stall":
            self.stall()
            await self._ended.wait()
            return False
        return True

    async def _send_badly(self, fault: Fault, piece: bytes, writer: asyncio.StreamWriter) -> None:
        if fault.kind == "delay":
            await asyncio.sleep(fault.delay_s)
            writer.write(piece)
            await writer.drain()
            return
        size = len(piece) // CRUMBS + 1
        for n in range(0, len(piece), size):
            writer.write(piece[n : n + size])
            await writer.drain()
            await asyncio.sleep(0)


class Relay:
    """Listens on a port and passes each connection on to the server.

    Args:
        port: The server's.
        faults: One for each connection, in their order; later connections have none.
        idle_s: A connection over which nothing goes for so long is cut.

    Attributes:
        pipes: The connections that are open.
        connections: How many there have been.
    """

    def __init__(self, port: int, faults: Iterable[Fault | None] = (), idle_s: float | None = None) -> None:
        self._idle_s = idle_s
        self._server_port = port
        self._faults = deque(faults)
        self._tasks: set[asyncio.Task[None]] = set()
        self.pipes: set[Pipe] = set()
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        """The address of the server's WebSocket, by way of the relay."""
        return f"ws://127.0.0.1:{self.port}/ws"

    def leads_to(self, port: int) -> None:
        """Where connections go from now on."""
        self._server_port = port

    def add_fault(self, fault: Fault | None) -> None:
        """What the connection after those that have one already will suffer."""
        self._faults.append(fault)

    def stall(self) -> None:
        """Stops copying on all connections; they stay open."""
        for pipe in self.pipes:
            pipe.stall()

    def break_next(self, kind: Kind, direction: Direction, **values: float) -> None:
        """Lets a fault befall the next byte of a direction, on all connections."""
        for pipe in self.pipes:
            pipe.break_next(kind, direction, **values)

    def drop_all(self, kind: Literal["cut", "reset"] = "reset") -> None:
        """Ends all connections."""
        for pipe in list(self.pipes):
            pipe.drop(kind)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        fault = self._faults.popleft() if self._faults else None
        pipe = None
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self._server_port)
            pipe = Pipe((reader, writer), upstream, fault, self._idle_s)
            self.pipes.add(pipe)
            await pipe.run()
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()  # ends quietly either way: asyncio's server would log a cancellation
        finally:
            if pipe is not None:
                self.pipes.discard(pipe)
            self._tasks.discard(task)

    async def aclose(self) -> None:
        """Ends all connections and waits for their tasks."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def relay_to(
    port: int, faults: Iterable[Fault | None] = (), *, idle_s: float | None = None
) -> AsyncIterator[Relay]:
    """A relay to a server of this machine, closed at the end."""
    relay = Relay(port, faults, idle_s)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0, backlog=1024)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        await relay.aclose()
        await server.wait_closed()

"""A wire protocol of plain lines over TCP, for people with `nc`: all of it is in this file.

What a person types is what they say; lines that begin with a slash are orders.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from app.errors import Locale, UnknownType
from app.protocol.asking import ApprovalWays
from app.protocol.commands import CancelTool, Command, End, Interrupt, Ping, Say
from app.protocol.events import (
    ErrorOccurred,
    Event,
    Pong,
    ResponseChunk,
    ResponseComplete,
    SessionCreated,
    ToolFinished,
    ToolStarted,
)
from app.protocol.wire import Frame, FrameLimits, Opening, Start
from app.services.websocket_agent_service import WebSocketAgentService
from app.session.transport import ConnectionGone


class PlainLines:
    """One line is one frame; a session ends with its connection."""

    name = "plain-lines"
    is_replayable = False
    approvals = ApprovalWays(in_words=True)
    is_personal = False

    def open(self, first: str | bytes | None, limits: FrameLimits) -> Opening | None:
        """Nothing has to be said first: who connects has a session."""
        return Opening(lambda: Start("somebody"))

    def read(self, raw: str | bytes, limits: FrameLimits) -> Frame:
        """Read a line."""
        return Frame(lambda: commands_of(str(raw)))

    def is_numbered(self, event: Event) -> bool:
        """Return False: nothing comes again."""
        return False

    def encode(self, event: Event, locale: Locale, seq: int | None) -> Sequence[str]:
        """Return the line for an event, or none."""
        match event:
            case SessionCreated(session_id=session_id):
                return (f"* session {session_id}",)
            case ResponseChunk(content=content):
                return (f"< {content!r}",)
            case ResponseComplete():
                return ("* done",)
            case ToolStarted(name=name, call_id=call_id):
                return (f"* tool {name} {call_id}",)
            case ToolFinished(name=name, status=status, result=result):
                return (f"* tool {name} {status} {result}",)
            case ErrorOccurred(error):
                return (f"! {error.sentence(locale)}",)
            case Pong():
                return ("* here",)
            case _:
                return ()


def commands_of(line: str) -> Sequence[Command]:
    """Return what a line asks for.

    Raises:
        UnknownType: It is an order that there is not.
    """
    match line.split():
        case ["/stop"]:
            return (Interrupt(),)
        case ["/cancel", call_id]:
            return (CancelTool(call_id),)
        case ["/ping"]:
            return (Ping(),)
        case ["/bye"]:
            return (End(),)
        case [word, *_] if word.startswith("/"):
            raise UnknownType(type=word)
        case _:
            return (Say(line),)


class LineTransport:
    """A `Transport` over a TCP stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.close_code: int | None = None
        self.fault_code: int | None = None
        self._reader = reader
        self._writer = writer

    async def receive(self) -> str | bytes | None:
        """The next line; None when the peer has gone."""
        try:
            line = await self._reader.readline()
        except (OSError, ValueError):  # cut, or a line without an end
            return None
        return line.decode(errors="replace").rstrip("\r\n") if line else None

    async def send(self, message: str | bytes) -> None:
        """Sends a line."""
        if not self.send_at_once(message):
            raise ConnectionGone
        await self._writer.drain()

    def send_at_once(self, message: str | bytes) -> bool:
        """Sends a line if the peer is there."""
        if self._writer.is_closing():
            return False
        self._writer.write(str(message).encode() + b"\n")
        return True

    def abort(self) -> None:
        """Cuts the connection."""
        self._writer.transport.abort()

    async def close(self, code: int, reason: str = "") -> None:
        """Says why, and closes."""
        self.send_at_once(f"* closed {code} {reason}")
        self._writer.close()


@asynccontextmanager
async def lines_served_by(service: WebSocketAgentService) -> AsyncIterator[int]:
    """The port on which a service talks in plain lines."""
    going: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await service.serve(LineTransport(reader, writer), PlainLines())
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going.add(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(begin, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*going)

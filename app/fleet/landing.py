"""Where a client has landed: its frames go to the process that owns its session, and come from there.

This end reads and understands nothing of them. When the owner says that the session could move, this end
stops reading from the client, says so, and waits: for the session itself, or for a word that it stays. What
the client sends meanwhile stays unread, and belongs to whoever has the session then.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from app.errors import ServerFull
from app.fleet.control import Control, ControlChannel
from app.fleet.signing import Refused
from app.protocol.close_codes import CloseCode
from app.services.sessions.directory import Landed
from app.session.transport import ConnectionGone, Transport

logger = logging.getLogger(__name__)

MOST_FROZEN_S: Final = 5.0
"""For so long a client may be unread; then it is sent away, to come back to whoever has its session."""

CLIENT_GONE: Final = 1001
"""What the owner is told of a client that left without a word."""


class HeldTransport:
    """A client's connection of which one frame has been read, or is being read, that nobody has had yet.

    Args:
        inner: The connection.
        first: Reads that frame.
    """

    def __init__(self, inner: Transport, first: "asyncio.Task[str | bytes | None]") -> None:
        self._inner = inner
        self._first: asyncio.Task[str | bytes | None] | None = first
        self.send = inner.send
        self.send_at_once = inner.send_at_once
        self.abort = inner.abort
        self.close = inner.close

    @property
    def close_code(self) -> int | None:
        """See `Transport`."""
        return self._inner.close_code

    @property
    def fault_code(self) -> int | None:
        """See `Transport`."""
        return self._inner.fault_code

    async def receive(self) -> str | bytes | None:
        """See `Transport`."""
        first = self._first
        if first is None:
            return await self._inner.receive()
        try:
            frame = await asyncio.shield(first)
        except asyncio.CancelledError:
            first.cancel()  # the connection is over; nobody else would end it
            raise
        self._first = None
        return frame


class Crossing:
    """One client's frames, both ways, until one of the ends goes or the session has come here.

    Args:
        connection: The open link.
        channel: Words between the two ends; None where the session never moves.
        transport: The client's connection.
        takes: Says whether this process would have a session, from what its owner says that it needs.
    """

    def __init__(
        self,
        connection: ClientConnection,
        channel: ControlChannel | None,
        transport: Transport,
        takes: Callable[[bytes], bool],
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._transport = transport
        self._takes = takes
        self._gate: asyncio.Future[bool] | None = None
        self._frozen_at = 0.0

    async def carry(self) -> Landed | None:
        """Pass frames on; return the session if it has come here, with its client's connection."""
        there = asyncio.create_task(self._there(), name="link there")
        back = asyncio.create_task(self._back(), name="link back")
        landed: Landed | None = None
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            parcel = back.result() if back.done() else None
            if parcel is not None:
                landed = Landed(parcel, HeldTransport(self._transport, there), self._frozen_at)
            return landed
        finally:
            back.cancel()
            if landed is None:
                there.cancel()
                await asyncio.wait({there, back})
                for task in (there, back):
                    if not task.cancelled() and (error := task.exception()) is not None:
                        raise error

    async def _there(self) -> str | bytes | None:
        """Pass on what the client sends, until it goes; return what it sent first after the session moved."""
        try:
            while (frame := await self._transport.receive()) is not None and not await self._has_moved():
                await self._connection.send(frame)
        except ConnectionClosed:
            await close_as(self._connection, self._transport)
            return None
        except ServerFull:  # there was no room for a large message: it comes again, and its session waits
            if await self._has_moved():
                raise
            await self._transport.close(CloseCode.TRY_LATER, "no room for a large message")
            await self._connection.close(CLIENT_GONE)
            return None
        if frame is not None or await self._has_moved():
            return frame
        code = self._transport.close_code
        await self._connection.close(code if code is not None and may_be_sent(code) else CLIENT_GONE)
        return None

    async def _has_moved(self) -> bool:
        """Return whether the session is here now; wait while that is open."""
        return self._gate is not None and await self._gate

    async def _back(self) -> bytes | None:
        """Pass on what the owner sends, until it closes; or return the session that it lets go."""
        try:
            while True:
                async with asyncio.timeout(None if self._gate is None else MOST_FROZEN_S):
                    frame = await self._connection.recv()
                control = self._channel.read(frame) if self._channel is not None else None
                if control is not None and self._channel is not None:
                    if await self._heed(control, self._channel):
                        return control.body
                elif not self._transport.send_at_once(frame):
                    await self._transport.send(frame)
        except ConnectionGone:
            await self._connection.close(CLIENT_GONE)
        except (TimeoutError, Refused) as exc:
            logger.warning("link_broke", extra={"cause": str(exc) or "the owner has not let the session go"})
            await self._connection.close(CLIENT_GONE)
            await self._transport.close(CloseCode.RESTART, "the way to the session broke")
        except ConnectionClosed:
            await close_as(self._connection, self._transport)
        return None

    async def _heed(self, control: Control, channel: ControlChannel) -> bool:
        """Do what the owner says; return whether the session is here now."""
        gate = self._gate
        match control.word:
            case "quiet" if gate is None and self._takes(control.body):
                loop = asyncio.get_running_loop()
                self._gate, self._frozen_at = loop.create_future(), loop.time()
                # What was read before is off: it was given to the link in the moment in which it was read.
                await self._connection.send(channel.write("freeze"))
            case "thaw" | "parcel" if gate is not None:
                self._gate = None if control.word == "thaw" else gate
                gate.set_result(control.word == "parcel")
                return control.word == "parcel"
            case _:
                logger.debug("link_word", extra={"word": control.word})
        return False


async def close_as(connection: ClientConnection, transport: Transport) -> None:
    """Close the client as the owner closed the link, or with 1012 where that broke."""
    code, reason = connection.close_code, connection.close_reason
    if code is None or not may_be_sent(code):
        logger.info("link_broke", extra={"close_code": code})
        code, reason = CloseCode.RESTART, "the way to the session broke"
    await transport.close(code, reason or "")


def may_be_sent(code: int) -> bool:
    """Return whether a close frame may have it (RFC 6455, 7.4): 1005, 1006 and 1015 stand for none."""
    return code in (1000, 1001, 1002, 1003, *range(1007, 1015)) or 3000 <= code <= 4999

"""Links: a client that has come to this process talks with the one that owns its session.

This end reads and understands nothing: frames go both ways as they are. If the link breaks, the client is
closed at once (1012), so that it comes back; one that stayed would be connected and silent for ever.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from app.errors import ServerFull
from app.fleet import signing
from app.fleet.caller import Caller
from app.fleet.signing import Signed, Signer
from app.protocol.close_codes import CloseCode
from app.session.transport import ConnectionGone, Transport

logger = logging.getLogger(__name__)

LINK_PATH: Final = "/fleet/link"

_OPEN_TIMEOUT_S: Final = 2.0
_CLOSE_TIMEOUT_S: Final = 2.0
_PING_EVERY_S: Final = 5.0
_CLIENT_GONE: Final = 1001
"""What the owner is told of a client that left without a word."""


class NotReached(Exception):
    """There is no such process at its address: nobody listens, or another life of it."""


@dataclass(frozen=True, slots=True)
class Link:
    """An open link; see `app.services.sessions.directory.Way`."""

    connection: ClientConnection

    async def carry(self, transport: Transport, first: str | bytes) -> None:
        """Pass frames on, both ways, until one of the two ends; then the other is closed too."""
        async with self.connection as connection:
            try:
                await connection.send(first)
                async with asyncio.TaskGroup() as group:
                    there = group.create_task(_there(transport, connection), name="link there")
                    back = group.create_task(_back(connection, transport), name="link back")
                    done, _ = await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
                    for task in {there, back} - done:
                        task.cancel()
            except ConnectionClosed:
                await _close(connection, transport)


async def _there(transport: Transport, connection: ClientConnection) -> None:
    """Pass on what the client sends, until it goes."""
    try:
        while (frame := await transport.receive()) is not None:
            await connection.send(frame)
    except ConnectionClosed:
        return
    except ServerFull:  # there was no room for a large message: it comes again, and its session waits
        await transport.close(CloseCode.TRY_LATER, "no room for a large message")
        await connection.close(_CLIENT_GONE)
        return
    code = transport.close_code
    await connection.close(code if code is not None and _may_be_sent(code) else _CLIENT_GONE)


async def _back(connection: ClientConnection, transport: Transport) -> None:
    """Pass on what the owner sends, until it closes."""
    try:
        while True:
            frame = await connection.recv()
            if not transport.send_at_once(frame):
                await transport.send(frame)
    except ConnectionGone:
        return
    except ConnectionClosed:
        await _close(connection, transport)


async def _close(connection: ClientConnection, transport: Transport) -> None:
    """Close the client as the owner closed the link, or with 1012 where that broke."""
    code, reason = connection.close_code, connection.close_reason
    if code is None or not _may_be_sent(code):
        logger.info("link_broke", extra={"close_code": code})
        code, reason = CloseCode.RESTART, "the way to the session broke"
    await transport.close(code, reason or "")


def _may_be_sent(code: int) -> bool:
    """Return whether a close frame may have it (RFC 6455, 7.4): 1005, 1006 and 1015 stand for none."""
    return code in (1000, 1001, 1002, 1003, *range(1007, 1015)) or 3000 <= code <= 4999


async def open_link(address: str, node: str, caller: Caller, signer: Signer) -> Link:
    """Open a link to a process.

    Args:
        address: `http://host:port` or `https://...`, as its row says.
        node: The life that is meant.
        caller: Whose frames will come.
        signer: Has the common secret.

    Raises:
        NotReached: There is no such process.
        OSError: It does not answer as one of ours, in time.
    """
    signed = Signed("GET", LINK_PATH, node, caller.header().encode())
    headers = [(signing.HEADER, signer.sign(signed)), ("fleet-to", node), *caller.headers()]
    try:
        connection = await connect(
            address.replace("http", "ws", 1) + LINK_PATH,
            additional_headers=headers,
            compression=None,
            max_size=None,
            open_timeout=_OPEN_TIMEOUT_S,
            close_timeout=_CLOSE_TIMEOUT_S,
            ping_interval=_PING_EVERY_S,
            ping_timeout=_PING_EVERY_S,
            proxy=None,
            user_agent_header=None,
        )
    except ConnectionRefusedError as exc:
        raise NotReached(address) from exc
    except InvalidHandshake as exc:
        response = getattr(exc, "response", None)
        if response is not None and response.status_code == ANOTHER_LIFE:
            raise NotReached(address) from exc
        raise OSError(f"{address}: {exc}") from exc
    return Link(connection)


ANOTHER_LIFE: Final = 421
"""Misdirected Request (RFC 9110): the process that was meant is gone, and another one has its address."""

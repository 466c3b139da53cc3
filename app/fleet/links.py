"""Links: a client that has come to this process talks with the one that owns its session.

This end reads and understands nothing: frames go both ways as they are. If the link breaks, the client is
closed at once (1012), so that it comes back; one that stayed would be connected and silent for ever.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from app.fleet import control, signing
from app.fleet.caller import Caller
from app.fleet.control import ControlChannel, new_channel
from app.fleet.landing import CLIENT_GONE, Crossing, HeldTransport, close_as
from app.fleet.signing import Signed, Signer
from app.services.sessions.directory import Landed
from app.session.transport import Transport

LINK_PATH: Final = "/fleet/link"

_OPEN_TIMEOUT_S: Final = 2.0
_CLOSE_TIMEOUT_S: Final = 2.0
_PING_EVERY_S: Final = 5.0

_ENDING: Final[set[asyncio.Task[None]]] = set()
"""Links that have nothing more to carry: nobody waits until they are closed."""


class NotReached(Exception):
    """There is no such process at its address: nobody listens, or another life of it."""


@dataclass(frozen=True, slots=True)
class Link:
    """An open link; see `app.services.sessions.directory.Way`."""

    connection: ClientConnection
    channel: ControlChannel | None = field(default=None, repr=False)

    async def carry(
        self, transport: Transport, first: str | bytes, takes: Callable[[bytes], bool]
    ) -> Landed | None:
        """Pass frames on, both ways, until one of the two ends; then the other is closed too.

        Or until the session has come here: then it is returned, and its client is not closed.
        """
        landed: Landed | None = None
        reading = asyncio.create_task(transport.receive(), name="link reads")
        try:
            await asyncio.sleep(0)
            if not _is_over(reading):
                await self.connection.send(first)
                held = HeldTransport(transport, reading)
                landed = await Crossing(self.connection, self.channel, held, takes).carry()
            return landed
        except ConnectionClosed:
            await close_as(self.connection, transport)
            return None
        finally:
            if landed is None:
                reading.cancel()
                await asyncio.wait({reading})
            # Unless it is closed already; 1000 would be the client's goodbye.
            ending = asyncio.create_task(self.connection.close(CLIENT_GONE), name="link ends")
            _ENDING.add(ending)
            ending.add_done_callback(_ENDING.discard)
            if landed is None:
                await asyncio.wait({ending})


def _is_over(reading: "asyncio.Task[str | bytes | None]") -> bool:
    """Return whether the client has gone while the link was opened.

    It may have its session by now over another connection: what it said on this one must not come after that.
    """
    return reading.done() and reading.exception() is None and reading.result() is None


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
    channel, opening = new_channel(node, signer)
    headers = [(signing.HEADER, signer.sign(signed)), ("fleet-to", node), *caller.headers()]
    headers.append((control.HEADER, opening))  # a release before this one leaves it aside, and never speaks
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
    except WebSocketException as exc:  # also where it breaks before the first word
        response = getattr(exc, "response", None)
        if response is not None and response.status_code == ANOTHER_LIFE:
            raise NotReached(address) from exc
        raise OSError(f"{address}: {exc}") from exc
    return Link(connection, channel)


ANOTHER_LIFE: Final = 421
"""Misdirected Request (RFC 9110): the process that was meant is gone, and another one has its address."""

"""`/ws` and its siblings: the only place that touches a WebSocket."""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from app.errors import ServerFull
from app.protocol.close_codes import CloseCode
from app.protocol.wire import WireProtocol
from app.protocol.wires import PATHS, choose
from app.router.credentials import address_of, has_foreign_origin, is_local, socket_token
from app.router.direct_frames import DirectWebSocket
from app.router.guarded_socket import NO_ROOM, GuardedSocket
from app.services.connections.handshake_info import HandshakeInfo
from app.services.limits.address_conduct import MEMORY_S
from app.services.websocket_agent_service import WebSocketAgentService
from app.session.transport import ConnectionGone

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 0.5
"""How long the close frame may wait for room, and then for leaving, in seconds each."""

_RAW_SEND = "voice_agent.raw_send"


class RawSend:
    """Middleware that keeps the server's own `send` where the transport finds it.

    Each layer of the framework wraps `send` once more, which a frame for every token pays for; and only the
    server's own one leads to the socket, which a reader who has stopped reading must be cut off from.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] == "websocket":
            scope[_RAW_SEND] = send
        try:
            await self.app(scope, receive, send)
        finally:
            scope.pop(_RAW_SEND, None)  # else the scope keeps the connection, which keeps the scope


class WebSocketTransport:
    """A session's `Transport` over an accepted WebSocket."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._send: Send = websocket.scope[_RAW_SEND]
        protocol = getattr(self._send, "__self__", None)
        self._direct = protocol if isinstance(protocol, DirectWebSocket) else None
        self._is_open = True
        self.close_code: int | None = None
        self.fault_code: int | None = None

    async def receive(self) -> str | bytes | None:
        """Return the next message; None when the peer has gone.

        Raises:
            ServerFull: There was no room for a large one; nothing more can be read.
        """
        if not self._is_open:
            return None
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            self._is_open = False
            self.close_code = message.get("code")
            conn: Any = getattr(getattr(self._send, "__self__", None), "conn", None)
            if not getattr(conn, "close_rcvd_then_sent", None):
                # A code of ours that the client chose itself is no fault of its.
                self.fault_code = self.close_code
            return None
        if NO_ROOM in message:
            raise ServerFull("large messages")
        text = message.get("text")
        return text if text is not None else message.get("bytes")

    async def send(self, message: str | bytes) -> None:
        """Send one frame, text or binary; wait while the peer does not read.

        Raises:
            ConnectionGone: The peer is not there.
        """
        if not self._is_open:
            raise ConnectionGone
        try:
            await self._send(
                {"type": "websocket.send", "text" if isinstance(message, str) else "bytes": message}
            )
        except (OSError, RuntimeError) as exc:
            # uvicorn: OSError once the socket is gone, RuntimeError once it has sent a close frame by itself
            # (keepalive, shutdown) and the application has not been told yet.
            self._is_open = False
            raise ConnectionGone from exc

    def send_at_once(self, message: str | bytes) -> bool:
        """Send one frame if nothing has to be waited for; return whether."""
        if not self._is_open or self._direct is None:
            return False
        try:
            return self._direct.send_at_once(message)
        except (OSError, RuntimeError):
            return False

    async def close(self, code: int, reason: str = "") -> None:
        """Close with a code; never raises, and return within a second even if the peer does not read."""
        if not self._is_open:
            return
        self._is_open = False
        if self._is_stuck():
            self.abort()  # a close frame would wait behind what the peer does not read
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, RuntimeError, TimeoutError):
            self.abort()
            return
        await self._let_it_leave()
        protocol: Any = getattr(self._send, "__self__", None)
        if isinstance(protocol, GuardedSocket) and (code == CloseCode.POLICY or protocol.waits_for_room):
            protocol.linger()

    async def _let_it_leave(self) -> None:
        """Cut the connection if the close frame stays behind data that the peer does not read."""
        transport = self._socket()
        if transport is None:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CLOSE_TIMEOUT_S
        while transport.get_write_buffer_size() > 0:
            if loop.time() >= deadline:
                self.abort()
                return
            await asyncio.sleep(CLOSE_TIMEOUT_S / 10)

    def _is_stuck(self) -> bool:
        """Whether the server has stopped taking frames for this peer, as uvicorn says by this event."""
        protocol: Any = getattr(self._send, "__self__", None)
        writable = getattr(protocol, "writable", None)
        return isinstance(writable, asyncio.Event) and not writable.is_set()

    def widen(self, max_bytes: int) -> None:
        """Take messages of so many bytes from now on, where the server has a limit for each connection."""
        protocol: Any = getattr(self._send, "__self__", None)
        if isinstance(protocol, GuardedSocket):
            protocol.widen(max_bytes)

    def abort(self) -> None:
        """Cut the connection, with whatever has not reached the peer yet; never raises.

        A socket that is just closed stays with the kernel, and its unsent data too, for as long as the peer
        does not read. One that lingers for zero seconds is reset instead (SO_LINGER, socket(7)).
        """
        transport = self._socket()
        if transport is None:
            return
        opened = transport.get_extra_info("socket")
        if opened is not None:
            with contextlib.suppress(OSError, ValueError):  # uvloop: its number is gone already
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    def _socket(self) -> asyncio.WriteTransport | None:
        """Return the connection below; ASGI has no name for it, and no way to cut a peer off."""
        protocol: Any = getattr(self._send, "__self__", None)
        transport = getattr(protocol, "transport", None)
        # uvloop's transports are no subclasses of asyncio's.
        return transport if hasattr(transport, "abort") else None


@dataclass(frozen=True, slots=True)
class SocketOffer:
    """What is spoken on a connection.

    Attributes:
        choose: Returns the protocol, made for this connection, and the subprotocol to name in the answer.
        longest_s: After so many seconds it is closed, whatever goes on; None: it may last.
    """

    choose: Callable[[], tuple[WireProtocol, str | None]]
    longest_s: float | None = None


Offering = Callable[[HTTPConnection], SocketOffer | None]
"""Returns what is spoken on a connection that comes; None where there is to be no such path."""


async def serve(websocket: WebSocket, offer: SocketOffer) -> None:
    """Hand a connection to the agent, in the protocol that is offered.

    A page of another site is answered 403 before the upgrade: a browser would let it talk in its user's name.
    """
    service: WebSocketAgentService = websocket.app.state.service
    address = address_of(websocket)
    conduct = service.conducts.of(address)
    if has_foreign_origin(websocket, service.settings.allowed_origins):
        conduct.note()
        await websocket.close()  # not accepted yet, so this is a 403
        return
    if conduct.is_shut_out:
        logger.warning("shut_out", extra={"address": address, "seconds": MEMORY_S})
        headers = {"Retry-After": str(round(MEMORY_S))}
        await websocket.send_denial_response(
            PlainTextResponse("clients of this address had to be let go", 429, headers)
        )
        return
    if service.own_sessions.sends_elsewhere:
        headers = {"Retry-After": "1"}
        await websocket.send_denial_response(PlainTextResponse("draining: connect again", 503, headers))
        return
    async with service.arrivals.place(address) as place:
        wire, subprotocol = offer.choose()
        await websocket.accept(subprotocol=subprotocol)
        transport = WebSocketTransport(websocket)
        visitor = HandshakeInfo(
            address, socket_token(websocket), is_local=is_local(websocket), widen=transport.widen
        )
        try:
            async with asyncio.timeout(offer.longest_s):
                await service.serve(transport, wire, visitor, place)
        except TimeoutError:
            logger.info("call_ended", extra={"reason": "longest", "seconds": offer.longest_s})
            await transport.close(CloseCode.NORMAL, "longest call")


class SocketPaths:
    """Middleware, the last before the framework's routes: it answers the paths on which a protocol is spoken.

    The framework's own way to a route keeps fifteen frames and three exit stacks for each connection, as long
    as that lasts: seven KiB of an idle session.

    Args:
        offerings: What is spoken on each path.
    """

    def __init__(self, app: ASGIApp, offerings: Mapping[str, Offering]) -> None:
        self.app = app
        self._offerings = offerings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection of ours; pass everything else on."""
        offering = self._offerings.get(_path_of(scope)) if scope["type"] == "websocket" else None
        if offering is None:
            await self.app(scope, receive, send)
            return
        websocket = WebSocket(scope, receive, send)
        offer = offering(websocket)
        if offer is None:
            await websocket.send_denial_response(PlainTextResponse("Not Found", 404))
        else:
            await serve(websocket, offer)


def _path_of(scope: Scope) -> str:
    """Return the path as routes know it: without what `uvicorn --root-path` puts before it."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _offered_on(path: str) -> Offering:
    """Return what offers the protocols of a path: the client says by subprotocols which one it wants."""

    def offering(connection: HTTPConnection) -> SocketOffer:
        return SocketOffer(lambda: choose(connection.scope.get("subprotocols", []), path))

    return offering


OFFERINGS: Mapping[str, Offering] = {path: _offered_on(path) for path in PATHS}

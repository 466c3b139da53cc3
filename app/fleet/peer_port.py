"""The port on which the other processes of the fleet reach this one; nobody else does.

Each request is signed (`signing.py`). Whoever comes through a proxy is refused, signed or not: the port is
for a private network, and what a proxy forwards comes from elsewhere.
"""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Generator
from typing import Final

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from app.fleet import caller as callers
from app.fleet import control, signing
from app.fleet.caller import Caller
from app.fleet.control import opened_channel
from app.fleet.links import ANOTHER_LIFE, LINK_PATH
from app.fleet.owner_end import OwnerEnd
from app.fleet.peers import ASK_PATH
from app.fleet.sessions import MAX_QUESTION_BYTES, answer
from app.fleet.signing import Refused, Signed, Signer
from app.protocol.wires import choose
from app.router.credentials import has_sign_of_a_proxy
from app.router.direct_frames import DirectWebSocket
from app.router.request_timeouts import timed_handshakes
from app.router.routes.websocket_route import RawSend, WebSocketTransport
from app.services.connections.handshake_info import HandshakeInfo
from app.services.sessions.session_port import LocalSessions
from app.services.websocket_agent_service import WebSocketAgentService

logger = logging.getLogger(__name__)

PROBE_PATH: Final = "/fleet/probe"

_PING_S: Final = 5.0
_QUESTION_S: Final = 5.0
"""For so long a question may come, in seconds; who asks waits for two."""
_PROBE_TIMEOUT_S: Final = 1.0


class PeerPort:
    """The port, from `start` to `stop`.

    Args:
        me: This life of the process.
        service: Serves the connections that other processes send here.
        sessions: Of this process, for what others ask of them.
        signer: Has the common secret.
    """

    def __init__(
        self, me: str, service: WebSocketAgentService, sessions: LocalSessions, signer: Signer
    ) -> None:
        self._me = me
        self._service = service
        self._sessions = sessions
        self._signer = signer
        self._listener: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, listener: socket.socket) -> None:
        """Answer on a socket that is bound already."""
        routes = [
            WebSocketRoute(LINK_PATH, self._link),
            Route(ASK_PATH, self._asked, methods=["POST"]),
            Route(PROBE_PATH, self._probe),
        ]
        config = uvicorn.Config(
            RawSend(Starlette(routes=routes)),
            log_config=None,
            access_log=False,
            lifespan="off",
            http=timed_handshakes(self._service.settings.handshake_timeout_s),
            ws=DirectWebSocket,
            ws_ping_interval=_PING_S,
            ws_ping_timeout=_PING_S,
            ws_per_message_deflate=False,
            ws_max_size=self._service.settings.wire_limit_bytes,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._listener = listener
        self._server = _SilentServer(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="peer port")
        while not self._server.started and not self._serving.done():  # noqa: ASYNC110  # it has no event
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Close it, with all links that are open (1012)."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await asyncio.wait({self._serving})

    async def answers(self) -> bool:
        """Return whether the port takes a connection and answers it, as the others would find it."""
        if self._listener is None:
            return False
        host, port = self._listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # asked, not bound
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(host, port)
                with contextlib.closing(writer):
                    signature = self._signer.sign(Signed("GET", PROBE_PATH, self._me))
                    head = f"GET {PROBE_PATH} HTTP/1.1\r\nHost: {self._me}\r\nConnection: close\r\n"
                    writer.write(
                        f"{head}fleet-to: {self._me}\r\n{signing.HEADER}: {signature}\r\n\r\n".encode()
                    )
                    return (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        except (OSError, TimeoutError):
            return False

    def _check(self, request: HTTPConnection, content: bytes = b"") -> Response | None:
        """Return how a request is refused; None for one of another process that means this life."""
        headers: Headers = request.headers
        to = headers.get("fleet-to", "")
        try:
            if has_sign_of_a_proxy(request):
                raise Refused("it came through a proxy")
            method = "GET" if request.scope["type"] == "websocket" else str(request.scope["method"])
            signed = Signed(method, request.url.path, to, content)
            self._signer.check(signed, headers.get(signing.HEADER))
        except Refused as exc:
            host = request.client.host if request.client is not None else ""
            logger.warning("peer_refused", extra={"address": host, "cause": str(exc)})
            return PlainTextResponse("no", 403)
        if to != self._me:
            return PlainTextResponse("another life", ANOTHER_LIFE)
        return None

    async def _probe(self, request: Request) -> Response:
        return self._check(request) or PlainTextResponse("ok")

    async def _asked(self, request: Request) -> Response:
        if signing.HEADER not in request.headers:  # nothing is read of who has not even tried
            return self._check(request) or PlainTextResponse("no", 403)
        try:
            async with asyncio.timeout(_QUESTION_S):
                body = await _body_of(request)
        except TimeoutError:
            # Whoever drips is let go; what else it sends is not read.
            return PlainTextResponse("too slow", 408, {"connection": "close"})
        except ClientDisconnect:
            return PlainTextResponse("gone", 400)
        if body is None:
            return PlainTextResponse("too long", 413, {"connection": "close"})
        refusal = self._check(request, body)
        if refusal is not None:
            return refusal
        try:
            told = await answer(self._sessions, self._service.access.tickets, body)
        except ValueError as exc:
            return PlainTextResponse(str(exc), 400)
        return Response(orjson.dumps(told), media_type="application/json")

    async def _link(self, websocket: WebSocket) -> None:
        told = "".join(websocket.headers.getlist(callers.HEADER))
        refusal = self._check(websocket, told.encode())
        if refusal is not None:
            await websocket.send_denial_response(refusal)
            return
        try:
            caller = Caller.of(told)
            channel = opened_channel(self._me, websocket.headers.get(control.HEADER), self._signer)
        except (ValueError, Refused) as exc:
            await websocket.send_denial_response(PlainTextResponse(str(exc), 400))
            return
        wire, name = choose([caller.wire])
        if name is None:
            await websocket.send_denial_response(PlainTextResponse("no such wire protocol", 400))
            return
        await websocket.accept()
        transport = WebSocketTransport(websocket)
        if channel is None:  # of a release before this one: its sessions stay here
            visitor = HandshakeInfo(caller.address, caller.token, is_local=caller.is_local, is_linked=True)
            await self._service.serve(transport, wire, visitor)
            return
        end = OwnerEnd(transport, channel, self._service.moves)
        visitor = HandshakeInfo(
            caller.address, caller.token, is_local=caller.is_local, is_linked=True, on_session=end.has_session
        )
        await end.served_by(self._service.serve(end, wire, visitor))


async def _body_of(request: Request) -> bytes | None:
    """Return what was sent; None where it is too long for a question."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_QUESTION_BYTES:
            return None
    return bytes(body)


class _SilentServer(uvicorn.Server):
    """A server beside the main one, which leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


def bind(host: str, port: int, *, is_exact: bool) -> socket.socket:
    """Open the port's socket; where its host is no address of this machine, on all addresses.

    Args:
        host: A name or an address.
        port: Its number.
        is_exact: The operator has said where: it is bound there or not at all.

    Raises:
        OSError: It cannot be opened.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server((found[0][4][0], port), family=found[0][0], backlog=1024)
    except OSError as exc:
        is_elsewhere = isinstance(exc, socket.gaierror) or exc.errno == errno.EADDRNOTAVAIL
        if is_exact or not is_elsewhere:
            raise
    return socket.create_server(("", port), backlog=1024)

"""`/ws`: the only place that touches a WebSocket."""

import asyncio
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.types import ASGIApp, Receive, Scope, Send

from app.protocol import v1
from app.session.voice_session import ConnectionGone

router = APIRouter()

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
        """Passes everything on."""
        if scope["type"] == "websocket":
            scope[_RAW_SEND] = send
        await self.app(scope, receive, send)


class WebSocketTransport:
    """A session's `Transport` over an accepted WebSocket."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._send: Send = websocket.scope[_RAW_SEND]
        self._is_open = True

    async def receive(self) -> str | bytes | None:
        """The next message; None when the peer has gone."""
        if not self._is_open:
            return None
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            self._is_open = False
            return None
        text = message.get("text")
        return text if text is not None else message.get("bytes")

    async def send(self, text: str) -> None:
        """Sends one text frame; waits while the peer does not read.

        Raises:
            ConnectionGone: The peer is not there.
        """
        if not self._is_open:
            raise ConnectionGone
        try:
            await self._send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError) as exc:
            # uvicorn: OSError once the socket is gone, RuntimeError once it has sent a close frame by itself
            # (keepalive, shutdown) and the application has not been told yet.
            self._is_open = False
            raise ConnectionGone from exc

    async def close(self, code: int, reason: str = "") -> None:
        """Closes with a code; never raises, and returns within a second even if the peer does not read."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, RuntimeError, TimeoutError):
            self._abort()
            return
        await self._let_it_leave()

    async def _let_it_leave(self) -> None:
        """Cuts the connection if the close frame stays behind data that the peer does not read."""
        transport = self._socket()
        if transport is None:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CLOSE_TIMEOUT_S
        while transport.get_write_buffer_size() > 0:
            if loop.time() >= deadline:
                self._abort()
                return
            await asyncio.sleep(CLOSE_TIMEOUT_S / 10)

    def _abort(self) -> None:
        transport = self._socket()
        if transport is not None:
            transport.abort()

    def _socket(self) -> asyncio.WriteTransport | None:
        """The connection below; ASGI has no name for it, and no way to cut a peer off."""
        protocol: Any = getattr(self._send, "__self__", None)
        transport = getattr(protocol, "transport", None)
        return transport if isinstance(transport, asyncio.WriteTransport) else None


@router.websocket("/ws")
async def voice(websocket: WebSocket) -> None:
    """Hands a connection to the agent. Without a subprotocol that we know, it speaks v1 without one."""
    offered: list[str] = websocket.scope.get("subprotocols", [])
    await websocket.accept(subprotocol=v1.NAME if v1.NAME in offered else None)
    await websocket.app.state.service.serve(WebSocketTransport(websocket))

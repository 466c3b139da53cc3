"""One WebSocket connection to the server, from the handshake to its end, with a heartbeat."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

PROTOCOL: Final = "voice-agent.v2"
_OPEN_LIMIT_S: Final = 10.0
_CLOSE_LIMIT_S: Final = 2.0
_GOODBYE_LIMIT_S: Final = 2.0
_SILENT_BEATS: Final = 2
_MAX_MESSAGE_BYTES: Final = 16 * 2**20


class Attachment:
    """An open connection. Any task may send; one may read."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect.

        Raises:
            OSError, TimeoutError, EOFError, WebSocketException: No connection can be made.
        """
        socket = await connect(
            url,
            subprotocols=[Subprotocol(PROTOCOL)],
            compression=None,
            open_timeout=_OPEN_LIMIT_S,
            close_timeout=_CLOSE_LIMIT_S,
            ping_interval=None,
            max_size=_MAX_MESSAGE_BYTES,
        )
        return cls(socket)

    @property
    def speaks_protocol(self) -> bool:
        """Whether the server agreed on protocol v2."""
        return self._socket.subprotocol == PROTOCOL

    async def send(self, message: dict[str, Any] | bytes) -> bool:
        """Send a message, or a frame of sound; return whether it could leave."""
        frame = message if isinstance(message, bytes) else json.dumps(message, ensure_ascii=False)
        with suppress(ConnectionClosed):
            await self._socket.send(frame)
            return True
        return False

    async def frames(self, heartbeat_s: Callable[[], float | None]) -> AsyncGenerator[str | bytes, None]:
        """Yield what comes.

        Args:
            heartbeat_s: After so many seconds of silence the server is asked whether it is there, and the
                second time in a row it is left; None before there is a session, which is waited for 10 s.

        Raises:
            ConnectionClosed: The connection has ended.
            TimeoutError: Nothing is heard any more.
        """
        now = asyncio.get_running_loop().time
        opened_by = now() + _OPEN_LIMIT_S
        silent = 0
        while True:
            beat_s = heartbeat_s()
            try:
                async with asyncio.timeout(max(0.0, opened_by - now()) if beat_s is None else beat_s):
                    frame = await self._socket.recv()
            except TimeoutError:
                silent += 1
                if beat_s is None or silent >= _SILENT_BEATS:
                    # Nobody is there to take part in a closing handshake.
                    self.abort()
                    raise
                await self.send({"type": "ping"})
                continue
            silent = 0
            yield frame

    async def say_goodbye(self) -> None:
        """Send `end`; the server closes, or is left after two seconds."""
        await self.send({"type": "end"})
        asyncio.get_running_loop().call_later(_GOODBYE_LIMIT_S, self.abort)

    async def close(self, code: int) -> None:
        """Close with a code; returns when it is done, after two seconds at most."""
        with suppress(OSError, WebSocketException):
            await self._socket.close(code)

    async def next_frame(self) -> str | bytes:
        """Return what comes next.

        Raises:
            ConnectionClosed: The connection has ended.
        """
        return await self._socket.recv()

    def abort(self) -> None:
        """Drop the connection."""
        self._socket.transport.abort()

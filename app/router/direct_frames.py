"""A WebSocket connection of uvicorn's that writes a plain message straight to its socket.

Nearly all that leaves a server is one whole text frame, a token of an answer. The general way builds three
objects and a list of buffers for each, and looks at the state of the handshake every time.
"""

import struct
from typing import Any, Final

from websockets.protocol import OPEN

from app.router.keepalive import PatientWebSocket

_TEXT: Final = 0x81
_BINARY: Final = 0x82
"""The first byte of a whole frame: the last of its message, and of which kind (RFC 6455, section 5.2)."""

_SHORT: Final = 126
_MEDIUM: Final = 65_536
"""From these lengths on, in bytes, a length of two and of eight bytes stands behind the head."""

_MEDIUM_HEAD: Final = struct.Struct("!BBH")
_LONG_HEAD: Final = struct.Struct("!BBQ")


def frame(first: int, payload: bytes) -> bytes:
    """Return a whole, unmasked frame, as a server sends it."""
    length = len(payload)
    if length < _SHORT:
        return bytes((first, length)) + payload
    if length < _MEDIUM:
        return _MEDIUM_HEAD.pack(first, 126, length) + payload
    return _LONG_HEAD.pack(first, 127, length) + payload


class DirectWebSocket(PatientWebSocket):
    """One connection; whatever is no plain message of an open connection goes uvicorn's own way."""

    async def send(self, message: Any) -> None:
        """Send an ASGI message."""
        if message["type"] == "websocket.send":
            text = message.get("text")
            payload = message.get("bytes") if text is None else text
            if payload is not None and self.send_at_once(payload):
                return
        await super().send(message)

    def send_at_once(self, message: str | bytes) -> bool:
        """Send a message, text or binary, if the connection is open and its peer reads; return whether."""
        if (
            self.conn.state is not OPEN
            or self.close_sent
            or self.disconnected
            or not self.handshake_complete
            or not self.writable.is_set()
        ):
            return False
        if isinstance(message, str):
            self.transport.write(frame(_TEXT, message.encode()))
        else:
            self.transport.write(frame(_BINARY, message))
        return True

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
        if (
            message["type"] == "websocket.send"
            and self.handshake_complete
            and not self.close_sent
            and not self.disconnected
            and self.writable.is_set()
            and self.conn.state is OPEN
        ):
            text = message.get("text")
            data = message.get("bytes") if text is None else text.encode()
            if data is not None:
                self.transport.write(frame(_BINARY if text is None else _TEXT, data))
                return
        await super().send(message)

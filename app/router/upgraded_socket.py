"""A WebSocket connection of uvicorn's that begins with a handshake which has been read already."""

import logging
from typing import Any, Final
from urllib.parse import unquote

from uvicorn.protocols.utils import ClientDisconnected, get_client_addr, get_path_with_query_string
from websockets.protocol import OPEN, Protocol

from app.router.direct_frames import DirectWebSocket
from app.router.upgrade import Upgrade

_STATUS: Final = b"HTTP/1.1 101 Switching Protocols\r\n"
_SWITCHING: Final = ((b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"))


class UpgradedSocket(DirectWebSocket):
    """One connection; a handshake that comes as bytes goes uvicorn's own way, and so does every refusal."""

    _proof: bytes | None = None

    def begin(self, upgrade: Upgrade) -> None:
        """Hand the connection to the application, which accepts or refuses it."""
        self.conn.parser.close()
        self.conn.parser = Protocol.parse(self.conn)  # of frames: no head comes any more
        next(self.conn.parser)
        self._proof = upgrade.proof
        self.handshake_initiated = True
        scope: Any = {
            "type": "websocket",
            "asgi": {"version": self.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": self.scheme,
            "server": self.server,
            "client": self.client,
            "root_path": self.root_path,
            "path": self.root_path + unquote(upgrade.path.decode()),
            "raw_path": self.root_path.encode() + upgrade.path,
            "query_string": upgrade.query,
            "headers": upgrade.headers,
            "subprotocols": upgrade.subprotocols,
            "state": self.app_state.copy(),
            "extensions": {"websocket.http.response": {}},
        }
        self.scope = scope
        self.queue.put_nowait({"type": "websocket.connect"})
        task = self.loop.create_task(self.run_asgi())
        task.add_done_callback(self.on_task_complete)
        self.tasks.add(task)

    async def send(self, message: Any) -> None:
        """Send an ASGI message."""
        if message["type"] == "websocket.accept" and self._may_accept():
            self._answer(message)
        else:
            await super().send(message)

    def _may_accept(self) -> bool:
        is_answered = self.handshake_complete or self.initial_response is not None
        return self._proof is not None and not is_answered

    def _answer(self, message: Any) -> None:
        """Open the connection."""
        if self.disconnected:
            raise ClientDisconnected
        if self.logger.isEnabledFor(logging.INFO):
            address, path = get_client_addr(self.scope), get_path_with_query_string(self.scope)
            self.logger.info('%s - "WebSocket %s" [accepted]', address, path)
        if self.transport.is_closing():
            return
        headers = [*_SWITCHING, (b"Sec-WebSocket-Accept", self._proof)]
        headers += [*self.default_headers, *message.get("headers", ())]
        if subprotocol := message.get("subprotocol"):
            headers.append((b"Sec-WebSocket-Protocol", subprotocol.encode()))
        self.handshake_complete = True
        self.conn.state = OPEN
        self.transport.write(_STATUS + b"".join([b"%b: %b\r\n" % header for header in headers]) + b"\r\n")
        self.start_keepalive()

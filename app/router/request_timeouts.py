"""Connections that do not get to the point: silent ones, slow ones, and requests without end (CWE-400).

uvicorn waits for ever for the rest of a request, and answers nothing where the head of a WebSocket's
handshake is too large for it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.router.fair_rounds import ROUND, Turns
from app.router.guarded_socket import Guard, GuardedSocket
from app.router.upgrade import Upgrade, read_upgrade
from app.services.limits.address_conduct import Conduct
from app.services.limits.complaints import CONDUCT

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_SOCKET_LINE_BYTES: Final = 8000
MAX_SOCKET_HEADERS: Final = 120
"""A little under what the `websockets` package takes, which beyond it goes silent."""


REQUEST_UNITS: Final = ROUND // 2
"""What a request weighs beside a small message, as `app.router.fair_rounds` counts."""


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    """uvicorn's log, in which lines about what cannot be read are counted for their address."""

    def __init__(self, log: logging.Logger, conduct: Callable[[], Conduct]) -> None:
        super().__init__(log)
        self._conduct = conduct
        self.level = log.level

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Write a line, unless its address would drown the log."""
        conduct = self._conduct()
        conduct.note()
        token = CONDUCT.set(conduct)
        self.logger.warning(msg, *args, **kwargs)
        CONDUCT.reset(token)


class TimedHandshakes(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with a time within which a request has to be there, its body too.

    For a WebSocket the same time holds until it is open.
    """

    timeout_s: float = 10
    guard: Guard | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turns: Turns | None = None
        if self.guard is not None:
            self._turns = self.guard.turns_on(self.loop)
            self.logger: Any = _Quiet(logging.getLogger("uvicorn.error"), self._conduct_of_client)
        self._waiting = bytearray()
        self._since = 0.0
        self._is_resting = False
        self._is_in_head = True
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # uvicorn's own
        """The time begins."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._timer = self.loop.call_later(self.timeout_s, self._judge)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, or wait in line where many come at once."""
        if self._waiting or (self._turns is not None and not self._turns.may_go(REQUEST_UNITS)):
            self._wait(data)
        else:
            self._take(data)

    def take_turn(self) -> int:
        """Take what waits."""
        data, self._waiting = bytes(self._waiting), bytearray()
        if self.transport.is_closing():
            return 0
        if not self.flow.read_paused:
            self.transport.resume_reading()
        self._take(data)
        return REQUEST_UNITS

    def _wait(self, data: bytes) -> None:
        if self._turns is not None and not self._waiting:
            self._turns.join(self)
        self._waiting += data
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def _take(self, data: bytes) -> None:
        if self._is_resting:
            self._is_resting, self._since = False, self.loop.time()
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._is_in_head else 0
        if self._head_bytes > MAX_HEAD_BYTES and self.transport.get_protocol() is self:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A request's head is there."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Between two requests uvicorn's own keep-alive time holds."""
        super().on_response_complete()
        self._is_resting = not self.pipeline

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over, if its handshake is one that can be read."""
        headers = self.headers
        if len(self.url) > MAX_SOCKET_LINE_BYTES:
            self._refuse(b"414 URI Too Long")
        elif len(headers) > MAX_SOCKET_HEADERS or any(
            len(name) + len(value) > MAX_SOCKET_LINE_BYTES for name, value in headers
        ):
            self._refuse(b"431 Request Header Fields Too Large")
        else:
            kind: Any = self.ws_protocol_class
            may_be_plain = issubclass(kind, GuardedSocket) and not self.config.ws_per_message_deflate
            upgrade = read_upgrade(self.scope["method"], self.url, headers) if may_be_plain else None
            if upgrade is None:
                super().handle_websocket_upgrade()
            else:
                self._hand_over(upgrade, kind(self.config, self.server_state, self.app_state))
            # Nothing of HTTP comes any more, and nobody tells this of the end. The two refer to each other.
            self.parser = None  # pyright: ignore[reportAttributeAccessIssue]  # as uvicorn does at the end

    def _hand_over(self, upgrade: Upgrade, protocol: GuardedSocket) -> None:
        """Have a WebSocket's protocol go on with the connection."""
        self.connections.discard(self)
        protocol.connection_made(self.transport)
        protocol.begin(upgrade)
        self.transport.set_protocol(protocol)

    def _conduct_of_client(self) -> Conduct:
        assert self.guard is not None  # noqa: S101  # asked only where there is one
        return self.guard.conducts.of(self.client[0] if self.client else "")

    def _refuse(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        self.logger.warning("Invalid HTTP request received.")
        self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _judge(self) -> None:
        """Time is up for what has not come; whatever is being answered is looked at again later."""
        self._timer = None
        if self.transport.is_closing():
            return
        protocol: Any = self.transport.get_protocol()
        if protocol is not self:
            if not protocol.handshake_complete:
                self.transport.abort()
            return
        cycle: Any = self.cycle
        is_waiting = cycle is None or cycle.response_complete or cycle.more_body
        left_s = self._since + self.timeout_s - self.loop.time()
        if is_waiting and not self._is_resting and left_s <= 0:
            self.transport.abort()
            return
        self._timer = self.loop.call_later(left_s if left_s > 0 else self.timeout_s, self._judge)


def timed_handshakes(timeout_s: float, guard: Guard | None = None) -> type[TimedHandshakes]:
    """Return the class with this time, in seconds: uvicorn makes its protocols itself."""
    return type("TimedHandshakes", (TimedHandshakes,), {"timeout_s": timeout_s, "guard": guard})

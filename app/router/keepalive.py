"""uvicorn's WebSocket connections, which give a peer time to have its pong read."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.stall_timeout import more_time_s


class PatientWebSocket(WebSocketsSansIOProtocol):
    """After a pause of our own the pong may have come, and not have been read, when its time is over."""

    _pong_due: float | None = None

    def keepalive_timeout(self) -> None:
        """End the connection, if the pong's time was fairly over."""
        limit_s = self.ping_timeout or 0.0
        due = self.ping_sent_at + limit_s if self._pong_due is None else self._pong_due
        more_s = more_time_s(due, limit_s)
        if more_s:
            self._pong_due = self.loop.time() + more_s
            self.pong_timer = self.loop.call_later(more_s, self.keepalive_timeout)
        else:
            super().keepalive_timeout()

    def send_keepalive_ping(self) -> None:
        """Begin to wait for the next pong."""
        self._pong_due = None
        super().send_keepalive_ping()

"""A session's way to its client: what the core needs of a WebSocket, and nothing more."""

from typing import Protocol


class ConnectionGone(Exception):
    """The peer can no longer be reached; nothing sent from now on arrives."""


class Transport(Protocol):
    """A connection.

    Attributes:
        close_code: The code with which the peer closed; None before, and where it left without one.
        fault_code: The same, where the server closed for what the peer did to the rules of the wire.
    """

    close_code: int | None
    fault_code: int | None

    async def receive(self) -> str | bytes | None:
        """The next message; None when the peer has gone."""
        ...

    async def send(self, message: str | bytes) -> None:
        """Sends one frame, text or binary; waits while the peer does not read.

        Raises:
            ConnectionGone: The peer is not there.
        """
        ...

    def abort(self) -> None:
        """Cuts the connection, with whatever has not reached the peer yet; never raises."""
        ...

    async def close(self, code: int, reason: str = "") -> None:
        """Closes with a code; never raises, and returns within a second even if the peer does not read.

        Args:
            code: See `app.protocol.close_codes`.
            reason: ASCII, at most 123 bytes (RFC 6455 5.5).
        """
        ...

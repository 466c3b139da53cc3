"""A session's way to its client: what the core needs of a WebSocket, and nothing more."""

from typing import Protocol


class ConnectionGone(Exception):
    """The peer can no longer be reached; nothing sent from now on arrives."""


class Transport(Protocol):
    """A connection."""

    @property
    def close_code(self) -> int | None:
        """The code with which the peer closed; None before, and where it left without one."""
        ...

    @property
    def fault_code(self) -> int | None:
        """The same, where the server closed for what the peer did to the rules of the wire."""
        ...

    async def receive(self) -> str | bytes | None:
        """Return the next message; None when the peer has gone."""
        ...

    async def send(self, message: str | bytes) -> None:
        """Send one frame, text or binary; wait while the peer does not read.

        Raises:
            ConnectionGone: The peer is not there.
        """
        ...

    def send_at_once(self, message: str | bytes) -> bool:
        """Send one frame if nothing has to be waited for; return whether it did."""
        ...

    def abort(self) -> None:
        """Cut the connection, with whatever has not reached the peer yet; never raises."""
        ...

    async def close(self, code: int, reason: str = "") -> None:
        """Close with a code; never raises, and return within a second even if the peer does not read.

        Args:
            code: See `app.protocol.close_codes`.
            reason: ASCII, at most 123 bytes (RFC 6455 5.5).
        """
        ...

"""Clients that speak protocol v2: they know their place in the talk and can come back to it."""

import itertools
import time
from dataclasses import dataclass
from typing import Any

from bench.load import Client, MetricsRecorder, connect
from bench.upstream import Order

_texts = itertools.count(1)
"""Of all clients: one that returns for another must not repeat its ids."""

_REPLAYED = "all that was replayed"
"""Awaited like a type of message; no message has it."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a client needs to take its session up again."""

    session_id: str
    resume_token: str


class V2Client(Client):
    """A client of protocol v2.

    Attributes:
        ticket: The newest one; None before the session exists.
        seq: Number of the last message that came, 0 before the first.
    """

    HEADERS = b"Sec-WebSocket-Protocol: voice-agent.v2\r\n"

    def __init__(self, metrics: MetricsRecorder) -> None:
        super().__init__(metrics)
        self.ticket: Ticket | None = None
        self.seq = 0

    def opening(self) -> dict[str, Any]:
        return {"type": "start", "user_id": "bench"}

    def text(self, order: Order) -> dict[str, Any]:
        # With an id, as a client that wants to send it again after a drop must.
        return {"type": "text", "id": f"m-{next(_texts)}", "content": order.text()}

    def take(self, message: dict[str, Any], now_ns: int) -> None:
        if message["type"] in ("session_created", "session_resumed"):
            self.ticket = Ticket(message["session_id"], message["resume_token"])
        self.seq = message.get("seq", self.seq)
        super().take(message, now_ns)

    def close(self) -> None:
        """Says goodbye: a session that waits for its client would weigh on what is measured next."""
        self._send({"type": "end"})
        super().close()

    def drop(self) -> None:
        """Goes without a word, as a lost network does."""
        super().close()


class ReturningClient(V2Client):
    """Takes a session up again.

    Args:
        ticket: The session's.
        last_seq: The last message that it claims to have.

    Attributes:
        replayed: Numbered messages that came.
    """

    def __init__(self, metrics: MetricsRecorder, ticket: Ticket, last_seq: int) -> None:
        super().__init__(metrics)
        self.ticket = ticket
        self.seq = last_seq
        self.replayed = 0
        self._last_seq: int | None = None

    def opening(self) -> dict[str, Any]:
        assert self.ticket is not None
        return {
            "type": "resume",
            "session_id": self.ticket.session_id,
            "resume_token": self.ticket.resume_token,
            "last_seq": self.seq,
        }

    def take(self, message: dict[str, Any], now_ns: int) -> None:
        super().take(message, now_ns)
        if message["type"] == "session_resumed":
            if message["gap"]:
                self._fail("the server no longer has the messages")
            self._last_seq = self.seq + message["replayed"]
        self.replayed += "seq" in message
        if self.seq == self._last_seq:
            super().take({"type": _REPLAYED}, now_ns)


async def resume(port: int, ticket: Ticket, last_seq: int) -> tuple[ReturningClient, int]:
    """Connects and takes a session up again.

    Returns:
        The client, and the nanoseconds from before connecting until the last replayed message.

    Raises:
        LoadError: The server refused, or has no longer all that is asked for.
    """
    client = ReturningClient(MetricsRecorder(), ticket, last_seq)
    began_ns = time.monotonic_ns()
    await connect(port, client, awaited=_REPLAYED)
    return client, time.monotonic_ns() - began_ns

"""A protocol v2 client that keeps count: what it sent, what it saw, and where to go on after a drop."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support.server import PATIENCE_S, Server

UNNUMBERED = {"session_resumed", "history", "pong", "going_away"}


class V2Client:
    """One client over any number of connections.

    Args:
        address: Where it comes from, by the word of a proxy on this machine; empty: it is on this machine.
    """

    def __init__(self, url: str, patience_s: float = PATIENCE_S, address: str = "") -> None:
        self.url = url
        self._patience_s = patience_s
        self._headers = {"X-Forwarded-For": address} if address else {}
        self.socket: ClientConnection | None = None
        self.session_id = ""
        self.token = ""
        self.last_seq = 0
        self.heard: list[dict[str, Any]] = []
        self.sound = b""

    async def connects(self) -> None:
        """Opens a connection."""
        self.socket = await connect(
            self.url,
            subprotocols=[Subprotocol("voice-agent.v2")],
            compression=None,
            proxy=None,
            max_size=None,
            additional_headers=self._headers,
        )
        assert self.socket.subprotocol == "voice-agent.v2"

    async def starts(self, **values: Any) -> dict[str, Any]:
        """Opens a session."""
        await self.connects()
        await self.sends({"type": "start", "user_id": "ana", **values})
        created = await self.hears("session_created")
        self.session_id = created["session_id"]
        return created

    async def resumes(self, **values: Any) -> dict[str, Any]:
        """Comes back; returns the first answer."""
        await self.connects()
        message = {"session_id": self.session_id, "resume_token": self.token, "last_seq": self.last_seq}
        await self.sends({"type": "resume", **message, **values})
        return await self.hears_next()

    async def drops(self) -> None:
        """Loses the connection, without a goodbye."""
        assert self.socket is not None
        self.socket.transport.abort()
        await self.socket.wait_closed()

    async def leaves(self) -> None:
        """Says goodbye."""
        assert self.socket is not None
        await self.socket.close(1000)

    async def sends(self, message: Any) -> None:
        """Sends a message as JSON, or a text as it is."""
        assert self.socket is not None
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def says(self, content: str, **values: Any) -> None:
        """Sends a text."""
        await self.sends({"type": "text", "content": content, **values})

    async def hears_next(self) -> dict[str, Any]:
        """The next message; its number must be the one that is due."""
        assert self.socket is not None
        async with asyncio.timeout(self._patience_s):
            while isinstance(raw := await self.socket.recv(), bytes):
                self.sound += raw
            message: dict[str, Any] = orjson.loads(raw)
        self.heard.append(message)
        if "seq" in message:
            assert message["seq"] == self.last_seq + 1, f"{message} after {self.last_seq}"
            self.last_seq = message["seq"]
        self.token = message.get("resume_token", self.token)
        if message["type"] == "session_resumed" and message["gap"]:
            self.last_seq = message["next_seq"] - 1
        return message

    async def hears(self, kind: str) -> dict[str, Any]:
        """The next message of this type; what comes before is remembered."""
        while True:
            message = await self.hears_next()
            if message["type"] == kind:
                return message

    async def hears_answer(self) -> dict[str, Any]:
        """The next `response_complete`, and the state after it."""
        complete = await self.hears("response_complete")
        await self.hears("state")
        return complete

    def text_of(self, turn_id: str) -> str:
        """All chunks of a turn."""
        chunks = [m for m in self.heard if m["type"] == "response_chunk" and m["turn_id"] == turn_id]
        return "".join(chunk["content"] for chunk in chunks)

    async def is_closed(self) -> int | None:
        """Waits until the server has closed; returns its code."""
        assert self.socket is not None
        async with asyncio.timeout(self._patience_s):
            await self.socket.wait_closed()
        return self.socket.close_code


@asynccontextmanager
async def v2_client(
    server: Server, patience_s: float = PATIENCE_S, address: str = ""
) -> AsyncIterator[V2Client]:
    """A client without a connection; whatever it opens is closed at the end."""
    client = V2Client(server.url, patience_s, address)
    try:
        yield client
    finally:
        if client.socket is not None:
            await client.socket.close()

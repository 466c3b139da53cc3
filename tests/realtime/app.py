"""An app that was written for the OpenAI Realtime API: the stock client of the `openai` package.

Whatever the server sends is held against that package's own types, strictly, in every test.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from tests.support.server import PATIENCE_S, Server

EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
"""Every event that the API has."""


class App:
    """One connection, and all that was heard on it."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.heard: list[Any] = []

    @staticmethod
    def read(raw: bytes) -> Any:
        """An event, checked."""
        return EVENT.validate_json(raw)

    async def next(self) -> Any:
        """The next event, checked."""
        async with asyncio.timeout(PATIENCE_S):
            raw = await self.connection.recv_bytes()
        event = self.read(raw)
        assert event.event_id, raw
        assert event.event_id not in {earlier.event_id for earlier in self.heard}
        self.heard.append(event)
        return event

    async def hears(self, kind: str) -> Any:
        """The next event of this type; what comes before is remembered."""
        while (event := await self.next()).type != kind:
            pass
        return event

    async def sends(self, kind: str, **fields: Any) -> None:
        """Sends an event as it is."""
        await self.connection.send({"type": kind, **fields})  # pyright: ignore[reportArgumentType]

    async def adds(self, text: str, role: str = "user", **fields: Any) -> Any:
        """Creates a message; returns it as the server has it."""
        kind = "output_text" if role == "assistant" else "input_text"
        item = {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **fields}
        await self.sends("conversation.item.create", item=item)
        return (await self.hears("conversation.item.done")).item

    async def asks(self, text: str) -> Any:
        """Says something and has it answered; returns the response."""
        await self.adds(text)
        return await self.responds()

    async def responds(self, **response: Any) -> Any:
        """Has an answer made; returns it when it is done."""
        await self.sends("response.create", **({"response": response} if response else {}))
        return (await self.hears("response.done")).response

    def kinds(self, since: int = 0) -> list[str]:
        """The types of what was heard."""
        return [event.type for event in self.heard[since:]]


def said(response: Any) -> str:
    """All that a response says, read or heard."""
    parts = [part for item in response.output if item.type == "message" for part in item.content]
    return "".join(part.text or part.transcript or "" for part in parts)


@asynccontextmanager
async def app_of(server: Server, model: str = "gpt-realtime", **options: Any) -> AsyncIterator[App]:
    """An app that has only changed the address; its session has begun."""
    options = {"api_key": "anything", "base_url": f"http://127.0.0.1:{server.port}/v1", **options}
    async with AsyncOpenAI(**options) as client, client.realtime.connect(model=model) as connection:
        app = App(connection)
        await app.hears("session.created")
        yield app

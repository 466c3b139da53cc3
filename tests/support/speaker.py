"""Somebody who talks to a server aloud, in real time, and listens."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

FRAME_S = 0.02
PATIENCE_S = 80


class Speaker:
    """A client with a microphone that is always open, and a loudspeaker that reports."""

    def __init__(self, socket: ClientConnection, rate_hz: int) -> None:
        self.heard: list[dict[str, Any]] = []
        self.sound: dict[str, bytes] = {}
        self._socket = socket
        self._rate_hz = rate_hz
        self._frame_bytes = round(rate_hz * FRAME_S) * 2
        self._to_say = b""
        self._news = asyncio.Event()
        self._turn_id = ""
        self._tasks = [asyncio.create_task(self._speak()), asyncio.create_task(self._listen())]

    async def sends(self, **message: Any) -> None:
        """Sends a message."""
        await self._socket.send(json.dumps(message))

    async def says(self, sound: bytes) -> None:
        """Speaks; returns when the last word has been said."""
        self._to_say += sound + bytes(len(sound) % 2)
        while self._to_say:  # noqa: ASYNC110  # real time
            await asyncio.sleep(FRAME_S)

    async def hears(self, kind: str, count: int = 1, **fields: Any) -> dict[str, Any]:
        """Waits until so many such messages have been heard; the last of them."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = self.all(kind, **fields)
                if len(found) >= count:
                    return found[count - 1]
                self._news.clear()
                await self._news.wait()

    def all(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """What was heard of this kind."""
        return [
            m
            for m in self.heard
            if m["type"] == kind and all(m.get(name) == value for name, value in fields.items())
        ]

    async def aclose(self) -> None:
        """Falls silent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        start, frames = loop.time(), 0
        while True:
            frame, self._to_say = self._to_say[: self._frame_bytes], self._to_say[self._frame_bytes :]
            await self._socket.send(frame.ljust(self._frame_bytes, b"\0"))
            frames += 1
            await asyncio.sleep(max(0.0, start + frames * FRAME_S - loop.time()))

    async def _listen(self) -> None:
        async for raw in self._socket:
            if isinstance(raw, bytes):
                self.sound[self._turn_id] = self.sound.get(self._turn_id, b"") + raw
                continue
            message = json.loads(raw)
            if message["type"] == "audio_started":
                self._turn_id = message["turn_id"]
            self.heard.append(message)
            self._news.set()


@asynccontextmanager
async def speaker(port: int, rate_hz: int = 16_000, **start: Any) -> AsyncIterator[Speaker]:
    """A session with sound both ways."""
    async with connect(
        f"ws://127.0.0.1:{port}/ws",
        subprotocols=[Subprotocol("voice-agent.v2")],
        compression=None,
        proxy=None,
        max_size=None,
    ) as socket:
        audio = {"in": {"sample_rate_hz": rate_hz}, "out": True}
        await socket.send(json.dumps({"type": "start", "audio": audio, **start}))
        client = Speaker(socket, rate_hz)
        try:
            await client.hears("session_created")
            yield client
        finally:
            await client.aclose()

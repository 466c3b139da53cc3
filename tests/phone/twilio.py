"""Twilio, as much of it as a server sees: it rings, plays what it is sent in its own time, and hangs up.

Written from Twilio's description of its media streams: sound is kept until it has been played, a mark comes
back when what was sent before it has been, and `clear` throws sound away and sends its marks back at once.
"""

import asyncio
import base64
import contextlib
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import orjson
from websockets.asyncio.client import ClientConnection, connect

from app.services.auth.call_gate import signature
from app.speech.g711 import decoder, encoder
from tests.support.server import PATIENCE_S, Server

SECRET = "0123456789abcdef0123456789abcdef"
CALL = "CA0123456789abcdef0123456789abcdef"
STREAM = "MZ0123456789abcdef0123456789abcdef"
CALLER = "+34600000001"

FRAME_MS = 20
QUIET = b"\xff" * 160


def url_of(server: Server, path: str, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.port}{path}"


async def rings(server: Server, secret: str = SECRET, **form: str) -> httpx.Response:
    """Asks what to do with a call, signed."""
    members = {"CallSid": CALL, "From": CALLER, "To": "+34910000000", **form}
    url = url_of(server, "/twilio/voice")
    headers = {"X-Twilio-Signature": signature(secret, url, members.items())}
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        return await client.post(url, data=members, headers=headers)


@dataclass
class Stream:
    """What TwiML says of a stream."""

    url: str
    parameters: dict[str, str]

    @staticmethod
    def of(twiml: str) -> "Stream":
        found = ET.fromstring(twiml).find("Connect/Stream")  # our own server's
        assert found is not None
        parameters = {p.attrib["name"]: p.attrib["value"] for p in found.findall("Parameter")}
        return Stream(found.attrib["url"], parameters)


@dataclass
class PhoneCall:
    """One call: its caller, and the telephone network between.

    Attributes:
        heard: The sound that the caller has heard, as mu-law.
        cleared: So many bytes were thrown away before they were played.
        events: The kinds of what came, in order, media as one for each.
        echo_db: How loud what the caller hears comes back; None where it does not.
        echo_frames: How much later it does, in frames.
    """

    socket: ClientConnection
    pace: float = 1.0
    heard: bytearray = field(default_factory=bytearray)
    cleared: int = 0
    events: list[str] = field(default_factory=list[str])
    marks_back: list[str] = field(default_factory=list[str])
    sizes: set[int] = field(default_factory=set[int])
    is_silent: bool = False
    echo_db: float | None = None
    echo_frames: int = 10
    _buffer: deque[bytes | str] = field(default_factory=deque[bytes | str])
    _speech: deque[bytes] = field(default_factory=deque[bytes])
    _echo: deque[bytes] = field(default_factory=deque[bytes])
    _sent_ms: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def sound_left(self) -> bool:
        """Whether something waits to be played."""
        return any(isinstance(entry, bytes) for entry in self._buffer)

    async def sends(self, event: str, **more: Any) -> None:
        await self.socket.send(orjson.dumps({"event": event, "streamSid": STREAM, **more}).decode())

    async def starts(self, **parameters: str) -> None:
        """The two first messages."""
        await self.socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        start = {
            "accountSid": "AC0",
            "streamSid": STREAM,
            "callSid": CALL,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        }
        await self.sends("start", sequenceNumber="1", start=start)

    def says(self, pcm16k: bytes) -> None:
        """The caller makes this sound, which takes as long as it does."""
        self.says_codes(encoder("mulaw")(b"".join(pcm16k[n : n + 2] for n in range(0, len(pcm16k), 4))))

    def says_codes(self, codes: bytes) -> None:
        """The same of what is mu-law already."""
        self._speech.extend(codes[n : n + 160].ljust(160, b"\xff") for n in range(0, len(codes), 160))

    async def presses(self, *digits: str) -> None:
        for digit in digits:
            await self.sends("dtmf", sequenceNumber="9", dtmf={"track": "inbound_track", "digit": digit})

    async def until(self, *, what: Any) -> None:
        """Waits until something is so."""
        async with asyncio.timeout(3 * PATIENCE_S):  # sound takes as long as it lasts
            while not what():
                self._news.clear()
                await self._news.wait()

    async def network(self) -> None:
        """Every 20 ms a frame each way, until the call ends."""
        with contextlib.suppress(Exception):
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read())
                ticking = group.create_task(self._tick())
                await asyncio.wait({reading, ticking}, return_when=asyncio.FIRST_COMPLETED)
                reading.cancel()
                ticking.cancel()

    async def _read(self) -> None:
        async for raw in self.socket:
            message = orjson.loads(raw)
            kind = message["event"]
            assert message["streamSid"] == STREAM
            self.events.append(kind)
            if kind == "media":
                sound = base64.b64decode(message["media"]["payload"], validate=True)
                self.sizes.add(len(sound))
                self._buffer.append(sound)
            elif kind == "mark":
                self._buffer.append(message["mark"]["name"])
            else:
                assert kind == "clear"
                await self._clear()
            self._news.set()

    async def _clear(self) -> None:
        thrown, self._buffer = self._buffer, deque()
        for entry in thrown:
            if isinstance(entry, str):
                await self._mark_back(entry)
            else:
                self.cleared += len(entry)

    async def _mark_back(self, name: str) -> None:
        self.marks_back.append(name)
        await self.sends("mark", sequenceNumber="5", mark={"name": name})

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if not self.is_silent:
                payload = self._with_echo(self._speech.popleft() if self._speech else QUIET)
                media = {
                    "track": "inbound",
                    "chunk": str(self._sent_ms // FRAME_MS + 1),
                    "timestamp": str(self._sent_ms),
                    "payload": base64.b64encode(payload).decode(),
                }
                await self.sends("media", sequenceNumber="4", media=media)
            self._sent_ms += FRAME_MS
            await self._play()
            self._news.set()
            due += FRAME_MS / 1000 / self.pace
            await asyncio.sleep(max(due - loop.time(), 0))

    def _with_echo(self, said: bytes) -> bytes:
        late = self._echo.popleft() if len(self._echo) > self.echo_frames else QUIET
        if self.echo_db is None:
            return said
        own, back = (np.frombuffer(decoder("mulaw")(codes), "<i2").astype(float) for codes in (said, late))
        mixed = np.clip(own + back * 10 ** (self.echo_db / 20), -32768, 32767)
        return encoder("mulaw")(mixed.astype("<i2").tobytes())

    async def _play(self) -> None:
        """The next frame is heard, and the marks that stand behind it come back."""
        while self._buffer and isinstance(self._buffer[0], str):
            await self._mark_back(str(self._buffer.popleft()))
        sounds = bytes(self._buffer.popleft()) if self._buffer else b""  # pyright: ignore[reportArgumentType]
        self.heard += sounds
        self._echo.append(sounds or QUIET)
        while self._buffer and isinstance(self._buffer[0], str):
            await self._mark_back(str(self._buffer.popleft()))


@asynccontextmanager
async def stream_of(server: Server, stream: Stream | None = None, **options: Any) -> AsyncIterator[PhoneCall]:
    """A stream that has been opened; nothing has been said in it."""
    url = stream.url if stream is not None else url_of(server, "/twilio", "ws")
    async with connect(url, compression=None, proxy=None, **options) as socket:
        yield PhoneCall(socket)


@asynccontextmanager
async def call_to(server: Server, pace: float = 1.0, **form: str) -> AsyncIterator[PhoneCall]:
    """A call that is answered: Twilio asks, opens the stream it is told, and carries sound both ways."""
    answer = await rings(server, **form)
    assert answer.status_code == 200, answer.text
    stream = Stream.of(answer.text)
    async with stream_of(server, stream) as call:
        call.pace = pace
        await call.starts(**stream.parameters)
        network = asyncio.create_task(call.network())
        try:
            yield call
        finally:
            network.cancel()
            await asyncio.wait({network})

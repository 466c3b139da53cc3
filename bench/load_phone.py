"""Telephone calls as a company leads them: a frame every 20 ms each way, and a buffer that is played."""

import asyncio
import base64
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from app.services.auth.call_gate import signature
from bench.load import CONNECT_TIMEOUT_S, Client, MetricsRecorder

SECRET: Final = "a company's secret for the benchmark"
ADDRESS: Final = "https://bench.example"
"""What is signed; nothing is looked up there."""

FRAME_S: Final = 0.02
PAUSE_NS: Final = 600_000_000
"""Sound that comes so long after the last one is another answer's."""

_TEXT: Final = 1


def media(sound: bytes) -> bytes:
    """A frame of the caller's."""
    payload = base64.b64encode(sound).decode()
    return orjson.dumps({"event": "media", "media": {"track": "inbound", "payload": payload}})


SILENCE: Final = media(b"\xff" * 160)


@dataclass(slots=True)
class Answer:
    """When each frame of an answer came, and how much was held when one was played."""

    came_ns: list[int] = field(default_factory=list[int])
    held: list[int] = field(default_factory=list[int])


class PhoneClient(Client):
    """One call.

    Attributes:
        answers: What came, answer by answer.
        clear_ns: How long after the caller's first voiced frame `clear` came, each time.
        late_ns: How late each of the caller's own frames left.
        end: How it ended; empty as long as it has not.
    """

    PATH = b"/twilio"
    HEADERS = f"X-Twilio-Signature: {signature(SECRET, f'{ADDRESS}/twilio')}\r\n".encode()

    def __init__(self, number: int) -> None:
        super().__init__(MetricsRecorder())
        self.is_open = asyncio.get_running_loop().create_future()
        self.answers: list[Answer] = []
        self.clear_ns: list[int] = []
        self.late_ns: list[int] = []
        self._number = number
        self._buffer: deque[str | None] = deque()
        self._speech: deque[tuple[bytes, bool]] = deque()
        self._last_ns = 0
        self._voiced_ns = 0
        self._waits_for_clear = False
        self._is_ended = False
        self.end = ""

    def opening(self) -> dict[str, Any]:
        self.is_open.set_result(None)
        sid = f"MZ{self._number}"
        sound = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        start = {"streamSid": sid, "callSid": f"CA{self._number}", "mediaFormat": sound}
        return {"event": "start", "streamSid": sid, "start": start}

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_ended = True
        super().connection_lost(exc)

    def _fail(self, what: str) -> None:
        self.end = self.end or what
        super()._fail(what)

    @property
    def has_lost(self) -> bool:
        """Whether the call has ended."""
        return self._is_ended

    @property
    def is_hearing(self) -> bool:
        """Whether an answer is being played."""
        return bool(self._buffer)

    def says(self, frames: list[bytes], onset: int, *, over_it: bool = False) -> None:
        """The caller makes this sound; their voice begins at the frame `onset`.

        Args:
            over_it: They mean to interrupt what they hear.
        """
        self._waits_for_clear, self._voiced_ns = over_it, time.monotonic_ns()
        self._speech.extend((frame, number == onset) for number, frame in enumerate(frames))

    def begins(self) -> None:
        """From now on there is a frame every 20 ms."""
        loop = asyncio.get_running_loop()
        self._tick(loop, time.monotonic())

    def hangs_up(self) -> None:
        """The call ends."""
        self._is_ended = True
        self._send({"event": "stop"})
        self.close()

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        if self._is_ended:
            return
        now = time.monotonic()
        self.late_ns.append(max(0, round((now - due) * 1e9)))
        frame, is_onset = self._speech.popleft() if self._speech else (SILENCE, False)
        if is_onset:
            self._voiced_ns = time.monotonic_ns()
        self._write_frame(_TEXT, frame)
        if self.answers and self._buffer:
            self.answers[-1].held.append(len(self._buffer))
        self._play()
        loop.call_later(due + FRAME_S - time.monotonic(), self._tick, loop, due + FRAME_S)

    def _play(self) -> None:
        if self._buffer and self._buffer[0] is None:
            self._buffer.popleft()
        while self._buffer and (mark := self._buffer[0]) is not None:
            self._buffer.popleft()
            self._mark_back(mark)

    def _mark_back(self, name: str) -> None:
        self._send({"event": "mark", "mark": {"name": name}})

    def take(self, message: dict[str, Any], now_ns: int) -> None:
        match message["event"]:
            case "media":
                if now_ns - self._last_ns > PAUSE_NS or not self.answers:
                    self.answers.append(Answer())
                self._last_ns = now_ns
                self.answers[-1].came_ns.append(now_ns)
                self._buffer.append(None)
            case "mark":
                self._buffer.append(message["mark"]["name"])
            case _:
                if self._waits_for_clear:
                    self._waits_for_clear = False
                    self.clear_ns.append(now_ns - self._voiced_ns)
                # What comes now is no part of an answer that was sent in time.
                self.answers.append(Answer())
                thrown, self._buffer = self._buffer, deque()
                for name in thrown:
                    if name is not None:
                        self._mark_back(name)


async def call(port: int, number: int) -> PhoneClient:
    """A call that has been answered."""
    client = PhoneClient(number)
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        await asyncio.get_running_loop().create_connection(lambda: client, "127.0.0.1", port)
        await client.is_open
    return client

"""A question by a recording, for scripts: sends it as frames, and keeps the answer's words and sound."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from app.cli.endings import Ending, Exit
from app.cli.ledger import Message
from app.cli.link import Dropped, Item, Link

FRAME_S: Final = 0.02
_SAMPLE_BYTES: Final = 2
_SILENCE_S: Final = 600.0
_AT_ONCE_S: Final = 8.0
_FAST_PACE: Final = 1.8
"""Faster than real time: so much at once, then at this pace. Servers take little more."""


def audio_terms(rate_hz: int, *, out: bool, turns: Literal["manual", "auto"]) -> dict[str, Any]:
    """What is agreed on in the first message."""
    return {"in": {"sample_rate_hz": rate_hz}, "out": out, "turn_detection": turns}


@dataclass(slots=True)
class Answer:
    """What came of the recording.

    Attributes:
        transcript: What was understood.
        pcm: The answer's sound, mono PCM16, at `rate_hz`.
    """

    transcript: str = ""
    text: str = ""
    pcm: bytearray = field(default_factory=bytearray)
    rate_hz: int = 24_000


class Recording:
    """One question.

    Args:
        pcm: Mono PCM16 at `rate_hz`.
        is_fast: It is sent as fast as the connection takes it, not in real time.
        wants_sound: The answer is wanted as sound too.
    """

    def __init__(
        self,
        link: Link,
        pcm: bytes,
        rate_hz: int,
        *,
        turns: Literal["manual", "auto"] = "manual",
        is_fast: bool = False,
        wants_sound: bool = False,
    ) -> None:
        self._link = link
        self._pcm = pcm
        self._rate_hz = rate_hz
        self._turns = turns
        self._is_fast = is_fast
        self._wants_sound = wants_sound
        self._answer = Answer()
        self._turn_id: str | None = None
        self._sounding: str | None = None
        self._has_sent = False
        self._begun_at = 0.0

    async def ask(self) -> Answer:
        """Sends it and waits for the answer's end.

        Raises:
            Ending: No words were heard, the server answered with an error, has no voice, or is gone.
        """
        sending: asyncio.Task[None] | None = None
        try:
            async with aclosing(self._link.items()) as items:
                async for item in items:
                    if sending is None and _is(item, "session_created"):
                        self._check_features(item)
                        sending = asyncio.create_task(self._send(), name="sending")
                    if await self._take(item):
                        await self._link.end()
                        break
        finally:
            if sending is not None:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        return self._answer

    def _check_features(self, created: Item) -> None:
        features: list[str] = created.get("features", []) if isinstance(created, dict) else []
        if "audio_in" not in features:
            raise Ending(Exit.NO_VOICE, "no_voice")
        if self._wants_sound and "audio_out" not in features:
            raise Ending(Exit.NO_VOICE, "no_answer_voice")

    # What goes

    async def _send(self) -> None:
        frame = int(self._rate_hz * FRAME_S) * _SAMPLE_BYTES
        for at in range(0, len(self._pcm), frame):
            await self._send_frame(self._pcm[at : at + frame], at // frame)
        self._has_sent = True
        if self._turns == "manual":
            await self._link.send({"type": "audio_commit"})
            return
        # An open microphone goes on: without silence behind it, the server would not hear where speech ends.
        silence = bytes(frame)
        first = -(-len(self._pcm) // frame)
        for n in range(int(_SILENCE_S / FRAME_S)):
            await self._send_frame(silence, first + n, in_real_time=True)

    async def _send_frame(self, pcm: bytes, number: int, *, in_real_time: bool = False) -> None:
        now = asyncio.get_running_loop().time
        if number == 0:
            self._begun_at = now()
        if in_real_time and self._is_fast:
            await asyncio.sleep(FRAME_S)
        elif self._is_fast:
            ahead_s = max(0.0, number * FRAME_S - _AT_ONCE_S) / _FAST_PACE
            await asyncio.sleep(max(0.0, self._begun_at + ahead_s - now()))
        else:
            await asyncio.sleep(max(0.0, self._begun_at + number * FRAME_S - now()))
        await self._link.send_audio(pcm)

    # What comes

    async def _take(self, item: Item) -> bool:
        """Takes one item; whether the answer is whole."""
        match item:
            case bytes():
                await self._take_sound(item)
            case Dropped():
                if not self._has_sent:
                    raise Ending(Exit.FAILED, "lost_sound")
            case {"type": "transcript", "final": True, "content": content}:
                self._answer.transcript = content
            case {"type": "speech_stopped", "empty": True} if self._turn_id is None and self._has_sent:
                raise Ending(Exit.FAILED, "nothing_heard")
            case {"type": "turn_started", "turn_id": turn_id, "source": "user"}:
                self._turn_id = turn_id
                self._answer.text = ""
                self._answer.pcm.clear()
            case {"type": "error", "content": content}:
                raise Ending(Exit.FAILED, "error", content=content)
            case {"type": "response_complete"}:
                return self._ends(item)
            case {"type": "audio_started" | "audio_complete"}:
                self._mark_sound(item)
            case _:
                pass
        return False

    def _mark_sound(self, message: Message) -> None:
        if message["type"] == "audio_complete":
            self._sounding = None
            return
        self._sounding = message["turn_id"]
        self._answer.rate_hz = message["sample_rate_hz"]
        if self._sounding == self._turn_id:
            # After a drop the rest is sent from an earlier place on.
            offset = int(message.get("offset_ms", 0) * self._answer.rate_hz / 1000) * _SAMPLE_BYTES
            del self._answer.pcm[offset:]

    async def _take_sound(self, pcm: bytes) -> None:
        if self._sounding is None or self._sounding != self._turn_id:
            return
        self._answer.pcm += pcm
        if self._is_fast:
            # All of it counts as played, so that the server need not hold back the rest.
            played_ms = len(self._answer.pcm) / _SAMPLE_BYTES / self._answer.rate_hz * 1000
            await self._link.send({"type": "playback", "turn_id": self._turn_id, "played_ms": int(played_ms)})

    def _ends(self, message: Message) -> bool:
        """Whether that was the answer: after a turn that was cut, since the user went on, comes another."""
        if message.get("turn_id") != self._turn_id:
            return False
        self._answer.text = message.get("text", "")
        return message.get("finish_reason") != "interrupted"


def _is(item: Item, kind: str) -> bool:
    return isinstance(item, dict) and item.get("type") == kind

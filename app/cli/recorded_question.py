"""A question by a recording, for scripts: sends it as frames, and keeps the answer's words and sound."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, Literal

from voice_agent_client import (
    AgentError,
    AudioChunk,
    AudioOptions,
    AudioStarted,
    ConnectionLost,
    Event,
    ReconnectingClient,
    ResponseComplete,
    SessionCreated,
    SpeechStopped,
    Transcript,
    TurnStarted,
)

from app.cli.cli_error import CliError, Exit

FRAME_S: Final = 0.02
_SAMPLE_BYTES: Final = 2
_SILENCE_S: Final = 600.0
_AT_ONCE_S: Final = 8.0
_FAST_PACE: Final = 1.8
"""Faster than real time: so much at once, then at this pace. Servers take little more."""


def audio_options(rate_hz: int, *, out: bool, turns: Literal["manual", "auto"]) -> AudioOptions:
    """Return the sound that is asked for in the first message."""
    return {"in": {"sample_rate_hz": rate_hz}, "out": out, "turn_detection": turns}


@dataclass(slots=True)
class RecordedAnswer:
    """What came of the recording.

    Attributes:
        transcript: What was understood.
        pcm: The answer's sound, mono PCM16, at `rate_hz`.
    """

    transcript: str = ""
    text: str = ""
    pcm: bytearray = field(default_factory=bytearray)
    rate_hz: int = 24_000


class RecordedQuestion:
    """One question.

    Args:
        pcm: Mono PCM16 at `rate_hz`.
        is_fast: It is sent as fast as the connection takes it, not in real time.
        wants_sound: The answer is wanted as sound too.
    """

    def __init__(
        self,
        client: ReconnectingClient,
        pcm: bytes,
        rate_hz: int,
        *,
        turns: Literal["manual", "auto"] = "manual",
        is_fast: bool = False,
        wants_sound: bool = False,
    ) -> None:
        self._client = client
        self._pcm = pcm
        self._rate_hz = rate_hz
        self._turns = turns
        self._is_fast = is_fast
        self._wants_sound = wants_sound
        self._answer = RecordedAnswer()
        self._turn_id: str | None = None
        self._has_sent = False
        self._begun_at = 0.0

    async def ask(self) -> RecordedAnswer:
        """Send it and wait for the answer's end.

        Raises:
            CliError: No words were heard, the server answered with an error, or has no voice.
            VoiceAgentError: The server is gone, or does not want the talk.
        """
        sending: asyncio.Task[None] | None = None
        try:
            async with aclosing(self._client.events()) as events:
                async for event in events:
                    if sending is None and isinstance(event, SessionCreated):
                        self._check_features(event.features)
                        sending = asyncio.create_task(self._send(), name="sending")
                    if await self._take(event):
                        await self._client.end()
                        break
        finally:
            if sending is not None:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        return self._answer

    def _check_features(self, features: list[str]) -> None:
        if "audio_in" not in features:
            raise CliError(Exit.NO_VOICE, "no_voice")
        if self._wants_sound and "audio_out" not in features:
            raise CliError(Exit.NO_VOICE, "no_answer_voice")

    # What goes

    async def _send(self) -> None:
        frame = int(self._rate_hz * FRAME_S) * _SAMPLE_BYTES
        for at in range(0, len(self._pcm), frame):
            await self._send_frame(self._pcm[at : at + frame], at // frame)
        self._has_sent = True
        if self._turns == "manual":
            await self._client.commit_audio()
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
        await self._client.send_audio(pcm)

    # What comes

    async def _take(self, event: Event) -> bool:
        """Take one event; return whether the answer is whole."""
        match event:
            case AudioChunk(turn_id):
                await self._take_sound(turn_id, event.pcm)
            case ConnectionLost():
                if not self._has_sent:
                    raise CliError(Exit.FAILED, "lost_sound")
            case Transcript(content=content, final=True):
                self._answer.transcript = content
            case SpeechStopped(empty=True) if self._turn_id is None and self._has_sent:
                raise CliError(Exit.FAILED, "nothing_heard")
            case TurnStarted(turn_id, "user"):
                self._turn_id = turn_id
                self._answer.text = ""
                self._answer.pcm.clear()
            case AgentError(content=content):
                raise CliError(Exit.FAILED, "error", content=content)
            case ResponseComplete():
                return self._ends(event)
            case AudioStarted():
                self._begin_sound(event)
            case _:
                pass
        return False

    def _begin_sound(self, started: AudioStarted) -> None:
        if started.turn_id == self._turn_id:
            self._answer.rate_hz = started.sample_rate_hz
            # After a drop the rest is sent from an earlier place on.
            offset = int(started.offset_ms * self._answer.rate_hz / 1000) * _SAMPLE_BYTES
            del self._answer.pcm[offset:]

    async def _take_sound(self, turn_id: str, pcm: bytes) -> None:
        if turn_id != self._turn_id:
            return
        self._answer.pcm += pcm
        if self._is_fast:
            # All of it counts as played, so that the server need not hold back the rest.
            played_ms = len(self._answer.pcm) / _SAMPLE_BYTES / self._answer.rate_hz * 1000
            await self._client.report_playback(turn_id, played_ms)

    def _ends(self, complete: ResponseComplete) -> bool:
        """Tell whether that was the answer: after a turn that the user cut by going on comes another."""
        if complete.turn_id != self._turn_id:
            return False
        self._answer.text = complete.text
        return complete.finish_reason != "interrupted"

"""The talk by voice: the microphone's frames out, the agent's sound to the loudspeaker, words shown."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Final

from voice_agent_client import (
    AgentError,
    AudioChunk,
    AudioOptions,
    AudioStarted,
    Event,
    FeaturesChanged,
    History,
    Interrupted,
    PlaybackHint,
    ReconnectingClient,
    SessionCreated,
    TurnStarted,
)

from app.cli.cli_error import CliError, Exit
from app.cli.player import Player
from app.cli.sound_card import SoundCard
from app.cli.terminal_renderer import TerminalRenderer

REPORT_EACH_S: Final = 0.2
_FRAMES_WAITING: Final = 100


class VoiceConsole:
    """One talk by voice, hands-free.

    Args:
        audio: The sound that the session was opened with, and that is asked for again after a restart.
    """

    def __init__(
        self, client: ReconnectingClient, card: SoundCard, renderer: TerminalRenderer, audio: AudioOptions
    ) -> None:
        self._client = client
        self._card = card
        self._renderer = renderer
        self._audio = audio
        self._is_refused = False
        self._player = Player()
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(_FRAMES_WAITING)
        self._speaker_hz = 0
        self._is_listening = False
        self._reported: tuple[str, int] | None = None
        self._is_interrupting = False

    async def run(self) -> Exit:
        """Talk until the server ends it or this is cancelled.

        Raises:
            CliError: The server has no voice, or the sound card fails.
            VoiceAgentError: The server cannot be reached, or does not want the talk.
        """
        tasks = [
            asyncio.create_task(work(), name=f"voice {work.__name__}")
            for work in (self._hear, self._send_frames, self._report)
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._card.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return Exit.OK

    async def interrupt(self) -> bool:
        """Interrupt the agent; false where there is nothing to interrupt, or it was asked to stop before."""
        if self._client.turn_id is None or self._is_interrupting:
            return False
        self._player.drop()
        self._is_interrupting = await self._client.interrupt()
        return self._is_interrupting

    # What is said

    def _keep_frame(self, pcm: bytes) -> None:
        if self._frames.full():
            # Old sound is worth less than new.
            self._frames.get_nowait()
        self._frames.put_nowait(pcm)

    async def _send_frames(self) -> None:
        while True:
            pcm = await self._frames.get()
            if not self._is_refused:
                await self._client.send_audio(pcm)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EACH_S)
            await self._tell_played()

    async def _tell_played(self) -> None:
        played = self._player.played()
        if played is not None and played != self._reported:
            self._reported = played
            turn_id, played_ms = played
            await self._client.report_playback(turn_id, played_ms)

    # What comes

    async def _hear(self) -> None:
        async with aclosing(self._client.events()) as events:
            async for event in events:
                await self._follow(event)
                self._renderer.write(event)

    async def _follow(self, event: Event) -> None:
        match event:
            case AudioChunk():
                self._player.feed(event.pcm)
            case TurnStarted():
                self._is_interrupting = False
            case AudioStarted():
                self._begin_sound(event)
            case PlaybackHint(action=action):
                self._player.duck(ducked=action == "duck")
            case Interrupted(turn_id):
                self._player.drop(turn_id)
                await self._tell_played()
            case _:
                await self._agree(event)

    async def _agree(self, event: Event) -> None:
        """Follow what sound there is; the client itself asks again after a gap and when speech has loaded."""
        match event:
            case SessionCreated(features=features):
                # Where it cannot hear, the error that follows says whether it will.
                self._is_refused = "audio_in" not in features
                if not self._is_refused:
                    self._listen()
            case AgentError(code="voice_loading"):
                self._is_refused = True
            case AgentError(code="not_available"):
                await self._ask_for_less()
            case FeaturesChanged(features):
                if "audio_in" not in features:
                    raise CliError(Exit.NO_VOICE, "no_voice")
                self._is_refused = False
                self._listen()
            case History():
                self._is_refused = False
            case _:
                pass

    async def _ask_for_less(self) -> None:
        """The server does not have all that was asked for: who is heard may talk all the same."""
        if self._is_refused or not self._audio.get("out"):
            raise CliError(Exit.NO_VOICE, "no_voice")
        self._audio: AudioOptions = {**self._audio, "out": False}
        await self._client.update_session(audio=self._audio)

    def _listen(self) -> None:
        if not self._is_listening:
            # Not before: what nobody takes would only be thrown away.
            self._is_listening = True
            loop = asyncio.get_running_loop()
            self._card.listen(lambda pcm: _hand_over(loop, self._keep_frame, pcm))

    def _begin_sound(self, started: AudioStarted) -> None:
        self._player.begin(started.turn_id, started.sample_rate_hz, started.offset_ms)
        if started.sample_rate_hz != self._speaker_hz:
            self._speaker_hz = started.sample_rate_hz
            self._card.speak(started.sample_rate_hz, self._player.pull)


def _hand_over(loop: asyncio.AbstractEventLoop, keep: Callable[[bytes], None], pcm: bytes) -> None:
    """Take a frame from the sound card's thread to the loop, which may have closed meanwhile."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(keep, pcm)

"""The talk by voice: the microphone's frames out, the agent's sound to the loudspeaker, words on paper."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Final

from app.cli.endings import Ending, Exit
from app.cli.ledger import Message
from app.cli.link import Link
from app.cli.paper import Paper
from app.cli.player import Player
from app.cli.sound_card import SoundCard

REPORT_EACH_S: Final = 0.2
_FRAMES_WAITING: Final = 100


class Spoken:
    """One talk by voice, hands-free.

    Args:
        audio: The sound that the session was opened with, and that is asked for again after a restart.
    """

    def __init__(self, link: Link, card: SoundCard, paper: Paper, audio: Message) -> None:
        self._link = link
        self._card = card
        self._paper = paper
        self._audio = audio
        self._is_refused = False
        self._player = Player()
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(_FRAMES_WAITING)
        self._speaker_hz = 0
        self._is_listening = False
        self._turn_id: str | None = None
        self._reported: tuple[str, int] | None = None
        self._is_interrupting = False

    async def run(self) -> Exit:
        """Talks until the server ends it or this is cancelled.

        Raises:
            Ending: The server cannot be reached or has no voice, or the sound card fails.
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
        """Interrupts the agent; false where there is nothing to interrupt, or it was asked to stop before."""
        if self._turn_id is None or self._is_interrupting:
            return False
        self._player.drop()
        self._is_interrupting = await self._link.send({"type": "interrupt", "turn_id": self._turn_id})
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
                await self._link.send_audio(pcm)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EACH_S)
            await self._tell_played()

    async def _tell_played(self) -> None:
        played = self._player.played()
        if played is not None and played != self._reported:
            self._reported = played
            turn_id, played_ms = played
            await self._link.send({"type": "playback", "turn_id": turn_id, "played_ms": played_ms})

    # What comes

    async def _hear(self) -> None:
        async with aclosing(self._link.items()) as items:
            async for item in items:
                if isinstance(item, dict):
                    await self._follow(item)
                elif isinstance(item, bytes):
                    self._player.feed(item)
                self._paper.write(item)

    async def _follow(self, item: Message) -> None:
        match item:
            case {"type": "turn_started", "turn_id": turn_id}:
                self._turn_id = turn_id
                self._is_interrupting = False
            case {"type": "audio_started"}:
                self._begin_sound(item)
            case {"type": "playback_hint", "action": action}:
                self._player.duck(ducked=action == "duck")
            case {"type": "interrupted", "turn_id": turn_id}:
                self._player.drop(turn_id)
                await self._tell_played()
            case {"type": "response_complete" | "error", "turn_id": self._turn_id}:
                self._turn_id = None
            case _:
                await self._agree(item)

    async def _agree(self, item: Message) -> None:
        """Follows what sound there is."""
        match item:
            case {"type": "session_created", "features": features}:
                # Where it cannot hear, the error that follows says whether it will.
                self._is_refused = "audio_in" not in features
                if not self._is_refused:
                    self._listen()
            case {"type": "error", "code": "voice_loading"}:
                self._is_refused = True
            case {"type": "error", "code": "not_available"}:
                await self._ask_for_less()
            case {"type": "features", "features": features}:
                await self._ask_again(features)
            case {"type": "history"}:
                # A server that has lost the messages has lost what was agreed on.
                self._is_refused = False
                await self._ask(self._audio)
            case _:
                pass

    async def _ask(self, audio: Message) -> None:
        await self._link.send({"type": "session_update", "audio": audio})

    async def _ask_again(self, features: list[str]) -> None:
        """The server has loaded its speech, or could not."""
        if "audio_in" not in features:
            raise Ending(Exit.NO_VOICE, "no_voice")
        self._is_refused = False
        await self._ask({**self._audio, "out": self._audio["out"] and "audio_out" in features})
        self._listen()

    async def _ask_for_less(self) -> None:
        """The server does not have all that was asked for: who is heard may talk all the same."""
        if self._is_refused or not self._audio["out"]:
            raise Ending(Exit.NO_VOICE, "no_voice")
        self._audio = {**self._audio, "out": False}
        await self._ask(self._audio)

    def _listen(self) -> None:
        if not self._is_listening:
            # Not before: what nobody takes would only be thrown away.
            self._is_listening = True
            loop = asyncio.get_running_loop()
            self._card.listen(lambda pcm: _hand_over(loop, self._keep_frame, pcm))

    def _begin_sound(self, message: Message) -> None:
        rate_hz = message["sample_rate_hz"]
        self._player.begin(message["turn_id"], rate_hz, message.get("offset_ms", 0))
        if rate_hz != self._speaker_hz:
            self._speaker_hz = rate_hz
            self._card.speak(rate_hz, self._player.pull)


def _hand_over(loop: asyncio.AbstractEventLoop, keep: Callable[[bytes], None], pcm: bytes) -> None:
    """Takes a frame from the sound card's thread to the loop, which may have closed meanwhile."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(keep, pcm)

"""Whether the user has finished: by the sound and by the words, since either alone cuts sentences in two."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

from app.completeness import sounds_finished
from app.errors import Locale

ACOUSTIC_THRESHOLD: Final = 0.5
"""From here on the sound counts as finished."""

LISTEN_LIMIT_S: Final = 1.0
"""What comes later than that is of no use: the patient silence is nearly over."""

_THREADS: Final = 2

logger = logging.getLogger(__name__)


class SoundJudge(Protocol):
    """Judges the sound; blocks while it does."""

    def finished(self, pcm: bytes) -> float:
        """Return how likely the speaker has finished, 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What sound and words say of the end.

    Attributes:
        acoustic: How finished it sounds, 0 to 1.
        text_complete: Whether the words may be all.
    """

    acoustic: float
    text_complete: bool

    @property
    def complete(self) -> bool:
        """Whether both say that the user has finished."""
        return self.text_complete and self.acoustic >= ACOUSTIC_THRESHOLD


class EndOfTurn:
    """Judges ends for all talks; the model runs in threads of its own, since it takes about 0.1 s.

    Args:
        audio_input: The acoustic model.
        limit_s: How long it may take, in seconds.
    """

    def __init__(self, audio_input: SoundJudge, limit_s: float = LISTEN_LIMIT_S) -> None:
        self._audio_input = audio_input
        self._limit_s = limit_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="end-of-turn")

    async def judge(self, pcm: bytes, text: str, language: Locale) -> Verdict:
        """Judge an utterance at a silence.

        Args:
            pcm: The utterance so far, at `EAR_RATE_HZ`, with a little of the silence.
            text: What a recogniser made of it.
            language: Whose words they are.
        """
        if not sounds_finished(text, language):
            # The sound cannot change it, and costs more than all the words.
            return Verdict(0.0, text_complete=False)
        return Verdict(await self.listen(pcm), text_complete=True)

    def may_be_all(self, text: str, language: Locale) -> bool:
        """Return whether the words may be all."""
        return sounds_finished(text, language)

    async def listen(self, pcm: bytes) -> float:
        """Return how finished it sounds, 0 to 1; can begin before there are words.

        0 where that is not known in time: then the longer silence decides.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limit_s):
                return await loop.run_in_executor(self._threads, self._audio_input.finished, pcm)
        except TimeoutError:
            logger.warning("end_of_turn_late", extra={"limit_s": self._limit_s})
            return 0.0

    async def aclose(self) -> None:
        """End the threads; what waits is given up."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)

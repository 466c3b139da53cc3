"""Ears for a world in which a word is a sound of one level: what is said can be read off the samples."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from app.speech.base import EAR_RATE_HZ, SpeechEvent, SpeechInputEngines, Transcription, Utterance

FRAME_MS = 20
FRAME_BYTES = EAR_RATE_HZ * FRAME_MS // 1000 * 2
CONFIRM_FRAMES = 3
WORD_MS = 300


class Vocabulary:
    """Gives each word its level."""

    def __init__(self) -> None:
        self._words: list[str] = [""]

    def sound(self, text: str, word_ms: int = WORD_MS) -> bytes:
        """The text as PCM; `*` is a noise, which is voice without a word."""
        return b"".join(self._level(word).to_bytes(2, "little") * (word_ms * 16) for word in text.split())

    def words_in(self, pcm: bytes) -> str:
        """What is said in it."""
        levels = [int.from_bytes(pcm[n : n + 2], "little") for n in range(0, len(pcm) - 1, FRAME_BYTES)]
        runs = [level for n, level in enumerate(levels) if level and (n == 0 or levels[n - 1] != level)]
        return " ".join(word for word in (self._words[level] for level in runs) if word != "*")

    def _level(self, word: str) -> int:
        if word not in self._words:
            self._words.append(word)
        return self._words.index(word)


def silence(ms: int) -> bytes:
    """No sound."""
    return bytes(ms * 32)


class LevelDetector:
    """Voice is whatever is not zero."""

    def __init__(self) -> None:
        self._rest = b""
        self.reset()

    def reset(self) -> None:
        self._pcm = bytearray()
        self._voiced_frames = 0
        self._silent_frames = 0
        self._is_confirmed = False
        self._end = 0

    is_surely_speech = True

    @property
    def voiced_ms(self) -> float:
        return self._end / 32

    def speech(self) -> bytes:
        return bytes(self._pcm[: self._end])

    def feed(self, pcm: bytes) -> Sequence[SpeechEvent]:
        self._rest += pcm
        events: list[SpeechEvent] = []
        while len(self._rest) >= FRAME_BYTES:
            frame, self._rest = self._rest[:FRAME_BYTES], self._rest[FRAME_BYTES:]
            events += self._frame(frame)
        return events

    def _is_voice(self, frame: bytes) -> bool:
        return any(frame)

    def _frame(self, frame: bytes) -> list[SpeechEvent]:
        is_voice = self._is_voice(frame)
        if not is_voice and not self._voiced_frames:
            self._silent_frames += 1
            return [SpeechEvent("silence", self._silent_frames * FRAME_MS)]
        self._pcm += frame
        if not is_voice:
            self._silent_frames += 1
            if not self._is_confirmed:
                self.reset()
                return [SpeechEvent("false_alarm")]
            return [SpeechEvent("silence", self._silent_frames * FRAME_MS)]
        self._voiced_frames += 1
        self._silent_frames = 0
        self._end = len(self._pcm)
        if self._voiced_frames == 1:
            return [SpeechEvent("onset")]
        if self._voiced_frames == CONFIRM_FRAMES:
            self._is_confirmed = True
            return [SpeechEvent("confirmed"), SpeechEvent("voice", self.voiced_ms)]
        return [SpeechEvent("voice", self.voiced_ms)] if self._is_confirmed else []


class WordRecogniser:
    """Reads the words off the samples, in `pass_s` seconds; `fails` are raised first, one each.

    Attributes:
        deaf_passes: So many of the next passes that are no partial ones come back as nothing.
        is_doubtful: Words of sound that is surely spoken are doubtful.
        confidence: How sure it is of what it reads.
    """

    name: Literal["azure", "local"] = "local"

    def __init__(self, vocabulary: Vocabulary, pass_s: float = 0.3) -> None:
        self.passes: list[Utterance] = []
        self.fails: list[BaseException] = []
        self.has_idle_worker = True
        self.deaf_passes = 0
        self.is_doubtful = False
        self.confidence = 1.0
        self.running = 0
        self._vocabulary = vocabulary
        self._pass_s = pass_s

    async def transcribe(self, utterance: Utterance) -> Transcription:
        self.passes.append(utterance)
        self.running += 1
        try:
            await asyncio.sleep(self._pass_s)
            if self.fails:
                raise self.fails.pop(0)
            if self.deaf_passes and utterance.urgency != "partial":
                self.deaf_passes -= 1
                return Transcription("", utterance.hint)
            words = self._vocabulary.words_in(utterance.pcm)
            is_doubtful = self.is_doubtful and utterance.is_spoken
            return Transcription(words, utterance.hint, self.confidence, is_doubtful)
        finally:
            self.running -= 1

    async def aclose(self) -> None:
        assert self.running == 0


class FullStops:
    """What ends in a full stop is complete, and sounds as finished as a test says."""

    def __init__(self) -> None:
        self.acoustic = 1.0

    async def listen(self, pcm: bytes) -> float:
        return self.acoustic

    def may_be_all(self, text: str, language: str) -> bool:
        return text.endswith((".", "?"))


async def no_clips(clip: bytes, owner: str) -> bytes:
    raise AssertionError("no clip was expected")


def new_senses(recogniser: WordRecogniser, judge: FullStops | None = None) -> SpeechInputEngines:
    """The senses of that world."""
    return SpeechInputEngines(
        recogniser, judge or FullStops(), LevelDetector, lambda rate: lambda pcm: pcm, no_clips
    )

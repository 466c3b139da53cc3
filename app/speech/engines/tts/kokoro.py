"""Kokoro, on this machine's processor: a clause's sound in pieces, the first of which comes early."""

import asyncio
from array import array
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from app.errors import Locale, WorkerFailed
from app.speech.base import BYTES_PER_SAMPLE, AudioPiece, Speech, WordEnd
from app.speech.engines.core_sharing import Haste
from app.speech.engines.tts.kokoro_symbols import phrases_of
from app.speech.engines.tts.load import TtsAdmission
from app.speech.engines.tts.timing import nothing_said
from app.speech.engines.worker_wire import Frame, Header, JobRefused
from app.speech.engines.workers import WorkerPool
from app.speech.reading import ReadingToken, read_aloud
from app.speech.stages import reached
from app.speech.voices import Voice, find_voice, voice_called

RATE_HZ: Final = 24_000
WORKER: Final = "app.speech.engines.tts.kokoro_worker"
Phonemiser = Callable[[list[str], Locale, str], Awaitable[list[str]]]
"""Takes phrases, their language, and whose they are; gives the phonemes of each, in Kokoro's symbols."""

VOICES: Final[dict[Locale, tuple[Voice, ...]]] = {
    "es": (voice_called("ef_dora", "es"), voice_called("em_alex", "es")),
    "en": (voice_called("af_heart", "en"), voice_called("am_michael", "en")),
}

_SAMPLES_PER_STEP: Final = 300
_STEPS_PER_S: Final = RATE_HZ // _SAMPLES_PER_STEP
_MS_PER_STEP: Final = 1000 / _STEPS_PER_S
_FLOAT_BYTES: Final = 4
_SHAPE_BYTES: Final = 512 * _FLOAT_BYTES
_SOURCE_BYTES: Final = 22 * _FLOAT_BYTES
_SOURCE_PER_STEP: Final = 60

CONTEXT: Final = 8
"""Steps before and behind a piece that the vocoder sees too: its sound depends on them."""

_LEAD_IN: Final = 5
"""The model begins with silence; so many steps of it are kept, since the first sound may begin in them."""

SHORTEST: Final = 32
"""Steps of the first piece. Its loudness is normed over the piece: shorter ones sound uneven."""

_EASY: Final = 0.8
"""Seconds of work for a second of sound up to which the next piece comes in time after a shortest one. On a
busier machine the first one is longer by as much as that is exceeded, and comes so much later."""

_LONGEST_FIRST: Final = 80
_LONGEST: Final = 160
_SMALL_REST: Final = 24
"""A rest of so many steps is made together with the piece before it."""

_FADE: Final = 120
"""Samples over which one piece goes over into the next."""

_SAFE_S: Final = 1.2
"""With so much sound ahead of the listener, the next piece lets others go first who are waited for."""

_SPARE_S: Final = 0.8
"""So much of it stays, however long those take."""

_MARGIN: Final = 0.8
"""How much of the time for which there is sound is used to make the next piece."""


class KokoroSynthesiser:
    """Speaks by worker processes; see `Synthesiser`. Raises `VoiceBusy` where too many clauses wait.

    Args:
        pool: Workers of the kind `WORKER`; started by the caller.
        phonemes: How words sound; what it raises ends the clause.
        defaults: The voice of each language, where none or an unknown one is asked for.
        answers: Is told what is made, and says how far ahead of the listener it is.

    Attributes:
        haste: Is told when a listener waits, and asked whether a user does.
    """

    name: Literal["azure", "local", "espeak"] = "local"
    sample_rate_hz = RATE_HZ

    def __init__(
        self, pool: WorkerPool, phonemes: Phonemiser, defaults: dict[Locale, str], answers: TtsAdmission
    ) -> None:
        self.haste = Haste()
        self._pool = pool
        self._phonemes = phonemes
        self._defaults = defaults
        self._answers = answers

    @property
    def is_ready(self) -> bool:
        """Whether a worker is there."""
        return self._pool.is_ready

    def voice_of(self, speech: Speech) -> str:
        """Return the voice that says it: the one asked for, where it speaks that language."""
        voices = VOICES[speech.language]
        asked = find_voice(speech.voice, voices) or find_voice(self._defaults[speech.language], voices)
        return asked or voices[0].name

    async def speak(self, speech: Speech, urgency: int | None = None) -> AsyncGenerator[AudioPiece, None]:
        """Say one clause, piece by piece, as `Synthesiser.speak` promises."""
        tokens = read_aloud(speech.text, speech.language)
        done_ms = 0.0
        while tokens:
            first = (0 if speech.is_first else 1) if urgency is None else urgency
            front = await self._front(tokens, speech, first)
            reached("front")
            said, tokens = tokens[: len(front.ends)], tokens[len(front.ends) :]
            async with aclosing(self._sound(front, speech, max(first, 1))) as sound:
                async for pcm, words in front.timed(sound, said, done_ms):
                    yield AudioPiece(pcm, words)
            done_ms += front.length_ms
        yield AudioPiece(b"", (WordEnd(len(speech.text), done_ms),) if done_ms else nothing_said(speech.text))

    def give_up(self, talk: str) -> None:
        """Nobody will hear the rest of what was said in this talk."""
        self._answers.give_up(talk)

    def heard(self, talk: str) -> None:
        """Count nothing."""

    @property
    def workers_lost(self) -> int:
        """How many of its processes have died or hung so far."""
        return self._pool.lost

    async def aclose(self) -> None:
        """End the workers."""
        await self._pool.aclose()

    async def _front(self, tokens: list[ReadingToken], speech: Speech, urgency: int) -> "Front":
        phrases = [
            " ".join(phrase.words) for phrase in phrases_of([(token.words, token.pause) for token in tokens])
        ]
        header: Header = {
            "do": "front",
            "tokens": [[token.words, token.pause] for token in tokens],
            "sounds": await self._phonemes(phrases, speech.language, speech.owner or speech.talk),
            "voice": self.voice_of(speech),
            "speed": min(max(speech.speed, 0.5), 2.0),
        }
        reply, body = await self._job(header, b"", urgency, speech)
        start = max(0, cast(int, reply["silent"][0]) - _LEAD_IN)
        return Front(body, reply["steps"], start, reply["ends"], reply["s"])

    async def _sound(self, front: "Front", speech: Speech, urgency: int) -> AsyncGenerator[bytes, None]:
        """The clause's sound: each piece goes over into the next one."""
        now = asyncio.get_running_loop().time
        place, tail = front.start, b""
        while place < front.steps:
            end = front.end_after(place, self._length(speech.talk, now()))
            reply, pcm = await self._job(front.header(place, end), front.body(place, end), urgency, speech)
            # The front's work counts as the first piece's.
            work_s = reply["s"] + (front.work_s if place == front.start else 0)
            seconds = (end - place) / _STEPS_PER_S
            self._answers.measure(work_s, seconds, now())
            self._answers.add_sound(speech.talk, seconds, now())
            sound, tail = front.joined(pcm, place, end, tail)
            place = end
            reached("piece")
            yield sound

    def _length(self, talk: str, now: float) -> int:
        """Steps of the next piece: as many as can be made while there is something to be heard."""
        ahead_s, ratio = self._answers.ahead_s(talk, now), self._answers.ratio(now)
        if not ahead_s:
            return min(max(SHORTEST, round(SHORTEST * ratio / _EASY)), _LONGEST_FIRST)
        steps = int(ahead_s * _MARGIN / ratio * _STEPS_PER_S) - 2 * CONTEXT
        return min(max(steps, SHORTEST), _LONGEST)

    async def _job(self, header: Header, body: bytes, urgency: int, speech: Speech) -> Frame:
        is_waited_for = await self._gave_way(speech.talk) if speech.talk else False
        run = self._pool.run(header, body, urgency, speech.owner or speech.talk)
        try:
            with self.haste.speaking() if is_waited_for else nullcontext():
                async with aclosing(run) as frames:
                    answer = [frame async for frame in frames]
        except JobRefused as exc:
            raise WorkerFailed(f"{exc.reason}: {exc.facts}") from exc
        return answer[0]

    async def _gave_way(self, talk: str) -> bool:
        """Let users be understood first where there is sound enough; whether the listener waits for more."""
        now = asyncio.get_running_loop().time
        ahead_s = self._answers.ahead_s(talk, now())
        if ahead_s >= _SAFE_S:
            await self.haste.calm(ahead_s - _SPARE_S)
        return self._answers.ahead_s(talk, now()) < _SAFE_S


@dataclass(frozen=True, slots=True)
class Front:
    """What the vocoder needs of a clause.

    Attributes:
        data: Its shape step by step, then its source, then the style.
        steps: Its length.
        start: Where its sound begins.
        ends: Where its tokens end; fewer than were asked for where the model could not take all.
        work_s: What it took, in seconds.
    """

    data: bytes
    steps: int
    start: int
    ends: list[int]
    work_s: float

    @property
    def length_ms(self) -> float:
        """How long it sounds."""
        return (self.steps - self.start) * _MS_PER_STEP

    def end_after(self, place: int, length: int) -> int:
        """Return where a piece from `place` on ends."""
        end = min(place + length, self.steps)
        return self.steps if self.steps - end < _SMALL_REST else end

    def header(self, place: int, end: int) -> Header:
        """Return the job that makes a piece."""
        begin, stop = self._seen(place, end)
        return {"do": "sound", "steps": stop - begin}

    def body(self, place: int, end: int) -> bytes:
        """Return what the vocoder is given for a piece: it, and what is around it."""
        begin, stop = self._seen(place, end)
        data = memoryview(self.data)
        source = self.steps * _SHAPE_BYTES
        style = source + (self.steps * _SOURCE_PER_STEP + 1) * _SOURCE_BYTES
        source_begin = source + begin * _SOURCE_PER_STEP * _SOURCE_BYTES
        source_stop = source + (stop * _SOURCE_PER_STEP + 1) * _SOURCE_BYTES
        return b"".join(
            (data[begin * _SHAPE_BYTES : stop * _SHAPE_BYTES], data[source_begin:source_stop], data[style:])
        )

    def joined(self, pcm: bytes, place: int, end: int, tail: bytes) -> tuple[bytes, bytes]:
        """Return a piece's own sound, faded in over the piece before it, and what the next one fades over."""
        begin, _ = self._seen(place, end)
        samples = array("h", pcm)
        start = (place - begin) * _SAMPLES_PER_STEP
        stop = start + (end - place) * _SAMPLES_PER_STEP
        before = array("h", tail)
        for index, old in enumerate(before):
            share = (index + 1) / (len(before) + 1)
            samples[start + index] = round(old * (1 - share) + samples[start + index] * share)
        return samples[start:stop].tobytes(), samples[stop : stop + _FADE].tobytes()

    async def timed(
        self, sound: AsyncGenerator[bytes, None], tokens: list[ReadingToken], begins_ms: float
    ) -> AsyncGenerator[tuple[bytes, tuple[WordEnd, ...]], None]:
        """Each piece with the words that end in it."""
        ends_ms = [max(0.0, (end - self.start) * _MS_PER_STEP) for end in self.ends]
        words = [
            WordEnd(token.end, begins_ms + end_ms) for token, end_ms in zip(tokens, ends_ms, strict=True)
        ]
        made_ms = begins_ms
        async for pcm in sound:
            made_ms += len(pcm) / (RATE_HZ * BYTES_PER_SAMPLE) * 1000
            ended = [word for word in words if word.ms <= made_ms]
            words = words[len(ended) :]
            yield pcm, tuple(ended)

    def _seen(self, place: int, end: int) -> tuple[int, int]:
        return max(0, place - CONTEXT), min(self.steps, end + CONTEXT)


def pool_of(
    model: Path, voices: Path, *, size: int, threads: int, queue: int, timeout_s: float
) -> WorkerPool:
    """Workers for `KokoroSynthesiser`; they have yet to be started."""
    options: dict[str, Any] = {
        "model": str(model.resolve()),
        "voices": str(voices.resolve()),
        "threads": threads,
    }
    return WorkerPool(WORKER, options, size=size, queue=queue, timeout_s=timeout_s, start_timeout_s=120)

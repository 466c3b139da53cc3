"""espeak-ng: not a beautiful voice, but there at once, and for everybody."""

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from typing import Any, Final, Literal, cast

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]

from app.errors import Locale, NotAvailable, WorkerFailed
from app.voice.base import BYTES_PER_SAMPLE, AudioPiece, Speech, Synthesiser, WordEnd
from app.voice.fair_slots import FairSlots
from app.voice.reading import read_aloud, spoken_text
from app.voice.tts.phonemes import PROGRAM
from app.voice.tts.timing import nothing_said, proportional
from config.settings import Settings

RATE_HZ: Final = 24_000

_VOICES: Final[dict[Locale, str]] = {"es": "es-419", "en": "en-us"}
"""Those that are understood best; its women's voices are understood less well."""

_WORDS_PER_MINUTE: Final = 150
_HEADER_BYTES: Final = 44
_RATE_PLACE: Final = slice(24, 28)
_MAX_WAV_BYTES: Final = 32 << 20
_resample = cast(Any, soxr).resample


class Espeak:
    """Speaks by the program `espeak-ng`, one process for each clause; see `Synthesiser`.

    Args:
        at_once: How many may run.
        queue: How many clauses may wait for one to end; of one owner half of them.
        timeout_s: How long one may take, in seconds.
        program: Its name, or a path.
    """

    name: Literal["azure", "local", "espeak"] = "espeak"
    sample_rate_hz = RATE_HZ

    def __init__(
        self, *, at_once: int = 4, queue: int = 64, timeout_s: float = 15, program: str = PROGRAM
    ) -> None:
        self._slots = FairSlots(at_once, queue, None, program)
        self._timeout_s = timeout_s
        self._program = program

    @property
    def is_there(self) -> bool:
        """Whether the program is installed."""
        return shutil.which(self._program) is not None

    async def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        """Says one clause, in one piece, as `Synthesiser.speak` promises."""
        tokens = read_aloud(speech.text, speech.language)
        if not tokens:
            yield AudioPiece(b"", nothing_said(speech.text))
            return
        async with self._slots.hold(speech.owner or speech.talk, 0 if speech.is_first else 1):
            wav = await self._run(spoken_text(tokens), speech)
        pcm = _pcm_of(wav)
        length_ms = len(pcm) / (RATE_HZ * BYTES_PER_SAMPLE) * 1000
        words = proportional(tokens, length_ms)
        yield AudioPiece(pcm, (*words[:-1], WordEnd(len(speech.text), length_ms)))

    async def aclose(self) -> None:
        """Holds nothing between two clauses."""

    async def _run(self, text: str, speech: Speech) -> bytes:
        voice = _VOICES[speech.language]
        pace = round(_WORDS_PER_MINUTE * min(max(speech.speed, 0.5), 2.0))
        try:
            process = await asyncio.create_subprocess_exec(
                self._program, "-v", voice, "-s", str(pace), "--stdin", "--stdout",
                stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
            )  # fmt: skip
        except OSError as exc:
            raise NotAvailable(f"{self._program}: {type(exc).__name__}", feature="tts") from exc
        try:
            async with asyncio.timeout(self._timeout_s):
                wav, _ = await process.communicate(text.encode())
        except TimeoutError:
            raise WorkerFailed(f"{self._program} took over {self._timeout_s:g} s") from None
        except OSError as exc:
            raise WorkerFailed(f"{self._program}: {type(exc).__name__}") from exc
        finally:
            await _end(process)
        if process.returncode != 0 or not _HEADER_BYTES < len(wav) <= _MAX_WAV_BYTES:
            raise WorkerFailed(f"{self._program} ended with {process.returncode}, {len(wav)} bytes")
        return wav


async def load(settings: Settings) -> Synthesiser:
    """The program.

    Raises:
        NotAvailable: It is not installed.
    """
    espeak = Espeak(queue=settings.tts_queue, timeout_s=settings.tts_timeout_s)
    if not espeak.is_there:
        raise NotAvailable("espeak-ng is not installed", feature="tts")
    return espeak


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def _pcm_of(wav: bytes) -> bytes:
    """The samples, at our rate. The program writes the header before it knows the length."""
    rate = int.from_bytes(wav[_RATE_PLACE], "little")
    body = wav[_HEADER_BYTES : len(wav) - (len(wav) - _HEADER_BYTES) % BYTES_PER_SAMPLE]
    samples = np.frombuffer(body, dtype="<i2")
    return cast(bytes, _resample(samples, rate, RATE_HZ).astype("<i2").tobytes())

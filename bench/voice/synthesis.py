"""Measures speaking: time to the first sound, work for a second of it, gaps, and the words that are heard.

    python -m bench.voice.synthesis [--engine local|espeak] [--talks 1] [--threads N] [--no-words]

With several talks, all begin an answer at the same moment, and each says all its clauses.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import AgentError, Locale
from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ, Speech, Synthesiser, Utterance
from app.speech.engines.stt.local import LocalRecogniser
from app.speech.engines.tts.espeak import EspeakSynthesiser
from app.speech.engines.tts.espeak_engine import load_engine
from app.speech.engines.tts.kokoro import RATE_HZ, KokoroSynthesiser, pool_of
from app.speech.engines.tts.load import TtsAdmission
from app.speech.engines.tts.local import LocalVoice
from app.speech.models.catalogue import KOKORO, VOICES_FILE
from app.speech.pcm import resampled
from app.speech.reading import read_aloud, spoken_text
from bench.voice.word_errors import total, word_errors
from config.settings import Settings

CLAUSES: tuple[tuple[Locale, str], ...] = (
    ("es", "Vale,"),
    ("es", "Claro que sí,"),
    ("es", "Son las diez y media."),
    ("es", "Veinticinco por cuatro son cien."),
    ("es", "En Barcelona hace sol, con una temperatura de veintiún grados y un viento flojo del norte."),
    ("en", "Sure,"),
    ("en", "It is half past ten in the morning."),
    ("en", "The weather in Madrid is sunny, with a light wind and a temperature of twenty degrees."),
)
NOTICED_S = 0.15
"""A shorter silence between two pieces is not noticed."""


@dataclass(frozen=True, slots=True)
class Said:
    """One clause, said.

    Attributes:
        first_s: From asking to the first sound.
        all_s: To the last.
        sound_s: How long it sounds.
        gap_s: Silence that a listener hears inside it, if it is played from its first piece on.
    """

    text: str
    language: Locale
    pcm: bytes
    first_s: float
    all_s: float
    sound_s: float
    gap_s: float


def gap_in(pieces: Sequence[tuple[float, float]]) -> float:
    """The silence between pieces, in seconds.

    Args:
        pieces: When each came, and how long it sounds.
    """
    gap, played_until = 0.0, pieces[0][0]
    for came, length in pieces:
        gap += max(0.0, came - played_until)
        played_until = max(came, played_until) + length
    return gap


async def say(voice: Synthesiser, speech: Speech) -> Said:
    """Has one clause said, and notes when its pieces come."""
    start = time.perf_counter()
    pcm, pieces = b"", list[tuple[float, float]]()
    async for piece in voice.speak(speech):
        if piece.pcm:
            pcm += piece.pcm
            length = len(piece.pcm) / BYTES_PER_SAMPLE / voice.sample_rate_hz
            pieces.append((time.perf_counter() - start, length))
    sound_s = sum(length for _, length in pieces)
    return Said(speech.text, speech.language, pcm, pieces[0][0], pieces[-1][0], sound_s, gap_in(pieces))


async def answer(voice: Synthesiser, talk: str) -> list[Said]:
    """One talk says all clauses, as one answer each."""
    return [await say(voice, Speech(text, language, talk=talk, is_first=True)) for language, text in CLAUSES]


def report(said: Sequence[Said]) -> str:
    """A row for each clause, and the sums."""
    lines = [
        f"{one.first_s * 1000:6.0f} ms to the first sound, {one.all_s * 1000:6.0f} ms for"
        f" {one.sound_s:5.2f} s (x{one.all_s / one.sound_s:.2f}), gaps {one.gap_s:.2f} s  {one.text}"
        for one in said
    ]
    firsts = sorted(one.first_s for one in said)
    work = sum(one.all_s for one in said) / sum(one.sound_s for one in said)
    noticed = sum(one.gap_s > NOTICED_S for one in said)
    lines.append(
        f"first sound p50 {statistics.median(firsts) * 1000:.0f} ms, at most {firsts[-1] * 1000:.0f} ms;"
        f" real time x{work:.2f}; noticed gaps in {noticed} of {len(said)} clauses"
    )
    return "\n".join(lines)


async def words_report(said: Sequence[Said]) -> str:
    """What whisper hears of it."""
    whisper = LocalRecogniser(Settings(stt_workers=1, stt_timeout_s=60))
    await whisper.start()
    lines: list[str] = []
    try:
        for language in ("es", "en"):
            errors = []
            for one in said:
                if one.language == language:
                    pcm = bytes(6400) + resampled(one.pcm, RATE_HZ, EAR_RATE_HZ) + bytes(6400)
                    heard = await whisper.transcribe(Utterance(pcm, language=language))
                    spoken = spoken_text(read_aloud(one.text, language))
                    errors.append(word_errors(spoken, heard.text, language))
            counted = total(errors)
            lines.append(
                f"{language}: word error rate {counted.rate:.1%} ({counted.count} of {counted.words})"
            )
    finally:
        await whisper.aclose()
    return "\n".join(lines)


async def measure(arguments: argparse.Namespace) -> None:
    """Speaks, and prints what came of it."""
    engine = await load_engine(Settings())
    espeak = EspeakSynthesiser(engine)
    voice: Synthesiser = espeak
    if arguments.engine == "local":
        settings = Settings()
        model = settings.models_dir / KOKORO.files[0].path
        pool = pool_of(model, VOICES_FILE, size=1, threads=arguments.threads, queue=64, timeout_s=60)
        await pool.start()
        answers = TtsAdmission(1)
        kokoro = KokoroSynthesiser(pool, engine.phonemes, {"es": "ef_dora", "en": "af_heart"}, answers)
        # One talk alone is given Kokoro, however slow the machine is.
        voice = kokoro if arguments.talks == 1 else LocalVoice(kokoro, answers, espeak)
    try:
        await say(voice, Speech("Hola.", "es"))
        talks = [asyncio.create_task(answer(voice, f"talk {n}")) for n in range(arguments.talks)]
        for number, result in enumerate(await asyncio.gather(*talks, return_exceptions=True)):
            if isinstance(result, AgentError):
                print(f"talk {number}: {result.code}")
            elif isinstance(result, BaseException):
                raise result
            else:
                print(f"talk {number}:\n{report(result)}")
                if arguments.words:
                    print(await words_report(result))
    finally:
        await voice.aclose()
        await engine.aclose()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Measures speech synthesis.")
    parser.add_argument("--engine", choices=["local", "espeak"], default="local")
    parser.add_argument("--talks", type=int, default=1)
    parser.add_argument("--threads", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--no-words", dest="words", action="store_false", help="do not transcribe")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()

"""Measures recognition on recordings: words, language, and the time from asking to the transcript.

    python -m bench.voice.recognition [--corpus LIST.json ...] [--people] [--context fast|full] [--rounds 3]

Each recording has its row; one without text is noise, and must be heard as nothing. `--people` takes prompts
that people have spoken (`people.py`), as they are, over a telephone and in noise; each goes the way of a
recording that a client sends: the voice detector first.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.speech.base import EAR_RATE_HZ, Transcription, Utterance
from app.speech.detection.detector import UtteranceDetector
from app.speech.detection.vad import VoiceActivity
from app.speech.engines.stt.local import LocalRecogniser
from app.speech.pcm import trimmed
from app.speech.turns.recordings import speech_in
from bench.processes import Process
from bench.voice.corpus import Spoken, read_corpus
from bench.voice.people import KINDS, NoPeople, fetch, people
from bench.voice.word_errors import WordErrors, total, word_errors
from config.settings import Settings

_DEFAULT = Path(__file__).parents[2] / "tests" / "cases" / "speech" / "speech.json"


_LONGEST_S = 60

Find = Callable[[bytes], Awaitable[bytes]]
"""Makes of a recording what the recogniser gets of it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One recording, understood; times are medians over the rounds."""

    spoken: Spoken
    transcript: Transcription
    seconds: float
    wall_s: float
    cpu_s: float

    @property
    def errors(self) -> WordErrors:
        return word_errors(self.spoken.text, self.transcript.text, self.spoken.language)


async def as_trimmed(pcm: bytes) -> bytes:
    """A recording that is known to hold speech, without the quiet around it."""
    return trimmed(pcm)


def by_detector(models_dir: Path) -> Find:
    """A recording as the server hears it."""
    activity = VoiceActivity(models_dir)

    async def find(pcm: bytes) -> bytes:
        return await speech_in(pcm, UtteranceDetector(activity.stream(), _LONGEST_S))

    return find


async def understand(spoken: Spoken, whisper: LocalRecogniser, rounds: int, find: Find = as_trimmed) -> Heard:
    """Understands one recording some times; the worker does nothing else."""
    pcm = await find(spoken.pcm)
    worker = Process(whisper.pids[0], 0)
    walls: list[float] = []
    cpus: list[float] = []
    transcript = Transcription("", "es")
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), worker.cpu_s()
        transcript = await whisper.transcribe(Utterance(pcm, hint=spoken.language))
        walls.append(time.perf_counter() - wall)
        cpus.append(worker.cpu_s() - cpu)
    seconds = len(pcm) / 2 / EAR_RATE_HZ
    return Heard(spoken, transcript, seconds, statistics.median(walls), statistics.median(cpus))


def report(heard: Sequence[Heard]) -> str:
    """A row for each recording, and one for each language and kind."""
    lines = [
        f"{one.spoken.id:24} {one.seconds:5.1f} s {one.wall_s * 1000:6.0f} ms {one.cpu_s * 1000:5.0f} ms CPU"
        f"  {one.errors.count} of {one.errors.words}  {one.transcript.confidence:.2f}  {one.transcript.text}"
        for one in heard
    ]
    spoken = [one for one in heard if one.spoken.text]
    for kind in sorted({one.spoken.kind for one in spoken}):
        for language in ("es", "en"):
            some = [one for one in spoken if (one.spoken.kind, one.spoken.language) == (kind, language)]
            if some:
                errors = total(one.errors for one in some)
                right = sum(one.transcript.language == language for one in some)
                lines.append(
                    f"{kind}, {language}: word error rate {errors.rate:.1%} ({errors.count} of "
                    f"{errors.words} words), language right in {right} of {len(some)}"
                )
    noises = [one for one in heard if not one.spoken.text]
    false = sum(bool(one.transcript.text) for one in noises)
    lines.append(f"noise: words heard in {false} of {len(noises)}")
    walls = sorted(one.wall_s for one in spoken)
    if walls:
        p95 = walls[min(len(walls) - 1, round(0.95 * (len(walls) - 1)))]
        lines.append(f"wall p50 {statistics.median(walls) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms")
    return "\n".join(lines)


async def measure(arguments: argparse.Namespace) -> None:
    """Understands all recordings with one worker, and prints what came of it."""
    settings = Settings(stt_workers=1, stt_context=arguments.context, stt_timeout_s=60)
    whisper = LocalRecogniser(settings)
    await whisper.start()
    try:
        listed = [one for listing in arguments.corpus for one in read_corpus(listing)]
        heard = [await understand(one, whisper, arguments.rounds) for one in listed]
        if arguments.people:
            find = by_detector(settings.models_dir)
            for kind in KINDS:
                for one in people(arguments.people, kind):
                    heard.append(await understand(one, whisper, arguments.rounds, find))
    finally:
        await whisper.aclose()
    print(report(heard))


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Measures speech recognition on recordings.")
    parser.add_argument("--corpus", type=Path, action="append", help="a list in JSON; may be given again")
    parser.add_argument(
        "--people",
        type=Path,
        nargs="?",
        const=Path("data/people"),
        help="the prompts of two people, fetched into this folder (%(const)s) by apt",
    )
    parser.add_argument("--context", choices=["fast", "full"], default="fast")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.people:
        try:
            fetch(arguments.people)
        except NoPeople as exc:
            sys.exit(f"people cannot be measured here: {exc}")
    arguments.corpus = arguments.corpus or ([] if arguments.people else [_DEFAULT])
    asyncio.run(measure(arguments))


if __name__ == "__main__":
    main()

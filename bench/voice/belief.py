"""What the rules of belief do to what Whisper reads: `python -m bench.voice.belief FOLDER [--of words] ...`.

Each recording goes the way of a clip: the voice detector, then the recogniser. Beside what comes out stands
the first reading alone, as it would be without the rules; a reading is kept on disk (`FOLDER/readings`), so
that other rules can be tried on the same ones. Who makes rules looks at one half (`--half 0`), and at the
other one once. `FOLDER` is where `people.py` has its recordings.
"""

import argparse
import asyncio
import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np

from app.speech.engines.stt.forced import Explained, Phrases
from app.speech.engines.stt.local import PROMPTS, model_folder
from app.speech.engines.stt.whisper import Asked, Reading, Whisper
from app.speech.engines.stt.whisper_worker import understood
from app.speech.engines.stt.windows import LONGEST_S, windows_of
from app.speech.pcm import Samples, to_floats, to_pcm
from bench.voice.corpus import Spoken
from bench.voice.foreign import foreign
from bench.voice.people import NoPeople, fetch, people
from bench.voice.recognition import Find, by_detector
from bench.voice.short_words import short_words
from bench.voice.unspoken import KINDS, made
from bench.voice.word_errors import WordErrors, total, word_errors
from config.settings import Settings

SETS: Final = ("words", "words in noise", "prompts", "prompts in noise", "unspoken", "foreign")
_HALVES: Final = 2
_EACH: Final = 10
_SECONDS: Final = (0.6, 6.0)
_PEAKS: Final = (0.1, 0.9)
_DRAWN: Final = 77


class KeptReadings:
    """Whisper whose readings are kept; the same question about the same sound is asked once.

    Args:
        folder: Of the kept ones.
        model: Where Whisper is; opened when something is new.

    Attributes:
        readings: Those that were asked for, since somebody cleared it.
    """

    def __init__(self, folder: Path, model: Path) -> None:
        self._folder = folder
        self._model = model
        self._whisper: Whisper | None = None
        self.readings: list[Reading] = []

    def read(self, samples: Samples, asked: Asked, *, full: bool = False) -> Reading:
        """As `Whisper.read`."""
        prompts = hashlib.sha256(json.dumps(asked.prompts, sort_keys=True).encode()).hexdigest()[:12]
        window = "full" if full else "short"
        kept = self._file(samples, asked.language, prompts, window)
        if kept.exists():
            reading = Reading(**json.loads(kept.read_text(encoding="utf-8")))
        else:
            reading = self._opened().read(samples, asked, full=full)
            self._folder.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(asdict(reading)), encoding="utf-8")
        self.readings.append(reading)
        return reading

    def explained(self, samples: Samples, phrases: Phrases) -> tuple[Explained, ...]:
        """As `Whisper.explained`."""
        asked = hashlib.sha256(repr(phrases).encode()).hexdigest()[:12]
        kept = self._file(samples, phrases.language, asked, "explained")
        if kept.exists():
            return tuple(Explained(**one) for one in json.loads(kept.read_text(encoding="utf-8")))
        found = self._opened().explained(samples, phrases)
        self._folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps([asdict(one) for one in found]), encoding="utf-8")
        return found

    def _opened(self) -> Whisper:
        self._whisper = self._whisper or Whisper(self._model)
        return self._whisper

    def _file(self, samples: Samples, *asked: str) -> Path:
        return self._folder / f"{'-'.join([hashlib.sha256(samples.tobytes()).hexdigest(), *asked])}.json"


@dataclass(frozen=True, slots=True)
class Judged:
    """One recording: what was read at first, and what came out."""

    spoken: Spoken
    first: str
    out: str

    def errors(self, text: str) -> WordErrors:
        """Against what is said."""
        return word_errors(self.spoken.text, text, self.spoken.language)

    @property
    def kind(self) -> str:
        """What became of it."""
        if not self.spoken.text:
            return "words out of nothing" if self.out else "nothing out of nothing"
        was_right, is_right = (self.errors(text).count == 0 for text in (self.first, self.out))
        if is_right:
            return "right" if was_right else "mended"
        if self.out:
            return "wrong" if not was_right else "spoilt"
        return "read right, thrown away" if was_right else "read wrong, thrown away"


def half_of(name: str) -> int:
    """Which half a recording belongs to, for ever."""
    return hashlib.sha256(name.encode()).digest()[0] % _HALVES


def recordings(folder: Path, which: str, seed: int) -> list[Spoken]:
    """All of one set."""
    match which:
        case "words":
            return short_words(folder)
        case "words in noise":
            return short_words(folder, "10 dB")
        case "prompts":
            return people(folder)
        case "prompts in noise":
            return people(folder, "10 dB")
        case _:
            return list(_unspoken(seed))


def _unspoken(seed: int) -> Iterable[Spoken]:
    for kind in KINDS:
        for number in range(seed, seed + _EACH):
            rng = np.random.default_rng([number, _DRAWN])
            sound = made(kind, float(rng.uniform(*_SECONDS)), number, float(rng.uniform(*_PEAKS)))
            yield Spoken(f"{kind}/{number}", "", ("es", "en")[number % 2], (), to_pcm(sound))


async def judge(spoken: Spoken, whisper: KeptReadings, find: Find) -> Judged | None:
    """One recording; None where the voice detector hears nobody, in sound that holds no words."""
    pcm = await find(spoken.pcm)
    window = windows_of(to_floats(pcm), LONGEST_S)[0] if pcm else None
    if window is None:
        return Judged(spoken, "", "") if spoken.text else None
    whisper.readings.clear()
    reading = understood(cast(Whisper, whisper), window, Asked("auto", PROMPTS), spoken.language, "fast")
    return Judged(spoken, whisper.readings[0].text if whisper.readings else "", reading.text)


def report(which: str, judged: list[Judged]) -> str:
    """How many became what, the words wrong without the rules and with them, and each that was lost."""
    counts: dict[str, int] = {}
    for one in judged:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    lines = [
        f"{which}: {len(judged)}; " + ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
    ]
    for language in ("es", "en"):
        some = [one for one in judged if one.spoken.language == language and one.spoken.text]
        if some:
            first, out = (
                total(one.errors(one.first) for one in some),
                total(one.errors(one.out) for one in some),
            )
            lines.append(
                f"  {language}: words wrong {first.rate:.1%} in the first readings, {out.rate:.1%} in the end"
            )
    shown = ("read right, thrown away", "spoilt", "words out of nothing")
    lines += [
        f"  {one.kind}: {one.spoken.id} {one.first!r} -> {one.out!r}" for one in judged if one.kind in shown
    ]
    return "\n".join(lines)


async def measure(folder: Path, sets: list[str], half: int | None, seed: int) -> None:
    """Prints a report for each set."""
    settings = Settings()
    whisper = KeptReadings(folder / "readings", model_folder("base", settings.models_dir))
    find = by_detector(settings.models_dir)
    for which in sets:
        found = await foreign() if which == "foreign" else recordings(folder, which, seed)
        chosen = [one for one in found if half in (None, half_of(one.id))]
        judged = [await judge(one, whisper, find) for one in chosen]
        print(report(which, [one for one in judged if one is not None]), flush=True)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.voice.belief", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data/people"), help="(%(default)s)")
    parser.add_argument("--of", choices=SETS, action="append", help="(all)")
    parser.add_argument("--half", type=int, choices=range(_HALVES), help="(both)")
    parser.add_argument("--seed", type=int, default=1, help="of the sounds without words (%(default)s)")
    given = parser.parse_args()
    try:
        fetch(given.folder)
    except NoPeople as exc:
        sys.exit(f"people cannot be measured here: {exc}")
    asyncio.run(measure(given.folder, given.of or list(SETS), given.half, given.seed))


if __name__ == "__main__":
    main()

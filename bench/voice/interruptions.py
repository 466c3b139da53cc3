"""Measures what speech over the agent is taken for: `python -m bench.voice.interruptions [--corpus LIST]`.

Made recordings of assents and interruptions (`make_corpus.py --over`) are cut by the voice detector,
understood by local Whisper as over the agent's voice, and judged when they have ended. Readings are kept
beside the recordings (`readings`), so that other rules can be tried on the same ones. Who makes rules looks
at one half (`--half 0`), and at the other one once.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ
from app.speech.detection.barge_in import SpeechOver, Verdict, judge, prompt_for
from app.speech.detection.detector import UtteranceDetector
from app.speech.detection.vad import VoiceActivity
from app.speech.engines.stt.belief import SHORT_SPEECH_S
from app.speech.engines.stt.local import PROMPTS, model_folder
from app.speech.engines.stt.whisper import Asked, Reading, Whisper
from app.speech.engines.stt.whisper_worker import understood
from app.speech.engines.stt.windows import speech_s
from app.speech.pcm import to_floats
from app.speech.turns.speculative_transcriber import SHORT_WORDS_S
from bench.voice.belief import KeptReadings, half_of
from bench.voice.corpus import Spoken, read_corpus
from config.settings import Settings

GROUPS: Final = ("assent", "interruption")
_LONGEST_S: Final = 60
_SILENCE: Final = bytes(EAR_RATE_HZ // 2 * BYTES_PER_SAMPLE)


@dataclass(frozen=True, slots=True)
class Judged:
    """One recording, and what became of it.

    Attributes:
        voice: Who says it.
        group: What it is.
        heard: The transcript.
        readings: All that the model was asked for, in order.
    """

    spoken: Spoken
    voice: str
    group: str
    speech_ms: float
    heard: str
    verdict: Verdict
    readings: tuple[Reading, ...] = ()

    @property
    def is_right(self) -> bool:
        """Whether it was taken for what it is."""
        return self.verdict == self.group

    @property
    def line(self) -> str:
        """For somebody who looks for what went wrong."""
        said = f"{self.voice} {self.group}: {self.spoken.text} -> {self.heard!r} ({self.speech_ms:.0f} ms)"
        return "\n".join([said, *(f"    {_figures(one)}" for one in self.readings)])


def _figures(reading: Reading) -> str:
    ours = " ".join(f"{name} {share:.2f}" for name, share in reading.likelihoods.items())
    return (
        f"{reading.text!r} {reading.language}, confidence {reading.confidence:.2f}, "
        f"no speech {reading.no_speech:.2f}; {ours}, rival {reading.rival:.2f}"
    )


class Ear:
    """What a talk hears while the agent speaks.

    Args:
        whisper: With its readings.
        likelihood: A new stream of the voice detector.
        is_prompted: With the usual few words as the recogniser's prompt.
    """

    def __init__(
        self, whisper: KeptReadings, likelihood: Callable[[], Callable[[bytes], float]], *, is_prompted: bool
    ) -> None:
        self._whisper = whisper
        self._likelihood = likelihood
        self._is_prompted = is_prompted

    def judge(self, spoken: Spoken, voice: str, group: str) -> Judged:
        """One recording: cut, understood, judged."""
        detector = UtteranceDetector(self._likelihood(), _LONGEST_S)
        events = detector.feed(spoken.pcm + _SILENCE)
        if not any(event.kind == "confirmed" for event in events):
            return Judged(spoken, voice, group, 0, "", "assent")
        pcm, speech_ms = detector.speech(), detector.voiced_ms
        heard, readings = self._understood(spoken, pcm, detector.is_surely_speech)
        verdict = judge(SpeechOver(speech_ms, heard.text, heard.language, is_final=True))
        return Judged(spoken, voice, group, speech_ms, heard.text, verdict, readings)

    def _understood(self, spoken: Spoken, pcm: bytes, is_spoken: bool) -> tuple[Reading, tuple[Reading, ...]]:
        is_short = self._is_prompted and len(pcm) <= SHORT_WORDS_S * EAR_RATE_HZ * BYTES_PER_SAMPLE
        prompts = dict.fromkeys(PROMPTS, prompt_for(spoken.language)) if is_short else PROMPTS
        samples = to_floats(pcm)
        self._whisper.readings.clear()
        heard = understood(
            cast(Whisper, self._whisper),
            samples,
            Asked("auto", prompts),
            spoken.language,
            "fast",
            is_expected=is_short and speech_s(samples) < SHORT_SPEECH_S,
            is_spoken=is_short and is_spoken,
        )
        return heard, tuple(self._whisper.readings)


def report(judged: Iterable[Judged]) -> str:
    """How many of each voice, language and kind are taken for what they are; and each that is not."""
    right: Counter[tuple[str, str, str]] = Counter()
    total: Counter[tuple[str, str, str]] = Counter()
    lines: list[str] = []
    for one in judged:
        for key in ((one.voice, one.spoken.language, one.group), ("all", "", one.group)):
            total[key] += 1
            right[key] += one.is_right
        if not one.is_right:
            lines.append(one.line)
    return "\n".join(
        [*lines, *(f"{' '.join(filter(None, key))}: {right[key]} of {total[key]}" for key in sorted(total))]
    )


def measure(listing: Path, half: int | None, *, is_prompted: bool) -> list[Judged]:
    """Judges the recordings of a list, or one half of them."""
    settings = Settings()
    activity = VoiceActivity(settings.models_dir)
    whisper = KeptReadings(listing.parent / "readings", model_folder("base", settings.models_dir))
    audio_input = Ear(whisper, activity.stream, is_prompted=is_prompted)
    listed = json.loads(listing.read_text(encoding="utf-8"))
    kinds = {one["id"]: (one["voice"], one["group"]) for one in listed}
    return [
        audio_input.judge(one, *kinds[one.id])
        for one in read_corpus(listing)
        if kinds[one.id][1] in GROUPS and half in (None, half_of(one.id))
    ]


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.voice.interruptions", description=__doc__)
    parser.add_argument("--corpus", type=Path, action="append", help="(data/corpus/corpus.json)")
    parser.add_argument("--half", type=int, choices=(0, 1), help="(both)")
    parser.add_argument(
        "--no-prompt", dest="prompt", action="store_false", help="without the words as prompt"
    )
    given = parser.parse_args()
    for listing in given.corpus or [Path("data/corpus/corpus.json")]:
        print(listing.parent.name)
        print(report(measure(listing, given.half, is_prompted=given.prompt)), flush=True)


if __name__ == "__main__":
    main()

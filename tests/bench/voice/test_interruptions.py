"""What becomes of a recording over the agent's voice, with a model and a detector of the test's own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from app.speech.engines.stt.forced import Explained, Phrases
from app.speech.engines.stt.whisper import Asked, Reading
from app.speech.pcm import Samples, to_pcm
from bench.voice.belief import KeptReadings
from bench.voice.corpus import Spoken
from bench.voice.interruptions import Ear, report
from tests.support.sounds import white

PARA = Reading("Para.", "es", {"es": 0.9, "en": 0.05}, 0.9, 0.01, is_cut=False)


class Model:
    def __init__(self, reading: Reading) -> None:
        self.readings: list[Reading] = []
        self._reading = reading

    def read(self, samples: Samples, asked: Asked, *, full: bool = False) -> Reading:
        self.readings.append(self._reading)
        return self._reading

    def explained(self, samples: Samples, phrases: Phrases) -> tuple[Explained, ...]:
        return ()


def loud(likelihood: float) -> Callable[[], Callable[[bytes], float]]:
    return lambda: lambda frame: likelihood if any(frame) else 0.0


def audio_input(text: str, likelihood: float = 0.95, confidence: float = 0.9) -> Ear:
    model: Any = Model(replace(PARA, text=text, confidence=confidence))
    return Ear(cast(KeptReadings, model), loud(likelihood), is_prompted=True)


def spoken(seconds: float = 0.7) -> Spoken:
    sound = np.concatenate([np.zeros(4_096), 0.1 * white(seconds), np.zeros(8_192)]).astype(np.float32)
    return Spoken("one", "Para.", "es", (), to_pcm(sound))


@pytest.mark.parametrize(
    ("text", "likelihood", "confidence", "verdict"),
    [
        ("Para.", 0.95, 0.9, "interruption"),
        ("Vale.", 0.95, 0.9, "assent"),
        ("Para.", 0.95, 0.2, "interruption"),
        ("Para.", 0.7, 0.2, "assent"),
        ("Para.", 0.2, 0.9, "assent"),
    ],
    ids=["order", "nod", "doubtful but surely speech", "doubtful", "no voice"],
)
def test_recording_is_cut_understood_and_judged(
    text: str, likelihood: float, confidence: float, verdict: str
):
    assert audio_input(text, likelihood, confidence).judge(spoken(), "v", "interruption").verdict == verdict


def test_report_counts_each_voice_and_shows_what_went_wrong_with_its_figures():
    wrong = audio_input("Vale.").judge(spoken(), "v", "interruption")
    right = audio_input("Para.").judge(spoken(), "v", "interruption")

    lines = report([wrong, right]).splitlines()

    assert lines[0].startswith("v interruption: Para. -> 'Vale.'")
    assert lines[1].startswith("    'Vale.' es, confidence 0.90, no speech 0.01; es 0.90 en 0.05")
    assert lines[-2:] == ["all interruption: 1 of 2", "v es interruption: 1 of 2"]

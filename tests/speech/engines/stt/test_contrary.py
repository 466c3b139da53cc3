"""Several readings of one sound: the rows are what Whisper base read of made recordings, with its figures."""

from typing import cast

import numpy as np
import pytest

from app.errors import Locale
from app.speech.engines.stt.contrary import contradicted, is_agreed, likeliest
from app.speech.engines.stt.forced import Explained, Phrases
from app.speech.engines.stt.whisper import Asked, Reading, Whisper
from app.speech.engines.stt.whisper_worker import understood
from app.speech.pcm import Samples
from tests.support.sounds import white

SPEECH_MS = 500

Figures = tuple[str, float, float]
"""What was read, the confidence, and how likely nobody spoke."""


def read(
    text: str, confidence: float, no_speech: float, language: Locale = "es", ours: float = 0.5
) -> Reading:
    likelihoods: dict[Locale, float] = {"es": ours / 2, "en": ours / 2}
    return Reading(text, language, likelihoods, confidence, no_speech, is_cut=False, rival=0.3)


def readings(language: Locale, *figures: Figures) -> list[Reading]:
    return [read(*each, language) for each in figures]


class Told:
    """A model that gives these readings, the last one again and again."""

    def __init__(self, *given: Reading) -> None:
        self._given = list(given)

    def read(self, samples: Samples, asked: Asked, *, full: bool = False) -> Reading:
        return self._given.pop(0) if len(self._given) > 1 else self._given[0]

    def explained(self, samples: Samples, phrases: Phrases) -> tuple[Explained, ...]:
        return ()


@pytest.mark.parametrize(
    ("said", "language", "figures", "chosen", "taken"),
    [
        (
            "Enough.",
            "en",
            [("It hurts.", 0.42, 0.0), ("Uh-huh.", 0.53, 0.04), ("They're half.", 0.38, 0.05)],
            1,
            "It hurts.",
        ),
        (
            "Silencio.",
            "es",
            [("Sí, bien, sí.", 0.38, 0.03), ("¡Silencio!", 0.37, 0.08)],
            0,
            "¡Silencio!",
        ),
        ("Hang on.", "en", [("Bye, young.", 0.29, 0.03), ("Uh-huh.", 0.5, 0.19)], 1, "Bye, young."),
        ("Genial.", "es", [("Genial.", 0.54, 0.04), ("Kenny Oliver.", 0.34, 0.29)], 0, "Genial."),
        ("Sí.", "es", [("Sí.", 0.39, 0.04), ("Seguimos.", 0.18, 0.33)], 0, "Sí."),
        ("Nice.", "en", [("Nice.", 0.53, 0.08), ("the highs.", 0.28, 0.07)], 0, "Nice."),
        ("Qué bien.", "es", [("Camión.", 0.41, 0.01), ("Genial.", 0.63, 0.03)], 1, "Genial."),
        ("Vale.", "es", [("Vale.", 0.5, 0.05), ("Ah, eh.", 0.5, 0.05)], 0, "Vale."),
        ("Para.", "es", [("Para.", 0.5, 0.05), ("Genial.", 0.5, 0.05)], 0, "Para."),
    ],
)
def test_unsure_nod_is_none_where_another_reading_is_nearly_as_sure_of_other_words(
    said: str, language: Locale, figures: list[Figures], chosen: int, taken: str
):
    all_of_them = readings(language, *figures)

    result = contradicted(all_of_them[chosen], all_of_them, SPEECH_MS)

    assert result.text == taken, said
    assert result.is_doubtful is (taken != figures[chosen][0])


@pytest.mark.parametrize(
    ("said", "figures", "agreed"),
    [
        ("Say that again.", [("Say that again.", 0.49, 0.02), ("Say that again.", 0.54, 0.09)], True),
        ("Say that again.", [("Say that again.", 0.49, 0.02), ("Say Nathamgan", 0.26, 0.37)], False),
        ("coughs", [("One, two, three.", 0.58, 0.19), ("One, two, three.", 0.53, 0.48)], False),
        ("coughs", [("Okay, okay.", 0.5, 0.1), ("Okay, okay.", 0.5, 0.1)], False),
        ("coughs", [("Okay.", 0.5, 0.1), ("Okay.", 0.5, 0.1)], False),
    ],
)
def test_words_agree_that_are_read_the_same_twice_and_are_no_single_one(
    said: str, figures: list[Figures], agreed: bool
):
    both = readings("en", *figures)

    assert is_agreed(both[0], both) is agreed, said


@pytest.mark.parametrize(
    ("said", "figures", "text"),
    [
        ("That's enough.", [("Let's hit her.", 0.47, 0.03), ("Thank you.", 0.49, 0.16)], "Let's hit her."),
        ("Olvídalo.", [("Oye.", 0.24, 0.03), ("O sea, lo...", 0.19, 0.12)], "Oye."),
        ("Ok, ok.", [("O. O.", 0.46, 0.03)], None),
        ("nothing", [("[Música]", 0.46, 0.03), ("¡Gracias por ver el vídeo!", 0.5, 0.03)], None),
    ],
)
def test_of_readings_that_are_not_believed_the_surest_words_are_doubtful(
    said: str, figures: list[Figures], text: str | None
):
    found = likeliest(readings("es", *figures))

    assert (found and found.text) == text, said
    assert found is None or found.is_doubtful


@pytest.mark.parametrize(
    ("given", "is_spoken", "heard", "is_doubtful"),
    [
        ([read("Para. Para. Para.", 0.6, 0.5)], True, "Para. Para. Para.", True),
        ([read("Para. Para. Para.", 0.6, 0.5)], False, "", False),
        ([read("Para.", 0.9, 0.0)], True, "Para.", False),
        ([read("Sí, sí, sí.", 0.6, 0.2)], True, "Sí, sí, sí.", True),
        ([read("Ah, eh.", 0.3, 0.1)], True, "", False),
    ],
    ids=["thrown away", "may be a cough", "believed", "nod", "throat"],
)
def test_where_somebody_surely_spoke_words_that_are_not_believed_are_doubtful(
    given: list[Reading], is_spoken: bool, heard: str, is_doubtful: bool
):
    model = cast(Whisper, Told(*given))

    result = understood(
        model, white(0.5), Asked("es", {}), "es", "fast", is_expected=True, is_spoken=is_spoken
    )

    assert (result.text, result.is_doubtful) == (heard, is_doubtful)


def test_foreign_speech_is_none_however_surely_somebody_spoke():
    foreign = Reading("Buona sera", "es", {"es": 0.005, "en": 0.005}, 0.55, 0.0, is_cut=False, rival=0.9)
    model = cast(Whisper, Told(foreign))

    assert understood(model, white_between(1.2), Asked("auto", {}), "es", "fast", is_spoken=True).text == ""


def white_between(seconds: float) -> Samples:
    """So much sound, and near silence behind it."""
    return np.concatenate([white(seconds), 0.002 * white(seconds)]).astype(np.float32)

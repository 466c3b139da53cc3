"""When a reading is believed, when it is read again, and when there were no words."""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from app.errors import Locale
from app.speech.engines.stt.forced import Explained, Phrases
from app.speech.engines.stt.whisper import Asked, Reading, Whisper
from app.speech.engines.stt.whisper_worker import understood
from app.speech.pcm import Samples
from tests.support.sounds import white

GOOD = Reading("Hola, ¿qué tal estás?", "es", {"es": 0.9, "en": 0.05}, 0.85, 0.01, is_cut=False)


class Readings:
    """A model that gives the readings it was told to, and notes how it was asked."""

    def __init__(self, *readings: Reading) -> None:
        self._readings: Iterator[Reading] = iter(readings)
        self.asked: list[tuple[str, bool]] = []
        self.prompts: list[dict[Locale, str]] = []

    def read(self, samples: Samples, asked: Asked, *, full: bool = False) -> Reading:
        self.asked.append((asked.language, full))
        self.prompts.append(asked.prompts)
        return next(self._readings)

    def explained(self, samples: Samples, phrases: Phrases) -> tuple[Explained, ...]:
        return ()


def clear(seconds: float) -> Samples:
    """So much sound, and near silence around it."""
    return np.concatenate([white(seconds), 0.002 * white(seconds)]).astype(np.float32)


def understand(
    model: Readings,
    seconds: float = 2,
    hint: Locale = "es",
    context: str = "fast",
    language: str = "auto",
    is_noisy: bool = False,
) -> Reading:
    asked = Asked(language, {})  # pyright: ignore[reportArgumentType]
    window = white(seconds) if is_noisy else clear(seconds)
    return understood(cast(Whisper, model), window, asked, hint, context)


def test_good_reading_is_taken_as_it_is():
    model = Readings(GOOD)

    assert understand(model) == GOOD
    assert model.asked == [("auto", False)]


@pytest.mark.parametrize(
    "doubtful",
    [
        replace(GOOD, text="hola hola hola hola hola"),
        replace(GOOD, is_cut=True),
        replace(GOOD, confidence=0.45),
    ],
    ids=["loop", "cut", "unsure"],
)
def test_doubtful_reading_is_read_again_with_the_full_window(doubtful: Reading):
    model = Readings(doubtful, GOOD)

    assert understand(model).text == GOOD.text
    assert model.asked == [("auto", False), ("auto", True)]


def test_second_reading_that_goes_round_in_circles_is_worse_than_the_first():
    model = Readings(replace(GOOD, confidence=0.45), replace(GOOD, text="sí " * 20))

    assert understand(model).text == GOOD.text


def test_repeats_that_are_left_are_taken_out():
    loop = replace(GOOD, text="Dime la hora. Dime la hora. Dime la hora.")

    assert understand(Readings(loop, loop)).text == "Dime la hora."


def test_partial_pass_reads_once_and_a_full_context_at_once_in_full():
    doubtful = replace(GOOD, confidence=0.45)
    once, full = Readings(doubtful), Readings(doubtful)

    understand(once, context="once")
    understand(full, context="full")

    assert once.asked == [("auto", False)]
    assert full.asked == [("auto", True)]


@pytest.mark.parametrize(
    "noise",
    [
        replace(GOOD, confidence=0.3, no_speech=0.8),
        replace(GOOD, confidence=0.3, likelihoods={"es": 0.01, "en": 0.1}),
        replace(GOOD, text="Subtítulos por la comunidad de Amara.org"),
        replace(GOOD, text="Thank you.", confidence=0.4),
        replace(GOOD, text="[Música]"),
    ],
)
def test_noise_has_no_words_and_costs_one_pass(noise: Reading):
    model = Readings(noise)

    assert understand(model).text == ""
    assert len(model.asked) == 1


def test_language_of_a_short_sound_is_the_talks_own():
    model = Readings(replace(GOOD, text="Hello.", language="en"))

    understand(model, seconds=0.7, hint="en")

    assert model.asked == [("en", False)]


def test_language_that_is_hardly_likelier_is_given_up_for_the_talks_own():
    open_between = replace(GOOD, language="en", likelihoods={"es": 0.4, "en": 0.5})
    model = Readings(open_between, GOOD)

    assert understand(model).language == "es"
    assert model.asked == [("auto", False), ("es", False)]


def test_language_that_was_asked_for_stays():
    model = Readings(replace(GOOD, likelihoods={"es": 0.3, "en": 0.6}))

    understand(model, language="es", hint="en")

    assert model.asked == [("es", False)]


def test_doubtful_echo_of_the_likely_words_is_read_again_without_them():
    echo = replace(GOOD, text="¿Qué hora es?", confidence=0.4)
    model = Readings(echo, replace(GOOD, text="Hola, buenos días", confidence=0.3))
    asked = Asked("auto", {"es": "Dime. ¿Qué hora es? Espera."})

    heard = understood(cast(Whisper, model), white(2), asked, "es", "fast")

    assert heard.text == "Hola, buenos días"
    assert model.prompts == [asked.prompts, {}]


def test_second_reading_that_is_less_sure_is_left():
    first = replace(GOOD, confidence=0.45)
    model = Readings(first, replace(GOOD, text="Ola, ¿qué tal estás?", confidence=0.4))

    assert understand(model).text == GOOD.text


def test_second_reading_of_words_nobody_says_is_empty():
    model = Readings(replace(GOOD, is_cut=True), replace(GOOD, text="Gracias por ver el vídeo."))

    assert understand(model).text == ""


def test_short_words_that_are_due_need_no_language_of_their_own():
    strange = replace(GOOD, text="Oye.", confidence=0.37, likelihoods={"es": 0.01, "en": 0.01})
    asked = Asked("es", {"es": "Oye. Para."})

    def heard(*, is_expected: bool) -> str:
        model = cast(Whisper, Readings(strange, strange))
        return understood(model, white(0.5), asked, "es", "fast", is_expected=is_expected).text

    assert (heard(is_expected=True), heard(is_expected=False)) == ("Oye.", "")


@pytest.mark.parametrize(("confidence", "text"), [(0.15, "Sí."), (0.36, "Seguimos")])
def test_word_that_is_due_stays_where_nothing_reads_better_without_it(confidence: float, text: str):
    model = Readings(
        replace(GOOD, text="Sí.", confidence=0.42), replace(GOOD, text="Seguimos", confidence=confidence)
    )
    asked = Asked("es", {"es": "Sí. Para."})

    heard = understood(cast(Whisper, model), white(0.5), asked, "es", "fast", is_expected=True)

    assert heard.text == text


@pytest.mark.parametrize(("likelihood", "text"), [(0.01, ""), (0.3, "¿Qué hora es?")])
def test_likely_words_in_sound_of_no_language_are_none(likelihood: float, text: str):
    echo = replace(GOOD, text="¿Qué hora es?", confidence=0.55, likelihoods={"es": likelihood, "en": 0.0})
    asked = Asked("auto", {"es": "Dime. ¿Qué hora es? Espera."})

    assert understood(cast(Whisper, Readings(echo, echo)), white(2), asked, "es", "fast").text == text


@pytest.mark.parametrize(("confidence", "language"), [(0.77, "es"), (0.4, "en")])
def test_language_that_is_not_likely_is_compared_with_the_talks_own(confidence: float, language: str):
    strange = replace(GOOD, language="en", likelihoods={"es": 0.01, "en": 0.4}, confidence=0.56)
    model = Readings(strange, replace(GOOD, likelihoods={"es": 0.01, "en": 0.4}, confidence=confidence))

    assert understand(model).language == language
    assert model.asked == [("auto", False), ("es", False)]


def test_words_that_are_hardly_believed_need_a_likely_language():
    mumbled = replace(GOOD, confidence=0.37, likelihoods={"es": 0.41, "en": 0.05})

    assert understand(Readings(mumbled)).text == ""


# Words that nobody said


@pytest.mark.parametrize(
    ("heard", "unaided", "text"),
    [
        # Confidence and how likely nobody spoke, with the likely words and without them.
        ((0.60, 0.09), (0.53, 0.08), "Sí."),
        ((0.53, 0.08), (0.27, 0.25), "Sí."),
        ((0.82, 0.00), None, "Sí."),
        ((0.65, 0.33), (0.16, 0.40), ""),
        ((0.62, 0.51), (0.20, 0.30), ""),
        ((0.50, 0.10), (0.16, 0.49), ""),
        ((0.37, 0.03), (0.20, 0.10), "Sí."),
        ((0.34, 0.03), (0.20, 0.01), ""),
        ((0.34, 0.03), (0.30, 0.02), "Sí."),
        ((0.53, 0.11), (0.27, 0.16), "Sí."),
    ],
)
def test_short_word_needs_evidence_that_somebody_spoke(
    heard: tuple[float, float], unaided: tuple[float, float] | None, text: str
):
    likelihoods: dict[Locale, float] = {"es": 0.4, "en": 0.3}
    word = replace(GOOD, text="Sí.", likelihoods=likelihoods)
    first = replace(word, confidence=heard[0], no_speech=heard[1])
    readings = [first] if heard[0] >= 0.5 else [first, first]
    if unaided is not None:
        readings.append(replace(word, confidence=unaided[0], no_speech=unaided[1]))

    assert understand(Readings(*readings), seconds=0.4).text == text


@pytest.mark.parametrize(("no_speech", "text"), [(0.29, ""), (0.05, "Okay.")])
def test_word_that_noise_likes_needs_clear_evidence(no_speech: float, text: str):
    okay = replace(GOOD, text="Okay.", confidence=0.7, no_speech=no_speech)

    assert understand(Readings(okay, okay), seconds=1.1).text == text


def test_word_that_is_not_usual_needs_more():
    likelihoods: dict[Locale, float] = {"es": 0.4, "en": 0.3}
    see = replace(GOOD, text="See.", likelihoods=likelihoods, confidence=0.53, no_speech=0.11)

    assert understand(Readings(see, replace(see, confidence=0.27, no_speech=0.16)), seconds=0.4).text == ""
    assert (
        understand(Readings(see, replace(see, confidence=0.33, no_speech=0.05)), seconds=0.4).text == "See."
    )


@pytest.mark.parametrize("said", ["Hmm.", "¡Ahh!", "Oh.", "Err...", "Eh, eh."])
def test_sound_of_a_throat_is_no_turn_but_may_be_a_nod(said: str):
    sound = replace(GOOD, text=said, confidence=0.9)

    def heard(*, is_expected: bool) -> str:
        model = cast(Whisper, Readings(sound))
        return understood(model, white(0.4), Asked("es", {}), "es", "fast", is_expected=is_expected).text

    assert (heard(is_expected=False), heard(is_expected=True)) == ("", said)


@pytest.mark.parametrize(
    ("likelihood", "rival", "seconds", "text"),
    [
        (0.01, 0.98, 2.0, ""),
        (0.03, 0.9, 2.0, GOOD.text),
        (0.01, 0.3, 2.0, GOOD.text),  # noise hides the language
        (0.01, 0.9, 0.6, "Hola."),  # too short to tell
    ],
)
def test_speech_in_another_language_is_no_turn_however_well_it_reads(
    likelihood: float, rival: float, seconds: float, text: str
):
    likelihoods: dict[Locale, float] = {"es": likelihood, "en": 0.0}
    said = text or "Hola."
    foreign = replace(GOOD, text=said, likelihoods=likelihoods, rival=rival)

    for language in ("auto", "es"):
        assert understand(Readings(foreign), seconds=seconds, language=language).text == text


@pytest.mark.parametrize(("confidence", "text"), [(0.7, "Marque el número que desea"), (0.55, "")])
def test_sentence_that_is_sure_of_its_words_is_believed_in_noise_that_hides_the_language(
    confidence: float, text: str
):
    hidden = replace(
        GOOD, text="Marque el número que desea", likelihoods={"es": 0.001, "en": 0.01}, rival=0.86
    )
    heard = replace(hidden, confidence=confidence)

    assert understand(Readings(heard), is_noisy=True).text == text
    assert understand(Readings(heard)).text == ""


# Few words


@pytest.mark.parametrize(
    ("confidence", "text"), [(0.35, "Septiembre."), (0.15, "")], ids=["heard unaided", "not heard"]
)
def test_word_in_neither_language_is_believed_where_it_is_heard_without_the_likely_words(
    confidence: float, text: str
):
    word = replace(GOOD, text="Septiembre.", confidence=0.42, likelihoods={"es": 0.03, "en": 0.01})
    model = Readings(word, word, replace(word, confidence=confidence))

    assert understand(model, seconds=0.9).text == text
    assert model.prompts[-1] == {}


def test_row_of_the_same_few_words_needs_as_much_as_they_do():
    row = replace(GOOD, text="Two, three, two, one.", confidence=0.61, no_speech=0.31)

    assert understand(Readings(row, replace(row, confidence=0.3)), seconds=3).text == ""
    assert understand(Readings(row, replace(row, confidence=0.6)), seconds=3).text == row.text


def test_surer_of_two_readings_of_a_word_is_taken():
    aided = replace(GOOD, text="Dose.", confidence=0.55)

    assert (
        understand(Readings(aided, replace(aided, text="doce", confidence=0.67)), seconds=0.8).text == "doce"
    )
    assert (
        understand(Readings(aided, replace(aided, text="doce", confidence=0.5)), seconds=0.8).text == "Dose."
    )


@pytest.mark.parametrize("context", ["fast", "full"])
def test_unsure_sentence_of_the_likely_words_is_read_without_them(context: str):
    prompts: dict[Locale, str] = {"es": "¿Qué hora es en Madrid? Sí."}
    echo = replace(GOOD, text="¿Qué hora es en Madrid?", confidence=0.57)

    def heard(unaided: Reading) -> str:
        model = Readings(echo, unaided)
        words = understood(cast(Whisper, model), white(2), Asked("auto", prompts), "es", context)
        assert model.prompts == [prompts, {}]
        return words.text

    assert heard(replace(GOOD, text="Mmm.", confidence=0.4)) == ""
    assert heard(replace(GOOD, text="¿Qué hora es en Madrid?", confidence=0.5)) == echo.text
    assert heard(replace(GOOD, text="Buenos días", confidence=0.2)) == ""


def test_more_words_than_anybody_says_in_the_time_are_read_again():
    fast = replace(
        GOOD, text="uno dos tres cuatro cinco seis siete ocho nueve diez once doce", confidence=0.9
    )
    model = Readings(fast, replace(GOOD, text="uno dos tres", confidence=0.6))

    assert understand(model).text == "uno dos tres"
    assert model.asked == [("auto", False), ("auto", True)]


def test_sentence_that_stands_twice_is_read_again():
    twice = replace(GOOD, text="Pulse la tecla. Pulse la tecla.", confidence=0.9)
    once = replace(GOOD, text="Pulse la tecla.", confidence=0.95)

    assert understand(Readings(twice, once)).text == once.text
    assert understand(Readings(twice, twice)).text == twice.text  # so somebody said it twice


def test_second_reading_has_to_be_of_our_languages_too():
    first = replace(GOOD, confidence=0.45)
    likelihoods: dict[Locale, float] = {"es": 0.15, "en": 0.01}
    again = replace(GOOD, text="El presidente ha pagado", confidence=0.49, likelihoods=likelihoods)

    assert understand(Readings(first, again), seconds=8).text == ""


@pytest.mark.parametrize(
    ("confidence", "text"), [(0.81, "Pulse la tecla seis"), (0.52, "Pulse la tecla seis")]
)
def test_sentence_is_believed_though_the_model_is_not_sure_that_somebody_spoke(confidence: float, text: str):
    long = replace(GOOD, text=text, confidence=confidence, no_speech=0.5)

    assert understand(Readings(long), seconds=10).text == text


VARIED = "I'm going to the store. I'm going to the shop. I'm going to the stop."


def test_sentence_with_small_changes_is_read_again_and_the_second_reading_is_taken():
    model = Readings(replace(GOOD, text=VARIED, confidence=0.9), replace(GOOD, confidence=0.6))

    assert understand(model, seconds=6).text == GOOD.text
    assert model.asked == [("auto", False), ("auto", True)]


def test_what_is_understood_twice_as_said_again_was_said_again():
    model = Readings(replace(GOOD, text=VARIED, confidence=0.9), replace(GOOD, text=VARIED, confidence=0.6))

    assert understand(model, seconds=6).text == VARIED


def test_words_of_subtitles_behind_what_was_said_are_left_out():
    model = Readings(replace(GOOD, text=f"{GOOD.text} ¡Gracias por ver el video!"))

    assert understand(model).text == GOOD.text

"""Understands utterances, in a process of its own.

A short window is fast and now and then loses its way; whatever shows that it did, is read once more with the
full one.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from app.errors import Locale
from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ
from app.speech.engines.stt.belief import (
    SHORT_SPEECH_S,
    evidence,
    is_believed,
    is_clear,
    is_doubtful,
    is_foreign,
    is_heard_unaided,
    is_prompted,
    is_too_fast,
    is_unsure_echo,
    is_wordless,
    may_be_word,
)
from app.speech.engines.stt.checks import is_out_of_prompt, without_asides
from app.speech.engines.stt.contrary import Looks, contradicted, is_agreed, likeliest
from app.speech.engines.stt.credits import without_credits
from app.speech.engines.stt.loops import has_loop, may_be_loop, without_repeats
from app.speech.engines.stt.nods import misheard_nod
from app.speech.engines.stt.whisper import Asked, Reading, Whisper
from app.speech.engines.stt.windows import is_noisy, speech_s, windows_of
from app.speech.engines.worker_wire import Frame, Handler, Header
from app.speech.pcm import Samples, to_floats

_SHORTEST_S: Final = 0.1
_SURE_OF_LANGUAGE: Final = 2.0
"""How many times as likely as the other a language has to be."""
_LIKELY: Final = 0.5
"""From here on a language is believed; a less likely one is compared with a reading in the talk's own."""
_UNAIDED: Final = 0.8
"""A reading without the likely words is less sure by its nature: so much of the other's is enough."""


def load(options: Header) -> Handler:
    """Load the model.

    Args:
        options: `folder`, the model's, and `device`: `cpu` or `cuda`.
    """
    whisper = Whisper(Path(str(options["folder"])), device=str(options.get("device", "cpu")))
    # The first pass costs more than the others.
    whisper.read(to_floats(bytes(2 * EAR_RATE_HZ)), Asked("es", {}))

    def handle(header: Header, body: bytes) -> Iterator[Frame]:
        """Understand the first window; `upto` says where the next one begins, in bytes."""
        asked = Asked(header["language"], header["prompts"])
        samples = to_floats(body)
        if samples.size < _SHORTEST_S * EAR_RATE_HZ:
            return
        window = windows_of(samples)[0]
        is_expected = header["is_expected"] and speech_s(window) < SHORT_SPEECH_S
        reading = understood(
            whisper,
            window,
            asked,
            header["hint"],
            header["context"],
            is_expected=is_expected,
            is_spoken=header["is_spoken"],
        )
        yield (
            {
                "text": reading.text,
                "language": reading.language,
                "confidence": reading.confidence,
                "is_doubtful": reading.is_doubtful,
                "seconds": window.size / EAR_RATE_HZ,
                "upto": window.size * BYTES_PER_SAMPLE if window.size < samples.size else None,
            },
            b"",
        )

    return handle


def understood(
    whisper: Whisper,
    window: Samples,
    asked: Asked,
    hint: Locale,
    context: str,
    *,
    is_expected: bool = False,
    is_spoken: bool = False,
) -> Reading:
    """Return the best reading of one window; its text is empty where there are no words.

    Args:
        whisper: The model.
        window: At most 28 seconds.
        asked: What is known before.
        hint: The talk's language, which decides where the sound does not.
        context: `full` for the full window at once, `fast` for it as the safety net, `once` for no second
            pass at all.
        is_expected: Some of the likely words are known to come, and are too short for the model to tell
            their language or to be sure of them.
        is_spoken: Somebody speaks for sure, so that words which are not believed are doubtful, not none.
    """
    looks = Looks(whisper)
    seconds = speech_s(window)
    reading = _understood(looks, window, asked, hint, context, is_expected=is_expected)
    is_ours = not is_foreign(looks.readings[0], seconds, is_noisy=is_noisy(window))
    if is_spoken and not reading.text and is_ours:
        reading = likeliest(looks.readings) or reading
    if not is_expected:
        return reading
    return misheard_nod(contradicted(reading, looks.readings, seconds * 1000), looks, window)


def _understood(
    whisper: Looks, window: Samples, asked: Asked, hint: Locale, context: str, *, is_expected: bool
) -> Reading:
    seconds = speech_s(window)
    if asked.language == "auto" and seconds < SHORT_SPEECH_S:
        asked = replace(asked, language=hint)
    asked, reading = first_look(whisper, window, asked, hint, context)
    if is_wordless(reading, is_expected=is_expected) or is_foreign(
        reading, seconds, is_noisy=is_noisy(window)
    ):
        return replace(reading, text="")
    if not is_expected and is_prompted(reading, asked):
        return replace(reading, text="")
    is_aided, share = True, 1.0
    is_echo = context != "once" and is_unsure_echo(reading, asked)
    if is_echo or (context == "fast" and is_doubtful(reading, seconds)):
        first, reading = reading, second_look(whisper, window, asked, reading, is_expected=is_expected)
        is_aided = not is_out_of_prompt(first.text, asked.prompts.get(first.language, ""))
        if reading is not first and not is_aided:
            share = _UNAIDED
    reading = replace(reading, text=without_repeats(without_credits(without_asides(reading.text))))
    is_sure = is_believed(reading, share, is_expected=is_expected)
    if (
        context != "once"
        and is_aided
        and not is_clear(reading)
        and not (is_sure and is_agreed(reading, whisper.readings))
        and (is_sure or (not is_expected and may_be_word(reading)))
    ):
        return third_look(whisper, window, asked, reading, context, is_alone=not is_sure)
    return reading if is_sure else replace(reading, text="")


def first_look(
    whisper: Looks, window: Samples, asked: Asked, hint: Locale, context: str
) -> tuple[Asked, Reading]:
    """The first reading, in the language that is heard or in the talk's own; and how it was asked for."""
    reading = whisper.read(window, asked, full=context == "full")
    if asked.language == "auto" and is_language_open(reading, hint):
        in_hint = whisper.read(window, replace(asked, language=hint), full=context == "full")
        if not is_language_sure(reading, hint) or in_hint.confidence > reading.confidence:
            return replace(asked, language=hint), in_hint
    return asked, reading


def third_look(
    whisper: Looks, window: Samples, asked: Asked, reading: Reading, context: str, *, is_alone: bool
) -> Reading:
    """Return a few words that are not clear, if the model hears anybody at all without the likely words.

    Of the two readings it is the surer one: words that are not among the likely ones are read better without.
    """
    unaided = whisper.read(
        window, replace(asked, language=reading.language, prompts={}), full=context == "full"
    )
    if not is_heard_unaided(reading, unaided, is_alone=is_alone):
        return replace(reading, text="")
    is_better = evidence(unaided) > evidence(reading) and not has_loop(unaided.text)
    return unaided if is_better and is_believed(unaided) else reading


def second_look(
    whisper: Looks, window: Samples, asked: Asked, first: Reading, *, is_expected: bool = False
) -> Reading:
    """Return the better of a doubtful reading and one with the full window."""
    is_echo = is_out_of_prompt(first.text, asked.prompts.get(first.language, ""))
    again = whisper.read(window, replace(asked, prompts={}) if is_echo else asked, full=True)
    if has_loop(again.text) or again.is_cut:
        return replace(first, text="") if is_echo and not is_expected else first
    needed = first.confidence
    if is_echo:
        # What reads no better without the likely words may well have been one of them, where those are due.
        needed = first.confidence * _UNAIDED if is_expected else 0.0
    is_lost = first.is_cut or has_loop(first.text) or is_too_fast(first, speech_s(window))
    # Who says a thing twice is understood so a second time.
    is_lost = is_lost or (may_be_loop(first.text) and not may_be_loop(again.text))
    return again if is_lost or again.confidence > needed else first


def is_language_open(reading: Reading, hint: Locale) -> bool:
    """Return whether another language than the talk's was taken, and that may have been wrong."""
    if reading.language == hint or len(reading.likelihoods) < 2:
        return False
    return not is_language_sure(reading, hint) or reading.likelihoods[reading.language] < _LIKELY


def is_language_sure(reading: Reading, hint: Locale) -> bool:
    """Return whether the language that was heard is much likelier than the talk's."""
    return reading.likelihoods[reading.language] >= _SURE_OF_LANGUAGE * reading.likelihoods[hint]

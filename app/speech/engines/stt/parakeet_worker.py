"""Understands utterances with Parakeet, in a process of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from app.errors import Locale
from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ, SpeechLanguage
from app.speech.engines.stt.checks import is_made_up, without_asides
from app.speech.engines.stt.credits import without_credits
from app.speech.engines.stt.loops import has_loop, without_repeats
from app.speech.engines.stt.parakeet import Parakeet, ParakeetPass
from app.speech.engines.stt.windows import speech_s, windows_of
from app.speech.engines.worker_wire import Frame, Handler, Header
from app.speech.language import clause_language
from app.speech.pcm import Samples, to_floats

_SHORTEST_S: Final = 0.1
_UNSURE: Final = 0.35
"""Confidence under which its words are not believed. A guess: nothing was measured with the real weights."""


class Reads(Protocol):
    """Something that hears a window."""

    def read(self, samples: Samples) -> ParakeetPass:
        """One pass."""
        ...


def load(options: Header) -> Handler:
    """Load the model.

    Args:
        options: `folder`, the model's, and `threads`.
    """
    parakeet = Parakeet(Path(str(options["folder"])), int(options["threads"]))
    # The first pass costs more than the others.
    parakeet.read(to_floats(bytes(BYTES_PER_SAMPLE * EAR_RATE_HZ)))

    def handle(header: Header, body: bytes) -> Iterator[Frame]:
        """Understand the first window; `upto` says where the next one begins, in bytes."""
        samples = to_floats(body)
        if samples.size < _SHORTEST_S * EAR_RATE_HZ:
            return
        window = windows_of(samples)[0]
        heard = understood(parakeet, window)
        yield (
            {
                "text": heard.text,
                "language": language_of(heard.text, header["language"], header["hint"]),
                "confidence": heard.confidence,
                "seconds": window.size / EAR_RATE_HZ,
                "upto": window.size * BYTES_PER_SAMPLE if window.size < samples.size else None,
            },
            b"",
        )

    return handle


def understood(model: Reads, window: Samples) -> ParakeetPass:
    """Return what was said in one window; its text is empty where there are no words."""
    if not speech_s(window):
        return ParakeetPass("", 0.0)
    heard = model.read(window)
    text = without_credits(without_asides(heard.text))
    if heard.confidence < _UNSURE or is_made_up(text, heard.confidence):
        return ParakeetPass("", heard.confidence)
    return ParakeetPass(without_repeats(text) if has_loop(text) else text, heard.confidence)


def language_of(text: str, asked: SpeechLanguage, hint: Locale) -> Locale:
    """Return the language that was asked for, else the one that the words show, else the talk's."""
    return clause_language(text, hint) if asked == "auto" else asked

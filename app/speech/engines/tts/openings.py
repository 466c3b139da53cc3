"""Openings of answers that are kept as sound: they are heard at once."""

from collections import OrderedDict
from dataclasses import replace
from typing import Final

from app.errors import Locale
from app.speech.base import AudioPiece, Speech, WordEnd

COMMON: Final[dict[Locale, tuple[str, ...]]] = {
    "es": (
        *("Claro,", "Claro.", "Claro que sí,", "Vale,", "De acuerdo,", "Un momento,", "Un momento."),
        *("Sí,", "Hola,", "¡Hola!", "Perfecto,", "Por supuesto,"),
    ),
    "en": (
        *("Sure,", "Sure.", "Of course,", "Okay,", "One moment,", "One moment.", "Yes,", "Hello!", "Hi!"),
        *("Got it,", "Right,", "Certainly,"),
    ),
}
"""What answers often begin with; made before anybody asks."""

MAX_CHARS: Final = 40
"""A longer clause is no opening."""

_MAX_CANDIDATES: Final = 500
_RECURS_AT: Final = 2

Key = tuple[str, float, str]


class PrefetchCache:
    """Sound of short first clauses; those that were used last stay.

    Args:
        max_bytes: As much sound as is kept.
    """

    def __init__(self, max_bytes: int = 8 << 20) -> None:
        self._max_bytes = max_bytes
        self._sounds: OrderedDict[Key, AudioPiece] = OrderedDict()
        self._bytes = 0
        self._seen: OrderedDict[Key, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sounds)

    def find(self, voice: str, speech: Speech) -> AudioPiece | None:
        """Return the clause's sound, if it is kept."""
        key = _key(voice, speech)
        sound = self._sounds.get(key)
        if sound is None:
            return None
        self._sounds.move_to_end(key)
        # The blank behind a clause belongs to it, but not to its sound.
        last = replace(sound.words[-1], chars=len(speech.text))
        return AudioPiece(sound.pcm, (*sound.words[:-1], last))

    def recurs(self, voice: str, speech: Speech) -> bool:
        """Notes that answers began with this clause; whether it is worth keeping."""
        if not speech.is_first or len(speech.text) > MAX_CHARS:
            return False
        key = _key(voice, speech)
        count = self._seen.pop(key, 0) + 1
        self._seen[key] = count
        if len(self._seen) > _MAX_CANDIDATES:
            self._seen.popitem(last=False)
        return count >= _RECURS_AT

    def keep(self, voice: str, speech: Speech, pieces: list[AudioPiece]) -> None:
        """Keep a clause's whole sound."""
        pcm = b"".join(piece.pcm for piece in pieces)
        words: tuple[WordEnd, ...] = tuple(word for piece in pieces for word in piece.words)
        if not pcm or not words or len(pcm) > self._max_bytes:
            return
        key = _key(voice, speech)
        if key in self._sounds:
            self._bytes -= len(self._sounds.pop(key).pcm)
        self._sounds[key] = AudioPiece(pcm, words)
        self._bytes += len(pcm)
        while self._bytes > self._max_bytes:
            _, oldest = self._sounds.popitem(last=False)
            self._bytes -= len(oldest.pcm)


def _key(voice: str, speech: Speech) -> Key:
    return voice, round(speech.speed, 2), speech.text.rstrip()

"""The voices that a synthesiser has: what people call them, and which one a name means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from app.errors import Locale
from config.nearest import nearest

_REMEMBERED: Final = 256
"""A clause asks for its voice, and a talk's stays the same."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that may be asked for.

    Attributes:
        name: In settings and in the protocol.
        label: For people.
        language: What it speaks; None for both languages.
    """

    name: str
    label: str
    language: Locale | None = None


def voice_called(name: str, language: Locale | None = None) -> Voice:
    """Return the voice of a name such as `ef_dora` or `nova`: the mark before it is for programs."""
    return Voice(name, name.rpartition("_")[2].capitalize(), language)


def is_called(asked: str, voice: Voice) -> bool:
    """Return whether a name is that voice's own, or what people call it, whatever the case."""
    return bool(_bare(asked)) and _bare(asked) in (_bare(voice.name), _bare(voice.label))


@lru_cache(_REMEMBERED)
def find_voice(asked: str, voices: Sequence[Voice]) -> str | None:
    """Return the name of the voice that is meant: its own, what people call it, or a slip of either.

    Args:
        asked: What was asked for; empty for none.
        voices: A tuple, since answers are remembered.
    """
    if not _bare(asked):
        return None
    for voice in voices:
        if is_called(asked, voice):
            return voice.name
    names = {known: voice.name for voice in voices for known in (voice.name, voice.label)}
    near = nearest(asked, names)
    return None if near is None else names[near]


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name[:64].lower())

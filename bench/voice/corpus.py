"""Recordings with what is said in them: a folder with a list in JSON and clips beside it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import Locale
from app.speech.engines.clip_worker import decoded
from app.speech.engines.clips import sniffed

_LONGEST_S = 600


@dataclass(frozen=True, slots=True)
class Spoken:
    """One recording.

    Attributes:
        text: What is said; empty for noise.
        keywords: Words that a transcript must hold.
        pcm: At the recogniser's rate.
        kind: What was done to it (`clean`, `10 dB`, `telephone`, ...).
    """

    id: str
    text: str
    language: Locale
    keywords: Sequence[str]
    pcm: bytes
    kind: str = "clean"


def read_corpus(listing: Path) -> list[Spoken]:
    """Reads a list such as `tests/cases/speech/speech.json`, with `<id>.flac` or `.wav` for each entry."""
    return [
        Spoken(
            one["id"],
            one["text"],
            one["language"] or "es",
            tuple(one.get("keywords", ())),
            _sound(listing.parent, one["id"]),
            one.get("kind", "clean"),
        )
        for one in json.loads(listing.read_text(encoding="utf-8"))
    ]


def _sound(folder: Path, name: str) -> bytes:
    file = next(path for suffix in (".flac", ".wav") if (path := folder / f"{name}{suffix}").exists())
    clip = file.read_bytes()
    kind = sniffed(clip)
    if kind is None:
        raise ValueError(f"{file}: no clip")
    return decoded(clip, kind, _LONGEST_S)

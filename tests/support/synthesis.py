"""What a synthesiser has said: its promises, and what whisper hears."""

import asyncio
import os
import wave
from collections.abc import AsyncGenerator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.errors import Locale
from app.speech.base import AudioPiece, Synthesiser
from app.speech.engines.tts.espeak_library import find_library
from tests.support.models import model


def need_espeak() -> None:
    """Skips the test where espeak-ng is neither a wheel nor the system's, and fails it in CI."""
    if find_library() is None:
        (pytest.fail if IS_CI else pytest.skip)("espeak-ng is not installed")


IS_CI = os.environ.get("CI", "").lower() in ("1", "true")


@cache
def _whisper() -> Any:
    from faster_whisper import WhisperModel

    return WhisperModel(str(model("whisper-base")), compute_type="int8", cpu_threads=1)


async def words_in(pcm: bytes, language: str, path: Path) -> str:
    """What whisper hears in sound at 24 kHz, in lower case."""
    with wave.open(str(path / "said.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(pcm)

    def hear() -> str:
        segments, _ = _whisper().transcribe(str(path / "said.wav"), language=language, beam_size=1)
        return " ".join(segment.text for segment in segments).lower()

    return await asyncio.to_thread(hear)


async def letters(phrases: list[str], locale: Locale, owner: str) -> list[str]:
    """In the place of phonemes, for workers that make no sound."""
    return phrases


async def all_of(pieces: AsyncGenerator[AudioPiece, None]) -> list[AudioPiece]:
    return [piece async for piece in pieces]


def sound_of(pieces: list[AudioPiece]) -> bytes:
    return b"".join(piece.pcm for piece in pieces)


def check_promises(synthesiser: Synthesiser, text: str, pieces: list[AudioPiece]) -> None:
    """What every synthesiser promises of a clause's pieces."""
    words = [word for piece in pieces for word in piece.words]
    length_ms = len(sound_of(pieces)) / 2 / synthesiser.sample_rate_hz * 1000

    assert all(len(piece.pcm) % 2 == 0 for piece in pieces)
    assert [word.chars for word in words] == sorted(word.chars for word in words)
    assert [word.ms for word in words] == sorted(word.ms for word in words)
    assert pieces[-1].words[-1].chars == len(text)
    assert words[-1].ms <= length_ms + 1

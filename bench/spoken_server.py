"""The server with a voice that costs nothing: what is measured is what lies between the voice and the wire.

Its ears are the real ones where their model is installed: they are part of what the event loop does. Whatever
they hear is understood as an order for a long answer.
"""

import argparse
import asyncio
import re
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Final, Literal

import uvicorn

from app.errors import Locale
from app.speech.base import (
    AudioPiece,
    EndOfTurnDetector,
    Speech,
    SpeechDetector,
    SpeechInputEngines,
    Transcription,
    Utterance,
    VoiceEngines,
    WordEnd,
)
from app.speech.detection.detector import UtteranceDetector
from app.speech.detection.utterances import ENTER, ENTER_NARROW
from app.speech.detection.vad import VoiceActivity, VoiceStream
from app.speech.pcm import Resampler
from app.speech.reading.clauses import ClauseSplitter
from bench.processes import ROOT
from bench.upstream import Order
from config.logger_config import configure_logging
from config.settings import load_settings
from main import create_app, server_options
from tests.support.ears import LevelDetector, no_clips

MODELS: Final = ROOT / "data" / "models"
"""Where the ears' model would be."""

HAS_EARS: Final = (MODELS / "silero_vad.onnx").exists()

RATE_HZ: Final = 24_000
"""As the voices of this machine have it, so that rates are changed as they are for them."""

WORD_MS: Final = 200

_WORD: Final = (b"\x40\x10" * 30 + b"\xc0\xef" * 30) * (RATE_HZ * WORD_MS // 1000 // 60)


class PlainVoice:
    """Says each word as the same sound, at once."""

    name: Literal["azure", "local", "espeak"] = "local"
    sample_rate_hz = RATE_HZ

    async def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        """See `Synthesiser`."""
        for number, word in enumerate(re.finditer(r"\S+", speech.text), 1):
            yield AudioPiece(_WORD, (WordEnd(word.end(), number * WORD_MS),))
            await asyncio.sleep(0)

    def give_up(self, talk: str) -> None:
        """See `Synthesiser`."""

    def heard(self, talk: str) -> None:
        """See `Synthesiser`."""

    async def aclose(self) -> None:
        """See `Synthesiser`."""


class PlainEars:
    """Understands all as an order for an answer of so many words, at once."""

    name: Literal["azure", "local"] = "local"
    has_idle_worker = True

    def __init__(self, words: int) -> None:
        self._heard = Order(words, 20_000).text()

    async def transcribe(self, utterance: Utterance) -> Transcription:
        """See `Recogniser`."""
        await asyncio.sleep(0)
        return Transcription(self._heard, utterance.hint)

    async def aclose(self) -> None:
        """See `Recogniser`."""


class PlainJudge:
    """Takes each pause for the end."""

    async def listen(self, pcm: bytes) -> float:
        """See `EndOfTurnDetector`."""
        return 1.0

    def may_be_all(self, text: str, language: Locale) -> bool:
        """See `EndOfTurnDetector`."""
        return True


def _detector(stream: VoiceStream, max_seconds: float, enter: float) -> UtteranceDetector:
    return UtteranceDetector(stream, max_seconds, enter, stream.foresee)


def _new_detectors(
    models: Path, max_seconds: float
) -> tuple[Callable[[], SpeechDetector], Callable[[], SpeechDetector]]:
    """Return what makes detectors, and what makes those of telephones."""
    if not HAS_EARS:
        return LevelDetector, LevelDetector
    activity = VoiceActivity(models)
    return (
        lambda: _detector(activity.stream(), max_seconds, ENTER),
        lambda: _detector(activity.stream(is_narrow=True), max_seconds, ENTER_NARROW),
    )


def _engines(words: int) -> VoiceEngines:
    judge: EndOfTurnDetector = PlainJudge()
    wide, narrow = _new_detectors(MODELS, 60)
    ears = SpeechInputEngines(
        PlainEars(words), judge, wide, lambda rate_hz: Resampler(rate_hz).feed, no_clips, narrow
    )
    return VoiceEngines(ears, PlainVoice(), ClauseSplitter, new_rate=Resampler)


def main() -> None:
    """Run it until it is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--words", type=int, default=70, help="of each answer to what is said")
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", options.port), backlog=2048)
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    app = create_app(settings, engines=_engines(options.words))
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/\n")
    sys.stdout.flush()
    uvicorn.Server(server_options(app, settings)).run(sockets=[listener])


if __name__ == "__main__":
    main()

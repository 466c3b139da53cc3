"""Loads what a server hears and speaks with. Blocking parts run in threads; the heavy ones are processes.

The packages of speech are imported here, by name and only now: a server without them talks by text.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

from app.llm.base import Check
from app.voice.base import Senses, Synthesiser, VoiceEngines
from app.voice.clauses import ClauseSplitter
from app.voice.detector import UtteranceDetector
from config.settings import Settings

logger = logging.getLogger(__name__)

Close = Callable[[], Awaitable[None]]


@runtime_checkable
class Diagnosable(Protocol):
    """A part that is a service, which can be tried for real."""

    async def diagnose(self) -> list[Check]:
        """One line for each thing that was tried."""
        ...


async def load_engines(settings: Settings) -> VoiceEngines:
    """Makes and starts all that the settings ask for; what cannot be started ends all.

    Raises:
        AgentError: A part cannot be had.
        Exception: Whatever a model's library says of its file.
    """
    closers: list[Close] = []
    try:
        senses = await _load_senses(settings, closers) if settings.recogniser != "none" else None
        synthesiser = await _load_synthesiser(settings, closers)
    except BaseException:
        await _close_all(closers)
        raise
    services = [senses.recogniser if senses else None, synthesiser]
    return VoiceEngines(
        senses,
        synthesiser,
        ClauseSplitter if synthesiser else None,
        tuple(closers),
        tuple(service.diagnose for service in services if isinstance(service, Diagnosable)),
    )


async def _load_senses(settings: Settings, closers: list[Close]) -> Senses:
    recogniser = await import_module("app.voice.stt.loader").load_recogniser(settings)
    closers.append(recogniser.aclose)
    activity, judge = await asyncio.to_thread(_load_models, settings)
    closers.append(judge.aclose)
    decoder = import_module("app.voice.clips").ClipDecoder(
        settings.max_audio_seconds, settings.max_audio_message_bytes
    )
    await decoder.start()
    closers.append(decoder.aclose)
    resampler = import_module("app.voice.pcm").Resampler
    return Senses(
        recogniser=recogniser,
        turn_judge=judge,
        new_detector=lambda: UtteranceDetector(activity.stream(), settings.max_audio_seconds),
        new_resampler=lambda rate_hz: resampler(rate_hz).feed,
        decode_clip=decoder.decode,
    )


def _load_models(settings: Settings) -> tuple[Any, Any]:
    """The models that judge in this process; reading them takes a while."""
    activity = import_module("app.voice.vad").VoiceActivity(settings.models_dir)
    smart_turn = import_module("app.voice.smart_turn").SmartTurn(settings.models_dir)
    return activity, import_module("app.voice.end_of_turn").EndOfTurn(smart_turn)


async def _load_synthesiser(settings: Settings, closers: list[Close]) -> Synthesiser | None:
    synthesiser: Synthesiser | None = await import_module("app.voice.tts.loader").load_synthesiser(settings)
    if synthesiser is not None:
        closers.append(synthesiser.aclose)
    return synthesiser


async def _close_all(closers: list[Close]) -> None:
    for close in reversed(closers):
        try:
            await close()
        except Exception:  # one part that does not end well must not keep the others from it
            logger.exception("internal")

"""Loads what a server hears and speaks with. Blocking parts run in threads; the heavy ones are processes.

The packages of speech are imported here, by name and only now: a server without them talks by text.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from importlib import import_module
from typing import Any, Protocol, TypeVar, runtime_checkable

from app.errors import AgentError
from app.llm.base import Check
from app.speech.base import Half, NewRate, SpeechInputEngines, Synthesiser, VoiceEngines
from app.speech.detection.detector import UtteranceDetector
from app.speech.detection.utterances import ENTER, ENTER_NARROW
from app.speech.engines.core_sharing import Haste
from app.speech.reading.clauses import ClauseSplitter
from app.speech.voices import Voice
from config.voice_settings import VoiceSettings

logger = logging.getLogger(__name__)

_Loaded = TypeVar("_Loaded")


class EngineResource(Protocol):
    """Something that holds processes or connections."""

    async def aclose(self) -> None:
        """Give them back."""
        ...


@runtime_checkable
class HasWorkers(Protocol):
    """A part that works in processes of its own."""

    @property
    def workers_lost(self) -> int:
        """How many of them have died or hung so far."""
        ...


@runtime_checkable
class HasChoice(Protocol):
    """A part that chooses a voice for each answer."""

    @property
    def answers_begun(self) -> Mapping[str, int]:
        """How many answers were heard of each; goes on counting."""
        ...


@runtime_checkable
class HasVoices(Protocol):
    """A part that speaks by the voice that it is asked for."""

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Which ones it has."""
        ...


@runtime_checkable
class HasShortfall(Protocol):
    """A part that may do without something that the settings ask for."""

    @property
    def shortfall(self) -> str:
        """What, and why; empty where it has all."""
        ...


@runtime_checkable
class Hurries(Protocol):
    """A part that works on this machine's cores, and makes room there for others."""

    haste: Haste


@runtime_checkable
class Diagnosable(Protocol):
    """A part that is a service, which can be tried for real."""

    async def diagnose(self) -> list[Check]:
        """One line for each thing that was tried."""
        ...


async def load_engines(
    settings: VoiceSettings,
    halves: Collection[Half] = ("in", "out"),
    failures: Mapping[Half, str] | None = None,
) -> VoiceEngines:
    """Make and start what the settings ask for; a half that cannot be had leaves the other one.

    Args:
        settings: Say which recogniser and which synthesiser.
        halves: Those that are to be loaded.
        failures: Why others are not.
    """
    parts: list[EngineResource] = []
    reasons: dict[Half, str] = dict(failures or {})
    input_engines: SpeechInputEngines | None = None
    synthesiser: Synthesiser | None = None
    try:
        if "in" in halves and settings.recogniser != "none":
            input_engines = await _half("in", _load_senses, settings, parts, reasons)
        if "out" in halves:
            synthesiser = await _half("out", _load_synthesiser, settings, parts, reasons)
    except BaseException:
        await _close_all(parts)
        raise
    services = [input_engines.recogniser if input_engines else None, synthesiser]
    haste = Haste()
    for service in services:
        if isinstance(service, Hurries):
            service.haste = haste
    return VoiceEngines(
        input_engines,
        synthesiser,
        ClauseSplitter if synthesiser else None,
        tuple(part.aclose for part in parts),
        tuple(service.diagnose for service in services if isinstance(service, Diagnosable)),
        tuple(partial(_lost_by, part) for part in parts if isinstance(part, HasWorkers)),
        synthesiser.answers_begun if isinstance(synthesiser, HasChoice) else {},
        reasons,
        {"out": synthesiser.shortfall}
        if isinstance(synthesiser, HasShortfall) and synthesiser.shortfall
        else {},
        synthesiser.voices if isinstance(synthesiser, HasVoices) else (),
        _new_rate(),
    )


def _new_rate() -> NewRate | None:
    """Return what changes rates; a server that speaks by a service may lack the package for it."""
    try:
        return import_module("app.speech.pcm").Resampler
    except ImportError:
        return None


async def _half(
    half: Half,
    load: Callable[[VoiceSettings, list[EngineResource]], Awaitable[_Loaded | None]],
    settings: VoiceSettings,
    parts: list[EngineResource],
    reasons: dict[Half, str],
) -> _Loaded | None:
    """Load one half; where it fails, its parts are closed and the reason is noted."""
    own: list[EngineResource] = []
    try:
        loaded = await load(settings, own)
    except Exception as exc:  # whatever a model's library raises, the other half goes on
        logger.debug("voice_failed", exc_info=True)
        await _close_all(own)
        reasons[half] = _reason_of(exc)
        return None
    except BaseException:
        await _close_all(own)
        raise
    parts += own
    return loaded


def _reason_of(exc: Exception) -> str:
    """One line of an exception."""
    facts = exc.facts if isinstance(exc, AgentError) else ""
    return " ".join((facts or f"{type(exc).__name__}: {exc}").split())


def _lost_by(part: HasWorkers) -> int:
    return part.workers_lost


async def _load_senses(settings: VoiceSettings, parts: list[EngineResource]) -> SpeechInputEngines:
    recogniser = await import_module("app.speech.engines.stt.loader").load_recogniser(settings)
    parts.append(recogniser)
    activity, judge = await asyncio.to_thread(_load_models, settings)
    parts.append(judge)
    decoder = import_module("app.speech.engines.clips").ClipDecoder(
        settings.max_audio_seconds, settings.max_audio_message_bytes
    )
    await decoder.start()
    parts.append(decoder)
    resampler = import_module("app.speech.pcm").Resampler
    longest_s = settings.max_audio_seconds
    return SpeechInputEngines(
        recogniser=recogniser,
        turn_judge=judge,
        new_detector=lambda: _detector(activity.stream(), longest_s, ENTER),
        new_narrow_detector=lambda: _detector(activity.stream(is_narrow=True), longest_s, ENTER_NARROW),
        new_resampler=lambda rate_hz: resampler(rate_hz).feed,
        decode_clip=decoder.decode,
    )


def _detector(stream: Any, longest_s: float, enter: float) -> UtteranceDetector:
    return UtteranceDetector(stream, longest_s, enter, stream.foresee)


def _load_models(settings: VoiceSettings) -> tuple[Any, Any]:
    """Return the models that judge in this process; reading them takes a while."""
    activity = import_module("app.speech.detection.vad").VoiceActivity(settings.models_dir)
    smart_turn = import_module("app.speech.detection.smart_turn").SmartTurn(settings.models_dir)
    return activity, import_module("app.speech.detection.end_of_turn").EndOfTurn(smart_turn)


async def _load_synthesiser(settings: VoiceSettings, parts: list[EngineResource]) -> Synthesiser | None:
    synthesiser: Synthesiser | None = await import_module("app.speech.engines.tts.loader").load_synthesiser(
        settings
    )
    if synthesiser is not None:
        parts.append(synthesiser)
    return synthesiser


async def _close_all(parts: list[EngineResource]) -> None:
    for part in reversed(parts):
        try:
            await part.aclose()
        except Exception:  # one part that does not end well must not keep the others from it
            logger.exception("internal")

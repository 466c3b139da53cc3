"""Names that nothing goes by: settings, voices and models that do not exist.

A talk works without them, by another voice or another model, or says why it does not: so the start never
waits for what is asked here, and the log says which name may have been meant.
"""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from app.errors import Locale
from app.llm.base import ChatProvider
from app.llm.openai_errors import Failure
from app.speech.engines.stt.catalogue import AUTO, KNOWN
from app.speech.voices import Voice, is_called
from config.env_file import ENV_FILE, read_oddities
from config.model_settings import ModelSettings
from config.nearest import listed, nearest
from config.voice_settings import VoiceSettings

logger = logging.getLogger(__name__)

_LOCALES: Final[tuple[Locale, ...]] = ("es", "en")
_RECOGNISERS: Final = frozenset({AUTO, *KNOWN})
_WHISPER_MODELS: Final = ("tiny", "small", "medium", "large-v2", "large-v3")


@runtime_checkable
class ListsModels(Protocol):
    """A provider whose service says which models it has."""

    async def listed_models(self) -> list[str]:
        """Return their names; raise `Failure` where there is no list."""
        ...


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A setting's value that nothing goes by.

    Attributes:
        known: What there is instead.
    """

    setting: str
    value: str
    known: Collection[str]


def warn_of_oddities(known: Collection[str], path: Path = Path(ENV_FILE)) -> None:
    """Write one WARNING for each line of `.env` that does not do what it seems to; `known`: the settings."""
    for found in read_oddities(known, path):
        facts: dict[str, object] = {"file": path.name, "line": found.line}
        if found.setting:
            facts["setting"] = found.setting
        if found.problem == "unknown_setting":
            logger.warning("unknown_setting", extra={**facts, "nearest": found.nearest})
        else:
            logger.warning("env_line", extra={**facts, "problem": found.problem})


async def warn_of_names(models: ModelSettings, voice: VoiceSettings, provider: ChatProvider) -> None:
    """Write one WARNING for each name that nothing goes by, with the one that may be meant."""
    for found in (*unknown_voices(voice), *_unknown_recogniser(voice)):
        _warn(found)
    model = models.openai_model
    if model and models.provider == "openai" and isinstance(provider, ListsModels):
        try:
            listed_models = await provider.listed_models()
        except Failure:
            return  # no list, or nobody there: the first text and the diagnosis say why
        except Exception:  # whatever a service answers, nobody waits for this
            logger.debug("models_not_listed", exc_info=True)
            return
        if listed_models and not _is_listed(model, listed_models):
            _warn(UnknownName("OPENAI_MODEL", model, listed_models))


def unknown_voices(settings: VoiceSettings) -> Iterator[UnknownName]:
    """The voices in the settings that the synthesiser does not have; a default counts for any."""
    if not settings.voice or settings.synthesiser not in ("local", "azure"):
        return
    for locale in _LOCALES:
        name = f"tts_voice_{locale}"
        value: str = getattr(settings, name)
        known = _voices(settings, locale)
        is_known = any(is_called(value, voice) for voice in known)
        if not is_known and value != type(settings).model_fields[name].default:
            yield UnknownName(name.upper(), value, [voice.name for voice in known])


def _voices(settings: VoiceSettings, locale: Locale) -> Collection[Voice]:
    if settings.synthesiser == "azure":
        return import_module("app.speech.engines.tts.azure").VOICES
    return import_module("app.speech.engines.tts.kokoro").VOICES[locale]


def _unknown_recogniser(settings: VoiceSettings) -> Iterator[UnknownName]:
    name, folder = settings.stt_model, settings.models_dir
    if not settings.voice or settings.recogniser != "local":
        return
    installed = {path.name.removeprefix("whisper-") for path in folder.glob("whisper-*") if path.is_dir()}
    is_path = any((place / "model.bin").is_file() for place in (folder / name, Path(name)))
    if name not in installed and not is_path and name not in _RECOGNISERS:
        yield UnknownName("STT_MODEL", name, installed | _RECOGNISERS | set(_WHISPER_MODELS))


def _is_listed(model: str, models: Collection[str]) -> bool:
    """Return whether a list has a model, be it with the tag or the owner that a service adds to its name."""
    wanted = model.lower()
    forms = {form for each in models for form in _forms(each.lower())}
    return wanted in forms


def _forms(model: str) -> tuple[str, ...]:
    bare = model.rpartition("/")[2]
    return (model, bare, model.partition(":")[0], bare.partition(":")[0])


def _warn(found: UnknownName) -> None:
    facts = {"setting": found.setting, "value": found.value, "known": listed(found.known)}
    near = nearest(found.value, sorted(found.known))
    if near is not None:
        facts["nearest"] = near
    if "VOICE" in found.setting:
        logger.warning("unknown_voice", extra=facts)
    else:
        logger.warning("unknown_model", extra=facts)

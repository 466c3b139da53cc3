"""Which recogniser `STT_MODEL` stands for on this machine, and what stands in while it is not there."""

import logging
from collections.abc import Callable
from typing import Final

import httpx

from app.speech.engines.stt.catalogue import AUTO, BASE, KNOWN, PARAKEET, TURBO
from app.speech.engines.stt.machine import MachineProfile, this_machine
from app.speech.models.catalogue import Model, missing_files
from config.voice_settings import VoiceSettings

_log = logging.getLogger(__name__)

PARAKEET_CORES: Final = 4
PARAKEET_MEMORY_BYTES: Final = 4 * 10**9
"""A machine that is sold as one of 4 GB shows a little less than 4 GiB."""

_HUB_LIMIT_S: Final = 3.0
_SERVER_ERROR: Final = 500


def picked(settings: VoiceSettings, machine: MachineProfile | None = None) -> str:
    """Return the name that `STT_MODEL` is or, for `auto`, that suits the machine.

    A graphics card takes Whisper large-v3-turbo; four cores and 4 GB of memory take Parakeet; any other
    machine Whisper base.
    """
    if settings.stt_model != AUTO:
        return settings.stt_model
    here = machine or this_machine()
    if here.gpus:
        return TURBO
    is_large = here.cores >= PARAKEET_CORES and here.memory_bytes >= PARAKEET_MEMORY_BYTES
    return PARAKEET if is_large else BASE


def usable(settings: VoiceSettings, machine: MachineProfile | None = None) -> str:
    """The same, but base where `auto` picked one whose files are not there. Says so in one log line."""
    name = picked(settings, machine)
    if (
        settings.stt_model != AUTO
        or name == BASE
        or not missing_files((KNOWN[name].model,), settings.models_dir)
    ):
        return name
    _log.warning(
        "stt_model_stands_in", extra={"picked": name, "taken": BASE, "reason": "its files are not there"}
    )
    return BASE


def required(settings: VoiceSettings) -> tuple[Model, ...]:
    """What recognition cannot do without: base for `auto`, else what is named, if it is one of the list."""
    known = KNOWN.get(BASE if settings.stt_model == AUTO else settings.stt_model)
    return (known.model,) if known else ()


def better(
    settings: VoiceSettings,
    machine: MachineProfile | None = None,
    answers: Callable[[str], bool] | None = None,
) -> tuple[Model, ...]:
    """Return what `auto` picks beyond base and can be brought now; nothing where its host is out of reach.

    Args:
        settings: With `STT_MODEL` and `MODELS_FROM`.
        machine: Which one, instead of this.
        answers: Says whether an address is within reach; by default asks it, for three seconds at most.
    """
    if settings.recogniser != "local" or settings.stt_model != AUTO or settings.models_from == "pypi":
        return ()
    name = picked(settings, machine)
    if name == BASE:
        return ()
    model = KNOWN[name].model
    missing = missing_files((model,), settings.models_dir)
    return (model,) if missing and (answers or _answers)(missing[0].url) else ()


def workers_for(name: str, wanted: int, machine: MachineProfile | None = None) -> int:
    """How many workers of a model are loaded: as many as half of the memory holds, at most those wanted."""
    known = KNOWN.get(name)
    memory = (machine or this_machine()).memory_bytes
    if known is None or not memory or known.model is KNOWN[BASE].model:
        return wanted
    return max(1, min(wanted, memory // 2 // known.worker_bytes))


def _answers(url: str) -> bool:
    try:
        return httpx.head(url, timeout=_HUB_LIMIT_S, follow_redirects=False).status_code < _SERVER_ERROR
    except (httpx.HTTPError, httpx.InvalidURL):
        return False

"""Finds the synthesiser that the settings ask for."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Final, cast

from app.speech.base import Synthesiser
from config.voice_settings import VoiceSettings

SYNTHESISERS: Final = {
    "azure": "app.speech.engines.tts.azure",
    "local": "app.speech.engines.tts.local",
    "espeak": "app.speech.engines.tts.espeak",
}
"""Each one's module, with `async load(settings) -> Synthesiser`; imported only when asked for."""


async def load_synthesiser(settings: VoiceSettings) -> Synthesiser | None:
    """Make the synthesiser that `TTS_PROVIDER` names or `auto` stands for, ready to speak; None for `none`.

    Raises:
        NotAvailable: Something that it needs is not installed.
        SettingsError: It cannot work with these settings.
    """
    if settings.synthesiser == "none":
        return None
    module = import_module(SYNTHESISERS[settings.synthesiser])
    load = cast(Callable[[VoiceSettings], Awaitable[Synthesiser]], module.load)
    return await load(settings)

"""Finds the recogniser that the settings ask for."""

import asyncio
from importlib import import_module
from typing import cast

from app.errors import NotAvailable
from app.speech.base import Recogniser
from config.voice_settings import VoiceSettings

RECOGNISERS = {
    "azure": "app.speech.engines.stt.azure:AzureTranscriptions",
    "local": "app.speech.engines.stt.local:LocalRecogniser",
}
"""Each recogniser's class, made with the settings; imported only when asked for."""


async def load_recogniser(settings: VoiceSettings) -> Recogniser:
    """Make and start the recogniser that `STT_PROVIDER` names or `auto` stands for.

    Raises:
        NotAvailable: None is wanted, or its model is not there.
        WorkerFailed: Its workers cannot be started.
        SettingsError: It cannot work with these settings.
    """
    if settings.recogniser == "none":
        raise NotAvailable("STT_PROVIDER=none", feature="STT_PROVIDER")
    module_name, _, class_name = RECOGNISERS[settings.recogniser].partition(":")
    # It may have to read a large model's files, to see whether they are whole.
    recogniser = await asyncio.to_thread(getattr(import_module(module_name), class_name), settings)
    try:
        await recogniser.start()
    except BaseException:
        await recogniser.aclose()
        raise
    return cast(Recogniser, recogniser)

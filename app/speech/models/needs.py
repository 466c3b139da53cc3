"""Which models the settings cannot do without."""

from app.speech.engines.stt.choice import required
from app.speech.models.catalogue import KOKORO, SILERO, SMART_TURN, Model
from config.voice_settings import VoiceSettings


def needed_models(settings: VoiceSettings) -> tuple[Model, ...]:
    """Return what these settings cannot do without; small ones first."""
    models = [SILERO, SMART_TURN]
    if settings.recogniser == "local":
        models += required(settings)
    if settings.synthesiser == "local":
        models.append(KOKORO)
    return tuple(models)

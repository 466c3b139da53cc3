"""Which models the settings cannot do without."""

from app.voice.models import KOKORO, SILERO, SMART_TURN, Model
from app.voice.stt.choice import required
from config.settings import Settings


def needed_models(settings: Settings) -> tuple[Model, ...]:
    """What these settings cannot do without; small ones first."""
    models = [SILERO, SMART_TURN]
    if settings.recogniser == "local":
        models += required(settings)
    if settings.synthesiser == "local":
        models.append(KOKORO)
    return tuple(models)

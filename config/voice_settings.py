"""The settings of speech: by what it is heard and spoken, and what it may take."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from config.forms import KIB, MIB, Seconds
from config.model_settings import AzureSettings


class VoiceSettings(AzureSettings):
    """Speech in, speech out, and the models of both."""

    voice: bool = True
    models_dir: Path = Path("data/models")
    models_from: Literal["auto", "release", "pypi"] = "auto"
    stt_provider: Literal["auto", "azure", "local", "none"] = "auto"
    azure_openai_stt_deployment: str | None = None
    stt_model: str = Field(default="auto", min_length=1)
    stt_context: Literal["fast", "full"] = "fast"
    stt_language: Literal["auto", "es", "en"] = "auto"
    stt_workers: int = Field(default=2, ge=1, le=64)
    stt_queue: int = Field(default=16, ge=0, le=10_000)
    stt_timeout_s: Seconds = 15
    tts_provider: Literal["auto", "azure", "local", "espeak", "none"] = "auto"
    azure_openai_tts_deployment: str | None = None
    tts_voice_es: str = "ef_dora"
    tts_voice_en: str = "af_heart"
    tts_speed: float = Field(default=1.0, ge=0.5, le=2)
    tts_workers: int = Field(default=1, ge=1, le=64)
    tts_queue: int = Field(default=64, ge=0, le=10_000)
    tts_timeout_s: Seconds = 15
    interrupt_mode: Literal["smart", "always", "never"] = "smart"
    max_audio_seconds: float = Field(default=60, ge=1, le=3600)
    max_audio_message_bytes: int = Field(default=10 * MIB, ge=KIB, le=16 * MIB)

    @model_validator(mode="after")
    def _azure_speech_is_whole(self) -> Self:
        wanted = {
            "AZURE_OPENAI_STT_DEPLOYMENT": (self.stt_provider, self.azure_openai_stt_deployment),
            "AZURE_OPENAI_TTS_DEPLOYMENT": (self.tts_provider, self.azure_openai_tts_deployment),
        }
        for name, (provider, deployment) in wanted.items():
            if provider == "azure" and not deployment:
                raise ValueError(f"{name}: missing; speech by Azure OpenAI needs it")
            if deployment and not (self.azure_openai_endpoint and self.azure_openai_api_key):
                raise ValueError(f"AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY: {name} needs them")
        return self

    @property
    def recogniser(self) -> Literal["azure", "local", "none"]:
        """What `STT_PROVIDER=auto` stands for with these settings."""
        if self.stt_provider != "auto":
            return self.stt_provider
        return "azure" if self.azure_openai_stt_deployment else "local"

    @property
    def synthesiser(self) -> Literal["azure", "local", "espeak", "none"]:
        """What `TTS_PROVIDER=auto` stands for with these settings."""
        if self.tts_provider != "auto":
            return self.tts_provider
        return "azure" if self.azure_openai_tts_deployment else "local"

    @property
    def hears(self) -> bool:
        """Whether the settings ask for speech in."""
        return self.voice and self.recogniser != "none"

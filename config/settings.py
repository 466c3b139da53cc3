"""Every setting of the server, read from the environment or from `.env`.

A field's upper-case name is its environment variable; units are in the names. Nothing else in the project
reads the environment.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from config.access_settings import AccessSettings
from config.env_file import ENV_FILE
from config.forms import KIB, MIB, CommaList, Seconds, split_commas
from config.http_address import HTTP_ADDRESS, is_http_address
from config.model_addresses import read_azure_address, read_base_url
from config.page_settings import PageSettings

OVER_LIMIT_BYTES = 256 * KIB
"""What is received of a message over its limit, so that it can be refused with a sentence."""


class SettingsError(Exception):
    """A setting that the server cannot start with; its text is one line that names the setting."""


class Settings(AccessSettings, PageSettings):
    """The settings of one server. Make it once in `main.py` and pass it on."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",  # editors on Windows begin it with a mark
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # it may hold keys
    )

    # Model
    llm_provider: Literal["auto", "azure", "openai", "demo"] = "auto"
    azure_openai_endpoint: str | None = None
    azure_openai_api_key: SecretStr | None = None
    azure_openai_deployment_name: str | None = None
    azure_openai_api_version: str = "2024-02-15-preview"
    openai_base_url: str | None = None
    openai_api_key: SecretStr | None = None
    openai_model: str | None = None
    llm_max_retries: int = Field(default=2, ge=0, le=10)
    llm_stall_timeout_s: Seconds = 30
    llm_first_token_timeout_s: Seconds = 60
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_history_tokens: int = Field(default=16_000, ge=100)
    turn_timeout_s: Seconds = 120
    max_response_chars: int = Field(default=100_000, ge=1)

    # Agent
    agent_name: str = Field(default="Asistente", min_length=1, max_length=100)
    agent_instructions: str | None = None
    agent_locale: Literal["es", "en"] = "es"
    agent_greeting: str = Field(default="off", min_length=1, max_length=4000)

    # Server
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    ws_ping_interval_s: Seconds = 20
    ws_ping_timeout_s: Seconds = 20
    shutdown_grace_s: float = Field(default=8, ge=0, le=3600)
    max_sessions: int = Field(default=10_000, ge=1)
    first_message_timeout_s: Seconds = 60
    max_pending_connections: int = Field(default=256, ge=1)
    resume_window_s: Seconds = 120
    resume_ring_messages: int = Field(default=1000, ge=0)
    resume_ring_bytes: int = Field(default=MIB, ge=0)

    # Tools
    tools: Annotated[tuple[str, ...] | None, NoDecode] = None
    tools_dir: Path | None = None
    tool_timeout_s: Seconds = 30
    tool_inline_wait_s: float = Field(default=1.0, ge=0, le=3600)
    tool_progress_interval_s: Seconds = 5
    tool_result_max_chars: int = Field(default=8000, ge=100)
    tool_threads: int = Field(default=16, ge=1, le=1000)
    max_tool_rounds: int = Field(default=5, ge=0, le=100)
    max_tool_calls: int = Field(default=16, ge=1, le=128)
    max_agent_turns: int = Field(default=5, ge=0)
    tool_approval: Literal["off", "listed", "writes"] = "writes"
    tools_need_approval: CommaList = ()
    approval_timeout_s: Seconds = 60
    http_tool_allowed_private: CommaList = ()
    public_ip_url: str = "https://api.ipify.org?format=json"
    weather_provider: Literal["placeholder", "open-meteo"] = "placeholder"
    weather_url: str = "https://api.open-meteo.com/v1/forecast"

    # Voice
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
    emotion: bool = True
    max_audio_seconds: float = Field(default=60, ge=1, le=3600)
    max_audio_message_bytes: int = Field(default=10 * MIB, ge=KIB, le=16 * MIB)

    # Storage
    # Not shown: it may hold a password.
    database_url: str = Field(default="sqlite+aiosqlite:///data/voice_agent.db", repr=False)
    session_retention_days: int = Field(default=30, ge=1, le=36_500)
    store_timeout_s: Seconds = 2

    # Traces
    otel_traces: Literal["off", "otlp", "console"] = "off"
    otel_exporter_otlp_endpoint: str = "http://127.0.0.1:4318"
    otel_exporter_otlp_headers: SecretStr | None = None
    otel_service_name: str = Field(default="voice-agent", min_length=1)
    otel_capture_content: bool = False

    # Limits of one connection
    max_queued_messages: int = Field(default=8, ge=0)
    max_messages_per_s: int = Field(default=20, ge=1)
    max_messages_burst: int = Field(default=100, ge=1)
    max_message_bytes: int = Field(default=MIB, ge=KIB, le=16 * MIB)
    unfinished_message_s: Seconds = 20
    outbox_max_messages: int = Field(default=1000, ge=1)
    outbox_max_bytes: int = Field(default=MIB, ge=KIB)

    @field_validator("tools", "tools_need_approval", "http_tool_allowed_private", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return split_commas(value)

    @field_validator("agent_greeting")
    @classmethod
    def _is_switch_or_wish(cls, value: str) -> str:
        word = value.strip().lower()
        return {"false": "off", "no": "off", "0": "off", "true": "on", "yes": "on", "1": "on"}.get(
            word, word if word in ("on", "off") else value.strip()
        )

    @model_validator(mode="before")
    @classmethod
    def _read_azure_address(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Cut the endpoint to what it must be; what else it says counts where nothing else is set."""
        given = values.get("azure_openai_endpoint")
        if not isinstance(given, str) or not given.strip():
            return values
        try:
            address = read_azure_address(given)
        except ValueError as exc:
            raise ValueError(f"AZURE_OPENAI_ENDPOINT: {exc}") from None
        told = {
            "azure_openai_deployment_name": address.deployment,
            "azure_openai_api_version": address.api_version,
        }
        missing = {name: value for name, value in told.items() if value and not values.get(name)}
        return {**values, **missing, "azure_openai_endpoint": address.endpoint}

    @field_validator("openai_base_url", mode="before")
    @classmethod
    def _read_base_url(cls, value: object) -> object:
        if not isinstance(value, str) or not value.strip():
            return value
        try:
            return read_base_url(value)
        except ValueError:
            raise ValueError(HTTP_ADDRESS) from None

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("*", mode="before")
    @classmethod
    def _is_unicode(cls, value: object) -> object:
        # The environment is bytes; what is no UTF-8 in it becomes lone surrogates, which no JSON can hold.
        # Stands last of its kind: pydantic runs the last one first, and the others take the text apart.
        if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
            raise ValueError("is not UTF-8")
        return value

    @field_validator(
        "azure_openai_endpoint",
        "openai_base_url",
        "public_ip_url",
        "weather_url",
        "otel_exporter_otlp_endpoint",
    )
    @classmethod
    def _is_http_url(cls, value: str | None) -> str | None:
        if value is not None and not is_http_address(value):
            raise ValueError(HTTP_ADDRESS)
        return value

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        # Docker's --env-file leaves the quotes around a value.
        address = value.strip().strip("\"'`").strip()
        known = r"sqlite(\+aiosqlite)?:///.+|postgres(ql)?(\+\w+)?://.*|none|"
        if re.fullmatch(known, address, re.IGNORECASE) is None:
            raise ValueError("must begin with sqlite:/// or postgresql://, or be none")
        return address

    @field_validator("http_tool_allowed_private")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(:([0-9]{1,5}))?", entry)
            if match is None or int(match[3] or 0) > 65_535:
                raise ValueError("must be a comma list of host or host:port, IPv6 addresses in brackets")
        return value

    @field_validator("agent_instructions")
    @classmethod
    def _read_instructions_file(cls, value: str | None) -> str | None:
        if value is None or not value.startswith("@"):
            return value
        path = Path(value[1:])
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise ValueError(f"the file {path} cannot be read: {exc.__class__.__name__}") from exc

    @model_validator(mode="after")
    def _azure_is_whole(self) -> Self:
        parts = {
            "AZURE_OPENAI_ENDPOINT": self.azure_openai_endpoint,
            "AZURE_OPENAI_API_KEY": self.azure_openai_api_key,
            "AZURE_OPENAI_DEPLOYMENT_NAME": self.azure_openai_deployment_name,
        }
        missing = [name for name, value in parts.items() if not value]
        wanted = self.llm_provider == "azure" or (self.llm_provider == "auto" and len(missing) < len(parts))
        if wanted and missing:
            names = ", ".join(missing)
            raise ValueError(f"{names}: missing; Azure OpenAI needs endpoint, key and deployment")
        return self

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

    def name_in(self, language: Literal["es", "en"]) -> str:
        """What the agent calls itself in a language; nobody has to name it in both."""
        is_named = "agent_name" in self.model_fields_set
        return "Assistant" if language == "en" and not is_named else self.agent_name

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
    def wire_limit_bytes(self) -> int:
        """The largest message that is received from a client that has a session.

        A little more than any message may have: who is just over the limit hears so, and stays.
        """
        hears = self.voice and self.recogniser != "none"
        return max(self.max_message_bytes, self.max_audio_message_bytes if hears else 0) + OVER_LIMIT_BYTES

    @property
    def most_in_a_second(self) -> int:
        """Messages that may come in any one second: whoever raises the rate alone means what it says."""
        return max(self.max_messages_burst, self.max_messages_per_s)

    @property
    def provider(self) -> Literal["azure", "openai", "demo"]:
        """The provider that `LLM_PROVIDER=auto` stands for with these settings."""
        if self.llm_provider != "auto":
            return self.llm_provider
        if self.azure_openai_endpoint:
            return "azure"
        if self.openai_api_key or self.openai_base_url:
            return "openai"
        return "demo"


def load_settings() -> Settings:
    """Reads the settings.

    Raises:
        SettingsError: A value is wrong. The text names the setting and what it may be, never the value of a
            secret.
    """
    try:
        return Settings()
    except ValidationError as exc:
        raise SettingsError(_in_one_line(exc)) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f".env: cannot be read as UTF-8 text: {type(exc).__name__}") from None


_WORDS: Final = {
    "bool_parsing": "must be true or false (yes and no, on and off, 1 and 0 count too)",
    "bool_type": "must be true or false (yes and no, on and off, 1 and 0 count too)",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number, such as 2.5",
    "float_type": "must be a number, such as 2.5",
    "finite_number": "must be a number, such as 2.5",
    "none_required": "must be empty",
}
"""What is said of values that have another form, in place of pydantic's words."""


def _in_one_line(exc: ValidationError) -> str:
    parts: list[str] = []
    for error in exc.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in error["loc"][:1]).upper()
        said = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be", 1)
        text = " ".join(_WORDS.get(error["type"], said).split())
        parts.append(f"{name}: {text}" if name else text)
    return "; ".join(parts)

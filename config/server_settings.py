"""The settings of the process: where it listens, what it logs, how it stops."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from config.forms import Seconds
from config.settings_slice import SettingsSlice


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class ServerSettings(SettingsSlice):
    """Where the server listens, what it logs, how it keeps connections alive and how it stops."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
    ] = "INFO"
    log_format: Literal["text", "json"] = "text"
    ws_ping_interval_s: Seconds = 20
    ws_ping_timeout_s: Seconds = 20
    shutdown_grace_s: float = Field(default=8, ge=0, le=3600)

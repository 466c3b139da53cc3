"""The settings of tools: which there are, how long they may take, which ask before they act."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from config.forms import CommaList, HttpAddress, Seconds, split_commas
from config.settings_slice import SettingsSlice

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(:([0-9]{1,5}))?")


def _checked_hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    for entry in value:
        match = _HOST.fullmatch(entry)
        if match is None or int(match[3] or 0) > 65_535:
            raise ValueError("must be a comma list of host or host:port, IPv6 addresses in brackets")
    return value


class ToolSettings(SettingsSlice):
    """What tools see of the settings, and what they are run by."""

    tools: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(split_commas)] = None
    tools_dir: Path | None = None
    tool_timeout_s: Seconds = 30
    tool_inline_wait_s: float = Field(default=1.0, ge=0, le=3600)
    tool_progress_interval_s: Seconds = 5
    tool_result_max_chars: int = Field(default=8000, ge=100)
    tool_threads: int = Field(default=16, ge=1, le=1000)
    tool_approval: Literal["off", "listed", "writes"] = "writes"
    tools_need_approval: CommaList = ()
    approval_timeout_s: Seconds = 60
    http_tool_allowed_private: Annotated[CommaList, AfterValidator(_checked_hosts)] = ()
    public_ip_url: HttpAddress = "https://api.ipify.org?format=json"
    weather_provider: Literal["placeholder", "open-meteo"] = "placeholder"
    weather_url: HttpAddress = "https://api.open-meteo.com/v1/forecast"

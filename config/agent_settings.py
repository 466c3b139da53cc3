"""The settings of the agent: who it is, and how far its turns may go."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.forms import Seconds
from config.settings_slice import SettingsSlice

_SWITCHES = {"false": "off", "no": "off", "0": "off", "true": "on", "yes": "on", "1": "on"}


def _as_switch_or_wish(value: str) -> str:
    word = value.strip().lower()
    return _SWITCHES.get(word, word if word in ("on", "off") else value.strip())


def _read_instructions_file(value: str) -> str:
    if not value.startswith("@"):
        return value
    path = Path(value[1:])
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ValueError(f"the file {path} cannot be read: {exc.__class__.__name__}") from exc


class AgentSettings(SettingsSlice):
    """Who the agent is, what it is told, and the limits of a turn."""

    agent_name: str = Field(default="Asistente", min_length=1, max_length=100)
    agent_instructions: Annotated[str, AfterValidator(_read_instructions_file)] | None = None
    agent_locale: Literal["es", "en"] = "es"
    agent_greeting: Annotated[
        str, Field(min_length=1, max_length=4000), AfterValidator(_as_switch_or_wish)
    ] = "off"
    realtime_client_instructions: bool = False
    emotion: bool = True

    # A turn
    max_history_tokens: int = Field(default=16_000, ge=100)
    turn_timeout_s: Seconds = 120
    max_response_chars: int = Field(default=100_000, ge=1)
    max_tool_rounds: int = Field(default=5, ge=0, le=100)
    max_tool_calls: int = Field(default=16, ge=1, le=128)
    max_agent_turns: int = Field(default=5, ge=0)
    max_queued_messages: int = Field(default=8, ge=0)

    @property
    def given_name(self) -> str | None:
        """The agent's name; None where it has been given none."""
        return self.agent_name if "agent_name" in self.model_fields_set else None

    def name_in(self, language: Literal["es", "en"]) -> str:
        """Return what the agent calls itself in a language; nobody has to name it in both."""
        return "Assistant" if language == "en" and self.given_name is None else self.agent_name

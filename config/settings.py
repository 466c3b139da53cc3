"""Every setting of the server, read from the environment or from `.env`.

A field's upper-case name is its environment variable; units are in the names. Nothing else in the project
reads the environment.
"""

from typing import Final

from pydantic import ValidationError

from config.access_settings import AccessSettings
from config.agent_settings import AgentSettings
from config.fleet_settings import FleetSettings
from config.forms import KIB
from config.limit_settings import LimitSettings
from config.model_settings import ModelSettings
from config.page_settings import PageSettings
from config.phone_settings import PhoneSettings
from config.server_settings import ServerSettings
from config.storage_settings import StorageSettings
from config.tool_settings import ToolSettings
from config.trace_settings import TraceSettings
from config.voice_settings import VoiceSettings

OVER_LIMIT_BYTES = 256 * KIB
"""What is received of a message over its limit, so that it can be refused with a sentence."""


class SettingsError(Exception):
    """A setting that the server cannot start with; its text is one line that names the setting."""


class Settings(
    ModelSettings,
    AgentSettings,
    ServerSettings,
    AccessSettings,
    LimitSettings,
    PageSettings,
    ToolSettings,
    VoiceSettings,
    StorageSettings,
    TraceSettings,
    FleetSettings,
    PhoneSettings,
):
    """The settings of one server. Make it once in `main.py`, and pass on the slice that is needed."""

    @property
    def wire_limit_bytes(self) -> int:
        """The largest message that is received from a client that has a session.

        A little more than any message may have: who is just over the limit hears so, and stays.
        """
        sound_bytes = self.max_audio_message_bytes if self.hears else 0
        return max(self.max_message_bytes, sound_bytes) + OVER_LIMIT_BYTES


def load_settings() -> Settings:
    """Read the settings.

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

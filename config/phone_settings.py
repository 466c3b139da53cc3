"""The settings of the telephone: whose calls are taken, and how."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from config.forms import HttpAddress, Seconds
from config.settings_slice import SettingsSlice

_SWITCHES = {"false": "off", "no": "off", "0": "off", "true": "on", "yes": "on", "1": "on"}


def _as_switch_or_words(value: str) -> str:
    word = value.strip().lower()
    return _SWITCHES.get(word, word if word in ("on", "off") else value.strip())


def _as_base(value: str) -> str:
    parts = urlsplit(value)
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address such as https://voice.example.com, with nothing behind its path")
    return value.rstrip("/")


class PhoneSettings(SettingsSlice):
    """Calls over Twilio Media Streams."""

    twilio_auth_token: SecretStr | None = None
    public_url: Annotated[HttpAddress, AfterValidator(_as_base)] | None = None
    phone_greeting: Annotated[
        str, Field(min_length=1, max_length=1000), AfterValidator(_as_switch_or_words)
    ] = "on"
    phone_max_call_s: Seconds = 1800
    phone_caller_is_user: bool = False
    phone_locale: Literal["es", "en"] | None = None

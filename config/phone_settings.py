"""The settings of the telephone: whose calls are taken, and how."""

import base64
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from config.forms import HttpAddress, Seconds
from config.settings_slice import SettingsSlice

_KEY_BYTES = 32

_SWITCHES = {"false": "off", "no": "off", "0": "off", "true": "on", "yes": "on", "1": "on"}


def _as_switch_or_words(value: str) -> str:
    word = value.strip().lower()
    return _SWITCHES.get(word, word if word in ("on", "off") else value.strip())


def _as_base(value: str) -> str:
    parts = urlsplit(value)
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address such as https://voice.example.com, with nothing behind its path")
    return value.rstrip("/")


def _as_ed25519(value: str) -> str:
    try:
        is_key = len(base64.b64decode(value, validate=True)) == _KEY_BYTES
    except ValueError:
        is_key = False
    if not is_key:
        raise ValueError("must be an Ed25519 public key in base64, as Telnyx shows it")
    return value


class PhoneSettings(SettingsSlice):
    """Calls over Twilio Media Streams, and over its siblings."""

    twilio_auth_token: SecretStr | None = None
    telnyx_public_key: Annotated[str, AfterValidator(_as_ed25519)] | None = None
    plivo_auth_token: SecretStr | None = None
    vonage_signature_secret: SecretStr | None = None
    public_url: Annotated[HttpAddress, AfterValidator(_as_base)] | None = None
    phone_greeting: Annotated[
        str, Field(min_length=1, max_length=1000), AfterValidator(_as_switch_or_words)
    ] = "on"
    phone_max_call_s: Seconds = 1800
    phone_caller_is_user: bool = False
    phone_locale: Literal["es", "en"] | None = None

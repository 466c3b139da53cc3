"""The settings of a process that is one of several."""

from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from config.forms import split_commas
from config.http_address import HTTP_ADDRESS, is_host, is_http_address
from config.settings_slice import SettingsSlice

_MIN_SECRET_BYTES: Final = 32
_MOST_SECRETS: Final = 2
"""The one in use and, while it is replaced, the one before."""


class FleetSettings(SettingsSlice):
    """How this process and the others of its fleet reach each other."""

    fleet_address: str | None = None
    fleet_bind: str | None = None
    fleet_secret: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(split_commas)] = ()
    drain_grace_s: float = Field(default=30, ge=0, le=3600)

    @field_validator("fleet_secret")
    @classmethod
    def _are_secrets(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if len(value) > _MOST_SECRETS:
            raise ValueError("must be one secret, or two while one replaces the other")
        if any(len(secret.get_secret_value().encode()) < _MIN_SECRET_BYTES for secret in value):
            raise ValueError(
                f"must have {_MIN_SECRET_BYTES} bytes or more, such as `openssl rand -hex 32` gives"
            )
        return value

    @field_validator("fleet_address")
    @classmethod
    def _is_dialled(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value) if is_http_address(value) else None
        if parts is None or parts.username or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError(f"{HTTP_ADDRESS}, without a path: what other processes dial")
        if parts.port is None:
            raise ValueError("must name a port of its own, beside PORT: http://host:port")
        return value.rstrip("/")

    @field_validator("fleet_bind")
    @classmethod
    def _is_bound(cls, value: str | None) -> str | None:
        if value is None:
            return None
        host, _, port = value.rpartition(":")
        if not is_host(host.strip("[]")) or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ValueError("must be host:port, an IPv6 address in brackets")
        return value

    @model_validator(mode="after")
    def _fleet_is_whole(self) -> Self:
        parts = {"FLEET_ADDRESS": self.fleet_address, "FLEET_SECRET": self.fleet_secret}
        missing = [name for name, value in parts.items() if not value]
        if missing and (len(missing) < len(parts) or self.fleet_bind):
            raise ValueError(f"{', '.join(missing)}: missing; several processes need address and secret")
        return self

    @property
    def is_in_fleet(self) -> bool:
        """Whether this process is one of several."""
        return self.fleet_address is not None

    @property
    def fleet_listener(self) -> tuple[str, int]:
        """Where the port for the other processes is bound: host and port.

        Raises:
            ValueError: This process is alone.
        """
        if self.fleet_address is None:
            raise ValueError("FLEET_ADDRESS is not set")
        if self.fleet_bind is not None:
            host, _, port = self.fleet_bind.rpartition(":")
            return host.strip("[]"), int(port)
        parts = urlsplit(self.fleet_address)
        return parts.hostname or "", parts.port or 0

"""The settings that say who may talk."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from config.api_tokens import ApiToken, parse_api_tokens
from config.forms import CommaList
from config.origins import parse_origin
from config.settings_slice import SettingsSlice

SIGNING_ALGORITHMS: Final = frozenset(
    f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)
) | {"EdDSA"}
"""Those whose key may be known to all."""

SECRET_ALGORITHMS: Final = frozenset({"HS256", "HS384", "HS512"})

_MIN_SECRET_BYTES = 32


def _parse_tokens(value: object) -> object:
    return parse_api_tokens(value) if isinstance(value, str) else value


def _checked_algorithms(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or not (set(value) <= SIGNING_ALGORITHMS or set(value) <= SECRET_ALGORITHMS):
        known = ", ".join(sorted(SIGNING_ALGORITHMS))
        raise ValueError(f"must be some of {known}, or some of HS256, HS384, HS512; never both kinds")
    return value


def _as_origins(value: tuple[str, ...]) -> tuple[str, ...]:
    found = [parse_origin(_in_letters_of_dns(entry)) for entry in value]
    if None in found:
        raise ValueError("must be a comma list of origins such as https://app.example.com")
    # As browsers write them: what answers them compares the texts.
    return tuple(str(origin) for origin in found)


def _in_letters_of_dns(origin: str) -> str:
    """Return an origin as browsers send it, where its name has letters that DNS does not know (`xn--`)."""
    scheme, mark, host = origin.partition("://")
    if host.isascii():
        return origin
    try:
        return scheme + mark + host.encode("idna").decode()
    except UnicodeError:
        return ""


def _as_names(value: tuple[str, ...]) -> tuple[str, ...]:
    for entry in value:
        if entry != "*" and re.fullmatch(r"\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", entry) is None:
            raise ValueError("must be a comma list of names without port, .example.com for all below, or *")
    return tuple(entry.lower() for entry in value)


def _checked_networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for entry in value:
        try:
            ipaddress.ip_network(entry)
        except ValueError:
            raise ValueError("must be a comma list of addresses or networks such as 10.0.0.0/8") from None
    return value


class AccessSettings(SettingsSlice):
    """Who may connect, from where, and how they say who they are."""

    api_tokens: Annotated[tuple[ApiToken, ...], NoDecode, BeforeValidator(_parse_tokens)] = ()
    jwt_key: SecretStr | None = None
    jwt_jwks_file: Path | None = None
    jwt_algorithms: Annotated[CommaList, AfterValidator(_checked_algorithms)] = ("RS256", "ES256")
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    jwt_user_claim: str = Field(default="sub", min_length=1)
    jwt_role_claim: str | None = None
    jwt_backend_role: str = Field(default="backend", min_length=1)
    jwt_admin_role: str = Field(default="admin", min_length=1)
    jwt_leeway_s: float = Field(default=10, ge=0, le=60)
    ticket_lifetime_s: Annotated[float, Field(gt=0, le=300)] = 30
    allowed_origins: Annotated[CommaList, AfterValidator(_as_origins)] = ()
    allowed_hosts: Annotated[CommaList, AfterValidator(_as_names)] = ()
    trusted_proxies: Annotated[CommaList, AfterValidator(_checked_networks)] = ("127.0.0.1", "::1")

    @model_validator(mode="after")
    def _jwt_is_whole(self) -> Self:
        if self.jwt_key is not None and self.jwt_jwks_file is not None:
            raise ValueError("JWT_KEY, JWT_JWKS_FILE: only one of them may be set")
        if self.jwt_key is None:
            return self
        key, is_secret = self.jwt_key.get_secret_value(), self.jwt_algorithms[0] in SECRET_ALGORITHMS
        if is_secret == key.lstrip().startswith("-----BEGIN"):
            raise ValueError(
                "JWT_KEY: a public key in PEM form goes with RS256 and its kind, a secret with HS256"
            )
        if is_secret and len(key.encode()) < _MIN_SECRET_BYTES:
            raise ValueError(f"JWT_KEY: a secret needs {_MIN_SECRET_BYTES} bytes or more")
        return self

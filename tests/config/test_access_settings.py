"""Settings of access that do not fit together stop the start, with the setting's name."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.context import settings_with

PEM = "-----BEGIN PUBLIC KEY-----\\nMIIB\\n-----END PUBLIC KEY-----"
SECRET = "x" * 32


@pytest.mark.parametrize(
    "values",
    [
        {"allowed_origins": "app.example.com"},
        {"allowed_origins": "https://app.example.com/"},
        {"allowed_origins": "https://app.example.com/path"},
        {"allowed_origins": "*"},
        {"allowed_origins": "https://*.example.com"},
        {"allowed_origins": "null"},
        {"allowed_origins": "ws://app.example.com"},
        {"allowed_origins": "https://me@app.example.com"},
        {"allowed_origins": "https://app..example.com"},
        {"allowed_origins": "https://app.example.com:0"},
        {"allowed_origins": "https://app.example.com:"},
        {"allowed_origins": "https://app.exam ple.com"},
        {"allowed_origins": "https://app\\.example.com"},
        {"allowed_origins": "https://\u2100.example"},
        {"allowed_hosts": "app.example.com:8000"},
        {"allowed_hosts": "https://app.example.com"},
        {"allowed_hosts": "*.example.com"},
        {"trusted_proxies": "proxy.example.com"},
        {"trusted_proxies": "*"},
        {"trusted_proxies": "10.0.0.1/8"},
        {"jwt_algorithms": "none"},
        {"jwt_algorithms": ""},
        {"jwt_algorithms": "RS256,HS256"},
        {"jwt_key": PEM, "jwt_algorithms": "HS256"},
        {"jwt_key": "short", "jwt_algorithms": "HS256"},
        {"jwt_key": SECRET},
        {"jwt_key": PEM, "jwt_jwks_file": "keys.json"},
        {"ticket_lifetime_s": 301},
        {"jwt_leeway_s": 61},
    ],
)
def test_what_does_not_fit_is_refused_without_its_secret(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        settings_with(**values)

    said = str(caught.value.errors(include_url=False, include_input=False, include_context=False))
    assert next(iter(values)).upper() in said.upper()
    assert SECRET not in said


def test_lists_are_read_as_they_are_meant() -> None:
    settings = settings_with(
        allowed_origins="https://a.example, http://b.example:8080",
        allowed_hosts="Voice.Example,.example.com",
        trusted_proxies="10.0.0.0/8, ::1",
    )

    assert settings.allowed_origins == ("https://a.example", "http://b.example:8080")
    assert settings.allowed_hosts == ("voice.example", ".example.com")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")


def test_origins_are_kept_as_browsers_write_them() -> None:
    settings = settings_with(
        allowed_origins="HTTPS://App.Example:443, http://[::1]:5173, http://[0::1]:80, https://caf\u00e9.example"
    )

    assert settings.allowed_origins == (
        "https://app.example",
        "http://[::1]:5173",
        "http://[::1]",
        "https://xn--caf-dma.example",
    )

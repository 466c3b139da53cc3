"""Tokens of an identity provider: which are good, for whom, and until when."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.services.auth.jwt_tokens import JwtTokens
from app.services.auth.principal import Principal
from config.settings import SettingsError
from tests.support.context import settings_with
from tests.support.signed_tokens import Provider

SECRET = "a-secret-of-more-than-thirty-two-bytes"


class Clock:
    """The wall clock, and a hand that moves it."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def monotonic(self) -> float:
        return self.ahead_s


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider()


def tokens_of(provider: Provider, tmp_path: Path, clock: Clock | None = None, **more: Any) -> JwtTokens:
    return JwtTokens(settings_with(**provider.settings(tmp_path / "jwks.json", **more)), clock or Clock())


def forged(header: dict[str, Any], claims: dict[str, Any], key: bytes = b"") -> str:
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signed = b".".join(parts)
    mac = urlsafe_b64encode(hmac.digest(key, signed, hashlib.sha256)).rstrip(b"=") if key else b""
    return (signed + b"." + mac).decode()


@pytest.mark.parametrize("kid", ["rsa-1", "ec-1"])
def test_a_good_token_says_whose_it_is(provider: Provider, tmp_path: Path, kid: str) -> None:
    tokens = tokens_of(provider, tmp_path)

    assert tokens.identify(provider.token("ana", kid=kid)) == Principal("ana", "user")


@pytest.mark.parametrize(
    "make",
    [
        lambda p: p.token(lasts_s=-60),
        lambda p: p.token(exp=None),
        lambda p: p.token(exp=10**400),
        lambda p: p.token(exp=float("inf")),
        lambda p: p.token(aud="another"),
        lambda p: p.token(aud=None),
        lambda p: p.token(iss="https://evil.example"),
        lambda p: p.token(iss=None),
        lambda p: p.token(None),
        lambda p: p.token(""),
        lambda p: p.token("anonymous"),
        lambda p: p.token("a\0b"),
        lambda p: p.token("x" * 201),
        lambda p: p.token(7),
        lambda p: p.token(nbf=4_000_000_000),
        lambda p: p.token(algorithm="RS512"),
        lambda p: p.token(key=Provider().keys["rsa-1"]),
        lambda p: p.token(padding="x" * 9000),
        lambda p: p.token()[:-4] + "AAAA",
        lambda p: p.token() + ".x",
        lambda p: "not.a.token",
        lambda p: "ñ" * 100,
        lambda p: "",
    ],
)
def test_any_other_token_is_refused(
    provider: Provider, tmp_path: Path, make: Callable[[Provider], str]
) -> None:
    assert tokens_of(provider, tmp_path).identify(make(provider)) is None


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "", None, 7, "RS256"])
def test_a_token_cannot_choose_how_it_is_judged(provider: Provider, tmp_path: Path, algorithm: Any) -> None:
    """Without a signature, or with the public key taken for a secret (CVE-2015-9235, CVE-2022-29217)."""
    claims = {"sub": "ana", "exp": 4_000_000_000, "aud": "voice-agent", "iss": "https://id.example"}
    header = {"alg": algorithm, "kid": "rsa-1", "typ": "JWT"}
    by_file = tokens_of(provider, tmp_path)
    by_key = JwtTokens(
        settings_with(jwt_key=provider.pem("rsa-1"), jwt_audience="voice-agent"),
        Clock(),
    )
    for key in (b"", provider.pem("rsa-1").encode()):
        assert by_file.identify(forged(header, claims, key)) is None
        assert by_key.identify(forged(header, claims, key)) is None


def test_a_public_key_of_the_settings_may_be_written_in_one_line(provider: Provider) -> None:
    key = provider.pem("rsa-1").replace("\n", "\\n")
    tokens = JwtTokens(settings_with(jwt_key=key, jwt_audience="voice-agent"), Clock())

    assert tokens.identify(provider.token("ana")) == Principal("ana", "user")


def test_a_secret_lets_in_what_was_signed_with_it(provider: Provider) -> None:
    tokens = JwtTokens(
        settings_with(jwt_key=SECRET, jwt_algorithms="HS256", jwt_audience="voice-agent"), Clock()
    )

    assert tokens.identify(provider.token("ana", key=SECRET, algorithm="HS256")) is not None
    assert tokens.identify(provider.token("ana", key=SECRET + "x", algorithm="HS256")) is None


def test_a_remembered_token_ends_in_its_time(provider: Provider, tmp_path: Path) -> None:
    clock = Clock()
    tokens = tokens_of(provider, tmp_path, clock)
    token = provider.token(lasts_s=60)

    assert tokens.identify(token) is not None
    clock.ahead_s = 65
    assert tokens.identify(token) is not None, "the leeway"
    clock.ahead_s = 71
    assert tokens.identify(token) is None


def test_keys_are_rotated_without_a_restart(tmp_path: Path) -> None:
    provider, clock = Provider(), Clock()
    tokens = tokens_of(provider, tmp_path, clock)
    old = provider.token("ana")
    assert tokens.identify(old) is not None

    provider.rotate("rsa-1", "rsa-2")
    provider.publish(tmp_path / "jwks.json")
    clock.ahead_s = 2

    assert tokens.identify(provider.token("ana", kid="rsa-2")) is not None
    assert tokens.identify(old) is None


def test_a_broken_file_of_keys_changes_nothing(
    provider: Provider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    tokens = tokens_of(provider, tmp_path, clock)
    (tmp_path / "jwks.json").write_text('{"keys": [', encoding="utf-8")
    clock.ahead_s = 2

    assert tokens.identify(provider.token("ana")) is not None
    assert "jwks_unreadable" in [record.msg for record in caplog.records]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}']
)
def test_a_server_does_not_start_without_a_usable_key(tmp_path: Path, content: str) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(SettingsError, match="JWT_JWKS_FILE"):
        JwtTokens(settings_with(jwt_jwks_file=path), Clock())


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"roles": ["x", "boss"]}, "admin"),
        ({"roles": "boss"}, "admin"),
        ({"roles": ["admin"]}, "user"),
        ({"roles": "boss2"}, "user"),
        ({"roles": ["x", "backend"]}, "backend"),
        ({"roles": "backend"}, "backend"),
        ({"roles": ["backend", "boss"]}, "admin"),
        ({"roles": [["boss"], {"backend": 1}, 7]}, "user"),
        ({"roles": {"boss": True}}, "user"),
        ({"roles": "boss backend"}, "user"),
        ({}, "user"),
    ],
)
def test_only_the_named_roles_may_do_more_than_users(
    provider: Provider, tmp_path: Path, claims: dict[str, Any], role: str
) -> None:
    tokens = tokens_of(provider, tmp_path, jwt_role_claim="roles", jwt_admin_role="boss")
    inner = tokens_of(provider, tmp_path, jwt_role_claim="realm.roles", jwt_admin_role="boss")

    assert tokens.identify(provider.token("ana", **claims)) == Principal("ana", role)  # type: ignore[arg-type]
    assert inner.identify(provider.token("ana", realm=claims)) == Principal("ana", role)  # type: ignore[arg-type]


def test_without_a_named_claim_nobody_is_an_admin(provider: Provider, tmp_path: Path) -> None:
    tokens = tokens_of(provider, tmp_path)

    assert tokens.identify(provider.token("ana", role="admin")) == Principal("ana", "user")

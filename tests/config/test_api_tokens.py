"""The form of `API_TOKENS`."""

import pytest

from config.api_tokens import parse_api_tokens
from config.settings import Settings, SettingsError, load_settings


def test_entries_are_read_with_their_roles() -> None:
    tokens = parse_api_tokens("ana=a-long=to:ken:user, root=12345678:admin, shop=a:user=x:backend,")

    assert [(t.user_id, t.token.get_secret_value(), t.role) for t in tokens] == [
        ("ana", "a-long=to:ken", "user"),
        ("root", "12345678", "admin"),
        ("shop", "a:user=x", "backend"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "ana",
        "ana=secret-token",
        "ana=secret-token:boss",
        "=secret-token:user",
        "ana=short:user",
        "a=tokén-largo:user",
    ],
)
def test_another_form_is_refused_without_saying_the_token(text: str) -> None:
    with pytest.raises(ValueError, match="entry 1") as caught:
        parse_api_tokens(text)

    assert "secret-token" not in str(caught.value)


def test_the_same_token_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="same token"):
        parse_api_tokens("ana=12345678:user,luis=12345678:user")


def test_tokens_never_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKENS", "ana=very-secret-1:user")
    assert "very-secret" not in repr(Settings(_env_file=None))

    monkeypatch.setenv("API_TOKENS", "ana=very-secret-1:king")
    with pytest.raises(SettingsError, match="API_TOKENS") as caught:
        load_settings()
    assert "very-secret" not in str(caught.value)

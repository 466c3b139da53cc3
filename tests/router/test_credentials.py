"""What a request says about who sent it, and from where."""

import pytest
from starlette.requests import HTTPConnection

from app.router.credentials import bearer_token, has_foreign_origin, is_local, socket_token


def connection(
    *headers: tuple[str, str], client: str = "127.0.0.1", subprotocols: list[str] | None = None
) -> HTTPConnection:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return HTTPConnection(
        {"type": "websocket", "headers": raw, "client": (client, 1234), "subprotocols": subprotocols or []}
    )


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ([("Authorization", "Bearer abc")], "abc"),
        ([("Authorization", "bearer  abc ")], "abc"),
        ([("Authorization", "Basic abc")], None),
        ([("Authorization", "Bearer")], None),
        ([("Authorization", "Bearer abc"), ("Authorization", "Bearer def")], None),
        ([], None),
    ],
)
def test_bearer_token(headers: list[tuple[str, str]], token: str | None) -> None:
    assert bearer_token(connection(*headers)) == token


def test_token_among_the_subprotocols_counts_where_there_is_no_header() -> None:
    offered = ["voice-agent.v2", "voice-agent.token.abc"]

    assert socket_token(connection(subprotocols=offered)) == "abc"
    assert socket_token(connection(("Authorization", "Bearer x"), subprotocols=offered)) == "x"
    assert socket_token(connection(("Authorization", "Basic x"), subprotocols=offered)) is None
    assert socket_token(connection(subprotocols=[*offered, "voice-agent.token.def"])) is None


@pytest.mark.parametrize(
    ("headers", "client", "local"),
    [
        ([], "127.0.0.1", True),
        ([], "::1", True),
        ([], "127.9.9.9", True),
        ([], "192.168.1.5", False),
        ([("X-Forwarded-For", "8.8.8.8")], "127.0.0.1", False),
        ([("Forwarded", "for=127.0.0.1")], "127.0.0.1", False),
        ([("X-Real-IP", "127.0.0.1")], "127.0.0.1", False),
    ],
)
def test_local_means_this_machine_and_no_proxy(
    headers: list[tuple[str, str]], client: str, local: bool
) -> None:
    assert is_local(connection(*headers, client=client)) is local


@pytest.mark.parametrize(
    ("origin", "host", "foreign"),
    [
        (None, "voice.example", False),
        ("https://voice.example", "voice.example", False),
        ("https://voice.example:443", "voice.example", False),
        ("http://voice.example:8000", "voice.example:8000", False),
        ("http://localhost:3000", "127.0.0.1:8000", False),
        ("http://evil.example", "voice.example", True),
        ("null", "voice.example", True),
        ("http://localhost.evil.example", "localhost:8000", True),
        ("http://voice.example:9000", "voice.example:8000", True),
        ("http://voice.example", "voice.example:8000", True),
        ("http://voice.example.", "voice.example", True),
        ("file://", "voice.example", True),
        ("http://[::1", "voice.example", True),
    ],
)
def test_foreign_origin(origin: str | None, host: str, foreign: bool) -> None:
    headers = [("Host", host)] + ([("Origin", origin)] if origin is not None else [])

    assert has_foreign_origin(connection(*headers)) is foreign


def test_two_origins_are_foreign() -> None:
    headers = [("Host", "a.example"), ("Origin", "http://a.example"), ("Origin", "http://a.example")]

    assert has_foreign_origin(connection(*headers))

"""What a request says about who sent it, and from where."""

import pytest
from starlette.requests import HTTPConnection

from app.router.credentials import bearer_token, has_foreign_origin, is_local, socket_token


def connection(
    *headers: tuple[str, str], client: str = "127.0.0.1", subprotocols: list[str] | None = None
) -> HTTPConnection:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
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
        ([("X-Forwarded-Host", "localhost")], "127.0.0.1", False),
        ([("X-Forwarded-Proto", "http")], "127.0.0.1", False),
        ([("X-Forwarded-Port", "80")], "127.0.0.1", False),
        ([("X-Forwarded-Server", "a")], "127.0.0.1", False),
        ([("X-Client-IP", "127.0.0.1")], "127.0.0.1", False),
        ([("CF-Connecting-IP", "127.0.0.1")], "127.0.0.1", False),
        ([("True-Client-IP", "127.0.0.1")], "127.0.0.1", False),
        ([("Via", "1.1 a")], "127.0.0.1", False),
        ([("X-Envoy-External-Address", "127.0.0.1")], "127.0.0.1", False),
        ([("Fly-Client-IP", "127.0.0.1")], "::1", False),
        ([("X-Real-IP", "")], "127.0.0.1", False),
        ([("X-Forwarded", "for=1.2.3.4")], "127.0.0.1", False),
        ([("WL-Proxy-Client-IP", "1.2.3.4")], "127.0.0.1", False),
        ([("Client-IP", "1.2.3.4")], "127.0.0.1", False),
        ([("X-Original-URL", "/ws")], "127.0.0.1", False),
        ([("X-ARR-SSL", "2048")], "127.0.0.1", False),
        ([("X-Vercel-Forwarded-For", "1.2.3.4")], "127.0.0.1", False),
        ([("CF-Visitor", '{"scheme":"https"}')], "127.0.0.1", False),
        ([("Ngrok-Trace-Id", "1")], "127.0.0.1", False),
        ([("Tailscale-User-Login", "ana@example.com")], "127.0.0.1", False),
        ([("X-Request-Id", "1"), ("Accept", "*/*")], "127.0.0.1", True),
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
        ("http://evil@voice.example", "voice.example", True),
        ("http://evil:pass@voice.example", "voice.example", True),
        ("http://evil.example@localhost:3000", "localhost:8000", True),
        ("http://@voice.example", "voice.example", True),
        ("http://voice.example@evil.example", "voice.example", True),
        ("http://voice.example/", "voice.example", True),
        ("http://voice.example/@evil.example", "voice.example", True),
        ("http://voice.example?x", "voice.example", True),
        ("http://voice.example#x", "voice.example", True),
        ("http://voice.example\\@evil.example", "voice.example", True),
        ("http:\\\\voice.example", "voice.example", True),
        ("http:voice.example", "voice.example", True),
        ("//voice.example", "voice.example", True),
        ("voice.example", "voice.example", True),
        ("ws://voice.example", "voice.example", True),
        ("http://voice.example:", "voice.example", True),
        ("http://voice.example:080", "voice.example", True),
        ("http://voice.example:0", "voice.example:0", True),
        ("http://voice.example:65616", "voice.example", True),
        ("http://voice.example:+80", "voice.example", True),
        ("http://voice.example http://evil.example", "voice.example", True),
        ("http://voice.example, http://evil.example", "voice.example", True),
        ("http://voice.ex\tample", "voice.example", True),
        ("http://voice.example%00", "voice.example", True),
        ("http://v\xf6ice.example", "voice.example", True),
        ("http://xn--vice-5qa.example", "voice.example", True),
        ("http://\xb2voice.example", "voice.example", True),
        ("http://127.1:3000", "127.0.0.1:8000", True),
        ("http://2130706433", "127.0.0.1:8000", True),
        ("http://0x7f.0.0.1", "127.0.0.1:8000", True),
        ("http://[::1%25lo]:3000", "localhost:8000", True),
        ("http://[::1].evil.example", "localhost:8000", True),
        ("http://localhost.:3000", "localhost:8000", True),
        ("http://user@localhost:8000", "localhost:8000", True),
        ("NULL", "voice.example", True),
        ("", "voice.example", True),
        (" ", "voice.example", True),
        ("http://", "voice.example", True),
        ("http://voice.example.", "voice.example.", False),
        ("HTTP://VOICE.example", "voice.EXAMPLE", False),
        ("http://[0:0::1]:8000", "[::1]:8000", False),
        ("http://[2001:db8::1]", "[2001:DB8:0::1]:80", False),
        ("http://voice_1.example", "voice_1.example:", False),
    ],
)
def test_foreign_origin(origin: str | None, host: str, foreign: bool) -> None:
    headers = [("Host", host)] + ([("Origin", origin)] if origin is not None else [])

    assert has_foreign_origin(connection(*headers)) is foreign


def test_two_origins_are_foreign() -> None:
    headers = [("Host", "a.example"), ("Origin", "http://a.example"), ("Origin", "http://a.example")]

    assert has_foreign_origin(connection(*headers))


@pytest.mark.parametrize(
    ("method", "sites", "foreign"),
    [
        ("POST", ["cross-site"], True),
        ("DELETE", ["same-site"], True),
        ("PUT", ["Cross-Site "], True),
        ("PATCH", ["something-new"], True),
        ("POST", ["same-origin", "cross-site"], True),
        ("POST", [""], True),
        ("GET /ws", ["cross-site"], True),
        ("POST", ["same-origin"], False),
        ("POST", ["none"], False),
        ("POST", [], False),
        ("GET", ["cross-site"], False),
        ("GET /ws", ["same-origin"], False),
    ],
)
def test_without_an_origin_the_browser_still_says_where_it_comes_from(
    method: str, sites: list[str], foreign: bool
) -> None:
    made = connection(("Host", "voice.example"), *(("Sec-Fetch-Site", site) for site in sites))
    if method != "GET /ws":
        made.scope.update({"type": "http", "method": method})

    assert has_foreign_origin(made) is foreign


def test_a_page_without_encryption_is_not_of_a_server_with_it() -> None:
    made = connection(("Host", "voice.example:80"), ("Origin", "http://voice.example"))
    made.scope["scheme"] = "wss"

    assert has_foreign_origin(made)

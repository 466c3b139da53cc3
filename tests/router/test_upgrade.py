"""A handshake that is read once means what the library would have read, and is answered the same."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.http11 import Request
from websockets.server import ServerProtocol

from app.router.upgrade import Header, Upgrade, read_upgrade
from tests.support.process import server_process
from tests.support.raw_client import TEXT, frame, handshake

each = pytest.mark.parametrize

NECESSARY: dict[bytes, bytes] = {
    b"host": b"localhost:8000",
    b"upgrade": b"websocket",
    b"connection": b"Upgrade",
    b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
    b"sec-websocket-version": b"13",
}
"""The key is RFC 6455's own example."""

BROWSER = {
    **NECESSARY,
    b"connection": b"keep-alive, Upgrade",
    b"origin": b"http://localhost:8000",
    b"sec-websocket-extensions": b"permessage-deflate; client_max_window_bits",
    b"sec-websocket-protocol": b"voice-agent.v2, voice-agent.token.abc",
}


def read(headers: dict[bytes, bytes], *more: Header, target: bytes = b"/ws?a=b?c") -> Upgrade | None:
    return read_upgrade("GET", target, [*headers.items(), *more])


def test_the_proof_of_the_example_in_the_rfc():
    upgrade = read(NECESSARY)

    assert upgrade is not None
    assert upgrade.proof == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert (upgrade.path, upgrade.query, upgrade.subprotocols) == (b"/ws", b"a=b?c", [])


@each(
    "odd",
    [
        {},
        {b"upgrade": b"WebSocket"},
        {b"connection": b"keep-alive, Upgrade"},
        {b"connection": b"upgrade \t"},
        {b"cookie": b"\xc3\xa9"},
        {b"origin": b"null"},
        {b"sec-websocket-extensions": b"permessage-deflate"},
        {b"sec-websocket-protocol": b"voice-agent.v2"},
    ],
    ids=str,
)
def test_what_nearly_all_clients_write_is_plain(odd: dict[bytes, bytes]):
    assert read(NECESSARY | odd) is not None


def test_subprotocols_are_read_in_their_order():
    upgrade = read(BROWSER | {b"sec-websocket-protocol": b"b , a,\tc"})

    assert upgrade is not None
    assert upgrade.subprotocols == ["b", "a", "c"]


@each("name", [name for name in BROWSER if name not in (b"host", b"sec-websocket-extensions")], ids=str)
def test_what_is_said_twice_is_left_to_the_library(name: bytes):
    assert read(BROWSER, (name, BROWSER[name])) is None


@each("name", [name for name in NECESSARY if name != b"host"], ids=str)
def test_what_is_missing_is_left_to_the_library(name: bytes):
    assert read({key: value for key, value in BROWSER.items() if key != name}) is None


@each(
    "odd",
    [
        {b"upgrade": b"websocket, h2c"},
        {b"connection": b"close, Upgrade"},
        {b"sec-websocket-key": b"short"},
        {b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZ===="},
        {b"sec-websocket-version": b"8"},
        {b"sec-websocket-protocol": b"a,,b"},
        {b"sec-websocket-protocol": b"a b"},
        {b"sec-websocket-protocol": b""},
        {b"content-length": b"0"},
        {b"transfer-encoding": b"chunked"},
    ],
    ids=str,
)
def test_what_is_odd_is_left_to_the_library(odd: dict[bytes, bytes]):
    assert read(BROWSER | odd) is None


def test_another_method_or_a_target_beyond_ascii_is_left_to_the_library():
    assert read_upgrade("POST", b"/ws", list(NECESSARY.items())) is None
    assert read(NECESSARY, target="/wß".encode()) is None


VALUES = st.sampled_from(
    [b"", b"Upgrade", b"keep-alive, Upgrade", b"websocket", b"13", b"a, b", b"a,,b", b"a;b", b" x", b"\xff"]
) | st.binary(min_size=16, max_size=16).map(base64.b64encode)


@given(
    st.lists(st.tuples(st.sampled_from(sorted(BROWSER)), VALUES), max_size=3),
    st.sets(st.sampled_from(sorted(BROWSER)), max_size=2),
)
def test_whatever_is_plain_the_library_takes_too(odd: Sequence[Header], without: set[bytes]):
    headers = [(name, value) for name, value in BROWSER.items() if name not in without] + list(odd)

    upgrade = read_upgrade("GET", b"/ws", headers)

    if upgrade is None:
        return
    library = ServerProtocol()
    written = b"".join(b"%b: %b\r\n" % header for header in headers)
    library.receive_data(b"GET /ws HTTP/1.1\r\n" + written + b"\r\n")
    (request,) = library.events_received()
    assert isinstance(request, Request)
    answer = library.accept(request)
    assert answer.status_code == 101
    assert answer.headers["Sec-WebSocket-Accept"] == upgrade.proof.decode()


@pytest.mark.e2e
async def test_both_ways_of_reading_a_handshake_are_answered_alike(tmp_path: Path):
    """A list with an empty entry is read by the library."""
    heads: list[bytes] = []
    async with server_process(tmp_path) as server:
        await server.starts()
        for offered in (b"other, voice-agent.v2", b"other,, voice-agent.v2"):
            head, client = await handshake(server.port, b"Sec-WebSocket-Protocol: " + offered + b"\r\n")
            await client.sends(frame(TEXT, b'{"type":"start","user_id":"ana"}'))
            assert b"session_created" in await client.hears(TEXT)
            client.writer.transport.abort()
            heads.append(re.sub(rb"(?i)(accept|date): [^\r]+", rb"\1", head))
    plain, odd = heads
    assert b"Sec-WebSocket-Protocol: voice-agent.v2" in plain
    assert plain == odd

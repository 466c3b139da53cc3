"""Clients and networks that misbehave. Each fault hurts its own session at most."""

import asyncio
import json
import logging
import socket
import struct
import time
import zlib
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosedError

from app.protocol.commands import Recording
from app.services.connections.applying import ACTIONS
from tests.support.context import settings_with
from tests.support.raw_client import BINARY, CONTINUATION, PING, PONG, TEXT, frame, handshake, raw_client
from tests.support.scripted import Pause, Says, ScriptedModel, last_text, says
from tests.support.server import Server, client_of, running_server

MIB = 1024 * 1024


def polite() -> ScriptedModel:
    return ScriptedModel(lambda r: says("Sí."))


async def still_serves(server: Server) -> None:
    """Another client is answered."""
    async with client_of(server) as client:
        await client.opens()
        await client.says("¿sigues ahí?")
        assert await client.hears_answer() == "Sí."


def tracebacks(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.exc_info]


async def test_a1_slow_reader_is_let_go_and_others_are_not_held_up(caplog: pytest.LogCaptureFixture) -> None:
    text = "x" * 4096
    model = ScriptedModel(lambda r: [Says(text)] * 4000 if last_text(r) == "mucho" else says("Sí."))
    settings = settings_with(max_response_chars=100 * MIB)
    async with running_server(settings, provider=model) as server, raw_client(server.port) as slow:
        slow.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await slow.opens()
        slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await slow.sends(frame(TEXT, b'{"type":"text","content":"mucho"}'))
        await server.is_empty()
        await still_serves(server)

        # The socket itself is cut: nothing of it waits in the server for a reader that may never come.
        slow.reader._transport.resume_reading()  # type: ignore[attr-defined]
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            async with asyncio.timeout(10):
                await slow.reader.readexactly(16 * MIB)

    assert [r.message for r in caplog.records if r.levelno >= logging.WARNING] == ["slow_client"]
    assert model.open_streams == 0


async def test_a5_drop_before_the_first_message_makes_no_session(caplog: pytest.LogCaptureFixture) -> None:
    async with running_server(provider=polite()) as server:
        for _ in range(100):
            _, client = await handshake(server.port)
            sock = client.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.writer.transport.abort()
        await still_serves(server)
        await server.is_empty()

    assert [r for r in caplog.records if r.levelno > logging.INFO] == []


async def test_a6_silent_connection_is_closed() -> None:
    settings = settings_with(first_message_timeout_s=0.2)
    async with running_server(settings, provider=polite()) as server, client_of(server) as client:
        error = await client.hears_next()
        assert error["type"] == "error"
        assert await client.is_closed() == 4408


async def test_a7_flood_of_texts_costs_an_error_each_and_accepted_ones_are_answered() -> None:
    settings = settings_with(max_messages_per_s=2000, max_messages_burst=2000)
    release = asyncio.Event()

    class Waiting(ScriptedModel):
        async def stream(self, request):
            await release.wait()
            async for piece in super().stream(request):
                yield piece

    model = Waiting(lambda r: says(last_text(r)))
    async with running_server(settings, provider=model) as server, client_of(server) as client:
        await client.opens()
        await client.says("0")
        await client.hears("system", "Pensando")
        for number in range(1, 1000):
            await client.says(str(number))
        for _ in range(999):
            await client.hears_next()
        release.set()
        answers = [await client.hears_answer() for _ in range(9)]

    assert answers == [str(number) for number in range(9)]
    assert sum(message["type"] == "error" for message in client.heard) == 991


async def test_a7_client_that_never_stops_is_let_go() -> None:
    settings = settings_with(max_messages_per_s=1)
    async with running_server(settings, provider=polite()) as server, client_of(server) as client:
        await client.opens()

        async def floods() -> None:
            while True:
                await client.sends("{}")
                await asyncio.sleep(0.2)

        flood = asyncio.create_task(floods())
        async with asyncio.timeout(30):
            with pytest.raises(ConnectionClosedError):
                async for _ in client.socket:
                    pass
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        assert client.socket.close_code == 1008


async def test_a8_pings_are_answered_up_to_a_burst_and_then_it_is_1008() -> None:
    async with running_server(provider=polite()) as server, raw_client(server.port) as client:
        await client.opens()
        flood = asyncio.create_task(client.sends(*[frame(PING, b"x")] * 20_000))
        await still_serves(server)
        await client.hears(PONG)
        assert await client.is_closed_with() == 1008
        await asyncio.gather(flood, return_exceptions=True)
        await still_serves(server)


async def test_a8_pongs_that_nobody_asked_for_are_borne_up_to_a_burst() -> None:
    async with running_server(provider=polite()) as server, raw_client(server.port) as client:
        await client.opens()
        await client.sends(*[frame(PONG, b"y")] * 90, frame(TEXT, b'{"type":"text","content":"hola"}'))
        while b"response_complete" not in await client.hears(TEXT):
            pass


async def test_a9_message_over_its_limit_is_refused_with_the_limit(caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_with(max_message_bytes=2048)
    async with running_server(settings, provider=polite()) as server, client_of(server) as client:
        await client.opens()
        fixed = len('{"type":"text","content":"","user_id":"user123"}')
        await client.says("SECRETO" + "x" * (2048 - fixed - 7))
        assert await client.hears_answer() == "Sí."
        await client.says("SECRETO" + "x" * (2048 - fixed - 6))
        error = await client.hears("error")
        await client.says("ñ" * 1100)
        await client.hears("error")
        await client.says("corto")
        assert await client.hears_answer() == "Sí."

    assert "2048" in error["content"]
    assert "SECRETO" not in caplog.text


@pytest.mark.parametrize(
    "frames",
    [
        [frame(TEXT, b"x" * 17 * MIB)],
        [frame(TEXT, b"", length=1 << 62)],
        [frame(TEXT, b"x" * 10 * MIB, fin=False), frame(CONTINUATION, b"x" * 10 * MIB)],
    ],
    ids=["A10 17 MiB", "A10 claims 2^62", "A11 two of 10 MiB"],
)
async def test_over_the_wire_limit_is_1009(frames: list[bytes], caplog: pytest.LogCaptureFixture) -> None:
    async with running_server(provider=polite()) as server, raw_client(server.port) as client:
        await client.opens()
        started = time.monotonic()
        sending = asyncio.create_task(client.sends(*frames))
        assert await client.is_closed_with() == 1009
        assert time.monotonic() - started < 1
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await server.is_empty()
        await still_serves(server)

    assert tracebacks(caplog) == []


async def test_a12_compression_bomb_is_1009() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(b"x" * 200 * MIB) + packer.flush(zlib.Z_SYNC_FLUSH)
    offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    async with running_server(provider=polite(), ws_per_message_deflate=True) as server:
        async with raw_client(server.port, offer) as client:
            await client.sends(frame(TEXT, bomb[:-4], rsv=4))
            assert await client.is_closed_with() == 1009
        await still_serves(server)


async def test_a13_fragments_make_one_message() -> None:
    text = '{"type":"text","content":"' + "ñ" * 50_000 + '"}'
    data = text.encode()
    settings = settings_with(max_history_tokens=100_000)
    async with running_server(settings, provider=polite()) as server, raw_client(server.port) as client:
        await client.opens()
        pieces = [frame(TEXT, data[:1], fin=False)]
        pieces += [frame(CONTINUATION, b"", fin=False)] * 10_000
        pieces += [frame(CONTINUATION, data[i : i + 1], fin=False) for i in range(1, len(data) - 1)]
        pieces.insert(5000, frame(PING, b"mid"))
        await client.sends(*pieces, frame(CONTINUATION, data[-1:]))
        assert await client.hears(PONG) == b"mid"
        seen = []
        while not seen or b"response_complete" not in seen[-1]:
            seen.append(await client.hears(TEXT))

    assert sum(b"Mensaje recibido" in message for message in seen) == 1


async def test_a14_character_split_over_fragments_is_fine() -> None:
    data = '{"type":"text","content":"año"}'.encode()
    cut = data.index("ñ".encode()) + 1
    model = ScriptedModel(lambda r: says(last_text(r)))
    async with running_server(provider=model) as server, raw_client(server.port) as client:
        await client.opens()
        await client.sends(frame(TEXT, data[:cut], fin=False), frame(CONTINUATION, data[cut:]))
        heard = b""
        while b"response_complete" not in heard:
            heard += await client.hears(TEXT)

    assert "año" in heard.decode()


async def test_a14_invalid_utf8_is_1007() -> None:
    async with running_server(provider=polite()) as server, raw_client(server.port) as client:
        await client.opens()
        await client.sends(frame(TEXT, b"\xff\xfe"))
        assert await client.is_closed_with() == 1007
        await server.is_empty()
        await still_serves(server)


@pytest.mark.parametrize(
    "bad",
    [
        frame(TEXT, b"{}", masked=False),
        frame(TEXT, b"{}", rsv=4),
        frame(3, b"x"),
        frame(CONTINUATION, b"x"),
        frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
        frame(PING, b"x" * 126),
        frame(PING, b"x", fin=False),
        frame(8, struct.pack("!H", 999)),
        frame(8, struct.pack("!H", 1005)),
        frame(8, b"x"),
    ],
    ids=[
        "unmasked",
        "rsv",
        "opcode 3",
        "continuation first",
        "text inside",
        "ping 126",
        "ping split",
        "999",
        "1005",
        "1",
    ],
)
async def test_a15_protocol_error_is_1002(bad: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with running_server(provider=polite()) as server, raw_client(server.port) as client:
        await client.opens()
        await client.sends(bad)
        assert await client.is_closed_with() == 1002
        await server.is_empty()
        await still_serves(server)

    assert tracebacks(caplog) == []


async def test_a16_close_is_noticed_while_the_model_streams() -> None:
    model = ScriptedModel([[Says("a"), Pause(60)]])
    async with running_server(provider=model) as server:
        async with raw_client(server.port) as client:
            await client.opens()
            await client.sends(frame(TEXT, b'{"type":"text","content":"hola"}'))
            await client.hears(TEXT)
            await client.sends(frame(PING, b"1"))
            assert await client.hears(PONG) == b"1"
            started = time.monotonic()
            await client.sends(frame(8, struct.pack("!H", 1000)))
            await server.is_empty()

    assert time.monotonic() - started < 1
    assert model.open_streams == 0


@pytest.mark.parametrize(
    "attack",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"type":"text","content":"x","n":' + "1" * 10**6 + "}",
        '{"type":"text","content":"x","content":"y"}',
        '{"type":"text","content":NaN}',
        '{"type":"text","content":"\\ud83d"}',
        '{"type":"text","content":"\\u0000"}',
        "{" + ",".join(f'"k{i}":1' for i in range(10_000)) + ',"type":"text","content":"x"}',
    ],
    ids=["arrays", "objects", "integer", "duplicate", "NaN", "surrogate", "NUL", "keys"],
)
async def test_a26_json_attack_costs_one_error(attack: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_with(max_message_bytes=2 * MIB)
    async with running_server(settings, provider=polite()) as server, client_of(server) as client:
        await client.opens()
        started = time.monotonic()
        await client.sends(attack)
        error = await client.hears_next()
        took = time.monotonic() - started
        await client.says("¿sigues?")
        assert await client.hears_answer() == "Sí."

    assert error["type"] == "error"
    assert took < 5
    assert tracebacks(caplog) == []


async def test_a26_text_of_combining_marks_holds_nobody_up(tmp_path: Path) -> None:
    """Put in order it would take minutes, in which the server answers nobody."""
    marks = "\u0301\u0316" * 200_000
    settings = settings_with(database_url=f"sqlite:///{tmp_path / 'talks.db'}", max_history_tokens=1_000_000)
    async with (
        running_server(settings, provider=polite()) as server,
        client_of(server) as client,
        client_of(server) as other,
    ):
        await client.opens()
        await client.sends(json.dumps({"type": "text", "content": f"á{marks}"}, ensure_ascii=False))
        await client.hears("system")
        await other.opens()
        await other.says("¿sigues?")
        assert await other.hears_answer() == "Sí."


async def test_a27_binary_is_refused_and_the_session_lives() -> None:
    async with running_server(provider=polite()) as server, raw_client(server.port) as client:
        await client.opens()
        await client.sends(frame(BINARY, b"\x00\x01"), frame(TEXT, b'{"type":"text","content":"hola"}'))
        heard = b""
        while b"response_complete" not in heard:
            heard += await client.hears(TEXT)

    assert heard.count(b'"error"') == 1


async def test_a28_handshakes_that_are_none() -> None:
    async with running_server(provider=polite()) as server:
        assert (await server.get("/ws")).status_code == 404
        unknown, client = await handshake(server.port, path="/other")
        client.writer.transport.abort()
        unasked, client = await handshake(server.port, b"Sec-WebSocket-Protocol: foo\r\n")
        client.writer.transport.abort()

    assert unknown.startswith(b"HTTP/1.1 403")
    assert unasked.startswith(b"HTTP/1.1 101")
    assert b"foo" not in unasked


async def test_a29_exception_in_a_handler_is_one_error_and_1011(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(live, command):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setitem(ACTIONS, Recording, broken)
    async with running_server(provider=polite()) as server, client_of(server) as client:
        await client.opens()
        await client.sends({"type": "audio", "content": "AAAA"})
        error = await client.hears("error")
        assert await client.is_closed() == 1011
        await still_serves(server)

    assert "secret" not in error["content"]
    assert len(tracebacks(caplog)) == 1


async def test_server_that_is_full_says_so() -> None:
    async with running_server(settings_with(max_sessions=1), provider=polite()) as server:
        async with client_of(server) as first:
            await first.opens()
            async with client_of(server) as second:
                await second.sends({"type": "system"})
                error = await second.hears_next()
                assert await second.is_closed() == 1013
        await server.is_empty()
        await still_serves(server)

    assert "lleno" in error["content"]

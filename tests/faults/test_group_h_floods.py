"""One client does its worst, before a session and in one: it is let go, and the others do not notice."""

import asyncio
import gc
import json
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.conversation.conversation import Conversation
from app.router.guarded_socket import GuardedSocket
from app.services.connections.connection import Connection
from app.services.limits.pending_connections import MOST_OF_ONE
from app.services.sessions.live_session import LiveSession
from app.speech.base import VoiceEngines
from tests.support.context import settings_with
from tests.support.ears import Vocabulary, WordRecogniser, new_senses
from tests.support.process import ServerProcess, server_process
from tests.support.raw_client import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawClient,
    frame,
    handshake,
)
from tests.support.scripted import ScriptedModel, says
from tests.support.server import Server, client_of, running_server
from tests.support.v2_client import v2_client

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

KIB, MIB = 1024, 1024 * 1024
BURST = 100
V1, V2 = b"", b"Sec-WebSocket-Protocol: voice-agent.v2\r\n"
OPENING = {V1: b'{"type":"system"}', V2: b'{"type":"start"}'}

FLOODS = {
    "no JSON": frame(TEXT, b"{") * 14_600,
    "empty texts": frame(TEXT) * 14_600,
    "empty binary": frame(BINARY) * 14_600,
    "binary of an odd size": frame(BINARY, b"x" * 7) * 14_600,
    "sound that nobody asked for": frame(BINARY, bytes(640)) * 5000,
    "unknown types": frame(TEXT, b'{"type":"nope"}') * 3000,
    "no types": frame(TEXT, b"{}") * 3000,
    "lists": frame(TEXT, b"[]") * 3000,
    "pings": frame(TEXT, b'{"type":"ping"}') * 3000,
    "playback": frame(TEXT, b'{"type":"playback","turn_id":"x","played_ms":1}') * 3000,
    "commits": frame(TEXT, b'{"type":"audio_commit"}') * 3000,
    "interruptions": frame(TEXT, b'{"type":"interrupt"}') * 3000,
    "texts": frame(TEXT, b'{"type":"text","content":"hola"}') * 3000,
    "texts in pieces": (frame(TEXT, b'{"type":', fin=False) + frame(CONTINUATION, b'"nope"}')) * 3000,
    "clips": frame(TEXT, b'{"type":"audio","content":"AAAA"}') * 3000,
    "guesses": frame(TEXT, b'{"type":"resume","session_id":"x","resume_token":"y","last_seq":0}') * 3000,
    "frames of ping": frame(PING, b"x" * 125) * 3000,
    "empty frames of ping": frame(PING) * 14_600,
    "frames of pong": frame(PONG, b"x" * 125) * 3000,
    "fragments without end": frame(TEXT, b"{", fin=False) + frame(CONTINUATION, fin=False) * 30_000,
    "languages": frame(TEXT, b'{"type":"session_update","locale":"en"}') * 3000,
    "voices": frame(TEXT, b'{"type":"session_update","voice":"nobody","speed":1.5}') * 3000,
    "words about no call": frame(TEXT, b'{"type":"approve_tool","call_id":"x","approved":true}') * 3000,
    "ends of no call": frame(TEXT, b'{"type":"cancel_tool","call_id":"x"}') * 3000,
    "clears and commits": (frame(TEXT, b'{"type":"audio_clear"}') + frame(TEXT, b'{"type":"audio_commit"}'))
    * 3000,
    "second beginnings": frame(TEXT, b'{"type":"start","user_id":"x"}') * 3000,
    "the same text": frame(TEXT, b'{"type":"text","content":"hola","id":"a"}') * 3000,
    "depths": frame(TEXT, b"[" * 1000) * 3000,
    "half a letter": frame(TEXT, b'{"type":"text","content":"\\ud800"}') * 3000,
    "large numbers": frame(TEXT, b'{"type":"ping","x":' + b"9" * 5000 + b"}") * 1000,
    "no numbers": frame(TEXT, b'{"type":"ping","x":NaN}') * 3000,
    "many names": frame(TEXT, b'{"type":"ping",' + b'"a":1,' * 900 + b'"b":1}') * 500,
    "texts and pongs": (frame(TEXT, b"{}") + frame(PONG)) * 3000,
    "pings in an unfinished text": frame(TEXT, b"{", fin=False) + frame(PING) * 14_600,
}


@asynccontextmanager
async def opened(port: int, offer: bytes = V1, *, has_session: bool = True) -> AsyncIterator[RawClient]:
    """A connection, with a session or without."""
    _, client = await handshake(port, offer)
    try:
        if has_session:
            await client.sends(frame(TEXT, OPENING[offer]))
            await client.hears(TEXT)
        yield client
    finally:
        client.writer.transport.abort()


async def let_go(client: RawClient, flood: bytes) -> tuple[int | None, int]:
    """Floods; returns the code of the close and how many frames came before it."""
    sending = asyncio.create_task(client.sends(flood))
    frames = 0
    while (got := await client.hears_frame())[0] not in (CLOSE, -1):
        frames += 1
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    return (int.from_bytes(got[1][:2]) if got[0] == CLOSE else None), frames


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    async with server_process(tmp_path_factory.mktemp("floods"), tools="calculate") as process:
        await process.starts()
        yield process


async def test_h1_a_flood_of_any_kind_is_answered_up_to_a_burst_and_then_it_is_1008(tmp_path: Path) -> None:
    """Each has an answer at most for each message, and another client hears its own in between."""
    async with server_process(tmp_path, llm_provider="demo") as server:
        await server.starts()
        wrong: dict[Any, Any] = {}
        for name, flood in FLOODS.items():
            for offer in (V1, V2):
                for has_session in (False, True):
                    async with opened(server.port, offer, has_session=has_session) as client:
                        code, frames = await let_go(client, flood)
                    if code != 1008 or frames > 2 * BURST:
                        wrong[name, offer, has_session] = code, frames
        lines = len(server.log)

        assert wrong == {}
        assert lines < 2 * len(FLOODS), server.log


async def test_h1_others_are_answered_while_fifty_sockets_flood(tmp_path: Path) -> None:
    async with server_process(tmp_path, llm_provider="demo") as server, AsyncExitStack() as stack:
        await server.starts()

        async def floods(number: int) -> None:
            flood = list(FLOODS.values())[number % len(FLOODS)]
            for _ in range(4):
                async with opened(server.port, has_session=number % 2 == 0) as client:
                    await let_go(client, flood)

        talk = await stack.enter_async_context(opened(server.port))
        flooding = asyncio.gather(*(floods(number) for number in range(30)))
        slowest = 0.0
        while not flooding.done():
            asked = time.monotonic()
            assert (await server.asks("GET", "/agent/health")).status_code == 200
            slowest = max(slowest, time.monotonic() - asked)
            await asyncio.sleep(0.05)
        await flooding
        await talk.sends(frame(TEXT, b'{"type":"text","content":"hola"}'))
        while b"response_complete" not in await talk.hears(TEXT):
            pass

        # The goal is 20 ms; a busy machine that runs both ends has a hundred times that.
        assert slowest < 2
        assert not any("loop_stall " in line for line in server.log)


async def test_h1_legitimate_bursts_pass() -> None:
    """A page that streams sound and reports what it plays, and a person who is in a hurry."""
    async with running_server(provider=ScriptedModel(lambda r: says("Sí."))) as server:
        async with client_of(server) as client:
            await client.opens()
            for _ in range(BURST - 1):
                await client.sends({"type": "text", "content": ""})
            for _ in range(BURST - 1):
                await client.hears("error")
            await asyncio.sleep(1.1)  # the window itself
            await client.says("hola")
            assert await client.hears_answer() == "Sí."


async def test_h1_a_rate_that_was_raised_alone_is_what_may_come_in_a_second() -> None:
    settings = settings_with(max_messages_per_s=3 * BURST)
    async with running_server(settings, provider=ScriptedModel([])) as server:
        async with opened(server.port, V2) as client:
            ping = frame(TEXT, b'{"type":"ping"}')
            await client.sends((ping + frame(PING)) * (2 * BURST))
            for _ in range(2 * BURST):
                assert b"pong" in await client.hears(TEXT)


async def test_h1_one_line_a_second_tells_of_what_was_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running_server(provider=ScriptedModel([])) as server, client_of(server) as client:
        await client.opens()
        for _ in range(50):
            await client.sends("{")
        for _ in range(50):
            await client.hears("error")

    lines = [record for record in caplog.records if record.name == "app.services.connections.connection"]
    assert [record.message for record in lines] == ["bad_message", "more_refused"]
    assert lines[-1].more == 48  # type: ignore[attr-defined]


REFUSED_AT_THE_DOOR = {
    "another name": b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "another site's form": b"POST /tickets HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n",
    "another site's socket": b"GET /ws HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
}


async def test_h1_who_is_refused_at_the_door_again_and_again_does_not_fill_the_log(tmp_path: Path) -> None:
    lines: dict[str, int] = {}
    async with server_process(tmp_path) as server:
        await server.starts()
        for number, (name, request) in enumerate(REFUSED_AT_THE_DOOR.items()):
            head, _, rest = request.partition(b"\r\n")
            whole = b"\r\n".join((head, behind_proxy(f"203.0.113.{number}").rstrip(), rest))
            before = len(server.log)
            for _ in range(100):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(whole)
                assert b" 40" in await reader.readline()
                writer.transport.abort()
            lines[name] = len(server.log) - before

    assert {name: count for name, count in lines.items() if not 0 < count < 50} == {}


async def test_h1_who_connects_by_the_dozen_in_one_moment_does_not_fill_the_log(tmp_path: Path) -> None:
    whole = b"GET /ws HTTP/1.1\r\nHost: localhost\r\n" + behind_proxy("203.0.113.9")
    whole += b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    whole += b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    async with server_process(tmp_path) as server:
        await server.starts()
        before = len(server.log)
        held: list[asyncio.StreamWriter] = []
        while len(held) < MOST_OF_ONE:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            held.append(writer)
            writer.write(whole)
            assert b" 101" in await reader.readline()
        lines = server.log[before:]
        for writer in held:
            writer.transport.abort()

    assert 0 < len(lines) <= MOST_OF_ONE * 3 // 4, lines


def behind_proxy(address: str) -> bytes:
    return b"X-Forwarded-For: " + address.encode() + b"\r\n"


async def test_h1_what_an_address_did_is_remembered_over_its_connections(server: ServerProcess) -> None:
    """Each time it is borne for less, then it is shut out for a while; its neighbours are not."""
    borne = []
    for _ in range(3):
        head, client = await handshake(server.port, behind_proxy("203.0.113.7"))
        assert b"101" in head.split(b"\r\n")[0]
        borne.append((await let_go(client, FLOODS["no JSON"]))[1])
        client.writer.transport.abort()
        await asyncio.sleep(0.1)
    shut, client = await handshake(server.port, behind_proxy("203.0.113.7"))
    client.writer.transport.abort()
    other, client = await handshake(server.port, behind_proxy("203.0.113.8"))
    client.writer.transport.abort()
    local, client = await handshake(server.port)
    client.writer.transport.abort()

    assert borne[0] > borne[1] > borne[2]
    assert shut.startswith(b"HTTP/1.1 429") and b"retry-after: 60" in shut.lower()
    assert (other[:12], local[:12]) == (b"HTTP/1.1 101", b"HTTP/1.1 101")


async def test_h1_codes_that_clients_close_with_are_held_against_nobody(server: ServerProcess) -> None:
    """Clients whose own limit an answer is over close with 1009, and some with 1008."""
    for code in (1008, 1008, 1008, *[1009] * 12):
        head, client = await handshake(server.port, behind_proxy("203.0.113.10"))
        assert b" 101 " in head
        await client.sends(frame(CLOSE, code.to_bytes(2)))
        assert await client.is_closed_with() == code
        client.writer.transport.abort()


async def test_h1_frames_that_break_the_rules_are_held_against_their_address(server: ServerProcess) -> None:
    heads = []
    for _ in range(14):
        head, client = await handshake(server.port, behind_proxy("203.0.113.11"))
        heads.append(head[9:12])
        if b" 101 " in head:
            await client.sends(frame(TEXT, rsv=4))
            assert await client.is_closed_with() == 1002
        client.writer.transport.abort()

    assert heads == [b"101"] * 12 + [b"429"] * 2


async def test_h1_sound_faster_than_time_is_1008_and_in_time_it_passes() -> None:
    engines = VoiceEngines(input_engines=new_senses(WordRecogniser(Vocabulary())))
    async with running_server(settings_with(), provider=ScriptedModel([]), engines=engines) as server:
        async with opened(server.port, V2, has_session=False) as client:
            start = b'{"type":"start","audio":{"in":{"sample_rate_hz":16000},"out":false}}'
            await client.sends(frame(TEXT, start))
            await client.hears(TEXT)
            await client.sends(frame(BINARY, bytes(640)) * 450)  # 9 s of 20 ms frames
            await client.sends(frame(TEXT, b'{"type":"ping"}'))
            heard = await client.hears(TEXT)
            while b"pong" not in heard:
                assert b"error" not in heard
                heard = await client.hears(TEXT)
            code, _ = await let_go(client, frame(BINARY, bytes(640)) * 3000)

    assert code == 1008


PIECES = {
    "frames of 20 ms": [frame(BINARY, bytes(640))] * 150,
    "a browser's own pieces": [frame(BINARY, bytes(86))] * 1100,
    "base64": [frame(TEXT, b'{"type":"audio","format":"pcm16","content":"' + b"A" * 852 + b'"}')] * 150,
    "15 seconds": [frame(BINARY, bytes(640))] * 750,
}


@pytest.mark.parametrize("is_agreed", [True, False])
@pytest.mark.parametrize("name", PIECES)
async def test_h1_sound_that_a_stall_of_the_network_has_held_up_ends_no_talk(
    name: str, is_agreed: bool
) -> None:
    """Nor where it was not agreed on: as after a restart, while speech still loads."""
    engines = (
        VoiceEngines(input_engines=new_senses(WordRecogniser(Vocabulary()))) if is_agreed else VoiceEngines()
    )
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(settings_with(), provider=model, engines=engines) as server:
        async with opened(server.port, V2, has_session=False) as client:
            start = b'{"type":"start","audio":{"in":{"sample_rate_hz":16000},"out":false}}'
            await client.sends(frame(TEXT, start))
            await client.hears(TEXT)
            await client.sends(*PIECES[name], frame(TEXT, b'{"type":"text","content":"hola"}'))
            heard = b""
            while b"response_complete" not in heard:
                heard += await client.hears(TEXT)

    assert heard.count(b'"error"') <= 4


async def test_h1_a_burst_of_binary_frames_on_v1_is_refused_and_the_talk_goes_on() -> None:
    async with running_server(provider=ScriptedModel(lambda r: says("Sí."))) as server:
        async with opened(server.port, V1) as client:
            text = frame(TEXT, b'{"type":"text","content":"hola"}')
            await client.sends(frame(BINARY, bytes(640)) * 450, text)
            heard = b""
            while b"response_complete" not in heard:
                heard += await client.hears(TEXT)

    assert b'"error"' in heard


REFUSED_SOUND = ["{PCM}", '{PCM,"content":"!"}', '{PCM,"content":""}', '{PCM,"content":7}']


@pytest.mark.parametrize("message", REFUSED_SOUND)
async def test_h1_sound_that_is_refused_is_answered_up_to_a_burst(message: str) -> None:
    flood = frame(TEXT, message.replace("PCM", '"type":"audio","format":"pcm16"').encode()) * 3000
    engines = VoiceEngines(input_engines=new_senses(WordRecogniser(Vocabulary())))
    async with running_server(settings_with(), provider=ScriptedModel([]), engines=engines) as server:
        async with opened(server.port, V2, has_session=False) as client:
            start = b'{"type":"start","audio":{"in":{"sample_rate_hz":16000},"out":false}}'
            await client.sends(frame(TEXT, start))
            await client.hears(TEXT)
            code, frames = await let_go(client, flood)

    assert code == 1008
    assert frames < 2 * BURST


# Sessions that are opened and left


async def abandons(server: Server, offer: bytes = b"") -> None:
    _, client = await handshake(server.port, V2 + offer)
    await client.sends(frame(TEXT, OPENING[V2]))
    assert b"session_created" in await client.hears(TEXT)
    client.writer.transport.abort()


async def all_have_left(server: Server, but: int = 0) -> None:
    async with asyncio.timeout(20):
        while sum(live.pump.link is not None for live in server.service.sessions) > but:  # noqa: ASYNC110  # no event
            await asyncio.sleep(0.01)


async def test_h2_sessions_that_strangers_open_and_leave_keep_nobody_out() -> None:
    settings = settings_with(max_sessions=4)
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        async with v2_client(server) as spoken, v2_client(server) as silent:
            await spoken.starts()
            await spoken.says("hola")
            await spoken.hears("response_complete")
            await spoken.drops()
            await silent.starts()
            await silent.drops()
            for _ in range(20):
                await abandons(server)
                await all_have_left(server)
            async with client_of(server) as newcomer:
                await newcomer.opens()
                await newcomer.says("hola")
                assert await newcomer.hears_answer() == "Sí."
            assert (await spoken.resumes())["type"] == "session_resumed"  # it had something to lose


async def test_h2_a_full_house_of_those_who_talk_still_refuses() -> None:
    settings = settings_with(max_sessions=2)
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        async with v2_client(server) as first, client_of(server) as second, client_of(server) as third:
            await first.starts()
            await first.says("hola")
            await first.hears("response_complete")
            await first.drops()
            await second.opens()
            await third.sends({"type": "system"})
            assert await third.is_closed() == 1013


async def test_h2_talks_that_were_set_aside_for_others_come_back_from_the_store(tmp_path: Path) -> None:
    settings = settings_with(database_url=f"sqlite:///{tmp_path}/talks.db", max_queued_messages=8)
    text = "hola " * 5_000
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        server.service.session_host.away._waiting._most_bytes_of_one = 80_000
        address = "203.0.113.7"
        async with v2_client(server, address=address) as first, v2_client(server, address=address) as second:
            for client in (first, second):
                await client.starts()
                await client.says(text)
                await client.hears("response_complete")
                await client.drops()
                await all_have_left(server)
            async with asyncio.timeout(20):
                while len(server.service.sessions) > 1:  # noqa: ASYNC110  # no event for it
                    await asyncio.sleep(0.01)
            assert (await first.resumes())["type"] == "session_resumed"


async def test_h2_one_address_has_so_many_sessions_that_wait_and_hold_nothing() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        for _ in range(40):
            await abandons(server, behind_proxy("203.0.113.7"))
        await all_have_left(server)
        assert len(server.service.sessions) > 32  # their network may have been gone for a moment
        async with asyncio.timeout(60):
            while len(server.service.sessions) > 32:  # noqa: ASYNC110  # no event for it
                await asyncio.sleep(0.1)

        assert len(server.service.sessions) == 32


SEVEN_TOO_MANY = {"a user": ("203.0.113.7", 7), "this machine": ("", 0), "a proxy": ("198.51.100.7", 0)}


@pytest.mark.parametrize(("address", "hurried"), SEVEN_TOO_MANY.values(), ids=SEVEN_TOO_MANY)
async def test_h2_what_many_have_as_one_address_is_not_taken_for_one(address: str, hurried: int) -> None:
    settings = settings_with(trusted_proxies="127.0.0.1,198.51.100.0/24")
    async with running_server(settings, provider=ScriptedModel([])) as server:
        host = server.service.session_host
        host.away._waiting._most_of_one = 3
        for _ in range(10):
            await abandons(server, behind_proxy(address) if address else b"")
        async with asyncio.timeout(20):
            while any(live.expiry is None for live in host.sessions):  # noqa: ASYNC110  # no event for it
                await asyncio.sleep(0.01)

        assert (len(host.sessions), host.away.hurried) == (10, hurried)


async def test_h2_one_address_without_tokens_has_half_of_all_sessions() -> None:
    settings = settings_with(max_sessions=6, trusted_proxies="127.0.0.1")
    async with running_server(settings, provider=ScriptedModel([])) as server, AsyncExitStack() as stack:
        codes: list[int | None] = []
        for address in ["203.0.113.7"] * 4 + ["203.0.113.8"]:
            client = await stack.enter_async_context(
                opened(server.port, behind_proxy(address), has_session=False)
            )
            await client.sends(frame(TEXT, OPENING[V1]))
            is_refused = b'"error"' in await client.hears(TEXT)
            codes.append(await client.is_closed_with() if is_refused else None)

    assert codes == [None, None, None, 1013, None]


# What has ended is gone at once, and not when garbage is collected


@pytest.mark.parametrize("offer", [V1, V2])
@pytest.mark.parametrize("end", ["close", "cut", "flood", "talk"])
async def test_h1_a_connection_that_has_ended_leaves_nothing_for_the_collector(
    offer: bytes, end: str
) -> None:
    settings = settings_with(resume_window_s=0.05)
    kinds = (GuardedSocket, LiveSession, Conversation, Connection)
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        gc.collect()
        others = left_of(*kinds)  # what earlier tests still hold
        gc.disable()
        try:
            async with opened(server.port, offer) as client:
                if end == "close":
                    await client.sends(frame(CLOSE, (1000).to_bytes(2)))
                    await client.is_closed_with()
                if end == "flood":
                    await let_go(client, FLOODS["no JSON"])
                if end == "talk":
                    await client.sends(frame(TEXT, b'{"type":"text","content":"hola"}'))
                    while b"response_complete" not in await client.hears(TEXT):
                        pass
            async with asyncio.timeout(20):
                while left_of(*kinds) > others:  # noqa: ASYNC110  # memory tells nobody
                    await asyncio.sleep(0.05)
        finally:
            gc.enable()


def left_of(*types: type) -> int:
    return sum(
        type(thing) in types or type(thing).__mro__[1:2] == (GuardedSocket,) for thing in gc.get_objects()
    )


async def test_h1_a_text_that_was_refused_is_not_kept_with_the_session_that_waits() -> None:
    text = frame(TEXT, b'{"type":"text","content":"' + b"q" * 900_000 + b'"}')
    async with running_server(provider=ScriptedModel([])) as server:
        async with opened(server.port, V2) as client:
            await client.sends(text)
            while b"context_too_long" not in await client.hears(TEXT):
                pass
        async with asyncio.timeout(20):
            while next(iter(server.service.sessions)).pump.link is not None:  # noqa: ASYNC110  # no event for it
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        held = {
            id(held): len(held)
            for thing in gc.get_objects()
            for held in gc.get_referents(thing)
            if type(held) is str and len(held) > 800_000 and "q" * 800_000 in held
        }

    assert held == {}


# H2: messages that never end, and those who never speak


def resident_mib(server: ServerProcess) -> float:
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


@pytest.mark.parametrize("size", [64 * KIB + 1, MIB, 15 * MIB, 1 << 40])
async def test_h2_a_message_over_64_kib_is_1009_before_a_session(server: ServerProcess, size: int) -> None:
    async with opened(server.port, has_session=False) as client:
        await client.sends(frame(TEXT, b"x" * 1000, length=size))
        assert await client.is_closed_with() == 1009


async def test_h2_64_kib_in_pieces_are_1009_too(server: ServerProcess) -> None:
    async with opened(server.port, has_session=False) as client:
        pieces = [frame(CONTINUATION, b"x" * 30_000, fin=False)] * 3
        await client.sends(frame(TEXT, b"x", fin=False), *pieces)
        assert await client.is_closed_with() == 1009


async def test_h2_64_kib_make_a_session_and_then_the_full_limit_holds(server: ServerProcess) -> None:
    async with opened(server.port, has_session=False) as client:
        first = b'{"type":"system","x":"' + b"x" * (64 * KIB - 24) + b'"}'
        assert len(first) == 64 * KIB
        await client.sends(frame(TEXT, first))
        assert b"session_created" in await client.hears(TEXT)
        await client.sends(frame(TEXT, b'{"type":"nope","x":"' + b"x" * 900_000 + b'"}'))
        while b'"error"' not in await client.hears(TEXT):
            pass


@pytest.mark.parametrize("first", ["resume", "continue"])
async def test_h2_the_full_limit_holds_for_what_comes_right_behind_the_first_message(
    tmp_path: Path, first: str
) -> None:
    """The store is asked meanwhile; before, what came behind it was judged as a stranger's."""
    settings = settings_with(database_url=f"sqlite:///{tmp_path}/talks.db")
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        async with opened(server.port, V2, has_session=False) as client:
            await client.sends(frame(TEXT, b'{"type":"start","user_id":"ana"}'))
            made = json.loads(await client.hears(TEXT))
            await client.sends(frame(TEXT, b'{"type":"text","content":"hola"}'))
            while b"response_complete" not in await client.hears(TEXT):
                pass
        known = {"session_id": made["session_id"], "resume_token": made["resume_token"], "last_seq": 1}
        messages: dict[str, dict[str, Any]] = {
            "resume": {"type": "resume", **known},
            "continue": {"type": "start", "user_id": "ana", "continue": made["session_id"]},
        }
        text = {"type": "text", "content": "hola " * 16 * KIB}
        async with opened(server.port, V2, has_session=False) as client:
            await client.sends(*(frame(TEXT, json.dumps(said).encode()) for said in (messages[first], text)))
            while b"message_accepted" not in await client.hears(TEXT):
                pass


async def test_h2_a_token_in_the_handshake_opens_the_full_limit(tmp_path: Path) -> None:
    large = b'{"type":"system","x":"' + b"x" * 900_000 + b'"}'
    ends = {}
    async with server_process(tmp_path, api_tokens="ana=abcdefghijklmnop:user") as server:
        await server.starts()
        for token in (b"abcdefghijklmnop", b"another"):
            offer = b"Authorization: Bearer " + token + b"\r\n"
            _, client = await handshake(server.port, offer)
            await client.sends(frame(TEXT, large))
            ends[token] = await client.hears_frame()
            client.writer.transport.abort()

    assert b"session_created" in ends[b"abcdefghijklmnop"][1]
    assert (ends[b"another"][0], ends[b"another"][1][:2]) == (CLOSE, (1009).to_bytes(2))


@pytest.mark.parametrize("has_session", [False, True])
@pytest.mark.parametrize(
    "begun",
    [
        frame(TEXT, b"x" * 100, length=1000),
        frame(TEXT, b"x", fin=False),
        frame(TEXT, b"", fin=False),
        frame(TEXT)[:1],
        frame(TEXT, b"x" * 200)[:3],
        frame(TEXT, b"x" * 200)[:7],
        frame(PING, b"x" * 100)[:50],
    ],
    ids=["half a frame", "a fragment", "an empty fragment", "a byte", "half a length", "half a mask", "ping"],
)
async def test_h2_a_message_that_is_not_ended_in_time_is_1008(begun: bytes, has_session: bool) -> None:
    settings = settings_with(unfinished_message_s=0.3)
    async with running_server(settings, provider=ScriptedModel([])) as server:
        async with opened(server.port, has_session=has_session) as client:
            await client.sends(begun)
            assert await client.is_closed_with() == 1008


async def test_h2_bytes_that_trickle_do_not_extend_the_time() -> None:
    settings = settings_with(unfinished_message_s=0.5)
    async with running_server(settings, provider=ScriptedModel([])) as server:
        async with opened(server.port) as client:

            async def trickles() -> None:
                await client.sends(frame(TEXT, b"", length=1000))
                while True:
                    await client.sends(b"x")
                    await asyncio.sleep(0.05)

            trickling = asyncio.create_task(trickles())
            assert await client.is_closed_with() == 1008
            trickling.cancel()
            await asyncio.gather(trickling, return_exceptions=True)


@pytest.mark.parametrize("has_session", [False, True])
async def test_h2_unfinished_messages_of_fifty_sockets_weigh_little(
    tmp_path: Path, has_session: bool
) -> None:
    async with (
        server_process(tmp_path, voice=True) as server,
        AsyncExitStack() as stack,
    ):
        await server.starts()
        clients = [
            await stack.enter_async_context(opened(server.port, has_session=has_session)) for _ in range(30)
        ]
        before = resident_mib(server)
        half = frame(TEXT, b"x" * (9 * MIB), length=10 * MIB)
        sending = [asyncio.create_task(client.sends(half)) for client in clients]
        most = before
        for _ in range(20):
            await asyncio.sleep(0.1)
            most = max(most, resident_mib(server))
        async with opened(server.port) as other:
            await other.sends(frame(TEXT, b'{"type":"text","content":"hola"}'))
            while b"response_complete" not in await other.hears(TEXT):
                pass
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    # 270 MiB were sent, or lie ready; the goal is 50.
    assert most - before < 100


@pytest.mark.parametrize("offer", [V1, V2])
async def test_h2_who_waits_for_room_in_vain_is_told_so_and_may_come_back(
    tmp_path: Path, offer: bytes
) -> None:
    """It was a fault of the server's (1011): the pong that it waited for stood behind the message."""
    half = frame(TEXT, b"x" * (9 * MIB), length=10 * MIB)
    times = {"unfinished_message_s": 2, "ws_ping_interval_s": 1.5, "ws_ping_timeout_s": 1.5}
    async with server_process(tmp_path, voice=True, **times) as server, AsyncExitStack() as stack:
        await server.starts()
        clients = [await stack.enter_async_context(opened(server.port, offer)) for _ in range(8)]
        sending = [asyncio.create_task(client.sends(half)) for client in clients]
        ends = await asyncio.gather(*(heard_until_the_end(client) for client in clients))
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    assert {code for code, _ in ends} == {1008, 1013}
    assert all(b"lleno" in said for code, said in ends if code == 1013)


async def heard_until_the_end(client: RawClient) -> tuple[int | None, bytes]:
    said = b""
    while (got := await client.hears_frame())[0] not in (CLOSE, -1):
        said += got[1]
    return (int.from_bytes(got[1][:2]) if got[0] == CLOSE else None), said


async def test_h2_strangers_have_so_many_places_and_newcomers_are_told_to_try_later() -> None:
    settings = settings_with(max_pending_connections=3)
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        async with AsyncExitStack() as stack:
            silent = [
                await stack.enter_async_context(opened(server.port, has_session=False)) for _ in range(3)
            ]
            async with client_of(server) as late:
                error = await late.hears_next()
                assert error["type"] == "error"
                assert await late.is_closed() == 1013
            await silent[0].sends(frame(CLOSE, (1000).to_bytes(2)))
            async with client_of(server) as client:
                await client.opens()
                await client.says("hola")
                assert await client.hears_answer() == "Sí."


async def test_h2_those_who_stay_silent_keep_nobody_out_for_long() -> None:
    settings = settings_with(max_pending_connections=3)
    async with running_server(settings, provider=ScriptedModel([])) as server, AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(opened(server.port, has_session=False)) for _ in range(3)]
        async with asyncio.timeout(50):  # the goal is 5 s
            created = b""
            while b"session_created" not in created:  # as a client does that is told to try later
                async with opened(server.port, has_session=False) as client:
                    await client.sends(frame(TEXT, OPENING[V1]))
                    created = await client.hears(TEXT)

        assert b"error" in await silent[0].hears(TEXT)
        assert await silent[0].is_closed_with() == 1013


async def test_h2_one_address_has_32_places(server: ServerProcess) -> None:
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(33):
            head, client = await handshake(server.port, behind_proxy("203.0.113.9"))
            stack.callback(client.writer.transport.abort)
            clients.append(client)
            assert b" 101 " in head
        assert await clients[-1].is_closed_with() == 1013
        async with opened(server.port):
            pass


async def test_h2_a_crowd_that_speaks_passes_through_few_places() -> None:
    """After a restart all come at once: they wait for each other, and none is sent away."""
    settings = settings_with(max_pending_connections=4)

    async def comes(server: Any) -> None:
        async with client_of(server) as client:
            await client.opens()

    async with running_server(settings, provider=ScriptedModel([])) as server:
        await asyncio.gather(*(comes(server) for _ in range(100)))

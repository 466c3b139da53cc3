"""What a telephone network may send that is odd: by whatever company, in whatever order, at its end."""

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.errors import AgentError
from app.protocol.telephone.carriers import SIBLINGS, TWILIO, Carrier
from app.protocol.telephone.wire import CallTerms, TelephoneWire
from tests.phone.test_calls import callable_server
from tests.phone.test_wire import LIMITS, ask, sounding
from tests.phone.twilio import Stream, rings, stream_of
from tests.support.ears import silence

VALUES: tuple[Any, ...] = (
    *(None, 0, -1, 1.5, True, "", "x", "\0", "\uff11", "12", "!!!!", 10**30),
    *("x" * 70_000, [], [1], {}, {"a": {"b": [1]}}),
)
MEMBERS = {
    "media": ("track", "chunk", "timestamp", "payload"),
    "dtmf": ("digit", "track"),
    "mark": ("name",),
    "start": ("streamSid", "callSid", "mediaFormat", "customParameters"),
    "stop": ("callSid",),
    "connected": ("protocol",),
    "nonsense": ("x",),
}
OWN_NAMES = ("playedStream", "websocket:connected", "websocket:dtmf", "websocket:notify", "checkpoint")


def odd_frames() -> Iterator[dict[str, Any]]:
    for value in VALUES:
        yield {"event": value}
        for event, members in MEMBERS.items():
            yield {"event": event, event: value}
            yield from ({"event": event, event: {member: value}} for member in members)
        for name in OWN_NAMES:
            yield from ({"event": name, "digit": value}, {"event": name, "name": value, "payload": value})


@pytest.mark.parametrize("carrier", [TWILIO, *SIBLINGS], ids=lambda carrier: carrier.name)
def test_odd_frame_is_read_or_refused_and_never_more(carrier: Carrier):
    wire = TelephoneWire(CallTerms(lambda call_id, parameters: True, "es", carrier=carrier))
    for frame in odd_frames():
        for read in (lambda raw: wire.open(raw, LIMITS), lambda raw: wire.read(raw, LIMITS).commands()):
            try:
                read(json.dumps(frame))
            except AgentError:
                continue


@pytest.mark.parametrize("marks", [("m1", "m1"), ("m2", "m1"), ("m7",), ("",), ("m1", "m2", "m3", "m2")])
def test_marks_in_an_odd_order_never_take_the_place_back_beyond_what_was_sent(marks: tuple[str, ...]):
    wire, _ = sounding(1600)
    for name in marks:
        commands = ask(wire, "mark", mark={"name": name})
        assert all(0 <= getattr(command, "played_ms", 0) <= 200 for command in commands)


@pytest.mark.alone
@pytest.mark.parametrize("way", ["stop", "close", "abort", "half a frame"])
async def test_call_may_end_at_any_moment(way: str):
    async with callable_server(*["Uno dos tres cuatro cinco seis."] * 8) as there:
        for moment in range(8):
            stream = Stream.of((await rings(there.server)).text)
            async with stream_of(there.server, stream) as call:
                if moment:
                    await call.starts(**stream.parameters)
                network = asyncio.create_task(call.network())
                call.says(there.vocabulary.sound("hola.") + silence(400))
                await asyncio.sleep(0.2 * moment)
                network.cancel()
                await asyncio.wait({network})
                if way == "stop":
                    await call.sends("stop", stop={"callSid": "CA0"})
                elif way == "abort":
                    call.socket.transport.abort()
                elif way == "half a frame":
                    call.socket.transport.write(b"\x81\xfe\x10\x00" + base64.b64encode(b"x" * 9))
                    call.socket.transport.abort()
        await there.server.is_empty()

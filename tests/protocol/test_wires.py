"""Which protocol a connection speaks, and what each brings along."""

import orjson
import pytest

from app.errors import BadMessage, TooManyMessages, UnknownType
from app.protocol.events import ErrorOccurred, Pong
from app.protocol.wire import FrameLimits, WireProtocol
from app.protocol.wires import V1, V2, choose
from app.services.connections.applying import ACTIONS
from tests.protocol.test_client_v2 import LEAST

LIMITS = FrameLimits(100_000, 100_000)


@pytest.mark.parametrize(
    ("offered", "chosen", "named"),
    [
        ([], V1, None),
        (["voice-agent.v1"], V1, "voice-agent.v1"),
        (["voice-agent.v2"], V2, "voice-agent.v2"),
        (["voice-agent.v1", "voice-agent.v2"], V2, "voice-agent.v2"),
        (["chat", "voice-agent.v1"], V1, "voice-agent.v1"),
        (["chat"], V1, None),
        (["VOICE-AGENT.V2"], V1, None),
    ],
)
def test_newest_protocol_that_both_know_is_spoken(
    offered: list[str], chosen: WireProtocol, named: str | None
) -> None:
    assert choose(offered) == (chosen, named)


@pytest.mark.parametrize(("kind", "known_by"), [("text", {V1.name, V2.name}), ("interrupt", {V2.name})])
def test_each_reads_its_own_messages(kind: str, known_by: set[str]) -> None:
    knowing: set[str] = set()
    for wire in (V1, V2):
        try:
            wire.read(orjson.dumps({"type": kind, "content": "a"}).decode(), LIMITS).commands()
        except UnknownType:
            continue
        knowing.add(wire.name)

    assert knowing == known_by


def test_only_v2_sessions_outlive_their_connections() -> None:
    assert (V1.is_replayable, V2.is_replayable) == (False, True)


def test_error_before_a_session_has_no_number() -> None:
    event = ErrorOccurred(TooManyMessages())

    (v1,) = map(orjson.loads, V1.encode(event, "es", None))
    (v2,) = map(orjson.loads, V2.encode(event, "es", None))
    assert set(v1) == {"type", "content"}
    assert set(v2) == {"type", "content", "code", "retryable"}
    assert V1.encode(Pong(), "es", None) == []


@pytest.mark.parametrize("kind", LEAST)
def test_every_message_of_v2_asks_for_what_can_be_done(kind: str) -> None:
    frame = V2.read(orjson.dumps({"type": kind, **LEAST[kind]}).decode(), LIMITS)
    if kind in ("start", "resume"):
        with pytest.raises(BadMessage):
            frame.commands()
    else:
        assert all(type(command) in ACTIONS for command in frame.commands())


@pytest.mark.parametrize("kind", ["text", "system", "audio"])
def test_every_message_of_v1_asks_for_what_can_be_done(kind: str) -> None:
    frame = V1.read(orjson.dumps({"type": kind, "content": "AAAA"}).decode(), LIMITS)

    assert [type(command) in ACTIONS for command in frame.commands()] == [True]

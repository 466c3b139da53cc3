"""Which protocol a connection speaks, and what each brings along."""

from typing import Any, get_args

import orjson
import pytest

from app.errors import TooManyMessages, UnknownType
from app.protocol.client import V1Message
from app.protocol.client_v2 import V2ClientMessage
from app.protocol.events import ErrorOccurred, Pong
from app.services.dialects import V1, V2, Dialect, choose


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
    offered: list[str], chosen: Dialect, named: str | None
) -> None:
    assert choose(offered) == (chosen, named)


@pytest.mark.parametrize(("dialect", "union"), [(V1, V1Message), (V2, V2ClientMessage)])
def test_every_message_that_is_read_has_its_handler(dialect: Dialect, union: Any) -> None:
    assert set(get_args(get_args(union)[0])) == set(dialect.handlers)


@pytest.mark.parametrize(("kind", "known_by"), [("text", {V1.name, V2.name}), ("interrupt", {V2.name})])
def test_each_reads_its_own_messages(kind: str, known_by: set[str]) -> None:
    knowing: set[str] = set()
    for dialect in (V1, V2):
        try:
            dialect.decode({"type": kind, "content": "a"})
        except UnknownType:
            continue
        knowing.add(dialect.name)

    assert knowing == known_by


def test_only_v2_sessions_outlive_their_connections() -> None:
    assert (V1.is_resumable, V2.is_resumable) == (False, True)


def test_error_before_a_session_has_no_number() -> None:
    event = ErrorOccurred(TooManyMessages())

    (v1,) = map(orjson.loads, V1.encode(event, "es"))
    (v2,) = map(orjson.loads, V2.encode(event, "es"))
    assert set(v1) == {"type", "content"}
    assert set(v2) == {"type", "content", "code", "retryable"}
    assert V1.encode(Pong(), "es") == []

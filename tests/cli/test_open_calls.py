"""A command means a call by the beginning of its id."""

from typing import Any

import pytest
from voice_agent_client import parse_event

from app.cli.open_calls import OpenCalls


def after(*messages: dict[str, Any]) -> OpenCalls:
    calls = OpenCalls()
    for message in messages:
        calls.follow(parse_event(message))
    return calls


def of(kind: str, call_id: str) -> dict[str, Any]:
    return {"type": kind, "call_id": call_id, "name": "pay", "status": "done"}


ASKED = (of("approval_requested", "call_39653a"), of("approval_requested", "call_39777b"))
RUNS = of("tool_started", "call_5aaa")


@pytest.mark.parametrize(
    ("messages", "given", "only_asked", "chosen"),
    [
        (ASKED, "396", True, ["call_39653a"]),
        (ASKED, "call_397", True, ["call_39777b"]),
        (ASKED, "39", True, ["call_39653a", "call_39777b"]),
        (ASKED, "", True, ["call_39653a", "call_39777b"]),
        (ASKED, "call_39653a", True, ["call_39653a"]),
        (ASKED, "zzz", True, ["zzz"]),
        (ASKED[:1], "", True, ["call_39653a"]),
        ((), "", True, []),
        ((), "c1", True, ["c1"]),
        ((*ASKED, RUNS), "5", True, ["5"]),
        ((*ASKED, RUNS), "5", False, ["call_5aaa"]),
        ((RUNS,), "", False, ["call_5aaa"]),
        ((RUNS,), "", True, []),
        ((*ASKED, of("tool_started", "call_39653a")), "", True, ["call_39777b"]),
        ((*ASKED, of("tool_finished", "call_39777b")), "", True, ["call_39653a"]),
        ((*ASKED, {"type": "session_created", "session_id": "s"}), "", True, []),
    ],
)
def test_which_calls_are_meant(
    messages: tuple[dict[str, Any], ...], given: str, only_asked: bool, chosen: list[str]
) -> None:
    assert after(*messages).chosen(given, only_asked=only_asked) == chosen


def test_of_two_ids_that_begin_alike_the_whole_one_is_meant() -> None:
    calls = after(of("approval_requested", "call_1"), of("approval_requested", "call_12"))

    assert calls.chosen("call_1", only_asked=True) == ["call_1"]

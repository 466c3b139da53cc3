from typing import Any

import pytest

from tests.support.api_rules import violations

USER = {"role": "user", "content": "hola"}


def calls(*ids: Any, **fields: Any) -> dict[str, Any]:
    function = {"name": "calculate", "arguments": "{}", **fields}
    listed = [{"id": call_id, "type": "function", "function": function} for call_id in ids]
    return {"role": "assistant", "content": None, "tool_calls": listed}


def result(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "4"}


def test_whole_talk_is_accepted():
    system = {"role": "system", "content": "Eres un asistente."}
    said = {"role": "assistant", "content": "4"}

    assert violations([system, USER, calls("a", "b"), result("b"), result("a"), said, USER]) == []


@pytest.mark.parametrize(
    "messages",
    [
        [],
        None,
        [{"role": "robot", "content": "x"}],
        [{"role": "user"}],
        [USER, {"role": "assistant", "content": None}],
        [USER, {"role": "assistant", "content": ""}],
        [USER, {"role": "assistant", "content": "x", "tool_calls": []}],
        [USER, calls("a")],
        [USER, calls("a"), USER, result("a")],
        [USER, calls("a", "b"), result("a"), USER],
        [USER, calls("a"), result("a"), result("a")],
        [USER, result("a")],
        [USER, calls("a", "a"), result("a")],
        [USER, calls("i" * 41), result("i" * 41)],
        [USER, calls(""), result("")],
        [USER, calls("a", name="no such name"), result("a")],
        [USER, calls("a", name="n" * 65), result("a")],
        [USER, calls("a", arguments={}), result("a")],
        [USER, calls("a"), {"role": "tool", "tool_call_id": "a", "content": None}],
    ],
)
def test_what_the_service_refuses_is_a_violation(messages: Any):
    assert violations(messages)


@pytest.mark.parametrize(
    "fields",
    [
        {"parallel_tool_calls": True},
        {"tools": []},
        {"tool_choice": "auto"},
        {"surprise": 1},
        {"stream_options": {}},
    ],
)
def test_parameter_that_is_unknown_or_out_of_place_is_a_violation(fields: dict[str, Any]):
    assert violations([USER], {"messages": [USER], **fields})

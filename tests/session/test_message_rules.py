"""What the API would refuse in a talk's messages is found before it is asked."""

from typing import Any

import pytest

from app.session.message_rules import validate
from tests.support.api_rules import violations


@pytest.mark.parametrize(
    "broken",
    [
        [{"role": "assistant", "content": ""}],
        [{"role": "assistant", "content": None}],
        [{"role": "tool", "tool_call_id": "a", "content": "x"}],
        [{"role": "assistant", "content": None, "tool_calls": []}],
    ],
)
def test_message_that_the_api_refuses_is_found(broken: list[Any]):
    assert validate(broken)


def calling(*ids: str, name: str = "work", arguments: Any = "{}") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    calls = [{"id": i, "type": "function", "function": function} for i in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def answering(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "x"}


USER = {"role": "user", "content": "hola"}


@pytest.mark.parametrize(
    ("messages", "is_valid"),
    [
        ([calling("a"), answering("a")], True),
        ([calling("a", "b"), answering("b"), answering("a"), USER], True),
        ([calling("a")], False),
        ([calling("a"), USER, answering("a")], False),
        ([calling("a", "b"), answering("a")], False),
        ([calling("a"), answering("b")], False),
        ([calling("a"), answering("a"), answering("a")], False),
        ([calling("a", "a"), answering("a"), answering("a")], False),
        ([calling(""), answering("")], False),
        ([calling("i" * 41), answering("i" * 41)], False),
        ([calling("a", name="two words"), answering("a")], False),
        ([calling("a", name=""), answering("a")], False),
        ([calling("a", name="n" * 65), answering("a")], False),
        ([calling("a", arguments={}), answering("a")], False),
    ],
)
def test_calls_are_valid_when_each_is_answered_right_after_by_one_message(
    messages: list[Any], is_valid: bool
):
    assert (validate(messages) == []) is is_valid
    assert (violations([USER, *messages]) == []) is is_valid, "the stand-in of the service judges the same"

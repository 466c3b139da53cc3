"""What a service's refusals teach about the messages it takes."""

from dataclasses import replace
from typing import Any

import pytest

from app.llm.returns import Returns, both

CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SENT: list[dict[str, Any]] = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": "u"},
    {"role": "assistant", "content": "x", "reasoning_content": "Hm", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "a", "content": "1"},
]

TAUGHT = [
    (
        "Cannot pass both content and thinking in an assistant message with tool calls! Put the analysis "
        "message in one or the other, but not both.",
        Returns(text_beside_calls=False),
    ),
    ("Only one of content or tool_calls may be present", Returns(text_beside_calls=False)),
    ("Unexpected role system", Returns(system_role=False)),
    ("Invalid role: system. Must be one of user, assistant", Returns(system_role=False)),
    ('messages: Unexpected role "system". The API takes a top-level parameter', Returns(system_role=False)),
    ("only user and assistant roles are supported!", Returns(system_role=False)),
    ("contents[3].parts[0].function_response.name: Name cannot be empty.", Returns(named_results=True)),
    ("tool message must have a name", Returns(named_results=True)),
    (
        "UnsupportedParamsError: Bedrock doesn't support tool calling without `tools=` param specified.",
        Returns(tools_beside_calls=True),
    ),
    (
        "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
        Returns(tools_beside_calls=True),
    ),
    ("Requests which have tool_use blocks in messages must define tools", Returns(tools_beside_calls=True)),
    ("reasoning_content: unknown field", Returns(refused=frozenset({"reasoning_content"}))),
    (
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
        Returns(wanted=frozenset({"reasoning_content"})),
    ),
    ("messages[2].content: something else", Returns()),
]


@pytest.mark.parametrize(("complaint", "returns"), TAUGHT, ids=[words[:40] for words, _ in TAUGHT])
def test_one_refusal_teaches_one_thing(complaint: str, returns: Returns):
    taught = Returns().taught(complaint, SENT)

    assert taught == returns
    assert taught.taught(complaint, SENT) == taught, "the same again teaches nothing more"
    assert both(Returns(), taught) == taught


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        ([{"role": "assistant", "content": "Ya.", "reasoning_content": "Hm."}], {"reasoning_content"}),
        ([{"role": "assistant", "content": "Ya.", "reasoning_content": ""}], set()),
        ([{"role": "assistant", "content": "Ya."}], set()),
        ([], set()),
    ],
)
def test_thoughts_that_a_service_took_back_once_go_back_ever_after(sent: Any, wanted: set[str]):
    before = Returns(refused=frozenset({"reasoning"}))

    assert before.taken(sent) == replace(before, wanted=frozenset(wanted))

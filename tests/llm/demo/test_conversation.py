"""The messages say what is to be answered: a text, or what has become of tools."""

import json
from typing import Any

import pytest

from app.llm.demo.conversation import read_messages


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def says(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def call(*ids: str, name: str = "calculate", arguments: str = '{"expression": "2+2"}') -> dict[str, Any]:
    functions = {"name": name, "arguments": arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": each, "type": "function", "function": functions} for each in ids],
    }


def tool(call_id: str, /, **content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": json.dumps(content)}


DONE: dict[str, Any] = {"status": "done", "result": {"result": 4}}


def test_a_text_that_comes_last_is_unanswered():
    situation = read_messages([{"role": "system", "content": "x"}, user("uno"), says("dos"), user("tres")])

    assert (situation.text, situation.is_unanswered, situation.outcomes) == ("tres", True, ())


def test_results_behind_the_users_text_are_its_answer():
    situation = read_messages(
        [user("uno"), call("a", "b"), tool("a", **DONE), tool("b", status="failed", error="Mal.")]
    )

    assert [(each.status, each.error) for each in situation.outcomes] == [("done", ""), ("failed", "Mal.")]
    assert situation.outcomes[0].value == {"result": 4}
    assert situation.outcomes[0].arguments == {"expression": "2+2"}
    assert not situation.is_late
    assert not situation.is_unanswered


def test_results_behind_an_answer_come_late():
    running = tool("a", status="running", call_id="a")
    talk = [
        user("uno"),
        call("a"),
        running,
        says("Estoy en ello."),
        call("b"),
        tool("b", **DONE),
        call("c"),
        tool("c", **DONE),
    ]

    situation = read_messages(talk)

    assert situation.is_late
    assert len(situation.outcomes) == 2


def test_what_was_told_is_not_told_again():
    situation = read_messages([user("uno"), call("a"), tool("a", **DONE), says("4")])

    assert situation.outcomes == ()
    assert not situation.is_unanswered


def test_the_last_call_and_an_unanswered_question_of_ours_are_remembered():
    after_call = read_messages([user("uno"), call("a"), tool("a", **DONE), says("4"), user("¿y por 3?")])
    after_words = read_messages([user("calcula"), says("¿Qué operación?"), user("2+2")])

    assert after_call.last_call == ("calculate", {"expression": "2+2"})
    assert after_call.text_before == ""
    assert after_words.text_before == "calcula"


@pytest.mark.parametrize("content", ["no JSON", "[1, 2]", '{"other": 1}', ""])
def test_a_tool_message_of_another_shape_is_taken_as_a_result(content: str):
    situation = read_messages(
        [user("uno"), call("a", arguments="{"), {"role": "tool", "tool_call_id": "a", "content": content}]
    )

    assert [each.status for each in situation.outcomes] == ["done"]


def test_a_text_in_parts_is_read_too():
    assert read_messages([{"role": "user", "content": [{"type": "text", "text": "hola"}]}]).text == "hola"


def test_no_messages_are_no_situation_to_answer():
    assert not read_messages([]).is_unanswered

"""The sentences that the server says to users, in Spanish and English."""

import ast
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from app.locales import SENTENCES, say
from app.protocol.events import ToolStatus

APP = Path(__file__).parents[1] / "app"


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("name", list(SENTENCES))
def test_sentence_has_the_same_placeholders_in_both_languages(name: str):
    spanish, english = SENTENCES[name]

    assert spanish and english and spanish != english
    assert placeholders(spanish) == placeholders(english)


@pytest.mark.parametrize("status", get_args(ToolStatus))
def test_each_ending_of_a_tool_has_its_sentences(status: str):
    assert "reloj" in say("es", f"tool_{status}", name="reloj", n=1, error="no")
    assert "reloj" in say("en", f"tool_result_{status}", name="reloj", text="x")


def test_sentence_is_said_in_the_asked_language():
    assert say("es", "accepted") == "Mensaje recibido"
    assert say("en", "accepted") == "Message received"


def test_missing_sentence_or_field_is_an_error():
    with pytest.raises(KeyError):
        say("es", "no_such_sentence")
    with pytest.raises(KeyError):
        say("es", "tool_started")


def test_braces_in_a_field_are_left_as_they_are():
    assert say("en", "tool_started", name="{n}") == "Tool {n}: started."


def calls_of_say() -> list[ast.Call]:
    trees = [ast.parse(path.read_text()) for path in APP.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "say" and len(c.args) == 2]


def test_every_sentence_that_is_asked_for_by_name_is_there_and_gets_its_fields():
    asked = [(c.args[1].value, c) for c in calls_of_say() if isinstance(c.args[1], ast.Constant)]

    assert len(asked) > 10
    for name, call in asked:
        assert {keyword.arg for keyword in call.keywords} == placeholders(SENTENCES[name][0]), name

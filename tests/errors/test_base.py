"""Everything that can go wrong has a code and a sentence in both languages."""

import ast
import inspect
import re
from pathlib import Path
from string import Formatter

import pytest

from app import errors
from app.errors import AgentError, BadMessage, LlmError, LlmUnavailable, LlmUntrusted, ProtocolError, TooLarge

APP = Path(__file__).parents[2] / "app"
FAMILIES = {AgentError, ProtocolError, LlmError}
"""Never raised themselves: they are what handlers catch."""

CLASSES = [
    value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, AgentError)
]
RAISED = [error for error in CLASSES if error not in FAMILIES]


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def made(error: type[AgentError]) -> AgentError:
    if error is BadMessage:
        return BadMessage("razón", "reason", "key=secret")
    return error("key=secret", **dict.fromkeys(placeholders(error.es), "{x}"))


@pytest.mark.parametrize("error", RAISED)
def test_error_has_a_code_and_both_sentences_with_the_same_placeholders(error: type[AgentError]):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert error.es and error.en and error.es != error.en
    if error is BadMessage:  # its reason has a sentence of its own in each language
        assert (placeholders(error.es), placeholders(error.en)) == ({"reason_es"}, {"reason_en"})
    else:
        assert placeholders(error.es) == placeholders(error.en)


@pytest.mark.parametrize("error", RAISED)
def test_error_says_its_sentence_in_the_users_language(error: type[AgentError]):
    raised = made(error)

    assert raised.sentence("es") == error.es.format(**raised.fields)
    assert raised.sentence("en") == error.en.format(**raised.fields)
    assert "secret" not in raised.sentence("es") + raised.sentence("en")


def test_codes_are_shared_by_relatives_only():
    for error in RAISED:
        for other in RAISED:
            if error.code == other.code:
                assert issubclass(error, other) or issubclass(other, error)


def test_certificate_that_is_wrong_is_not_tried_again():
    assert LlmUnavailable.retryable
    assert (LlmUntrusted.code, LlmUntrusted.retryable) == (LlmUnavailable.code, False)


@pytest.mark.parametrize(
    "code", ["bad_message", "unknown_type", "too_large", "first_message_timeout", "not_available"]
)
@pytest.mark.parametrize("error", RAISED)
def test_what_would_fail_again_is_not_called_retryable(error: type[AgentError], code: str):
    assert error.code != code or not error.retryable


def test_facts_are_for_the_log():
    assert str(TooLarge("3 MiB", limit=5)) == "3 MiB"
    assert str(TooLarge(limit=5)) == "too_large"
    assert BadMessage("no es JSON", "it is no JSON").facts == "it is no JSON"


def test_tree_in_the_docstring_names_every_class():
    tree = (inspect.getdoc(errors) or "").split("\n\n")[1]

    assert sorted(re.findall(r"(?:^|── )(\w+)", tree, re.MULTILINE)) == sorted(e.__name__ for e in CLASSES)


def test_whoever_raises_an_error_gives_its_sentence_what_it_needs():
    by_name = {error.__name__: error for error in RAISED if error is not BadMessage}
    trees = [ast.parse(path.read_text()) for path in APP.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    calls = [
        n for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in by_name
    ]
    bare = [n.exc.id for n in nodes if isinstance(n, ast.Raise) and isinstance(n.exc, ast.Name)]

    assert len(calls) > 5
    for call in calls:
        assert isinstance(call.func, ast.Name)
        given = {keyword.arg for keyword in call.keywords} - {"facts"}
        assert given == placeholders(by_name[call.func.id].es), ast.unparse(call)
    assert all(not placeholders(by_name[name].es) for name in bare if name in by_name)

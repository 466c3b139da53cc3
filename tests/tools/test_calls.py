"""One tool call: what was asked, how it stands, how it ended."""

from dataclasses import replace
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator

from app.chat import FunctionCall
from app.session.history import CallRecord, History
from app.session.message_rules import validate
from app.tools.base import Tool, ToolContext, ToolError
from app.tools.call_state import CallState
from app.tools.calls import (
    MAX_ARGUMENT_CHARS,
    CheckedCall,
    WriteLedger,
    check_call,
    clean_name,
    history_arguments,
    repeated_answer,
)
from app.tools.tool_call import ToolCall, ToolOutcome, new_call_id
from app.tools.tool_list import ToolRegistry


class Args(BaseModel):
    to: str = "ana"
    times: int = Field(default=1, ge=0)
    more: Any = None

    @field_validator("to")
    @classmethod
    def _breaks(cls, value: str) -> str:
        if value == "broken":
            raise ZeroDivisionError("a bug of the tool's author")
        return value


async def run(args: Args, ctx: ToolContext) -> None:
    """Never runs here."""


REGISTRY = ToolRegistry([Tool(name, "Sends.", Args, run, "write") for name in ("send", "write")])


def asked(arguments: str = "{}", name: str = "send") -> FunctionCall:
    return FunctionCall("model_1", name, arguments)


def checked(arguments: str = "{}", name: str = "send") -> CheckedCall:
    return check_call(asked(arguments, name), REGISTRY, "es")


def a_run(call_id: str = "c1", status: str | None = None) -> ToolCall:
    made = ToolCall(call_id, "t", "send", "{}", 0.0, "write")
    if status is not None:
        made.move_to(CallState.STARTING)
        made.move_to(CallState.RUNNING)
        made.end(ToolOutcome(status, result="enviado", error="no pudo ser."))  # pyright: ignore[reportArgumentType]
    return made


# Reading a call


def test_a_tool_whose_need_the_session_lacks_is_refused_in_its_own_words():
    tools = [Tool("send", "Sends.", Args, run, "write"), Tool("keep", "Keeps.", Args, run, "write")]
    registry = ToolRegistry([tools[0], replace(tools[1], needs="profile")])

    with pytest.raises(ToolError, match="no se puede recordar nada"):
        check_call(asked(name="keep"), registry, "es")
    with pytest.raises(ToolError, match=r"las que hay son: send\."):
        check_call(asked(name="nope"), registry, "es")
    assert check_call(asked(name="keep"), registry, "es", frozenset({"profile"})).tool.name == "keep"


@pytest.mark.parametrize(
    "arguments",
    ["", "{}", '{"times":2}', '{"times":"2","unknown":1}', '{"more":' + "[" * 99 + "]" * 99 + "}"],
)
def test_call_that_fits_may_run(arguments: str):
    call = checked(arguments)

    assert call.tool.name == "send"
    assert isinstance(call.args, Args)
    assert call.arguments == (arguments or "{}")


def test_arguments_are_those_that_count_and_nothing_else():
    """A person who is asked must not read the one of two values that is not used."""
    call = checked('{"to":"ana",  \n  "times":2, "to":"eva"}')

    assert call.arguments == '{"to":"eva","times":2}'
    assert call.args == Args(to="eva", times=2)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (asked(name="nope"), "esa herramienta no existe; las que hay son: send, write."),
        (asked(name=""), "las que hay son: send, write."),
        (asked("{nope"), "no son un objeto JSON"),
        (asked("[1]"), "no son un objeto JSON"),
        (asked("null"), "no son un objeto JSON"),
        (asked("\ud83d"), "no son un objeto JSON"),
        (asked("[" * 10_000), "no son un objeto JSON"),
        (asked('{"more":' + "[" * 100 + "]" * 100 + "}"), "no son un objeto JSON"),
        (asked('{"more":"' + "x" * MAX_ARGUMENT_CHARS + '"}'), "demasiado largos"),
        (asked('{"times":"muchas"}'), "times: "),
        (asked('{"times":-1,"to":5}'), "to: Input should be a valid string; times: "),
        (asked('{"to":"broken"}'), "ha ocurrido un error dentro de la herramienta."),
    ],
)
def test_call_that_does_not_fit_is_refused_with_a_sentence(call: FunctionCall, sentence: str):
    with pytest.raises(ToolError) as caught:
        check_call(call, REGISTRY, "es")

    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_values_of_the_arguments_are_not_repeated_in_the_refusal():
    with pytest.raises(ToolError) as caught:
        checked('{"times":"secret-value"}')

    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("send", "send"),
        ("", "unknown"),
        ("../etc passwd", "___etc_passwd"),
        ("ñ\n", "__"),
        ("n" * 1000, "n" * 64),
    ],
)
def test_name_is_cleaned_for_the_history(name: str, cleaned: str):
    assert clean_name(name) == cleaned


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("", "{}"),
        ("{nope", "{}"),
        ("[1]", "{}"),
        ('{"a":"' + "x" * MAX_ARGUMENT_CHARS + '"}', "{}"),
        ('{"a":"\ud83d"}', "{}"),
    ],
)
def test_arguments_are_an_object_in_the_history(arguments: str, kept: str):
    assert history_arguments(asked(arguments)) == kept


@given(name=st.text(st.characters()), arguments=st.text(st.characters()))
def test_any_call_of_a_model_is_acceptable_in_the_history(name: str, arguments: str):
    history = History("s", 10**6)
    history.begin_turn("t")
    history.add_calls("", [CallRecord(new_call_id(), clean_name(name), history_arguments(asked(arguments)))])

    assert validate(history) == []
    assert orjson.dumps(history.for_api())


def test_ids_are_ours_short_and_never_the_same():
    ids = {new_call_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert max(map(len, ids)) <= 40


# Endings


def test_ending_is_told_to_the_model_in_the_fixed_form():
    assert ToolOutcome("done", result=None).content() == {"status": "done", "result": None}
    assert ToolOutcome("done", result="a", truncated=True).content() == {
        "status": "done",
        "result": "a",
        "truncated": True,
    }
    assert ToolOutcome("timed_out", error="tarde.").content() == {"status": "timed_out", "error": "tarde."}


def test_run_is_pending_until_it_has_an_ending():
    assert a_run().is_pending
    assert not a_run(status="done").is_pending


def test_run_is_kept_in_the_history_under_its_own_id_or_another():
    run = a_run("c1")

    assert run.record() == CallRecord("c1", "send", "{}", is_write=True)
    assert run.record("c2") == CallRecord("c2", "send", "{}", is_write=True)


# Writes happen once


@pytest.mark.parametrize("status", [None, "done", "timed_out", "cancelled", "interrupted"])
def test_write_that_runs_or_may_have_happened_is_found_again(status: str | None):
    ledger, first = WriteLedger(), a_run(status=status)

    ledger.begin(checked(), first)

    assert ledger.earlier(checked()) is first


def test_write_that_failed_may_be_tried_again():
    ledger = WriteLedger()

    ledger.begin(checked(), a_run(status="failed"))

    assert ledger.earlier(checked()) is None


@pytest.mark.parametrize(
    "arguments",
    ['{"times":1}', '{"to":"ana"}', '{ "to": "ana", "times": "1" }', '{"times":1.0,"unknown":5}', ""],
)
def test_same_write_in_other_words_is_the_same_write(arguments: str):
    ledger, first = WriteLedger(), a_run()

    ledger.begin(checked("{}"), first)

    assert ledger.earlier(checked(arguments)) is first


@pytest.mark.parametrize("more", [{"a": 1, "b": [1]}, {"b": [1], "a": 1}])
def test_order_of_members_does_not_matter(more: Any):
    ledger, first = WriteLedger(), a_run()

    ledger.begin(checked('{"more":{"a":1,"b":[1]}}'), first)

    assert ledger.earlier(checked(orjson.dumps({"more": more}).decode())) is first


def test_other_arguments_or_another_tool_are_another_write():
    ledger = WriteLedger()

    ledger.begin(checked('{"to":"ana"}'), a_run())

    assert ledger.earlier(checked('{"to":"eva"}')) is None
    assert ledger.earlier(checked('{"to":"ana"}', "write")) is None


@pytest.mark.parametrize(
    "arguments", ['{"more":' + "[" * 99 + "]" * 99 + "}", '{"times":"' + "9" * 40 + '"}']
)
def test_write_with_unusual_arguments_is_found_again_too(arguments: str):
    ledger, first = WriteLedger(), a_run()

    ledger.begin(checked(arguments), first)

    assert ledger.earlier(checked(arguments)) is first


def test_users_next_text_forgets_what_has_ended_and_keeps_what_runs():
    ledger, running = WriteLedger(), a_run()
    ledger.begin(checked('{"to":"done"}'), a_run(status="done"))
    ledger.begin(checked('{"to":"runs"}'), running)

    ledger.user_spoke()

    assert ledger.earlier(checked('{"to":"done"}')) is None
    assert ledger.earlier(checked('{"to":"runs"}')) is running


Status = Literal["timed_out", "cancelled", "interrupted"]


def test_repeated_write_is_answered_by_how_the_first_one_stands():
    done = {"status": "done", "result": "enviado", "call_id": "c1"}
    failed = {"status": "failed", "error": "no pudo ser.", "call_id": "c1"}

    assert repeated_answer(a_run(), "es") == {"status": "running", "call_id": "c1"}
    assert repeated_answer(a_run(status="done"), "es") == done
    assert repeated_answer(a_run(status="failed"), "es") == failed


@pytest.mark.parametrize("status", ["timed_out", "cancelled", "interrupted"])
@pytest.mark.parametrize("locale", ["es", "en"])
def test_repeated_write_whose_first_one_may_have_happened_says_that_nobody_knows(status: Status, locale: Any):
    answer = repeated_answer(a_run(status=status), locale)

    assert (answer["status"], answer["call_id"]) == (status, "c1")
    assert "outcome unknown" in answer["error"]


def test_what_nobody_sees_in_arguments_neither_shows_nor_runs():
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "evil")
    call = checked(f'{{"to":"an\u200ba{hidden}\u202e"}}')

    assert call.arguments == '{"to":"ana"}'
    assert call.args.model_dump()["to"] == "ana"

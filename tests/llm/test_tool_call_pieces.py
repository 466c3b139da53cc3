import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.base import ToolCall
from app.llm.tool_call_pieces import MAX_TOTAL_CHARS, ToolCallPieces


def piece(index: Any = "missing", id: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"function": {"name": name, "arguments": arguments}}
    if index != "missing":
        entry["index"] = index
    if id is not None:
        entry["id"] = id
    return entry


def gathered(*deltas: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    pieces = ToolCallPieces()
    for delta in deltas:
        pieces.add(delta)
    return [(call.id, call.name, call.arguments) for call in pieces.calls()]


def test_pieces_of_interleaved_calls_are_put_together_by_index():
    assert gathered(
        [piece(0, "a", "calculate", ""), piece(1, "b", "get_weather_info", "")],
        [piece(1, arguments='{"x":'), piece(0, arguments='{"y":')],
        [piece(0, arguments="1}")],
        [piece(1, arguments="2}")],
    ) == [("a", "calculate", '{"y":1}'), ("b", "get_weather_info", '{"x":2}')]


def test_calls_stand_in_the_order_of_their_indexes():
    """B25: skipping and descending indexes."""
    assert gathered([piece(7, "a", "f", "{}")], [piece(2, "b", "g", "{}")]) == [
        ("b", "g", "{}"),
        ("a", "f", "{}"),
    ]


def test_same_index_with_another_id_is_another_call():
    """B25: some services number every call 0."""
    assert gathered([piece(0, "a", "f", "{}")], [piece(0, "b", "f", "{}")]) == [
        ("a", "f", "{}"),
        ("b", "f", "{}"),
    ]


def test_interleaved_calls_of_one_index_are_told_apart_by_their_ids():
    """B25"""
    assert gathered(
        [piece(0, "a", "f", "{")],
        [piece(0, "b", "g", "{")],
        [piece(0, "a", arguments="}")],
        [piece(0, "b", arguments="}")],
    ) == [("a", "f", "{}"), ("b", "g", "{}")]


def test_id_and_name_that_come_with_every_piece_are_taken_once():
    """B25"""
    assert gathered([piece(0, "a", "f", "{")], [piece(0, "a", "f", "}")]) == [("a", "f", "{}")]


@pytest.mark.parametrize("index", ["missing", None])
def test_calls_without_indexes_are_told_apart_by_their_ids(index: Any):
    """B25"""
    assert gathered(
        [piece(index, "a", "f", "{"), piece(index, "b", "g", "{")],
        [piece(index, "b", arguments="}"), piece(index, "a", arguments="}")],
    ) == [("a", "f", "{}"), ("b", "g", "{}")]


@pytest.mark.parametrize("call_id", [None, ""])
def test_whole_calls_without_index_and_id_stay_apart(call_id: Any):
    """B24, B25"""
    one, two = piece(None, call_id, "f", '{"n":1}'), piece(None, call_id, "f", '{"n":2}')

    assert gathered([one], [two]) == gathered([one, two]) == [("", "f", '{"n":1}'), ("", "f", '{"n":2}')]


def test_pieces_without_index_and_id_go_to_the_call_that_is_under_way():
    """B25"""
    assert gathered(
        [piece(name="f")],
        [piece(arguments="{")],
        [piece(arguments="}")],
        [piece(name="g")],
        [piece(arguments="{}")],
    ) == [("", "f", "{}"), ("", "g", "{}")]


def test_two_calls_with_the_same_id_stay_apart_by_their_indexes():
    """B24"""
    assert gathered([piece(0, "x", "f", "{}"), piece(1, "x", "f", "{}")]) == [
        ("x", "f", "{}"),
        ("x", "f", "{}"),
    ]


def test_id_of_any_length_is_handed_on_as_it_is():
    """B24: the caller gives ids of its own."""
    assert gathered([piece(0, "i" * 10_000, "f", "{}")]) == [("i" * 10_000, "f", "{}")]


def test_id_may_come_after_the_first_pieces():
    """B25"""
    assert gathered([piece(None, name="f")], [piece(None, "late", arguments="{}")]) == [("late", "f", "{}")]


def test_name_may_come_in_two_pieces_and_after_the_arguments():
    """B25"""
    assert gathered([piece(0, "a", arguments="{}")], [piece(0, name="calc")], [piece(0, name="ulate")]) == [
        ("a", "calculate", "{}")
    ]


def test_call_without_a_name_is_dropped_with_a_warning(caplog: pytest.LogCaptureFixture):
    """B25"""
    with caplog.at_level(logging.WARNING):
        calls = gathered([piece(0, "a", "", "{}"), piece(1, "b", "f", "{}")])

    assert calls == [("b", "f", "{}")]
    assert [record.message for record in caplog.records] == ["llm_tool_call_without_name"]


def test_arguments_that_are_an_object_become_its_text():
    assert gathered([piece(0, "a", "f", {"n": 1})]) == [("a", "f", '{"n":1}')]


def test_garbage_in_place_of_pieces_brings_nothing():
    """B17"""
    pieces = ToolCallPieces()

    assert not pieces.add(None)
    assert not pieces.add("calls")
    assert not pieces.add(
        [None, 7, {}, {"index": 0, "function": None}, {"index": 0, "function": {"name": 3}}]
    )
    assert pieces.calls() == ()


def test_arguments_without_end_are_given_up():
    """B22: a megabyte is taken, an endless stream is not kept."""
    pieces = ToolCallPieces()

    pieces.add([piece(0, "a", "f", "x" * 1_000_000)])
    assert not pieces.is_overlong
    for _ in range(MAX_TOTAL_CHARS // 1_000_000 + 1):
        pieces.add([piece(0, arguments="x" * 1_000_000)])

    assert pieces.is_overlong


@st.composite
def fragmented(draw: st.DrawFn) -> tuple[list[ToolCall], list[list[dict[str, Any]]]]:
    """Calls, and one of the ways in which a service may stream them."""
    names = st.sampled_from(["calculate", "get_current_time", "make_http_request"])
    values = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=3)
    count = draw(st.integers(1, 4))
    indexes = draw(
        st.permutations(draw(st.sampled_from([range(count), range(0, 3 * count, 3), [9, 5, 4, 2][:count]])))
    )
    repeats_id = draw(st.booleans())
    whole, streams = {}, []
    for number, index in enumerate(indexes):
        call = ToolCall(
            f"call_{number}" if draw(st.booleans()) else "", draw(names), json.dumps(draw(values))
        )
        whole[index] = call
        name_cut = draw(st.integers(0, len(call.name) - 1))
        cuts = sorted(draw(st.lists(st.integers(0, len(call.arguments)), max_size=4)))
        names_of = [piece(index, name=part) for part in (call.name[:name_cut], call.name[name_cut:]) if part]
        edges = zip([0, *cuts], [*cuts, len(call.arguments)], strict=True)
        arguments_of = [piece(index, arguments=call.arguments[start:end]) for start, end in edges]
        parts = names_of + arguments_of if draw(st.booleans()) else arguments_of + names_of
        for position, part in enumerate(parts):
            if position == 0 or repeats_id:
                part["id"] = call.id
        streams.append(parts)
    entries = []
    while any(streams):
        entries.append(draw(st.sampled_from([stream for stream in streams if stream])).pop(0))
    deltas = []
    while entries:
        size = draw(st.integers(1, 3))
        deltas.append(entries[:size])
        entries = entries[size:]
    return [whole[index] for index in sorted(whole)], deltas


@given(fragmented())
def test_any_fragmentation_gives_the_same_calls_as_the_whole(
    drawn: tuple[list[ToolCall], list[list[dict[str, Any]]]],
):
    """B25"""
    calls, deltas = drawn

    assert gathered(*deltas) == [(call.id, call.name, call.arguments) for call in calls]

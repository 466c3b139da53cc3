import json
import logging
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.base import FunctionCall
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


KNOWN = ("calculate", "get_weather_info", "get_public_ip")


def gathered_of_known(*deltas: Any) -> list[tuple[str, str]]:
    pieces = ToolCallPieces(KNOWN)
    for delta in deltas:
        pieces.add(delta)
    return [(call.name, call.arguments) for call in pieces.calls()]


A, B = ("calculate", '{"x":1}'), ("get_weather_info", '{"y":2}')


@pytest.mark.parametrize(
    "deltas",
    [
        # A second name after a whole call, all under one index, or under none.
        [[piece(0, name=A[0], arguments=A[1])], [piece(0, name=B[0], arguments=B[1])]],
        [[piece(0, name=A[0], arguments=A[1]), piece(0, name=B[0], arguments=B[1])]],
        [[piece(0, name=A[0])],
         [piece(0, arguments=A[1])],
         [piece(0, name=B[0])],
         [piece(0, arguments=B[1])]],
        [[piece(name=A[0])], [piece(arguments=A[1])], [piece(name=B[0])], [piece(arguments=B[1])]],
        [
            [piece(0, "a", A[0], "")], [piece(0, None, None, A[1])],
            [piece(0, "b", B[0], "")], [piece(0, None, None, B[1])],
        ],
        # The name, or name and id, with each piece.
        [
            [piece(0, name=A[0], arguments='{"x"')], [piece(0, name=A[0], arguments=":1}")],
            [piece(0, name=B[0], arguments='{"y"')], [piece(0, name=B[0], arguments=":2}")],
        ],
        [
            [piece(0, "a", A[0], '{"x"')], [piece(0, "a", A[0], ":1}")], [piece(0, "a", A[0], "")],
            [piece(1, "b", B[0], '{"y"')], [piece(1, "b", B[0], ":2}")], [piece(1, "b", B[0], None)],
        ],
        # Another id with each piece.
        [
            [piece(0, "a", A[0], '{"x"')], [piece(0, "b", None, ":1}")],
            [piece(1, "c", B[0], '{"y"')], [piece(1, "d", B[0], ":2}")],
        ],
        # Arguments as an object, null, or a stand-in for what is to come.
        [[piece(0, "a", A[0], {"x": 1})], [piece(0, "b", B[0], {"y": 2})]],
        [[piece(0, "a", A[0], None)],
         [piece(0, arguments=A[1])],
         [piece(0, "b", B[0])],
         [piece(0, arguments=B[1])]],
        [[piece(0, "a", A[0], "{}")],
         [piece(0, arguments=A[1])],
         [piece(1, "b", B[0], "{}")],
         [piece(1, arguments=B[1])]],
        # The whole call once more behind its pieces.
        [
            [piece(0, "a", A[0], '{"x"')], [piece(0, arguments=":1}")], [piece(0, "a", A[0], A[1])],
            [piece(1, "b", B[0], B[1])], [piece(1, "b", B[0], B[1])],
        ],
        # The same, written another way.
        [
            [piece(0, "a", A[0], '{"x"')], [piece(0, arguments=":1}")], [piece(0, "a", A[0], '{"x": 1}')],
            [piece(1, "b", B[0], B[1])], [piece(1, "b", None, '{"y": 2}\n')],
        ],
        # The name as far as it has come, each time; an index that is a text; no function around it.
        [[piece("0", name="calc")],
         [piece("0", name="calculate", arguments=A[1])],
         [piece("1", name=B[0], arguments=B[1])]],
        [[{"index": 0, "name": A[0], "arguments": A[1]}], [{"index": 1, "name": B[0], "arguments": B[1]}]],
    ],
)  # fmt: skip
def test_calls_come_apart_whatever_the_service_numbers_names_and_repeats(deltas: Any):
    assert gathered_of_known(*deltas) == [A, B]


@pytest.mark.parametrize(
    ("deltas", "calls"),
    [
        # Arguments that begin anew after a whole object are a call of their own.
        ([[piece(0, name="calculate")],
         [piece(0, arguments='{"x":1}')],
         [piece(0, arguments='{"x":2}')]], ["1", "2"]),
        ([[piece(0, name="calculate", arguments='{"x":1}{"x":2} {"x":3}')]], ["1", "2", "3"]),
        ([[piece(0, name="calculate")],
         [piece(0, name="calculate")],
         [piece(0, arguments='{"x":1}')]], ["1"]),
        ([[piece(0, name="calculate", arguments='{"x":1}')],
         [piece(0, name="calculate", arguments='{"x":2}')]], ["1", "2"]),
    ],
)  # fmt: skip
def test_arguments_that_begin_anew_are_another_call(deltas: Any, calls: list[str]):
    assert gathered_of_known(*deltas) == [("calculate", f'{{"x":{number}}}') for number in calls]


def test_two_names_in_a_row_are_two_calls_where_both_are_offered():
    assert gathered_of_known(
        [piece(0, name="get_public_ip")], [piece(0, name="calculate", arguments="{}")]
    ) == [
        ("get_public_ip", ""),
        ("calculate", "{}"),
    ]


def test_one_call_may_stand_without_its_list():
    assert gathered_of_known({"function": {"name": "calculate", "arguments": "{}"}}) == [("calculate", "{}")]


@given(st.data())
def test_calls_under_one_index_are_told_apart_in_any_fragmentation(data: st.DataObject):
    """No ids, or the same one with each piece; the name once, or with each piece; pieces of any length."""
    calls, deltas = [], []
    index = data.draw(st.sampled_from([0, None, "missing"]))
    has_ids, repeats_name = data.draw(st.booleans()), data.draw(st.booleans())
    for number in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(KNOWN))
        arguments = json.dumps({"n": number, "t": data.draw(st.text(max_size=9))})
        calls.append((name, arguments))
        cuts = sorted(data.draw(st.lists(st.integers(1, len(arguments) - 1), max_size=4, unique=True)))
        edges = zip([0, *cuts], [*cuts, len(arguments)], strict=True)
        for position, (start, end) in enumerate(edges):
            named = name if position == 0 or repeats_name else None
            deltas.append([piece(index, f"call_{number}" if has_ids else None, named, arguments[start:end])])

    assert gathered_of_known(*deltas) == calls


@st.composite
def fragmented(draw: st.DrawFn) -> tuple[list[FunctionCall], list[list[dict[str, Any]]]]:
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
        call = FunctionCall(
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
    drawn: tuple[list[FunctionCall], list[list[dict[str, Any]]]],
):
    """B25"""
    calls, deltas = drawn

    assert gathered(*deltas) == [(call.id, call.name, call.arguments) for call in calls]


def test_long_arguments_in_many_pieces_cost_no_more_than_their_length() -> None:
    """Each piece was joined to all before it: at 4 MiB that took minutes of a core."""
    pieces = ToolCallPieces()
    began = time.thread_time()
    pieces.add([{"index": 0, "id": "c", "function": {"name": "x", "arguments": '{"a":"'}}])
    for _ in range(200_000):
        pieces.add([{"index": 0, "function": {"arguments": "x" * 16}}])
    pieces.add([{"index": 0, "function": {"arguments": '"}'}}])
    [call] = pieces.calls()

    assert len(call.arguments) == 200_000 * 16 + 8
    assert time.thread_time() - began < 20  # it is about one second

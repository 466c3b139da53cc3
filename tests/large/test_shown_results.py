"""What a client is told of a call's result: a JSON value that is never large."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.results import bounded_json, shown_json

LIMIT = 2000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=50), inner, max_size=30),
    max_leaves=60,
)


@given(value=JSON)
def test_result_is_whole_or_cut_and_said_to_be(value: Any) -> None:
    plain, _ = bounded_json(value, 10**6)
    shown, was_cut = shown_json(plain, LIMIT)

    assert len(json.dumps(shown, ensure_ascii=False)) <= LIMIT
    assert was_cut == (shown != plain)
    assert was_cut == (len(json.dumps(plain, ensure_ascii=False)) > LIMIT)


@pytest.mark.parametrize(
    ("value", "most"),
    [("a" * 8000, 1990), ({"text": "ñ" * 8000, "n": 1}, 1900), (["\n" * 10] * 500, 900), ('"' * 8000, 900)],
)
def test_as_much_as_there_is_room_for_is_shown(value: Any, most: int) -> None:
    shown, was_cut = shown_json(value, LIMIT)

    assert was_cut
    assert len(json.dumps(shown, ensure_ascii=False)) >= most

"""Whoever is asked sees what will be done, however it was written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.protocol.asking import MAX_CHARS, shown_arguments

URL = "https://orders.example/cancel"

values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=600),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=300), inner, max_size=5),
)


def test_short_arguments_are_shown_as_they_are():
    assert shown_arguments('{"url":"https://example.com","n":1}') == '{"url":"https://example.com","n":1}'


@pytest.mark.parametrize(
    "padding",
    [
        {"body": "x" * 50_000},
        {"headers": {"X-Pad": "a" * 4000}},
        {"headers": {f"X-{n}": "a" * 100 for n in range(30)}},
        {"json": [["a" * 100] * 100] * 10},
        {"k" * 10_000: 1},
        {"json": json.loads("[" * 90 + "]" * 90)},
    ],
)
def test_nothing_long_hides_what_is_short(padding: dict[str, Any]):
    shown = shown_arguments(json.dumps({**padding, "url": URL, "method": "POST"}))

    assert URL in shown
    assert '"POST"' in shown
    assert len(shown) <= MAX_CHARS + 20


def test_what_is_left_out_is_counted():
    assert '"' + "x" * 200 + '… (+300)"' in shown_arguments(json.dumps({"body": "x" * 500, "url": URL}))


@pytest.mark.parametrize("unseen", ["\u202e", "\u200b", "\u2066", "\u009b", "\ufeff"])
def test_what_is_not_seen_is_written_out(unseen: str):
    shown = shown_arguments(json.dumps({"url": f"https://a.example/{unseen}"}, ensure_ascii=False))

    assert shown == f'{{"url": "https://a.example/\\u{ord(unseen):04x}"}}'


@given(st.dictionaries(st.text(max_size=300), values, max_size=5))
def test_any_arguments_can_be_shown(arguments: dict[str, Any]):
    assert len(shown_arguments(json.dumps(arguments, ensure_ascii=False))) <= 6 * (MAX_CHARS + 20)

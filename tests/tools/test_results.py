"""What a tool returned, made into a bounded JSON value that any store and any model takes."""

import dataclasses
import enum
import time
import tracemalloc
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from app.tools.results import UnreadableResult, bounded_json

LIMIT = 8000
MIB = 1024 * 1024


class Colour(enum.Enum):
    RED = "red"


class Word(str, enum.Enum):  # noqa: UP042  # tools of others may well be written so
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Weather(BaseModel):
    model_config = ConfigDict(extra="allow")

    degrees: float
    at: datetime


class Opaque:
    pass


def plain(value: Any, max_chars: int = LIMIT) -> Any:
    return bounded_json(value, max_chars)[0]


def is_cut(value: Any, max_chars: int = LIMIT) -> bool:
    return bounded_json(value, max_chars)[1]


AT = datetime(2025, 7, 20, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", ""),
        (True, True),
        (0, 0),
        (1.5, 1.5),
        (-(2**63), -(2**63)),
        (2**64 - 1, 2**64 - 1),
        (2**64, str(2**64)),
        (float("nan"), None),
        (float("-inf"), None),
        (Decimal("1.10"), "1.10"),
        (Decimal("NaN"), None),
        ([1, (2, 3)], [1, [2, 3]]),
        ({1}, [1]),
        (frozenset(), []),
        ({"a": {"b": None}}, {"a": {"b": None}}),
        ({1: "a", None: "b"}, {"1": "a", "None": "b"}),
        (OrderedDict(a=1), {"a": 1}),
        (AT, "2025-07-20T10:30:00+00:00"),
        (date(2025, 7, 20), "2025-07-20"),
        (AT.time(), "10:30:00"),
        (timedelta(minutes=1, milliseconds=500), 60.5),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (PurePosixPath("/a/b"), "/a/b"),
        (b"ma\xc3\xb1ana", "mañana"),
        (bytearray(b"a"), "a"),
        (b"\xff\xfe", "//4="),
        (Colour.RED, "red"),
        (Word.RED, "red"),
        (Number.ONE, 1),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Weather(degrees=20, at=AT), {"degrees": 20.0, "at": "2025-07-20T10:30:00+00:00"}),
        (Weather(degrees=20, at=AT, wind=3), {"degrees": 20.0, "at": "2025-07-20T10:30:00+00:00", "wind": 3}),
    ],
    ids=repr,
)
def test_value_has_its_plain_form_and_is_not_marked_as_cut(value: Any, expected: Any):
    assert bounded_json(value, LIMIT) == (expected, False)


def test_what_is_no_text_for_a_store_is_replaced():
    assert plain("a\ud83d\0b") == "a?\ufffdb"
    assert plain({"k\0\ud83d": 1}) == {"k\ufffd?": 1}


@pytest.mark.parametrize(
    "value",
    [Opaque(), [Opaque()], {"a": Opaque()}, Opaque, (n for n in "ab"), 10**5000, print],
    ids=lambda v: type(v).__name__,
)
def test_value_without_a_plain_form_is_refused(value: Any):
    with pytest.raises(UnreadableResult):
        plain(value)


def test_value_that_contains_itself_is_refused():
    cycle: list[Any] = []
    cycle.append(cycle)
    ring: dict[str, Any] = {"name": "ring"}
    ring["next"] = [ring] * 1000

    for value in (cycle, ring):
        with pytest.raises(UnreadableResult):
            plain(value)


def test_nesting_is_bounded():
    deep: Any = 1
    for _ in range(20):
        deep = [deep]
    assert plain(deep) == deep

    for _ in range(20):
        deep = [deep]
    with pytest.raises(UnreadableResult):
        plain(deep)


def billion(leaf: Any) -> Any:
    for _ in range(25):
        leaf = [leaf] * 10
    return leaf


HUGE: dict[str, Callable[[], Any]] = {
    "text": lambda: "x" * 100_000_000,
    "bytes": lambda: b"\xc3\xb1" * 50_000_000,
    "no text": lambda: b"\xff" * 100_000_000,
    "list": lambda: list(range(1_000_000)),
    "floats": lambda: [0.1234567890123456] * 1_000_000,
    "empty lists": lambda: [[]] * 1_000_000,
    "empty objects": lambda: [{}] * 1_000_000,
    "nothings": lambda: [None] * 1_000_000,
    "durations": lambda: [timedelta(1)] * 1_000_000,
    "texts": lambda: ["x" * 1_000_000] * 100,
    "keys": lambda: {"x" * 1_000_000 + str(n): n for n in range(10)},
    "billion empties": lambda: billion([]),
    "billion ones": lambda: billion(1),
    "enums": lambda: [Colour.RED] * 1_000_000,
}


@pytest.mark.parametrize("name", list(HUGE))
def test_huge_value_costs_no_more_than_what_is_kept_of_it(name: str):
    huge = HUGE[name]()
    tracemalloc.start()
    begin = time.process_time()
    value, was_cut = bounded_json(huge, LIMIT)
    spent_s = time.process_time() - begin
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert was_cut
    assert len(orjson.dumps(value).decode()) <= LIMIT * 1.1
    assert spent_s < 1
    assert peak < 2 * MIB


@pytest.mark.parametrize("size", range(7990, 8010))
@pytest.mark.parametrize("letter", ["a", "ñ", "€", "🎤"])
def test_bytes_are_cut_between_characters_and_marked(letter: str, size: int):
    value, was_cut = bounded_json((letter * size).encode(), LIMIT)

    assert value == letter * min(size, LIMIT)
    assert was_cut is (size > LIMIT)


@pytest.mark.parametrize(
    ("value", "was_cut"),
    [
        ("x" * 100, False),
        ("x" * 101, True),
        (["x" * 97], False),
        (["x" * 98], True),
        ([1] * 24, False),
        ([1] * 60, True),
    ],
)
def test_mark_says_whether_something_is_missing(value: Any, was_cut: bool):
    kept, mark = bounded_json(value, 100)

    assert mark is was_cut
    assert (kept == value) is not was_cut


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters())
    | st.binary()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters()), inner, max_size=5)
        | st.tuples(inner, inner)
    ),
    max_leaves=15,
)


@given(value=anything, max_chars=st.integers(1, 300))
def test_any_plain_value_becomes_json_that_everybody_reads_alike(value: Any, max_chars: int):
    kept, _ = bounded_json(value, max_chars)

    text = orjson.dumps(kept)
    assert orjson.loads(text) == kept
    assert b"\\u0000" not in text


def test_what_nobody_sees_in_a_result_is_left_out():
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "obey")
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    result = {f"na{hidden}me": [f"Sol{hidden} \u202eabc{family}", hidden.encode()]}

    assert bounded_json(result, 1000) == ({"name": [f"Sol abc{family}", ""]}, False)

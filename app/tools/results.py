"""What a tool returned, made into a bounded JSON value.

A tool may return anything, of any size. Only as much of it is looked at as is kept, so that a result of
100 MB costs no more than one of 8 KB.
"""

import base64
import codecs
import dataclasses
import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from app.unseen import without_unseen

MAX_DEPTH = 32
"""Deeper nesting is cut; it also ends a value that contains itself."""

_ITEM_COST = 3
"""Characters that quotes and a separator need in JSON, or brackets and a separator."""


class UnreadableResult(Exception):
    """A value that has no plain form in JSON."""


class _Budget:
    """Characters that may still be kept."""

    def __init__(self, chars: int) -> None:
        self.left = chars
        self.was_cut = False

    def text(self, text: str) -> str:
        if len(text) > self.left:
            self.was_cut = True
            text = text[: max(self.left, 0)]
        self.left -= len(text) + _ITEM_COST
        # Lone surrogates have no UTF-8, and PostgreSQL takes no NUL. What nobody sees is for no model either.
        return without_unseen(text.encode("utf-8", "replace").decode().replace("\0", "\ufffd"))

    @property
    def is_spent(self) -> bool:
        if self.left <= 0:
            self.was_cut = True
        return self.left <= 0


def bounded_json(value: object, max_chars: int) -> tuple[Any, bool]:
    """Turn a value into a JSON one of about `max_chars` characters at most.

    Datetimes become ISO texts, sets lists, bytes texts, models and dataclasses objects, NaN and infinity null
    (RFC 8259 has none).

    Returns:
        The JSON value, and whether something was cut off.

    Raises:
        UnreadableResult: The value, or something inside it, has no plain form.
    """
    budget = _Budget(max_chars)
    return _plain(value, budget, 0), budget.was_cut


def shown_json(value: Any, max_chars: int) -> tuple[Any, bool]:
    """As much of a JSON value as has no more than so many characters when it is written down.

    Returns:
        The value, and whether something was cut off.
    """
    if _written_chars(value) <= max_chars:
        return value, False
    room = max_chars
    while (length := _written_chars(shown := bounded_json(value, room)[0])) > max_chars:
        # Signs that JSON escapes weigh more than they are taken to.
        room = min(room - 1, room * max_chars // length)
    return shown, True


def _written_chars(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False))


def _plain(value: object, budget: _Budget, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        budget.left -= 4 + _ITEM_COST
        return value
    if depth >= MAX_DEPTH:
        raise UnreadableResult("too deeply nested")
    if isinstance(value, Enum):
        return _plain(value.value, budget, depth + 1)
    if isinstance(value, str):
        return budget.text(str(value))
    if isinstance(value, int | float | Decimal):
        return _number(value, budget)
    if isinstance(value, BaseModel):
        return _object(dict(value), budget, depth)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _object(fields, budget, depth)
    if isinstance(value, Mapping):
        return _object(value, budget, depth)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, list | tuple | set | frozenset):
        return _array(value, budget, depth)  # pyright: ignore[reportUnknownArgumentType]
    return _leaf(value, budget)


def _number(value: int | float | Decimal, budget: _Budget) -> Any:
    if isinstance(value, Decimal):
        return budget.text(str(value)) if value.is_finite() else _plain(None, budget, 0)
    if isinstance(value, float):
        budget.left -= len(repr(value)) + _ITEM_COST
        return float(value) if math.isfinite(value) else None
    # orjson takes integers of 64 bits; Python writes ones of up to 4,300 digits.
    if -(2**63) <= value < 2**64:
        budget.left -= len(str(int(value))) + _ITEM_COST
        return int(value)
    if value.bit_length() > 14_000:
        raise UnreadableResult("too large a number")
    return budget.text(str(int(value)))


def _leaf(value: object, budget: _Budget) -> Any:
    match value:
        case datetime() | date() | time():
            return budget.text(value.isoformat())
        case timedelta():
            return _number(value.total_seconds(), budget)
        case UUID() | PurePath():
            return budget.text(str(value))
        case bytes() | bytearray():
            # UTF-8 has four bytes at most for a character; the rest would be cut off anyway.
            return budget.text(_decoded(bytes(value[: 4 * (max(budget.left, 0) + 2)])))
        case _:
            raise UnreadableResult(f"no plain form for {type(value).__name__}")


def _decoded(data: bytes) -> str:
    try:
        # Not `decode`: a character at the end may have been cut in two.
        return codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return base64.b64encode(data).decode()


def _object(value: Mapping[Any, Any], budget: _Budget, depth: int) -> dict[str, Any]:
    # An empty container costs something too: a few that hold each other can stand for billions.
    budget.left -= _ITEM_COST
    kept: dict[str, Any] = {}
    for key, item in value.items():
        if budget.is_spent:
            break
        kept[budget.text(str(key))] = _plain(item, budget, depth + 1)
    return kept


def _array(
    value: list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any], budget: _Budget, depth: int
) -> list[Any]:
    budget.left -= _ITEM_COST
    kept: list[Any] = []
    for item in value:
        if budget.is_spent:
            break
        kept.append(_plain(item, budget, depth + 1))
    return kept

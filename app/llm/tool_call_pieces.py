"""Puts tool calls together from the pieces that services stream.

By the book each piece carries the `index` of its call, the first one the id and the name, the rest parts of
the arguments. Services differ: indexes that are missing, null, all the same or in falling order, ids that are
empty, come again with each piece or change with it, names in two parts or with each piece, arguments before
the name, as an object, or once more as a whole.
"""

import json
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from app.llm.base import FunctionCall
from app.llm.call_arguments import is_object, meant_arguments
from app.llm.extras import bounded, stamped, unknown_fields
from app.llm.odd_json import whole_text, whole_value

logger = logging.getLogger(__name__)

MAX_TOTAL_CHARS = 4 * 1024 * 1024
"""Of all calls of one answer. A service that streams arguments for ever must not fill the memory."""

_CALL_OVERHEAD_CHARS = 4 * 1024
"""Counted for each call beside its text, so that calls without text are bounded too."""

_MOST_JOINED = 100
_MAX_JOINED_CHARS = 256 * 1024
"""So many objects that follow each other in one call's arguments are calls of their own."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """One entry of a delta's `tool_calls`."""

    index: int | None
    position: int
    id: str
    name: str
    arguments: str
    extras: dict[str, Any]

    @property
    def begins_arguments(self) -> bool:
        """Whether its arguments look like the beginning of an object."""
        return self.arguments.lstrip().startswith("{")


@dataclass(slots=True)
class _Call:
    index: int | None
    id: str = ""
    name: str = ""
    # Whether the name stood before the arguments ended; only then a further name begins another call.
    has_name_first: bool = False
    extras: dict[str, Any] = field(default_factory=dict[str, Any])
    argument_chars: int = 0
    # Whether each piece of the arguments began with the one before it.
    is_growing: bool = True
    last_part: str = ""
    _parts: list[str] = field(default_factory=list[str])

    @property
    def arguments(self) -> str:
        """As far as they have come. Joined when they are looked at: else each piece would copy all."""
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def add_arguments(self, part: str) -> None:
        """One more part of them."""
        if part:
            self.is_growing = self.is_growing and part.startswith(self.last_part)
            self.last_part = part
            self._parts.append(part)
            self.argument_chars += len(part)

    def forget_arguments(self) -> None:
        """They were none yet."""
        self._parts, self.argument_chars, self.last_part = [], 0, ""

    def is_whole(self) -> bool:
        """Return whether nothing is missing: a name, then arguments that are a JSON object."""
        if not (self.name and self.has_name_first and self.arguments.rstrip().endswith("}")):
            return False
        return is_object(self.arguments)


class ToolCallPieces:
    """The tool calls of one answer, as far as they have come.

    Args:
        names: The tools that were offered, where they are known: two of them in a row are two calls.

    Attributes:
        is_overlong: The calls are over `MAX_TOTAL_CHARS`; what comes later is not kept.
    """

    def __init__(self, names: Collection[str] = ()) -> None:
        self.is_overlong = False
        self._names = names
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[tuple[int | None, str], _Call] = {}
        self._by_position: dict[int, _Call] = {}
        self._chars = 0

    def add(self, entries: object) -> bool:
        """Take the `tool_calls` of one delta. Returns whether they brought anything."""
        listed = cast("list[Any]", entries) if isinstance(entries, list) else [entries]
        has_news = False
        for position, entry in enumerate(listed):
            if isinstance(entry, dict) and not self.is_overlong:
                piece = _piece(position, cast("dict[str, Any]", entry))
                has_news = (piece is not None and self._add(piece)) or has_news
        return has_news

    def calls(self, service: str = "") -> tuple[FunctionCall, ...]:
        """The calls, by index where each has one, else as they came; those without a name are dropped.

        Args:
            service: Whose calls these are, as `Extras` name it.
        """
        ordered = self._calls
        if all(call.index is not None for call in ordered):
            ordered = sorted(ordered, key=lambda call: call.index or 0)
        whole = [call for call in ordered if call.name]
        if len(whole) < len(ordered):
            logger.warning("llm_tool_call_without_name", extra={"dropped": len(ordered) - len(whole)})
        return tuple(one for call in whole for one in _split(call, service))

    def _add(self, piece: _Piece) -> bool:
        call = self._call_for(piece)
        self._by_position[piece.position] = call
        if piece.id and not call.id:
            call.id = piece.id
            self._by_id[piece.index, piece.id] = call
        self._keep_extras(call, piece)
        if _is_repetition(call, piece):
            return True
        call.name = _joined_name(call, piece, self._names)
        is_short = call.argument_chars == len("{}")
        if is_short and call.arguments == "{}" and not piece.name and piece.begins_arguments:
            call.forget_arguments()  # a stand-in for arguments that were yet to come
        call.add_arguments(piece.arguments)
        call.has_name_first = bool(call.name) if piece.arguments else call.has_name_first
        self._count(len(piece.id) + len(piece.name) + len(piece.arguments))
        return True

    def _keep_extras(self, call: _Call, piece: _Piece) -> None:
        if piece.extras:
            call.extras |= piece.extras
            self._count(len(orjson.dumps(piece.extras)))

    def _call_for(self, piece: _Piece) -> _Call:
        call = self._begun_call(piece)
        if call is None or self._begins_another(call, piece):
            return self._new_call(piece.index)
        return call

    def _begun_call(self, piece: _Piece) -> _Call | None:
        """Return the call that a piece could be more of."""
        if piece.id and (known := self._by_id.get((piece.index, piece.id))) is not None:
            return known
        if piece.index is not None:
            return self._by_index.get(piece.index)
        return self._by_position.get(piece.position)

    def _begins_another(self, call: _Call, piece: _Piece) -> bool:
        """Return whether a piece is a new call rather than more of `call`."""
        if piece.id and call.id and piece.id != call.id:
            # Some services make up an id for each piece; then it has no name, or the same one.
            goes_on = piece.name in ("", call.name) and bool(piece.arguments) and not piece.begins_arguments
            return not (goes_on and bool(call.name) and not call.is_whole())
        if not piece.name or (piece.id and piece.id == call.id and piece.name == call.name):
            return False
        if piece.name != call.name and self._is_second_name(call, piece.name):
            return True
        # The name of a call that is whole: its next one, unless nothing but the name is repeated.
        return (bool(piece.arguments) or piece.name != call.name) and call.is_whole()

    def _is_second_name(self, call: _Call, name: str) -> bool:
        """Return whether a tool's name that follows a tool's name is another one, not its second half."""
        if call.name and call.has_name_first and call.argument_chars:
            return True
        return call.name in self._names and name in self._names and call.name + name not in self._names

    def _new_call(self, index: int | None) -> _Call:
        call = _Call(index)
        self._calls.append(call)
        self._count(_CALL_OVERHEAD_CHARS)
        if index is not None:
            self._by_index[index] = call
        return call

    def _count(self, chars: int) -> None:
        self._chars += chars
        self.is_overlong = self._chars > MAX_TOTAL_CHARS


def _piece(position: int, entry: dict[str, Any]) -> _Piece | None:
    function = entry.get("function")
    fields = cast("dict[str, Any]", function) if isinstance(function, dict) else entry
    call_id, name = _text(entry.get("id")), _text(fields.get("name"))
    arguments = _arguments(fields.get("arguments") or fields.get("parameters"))
    extras = unknown_fields(entry)
    if fields is entry:
        # A call without a `function` around it has its own fields in place of those.
        for known in ("name", "arguments", "parameters"):
            extras.pop(known, None)
    if not (call_id or name or arguments or extras):
        return None
    index = entry.get("index")
    if isinstance(index, str) and index.isascii() and index.isdecimal() and len(index) < 10:
        index = int(index)
    return _Piece(index if type(index) is int else None, position, call_id, name, arguments, extras)


def _is_repetition(call: _Call, piece: _Piece) -> bool:
    """Return whether a piece is the whole call once more, as some services send it at the end."""
    is_same = bool(piece.id) and piece.id == call.id and piece.name in ("", call.name)
    if not (is_same and len(piece.arguments) > 1 and call.is_whole()):
        return False
    return piece.arguments == call.arguments or (
        piece.begins_arguments
        and is_object(piece.arguments)
        and orjson.loads(piece.arguments) == orjson.loads(call.arguments)
    )


def _joined_name(call: _Call, piece: _Piece, names: Collection[str]) -> str:
    """Return the name with one more part of it, which may be all of it again."""
    if not piece.name or piece.name == call.name:
        return call.name or piece.name
    if len(call.name) > 2 and piece.name.startswith(call.name) and call.name + piece.name not in names:
        return piece.name  # as far as it has come, each time
    return call.name + piece.name


def _split(call: _Call, service: str) -> list[FunctionCall]:
    """Return the call, or the several that its arguments are: objects that follow each other."""
    call_id, name, arguments = whole_text(call.id), whole_text(call.name), whole_text(call.arguments)
    parts = [arguments] if is_object(arguments) else _objects(arguments)
    if len(parts) == 1 and not is_object(parts[0]):
        # Where each piece held all that had come so far, the last one is the whole.
        last = call.last_part if call.is_growing and is_object(call.last_part) else parts[0]
        parts = [meant_arguments(last)]
    ids = [call_id, *[""] * (len(parts) - 1)]
    extras = [stamped(bounded(call.extras), service), *[None] * (len(parts) - 1)]
    return [
        FunctionCall(one_id, name, part, extra)
        for one_id, part, extra in zip(ids, parts, extras, strict=True)
    ]


def _objects(text: str) -> list[str]:
    """The JSON objects that a text consists of; the text as it is where it consists of anything else."""
    decoder = json.JSONDecoder(strict=False)
    parts: list[str] = []
    rest = text.strip()
    while rest.startswith("{") and len(parts) < _MOST_JOINED and len(text) <= _MAX_JOINED_CHARS:
        try:
            _, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            break
        parts.append(rest[:end])
        rest = rest[end:].lstrip()
    return parts if parts and not rest else [text]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _arguments(value: object) -> str:
    # A few services send the arguments as an object instead of its text.
    return orjson.dumps(whole_value(value)).decode() if isinstance(value, dict | list) else _text(value)

"""Puts tool calls together from the pieces that services stream.

By the book each piece carries the `index` of its call, the first one the id and the name, the rest parts of
the arguments. Services differ: indexes that are missing, null, all the same or in falling order, ids that are
empty or come again with each piece, names in two parts, arguments before the name.
"""

import logging
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from app.llm.base import ToolCall
from app.llm.extras import bounded, stamped, unknown_fields

logger = logging.getLogger(__name__)

MAX_TOTAL_CHARS = 4 * 1024 * 1024
"""Of all calls of one answer. A service that streams arguments for ever must not fill the memory."""

_CALL_OVERHEAD_CHARS = 200
"""Counted for each call beside its text, so that calls without text are bounded too."""


@dataclass(slots=True)
class _Call:
    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""
    # Whether the name stood before the arguments ended; only then a further name begins another call.
    has_name_first: bool = False
    extras: dict[str, Any] = field(default_factory=dict[str, Any])

    def is_whole(self) -> bool:
        """Whether nothing is missing: a name, then arguments that are a JSON object."""
        if not (self.name and self.has_name_first):
            return False
        try:
            return isinstance(orjson.loads(self.arguments), dict)
        except orjson.JSONDecodeError:
            return False


class ToolCallPieces:
    """The tool calls of one answer, as far as they have come.

    Attributes:
        is_overlong: The calls are over `MAX_TOTAL_CHARS`; what comes later is not kept.
    """

    def __init__(self) -> None:
        self.is_overlong = False
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._by_position: dict[int, _Call] = {}
        self._chars = 0

    def add(self, entries: object) -> bool:
        """Takes the `tool_calls` of one delta. Returns whether they brought anything."""
        if not isinstance(entries, list):
            return False
        has_news = False
        for position, entry in enumerate(cast(list[Any], entries)):
            if isinstance(entry, dict) and not self.is_overlong:
                has_news = self._add_entry(position, cast(dict[str, Any], entry)) or has_news
        return has_news

    def calls(self, service: str = "") -> tuple[ToolCall, ...]:
        """The calls, by index where each has one, else as they came; those without a name are dropped.

        Args:
            service: Whose calls these are, as `Extras` name it.
        """
        ordered = self._calls
        if all(call.index is not None for call in ordered):
            ordered = sorted(ordered, key=lambda call: call.index or 0)
        whole = tuple(
            ToolCall(call.id, call.name, call.arguments, stamped(bounded(call.extras), service))
            for call in ordered
            if call.name
        )
        if len(whole) < len(ordered):
            logger.warning("llm_tool_call_without_name", extra={"dropped": len(ordered) - len(whole)})
        return whole

    def _add_entry(self, position: int, entry: dict[str, Any]) -> bool:
        function = entry.get("function")
        fields = cast(dict[str, Any], function) if isinstance(function, dict) else {}
        call_id, name = _text(entry.get("id")), _text(fields.get("name"))
        arguments = _arguments(fields.get("arguments"))
        extras = unknown_fields(entry)
        if not (call_id or name or arguments or extras):
            return False
        index = entry.get("index")
        call = self._call_for(index if type(index) is int else None, position, call_id, name, arguments)
        # Some services repeat id and name with every piece; that is no second half of the name.
        is_repeat = bool(call_id) and call_id == call.id and name == call.name
        if call_id and not call.id:
            call.id = call_id
            self._by_id[call_id] = call
        self._by_position[position] = call
        call.name += "" if is_repeat else name
        call.arguments += arguments
        call.has_name_first = bool(call.name) if arguments else call.has_name_first
        self._count(len(call_id) + len(name) + len(arguments))
        if extras:
            call.extras |= extras
            self._count(len(orjson.dumps(extras)))
        return True

    def _call_for(self, index: int | None, position: int, call_id: str, name: str, arguments: str) -> _Call:
        if index is not None:
            return self._indexed_call(index, call_id)
        call = self._by_id.get(call_id) if call_id else self._by_position.get(position)
        if call is None and call_id:
            # The id may come after the first pieces of its call.
            begun = self._by_position.get(position)
            call = begun if begun and not begun.id and not begun.is_whole() else None
        elif call is not None and _begins_another(call, call_id, name, arguments):
            call = None
        return call or self._new_call(None)

    def _indexed_call(self, index: int, call_id: str) -> _Call:
        call = self._by_index.get(index)
        if call is None:
            return self._new_call(index)
        if not (call_id and call.id and call_id != call.id):
            return call
        # The same index with another id: a service that numbers all its calls 0.
        other = self._by_id.get(call_id)
        return other if other is not None and other.index == index else self._new_call(index)

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


def _begins_another(call: _Call, call_id: str, name: str, arguments: str) -> bool:
    """Whether a piece without an index is a new call rather than more of `call`."""
    if not name or (call_id and not arguments):
        return False
    return call.is_whole()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _arguments(value: object) -> str:
    # A few services send the arguments as an object instead of its text.
    return orjson.dumps(value).decode() if isinstance(value, dict) else _text(value)

"""What services give along with an answer or a call and want back: thoughts, signatures, fields of their own.

It is kept as it came and bounded: a field that is over its limit is left out whole, since half a signature is
none; thoughts are cut.
"""

from typing import Any, cast

import orjson

from app.chat import Extras
from app.llm.odd_json import whole_text, whole_value

MAX_FIELD_BYTES = 64 * 1024
"""Of one field, as JSON."""

MAX_THOUGHT_CHARS = 64 * 1024
"""Of what a model thought before one answer; the beginning is left out beyond."""

GIVEN_BESIDE = ("extra_content", "thinking_blocks", "reasoning_opaque", "encrypted_content")
"""What some give beside an answer, in whatever piece of it, and want back with it."""

_KNOWN_OF_CALL = frozenset(("index", "id", "type", "function"))
_KNOWN_OF_FUNCTION = frozenset(("name", "arguments", "parameters"))


class MessageExtras:
    """What came beside the text of one answer, gathered from its deltas."""

    def __init__(self) -> None:
        self._thoughts: list[str] = []
        self._thought_chars = 0
        self._details: list[Any] = []
        self._details_bytes = 0
        self._others: dict[str, Any] = {}

    def add(self, delta: dict[str, Any]) -> None:
        """Take what one delta brings."""
        thought = delta.get("reasoning_content")
        if isinstance(thought, str) and thought:
            self._thoughts.append(thought)
            self._thought_chars += len(thought)
            if self._thought_chars > 2 * MAX_THOUGHT_CHARS:
                self._thoughts = [self._thought()]
                self._thought_chars = len(self._thoughts[0])
        details = whole_value(delta.get("reasoning_details"))
        if isinstance(details, list) and details and self._details_bytes <= MAX_FIELD_BYTES:
            self._details_bytes += len(orjson.dumps(details))
            _join_details(self._details, cast("list[Any]", details))
        for name in GIVEN_BESIDE:
            if delta.get(name) and (value := without_mark(whole_value(delta[name]))):
                self._others[name] = _merged(self._others.get(name), value)

    def fields(self) -> dict[str, Any]:
        """Return the fields to give back; empty where there are none."""
        fields: dict[str, Any] = {}
        if self._thoughts:
            fields["reasoning_content"] = self._thought()
        if self._details and self._details_bytes <= MAX_FIELD_BYTES:
            fields["reasoning_details"] = self._details
        return {**fields, **bounded(self._others)}

    def _thought(self) -> str:
        return whole_text("".join(self._thoughts)[-MAX_THOUGHT_CHARS:])


def unknown_fields(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what a piece of a call holds beside what every service sends."""
    unknown = {
        name: value for name, value in entry.items() if name not in _KNOWN_OF_CALL and value is not None
    }
    function = entry.get("function")
    if isinstance(function, dict) and len(cast("dict[str, Any]", function)) > len(_KNOWN_OF_FUNCTION):
        fields = cast("dict[str, Any]", function)
        unknown["function"] = {
            name: value
            for name, value in fields.items()
            if name not in _KNOWN_OF_FUNCTION and value is not None
        }
    return whole_value(unknown) if unknown else unknown


def bounded(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are within their limit."""
    return {name: value for name, value in fields.items() if len(orjson.dumps(value)) <= MAX_FIELD_BYTES}


def stamped(fields: dict[str, Any] | None, service: str) -> Extras | None:
    """Return the fields as the history keeps them; None where there are none."""
    return {"service": service, "fields": fields} if fields else None


def without_mark(value: Any) -> Any:
    """Return a field without Gemini's mark of a piece that is a thought, which is not said of the whole."""
    match value:
        case {"google": {"thought": True, **others}, **rest}:
            return {**rest, "google": others} if others else rest
        case _:
            return value


def _merged(before: Any, value: Any) -> Any:
    """A field with one more piece of it; a text is the whole each time. What is too large grows no more."""
    match before, value:
        case {**old}, {**new}:
            return {**old, **{name: _merged(old.get(name), inner) for name, inner in new.items()}}
        case [*blocks], [*pieces]:
            if len(orjson.dumps(blocks)) <= MAX_FIELD_BYTES:
                _join_blocks(blocks, pieces)
            return blocks
        case _, None:
            return before
        case _:
            return value


def _join_blocks(blocks: list[Any], pieces: list[Any]) -> None:
    """Add pieces of `thinking_blocks`: a thought comes in many, and its signature ends it."""
    for piece in pieces:
        last = cast("dict[str, Any]", blocks[-1]) if blocks and isinstance(blocks[-1], dict) else {}
        fields = cast("dict[str, Any]", piece) if isinstance(piece, dict) else {}
        if fields and last.get("type") == fields.get("type") == "thinking" and not last.get("signature"):
            thought = f"{last.get('thinking') or ''}{fields.get('thinking') or ''}"
            blocks[-1] = {**last, **fields, "thinking": thought}
        else:
            blocks.append(piece)


def _join_details(details: list[Any], pieces: list[Any]) -> None:
    """Add pieces of `reasoning_details`; texts of one entry come in many, by its index."""
    for piece in pieces:
        if not isinstance(piece, dict):
            continue
        fields = cast("dict[str, Any]", piece)
        last = cast("dict[str, Any]", details[-1]) if details else {}
        is_same = bool(last) and all(last.get(name) == fields.get(name) for name in ("type", "index"))
        if is_same and fields.get("index") is not None and fields.get("id") in (None, last.get("id")):
            for name, value in fields.items():
                if (
                    name in ("text", "summary", "data")
                    and isinstance(value, str)
                    and isinstance(last.get(name), str)
                ):
                    last[name] += value
                elif value is not None:
                    last[name] = value
        else:
            details.append(dict(fields))

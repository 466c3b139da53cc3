"""Read JSON that a client sent: a message of a known shape, or an error that says what is wrong."""

import json
import re
import secrets
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from app.errors import BadMessage, Locale, ProtocolError, TooLarge, UnknownType
from app.protocol.fields import NUL

_Message = TypeVar("_Message")

MAX_KEYS = 1000
"""More object members than any client needs in one message; bounds the work that a message costs."""

MAX_VALUES = 10_000
"""More values, inside lists and objects together, than any client needs in one message."""

_AUDIO = re.compile(r'"type"\s*:\s*"audio"')
_CONTENT = re.compile(r'"content"\s*:\s*"')
_EDGE = 1000

_LARGE = 64 * 1024
"""Characters of a message whose reading others would notice."""

_PLAIN_CHARS = 4096
_PLAIN_DEPTH = 32
"""Up to here a message is written anew to see whether it has said anything twice, which is cheap."""

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def decode_object(
    raw: str | bytes, max_bytes: int, max_audio_bytes: int = 0, *, max_keys: int = MAX_KEYS
) -> dict[str, Any]:
    """Read one JSON object.

    Args:
        raw: What came in one frame.
        max_bytes: What a message may have, as UTF-8.
        max_audio_bytes: What one of the type `audio` may have instead, where that is more.
        max_keys: How many object members it may have.

    Raises:
        TooLarge: The message has more than it may.
        BadMessage: It is binary, no JSON, no object, or JSON that readers disagree about (repeated names,
            lone surrogates, NaN), or that holds more than any client needs.
    """
    if isinstance(raw, bytes):
        raise BadMessage(
            "llegó un mensaje binario y se esperaba texto", "a binary frame came where text is due"
        )
    limit = max_bytes
    if len(raw) > max_bytes and _looks_like_audio(raw):
        limit = max(max_bytes, max_audio_bytes)
    if len(raw) > limit or (len(raw) * 4 > limit and _utf8_size(raw) > limit):
        raise TooLarge(limit=limit)
    if len(raw) > _LARGE and (clip := _decode_clip(raw)) is not None:
        return clip
    _refuse_crowds(raw)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise BadMessage("no es JSON válido", "it is not valid JSON", facts=str(exc)[:200]) from None
    if not isinstance(value, dict):
        raise BadMessage("no es un objeto JSON", "it is not a JSON object")
    if not _is_plain(raw, value, max_keys):  # pyright: ignore[reportUnknownArgumentType]  # any JSON
        _refuse_ambiguous(raw, max_keys)
    if limit > max_bytes and value.get("type") != "audio":  # pyright: ignore[reportUnknownMemberType]
        raise TooLarge(limit=max_bytes)
    return value  # pyright: ignore[reportUnknownVariableType]  # JSON: checked by the message's model


def _decode_clip(raw: str) -> dict[str, Any] | None:
    """Read a large `audio` message around its content, which the parsers would take ten times as long for.

    Base64 needs no escapes, so a plain text between two quotes is all of it; whether it is base64 is for the
    decoder to say. Return None where the message is not as simple as that.
    """
    if not _looks_like_audio(raw):
        return None
    opening = _CONTENT.match(raw, max(raw.find('"content"'), 0))
    if opening is None:
        return None
    start, end = opening.end(), raw.find('"', opening.end())
    if end < 0 or raw.find("\\", start, end) >= 0 or len(raw) - (end - start) > _LARGE:
        return None
    mark = secrets.token_hex(8)
    value = decode_object(raw[:start] + mark + raw[end:], 8 * _LARGE)
    if value.get("type") != "audio" or value.get("content") != mark:
        return None
    value["content"] = raw[start:end]
    return value


def _looks_like_audio(raw: str) -> bool:
    """Return whether an end of the text says so; the parser has the last word."""
    return _AUDIO.search(raw[:_EDGE]) is not None or _AUDIO.search(raw[-_EDGE:]) is not None


def _utf8_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _refuse_crowds(raw: str) -> None:
    """Bound the work before it is done: the parser needs over 100 ms for a megabyte of `[],`."""
    if _separators(raw) > MAX_VALUES and _is_crowd(raw):
        raise BadMessage("tiene demasiados campos", "it has too many fields")


def _is_crowd(raw: str) -> bool:
    """Return whether there are too many separators outside of strings; looks no further than it must."""
    separators = start = 0
    for count, string in enumerate(_STRING.finditer(raw)):
        separators += _separators(raw[start : string.start()])
        # A name and a value for each of them: with more strings it is no JSON.
        if separators > MAX_VALUES or count > 2 * MAX_VALUES + 2:
            return True
        start = string.end()
    return separators + _separators(raw[start:]) > MAX_VALUES


def _separators(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


def _is_plain(raw: str, value: object, max_keys: int) -> bool:
    """Return whether a short message is written just as its value is: then all of it was read, and once.

    Most programs write so. Whatever is not, such as spaces, is looked at in the slow way.
    """
    if len(raw) > _PLAIN_CHARS or raw.count(":") > max_keys:
        return False
    return raw.count("[") + raw.count("{") <= _PLAIN_DEPTH and orjson.dumps(value) == raw.encode()


def _refuse_ambiguous(raw: str, max_keys: int) -> None:
    """RFC 8259 4: names should be unique, since readers disagree about which of two counts."""
    members = 0

    def unique(pairs: list[tuple[str, Any]]) -> None:
        nonlocal members
        members += len(pairs)
        if members > max_keys:
            raise BadMessage("tiene demasiados campos", "it has too many fields")
        if len({name for name, _ in pairs}) < len(pairs):
            raise BadMessage("tiene campos repetidos", "it has repeated fields")

    try:
        # Numbers are not needed here, and Python refuses integers of over 4,300 digits with an exception.
        json.loads(raw, object_pairs_hook=unique, parse_int=float)
    except (ValueError, RecursionError) as exc:
        raise BadMessage("no es JSON válido", "it is not valid JSON", facts=type(exc).__name__) from None


def read_model(models: TypeAdapter[_Message], message: dict[str, Any]) -> _Message:
    """Read a message of one of these models from its JSON object.

    Raises:
        UnknownType: `type` is a word that none of them has.
        BadMessage: `type` is missing, or another field is missing or wrong.
    """
    try:
        return models.validate_python(message)
    except ValidationError as exc:
        raise _what_is_wrong(message, exc) from None


def _what_is_wrong(message: dict[str, Any], exc: ValidationError) -> ProtocolError:
    error = exc.errors(include_url=False, include_input=False)[0]
    kind = error["type"]
    if kind == "union_tag_invalid":
        if not isinstance(message["type"], str):
            return _bad_field("type", "string_type")
        return UnknownType(type=_short(message["type"]))
    if kind == "union_tag_not_found":
        return BadMessage("falta el campo «type»", "the field “type” is missing")
    return _bad_field(str(error["loc"][-1]) if error["loc"] else "type", kind)


def _bad_field(name: str, kind: str) -> BadMessage:
    if kind == "missing":
        return BadMessage(f"falta el campo «{name}»", f"the field “{name}” is missing")
    if kind == "string_too_long":
        return BadMessage(f"el campo «{name}» es demasiado largo", f"the field “{name}” is too long")
    if kind == NUL:
        return BadMessage(
            f"el campo «{name}» tiene un carácter nulo", f"the field “{name}” has a NUL character"
        )
    if kind == "string_type":
        return BadMessage(f"el campo «{name}» debe ser un texto", f"the field “{name}” must be a string")
    return BadMessage(f"el campo «{name}» no sirve", f"the field “{name}” has a wrong value")


def _short(value: object) -> str:
    return "".join(char if char.isprintable() else "?" for char in str(value))[:40]


def token_of(message: dict[str, Any]) -> str | None:
    """Return the user's token that a first message brings, before its model has been asked."""
    token = message.get("token")
    return token if isinstance(token, str) else None


def locale_of(message: dict[str, Any]) -> Locale | None:
    """Return the language that a first message asks for, before its model has been asked."""
    return "es" if message.get("locale") == "es" else "en" if message.get("locale") == "en" else None

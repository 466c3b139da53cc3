"""Bytes from an unknown server as text or JSON that can be shown, stored and logged.

What comes out is valid Unicode without control characters: no NUL, no escape sequences for terminals, no lone
surrogates.
"""

import codecs
import json
import math
import re
from typing import NoReturn

from pydantic import JsonValue

from app.tools.support.charset import charset_of

MAX_JSON_DEPTH = 50
"""Nested deeper than this, JSON stays text: others who write it again have limits of their own."""

_TEXT_TYPE = re.compile(
    r"text/.*|application/(json|xml|javascript|x-www-form-urlencoded|x-ndjson|yaml|x-yaml|toml|graphql|sql"
    r"|.*\+json|.*\+xml|.*\+yaml)",
    re.IGNORECASE,
)
_MEDIA_TYPE = re.compile(r"(image(?!/svg\+xml)|audio|video|font|model)/.*", re.IGNORECASE)
_ANSI_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """The text without control characters (line ends and tabs stay), lone surrogates replaced."""
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", _ANSI_SEQUENCE.sub("", text)))


def is_media(content_type: str) -> bool:
    """Return whether the type alone says that there is no text: pictures, sound, film, fonts."""
    return _MEDIA_TYPE.fullmatch(_bare_type(content_type)) is not None


def read_text(content: bytes, content_type: str, *, is_truncated: bool = False) -> str | None:
    """Return the body as clean text, or None where it is binary.

    Bytes that the charset does not have become U+FFFD. A type that does not say text is text all the same if
    it is UTF-8 without control characters.

    Args:
        content: The bytes, decompressed.
        content_type: The Content-Type field, or nothing.
        is_truncated: The last character may be cut in half; then it is dropped.
    """
    charset = charset_of(content, content_type)
    if charset is None and _decoded(content, "utf-8", "strict", is_truncated) is None:
        charset = "cp1252"
    text = _decoded(content, charset or "utf-8", "replace", is_truncated) or ""
    if not _TEXT_TYPE.fullmatch(_bare_type(content_type)) and (charset == "cp1252" or _CONTROL.search(text)):
        return None
    return clean_text(text)


def read_json(text: str) -> JsonValue:
    """Return the JSON value that the text holds, its strings clean.

    Raises:
        ValueError: It is no JSON by RFC 8259, nested too deeply, or has numbers that a 64-bit reader would
            change.
    """
    try:
        return _plain(json.loads(text, parse_constant=_refuse_constant), MAX_JSON_DEPTH)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def _plain(value: JsonValue, depth: int) -> JsonValue:
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {clean_text(key): _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise ValueError("integer out of range")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("number out of range")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _bare_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _decoded(content: bytes, charset: str, errors: str, is_truncated: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(charset)(errors).decode(content, final=not is_truncated)
    except UnicodeDecodeError:
        return None

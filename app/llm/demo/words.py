"""A user's text as words, numbers, signs, and slots for what is not the user's own wording.

However long a text is, only its beginning is looked at: `MAX_READ_CHARS` bounds all that is done with it.
"""

import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from app.letters import bare

MAX_READ_CHARS = 600
"""What is behind this, but for JSON, is never a request; the text of an analysis is taken whole."""

_TOKEN = re.compile(
    r"(?P<json>\{|\[(?=\s*[{\"]))"
    r"|(?P<url>https?://(?:[^\s\"'<>«»“”`()\[\]{}]|\([^\s()]*\))+(?<![.,;:!?¿¡])"
    r"|(?<![\w@./-])(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|(?:[a-z0-9-]{1,63}\.){1,5}(?:com|org|net|io|dev|es|mx|ar"
    r"|co|cl|pe|uk|eu|app|ai|me|info|gov|edu|test|local|example))(?::\d{1,5})?(?:/[^\s\"'<>«»“”`()\[\]{}]*)?(?<![.,;:!?¿¡])(?![\w@]))"
    r"|\"(?P<q1>[^\"]+)\"|“(?P<q2>[^”]+)”|«(?P<q3>[^»]+)»|‘(?P<q4>[^’]+)’|`(?P<q5>[^`]+)`"
    r"|(?<!\w)'(?P<q6>[^'\n]*(?:\w'\w[^'\n]*)*)'(?!\w)"
    r"|(?P<zone>(?-i:\b[A-Z][A-Za-z]{1,11}(?:/[A-Z][\w+-]{0,30}){1,2})|\b(?:utc|gmt)(?:\s?[+−-]\d{1,2}(?::?[0-5]\d)?)?\b)"
    r"|(?P<mark>[⁰¹²³⁴-⁹₀-₉½¼¾])|(?P<word>[^\W\d_](?:[^\W\d_\u0300-\u036f]|[\u0300-\u036f])*(?:\d+(?=\())?)"
    r"|(?P<number>(?:\d{1,2}:[0-5]\d(?::[0-5]\d)?(?![\d:])|\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?![\d.,])"
    r"|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d{1,3}(?:\.\d{3})+(?:,\d+)?(?![\d.])|\d+(?:[_']\d{3})+"
    r"|\d+\.\d+(?!\.?\d)|\d+,\d+(?![\d.]|,\d)|\d+|\.\d+)(?:e[+-]?\d+(?![a-z\d]))?)"
    r"|(?P<sign>\*\*|//|\S)",
    re.I,
)
_MAX_JSON_TRIES = 4
_MAX_JSON_CHARS = 20_000


class TextPiece(NamedTuple):
    """A piece of a text.

    Attributes:
        kind: `word`, `number`, `sign`, or `slot` for what stands for a whole passage.
        key: The word folded, the number or sign as written, or the slot's name: `{url}`.
        value: What a slot holds.
    """

    kind: str
    key: str
    start: int
    end: int
    value: Any = None


@cache
def data(name: str) -> dict[str, Any]:
    """Return the tables of a file beside this module."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def words(name: str) -> frozenset[str]:
    """Return a list of words of `examples.toml`."""
    return frozenset(data("examples")["words"][name].split())


def tokens_of(text: str) -> list[TextPiece]:
    """Return the tokens of a text's beginning; addresses, quotations and JSON are one slot each."""
    text, found, at = text[:_MAX_JSON_CHARS], list[TextPiece](), 0
    limit, json_tries = MAX_READ_CHARS, 0
    while match := _TOKEN.search(text, at, min(limit, len(text))):
        token = _token(match)
        if match["json"]:
            end, value = _json_at(text, match.start()) if json_tries < _MAX_JSON_TRIES else (0, None)
            json_tries += not end
            limit += max(end - match.start(), 0)
            token = TextPiece("slot", "{json}", match.start(), end, value) if end else token
        found.append(token)
        at = token.end
    return found


def _token(match: re.Match[str]) -> TextPiece:
    kind, written, start = match.lastgroup or "", match[match.lastgroup or 0], match.start()
    if kind in ("url", "zone"):
        return TextPiece("slot", f"{{{kind}}}", start, match.end(), written)
    if kind[0] == "q" and written.strip() and "://" not in written:
        return TextPiece("slot", "{quote}", start, match.end(), written.strip())
    if kind in ("word", "number"):
        return TextPiece(kind, bare(written) if kind == "word" else written, start, match.end())
    end = match.end() if kind == "sign" else start + 1
    return TextPiece("sign", match.string[start:end], start, end)


def _json_at(text: str, start: int) -> tuple[int, object]:
    """Return where the JSON that begins at an index ends, and its value; 0 where there is none."""
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return 0, None
    return end, value


def is_word(token: TextPiece) -> bool:
    """Return whether a token counts where sentences are compared: a word of more than a letter, or a slot."""
    return token.kind == "slot" or (token.kind == "word" and len(token.key) > 1)

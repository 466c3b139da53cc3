"""A user's text as words, numbers and signs.

However long a text is, only its beginning is looked at: `MAX_READ_CHARS` bounds all that is done with it.
"""

import json
import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from app.letters import bare

MAX_READ_CHARS = 600
"""What is behind this, but for JSON, is never a request; the text of an analysis is taken whole."""

URL = re.compile(r"https?://[^\s\"'<>«»“”`]+", re.I)
HOST = re.compile(
    r"(?<![\w@./-])(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|(?:[a-z0-9-]{1,63}\.){1,5}(?:com|org|net|io|dev|es|mx|ar|co|cl"
    r"|pe|uk|eu|app|ai|me|info|gov|edu|test|local|example))(?::\d{1,5})?(?:/[^\s\"'<>«»“”`]*)?(?![\w@])",
    re.I,
)
_QUOTED = {
    closing: re.compile(rf"{opening}([^{closing}]+){closing}")
    for opening, closing in ('""', "“”", "«»", "‘’", "``")
} | {"'": re.compile(r"(?<!\w)'([^'\n]*(?:\w'\w[^'\n]*)*)'(?!\w)")}
_ZONE = re.compile(
    r"\b(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Etc|Europe|Indian|Mexico"
    r"|Pacific|US)(?:/[\w+-]{1,30}){1,2}|\b(?:utc|gmt)\s?[+−-]\d{1,2}(?::?[0-5]\d)?\b|\b(?:utc|gmt)\b",
    re.I,
)
_TOKEN = re.compile(
    r"(?P<mark>[⁰¹²³⁴-⁹₀-₉½¼¾])|(?P<word>[^\W\d_][^\W\d_\u0300-\u036f]*(?:[\u0300-\u036f]+[^\W\d_]*)*(?:\d+(?=\())?)"
    r"|(?P<clock>(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?![\d:]))"
    r"|(?P<number>(?:\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?![\d.,])|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])"
    r"|\d{1,3}(?:\.\d{3})+(?:,\d+)?(?![\d.])|\d+(?:[_']\d{3})+|\d+\.\d+(?!\.?\d)|\d+,\d+(?![\d.]|,\d)|\d+|\.\d+)"
    r"(?:e[+-]?\d+(?![a-z\d]))?)"
    r"|(?P<sign>\*\*|//|\S)",
    re.I,
)
_MAX_JSON_TRIES = 4
_MAX_JSON_CHARS = 20_000


class TextPiece(NamedTuple):
    """A piece of a text.

    Attributes:
        kind: `word`, `number`, `clock`, `sign`, or `slot` for what stands for a whole passage.
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
    spans = json_spans(text[:_MAX_JSON_CHARS])
    end = MAX_READ_CHARS
    for span in spans:
        end += span[1] - span[0] if span[0] < end else 0
    text = text[:end]
    slots = _foreign(text, [span for span in spans if span[1] <= end])
    found: list[TextPiece] = []
    position = 0
    for slot in [*slots, TextPiece("slot", "", len(text), len(text))]:
        found += _plain(text, position, slot.start)
        found.append(slot)
        position = slot.end
    return found[:-1]


def _plain(text: str, start: int, end: int) -> list[TextPiece]:
    found: list[TextPiece] = []
    for match in _TOKEN.finditer(text, start, end):
        kind = "sign" if match["mark"] else match.lastgroup or "sign"
        found.append(
            TextPiece(kind, bare(match[0]) if kind == "word" else match[0], match.start(), match.end())
        )
    return found


def _foreign(text: str, json_: list[tuple[int, int, object]]) -> list[TextPiece]:
    """Return what is not the user's own wording, from left to right, without overlaps."""
    spans = [TextPiece("slot", "{json}", start, end, value) for start, end, value in json_]
    for span in spans:
        text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    # Where nothing closes a quotation, none is looked for from each sign that opens one.
    quotes = [("{quote}", pattern) for closing, pattern in _QUOTED.items() if closing in text]
    for name, pattern in [("{url}", URL), ("{url}", HOST), ("{zone}", _ZONE), *quotes]:
        for match in pattern.finditer(text):
            held = match[match.lastindex or 0].strip()
            end = match.start() + len(url_of(held)) if name == "{url}" else match.end()
            if held and not any(each.start < end and match.start() < each.end for each in spans):
                spans.append(
                    TextPiece("slot", name, match.start(), end, held if name != "{url}" else url_of(held))
                )
    return sorted(spans, key=lambda token: token.start)


def url_of(written: str) -> str:
    """Return an address without the punctuation of the sentence around it."""
    written = written.rstrip(".,;:!?¿¡")
    while written[-1:] in tuple(")]}") and written.count(written[-1]) > written.count(
        "([{"[")]}".index(written[-1])]
    ):
        written = written[:-1].rstrip(".,;:!?¿¡")
    return written


def json_spans(text: str) -> list[tuple[int, int, object]]:
    """Return the JSON objects and arrays of objects inside a text: start, end and value."""
    decoder = json.JSONDecoder()
    spans: list[tuple[int, int, object]] = []
    position = tries = 0
    while (match := re.compile(r"\{|\[(?=\s*[{\"])").search(text, position)) and tries < _MAX_JSON_TRIES:
        try:
            value, end = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            tries += 1
            position = match.start() + 1
            continue
        spans.append((match.start(), end, value))
        position = end
    return spans


def is_word(token: TextPiece) -> bool:
    """Return whether a token counts where sentences are compared: a word of more than a letter, or a slot."""
    return token.kind == "slot" or (token.kind == "word" and len(token.key) > 1)


def keys_of(tokens: Sequence[TextPiece]) -> list[str]:
    """Return what sentences are compared by."""
    return [token.key for token in tokens if is_word(token)]

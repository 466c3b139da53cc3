"""Letters without their marks, and with them composed, in a time that grows with the text alone.

`unicodedata.normalize` sorts a run of combining marks by insertion, and nothing else in the process moves
while it does: a text of one megabyte could hold everybody up for minutes (CWE-407).
"""

import re
import unicodedata
from functools import cache
from typing import Final

MAX_MARKS: Final = 30
"""So many marks on one letter are kept, as in Unicode's Stream-Safe Text Format (UAX 15)."""

_MOST_KNOWN: Final = 20_000
_AT_ONCE: Final = 16_384
_FIRST_MARK, _BEHIND_LAST_MARK = 0x0300, 0x20000


class _Bare(dict[int, str]):
    """What becomes of each character, found out once for those that occur."""

    def __missing__(self, code: int) -> str:
        decomposed = unicodedata.normalize("NFKD", chr(code).casefold())
        bare = "".join(char for char in decomposed if not unicodedata.combining(char))
        if len(self) < _MOST_KNOWN:
            self[code] = bare
        return bare


_BARE: Final = _Bare()


class _Unaccented(dict[int, str]):
    """The same, with its case, and without the marks of our languages alone."""

    def __missing__(self, code: int) -> str:
        decomposed = unicodedata.normalize("NFD", chr(code))
        plain = "".join(char for char in decomposed if not "\u0300" <= char <= "\u036f")
        if len(self) < _MOST_KNOWN:
            self[code] = plain
        return plain


_UNACCENTED: Final = _Unaccented()


def bare(text: str) -> str:
    """The text without case and without marks: `ÁRBOL` is `arbol`.

    Character by character: only the marks' order depends on their neighbours, and they go.
    """
    return _translated(text, _BARE)


def unaccented(text: str) -> str:
    """Return the text without accents, tildes and the like: `Árbol` is `Arbol`."""
    return _translated(text, _UNACCENTED)


def _translated(text: str, table: dict[int, str]) -> str:
    # Nothing else in the process moves while one call lasts: a long text is worked off in several.
    if len(text) <= _AT_ONCE:
        return text.translate(table)
    return "".join(text[start : start + _AT_ONCE].translate(table) for start in range(0, len(text), _AT_ONCE))


def composed(text: str) -> str:
    """Return the text in Unicode's composed form (NFC), without the marks that no letter has so many of."""
    if text.isascii():
        return text
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = start + _AT_ONCE
        # A piece ends before a plain letter: nothing is composed across it.
        while end < len(text) and not _begins_anew(text[end]):
            end += 1
        pieces.append(unicodedata.normalize("NFC", _too_many().sub(r"\1", text[start:end])))
        start = end
    return "".join(pieces)


def _begins_anew(char: str) -> bool:
    """Return whether what stands before a character never changes it, nor it what stands before."""
    return char < "\u0300" or "\u4e00" <= char <= "\u9fff" or char in _FENCES


_FENCES: Final = frozenset("\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u20ac\u3001\u3002\uff0c\U0001f600")


@cache
def _too_many() -> re.Pattern[str]:
    # Also what begins with a mark once it is taken apart, although it counts as none itself (U+0F73).
    marks = "".join(
        char
        for char in map(chr, range(_FIRST_MARK, _BEHIND_LAST_MARK))
        if unicodedata.combining(unicodedata.normalize("NFD", char)[0])
    )
    return re.compile(f"([{marks}]{{{MAX_MARKS}}})[{marks}]+")

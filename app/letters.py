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


def bare(text: str) -> str:
    """The text without case and without marks: `ÁRBOL` is `arbol`.

    Character by character: only the marks' order depends on their neighbours, and they go.
    """
    return text.translate(_BARE)


def composed(text: str) -> str:
    """The text in Unicode's composed form (NFC), without the marks that no letter has so many of."""
    return unicodedata.normalize("NFC", text if text.isascii() else _too_many().sub(r"\1", text))


@cache
def _too_many() -> re.Pattern[str]:
    # Also what begins with a mark once it is taken apart, although it counts as none itself (U+0F73).
    marks = "".join(
        char
        for char in map(chr, range(_FIRST_MARK, _BEHIND_LAST_MARK))
        if unicodedata.combining(unicodedata.normalize("NFD", char)[0])
    )
    return re.compile(f"([{marks}]{{{MAX_MARKS}}})[{marks}]+")

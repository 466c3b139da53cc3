"""Numbers as people write them: groups of three, and the decimal sign of each language."""

import re
from dataclasses import dataclass
from typing import Final

from app.errors import Locale

_NUMBER: Final = re.compile(
    r"(?P<grouped>[0-9]{1,3}(?:[., \u00a0\u202f\u2009'’][0-9]{3})+(?![0-9]))?(?(grouped)|(?P<plain>[0-9]*))"
    r"(?:(?P<point>[.,])(?P<fraction>[0-9]+)(?![.,]?[0-9]))?"
)
_SAME_SIGN: Final = re.compile(
    r"[0-9]{1,3}(?:(?P<sign>[., \u00a0\u202f\u2009'’])[0-9]{3})(?:(?P=sign)[0-9]{3})*\Z"
)
_BLANKS: Final = re.compile("[ \u2009]")


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number in a text.

    Attributes:
        whole: Its digits before the decimal sign; `0` where none are written.
        fraction: Those behind it.
        end: Where it ends.
        sign: The decimal sign that was written, if any.
    """

    whole: str
    fraction: str
    end: int
    sign: str = ""


def written_number(text: str, start: int, locale: Locale) -> WrittenNumber | None:
    """Return the number that begins there, if one does."""
    if not text[start : start + 1].isdigit() and not _is_bare_fraction(text, start):
        return None
    found = _NUMBER.match(text, start)
    if found is None or found.end() == start:
        return None
    grouped, sign = found["grouped"], found["point"] or ""
    if not grouped:
        return WrittenNumber(found["plain"] or "0", found["fraction"] or "", found.end(), sign)
    if _SAME_SIGN.match(grouped) is None or (_BLANKS.search(grouped) and _is_list(text, start, grouped)):
        return _first_group(text, start)
    decimal_sign = "," if locale == "es" else "."
    if not sign and grouped.count(decimal_sign) == 1 and len(re.sub("[0-9]", "", grouped)) == 1:
        whole, _, fraction = grouped.partition(decimal_sign)
        return WrittenNumber(whole, fraction, found.end(), decimal_sign)
    return WrittenNumber(re.sub("[^0-9]", "", grouped), found["fraction"] or "", found.end(), sign)


def _first_group(text: str, start: int) -> WrittenNumber | None:
    found = re.compile(r"(?P<whole>[0-9]+)(?:(?P<sign>[.,])(?P<fraction>[0-9]+)(?![.,]?[0-9]))?").match(
        text, start
    )
    if found is None:
        return None
    return WrittenNumber(found["whole"], found["fraction"] or "", found.end(), found["sign"] or "")


def _is_list(text: str, start: int, grouped: str) -> bool:
    """Return whether blanks stand between numbers of their own: `100 200 300`, `in 2024 100 people`."""
    before = text[max(0, start - 1) : start]
    after = text[start + len(grouped) : start + len(grouped) + 2]
    return before.isdigit() or re.match(r"[ ][0-9]", after) is not None


def _is_bare_fraction(text: str, start: int) -> bool:
    """`.5`, where no word and no number stands before it."""
    return (
        text[start] == "."
        and text[start + 1 : start + 2].isdigit()
        and (start == 0 or text[start - 1] in " \n(\u00a0$€£-−~<>=")
    )

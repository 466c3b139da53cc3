"""Numbers as people write them: `1.234,5`, `1,234.5`, `1 000 000`, `1'000`, `,5`.

A single dot or comma before three digits may group thousands or begin the decimals: `1.000`. The rest of the
expression often says which; where it does not, the language of the talk does.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from app.errors import Locale

DECIMAL_MARK: Final = "⎖"
"""A decimal separator that cannot be taken for anything else, as Arabic script has one."""

Role = Literal["decimal", "group", "either"]

_GROUPING: Final[dict[Locale, str]] = {"es": ".", "en": ","}
_THREES = re.compile(r"[0-9]{1,3}([.,][0-9]{3})+")
_INDIAN = re.compile(r"[0-9]{1,2}(,[0-9]{2})+,[0-9]{3}")
_SURE_GROUPS = re.compile(r"[0-9]{1,3}(['_ ][0-9]{3})+")


class NoNumber(ValueError):
    """Digits and separators that make no number; its argument is what cannot be read."""


@dataclass(slots=True)
class Separators:
    """What dots and commas are in one expression.

    Args:
        locale: The talk's language, which decides where nothing else does.
    """

    locale: Locale
    _decimal: set[str] = field(default_factory=set[str])
    _group: set[str] = field(default_factory=set[str])

    def learn(self, written: Iterable[str]) -> None:
        """Look at all numbers of the expression for those that leave no doubt."""
        for text in written:
            if text.isdigit():
                continue
            for separator, role in _roles(text).items():
                if role != "either":
                    (self._decimal if role == "decimal" else self._group).add(separator)

    def is_unusual(self, written: str, plain: str) -> bool:
        """Whether a number was read otherwise than the talk's language would write it: 2.500 as 2.5 (es)."""
        return "." in plain and _GROUPING[self.locale] in written

    def role_of(self, separator: str) -> Role:
        """Return what a separator is where the number itself does not say."""
        other = "," if separator == "." else "."
        says_decimal = separator in self._decimal or (other in self._group and other not in self._decimal)
        says_group = separator in self._group or (other in self._decimal and other not in self._group)
        if says_decimal != says_group:
            return "decimal" if says_decimal else "group"
        return "group" if separator == _GROUPING[self.locale] else "decimal"


def plain_number(text: str, separators: Separators | None) -> str:
    """Return the number with a decimal point at most.

    Args:
        text: Digits with separators between them, as they were written; no exponent.
        separators: Decides about a single dot or comma before three digits; None makes it a decimal one.

    Raises:
        NoNumber: The separators make no sense.
    """
    decimal = ""
    for separator, role in _roles(text).items():
        if role == "either":
            role = separators.role_of(separator) if separators is not None else "decimal"
        if role == "decimal":
            decimal = separator
    whole, _, fraction = text.rpartition(decimal) if decimal else (text, "", "")
    digits = re.sub(r"[.,'_ ]", "", whole)
    return f"{digits or '0'}.{fraction}" if fraction else digits


def is_ambiguous(text: str) -> bool:
    """Return whether the number alone does not say what its separator is."""
    return "either" in _roles(text).values()


def _roles(text: str) -> dict[str, Role]:
    """Return what each separator of a number is.

    Raises:
        NoNumber: They make no sense together.
    """
    used = list(dict.fromkeys(char for char in text if char in f".,{DECIMAL_MARK}"))
    if not used:
        if not (text.isdigit() or _SURE_GROUPS.fullmatch(text)):
            raise NoNumber(text)
        return {}
    last = max(used, key=text.rindex)
    whole, _, fraction = text.rpartition(last)
    if len(used) > 1 or any(char in text for char in "'_ ") or last == DECIMAL_MARK or not fraction:
        if text.count(last) > 1 or not (fraction.isdigit() or not fraction):
            raise NoNumber(text)
        others = [char for char in used if char != last]
        _check_groups(whole, others)
        return {**dict.fromkeys(others, "group"), last: "decimal"}
    if text.count(last) > 1:
        _check_groups(text, used)
        return {last: "group"}
    may_group = len(fraction) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")
    return {last: "either" if may_group else "decimal"}


def _check_groups(whole: str, separators: list[str]) -> None:
    if len(separators) > 1:
        raise NoNumber(whole)
    if separators and not (_THREES.fullmatch(whole) or _INDIAN.fullmatch(whole)):
        raise NoNumber(whole)
    if not separators and whole and not (whole.isdigit() or _SURE_GROUPS.fullmatch(whole)):
        raise NoNumber(whole)

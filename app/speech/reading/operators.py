"""Signs between, before and behind numbers, powers and indices."""

import re
from typing import Final

from app.errors import Locale
from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.formulas import formula, power, raised
from app.speech.reading.lexicon import OPERATORS, in_locale
from app.speech.reading.units import unit_after

_SUPER: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿˣⁱ", "0123456789+-nxi")
_SUB: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_RAISED: Final = re.compile(
    r"(?P<high>[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿˣⁱ]+)|\^(?:\{(?P<braced>[^{}\n]{1,40})\}|\((?P<bracket>[^()\n]{1,40})\)|(?P<plain>[-−]?[0-9]+(?:[.,][0-9]+)?|[-−]?[A-Za-z](?![A-Za-z])))"
)
_SCALE: Final = re.compile(r"[×·*x⋅] ?10\Z")
_LOWERED: Final = re.compile(r"(?P<low>[₀₁₂₃₄₅₆₇₈₉]+)|_\{(?P<braced>[^{}\n]{1,20})\}")
_COMPARED: Final = {
    "<": ("menos de", "less than"),
    ">": ("más de", "more than"),
    "~": ("aproximadamente", "about"),
    "≈": ("aproximadamente", "about"),
    "×": ("por", "times"),
}
_ZONE: Final = re.compile(r"(?<!\w)(?:UTC|GMT) ?\Z")
_RANGE: Final = re.compile(r"[-–—](?=[0-9]+(?![0-9.,-]*[0-9-]*\s*=))")


def read_power(place: ReadingContext) -> Said | None:
    """`²`, `⁻³`, `^6`, `^{n}` and `₁` behind what they belong to."""
    text, start, locale = place.text, place.start, place.locale
    before = text[start - 1 : start] if start else ""
    if not (before.isalnum() or before in ")]}"):
        return None
    found = _RAISED.match(text, start)
    if found is not None:
        if found["high"]:
            written = found["high"].translate(_SUPER)
        else:
            written = found["braced"] or found["bracket"] or found["plain"]
        said = formula(written, locale)
        if not said:
            return None
        # "Three times ten to the power of three meters", where "ten cubed" would be another thing.
        is_scale = _SCALE.search(text[max(0, start - 6) : start]) is not None
        words = raised(said, locale) if is_scale else power(said, locale)
        unit = unit_after(text, found.end(), locale) if before.isdigit() else None
        return Said(f"{words} {unit.many}", unit.end) if unit else Said(words, found.end())
    found = _LOWERED.match(text, start)
    if found is None:
        return None
    written = found["low"].translate(_SUB) if found["low"] else found["braced"]
    said = formula(written, locale)
    return Said(f"sub {said}", found.end()) if said else None


def read_operator(place: ReadingContext) -> Said | None:
    """Return a sign between or before numbers: `2-2`, `-5`, `3 * 4`, `10-20`, `<5`."""
    text, start, locale = place.text, place.start, place.locale
    sign = text[start]
    rest = text[start + 1 : start + 8]
    before = text[start - 1 : start] if start else ""
    if (
        sign in _COMPARED
        and not place.after_number
        and re.match(r"[ ]?[$€£]?[0-9]", rest)
        and not before.isalnum()
    ):
        return Said(in_locale(_COMPARED[sign], locale), start + 1)
    if sign not in OPERATORS:
        return None
    if sign in "-−–" and _ZONE.search(text[max(0, start - 5) : start]) and rest[:1].isdigit():
        return Said(in_locale(OPERATORS["-"], locale), start + 1)
    if place.after_number:
        # The unit may stand before the dash: "5 km - 7 km", "$10-$20".
        is_dash = sign in "-–—" and re.match(r"[-–—] ?[$€£]?[0-9]", text[start : start + 4]) is not None
        if is_dash and _is_range(text, start):
            return Said("a" if locale == "es" else "to", start + 1)
        if re.match(r"\s?[-(√$€£]?\s?[0-9π(]", rest) and not (sign == "x" and before.isalpha()):
            return Said(_between(sign, text, start, locale), start + 1)
        is_letter_next = re.match(r"\s[a-zA-Z](?!\w)|\s?\(", rest) is not None
        if sign in "-−*·/" and is_letter_next and text[start - 1 : start] == " " and sign != "·":
            return Said(in_locale(OPERATORS[sign], locale), start + 1)
    if (
        sign in "-−*/"
        and re.match(r" [a-z0-9](?!\w)", rest)
        and re.search(r"(?<!\w)[a-z)] \Z", text[:start][-4:])
    ):
        return Said(in_locale(OPERATORS[sign], locale), start + 1)
    is_sign = sign in "-−" and re.match(r"\.?[0-9]|[$€£¥₹][0-9]", rest) is not None and not before.isalnum()
    return Said(in_locale(OPERATORS["-"], locale), start + 1) if is_sign else None


def read_number_sign(place: ReadingContext) -> Said | None:
    """`#5`."""
    if place.text[place.start] != "#" or not place.text[place.start + 1 : place.start + 2].isdigit():
        return None
    return Said("número" if place.locale == "es" else "number", place.start + 1)


def _between(sign: str, text: str, start: int, locale: Locale) -> str:
    is_by = sign in "x×" and text[start - 1 : start].isdigit() and text[start + 1 : start + 2].isdigit()
    if is_by and locale == "en":
        return "by"
    return in_locale(OPERATORS[sign], locale)


def _is_range(text: str, start: int) -> bool:
    """Return whether this dash stands between two numbers, and no equation goes on after or came before."""
    line = text[max(0, start - 40) : start + 40]
    if "=" in line or "+" in line:
        return False
    before, after = text[start - 1 : start], text[start + 1 : start + 2]
    return (
        ((before.isdigit() or before in "€%°$m.") and (after.isdigit() or after in "$€£"))
        or (before == " " and text[start] in "–—" and after == " ")
        or before.isalpha()
    )

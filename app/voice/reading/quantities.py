"""Numbers in a text: with their signs, currencies and units."""

import re
from typing import Final

from app.errors import Locale
from app.voice.reading.base import Place, Said
from app.voice.reading.lexicon import (
    CENTS,
    CURRENCIES,
    FEMININE_UNITS,
    FRACTIONS,
    OPERATORS,
    UNITS,
    in_locale,
)
from app.voice.reading.numbers import Gender, cardinal, decimal, digits, integer, ordinal

_SPACE: Final = "[ \u00a0\u202f]"
_NUMBER: Final = re.compile(
    r"(?P<grouped>[0-9]{1,3}(?:[.,\u00a0\u202f'’][0-9]{3})+(?![0-9]))?(?(grouped)|(?P<plain>[0-9]+))"
    r"(?:(?P<point>[.,])(?P<fraction>[0-9]+)(?![.,]?[0-9]))?"
)
_CHAIN: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6}){2,7}(?![0-9])")
_PHONE: Final = re.compile(
    r"(?:\+[0-9]{1,3}[ -]?)(?:\(?[0-9]{1,4}\)?[ -]?){2,6}[0-9]{2,4}(?![0-9])"
    r"|\([0-9]{2,4}\)[ -]?[0-9]{2,4}(?:[ -][0-9]{2,4}){1,3}(?![0-9])"
    r"|[0-9]{3}(?:[ -][0-9]{3}){2}(?![0-9]|[ -][0-9])|[0-9]{3}(?:[ -][0-9]{2}){3}(?![0-9]|[ -][0-9])"
    r"|[0-9]{2,3}[ -][0-9]{3}[ -][0-9]{2}[ -][0-9]{2}(?![0-9]|[ -][0-9])"
    r"|[0-9]{3}-[0-9]{3}-[0-9]{4}(?![0-9])|[0-9]{3}-[0-9]{4}(?![0-9-])"
    r"|[6789][0-9]{8}(?![0-9.,])"
)
_ORDINAL: Final = {
    "es": re.compile(r"(?P<number>[0-9]{1,4})(?:\.?(?P<o>[ºª])(?!C|F)|\.?(?P<er>er|ro|ra|do|da|to|ta)\b)"),
    "en": re.compile(r"(?P<number>[0-9]{1,6})(?:st|nd|rd|th)\b"),
}
_FRACTION: Final = re.compile(r"(?P<top>[0-9]{1,3})/(?P<bottom>[0-9]{1,3})(?![0-9/])")
_RANGE: Final = re.compile(r"[-–](?=[0-9]+(?![0-9.,-]*[0-9-]*\s*=))")
_CURRENCY_BEFORE: Final = re.compile(rf"(?P<sign>[$€£¥])(?:{_SPACE}?)(?=[0-9])")
_AFTER: Final = re.compile(
    rf"{_SPACE}?(?P<unit>"
    + "|".join(re.escape(unit) for unit in sorted({**UNITS, **CURRENCIES}, key=len, reverse=True))
    + r")(?![\w²³/]|[+*=])"
)
_NOUN: Final = re.compile(rf"{_SPACE}(?P<noun>[a-záéíóúñü]{{3,}})")
_NO_NOUNS: Final = frozenset(
    "por más menos entre son que para con del los las una uno como desde hasta sobre pero según igual".split()
)
_FEMININE_ENDS: Final = (
    "a",
    "as",
    "ción",
    "ciones",
    "sión",
    "siones",
    "dad",
    "dades",
    "tud",
    "noche",
    "noches",
)
_MASCULINE: Final = frozenset(
    {"día", "días", "problema", "problemas", "idioma", "mapa", "mapas", "programas"}
)


def read_phone(place: Place) -> Said | None:
    """Digits in the groups in which they are written."""
    found = _PHONE.match(place.text, place.start)
    if found is None or _touches_a_number(place):
        return None
    parts = re.findall(r"\+|[0-9]+", found[0])
    said = [digits(part, place.locale) for part in parts if part != "+"]
    plus = ("más " if place.locale == "es" else "plus ") if "+" in parts else ""
    return Said(plus + ", ".join(said), found.end())


def read_ordinal(place: Place) -> Said | None:
    """`1.º`, `2ª`, `3er`; `21st`."""
    found = _ORDINAL[place.locale].match(place.text, place.start)
    if found is None:
        return None
    number = int(found["number"])
    if place.locale == "en":
        return Said(ordinal(number, "en"), found.end())
    said = ordinal(number, "es", feminine=found["o"] == "ª" or (found["er"] or "").endswith("a"))
    if found["er"] == "er" and said.endswith("o"):
        said = said[:-1]
    return Said(said, found.end())


def read_fraction(place: Place) -> Said | None:
    """`1/2`; others are "over" each other."""
    found = _FRACTION.match(place.text, place.start)
    if found is None:
        return None
    top, bottom = int(found["top"]), int(found["bottom"])
    known = FRACTIONS.get((top, bottom))
    if known is not None:
        return Said(in_locale(known, place.locale), found.end())
    over = "entre" if place.locale == "es" else "over"
    return Said(f"{cardinal(top, place.locale)} {over} {cardinal(bottom, place.locale)}", found.end())


def read_chain(place: Place) -> Said | None:
    """Versions and addresses of machines: `192.168.1.1`."""
    found = _CHAIN.match(place.text, place.start)
    if found is None or re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3})+", found[0]):
        return None
    point = " punto " if place.locale == "es" else " point "
    return Said(point.join(integer(part, place.locale) for part in found[0].split(".")), found.end())


def read_number(place: Place) -> Said | None:
    """A number with its sign, its currency and its unit."""
    sign = _CURRENCY_BEFORE.match(place.text, place.start)
    start = sign.end() if sign else place.start
    found = _NUMBER.match(place.text, start)
    if found is None:
        return None
    whole, fraction = _parts(found, place.locale)
    after = _AFTER.match(place.text, found.end())
    end = after.end() if after else found.end()
    if sign is not None and not (after and after["unit"] in UNITS):
        return Said(_money(whole, fraction, sign["sign"], place.locale), found.end())
    unit = after["unit"] if after else ""
    if unit in CURRENCIES:
        return Said(_money(whole, fraction, unit, place.locale), end)
    is_one = whole.lstrip("0") == "1" and not fraction
    unit_words = in_locale(UNITS[unit][0 if is_one else 1], place.locale) if unit else ""
    gender = _gender(place, found.end(), unit_words) if not fraction else "alone"
    said = decimal(whole, fraction, place.locale) if fraction else integer(whole, place.locale, gender)
    return Said(f"{said} {unit_words}".rstrip(), end)


def read_operator(place: Place) -> Said | None:
    """A sign between or before numbers: `2-2`, `-5`, `3 * 4`, `10-20`."""
    text, start = place.text, place.start
    sign = text[start]
    if sign not in OPERATORS:
        return None
    rest = text[start + 1 : start + 8]
    if place.after_number:
        if (
            sign in "-–"
            and _RANGE.match(text, start)
            and text[start - 1].isdigit()
            and not _is_sum(text, start)
        ):
            return Said("a" if place.locale == "es" else "to", start + 1)
        if re.match(r"\s?[-(√$€£]?\s?[0-9π(]", rest) and not (sign == "x" and text[start - 1].isalpha()):
            return Said(in_locale(OPERATORS[sign], place.locale), start + 1)
    is_sign = sign in "-−" and rest[:1].isdigit() and not (start and (text[start - 1].isalnum()))
    return Said(in_locale(OPERATORS["-"], place.locale), start + 1) if is_sign else None


def read_number_sign(place: Place) -> Said | None:
    """`#5`."""
    if place.text[place.start] != "#" or not place.text[place.start + 1 : place.start + 2].isdigit():
        return None
    return Said("número" if place.locale == "es" else "number", place.start + 1)


def _is_sum(text: str, start: int) -> bool:
    """Whether an equation goes on after here, or came before: then a dash is no range."""
    line = text[max(0, start - 40) : start + 40]
    return "=" in line or "+" in line


def _touches_a_number(place: Place) -> bool:
    before = place.text[place.start - 1 : place.start] if place.start else ""
    return before.isdigit() or (place.after_number and before in "+*/=x÷×")


def _parts(found: "re.Match[str]", locale: Locale) -> tuple[str, str]:
    """The digits before and after the decimal sign."""
    grouped = found["grouped"]
    if not grouped:
        return found["plain"], found["fraction"] or ""
    decimal_sign = "," if locale == "es" else "."
    if not found["point"] and grouped.count(decimal_sign) == 1 and len(re.sub("[0-9]", "", grouped)) == 1:
        whole, _, fraction = grouped.partition(decimal_sign)
        return whole, fraction
    return re.sub("[^0-9]", "", grouped), found["fraction"] or ""


def _money(whole: str, fraction: str, sign: str, locale: Locale) -> str:
    one, many = CURRENCIES[sign]
    name = in_locale(one if whole == "1" else many, locale)
    gender: Gender = "feminine" if name.startswith("libra") else "masculine"
    if fraction and len(fraction) != 2:
        return f"{decimal(whole, fraction, locale)} {in_locale(many, locale)}"
    said = f"{integer(whole, locale, gender)} {name}"
    if not fraction or fraction == "00":
        return said
    cents = integer(str(int(fraction)), locale)
    if locale == "es":
        return f"{said} con {cents}"
    many_cents = in_locale(CENTS.get(sign, ("", "cents")), "en")
    return f"{said} and {cents} {'cent' if cents == 'one' and many_cents == 'cents' else many_cents}"


def _gender(place: Place, end: int, unit: str) -> Gender:
    """What a Spanish number agrees with: its unit, or the noun that seems to follow."""
    if unit:
        is_feminine = any(unit.startswith(name) for name in FEMININE_UNITS)
        if unit.startswith("por "):
            return "alone"
        return "feminine" if is_feminine else "masculine"
    found = _NOUN.match(place.text, end)
    if found is None or found["noun"] in _NO_NOUNS or place.locale == "en":
        return "alone"
    noun = found["noun"]
    return "feminine" if noun.endswith(_FEMININE_ENDS) and noun not in _MASCULINE else "masculine"

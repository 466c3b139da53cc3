"""Numbers in a text with their units, telephones and ordinals."""

import re
from typing import Final

from app.errors import Locale
from app.speech.reading.agreement import NO_NOUNS, NOUN, gender_of
from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.formulas import power
from app.speech.reading.numbers import Gender, cardinal, decimal, digits, integer, ordinal
from app.speech.reading.units import Measured, unit_after
from app.speech.reading.written_numbers import WrittenNumber, written_number

_EXPONENT: Final = re.compile(r"[eE](?P<sign>[+-]?)(?P<power>[0-9]{1,3})(?!\w)")
_PHONE: Final = re.compile(
    r"(?:\+[0-9]{1,3}[ -]?)(?:\(?[0-9]{1,4}\)?[ -]?){2,6}[0-9]{2,4}(?![0-9])"
    r"|\([0-9]{2,4}\)[ -]?[0-9]{2,4}(?:[ -][0-9]{2,4}){1,3}(?![0-9])"
    r"|1-[0-9]{3}-[0-9]{3}-[0-9]{4}(?![0-9])"
    r"|[6789][0-9]{2}(?:[ .-][0-9]{3}){2}(?![0-9]|[ .-][0-9])|[0-9]{3}(?:[ -][0-9]{2}){3}(?![0-9]|[ -][0-9])"
    r"|[0-9]{2,3}[ -][0-9]{3}[ -][0-9]{2}[ -][0-9]{2}(?![0-9]|[ -][0-9])"
    r"|[0-9]{3}[-.][0-9]{3}[-.][0-9]{4}(?![0-9])|[0-9]{3}-[0-9]{4}(?![0-9-])"
    r"|[0-9]{2}[ -][0-9]{4}[ -][0-9]{4}(?![0-9]|[ -][0-9])"
    r"|[6789][0-9]{8}(?![0-9.,])"
)
_SHORT_PHONE: Final = re.compile(r"[0-9]11(?![\w.,:-]?[0-9])|988(?![\w.,:-]?[0-9])")
_DIALLED: Final = frozenset("call dial calling dialing text called dialed".split())
_ORDINAL: Final = {
    "es": re.compile(
        r"(?P<number>[0-9]{1,4})(?:\.?(?P<o>[ºª°])(?![ ]?[CFK]\b|[0-9])"
        r"|\.?(?P<er>er|ro|ra|do|da|to|ta|mo|ma|vo|va|no|na)\b|\.?(?P<small>ᵉʳ|ᵒ))"
    ),
    "en": re.compile(r"(?P<number>[0-9]{1,3}(?:,[0-9]{3})*|[0-9]{1,6})(?:st|nd|rd|th)\b"),
}
_DEGREES_FOLLOW: Final = re.compile(r"°[ ]?(?:[CFNSEOW]\b|[0-9]|$|[\s.,;:)])")
_MILLION: Final = 10**6


def read_phone(place: ReadingContext) -> Said | None:
    """Digits in the groups in which they are written."""
    short = _SHORT_PHONE.match(place.text, place.start)
    if short is not None and place.locale == "en" and place.before in _DIALLED:
        return Said(digits(short[0], "en"), short.end())
    found = _PHONE.match(place.text, place.start)
    if found is None or _touches_a_number(place):
        return None
    parts = re.findall(r"\+|[0-9]+", found[0])
    said = [digits(part, place.locale) for part in parts if part != "+"]
    plus = ("más " if place.locale == "es" else "plus ") if "+" in parts else ""
    return Said(plus + ", ".join(said), found.end())


def read_ordinal(place: ReadingContext) -> Said | None:
    """`1.º`, `2ª`, `3er`; `21st`."""
    found = _ORDINAL[place.locale].match(place.text, place.start)
    if found is None:
        return None
    number = int(found["number"].replace(",", ""))
    if place.locale == "en":
        return Said(ordinal(number, "en"), found.end())
    if found["o"] == "°" and (
        place.before not in ("el", "un") or not _DEGREES_FOLLOW.match(place.text, found.start("o"))
    ):
        return None
    ending = found["er"] or ""
    said = ordinal(number, "es", feminine=found["o"] == "ª" or ending.endswith("a"))
    rest = place.text[found.end() :]
    if (ending == "er" or (found["small"] == "ᵉʳ")) and said.endswith("o"):
        said = said[:-1]
    elif found["o"] == "º" and number in (1, 3) and re.match(r" [a-záéíóúñ]+", rest) and NOUN.match(rest):
        noun = NOUN.match(rest)
        said = said[:-1] if noun is not None and noun["noun"] not in NO_NOUNS else said
    return Said(said, found.end())


def read_number(place: ReadingContext) -> Said | None:
    """Return a number with its unit."""
    text, locale = place.text, place.locale
    found = written_number(text, place.start, locale)
    if found is None:
        return None
    exponent = _EXPONENT.match(text, found.end)
    if exponent is not None:
        minus = ("menos " if locale == "es" else "minus ") if exponent["sign"] == "-" else ""
        times = f"{_plain(found, locale)} {'por diez' if locale == 'es' else 'times ten'}"
        return Said(
            f"{times} {power(minus + cardinal(int(exponent['power']), locale), locale)}", exponent.end()
        )
    unit = unit_after(text, found.end, locale)
    if unit is None:
        # "Point five" is said without the zero that nobody wrote.
        is_bare = text[place.start] == "." and locale == "en"
        said = decimal(found.whole, found.fraction, locale) if found.fraction else ""
        said = said.removeprefix("zero ") if is_bare else said
        return Said(said or integer(found.whole, locale, gender_of(place, found.end)), found.end)
    return Said(_measured(found, unit, locale), unit.end)


def _measured(found: WrittenNumber, unit: Measured, locale: Locale) -> str:
    is_one = found.whole.lstrip("0") == "1" and not found.fraction
    name = unit.one if is_one else unit.many
    if found.fraction:
        return f"{decimal(found.whole, found.fraction, locale)} {name}"
    gender: Gender = "feminine" if unit.feminine else "alone" if unit.one.startswith("por ") else "masculine"
    is_millions = len(found.whole) < 18 and int(found.whole) > 0 and int(found.whole) % _MILLION == 0
    of = " de" if locale == "es" and is_millions and gender != "alone" else ""
    return f"{integer(found.whole, locale, gender)}{of} {name}"


def _plain(found: WrittenNumber, locale: Locale) -> str:
    return decimal(found.whole, found.fraction, locale) if found.fraction else integer(found.whole, locale)


def _touches_a_number(place: ReadingContext) -> bool:
    before = place.text[place.start - 1 : place.start] if place.start else ""
    return before.isdigit() or (place.after_number and before in "+*/=x÷×")

"""What is measured in more than one unit, counted in thousands, or a number of a place."""

import re
from typing import Final

from app.errors import Locale
from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.lexicon import in_locale
from app.speech.reading.numbers import cardinal, decimal, digits, integer
from app.speech.reading.units import unit_alone

_ANGLE: Final = re.compile(
    r"(?P<degrees>[0-9]{1,3}(?:[.,][0-9]+)?)°(?:[ ]?(?P<minutes>[0-9]{1,2})[′'])?"
    r"(?:[ ]?(?P<seconds>[0-9]{1,2}(?:[.,][0-9]+)?)(?:[″\"]|''))?(?:[ ]?(?P<side>[NSEWO])\b)?"
)
_SIDES: Final = {
    "N": ("norte", "north"),
    "S": ("sur", "south"),
    "E": ("este", "east"),
    "W": ("oeste", "west"),
    "O": ("oeste", "west"),
}
_FEET: Final = re.compile(r"(?P<feet>[0-9]{1,2})['′][ ]?(?P<inches>[0-9]{1,2})(?:[\"″]|'')")
_INCHES_OF_A_FOOT: Final = 12
"""From here on they are seconds, and the feet are minutes."""
_DURATION: Final = re.compile(
    r"(?P<hours>[0-9]{1,3})[ ]?h[ ]?(?P<minutes>[0-9]{1,2})[ ]?m(?:in)?"
    r"(?:[ ]?(?P<seconds>[0-9]{1,2})[ ]?s)?(?![\w²³/])"
)
_TIMES: Final = re.compile(r"(?P<number>[1-9][0-9]{0,3}(?:[.,][0-9]+)?)[x×](?![\w])(?![ ]?[0-9])")
_SCALED: Final = re.compile(r"(?P<number>[0-9]{1,4}(?:[.,][0-9]{1,2})?)(?P<scale>[kKM])(?![\w²³/-])")
_PLURAL_HUNDREDS: Final = re.compile(r"(?P<number>1000|100)s(?= of\b)")
_HOUSE: Final = re.compile(
    r"(?P<number>[1-9][0-9]{3})(?= (?:[NSEW]\.? )?(?:[A-Z][\w.]+ ){1,3}"
    r"(?:St|Ave|Rd|Blvd|Street|Avenue|Road|Boulevard|Drive|Dr|Lane|Ln|Way|Court|Ct|Place|Pl)\b)"
)
_ZIP: Final = re.compile(r"(?P<zip>[0-9]{5})(?:-(?P<more>[0-9]{4}))?(?![\w.,]?[0-9])")
_STATE: Final = re.compile(r"(?<![A-Z])[A-Z]{2} \Z")


def read_measure(place: ReadingContext) -> Said | None:
    """What is measured in more than one unit, or counted: `1h 30min`, `5'10"`, `40°25′ N`, `3x`, `10k`."""
    text, start, locale = place.text, place.start, place.locale
    for read in (_read_angle, _read_duration, _read_feet, _read_times, _read_scaled, _read_place_number):
        said = read(text, start, place)
        if said is not None:
            return said
    alone = unit_alone(text, start, locale) if not (start and text[start - 1].isalnum()) else None
    return Said(alone.many, alone.end) if alone else None


def _read_angle(text: str, start: int, place: ReadingContext) -> Said | None:
    found = _ANGLE.match(text, start)
    if found is None or not (found["minutes"] or found["side"]):
        return None
    locale = place.locale
    names = (("grado", "degree"), ("minuto", "minute"), ("segundo", "second"))
    said: list[str] = []
    for part, name in zip(("degrees", "minutes", "seconds"), names, strict=True):
        if found[part]:
            one = found[part] == "1"
            amount = "un" if one and locale == "es" else _decimal_of(found[part], locale)
            said.append(f"{amount} {in_locale(name, locale)}{'' if one else 's'}")
    if found["side"]:
        said.append(in_locale(_SIDES[found["side"]], locale))
    return Said(" ".join(said), found.end())


def _read_duration(text: str, start: int, place: ReadingContext) -> Said | None:
    found = _DURATION.match(text, start)
    if found is None:
        return None
    names = (("hora", "hour"), ("minuto", "minute"), ("segundo", "second"))
    said: list[str] = []
    for part, name in zip(("hours", "minutes", "seconds"), names, strict=True):
        if found[part]:
            number = int(found[part])
            amount = cardinal(number, place.locale, "feminine" if part == "hours" else "masculine")
            said.append(f"{amount} {in_locale(name, place.locale)}{'' if number == 1 else 's'}")
    return Said(" ".join(said), found.end())


def _read_feet(text: str, start: int, place: ReadingContext) -> Said | None:
    found = _FEET.match(text, start)
    if found is None:
        return None
    feet, inches = int(found["feet"]), int(found["inches"])
    if inches >= _INCHES_OF_A_FOOT:
        names = (("minuto", "minute"), ("segundo", "second"))
        return Said(
            " ".join(
                f"{cardinal(number, place.locale, 'masculine')} {in_locale(name, place.locale)}"
                f"{'' if number == 1 else 's'}"
                for number, name in zip((feet, inches), names, strict=True)
            ),
            found.end(),
        )
    if place.locale == "es":
        foot = "pie" if feet == 1 else "pies"
        inch = "pulgada" if inches == 1 else "pulgadas"
        return Said(
            f"{cardinal(feet, 'es', 'masculine')} {foot} {cardinal(inches, 'es', 'feminine')} {inch}",
            found.end(),
        )
    foot, inch = "foot" if feet == 1 else "feet", "inch" if inches == 1 else "inches"
    return Said(f"{cardinal(feet, 'en')} {foot} {cardinal(inches, 'en')} {inch}", found.end())


def _read_times(text: str, start: int, place: ReadingContext) -> Said | None:
    found = _TIMES.match(text, start)
    if found is None:
        return None
    if place.locale == "en":
        return Said(f"{_decimal_of(found['number'], 'en')} times", found.end())
    if found["number"].isdigit():
        is_one = found["number"] == "1"
        return Said(
            f"{integer(found['number'], 'es', 'feminine')} {'vez' if is_one else 'veces'}", found.end()
        )
    return Said(f"{_decimal_of(found['number'], 'es')} veces", found.end())


def _read_scaled(text: str, start: int, place: ReadingContext) -> Said | None:
    """`10k`, `1.5M`; `4K` and `8K` are names."""
    hundreds = _PLURAL_HUNDREDS.match(text, start) if place.locale == "en" else None
    if hundreds is not None:
        return Said("hundreds" if hundreds["number"] == "100" else "thousands", hundreds.end())
    found = _SCALED.match(text, start)
    if found is None or found[0] in ("2K", "4K", "5K", "8K", "1K"):
        return None
    said, is_thousand = _decimal_of(found["number"], place.locale), found["scale"] in "kK"
    if place.locale == "en":
        return Said(f"{said} {'thousand' if is_thousand else 'million'}", found.end())
    if found["number"] == "1":
        return Said("mil" if is_thousand else "un millón", found.end())
    return Said(f"{said} {'mil' if is_thousand else 'millones'}", found.end())


def _read_place_number(text: str, start: int, place: ReadingContext) -> Said | None:
    """House numbers and ZIP codes of English addresses."""
    if place.locale != "en":
        return None
    house = _HOUSE.match(text, start)
    if house is not None:
        high, low = divmod(int(house["number"]), 100)
        if high % 10 or low:
            rest = "hundred" if not low else f"oh {cardinal(low, 'en')}" if low < 10 else cardinal(low, "en")
            return Said(f"{cardinal(high, 'en')} {rest}", house.end())
    found = _ZIP.match(text, start)
    if found is None or _STATE.search(text[max(0, start - 5) : start]) is None:
        return None
    more = f", {digits(found['more'], 'en')}" if found["more"] else ""
    return Said(digits(found["zip"], "en").replace(",", "") + more, found.end())


def _decimal_of(written: str, locale: Locale) -> str:
    whole, _, fraction = written.replace(",", ".").partition(".")
    return decimal(whole, fraction, locale) if fraction else integer(whole, locale)

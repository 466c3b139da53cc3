"""Whole numbers, decimals and ordinals in words."""

from typing import Final, Literal

from app.errors import Locale

Gender = Literal["alone", "masculine", "feminine"]
"""What a Spanish number stands before: nothing (`uno`), or a noun (`un`, `una`)."""

_ES_SMALL: Final = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis"
    " diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco"
    " veintiséis veintisiete veintiocho veintinueve"
).split()
_ES_TENS: Final = ". . . treinta cuarenta cincuenta sesenta setenta ochenta noventa".split()
_ES_HUNDREDS: Final = (
    ". ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
).split()
_ES_ORDINALS: Final = (
    ". primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo"
).split()
_EN_SMALL: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
).split()
_EN_TENS: Final = ". . twenty thirty forty fifty sixty seventy eighty ninety".split()
_EN_SCALES: Final = (
    (10**15, "quadrillion"),
    (10**12, "trillion"),
    (10**9, "billion"),
    (10**6, "million"),
    (10**3, "thousand"),
)
_EN_ORDINALS: Final = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}

LARGEST: Final = 10**18 - 1
"""The largest number that is said in words; beyond it, digits."""

_SAID_DIGITS: Final = 40
"""A number of more digits is not said at all: nobody could follow."""

_GROUP: Final = 3
_DECIMALS_AS_NUMBER: Final = 2


def cardinal(number: int, locale: Locale, gender: Gender = "alone") -> str:
    """Return a number from 0 to `LARGEST` in words."""
    return _spanish(number, gender) if locale == "es" else _english(number)


def digits(written: str, locale: Locale) -> str:
    """Digits one by one, in groups of three where there are many."""
    if len(written) > _SAID_DIGITS:
        count = cardinal(len(written), locale, "feminine")
        return f"un número de {count} cifras" if locale == "es" else f"a number of {count} digits"
    names = _ES_SMALL if locale == "es" else _EN_SMALL
    said = [names[int(digit)] for digit in written]
    if len(said) <= _GROUP + 1:
        return " ".join(said)
    groups = [" ".join(said[start : start + _GROUP]) for start in range(0, len(said), _GROUP)]
    return ", ".join(groups)


def integer(written: str, locale: Locale, gender: Gender = "alone") -> str:
    """Written digits as people say them: a number, or digit by digit (`007`, very long ones)."""
    if (
        (len(written) > 1 and written[0] == "0")
        or int(written[:19]) > LARGEST
        or len(written) > len(str(LARGEST))
    ):
        return digits(written, locale)
    return cardinal(int(written), locale, gender)


def decimal(whole: str, fraction: str, locale: Locale) -> str:
    """`3` and `14`: "tres coma catorce", "three point one four"."""
    said = integer(whole, locale)
    if locale == "en":
        return f"{said} point {digits(fraction, locale)}"
    if len(fraction) <= _DECIMALS_AS_NUMBER and fraction[0] != "0":
        return f"{said} coma {cardinal(int(fraction), locale)}"
    return f"{said} coma {digits(fraction, locale)}"


def ordinal(number: int, locale: Locale, *, feminine: bool = False) -> str:
    """First, second, ...; Spanish says only the first dozen so, and numbers after it."""
    if locale == "en":
        return _english_ordinal(number)
    if not 0 < number < len(_ES_ORDINALS):
        return cardinal(number, "es", "feminine" if feminine else "alone")
    said = _ES_ORDINALS[number]
    return f"{said[:-1]}a" if feminine else said


def year(number: int, locale: Locale) -> str:
    """Return a year: in English in two halves where people say it so."""
    high, low = divmod(number, 100)
    is_halved = locale == "en" and 11 <= high <= 20 and not (high == 20 and low < 10)
    if not is_halved:
        return cardinal(number, locale)
    if low == 0:
        return f"{_english(high)} hundred"
    return f"{_english(high)} {'oh ' if low < 10 else ''}{_english(low)}"


def _spanish(number: int, gender: Gender) -> str:
    if number >= 10**6:
        for size, one, many in ((10**12, "un billón", "billones"), (10**6, "un millón", "millones")):
            high, low = divmod(number, size)
            if high:
                said = one if high == 1 else f"{_spanish(high, 'masculine')} {many}"
                return f"{said} {_spanish(low, gender)}" if low else said
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _spanish_hundreds(rest, gender)
    before = "feminine" if gender == "feminine" else "masculine"
    said = "mil" if thousands == 1 else f"{_spanish_hundreds(thousands, before)} mil"
    return f"{said} {_spanish_hundreds(rest, gender)}" if rest else said


def _spanish_hundreds(number: int, gender: Gender) -> str:
    hundreds, rest = divmod(number, 100)
    parts: list[str] = []
    if hundreds:
        said = "cien" if number == 100 else _ES_HUNDREDS[hundreds]
        parts.append(f"{said[:-2]}as" if gender == "feminine" and hundreds > 1 else said)
    if rest or not hundreds:
        parts.append(_spanish_tens(rest, gender))
    return " ".join(parts)


def _spanish_tens(number: int, gender: Gender) -> str:
    tens, one = divmod(number, 10)
    said = _ES_SMALL[number] if number < 30 else _ES_TENS[tens] + (f" y {_ES_SMALL[one]}" if one else "")
    if not said.endswith("uno") or gender == "alone":
        return said
    if gender == "feminine":
        return f"{said[:-1]}a"
    return "veintiún" if number == 21 else said[:-1]


def _english(number: int) -> str:
    for size, name in _EN_SCALES:
        high, low = divmod(number, size)
        if high:
            said = f"{_english(high)} {name}"
            if not low:
                return said
            return f"{said} and {_english(low)}" if low < 100 else f"{said} {_english(low)}"
    hundreds, rest = divmod(number, 100)
    if hundreds:
        said = f"{_EN_SMALL[hundreds]} hundred"
        return f"{said} and {_english(rest)}" if rest else said
    if number < len(_EN_SMALL):
        return _EN_SMALL[number]
    tens, one = divmod(number, 10)
    return _EN_TENS[tens] + (f"-{_EN_SMALL[one]}" if one else "")


def _english_ordinal(number: int) -> str:
    said = _english(number)
    start = max(said.rfind(" "), said.rfind("-")) + 1
    last = said[start:]
    if last in _EN_ORDINALS:
        return said[:start] + _EN_ORDINALS[last]
    return f"{said[:-1]}ieth" if last.endswith("y") else f"{said}th"

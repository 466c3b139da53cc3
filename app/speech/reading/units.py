"""Units of measure: bases, prefixes, powers and quotients, in words.

Names as in the SI brochure (BIPM, 9th edition) and its Spanish translation; "kilo" and "grado" as people
say them.
"""

import re
from dataclasses import dataclass
from typing import Final

from app.errors import Locale

Forms = tuple[str, str]
"""One, many."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit is called.

    Attributes:
        es: In Spanish.
        en: In English.
        feminine: In Spanish.
        prefixes: The prefixes that it takes.
        is_length: Its powers are squares and cubes ("square meters", not "meters squared").
    """

    es: Forms
    en: Forms
    feminine: bool = False
    prefixes: str = ""
    is_length: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """A unit that stands in a text.

    Attributes:
        one: Its name for one.
        many: Its name for any other number.
        feminine: In Spanish.
        end: Where it ends.
    """

    one: str
    many: str
    feminine: bool
    end: int


def _plural(es: str, en: str, prefixes: str = "", *, feminine: bool = False) -> Unit:
    return Unit((es, f"{es}s"), (en, f"{en}s"), feminine, prefixes)


_PREFIXES: Final = {
    "T": ("tera", "tera"),
    "G": ("giga", "giga"),
    "M": ("mega", "mega"),
    "k": ("kilo", "kilo"),
    "K": ("kilo", "kilo"),
    "h": ("hecto", "hecto"),
    "d": ("deci", "deci"),
    "c": ("centi", "centi"),
    "m": ("mili", "milli"),
    "µ": ("micro", "micro"),
    "μ": ("micro", "micro"),
    "n": ("nano", "nano"),
    "p": ("pico", "pico"),
}
_BASES: Final[dict[str, Unit]] = {
    "m": Unit(("metro", "metros"), ("meter", "meters"), prefixes="khdcmµμnp", is_length=True),
    "g": _plural("gramo", "gram", "mµμn"),
    "l": _plural("litro", "liter", "hdcmµμ"),
    "L": _plural("litro", "liter", "hdcmµμ"),
    "t": _plural("tonelada", "ton", feminine=True),
    "s": _plural("segundo", "second", "mµμn"),
    "min": _plural("minuto", "minute"),
    "h": _plural("hora", "hour", feminine=True),
    "B": _plural("byte", "byte", "kKMGT"),
    "b": _plural("bit", "bit", "kKMGT"),
    "Hz": Unit(("hercio", "hercios"), ("hertz", "hertz"), prefixes="kMGT"),
    "W": _plural("vatio", "watt", "mkMGT"),
    "Wh": Unit(("vatio hora", "vatios hora"), ("watt hour", "watt hours"), prefixes="kMGT"),
    "Ah": Unit(("amperio hora", "amperios hora"), ("amp hour", "amp hours"), prefixes="m"),
    "A": _plural("amperio", "amp", "mµμk"),
    "V": _plural("voltio", "volt", "mkM"),
    "VA": Unit(("voltio amperio", "voltios amperio"), ("volt amp", "volt amps"), prefixes="kM"),
    "Ω": _plural("ohmio", "ohm", "mkM"),
    "J": _plural("julio", "joule", "mkMG"),
    "N": _plural("newton", "newton", "mkM"),
    "Pa": Unit(("pascal", "pascales"), ("pascal", "pascals"), prefixes="hkMG"),
    "cal": _plural("caloría", "calorie", "k", feminine=True),
    "eV": Unit(("electronvoltio", "electronvoltios"), ("electronvolt", "electronvolts"), prefixes="mkMGT"),
    "mol": Unit(("mol", "moles"), ("mole", "moles"), prefixes="mkµμ"),
    "bar": Unit(("bar", "bares"), ("bar", "bars"), prefixes="m"),
    "Bq": Unit(("becquerel", "becquereles"), ("becquerel", "becquerels"), prefixes="kMGT"),
    "Sv": Unit(("sievert", "sieverts"), ("sievert", "sieverts"), prefixes="mµμ"),
    "lm": Unit(("lumen", "lúmenes"), ("lumen", "lumens")),
    "lx": Unit(("lux", "lux"), ("lux", "lux"), prefixes="k"),
    "cd": _plural("candela", "candela", feminine=True),
    "ha": _plural("hectárea", "hectare", feminine=True),
    "K": Unit(("kelvin", "kelvin"), ("kelvin", "kelvins")),
    "px": Unit(("píxel", "píxeles"), ("pixel", "pixels")),
    "Mpx": Unit(("megapíxel", "megapíxeles"), ("megapixel", "megapixels")),
    "MP": Unit(("megapíxel", "megapíxeles"), ("megapixel", "megapixels")),
    "dB": Unit(("decibelio", "decibelios"), ("decibel", "decibels")),
    "bps": Unit(
        ("bit por segundo", "bits por segundo"), ("bit per second", "bits per second"), prefixes="kKMGT"
    ),
    "rad": Unit(("radián", "radianes"), ("radian", "radians"), prefixes="m"),
    "lb": _plural("libra", "pound", feminine=True),
    "lbs": _plural("libra", "pound", feminine=True),
    "oz": _plural("onza", "ounce", feminine=True),
    "mph": Unit(("milla por hora", "millas por hora"), ("mile per hour", "miles per hour"), feminine=True),
    "ft": Unit(("pie", "pies"), ("foot", "feet"), is_length=True),
    "yd": _plural("yarda", "yard", feminine=True),
    "cc": Unit(("centímetro cúbico", "centímetros cúbicos"), ("c c", "c c")),
    "rpm": Unit(
        ("revolución por minuto", "revoluciones por minuto"),
        ("revolution per minute", "revolutions per minute"),
        feminine=True,
    ),
    "bpm": Unit(("latido por minuto", "latidos por minuto"), ("beat per minute", "beats per minute")),
    "lpm": Unit(("latido por minuto", "latidos por minuto"), ("beat per minute", "beats per minute")),
    "fps": Unit(
        ("fotograma por segundo", "fotogramas por segundo"), ("frame per second", "frames per second")
    ),
    "dpi": Unit(("punto por pulgada", "puntos por pulgada"), ("dot per inch", "dots per inch")),
    "ppp": Unit(("punto por pulgada", "puntos por pulgada"), ("dot per inch", "dots per inch")),
    "ppm": Unit(
        ("parte por millón", "partes por millón"), ("part per million", "parts per million"), feminine=True
    ),
    "ppb": Unit(
        ("parte por mil millones", "partes por mil millones"),
        ("part per billion", "parts per billion"),
        feminine=True,
    ),
    "psi": Unit(
        ("libra por pulgada cuadrada", "libras por pulgada cuadrada"),
        ("pound per square inch", "pounds per square inch"),
        feminine=True,
    ),
    "mpg": Unit(
        ("milla por galón", "millas por galón"), ("mile per gallon", "miles per gallon"), feminine=True
    ),
    "atm": _plural("atmósfera", "atmosphere", feminine=True),
    "mmHg": Unit(
        ("milímetro de mercurio", "milímetros de mercurio"),
        ("millimeter of mercury", "millimeters of mercury"),
    ),
    "UI": Unit(("unidad internacional", "unidades internacionales"), ("IU", "IU"), feminine=True),
    "CV": Unit(("caballo", "caballos"), ("horsepower", "horsepower")),
    "hp": Unit(("caballo", "caballos"), ("horsepower", "horsepower")),
    "°C": Unit(("grado", "grados"), ("degree Celsius", "degrees Celsius")),
    "°F": Unit(("grado Fahrenheit", "grados Fahrenheit"), ("degree Fahrenheit", "degrees Fahrenheit")),
    "°": Unit(("grado", "grados"), ("degree", "degrees")),
    "%": Unit(("por ciento", "por ciento"), ("percent", "percent")),
    "‰": Unit(("por mil", "por mil"), ("per thousand", "per thousand")),
}
"""Written -> what it is; those of `_ENGLISH_ONLY` are words in Spanish."""

_ENGLISH_ONLY: Final[dict[str, Unit]] = {
    "mi": _plural("milla", "mile", feminine=True),
    "gal": _plural("galón", "gallon"),
    "tsp": _plural("cucharadita", "teaspoon", feminine=True),
    "tbsp": _plural("cucharada", "tablespoon", feminine=True),
    "fl oz": Unit(("onza líquida", "onzas líquidas"), ("fluid ounce", "fluid ounces"), feminine=True),
    "sq ft": Unit(("pie cuadrado", "pies cuadrados"), ("square foot", "square feet")),
    "cu ft": Unit(("pie cúbico", "pies cúbicos"), ("cubic foot", "cubic feet")),
    "sq mi": Unit(("milla cuadrada", "millas cuadradas"), ("square mile", "square miles")),
    "hr": _plural("hora", "hour", feminine=True),
    "hrs": Unit(("hora", "horas"), ("hour", "hours")),
    "mins": Unit(("minuto", "minutos"), ("minute", "minutes")),
    "sec": _plural("segundo", "second"),
    "secs": Unit(("segundo", "segundos"), ("second", "seconds")),
    "IU": Unit(("UI", "UI"), ("I U", "I U")),
}
ENGLISH_ONLY: Final = frozenset(_ENGLISH_ONLY)
"""Written so in English alone; some of them are Spanish words."""

_SPECIAL: Final[dict[str, Unit]] = {
    "kg": Unit(("kilo", "kilos"), ("kilogram", "kilograms")),
    "KG": Unit(("kilo", "kilos"), ("kilogram", "kilograms")),
    "Kg": Unit(("kilo", "kilos"), ("kilogram", "kilograms")),
    "km": Unit(("kilómetro", "kilómetros"), ("kilometer", "kilometers"), is_length=True),
    "hm": Unit(("hectómetro", "hectómetros"), ("hectometer", "hectometers"), is_length=True),
    "dm": Unit(("decímetro", "decímetros"), ("decimeter", "decimeters"), is_length=True),
    "cm": Unit(("centímetro", "centímetros"), ("centimeter", "centimeters"), is_length=True),
    "mm": Unit(("milímetro", "milímetros"), ("millimeter", "millimeters"), is_length=True),
    "µm": Unit(("micrómetro", "micrómetros"), ("micrometer", "micrometers"), is_length=True),
    "μm": Unit(("micrómetro", "micrómetros"), ("micrometer", "micrometers"), is_length=True),
    "nm": Unit(("nanómetro", "nanómetros"), ("nanometer", "nanometers"), is_length=True),
    "µF": Unit(("microfaradio", "microfaradios"), ("microfarad", "microfarads")),
    "nF": Unit(("nanofaradio", "nanofaradios"), ("nanofarad", "nanofarads")),
    "pF": Unit(("picofaradio", "picofaradios"), ("picofarad", "picofarads")),
    "mH": Unit(("milihenrio", "milihenrios"), ("millihenry", "millihenries")),
    "MiB": _plural("mebibyte", "mebibyte"),
    "GiB": _plural("gibibyte", "gibibyte"),
    "KiB": _plural("kibibyte", "kibibyte"),
    "kph": Unit(("kilómetro por hora", "kilómetros por hora"), ("kilometer per hour", "kilometers per hour")),
    "ºC": _BASES["°C"],
    "℃": _BASES["°C"],
    "° C": _BASES["°C"],
    "ºF": _BASES["°F"],
    "℉": _BASES["°F"],
}
_WHOLE: Final[dict[str, tuple[Forms, Forms]]] = {
    "L/100 km": (
        ("litro a los cien kilómetros", "litros a los cien kilómetros"),
        ("liter per hundred kilometers", "liters per hundred kilometers"),
    ),
    "N·m": (("newton metro", "newton metro"), ("newton meter", "newton meters")),
    "Nm": (("newton metro", "newton metro"), ("newton meter", "newton meters")),
}
"""What is not read part by part."""

_WHOLE_VARIANTS: Final = {"l/100 km": "L/100 km", "L/100km": "L/100 km", "l/100km": "L/100 km"}
_PER_WORDS: Final = {
    "mes": "al mes",
    "día": "al día",
    "dia": "al día",
    "año": "al año",
    "semana": "a la semana",
}
_PER_SHORT: Final = {"mo": "month", "yr": "year", "hr": "hour", "wk": "week", "min": "minute"}
_FOLLOWS_NUMBER_ONLY_APART: Final = frozenset({"A", "B", "K", "T", "N", "J"})
"""One capital at a number is more often a letter ("gate 5A", "4K") than a unit."""

_WORDS_TOO: Final = re.compile(r"[ ][a-záéíóúñ]+(?:[aio]do|cho|to|so)\b")
"""What follows the Spanish verb "ha", which is no hectare then."""


def _table() -> dict[str, Unit]:
    made = {**_BASES, **_ENGLISH_ONLY}
    for symbol, unit in _BASES.items():
        for prefix in unit.prefixes:
            es, en = _PREFIXES[prefix]
            made[prefix + symbol] = Unit(
                (es + unit.es[0], es + unit.es[1]),
                (en + unit.en[0], en + unit.en[1]),
                unit.feminine,
                is_length=unit.is_length,
            )
    return {**made, **_SPECIAL}


UNITS: Final[dict[str, Unit]] = _table()
"""Written -> what it is, prefixes included."""

_NAMES: Final = "|".join(re.escape(name) for name in sorted(UNITS, key=len, reverse=True))
_PART: Final = rf"(?:{_NAMES})(?:[²³]|\^[23]|(?<=m)[23]|(?<=ft)[23])?"
_SPACE: Final = "[ \u00a0\u202f]"
_UNIT: Final = re.compile(
    rf"{_SPACE}?(?P<unit>"
    + "|".join(re.escape(name) for name in sorted({**_WHOLE, **_WHOLE_VARIANTS}, key=len, reverse=True))
    + rf"|{_PART}(?:[/·⋅]{_PART})*)(?P<per>/[a-záéíóúñ]{{3,}})?(?![\w²³/]|[+*=]|-[0-9])"
)
_LONE: Final = re.compile(
    rf"(?P<unit>(?:{_NAMES})/(?:{_NAMES})|(?:km|cm|kg|mg|GB|TB|MB|kWh|kW|MHz|GHz|Mbps|°C|°F)[²³]?|[mk]m?[²³])(?![\w²³/'’-])"
)
_POWER: Final = re.compile(r"(?P<name>.+?)(?P<power>[²³]|\^?[23])?\Z")
_PER: Final = re.compile(r"/(?P<name>[a-záéíóúñ]{3,}|mo|yr|wk)(?!\w)")
_PER_UNIT: Final = re.compile(rf"/(?P<name>{_PART})(?![\w²³/])")


def unit_after(text: str, end: int, locale: Locale) -> Measured | None:
    """Return the unit that stands behind a number, if one does.

    Args:
        text: All of it.
        end: Where the number ends.
        locale: The language.
    """
    found = _UNIT.match(text, end)
    if found is None:
        return None
    name = found["unit"]
    is_apart = found.start("unit") > end
    if locale == "es" and name in _ENGLISH_ONLY:
        return None
    if name in _FOLLOWS_NUMBER_ONLY_APART and not is_apart:
        return None
    if name == "ha" and _WORDS_TOO.match(text, found.end()):
        return None
    one, many, feminine = _named(name, locale)
    per = f" {per_word(found['per'][1:], locale)}" if found["per"] else ""
    return Measured(one + per, many + per, feminine, found.end())


def unit_alone(text: str, start: int, locale: Locale) -> Measured | None:
    """Return a quotient of units without a number: "in km/h"."""
    found = _LONE.match(text, start)
    if found is None:
        return None
    one, many, feminine = _named(found["unit"], locale)
    if re.compile(f"{_SPACE}[0-9]").match(text, found.end()):
        many = one  # "kilómetro 25"
    return Measured(one, many, feminine, found.end())


def per_after(text: str, end: int, locale: Locale) -> tuple[str, int]:
    """Return what a price is for, behind it: `/mes`, `/kWh`; nothing where no such thing stands there."""
    found = _PER_UNIT.match(text, end)
    if found is not None:
        by = "por" if locale == "es" else "per"
        return f" {by} {_part_name(found['name'], locale)[0]}", found.end()
    found = _PER.match(text, end)
    return (f" {per_word(found['name'], locale)}", found.end()) if found else ("", end)


def per_word(word: str, locale: Locale) -> str:
    """`mes`: "al mes"; `person`: "per person"."""
    if locale == "en":
        return f"per {_PER_SHORT.get(word, word)}"
    return _PER_WORDS.get(word, f"por {word}")


def _named(written: str, locale: Locale) -> tuple[str, str, bool]:
    """One, many, whether feminine."""
    whole = _WHOLE.get(_WHOLE_VARIANTS.get(written, written))
    if whole is not None:
        forms = whole[0] if locale == "es" else whole[1]
        return forms[0], forms[1], False
    first, *others = re.split("([/·⋅])", written)
    one, many, feminine = _part_name(first, locale)
    by = "por" if locale == "es" else "per"
    for sign, part in zip(others[::2], others[1::2], strict=True):
        name = _part_name(part, locale)[0]
        rest = f" {by} {name}" if sign == "/" else f" {name}"
        one, many = one + rest, many + rest
    return one, many, feminine


def _part_name(written: str, locale: Locale) -> tuple[str, str, bool]:
    unit = UNITS.get(written)
    if unit is not None:
        forms = unit.es if locale == "es" else unit.en
        return forms[0], forms[1], unit.feminine
    found = _POWER.match(written)
    assert found is not None  # noqa: S101 - the pattern that found the unit says so
    unit = UNITS[found["name"]]
    is_square = found["power"].lstrip("^") in "²2"
    if locale == "en":
        before, after = ("square ", "") if is_square else ("cubic ", "")
        if not unit.is_length:
            before, after = "", " squared" if is_square else " cubed"
        return before + unit.en[0] + after, before + unit.en[1] + after, False
    if not unit.is_length:
        power = " al cuadrado" if is_square else " al cubo"
        return unit.es[0] + power, unit.es[1] + power, unit.feminine
    ending = "cuadrado" if is_square else "cúbico"
    return f"{unit.es[0]} {ending}", f"{unit.es[1]} {ending}s", unit.feminine

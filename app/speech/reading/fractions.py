"""Fractions: plain, mixed, as one sign, out of ten, and blood pressure."""

import re
from typing import Final

from app.speech.reading.agreement import gender_of
from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.formulas import common_fraction
from app.speech.reading.numbers import Gender, cardinal, integer
from app.speech.reading.units import unit_after

_SPACE: Final = "[ \u00a0\u202f]"
_FRACTION: Final = re.compile(r"(?P<top>[0-9]{1,3})/(?P<bottom>[0-9]{1,3})(?![0-9/])")
_GLYPHS: Final = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
    "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8), "⅐": (1, 7),
    "⅑": (1, 9), "⅒": (1, 10),
}  # fmt: skip
_MIXED: Final = re.compile(
    rf"(?P<whole>[0-9]{{1,3}})(?:{_SPACE}?(?P<glyph>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])|{_SPACE}(?P<top>[1-9])/(?P<bottom>[2-9]|16)(?![0-9/]))"
)
_GLYPH: Final = re.compile(rf"[{''.join(_GLYPHS)}]")
_HALF: Final = re.compile(r"(?:½|1/2(?![0-9/]))")
"""Of something: "media taza", where a half alone is "un medio"."""
_OUT_OF: Final = frozenset({5, 10, 20, 100})
_PRESSURE: Final = re.compile(rf"(?P<high>[0-9]{{2,3}})/(?P<low>[0-9]{{2,3}}){_SPACE}?(?=mmHg|mm Hg)")

_BARE_PRESSURE: Final = re.compile(r"(?P<high>[0-9]{2,3})/(?P<low>[0-9]{2,3})(?![0-9/])")
_OF_BLOOD: Final = re.compile(
    r"(?:\btensión|\bpresión|\bblood pressure|\bBP)(?: arterial)?(?::| de| es(?: de)?| is| of| was| at)? \Z",
    re.IGNORECASE,
)


def read_fraction(place: ReadingContext) -> Said | None:
    """`1/2`, `5/8`, `2½`, `8/10`; others are "over" each other."""
    text, start, locale = place.text, place.start, place.locale
    pressure = _pressure(place)
    if pressure is not None:
        return pressure
    mixed = _MIXED.match(text, start)
    if mixed is not None:
        return _mixed(mixed, place)
    half = _HALF.match(text, start)
    gender = gender_of(place, half.end()) if half is not None else "alone"
    if half is not None and gender != "alone":
        return Said("media" if gender == "feminine" else "medio", half.end())
    glyph = _GLYPH.match(text, start)
    if glyph is not None:
        return Said(common_fraction(*_GLYPHS[glyph[0]], locale), glyph.end())
    found = _FRACTION.match(text, start)
    if found is None:
        return None
    top, bottom = int(found["top"]), int(found["bottom"])
    if bottom in _OUT_OF and top <= bottom and (bottom != 5 or place.before in ("un", "a", "nota", "rated")):
        is_sum = re.match(r"\s*[-+*=×]", text[found.end() :]) or text[max(0, start - 3) : start].strip()[
            -1:
        ] in ("+", "=", "*", "×")
        if not is_sum:
            of = " sobre " if locale == "es" else " out of "
            return Said(f"{cardinal(top, locale)}{of}{cardinal(bottom, locale)}", found.end())
    known = common_fraction(top, bottom, locale)
    if known:
        return Said(known, found.end())
    over = "entre" if locale == "es" else "over"
    return Said(f"{cardinal(top, locale)} {over} {cardinal(bottom, locale)}", found.end())


def _pressure(place: ReadingContext) -> Said | None:
    """`120/80 mmHg`, and `120/80` behind a word for it."""
    text, start, locale = place.text, place.start, place.locale
    found = _PRESSURE.match(text, start)
    unit = "" if found is None else " milímetros de mercurio" if locale == "es" else " millimeters of mercury"
    end = re.compile("mm ?Hg").match(text, found.end()) if found else None
    if found is None and _OF_BLOOD.search(text[max(0, start - 30) : start]):
        found = _BARE_PRESSURE.match(text, start)
    if found is None:
        return None
    high, low = (cardinal(int(found[name]), locale) for name in ("high", "low"))
    over = " " if locale == "es" else " over "
    return Said(f"{high}{over}{low}{unit}", end.end() if end else found.end())


def _mixed(found: "re.Match[str]", place: ReadingContext) -> Said:
    """`2½ kg`: "dos kilos y medio", "two and a half kilograms"."""
    locale, whole = place.locale, found["whole"]
    top, bottom = _GLYPHS[found["glyph"]] if found["glyph"] else (int(found["top"]), int(found["bottom"]))
    part = common_fraction(top, bottom, locale) or f"{cardinal(top, locale)} {bottom}"
    unit = unit_after(place.text, found.end(), locale)
    if locale == "en":
        part = {"one half": "a half", "one quarter": "a quarter", "one third": "a third"}.get(part, part)
        said = f"{integer(whole, 'en')} and {part}"
        return Said(f"{said} {unit.many}", unit.end) if unit else Said(said, found.end())
    is_feminine = unit is not None and unit.feminine
    part = {"un medio": "media" if is_feminine else "medio", "un cuarto": "cuarto"}.get(part, part)
    if unit is not None:
        gender: Gender = "feminine" if is_feminine else "masculine"
        name = unit.one if whole == "1" else unit.many
        return Said(f"{integer(whole, 'es', gender)} {name} y {part}", unit.end)
    gender = gender_of(place, found.end())
    if gender == "feminine" and part == "medio":
        part = "media"
    return Said(f"{integer(whole, 'es')} y {part}", found.end())

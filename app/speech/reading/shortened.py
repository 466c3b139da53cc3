"""What is cut short where there is little room: weekdays, months behind a day, keys of a keyboard."""

import re
from typing import Final

from app.errors import Locale
from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.lexicon import LETTERS, MONTHS
from app.speech.reading.numbers import cardinal, ordinal, year
from app.speech.reading.romans import roman_value

_WEEKDAYS: Final[dict[Locale, dict[str, str]]] = {
    "es": {
        **{"lun": "lunes", "mar": "martes", "mié": "miércoles", "mie": "miércoles", "miérc": "miércoles"},
        **{"jue": "jueves", "vie": "viernes", "sáb": "sábado", "sab": "sábado", "dom": "domingo"},
    },
    "en": {
        **{"mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "thu": "Thursday"},
        **{"thur": "Thursday", "thurs": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday"},
    },
}
_SHORT_DAY: Final[dict[Locale, str]] = {
    locale: "|".join(sorted(table, key=len, reverse=True)) for locale, table in _WEEKDAYS.items()
}
_WEEKDAY: Final[dict[Locale, re.Pattern[str]]] = {
    locale: re.compile(rf"(?P<day>{days})(?![\w'’])(?P<point>\.?)", re.IGNORECASE)
    for locale, days in _SHORT_DAY.items()
}
_OTHER_DAY: Final[dict[Locale, re.Pattern[str]]] = {
    locale: re.compile(rf" ?(?P<sign>[-–—/,]|\b(?:a|y|o|to|and|or)\b|&)? ?(?:{days})(?!\w)\.?", re.IGNORECASE)
    for locale, days in _SHORT_DAY.items()
}
_DAY_BEFORE: Final[dict[Locale, re.Pattern[str]]] = {
    locale: re.compile(rf"(?<!\w)(?:{days})\.? ?(?:[-–—/,&]|a|y|o|to|and|or)? ?\Z", re.IGNORECASE)
    for locale, days in _SHORT_DAY.items()
}
_DATE_BEHIND: Final = re.compile(
    r",? (?:[0-3]?[0-9](?![0-9.:]*\w*[€$%])|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec))"
)
_DAYS_RANGE: Final = re.compile(r" ?[-–—] ?(?=[A-Za-záéíóú]{3})")

_MONTHS: Final[dict[Locale, dict[str, int]]] = {
    "es": {
        **{"ene": 1, "feb": 2, "febr": 2, "mzo": 3, "mar": 3, "abr": 4, "may": 5, "jun": 6, "jul": 7},
        **{"ago": 8, "agto": 8, "sep": 9, "sept": 9, "set": 9, "oct": 10, "nov": 11, "dic": 12},
    },
    "en": {
        **{"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8},
        **{"sep": 9, "sept": 9, "oct": 10, "nov": 11, "dec": 12},
    },
}
_SHORT_MONTH: Final[dict[Locale, str]] = {
    locale: "|".join(sorted(table, key=len, reverse=True)) for locale, table in _MONTHS.items()
}
_DAY_AND_MONTH: Final[dict[Locale, re.Pattern[str]]] = {
    locale: re.compile(
        rf"(?P<day>0?[1-9]|[12][0-9]|3[01])(?P<sign>[ -](?:de )?)(?:(?P<month>{months})(?!\w)\.?|"
        r"(?P<roman>X?I{1,3}|IV|VI{0,3}|IX|X)(?=-))(?:(?P=sign)(?P<year>[12][0-9]{3})(?![\w-]))?",
        re.IGNORECASE,
    )
    for locale, months in _SHORT_MONTH.items()
}
_DAYS_OF_MONTH: Final = re.compile(
    r"(?P<month>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6})\.? "
    r"(?P<first>[12]?[0-9]|3[01])(?:st|nd|rd|th)? ?[-–] ?"
    r"(?P<last>[12]?[0-9]|3[01])(?:st|nd|rd|th)?(?![\w:/-]|[.,][0-9])"
)

_KEY_NAMES: Final = {
    **{"ctrl": ("control", "control"), "alt": ("alt", "alt"), "shift": ("mayúsculas", "shift")},
    **{"cmd": ("comando", "command"), "win": ("windows", "windows"), "mayús": ("mayúsculas", "shift")},
    **{"esc": ("escape", "escape"), "tab": ("tabulador", "tab"), "supr": ("suprimir", "delete")},
    **{"del": ("suprimir", "delete"), "enter": ("intro", "enter"), "intro": ("intro", "enter")},
    **{"fn": ("función", "function")},
    **{"⌘": ("comando", "command"), "⌥": ("opción", "option"), "⇧": ("mayúsculas", "shift")},
}
_KEYS: Final = re.compile(
    r"(?:(?i:ctrl|alt|shift|cmd|mayús)|Win|Fn|⌘|⌥|⇧)"
    r"(?:[ ]?\+[ ]?(?:[A-Za-záéíóúñ]{2,6}|F[0-9]{1,2}|[A-Za-z0-9])(?!\w))+"
)
_LONE_KEY: Final = re.compile(r"Ctrl(?!\w)")


def read_weekday(place: ReadingContext) -> Said | None:
    """`sáb.`, `Mon–Fri`, `Sat, Feb 14`, `| Lun |`; a word where nothing beside it shows it."""
    text, start, locale = place.text, place.start, place.locale
    found = _WEEKDAY[locale].match(text, start)
    if found is None or (start and (text[start - 1].isalnum() or text[start - 1] in "'’/")):
        return None
    other = _OTHER_DAY[locale].match(text, found.end())
    # "Sun and rain", "dom" and "mar" are words; two days beside one another are none.
    is_day = (other is not None and bool(other["sign"])) or _DAY_BEFORE[locale].search(text[:start][-12:])
    is_capital = text[start].isupper()
    if not is_day:
        is_day = (is_capital and _is_cell(text, start, found.end())) or (
            _DATE_BEHIND.match(text, found.end()) is not None
            and (is_capital if locale == "en" else bool(found["point"]))
        )
    if not is_day and locale == "es":
        is_day = bool(found["point"]) and found["day"].lower() not in ("mar", "dom")
    if not is_day:
        return None
    said = _WEEKDAYS[locale][found["day"].lower()]
    span = _DAYS_RANGE.match(text, found.end())
    if other is not None and span is not None and found.end() + len(span[0]) <= other.end():
        return Said(f"{said} {'a' if locale == 'es' else 'to'}", span.end())
    is_end = bool(found["point"]) and not text[found.end() :].strip()
    return Said(said, found.end(), "." if is_end else "")


def read_short_date(place: ReadingContext) -> Said | None:
    """`5 Nov 1982`, `3 de mzo.`, `5-XI-1982`, `Aug 12–15`."""
    text, start, locale = place.text, place.start, place.locale
    if start and text[start - 1].isalnum():
        return None
    days = _DAYS_OF_MONTH.match(text, start) if locale == "en" else None
    if days is not None:
        number = _MONTHS["en"].get(days["month"][:3].lower())
        if number is None or not MONTHS["en"][number - 1].lower().startswith(days["month"].lower()):
            return None
        first, last = (ordinal(int(days[name]), "en") for name in ("first", "last"))
        return Said(f"{MONTHS['en'][number - 1]} {first} to {last}", days.end())
    found = _DAY_AND_MONTH[locale].match(text, start)
    if found is None or not _is_date(found, locale):
        return None
    number = (
        _MONTHS[locale][found["month"].lower()] if found["month"] else roman_value(found["roman"].upper())
    )
    day, month = int(found["day"]), MONTHS[locale][number - 1]
    of_year = int(found["year"]) if found["year"] else 0
    is_end = found[0].endswith(".") and not text[found.end() :].strip()
    if locale == "es":
        said = f"{'uno' if day == 1 else cardinal(day, 'es')} de {month}"
        said += f" de {cardinal(of_year, 'es')}" if of_year else ""
    else:
        said = f"{cardinal(day, 'en')} {month}"
        said += f" {year(of_year, 'en')}" if of_year else ""
    return Said(said, found.end(), "." if is_end else "")


def read_keys(place: ReadingContext) -> Said | None:
    """`Ctrl+C`, `Cmd + Shift + P`."""
    text, start, locale = place.text, place.start, place.locale
    if start and text[start - 1].isalnum():
        return None
    found = _KEYS.match(text, start)
    if found is not None:
        return Said(" ".join(_key(key.strip(), locale) for key in found[0].split("+")), found.end())
    lone = _LONE_KEY.match(text, start)
    return Said("control", lone.end()) if lone else None


def _key(name: str, locale: Locale) -> str:
    known = _KEY_NAMES.get(name.lower())
    if known is not None:
        return known[locale == "en"]
    if len(name) == 1 and name.lower() in LETTERS[locale]:
        return LETTERS[locale][name.lower()].replace("_", " ")
    if name[0] in "Ff" and name[1:].isdigit():
        return f"{'efe' if locale == 'es' else 'F'} {cardinal(int(name[1:]), locale)}"
    return cardinal(int(name), locale) if name.isdigit() and name.isascii() else name


def _is_cell(text: str, start: int, end: int) -> bool:
    """Return whether it stands alone between the bars of a table."""
    return text[:start].rstrip(" ")[-1:] == "|" and text[end:].lstrip(" ")[:1] == "|"


def _is_date(found: "re.Match[str]", locale: Locale) -> bool:
    """Return whether the short month is one: `3 mar` may be seas, `5 may` a verb; a point or a year tells."""
    if found["roman"]:
        return bool(found["year"]) and found["sign"] == "-"
    if found["year"]:
        return True
    if found["month"].lower() in ("mar", "may", "set"):
        return found[0].endswith(".") and locale == "es"
    return found["sign"].strip() in ("", "de") or found[0].endswith(".")

"""Times of day and dates, as people say them."""

import re
from typing import Final

from app.errors import Locale
from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.lexicon import MONTHS
from app.speech.reading.numbers import cardinal, ordinal, year

_CLOCK: Final = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.\d{1,6})?)?(?![\d:])"
    r"(?:[ \u00a0\u202f]?(?P<half>[ap]\.?[ \u00a0\u202f]?m\b\.?)|[ \u00a0]?h(?:rs?)?\b\.?|Z\b)?",
    re.IGNORECASE,
)
_HOUR: Final = re.compile(
    r"(?P<hour>1[0-2]|[1-9])[ \u00a0\u202f]?(?P<half>[ap]\.?[ \u00a0\u202f]?m\b\.?)", re.IGNORECASE
)
_ISO_DATE: Final = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?:T(?=\d\d:)|(?![\d-]))")
_DATE: Final = re.compile(
    r"(?P<first>\d{1,2})(?P<sign>[/.-])(?P<second>\d{1,2})(?P=sign)(?P<year>\d{4}|\d\d)(?![\d/-])"
)
_DAY_AND_MONTH: Final = re.compile(r"(?P<day>\d{1,2})/(?P<month>\d{1,2})(?![\d/])")
_SPANISH_HOUR: Final = re.compile(r"(?P<hour>[01]?\d|2[0-4])[hH](?P<minute>[0-5]\d)(?!\w)")
_DECADE: Final = {
    "es": re.compile(
        r"(?:(?P<apostrophe>['’])(?P<short>[1-9]0)s?|(?P<number>(?:1[0-9]|20)?[0-9]0)['’]?s)(?![\w'’])"
    ),
    "en": re.compile(
        r"(?:(?P<apostrophe>['’])(?P<short>[1-9]0)['’]?s|(?P<number>(?:1[0-9]|20)?[0-9]0)['’]?s)(?!\w)"
    ),
}
_BEFORE_DECADES: Final = frozenset(
    "the early mid late her his their my our your its los años década and or y o in".split()
)
_YEARS: Final = re.compile(
    r"(?P<first>(?:1[1-9]|20)\d\d)(?P<dash>[-–/])(?P<last>(?:1[1-9]|20)\d\d|\d\d)(?![\d.,:%°€$/-]|\w)"
)
_BEFORE_DATES: Final = frozenset(
    "el del al día lunes martes miércoles jueves viernes sábado domingo on the".split()
)
_BEFORE_YEARS: Final = frozenset(
    "in since from until by of year before after circa around summer winter spring fall autumn january"
    " february march april may june july august september october november december".split()
)
_YEAR: Final = re.compile(r"(?:1[1-9]|20)\d\d(?![\d.,:/%°€$-]*\d|[ ]?[%°€$]|\w)")
_FROM_YEAR: Final = re.compile(r"\bfrom (?:1[1-9]|20)[0-9]{2} to \Z")
_BARE_DAY: Final = re.compile(
    r"(?:(?P<month>January|February|March|April|May|June|July|August|September|October|November|December)"
    r"|(?P<short>Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
    r" (?P<day>[12]?\d|3[01])(?:st|nd|rd|th)?(?![\w:]|[.,]\d)"
)
_SHORT_MONTHS: Final = {name[:3]: name for name in MONTHS["en"]}
_NOON: Final = 12
_EVENING: Final = 8
_DAWN: Final = 6
_SHORT_YEARS: Final = 99
_YEAR_DIGITS: Final = 4


def read_time(place: ReadingContext) -> Said | None:
    """`10:30`, `22:05`, `3 p. m.`."""
    spanish = _SPANISH_HOUR.match(place.text, place.start) if place.locale == "es" else None
    if spanish is not None:
        return Said(_spanish_clock(int(spanish["hour"]), int(spanish["minute"]), None), spanish.end())
    found = _CLOCK.match(place.text, place.start)
    if found is None:
        found = _HOUR.match(place.text, place.start)
        if found is None:
            return None
        minute, second = 0, None
    else:
        minute, second = int(found["minute"]), found["second"]
    hour = int(found["hour"])
    if hour > 24:
        return None
    say_clock = _spanish_clock if place.locale == "es" else _english_clock
    said = say_clock(hour, minute, found["half"])
    if second and int(second):
        amount = cardinal(int(second), place.locale, "masculine")
        said += f" y {amount} segundos" if place.locale == "es" else f" and {amount} seconds"
    # The point of `p. m.` ends the sentence too where nothing, or a capital, follows.
    pause = "." if found[0].endswith(".") and _ends_sentence(place.text, found.end()) else ""
    return Said(said, found.end(), pause)


def read_date(place: ReadingContext) -> Said | None:
    """`2026-11-25`, `25/11/2026`, and in Spanish `el 25/11`."""
    found = _ISO_DATE.match(place.text, place.start)
    if found is not None:
        day, month, of_year = int(found["day"]), int(found["month"]), found["year"]
    else:
        found = _DATE.match(place.text, place.start)
        if found is not None:
            day, month = _day_and_month(int(found["first"]), int(found["second"]), place.locale)
            of_year = found["year"]
        else:
            found = _DAY_AND_MONTH.match(place.text, place.start)
            if found is None or place.before not in _BEFORE_DATES:
                return None
            day, month = _day_and_month(int(found["day"]), int(found["month"]), place.locale)
            of_year = ""
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    is_moment = _CLOCK.match(place.text[found.end() : found.end() + 12].lstrip()) is not None
    return Said(_date(day, month, of_year, place.locale), found.end(), "," if is_moment else "")


def read_decade(place: ReadingContext) -> Said | None:
    """`1980s`, `the 90s`, `los '60`, `los 70s`."""
    found = _DECADE[place.locale].match(place.text, place.start)
    if found is None or (place.start and place.text[place.start - 1].isalnum()):
        return None
    written = found["short"] or found["number"]
    near = place.text[max(0, place.start - 5) : place.start].lower()
    is_expected = place.before in _BEFORE_DECADES or near.endswith(
        ("mid-", "pre-", "early-", "late-", "post-")
    )
    if len(written) == 2 and not (found["apostrophe"] or is_expected):
        return None
    number = int(written)
    if place.locale == "es":
        return Said(cardinal(number, "es"), found.end())
    said = year(number, "en") if number > _SHORT_YEARS else cardinal(number, "en")
    return Said(f"{said[:-1]}ies" if said.endswith("y") else f"{said}s", found.end())


def read_english_moment(place: ReadingContext) -> Said | None:
    """`November 25`, and years after words that let years be expected."""
    if place.locale != "en":
        return None
    found = _BARE_DAY.match(place.text, place.start)
    if found is not None:
        month = found["month"] or _SHORT_MONTHS[found["short"][:3]]
        return Said(f"{month} {ordinal(int(found['day']), 'en')}", found.end())
    span = _YEARS.match(place.text, place.start)
    if (
        span is not None
        and span["dash"] != "/"
        and int(span["first"][-len(span["last"]) :]) < int(span["last"])
    ):
        last = span["last"]
        last_words = year(int(last), "en") if len(last) == _YEAR_DIGITS else cardinal(int(last), "en")
        return Said(f"{year(int(span['first']), 'en')} to {last_words}", span.end())
    is_expected = (
        place.before in _BEFORE_YEARS
        or _FROM_YEAR.search(place.text[max(0, place.start - 14) : place.start]) is not None
        or _follows_a_day(place)
        or _is_bracketed(place)
        or _follows_quarter(place)
    )
    found = _YEAR.match(place.text, place.start) if is_expected else None
    return Said(year(int(found[0]), "en"), found.end()) if found else None


def _follows_quarter(place: ReadingContext) -> bool:
    """`Q3 2025`."""
    return re.search(r"(?:Q[1-4]|FY|H[12]) \Z", place.text[max(0, place.start - 3) : place.start]) is not None


def _is_bracketed(place: ReadingContext) -> bool:
    """`(2023)`."""
    around = place.text[max(0, place.start - 1) : place.start + 5]
    return re.fullmatch(r"\(\d{4}[),]", around) is not None


def _follows_a_day(place: ReadingContext) -> bool:
    before = place.text[max(0, place.start - 20) : place.start]
    return re.search(r"[a-z] [0-3]?\d(?:st|nd|rd|th)?, $", before) is not None


def _day_and_month(first: int, second: int, locale: Locale) -> tuple[int, int]:
    if locale == "en" and first <= 12:
        return second, first
    return first, second


def _date(day: int, month: int, of_year: str, locale: Locale) -> str:
    name = MONTHS[locale][month - 1]
    number = int(of_year) if of_year else 0
    if len(of_year) == 2:
        number += 2000
    if locale == "es":
        said = f"{'uno' if day == 1 else cardinal(day, 'es')} de {name}"
        return f"{said} de {cardinal(number, 'es')}" if of_year else said
    said = f"{name} {ordinal(day, 'en')}"
    return f"{said}, {year(number, 'en')}" if of_year else said


def _spanish_clock(hour: int, minute: int, half: str | None) -> str:
    said = cardinal(hour, "es", "feminine")
    if not (half or 1 <= hour <= _NOON):
        minutes = f"{'cero ' if minute < 10 else ''}{cardinal(minute, 'es')}" if minute else ""
        return f"{said} {minutes}" if minutes else f"{said} horas"
    match minute:
        case 0:
            pass
        case 15:
            said += " y cuarto"
        case 30:
            said += " y media"
        case _:
            said += f" y {cardinal(minute, 'es')}"
    if half is None:
        return said
    if half[0] in "pP":
        return f"{said} de la {'noche' if _EVENING <= hour < _NOON else 'tarde'}"
    return f"{said} de la {'madrugada' if hour < _DAWN or hour == _NOON else 'mañana'}"


def _english_clock(hour: int, minute: int, half: str | None) -> str:
    said = cardinal(hour, "en")
    if minute:
        said += f" {'oh ' if minute < 10 else ''}{cardinal(minute, 'en')}"
    elif half is None:
        said += " o'clock" if 1 <= hour <= _NOON else " hundred hours"
    if half is None:
        return said
    return f"{said} {half[0].upper()} M"


def _ends_sentence(text: str, end: int) -> bool:
    rest = text[end:].lstrip()
    return not rest or rest[0].isupper()

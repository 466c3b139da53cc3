"""Sums of money: the currency before or behind the number, cents, millions, what they are for."""

import re
from typing import Final

from app.errors import Locale
from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.lexicon import CENTS, CURRENCIES, in_locale
from app.speech.reading.numbers import Gender, cardinal, decimal, integer
from app.speech.reading.units import per_after
from app.speech.reading.written_numbers import WrittenNumber, written_number

_SPACE: Final = "[ \u00a0\u202f]"
_SCALES: Final[dict[str, tuple[str, str]]] = {
    "k": ("mil", "thousand"),
    "K": ("mil", "thousand"),
    "M": ("millones", "million"),
    "MM": ("millones", "million"),
    "m": ("millones", "million"),
    "mn": ("millones", "million"),
    "B": ("mil millones", "billion"),
    "bn": ("mil millones", "billion"),
    "T": ("billones", "trillion"),
    "tn": ("billones", "trillion"),
    "thousand": ("mil", "thousand"),
    "million": ("millones", "million"),
    "billion": ("mil millones", "billion"),
    "trillion": ("billones", "trillion"),
    "mil": ("mil", "thousand"),
    "mil millones": ("mil millones", "billion"),
    "millones": ("millones", "million"),
    "millón": ("millones", "million"),
    "billones": ("billones", "trillion"),
}
"""Written -> Spanish, English."""

_SIGNS: Final = "|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True))
_SCALE: Final = (
    rf"(?:{_SPACE}?(?P<scale>mil millones|millones|millón|mil|thousand|million|billion|trillion|billones)\b"
    r"|(?P<letter>MM|mn|bn|tn|[kKMBTm])(?![\w²³/°]))"
)
_BEFORE: Final = re.compile(rf"(?P<sign>{_SIGNS}){_SPACE}?(?=\.?[0-9])")
_RANGE: Final = re.compile(rf"{_SPACE}?[-–]{_SPACE}?(?=[0-9])")
_SCALED: Final = re.compile(_SCALE)
_BEHIND: Final = re.compile(
    rf"(?:{_SPACE}?(?P<scale>mil millones|millones|millón|mil|billones|million|billion)"
    rf"(?P<of>{_SPACE}de)?{_SPACE}|{_SPACE}?(?P<letter>MM|bn|[kKMm]))?"
    rf"{_SPACE}?(?P<sign>{_SIGNS})(?![\w²³])"
)
_MILLION: Final = 10**6
_CENT_DIGITS: Final = 2


def read_money(place: ReadingContext) -> Said | None:
    """`$5.99`, `€10–20`, `1.234,56 €`, `$1.5M`, `3 M€`, `0,15 €/kWh`."""
    text, start, locale = place.text, place.start, place.locale
    before = _BEFORE.match(text, start)
    if before is not None:
        return _money_behind_sign(place, before["sign"], before.end())
    found = written_number(text, start, locale)
    if found is None:
        return None
    behind = _BEHIND.match(text, found.end)
    if behind is None or (behind["letter"] and behind["sign"].isalpha()):
        return None
    scale = behind["scale"] or behind["letter"] or ""
    per, end = per_after(text, behind.end(), locale)
    return Said(_sum(found, scale, behind["sign"], locale) + per, end)


def _money_behind_sign(place: ReadingContext, sign: str, start: int) -> Said | None:
    text, locale = place.text, place.locale
    if sign.isalpha() and place.start and text[place.start - 1].isalnum():
        return None
    found = written_number(text, start, locale)
    if found is None:
        return None
    said = ""
    dash = _RANGE.match(text, found.end)
    upper = written_number(text, dash.end(), locale) if dash else None
    if upper is not None and not _BEHIND.match(text, upper.end):
        said = f"{_plain(found, locale)} {'a' if locale == 'es' else 'to'} "
        found = upper
    scaled = _SCALED.match(text, found.end)
    end = scaled.end() if scaled else found.end
    scale = (scaled["scale"] or scaled["letter"]) if scaled else ""
    # "$5 USD" and "US$ 5" say the same thing twice.
    again = re.compile(rf"{_SPACE}(?:USD|EUR|GBP|MXN)\b").match(text, end)
    if again is not None:
        sign, end = again[0].strip(), again.end()
    per, end = per_after(text, end, locale)
    return Said(f"{said}{_sum(found, scale, sign, locale)}{per}", end)


def _plain(found: WrittenNumber, locale: Locale) -> str:
    return decimal(found.whole, found.fraction, locale) if found.fraction else integer(found.whole, locale)


def _sum(found: WrittenNumber, scale: str, sign: str, locale: Locale) -> str:
    whole, fraction = found.whole, found.fraction
    one, many = CURRENCIES[sign]
    if scale:
        return _scaled(found, scale, in_locale(many, locale), locale)
    name = in_locale(one if whole == "1" and not fraction.strip("0") else many, locale)
    feminine = name.startswith(("libra", "rupia", "corona", "lira"))
    gender: Gender = "feminine" if feminine else "masculine"
    if fraction and len(fraction) != _CENT_DIGITS:
        return f"{decimal(whole, fraction, locale)} {in_locale(many, locale)}"
    cents = int(fraction or "0")
    if whole.strip("0") == "" and cents:
        return _cents(cents, sign, locale)
    of = " de" if locale == "es" and len(whole) < 18 and int(whole) and int(whole) % _MILLION == 0 else ""
    # "One pound and one pence": the name follows the number before it.
    name = in_locale(one if whole == "1" else many, locale)
    said = f"{integer(whole, locale, gender)}{of} {name}"
    if not cents:
        return said
    if locale == "es":
        return f"{said} con {cardinal(cents, 'es')}"
    return f"{said} and {_cents(cents, sign, 'en')}"


def _cents(cents: int, sign: str, locale: Locale) -> str:
    names = CENTS.get(sign, (("centavo", "cent"), ("centavos", "cents")))
    name = in_locale(names[0] if cents == 1 else names[1], locale)
    return f"{cardinal(cents, locale, 'masculine')} {name}"


def _scaled(found: WrittenNumber, scale: str, currency: str, locale: Locale) -> str:
    es, en = _SCALES[scale]
    if locale == "en":
        return f"{_plain(found, 'en')} {en} {currency}"
    if found.fraction:
        amount = decimal(found.whole, found.fraction, "es")
    elif found.whole == "1":
        return {"mil": f"mil {currency}", "millones": f"un millón de {currency}"}.get(
            es, f"mil millones de {currency}" if es == "mil millones" else f"un billón de {currency}"
        )
    else:
        amount = integer(found.whole, "es", "masculine")
    return f"{amount} {es} {currency}" if es == "mil" else f"{amount} {es} de {currency}"

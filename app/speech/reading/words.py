"""Words: abbreviations, acronyms, Roman numbers, and the pauses between them."""

import re
from typing import Final

from app.errors import Locale
from app.letters import composed
from app.speech.reading.base import Pause, ReadingContext, Said
from app.speech.reading.files import words_of
from app.speech.reading.lexicon import (
    ABBREVIATIONS,
    ENDS_SENTENCES,
    LETTERS,
    ONLY_BEFORE_NUMBERS,
    ONLY_BEHIND_NUMBERS,
    SPELLED,
    SYMBOLS,
    in_locale,
)
from app.speech.reading.scripts import script_of

WORD: Final = re.compile(
    r"(?:[^\W\d_²³¹¼½¾⅓\u2070-\u208e\u2150-\u215f][\u0300-\u036f]*)+(?:['’](?:[^\W\d_²³¹¼½¾⅓\u2070-\u208e\u2150-\u215f][\u0300-\u036f]*)+)*"
)
_LONGEST_WORD: Final = 60
"""What is longer is no word; it is cut, so that the voice comes to an end."""

_SHORTEST_AT_A_START: Final = 4
"""Letters of an abbreviation, its point among them, that may begin a sentence or a cell: `Máx.`"""


def _with_capitals(table: dict[str, str]) -> set[str]:
    begun = (short for short in table if short.endswith(".") and short[0].islower() and " " not in short)
    return {*table, *(short[0].upper() + short[1:] for short in begun if len(short) >= _SHORTEST_AT_A_START)}


_ABBREVIATION: Final[dict[Locale, re.Pattern[str]]] = {
    locale: re.compile(
        "(?:"
        + "|".join(re.escape(short) for short in sorted(_with_capitals(table), key=len, reverse=True))
        + r")(?!\w)"
    )
    for locale, table in ABBREVIATIONS.items()
}
_CALLE: Final = re.compile(r"[cC]/[ ]?(?=[A-ZÁÉÍÓÚÑ])")
_PAUSES: Final[dict[str, Pause]] = {
    **{
        ",": ",",
        ";": ",",
        "(": ",",
        ")": ",",
        "—": ",",
        "–": ",",
        "…": ".",
        ".": ".",
        "|": ",",
        "]": ",",
        "[": ",",
    },
    **{"?": "?", "!": "!", ":": ":"},
}
_VOWELS: Final = frozenset("AEIOUÁÉÍÓÚÜY")
_SHOUT: Final = re.compile(r"[^\W\d_]{2,}")


def read_abbreviation(place: ReadingContext) -> Said | None:
    """`Sr.`, `p. ej.`, `e.g.`."""
    if place.start and place.text[place.start - 1].isalnum():
        return None
    found = _ABBREVIATION[place.locale].match(place.text, place.start)
    if found is None:
        return None
    short, end = found[0], found.end()
    rest = place.text[end:].lstrip()
    if short in ONLY_BEHIND_NUMBERS and not place.after_number:
        return None
    if short in ONLY_BEFORE_NUMBERS and not rest[:1].isdigit():
        return None
    if short in ("c/", "C/") and _CALLE.match(place.text, place.start) is None:
        return None
    if short == "St." and not rest[:1].isupper():
        return Said("street", end, "." if not rest else "")
    if short == "Sr." and place.locale == "en" and place.before == "":
        return None
    is_end = short in ENDS_SENTENCES and (not rest or rest[0].isupper())
    table = ABBREVIATIONS[place.locale]
    return Said(
        table.get(short) or table[short[0].lower() + short[1:]],
        end,
        "." if is_end and short.endswith(".") else "",
    )


def read_word(place: ReadingContext) -> Said | None:
    """Return a word, or what is written like one."""
    found = WORD.match(place.text, place.start)
    if found is None:
        return None
    end = next((at for at in range(place.start, found.end()) if script_of(place.text[at])), found.end())
    end = end if end > place.start else found.end()
    # What is a number in some script, but no digit of ours (`²`, `①`), is not said as part of a word.
    letters = [char for char in composed(place.text[place.start : end]) if not char.isnumeric()]
    word = "".join(letters)[:_LONGEST_WORD]
    if word.isupper() and len(word) > 1:
        return Said(_acronym(word, place, end), end)
    if place.locale == "es" and len(word) == 1:
        return Said(_spanish_letter(word), end)
    return Said(words_of(word), end)


def read_sign(place: ReadingContext) -> Said | None:
    """Return a sign that is said, or that makes a pause."""
    sign = place.text[place.start]
    if sign in SYMBOLS and not (sign == "&" and place.text[place.start + 1 : place.start + 2] == "&"):
        return Said(in_locale(SYMBOLS[sign], place.locale), place.start + 1)
    if sign in "-–" and place.text[place.start - 1 : place.start + 2].strip() == sign and place.before:
        return Said("", place.start + 1, ",")
    pause = _PAUSES.get(sign)
    return Said("", place.start + 1, pause) if pause else None


def _spanish_letter(letter: str) -> str:
    """Return a lone letter by its name, but for those that are words."""
    lower = letter.lower()
    return letter if lower in "aeouy" else LETTERS["es"].get(lower, letter).replace("_", " ")


def _acronym(word: str, place: ReadingContext, end: int) -> str:
    """Letter by letter where people do so; else a word, also where somebody shouts."""
    if word == "OK":
        return "okey" if place.locale == "es" else "okay"
    is_spelled = len(word) <= 5 and (word in SPELLED or not _VOWELS & set(word))
    if word not in SPELLED and is_spelled is False and len(word) == 2:
        is_spelled = not _is_shouted(place, end)
    letters = LETTERS[place.locale]
    if not is_spelled or not all(letter in letters for letter in word.lower()):
        return word.lower()
    return " ".join(letters[letter].replace("_", " ") for letter in word.lower())


def _is_shouted(place: ReadingContext, end: int) -> bool:
    """Return whether a neighbour is all capitals too, or there is none."""
    before = _SHOUT.findall(place.text[max(0, place.start - 30) : place.start])
    after = _SHOUT.findall(place.text[end : end + 30])
    near = [*before[-1:], *after[:1]]
    return not near or any(word.isupper() for word in near)

"""Reads a written text aloud: goes through it once, rule by rule."""

import re
from collections.abc import Callable
from typing import Final

from app.errors import Locale
from app.speech.reading import (
    chains,
    codes,
    files,
    fractions,
    measures,
    moments,
    money,
    operators,
    quantities,
    romans,
    scripts,
    shortened,
    words,
    writing,
)
from app.speech.reading.base import Pause, ReadingContext, ReadingToken, Said
from app.speech.reading.formulas import read_formula

_RULES: Final[tuple[Callable[[ReadingContext], Said | None], ...]] = (
    writing.read_fence,
    writing.read_line_start,
    writing.read_link,
    writing.read_tag,
    read_formula,
    scripts.read_script,
    writing.read_address,
    files.read_name,
    files.read_path,
    romans.read_century,
    shortened.read_weekday,
    shortened.read_short_date,
    shortened.read_keys,
    moments.read_english_moment,
    words.read_abbreviation,
    codes.read_identifier,
    codes.read_chemistry,
    moments.read_date,
    moments.read_time,
    moments.read_decade,
    quantities.read_phone,
    quantities.read_ordinal,
    fractions.read_fraction,
    chains.read_chain,
    money.read_money,
    measures.read_measure,
    codes.read_code,
    quantities.read_number,
    operators.read_number_sign,
    operators.read_power,
    files.read_code_operator,
    operators.read_operator,
    romans.read_roman,
    words.read_word,
    words.read_sign,
)
"""The first that knows what to do with a place does it."""

_BLANK: Final = re.compile(r"\s+")
_NUMERIC: Final = re.compile(r"[0-9π)²³½¼¾⅓%]\Z|(?<=[0-9])[ \u00a0\u202f]?[ap]\.?[ ]?m\.?\Z", re.IGNORECASE)
_STRENGTH: Final[dict[Pause, int]] = {"": 0, ",": 1, ":": 2, ".": 3, "?": 4, "!": 4}


def read_aloud(text: str, locale: Locale) -> list[ReadingToken]:
    """Return what is said for a text, in order; empty where there is nothing to say in it.

    Nothing of markdown, of addresses but their hosts, and of emoji is said. Never fails, whatever the text.
    """
    tokens: list[ReadingToken] = []
    start = 0
    is_number = False
    while start < len(text):
        blank = _BLANK.match(text, start)
        if blank is not None:
            if "\n" in blank[0]:
                is_number = False
                _pause(tokens, "." if blank[0].count("\n") > 1 or _ends_item(text, blank.end()) else ",")
            start = blank.end()
            continue
        said = _said(ReadingContext(text, start, locale, _last_word(tokens), is_number))
        if said.words:
            tokens.append(ReadingToken(said.words, said.end))
        if said.pause:
            _pause(tokens, said.pause)
        if said.words or said.pause or text[start] not in "*_`~":
            is_number = bool(said.words) and _NUMERIC.search(text[start : said.end]) is not None
            is_number = is_number or text[start] == ")"
        start = said.end
    if tokens:
        tokens[-1] = ReadingToken(tokens[-1].words, len(text), tokens[-1].pause)
    return tokens


def spoken_text(tokens: list[ReadingToken]) -> str:
    """Return the tokens as one text for a synthesiser."""
    return " ".join(f"{token.words}{token.pause}" for token in tokens)


def _said(place: ReadingContext) -> Said:
    for rule in _RULES:
        said = rule(place)
        if said is not None:
            return said
    # Emoji, quotation marks, what is left of markdown, scripts without letters.
    return Said("", place.start + 1)


def _pause(tokens: list[ReadingToken], pause: Pause) -> None:
    """The strongest of neighbouring pauses counts."""
    if tokens and _STRENGTH[pause] > _STRENGTH[tokens[-1].pause]:
        last = tokens[-1]
        tokens[-1] = ReadingToken(last.words, last.end, pause)


def _last_word(tokens: list[ReadingToken]) -> str:
    if not tokens or tokens[-1].pause:
        return ""
    return tokens[-1].words.rpartition(" ")[2].lower()


def _ends_item(text: str, start: int) -> bool:
    return re.match(r"[-*+•#>]|[0-9]{1,3}[.)]\s", text[start : start + 5]) is not None

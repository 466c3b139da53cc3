"""Puts the numbers of a text as the grammar and the calculator read them: `12 000`, `1_000`, `|-5|`.

What is rewritten is rewritten in the text itself, before it is cut into tokens, so that everything behind it
sees one way of writing. What cannot be computed at all, an equation or a time of day, is told here too.
"""

import re
from collections.abc import Callable

from app.errors import Locale
from app.llm.demo.text import Utterance

_GAP = "[ _'’\u00a0\u2002-\u200a\u202f]"
_SPACED_GROUPS = re.compile(rf"(?<![\w.,])[1-9]\d{{0,2}}(?:{_GAP}\d{{3}})+(?!\w|[.,]\d{{3}}(?!\d))")
_DOTTED_GROUPS = re.compile(r"(?<![\w.,])[1-9]\d{0,2}(?:\.\d{3})+(?![\w.]*\d)")
_COMMA_GROUPS = re.compile(r"(?<![\w.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_DECIMAL_DOT = re.compile(r"(?<![\d.])\d*\.\d+(?![\d.])")
_MAGNITUDE = re.compile(r"\|\s*((?:[^|\n\w]|\d|\b(?:pi|e|sqrt)\b){1,200})\|")
_NUMBER = re.compile(r"\d[\d.,]*")
_LISTING = re.compile(
    r"\b(?:sum\w*|add|total|media|promedio|average|mean|multiplica\w*|multiply|max\w*|min\w*|mcd|mcm|gcd|lcm)\b"
)

_CLOCK = re.compile(r"(?<![\d:.,])(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?![\d:])")
_UNKNOWN = r"(?<![a-z])[xyzabcn](?![a-z])"
_SIDE = rf"(?:[\s\d.,+\-*/^()−×÷·²³]|{_UNKNOWN}){{1,200}}"
_EQUATION = re.compile(rf"({_SIDE})=({_SIDE})")
_TIMES = re.compile(r"(?<=\d)\s*x\s*(?=\d)")


def rewritten(said: Utterance, language: Locale | None) -> Utterance:
    """A text whose numbers have no grouping signs and whose `|…|` are `abs(…)`.

    Args:
        said: The text.
        language: Decides what `1.500` and `1,500` are: the dot groups in Spanish, the comma in English. None
            leaves both as they are.
    """
    said = _joined_groups(said)
    said = _replaced(
        said, _MAGNITUDE, lambda match: f"abs({match[1].strip()})" if _has_digit(match) else None
    )
    if language == "es" and not _has_decimal_dot(said.plain):
        return _replaced(said, _DOTTED_GROUPS, _outside_calls("."))
    if language == "en":
        return _replaced(said, _COMMA_GROUPS, _outside_calls(","))
    return said


def is_equation(said: Utterance) -> bool:
    """Whether a text has an equation with an unknown: `2x+3=7`."""
    for match in _EQUATION.finditer(said.plain):
        left, right = (_TIMES.sub("*", side) for side in match.groups())
        if re.search(_UNKNOWN, left + " " + right) and re.search(r"\w", left) and re.search(r"\w", right):
            return True
    return False


def has_clock_at(said: Utterance, start: int, end: int) -> bool:
    """Whether what stands from `start` to `end` takes its numbers from a time of day: `12:30 + 2`."""
    return any(match.start() < end and start < match.end() for match in _CLOCK.finditer(said.plain))


def _joined_groups(said: Utterance) -> Utterance:
    joined = _replaced(said, _SPACED_GROUPS, lambda match: re.sub(_GAP, "", match[0]))
    # «suma 100 200 300» is a list: joined, there would be nothing left to add up.
    is_list = _LISTING.search(said.plain) and len(_NUMBER.findall(joined.plain)) < 2
    return said if is_list else joined


def _has_decimal_dot(plain: str) -> bool:
    """Whether some number of a text has a dot that cannot group thousands: `0.5`, `3.14`, `1234.567`."""
    return any(
        not _DOTTED_GROUPS.fullmatch(match[0]) for match in _DECIMAL_DOT.finditer(plain) if match[0] != "."
    )


def _has_digit(match: re.Match[str]) -> bool:
    return bool(re.search(r"\d", match[1]))


def _outside_calls(sign: str) -> Callable[[re.Match[str]], str | None]:
    """Takes a grouping sign away, but between the arguments of a function: `max(1,000)` has two."""

    def without_sign(match: re.Match[str]) -> str | None:
        before = match.string[: match.start()]
        opened = re.search(r"[a-z]\d*\([^()]*$", before)
        return None if opened else match[0].replace(sign, "")

    return without_sign


def _replaced(
    said: Utterance, pattern: re.Pattern[str], put: Callable[[re.Match[str]], str | None]
) -> Utterance:
    """Replaces in `raw` and `plain` alike, so that both stay as long; None leaves a match as it is."""
    raw: list[str] = []
    plain: list[str] = []
    position = 0
    for match in pattern.finditer(said.plain):
        text = put(match)
        if text is None:
            continue
        raw += [said.raw[position : match.start()], text]
        plain += [said.plain[position : match.start()], text]
        position = match.end()
    return Utterance("".join([*raw, said.raw[position:]]), "".join([*plain, said.plain[position:]]))

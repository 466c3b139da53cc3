"""Numbers in words: «treinta y cinco», “one hundred and twenty”, «dos coma cinco», “3 thousand”."""

import re
from dataclasses import dataclass
from decimal import Decimal

_ES_SMALL = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce "
    "quince dieciseis diecisiete dieciocho "
    "diecinueve veinte veintiuno veintidos veintitres veinticuatro veinticinco veintiseis "
    "veintisiete veintiocho veintinueve"
)
_EN_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_ES_TENS = "treinta cuarenta cincuenta sesenta setenta ochenta noventa"
_EN_TENS = "thirty forty fifty sixty seventy eighty ninety"
_ES_HUNDREDS = (
    "cien doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
)

SMALL: dict[str, int] = {
    **{word: value for value, word in enumerate(_ES_SMALL.split())},
    **{word: value for value, word in enumerate(_EN_SMALL.split())},
    **{word: value for value, word in zip(range(30, 100, 10), _ES_TENS.split(), strict=True)},
    **{word: value for value, word in zip(range(30, 100, 10), _EN_TENS.split(), strict=True)},
    **{word: value for value, word in zip(range(100, 1000, 100), _ES_HUNDREDS.split(), strict=True)},
    "ciento": 100,
    "veintiun": 21,
    "fourty": 40,
}
"""Words that stand for a number below a thousand."""

SCALES: dict[str, int] = {
    "hundred": 100,
    "mil": 1_000,
    "thousand": 1_000,
    "millon": 1_000_000,
    "millones": 1_000_000,
    "million": 1_000_000,
    "millions": 1_000_000,
    "billion": 1_000_000_000,
}
"""Words that multiply what stands before them."""

ORDINALS: dict[str, int] = {
    word: value
    for words in (
        "primera segunda tercera cuarta quinta sexta septima octava novena decima",
        "first second third fourth fifth sixth seventh eighth ninth tenth",
    )
    for value, word in enumerate(words.split(), 1)
}

_ARTICLES = frozenset({"un", "una", "a", "one"})
_POINTS = frozenset({"coma", "punto", "point"})
_HALVES = re.compile(r"\s+(?:y medi[oa]|and a half)\b")
_WORD = re.compile(r"[a-z]+")
_DIGITS = re.compile(
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d+)*(?:,\d+)?|\.\d+)(?:e[+-]?\d+(?![a-z\d]))?"
)
_GAP = re.compile(r"\s+|-(?=[a-z])")


@dataclass(frozen=True, slots=True)
class Number:
    """A number found in a text.

    Attributes:
        text: In digits, with a decimal point if it was written in words.
        in_words: Whether any part of it was a word.
    """

    text: str
    end: int
    in_words: bool


def number_at(plain: str, start: int) -> Number | None:
    """The number that begins at `start` of a folded text, in digits or words; as long as it can be."""
    digits = _digits_at(plain, start)
    if digits:
        return _with_scale(plain, digits)
    words = _integer_in_words(plain, start)
    return _with_decimals(plain, words) if words else None


def _digits_at(plain: str, start: int) -> Number | None:
    match = _DIGITS.match(plain, start)
    if match is None:
        return None
    listed = re.match(r"\d+(?=(?:,\d+){2,})", plain[start : match.end() + 64])
    if listed and not re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", match[0]):
        # `1,2,3` is a list, not a decimal number and a rest.
        return Number(listed[0], start + listed.end(), False)
    return Number(match[0], match.end(), False)


def _with_scale(plain: str, number: Number) -> Number:
    """Reads «5 mil», “1.5 million” and «2 coma 5» on from the digits."""
    match = re.compile(r"\s+([a-z]+)\b").match(plain, number.end)
    if match is None:
        return number
    word = match[1]
    if word in SCALES and word != "hundred" and re.fullmatch(r"\d+(?:[.,]\d+)?", number.text):
        value = Decimal(number.text.replace(",", ".")) * SCALES[word]
        return Number(_plain_decimal(value), match.end(), True)
    if word in _POINTS and re.fullmatch(r"\d+", number.text):
        return _with_decimals(plain, number)
    return _with_half(plain, number)


def _with_half(plain: str, number: Number) -> Number:
    match = _HALVES.match(plain, number.end)
    if match is None or not re.fullmatch(r"\d+", number.text):
        return number
    return Number(f"{number.text}.5", match.end(), True)


def _with_decimals(plain: str, whole: Number) -> Number:
    match = re.compile(r"\s+([a-z]+)\s+").match(plain, whole.end)
    if match is None or match[1] not in _POINTS:
        return _with_half(plain, whole)
    digits, position = "", match.end()
    while True:
        found = re.compile(r"\d+").match(plain, position)
        part = Number(found[0], found.end(), False) if found else _integer_in_words(plain, position)
        if part is None:
            break
        digits, end = digits + part.text, part.end
        whole = Number(whole.text, end, True)
        gap = _GAP.match(plain, end)
        if gap is None:
            break
        position = gap.end()
    return Number(with_point(f"{whole.text}.{digits}"), whole.end, True) if digits else whole


def with_point(number: str) -> str:
    """A number with a decimal point, never three digits behind it: in Spanish these could be thousands."""
    return f"{number}0" if re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", number) else number


def _plain_decimal(value: Decimal) -> str:
    return with_point(format(value.normalize(), "f"))


def _integer_in_words(plain: str, start: int) -> Number | None:
    """Adds up number words while each fits behind the one before («ciento» 100, «veinte» 20, «cinco» 5)."""
    total = current = 0
    room = 10**12  # The next word must stand for less than this.
    end: int | None = None
    position = start
    while (match := _WORD.match(plain, position)) is not None:
        word = match[0]
        if word in SCALES and (current or total == 0) and (end is not None or word == "mil"):
            scale = SCALES[word]
            current = max(current, 1) * scale
            if scale >= 1000:
                total, current = total + current, 0
            room = scale
        elif word in SMALL and _fits(SMALL[word], room):
            current += SMALL[word]
            room = _room_behind(SMALL[word])
        elif not (word in _ARTICLES and end is None and _scale_follows(plain, match.end())):
            break
        end = match.end()
        position = _next_word(plain, end, room)
        if position < 0:
            break
    if end is None or (total == 0 and current == 0 and plain[start:end] not in ("cero", "zero")):
        return None
    return Number(str(total + current), end, True)


def _fits(value: int, room: int) -> bool:
    return value < room


def _room_behind(value: int) -> int:
    if value >= 100:
        return 100
    return 10 if value >= 20 and value % 10 == 0 else 0


def _scale_follows(plain: str, position: int) -> bool:
    match = re.compile(r"\s+([a-z]+)").match(plain, position)
    return match is not None and match[1] in SCALES


def _next_word(plain: str, end: int, room: int) -> int:
    """Where the number may go on: behind a space or hyphen, and «y» or “and” where one is said; -1 if not."""
    joined = re.compile(r"\s+(?:y|and)\s+([a-z]+)").match(plain, end)
    if joined:
        word = joined[1]
        says_and = joined[0].split()[0] == "and"
        expected = room >= 100 if says_and else room == 10
        return joined.start(1) if expected and word in SMALL and 0 < SMALL[word] < room else -1
    gap = _GAP.match(plain, end)
    return gap.end() if gap else -1

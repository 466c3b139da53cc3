"""Tokens as arithmetic sees them: numbers, operators and functions, in signs or in words."""

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from app.llm.demo.words import TextPiece, data

_KINDS = {
    **dict.fromkeys("!²³°‰", "post"),
    **dict.fromkeys(["+", "-", "*", "/", "^", "×", "÷", "−", "·", "**", "//"], "op"),
    **{"%": "post", "(": "open", "[": "open", ")": "close", "]": "close", "√": "function", "|": "bar"},
    **{
        "=": "equals",
        "π": "number",
        ",": "comma",
        ";": "comma",
        "€": "unit",
        "$": "unit",
        "£": "unit",
        ":": "unit",
    },
}
_CONSTANTS = ("pi", "tau", "phi", "π")
_MAX_PHRASE = 5


class Symbol(NamedTuple):
    """A piece of a sum.

    Attributes:
        kind: `number`, `op`, `post`, `prefix`, `function`, `verb`, `open`, `close`, `bar`, `comma`, `equals`,
            `unit`, or `word` for what has no meaning in a sum.
        text: As the calculator reads it.
        first: Index of its first token.
        last: Index behind its last token.
        is_sign: Whether it stands there as it is to be written.
    """

    kind: str
    text: str
    first: int
    last: int
    is_sign: bool = False


def words(name: str) -> frozenset[str]:
    """A list of words of `sums.toml`."""
    return _words()[name]


@cache
def _words() -> dict[str, frozenset[str]]:
    return {name: frozenset(text.split()) for name, text in data("sums")["words"].items()}


@cache
def _phrases() -> dict[str, dict[tuple[str, ...], tuple[str, str]]]:
    """Return what several words are in a sum, by the first of them."""
    found: dict[str, dict[tuple[str, ...], tuple[str, str]]] = {}
    for kind, table in (("op", "operators"), ("post", "postfixes"), ("prefix", "prefixes")):
        for text, said in data("sums")[table].items():
            for phrase in said.split(","):
                key = tuple(phrase.split())
                found.setdefault(key[0], {})[key] = (kind, text)
    return found


@cache
def _verbs() -> dict[str, list[tuple[str, str]]]:
    """Beginnings of verbs and their signs, by their first three letters."""
    found: dict[str, list[tuple[str, str]]] = {}
    for sign, said in data("sums")["verbs"].items():
        for word in said.split(", "):
            found.setdefault(word[:3], []).append((word, sign))
    return found


@cache
def _values(name: str) -> dict[str, int]:
    """Words and the numbers that they stand for."""
    numbers: dict[str, str] = data("sums")["numbers"]
    if name == "scales":
        return {
            word: int(value) for word, _, value in (each.partition("=") for each in numbers[name].split())
        }
    if name == "ordinals":
        return {word: i % 10 + 1 for i, word in enumerate(numbers[name].split())}
    found = {word: i if i < 30 else i - 30 for i, word in enumerate(numbers["small"].split())}
    found |= {word: 10 * (i % 9 + 1) for i, word in enumerate(numbers["tens"].split())}
    found |= {word: 100 * i for i, word in enumerate(numbers["hundreds"].split(), 1)}
    return found | {"ciento": 100, "veintiun": 21}


def number_at(keys: Sequence[str], i: int) -> tuple[str, int] | None:
    """Return the number in words that begins at `keys[i]`: its digits, and the index behind it."""
    small, scales = _values("small"), _values("scales")
    total = current = 0
    room, end, j = 10**12, i, i  # The next word must stand for less than `room`.
    while j < len(keys):
        key, behind = keys[j], keys[j + 1] if j + 1 < len(keys) else ""
        if small.get(key, room) < room:
            current += small[key]
            room = 100 if small[key] >= 100 else 10 if small[key] >= 20 and small[key] % 10 == 0 else 1
        elif key in scales and (end > i or key == "mil"):
            current = max(current, 1) * scales[key]
            total, current = (total + current, 0) if scales[key] >= 1000 else (total, current)
            room = scales[key]
        elif not (key in ("un", "a") and end == i and behind in scales):
            joins = end > i and ((key == "and" and room >= 100) or (key in ("y", "-") and room == 10))
            if not (joins and 0 < small.get(behind, room) < room):
                break
            j += 1
            continue
        j = end = j + 1
    return _with_decimals(str(total + current), keys, end) if end > i else None


def _with_decimals(whole: str, keys: Sequence[str], end: int) -> tuple[str, int]:
    rest = " ".join(keys[end : end + 3])
    if half := re.match(r"y medi[oa]\b|and a half\b", rest):
        return f"{whole}.5", end + len(half[0].split())
    if not re.match(r"(?:coma|punto|point)\b", rest):
        return whole, end
    digits, j = "", end + 1
    while j < len(keys) and (number := (keys[j], j + 1) if keys[j].isdigit() else number_at(keys, j)):
        digits, j = digits + number[0], number[1]
    # Never three digits behind the point: they could be thousands.
    return (f"{whole}.{digits}{'0' if len(digits) == 3 else ''}", j) if digits else (whole, end)


def symbols_of(tokens: Sequence[TextPiece]) -> list[Symbol]:
    """Return the symbols of a text, one behind the other."""
    keys = [token.key for token in tokens]
    found: list[Symbol] = []
    while (i := found[-1].last if found else 0) < len(tokens):
        kind = tokens[i].kind
        if kind in ("number", "clock"):
            found.append(_digits(tokens[i], keys, i))
        elif kind == "sign":
            found.append(Symbol(_KINDS.get(keys[i], "word"), keys[i], i, i + 1, is_sign=True))
        else:
            found.append(_word(tokens, keys, i, found[-1] if found else None))
    return found


def _digits(token: TextPiece, keys: list[str], i: int) -> Symbol:
    scale = _values("scales").get(keys[i + 1], 0) if i + 1 < len(keys) else 0
    if scale >= 1000 and re.fullmatch(r"[\d.,]+", token.key):
        return Symbol("number", f"{token.key}*{scale}", i, i + 2)
    text, end = _with_decimals(token.key, keys, i + 1)
    return Symbol("number", text, i, end, is_sign=end == i + 1)


def _word(tokens: Sequence[TextPiece], keys: list[str], i: int, before: Symbol | None) -> Symbol:
    token = tokens[i]
    if token.kind == "slot":
        return Symbol("word", "", i, i + 1)
    if keys[i + 1 : i + 2] == ["("] and tokens[i + 1].start == token.end:
        return Symbol("function", token.key, i, i + 1, is_sign=True)
    if token.key in _CONSTANTS or _is_unknown(token, before, tokens[i + 1 : i + 3]):
        return Symbol("number", token.key, i, i + 1, is_sign=True)
    kind = before.kind if before else ""
    if token.key == "x" and kind in ("number", "post", "close"):
        return Symbol("op", "*", i, i + 1)
    number = number_at(keys, i)
    if number and (token.key != "one" or number[1] > i + 1 or kind in ("op", "verb")):
        return Symbol("number", number[0], i, number[1])
    if token.key in _values("ordinals") and before and before.text == "**":
        return Symbol("number", str(_values("ordinals")[token.key]), i, i + 1)
    return _phrase(keys, i) or Symbol("word", token.key, i, i + 1)


def _is_unknown(token: TextPiece, before: Symbol | None, behind: Sequence[TextPiece]) -> bool:
    """Return whether a letter is part of a sum, as the `x` of `x+1` and of `2x`, and not that of `X-Two`."""
    if not (len(token.key) == 1 and token.key.isascii()):
        return False
    kind = _KINDS.get(behind[0].key, "") if behind else ""
    operand = behind[1] if len(behind) > 1 else None
    is_operand = operand is not None and (
        operand.kind == "number" or operand.key in "(-√" or len(operand.key) == 1
    )
    is_behind_sign = before is not None and before.is_sign and before.kind in ("op", "open")
    touches = before is not None and before.is_sign and before.kind == "number" and token.key in "xyz"
    follows = kind == "close" or (kind in ("op", "equals") and is_operand)
    return is_behind_sign or follows or (touches and kind in ("op", "equals"))


def _phrase(keys: list[str], i: int) -> Symbol | None:
    known = _phrases().get(keys[i], {})
    for length in range(min(_MAX_PHRASE, len(keys) - i) if known else 0, 0, -1):
        if meaning := known.get(tuple(keys[i : i + length])):
            return Symbol(meaning[0], meaning[1], i, i + length)
    sign = next((sign for word, sign in _verbs().get(keys[i][:3], ()) if keys[i].startswith(word)), "")
    return Symbol("verb", sign, i, i + 1) if sign else None

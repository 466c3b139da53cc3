"""The grammar of sums: «siete por ocho», “the square root of 16”, «suma 3, 4 y 5», and signs as they are.

    sum     = [verb] operand { joint operand }
    joint   = operation | a link such as «y» after a verb | [link] another verb
    operand = prefix operand | run of signs { postfix }

Fillers may stand between them. What is found is written down for the calculator, which reads the numbers.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from app.llm.demo.words import TextPiece, data, tokens_of

_MAX_PHRASE = 5
_OPERAND = r"[sc(]*(?:[nl]|f\((?:[^w]*\)|[^w]*))"
_RUN = re.compile(
    rf"{_OPERAND}(?:[p)%c]*(?:[os%=]|%d){_OPERAND}|(?=[(fl]){_OPERAND}|[p)%c]*\)n)*[p)%c]*(?:[os(]+(?=\.?$))?"
)
"""What is written in signs, as letters of `sums.toml`; whether it is well-formed the calculator says."""


class Symbol(NamedTuple):
    """A piece of a sum.

    Attributes:
        kind: `run` for what is written in signs, `op`, `post`, `prefix`, `verb`, or `word` for all else.
        text: As the calculator reads it; `{}` in a prefix is where its operand goes.
        first: Index of its first token.
        last: Index behind its last token.
    """

    kind: str
    text: str
    first: int
    last: int


@cache
def _listed(name: str) -> frozenset[str]:
    """A list of words of `sums.toml`."""
    return frozenset(data("sums")["words"][name].split())


@cache
def _phrases() -> dict[tuple[str, ...], tuple[str, str]]:
    """Return the kind and the text of what has a name of one word or several."""
    return {
        tuple(phrase.split()): (kind, text)
        for kind in ("op", "post", "prefix")
        for text, said in data("sums")[kind].items()
        for phrase in said.split(",")
    }


@cache
def _values(name: str) -> dict[str, int]:
    """Words and the numbers that they stand for."""
    pairs = (each.partition("=") for each in data("sums")["numbers"][name].split())
    return {word: int(number) for word, _, number in pairs}


def _symbols_of(text: str, tokens: Sequence[TextPiece]) -> list[Symbol]:
    """Return the symbols of a text, one behind the other."""
    keys = [token.key for token in tokens]
    shape = "".join(_shape(tokens, i) for i in range(len(tokens)))
    found: list[Symbol] = []
    while (i := found[-1].last if found else 0) < len(tokens):
        if run := _RUN.match(shape, i):
            written = text[tokens[i].start : tokens[run.end() - 1].end]
            found.append(Symbol("run", written, i, run.end()))
        elif tokens[i].kind == "word":
            found.append(_word(keys, i, is_behind_run=bool(found) and found[-1].kind == "run"))
        else:
            found.append(Symbol("op" if shape[i] in "os" else "word", keys[i], i, i + 1))
    return found


def _shape(tokens: Sequence[TextPiece], i: int) -> str:
    """Return a letter for what a token may be in signs, as in the table of `sums.toml`.

    `f` is a function's name; `l` a letter that touches an operator, an unknown.
    """
    token, table = tokens[i], data("sums")["signs"]
    before, behind = tokens[max(i - 1, 0)], tokens[min(i + 1, len(tokens) - 1)]
    is_close = behind.start == token.end
    if token.kind == "word" and is_close and behind.key == "(":
        return "f"
    if token.kind == "word" and len(token.key) == 1 and token.key not in table["n"]:
        if token.key == "x" and before.kind == behind.kind == "number":
            return "o"
        beside = [behind.key] * is_close + [before.key] * (before.end == token.start)
        return "l" if any(key in f"{table['o']} {table['s']} =" for key in beside) else "w"
    if token.key in ("de", "del", "of") and before.key == "%":
        return "d"
    if token.kind == "number":
        return "n"
    kind = next((kind for kind, signs in table.items() if token.key in signs.split()), "w")
    return "o" if kind == "s" and not is_close else kind


def _word(keys: list[str], i: int, *, is_behind_run: bool) -> Symbol:
    number = number_at(keys, i)
    if number and not is_behind_run:  # «mil», but «5 mil»
        return Symbol("run", number[0], i, number[1])
    for length in range(_MAX_PHRASE, 0, -1):
        if meaning := _phrases().get(tuple(keys[i : i + length])):
            return Symbol(*meaning, i, min(i + length, len(keys)))
    if number:
        return Symbol("run", number[0], i, number[1])
    verbs = data("sums")["verbs"].items()
    sign = next((sign for sign, said in verbs if keys[i].startswith(tuple(said.split(", ")))), "")
    return Symbol("verb", sign, i, i + 1) if sign else Symbol("word", keys[i], i, i + 1)


def number_at(keys: Sequence[str], i: int) -> tuple[str, int] | None:
    """Return the number in words that begins at `keys[i]`: its digits, and the index behind it."""
    values, scales = _values("values"), _values("scales")
    end = i + (keys[i] in ("un", "a") and keys[i + 1 : i + 2] != [] and keys[i + 1] in scales)
    total, current, room = 0, end - i, 10**12  # The next word must stand for less than `room`.
    while end < len(keys):
        joins = end > i and (room == 10 if keys[end] in ("y", "-") else room >= 100 and keys[end] == "and")
        key = keys[end + joins] if end + joins < len(keys) else ""
        if values.get(key, room) < room and (value := values[key]) >= joins:
            current += value
            room = 100 if value >= 100 else 10 if value >= 20 and value % 10 == 0 else 1
        elif key in scales and end > i and not joins:
            current, room = current * scales[key], scales[key]
            total, current = (total + current, 0) if room >= 1000 else (total, current)
        else:
            break
        end += joins + 1
    return (str(total + current), end) if end > i else None


class _Reader:
    """Reads one sum from a list of symbols."""

    def __init__(self, symbols: list[Symbol], at: int = 0) -> None:
        self.symbols = symbols
        self.at = at

    def sum(self) -> str:
        """Return the sum that begins here; empty where none does."""
        verb, left = self._take("verb"), self._operand()
        begins_at = self.at
        while joined := left and self.joined(left, verb):
            left = joined
        if verb.isalpha():
            return f"{verb}({left})" if left else ""
        return "" if verb and self.at == begins_at and not re.search(r"\W", left) else left

    def joined(self, left: str, verb: str = "") -> str:
        """Return what was read with the next operand joined to it; empty, and nothing taken, without one."""
        before = self.at
        self._skip("fillers")
        if post := self._take("post"):
            return _closed(left, "*") + post
        sign, swaps = self._take("op"), False
        if not sign:
            self.at = before
            link = self._skip("links") or (self._skip("fillers") and self._skip("links"))
            sign, swaps = (verb if link else ""), verb in ("+", "-") and link in _listed("swaps")
            if changed := self._take("verb"):
                # «y súmale 5», «multiplícalo por 3»: all that was before is one number.
                sign, left, swaps = (
                    changed,
                    left if re.fullmatch(r"\w+|\([^()]*\)", left) else f"({left})",
                    False,
                )
                self._skip("fillers")
                self._take("op")
        elif verb + sign in ("/*", "%/", "+*", "-*"):
            sign = verb
        right = self._operand() if sign else ""
        if not right:
            self.at = before
            return ""
        if sign.isalpha():
            return f"{left}; {right}"
        left, right = (right, left) if swaps else (left, right)
        return f"{_closed(left, sign)} {sign} {_closed(right, sign)}"

    def _operand(self) -> str:
        self._skip("fillers")
        if self._take("op", "-"):
            return "-" + inner if (inner := self._operand()) else ""
        if prefix := self.prefix():
            return prefix.format(_closed(inner, "*")) if (inner := self._operand()) else ""
        operand = self._take("run")
        while operand and (post := self._take("post")):
            operand = _closed(operand, "*") + post
        return operand

    def prefix(self) -> str:
        """Take what stands before its operand: `sqrt({})`."""
        return self._take("prefix")

    def _take(self, kind: str, text: str = "") -> str:
        symbol = self.symbols[self.at] if self.at < len(self.symbols) else None
        if symbol is None or symbol.kind != kind or (text and symbol.text != text):
            return ""
        self.at += 1
        return symbol.text

    def _skip(self, name: str) -> str:
        """Pass all words of a list; return the last one."""
        last = ""
        while self.at < len(self.symbols) and self.symbols[self.at].text in _listed(name):
            if not (word := self._take("word")):
                break
            last = word
        return last


def _closed(text: str, sign: str) -> str:
    """Put parentheses around what was written closely, `3+4`, where the sign behind it binds more."""
    is_open = re.search(r"[\w)%](?<!\de)\s*[-+−]", text) and not re.fullmatch(r"\([^()]*\)", text)
    return f"({text})" if is_open and sign not in ("+", "-") else text


def sums_in(text: str, tokens: Sequence[TextPiece]) -> list[tuple[int, int, str, str]]:
    """Return all sums from left to right: first token, the one behind the last, slot, what to compute.

    A number alone is a `{number}`; what may be a range or a telephone number as well is a `{date}`.
    """
    symbols = _symbols_of(text, tokens)
    found: list[tuple[int, int, str, str]] = []
    i = 0
    while i < len(symbols):
        reader = _Reader(symbols, i)
        begins = symbols[i].kind in ("run", "prefix", "verb") or (symbols[i].text == "-" and i == 0)
        written = reader.sum() if begins else ""
        if re.search(r"\d|pi|tau|phi|π|\be\b", written):
            last = symbols[reader.at - 1].last
            while "¡" in text and written.endswith("!"):
                # The sign that closes «¡calcula 3+2!» is no factorial.
                written, last = written[:-1], last - 1
            is_number = reader.at == i + 1 and re.fullmatch(r"[\d.,:'_\s]+(?:e[-+]?\d+)?|[a-z]{2,}", written)
            is_date = re.fullmatch(r"\d+(?:[-/]\d+)+", written)
            key = "{number}" if is_number else "{date}" if is_date else "{sum}"
            found.append((symbols[i].first, last, key, " ".join(written.split())))
        i = reader.at if written else i + 1
    return found


def continuation(text: str, earlier: str) -> str:
    """Return the earlier sum with an operation on it: «y por 3», “plus 10”, «¿y al cuadrado?»; else empty."""
    whole = earlier if re.fullmatch(r"[\d.]+", earlier) else f"({earlier})"
    symbols = [each for each in _symbols_of(text, tokens_of(text)) if each.text not in _listed("aside")]
    if len(symbols) == 1 and re.fullmatch(r"[-+−*/]\s*[\d.,]+", symbols[0].text):
        return f"{whole} {symbols[0].text[0]} {symbols[0].text[1:].strip()}"
    reader = _Reader(symbols)
    expression = prefix.format(whole) if (prefix := reader.prefix()) else reader.joined(whole)
    return expression if reader.at == len(symbols) else ""

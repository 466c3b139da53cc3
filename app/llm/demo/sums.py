"""The grammar of sums: «siete por ocho», “the square root of 16”, «suma 3, 4 y 5», and signs as they are.

What is found is written down for the calculator, which reads the numbers themselves. One pass from left to
right: each token is looked at a bounded number of times.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from app.llm.demo.symbols import Symbol, symbols_of, words
from app.llm.demo.words import TextPiece

_OPERANDS = ("number", "open", "function", "prefix", "bar")


class Sum(NamedTuple):
    """A sum, or a number alone, in a list of tokens.

    Attributes:
        first: Index of its first token.
        last: Index behind its last token.
        text: As the calculator reads it.
        operations: How many operations it has; a number alone has none.
        is_weak: It may be a date, a range or a telephone number: `10/4/1990`.
        is_equation: It has a sign of equality in its midst.
        has_clock: One of its numbers is a time of day.
    """

    first: int
    last: int
    text: str
    operations: int
    is_weak: bool = False
    is_equation: bool = False
    has_clock: bool = False


class _SumParser:
    """Reads one sum from a list of symbols."""

    def __init__(self, symbols: list[Symbol], at: int, verb: str = "") -> None:
        self.symbols = symbols
        self.at = at
        self.verb = verb
        self.parts: list[str] = []
        self.closers: list[str] = []
        self.wants_operand = True
        self.operations = 0
        self.depth = 0
        self.is_in_signs = True
        # What was read when the sum was last whole: the index behind it, its text, its operations.
        self.whole: tuple[int, str, int] | None = None

    def read(self) -> None:
        """Go on as long as the symbols make a sum."""
        while self.at < len(self.symbols):
            symbol = self.symbols[self.at]
            step = self._operand(symbol) if self.wants_operand else self._behind(symbol)
            if not step:
                break
            self.at += step
            if not self.wants_operand:
                self.whole = (self.at, "".join([*self.parts, *reversed(self.closers)]), self.operations)

    def _put(self, text: str, *, wants_operand: bool, operations: int = 0) -> int:
        self.parts.append(text)
        self.wants_operand = wants_operand
        self.operations += operations
        return 1

    def _operand(self, symbol: Symbol) -> int:
        match symbol.kind:
            case "number":
                return self._put(symbol.text, wants_operand=False)
            case "open":
                self.depth += 1
                return self._put("(", wants_operand=True)
            case "op" if symbol.text in "-+−":
                return self._put(symbol.text.strip("+"), wants_operand=True)
            case "function" | "bar":
                return self._put(symbol.text, wants_operand=True, operations=1)
            case "prefix":
                head, _, tail = symbol.text.partition("{}")
                self.closers.append(tail)
                return self._put(head, wants_operand=True, operations=1)
            case _:
                repeats = (
                    bool(self.verb and self.parts) and symbol.kind == "verb" and symbol.text == self.verb
                )
                return int(repeats or (_is_filler(symbol) and bool(self.parts or self.verb)))

    def _behind(self, symbol: Symbol) -> int:
        """Return what stands behind an operand."""
        kind = symbol.kind
        is_modulo = symbol.text == "%" and self._kind_at(self.at + 1) in ("number", "open", "function")
        if kind == "post" and not is_modulo:
            return self._put(symbol.text, wants_operand=False, operations=1)
        if kind in ("op", "post"):
            return self._operator(symbol)
        if kind in ("close", "bar"):
            self.depth -= 1
            return self._put(")" if kind == "close" else "|", wants_operand=False)
        if kind == "comma" and self.depth > 0:
            return self._put(symbol.text, wants_operand=True)
        if kind == "equals" and self._operand_follows(self.at + 1):
            return self._put("=", wants_operand=True)
        previous = self.symbols[self.at - 1]
        if symbol.is_sign and (kind == "open" or (previous.is_sign and kind in ("function", "number"))):
            # `2(3+4)`, `2x`: what stands close together is multiplied.
            is_digit = kind == "number" and symbol.text[0].isdigit() and previous.kind != "close"
            self.operations += 1
            return 0 if is_digit or symbol.first != previous.last else self._operand(symbol)
        return self._linked(symbol)

    def _operator(self, symbol: Symbol) -> int:
        if not self._operand_follows(self.at + 1):
            return 0
        # «divide 100 por 7»: the verb says what its «por» is.
        is_verbs = not symbol.is_sign and self.verb + symbol.text in ("/*", "%/", "+*", "-*")
        sign = self.verb if is_verbs else symbol.text
        if sign == "off":
            return self._apply("-", swaps=True)
        if sign == self.verb and not symbol.is_sign:
            return self._apply(sign)
        self._close()
        self.is_in_signs = self.is_in_signs and symbol.is_sign
        return self._put(f" {sign} ", wants_operand=True, operations=1)

    def _linked(self, symbol: Symbol) -> int:
        """Return what goes on without a sign: «3, 4 y 5», «8 a 20», «y súmale 5», «15% de 80»."""
        if (
            symbol.text in ("de", "del", "of")
            and self.parts[-1:] == ["%"]
            and self._operand_follows(self.at + 1)
        ):
            return self._put(f" {symbol.text.removesuffix('l')} ", wants_operand=True)
        is_link = symbol.text in words("links")
        ahead = self.at + is_link
        while is_link and ahead < len(self.symbols) and self.symbols[ahead].text in words("links"):
            ahead += 1
        verb = self.symbols[ahead] if ahead < len(self.symbols) else symbol
        if verb.kind == "verb" and not verb.text.isalpha() and self._operand_follows(ahead + 1):
            self._close()
            text = "".join(self.parts)
            self.parts = [f"({text})" if self.operations else text]
            self.verb = verb.text
            return self._put(f" {verb.text} ", wants_operand=True, operations=1) + ahead - self.at
        if is_link and self.verb and self._operand_follows(ahead):
            return (
                self._apply(self.verb, swaps=symbol.text in words("swaps") and self.verb in "+-")
                + ahead
                - self.at
                - 1
            )
        return int(_is_filler(symbol) and symbol.text not in ("de", "of") and self._goes_on(self.at + 1))

    def _goes_on(self, at: int) -> bool:
        is_link = at < len(self.symbols) and self.symbols[at].text in words("links")
        return self._kind_at(at) in ("op", "post") or bool(self.verb and is_link)

    def _apply(self, sign: str, *, swaps: bool = False) -> int:
        """Put the verb's sign behind what was read; or, with that, behind what is still to come."""
        self._close()
        text = "".join(self.parts)
        if self.verb in ("*", "/") and self.is_in_signs and re.search(r"[\w)]\s*[-+−]", text):
            # «multiplica 3+4 por 5»: what is written closely is one number.
            self.parts = [f"({text})"]
        if swaps:
            self.closers.append(f" {sign} {text}")
            self.parts = []
        return self._put(
            "" if swaps else "; " if sign.isalpha() else f" {sign} ", wants_operand=True, operations=1
        )

    def _close(self) -> None:
        self.parts += reversed(self.closers)
        self.closers = []

    def _kind_at(self, at: int) -> str:
        return self.symbols[at].kind if at < len(self.symbols) else ""

    def _operand_follows(self, at: int) -> bool:
        while at < len(self.symbols) and (
            _is_filler(self.symbols[at]) or self.symbols[at].text in ("-", "+", "−")
        ):
            at += 1
        return self._kind_at(at) in _OPERANDS


def _is_filler(symbol: Symbol) -> bool:
    return symbol.kind == "unit" or (symbol.kind == "word" and symbol.text in words("fillers"))


def sums_in(text: str, tokens: Sequence[TextPiece]) -> list[Sum]:
    """Return all sums of a text from left to right, numbers alone too; they do not overlap."""
    symbols = symbols_of(tokens)
    found: list[Sum] = []
    i = 0
    while i < len(symbols):
        read = _sum_at(text, tokens, symbols, i) if _may_begin(tokens, symbols[i]) else None
        if read:
            found.append(read[0])
        i = read[1] if read else i + 1
    return found


def _may_begin(tokens: Sequence[TextPiece], symbol: Symbol) -> bool:
    if symbol.kind != "op":
        return symbol.kind in (*_OPERANDS, "verb")
    touches = symbol.last < len(tokens) and tokens[symbol.last].start == tokens[symbol.first].end
    return symbol.text in "-−+" and (touches if symbol.is_sign else symbol.first == 0)


def _sum_at(text: str, tokens: Sequence[TextPiece], symbols: list[Symbol], i: int) -> tuple[Sum, int] | None:
    verb = symbols[i].text if symbols[i].kind == "verb" else ""
    reader = _SumParser(symbols, i + 1 if verb else i, verb)
    reader.read()
    if reader.whole is None:
        return None
    end, written, operations = reader.whole
    if verb and not operations:
        # «suma 100 200 300» is a list: joined, there would be nothing left to add up.
        written, operations = f" {verb} ".join(written.split()), int(" " in written and verb in "+*")
    used = symbols[i:end]
    if all(each.is_sign for each in used):
        end = _with_trailing_signs(symbols, end)
        used = symbols[i:end]
        written = text[tokens[used[0].first].start : tokens[used[-1].last - 1].end]
        operations += len(used) > 1
    elif verb.isalpha():
        written = f"{verb}({written})"
    if (verb and not operations) or not re.search(r"\d|pi|tau|phi|π|\be\b", written):
        return None
    found = Sum(
        used[0].first,
        used[-1].last,
        " ".join(written.split()),
        operations,
        is_weak=bool(re.fullmatch(r"\d+(?:[-/]\d+)+", written)),
        is_equation=any(each.kind == "equals" for each in used),
        has_clock=any(tokens[each.first].kind == "clock" for each in used),
    )
    return found, end


def _with_trailing_signs(symbols: list[Symbol], end: int) -> int:
    """Behind the signs that break a sum off at the end of a text: the tool says what is wrong with `2+`."""
    last = end
    while last < len(symbols) and symbols[last].is_sign and symbols[last].kind in ("op", "open", "close"):
        last += 1
    return last if last == len(symbols) or symbols[last].text in ("?", ".", "!") else end


def continuation(tokens: Sequence[TextPiece], earlier: str) -> str:
    """Return the earlier sum with an operation on it: «y por 3», “plus 10”, «¿y al cuadrado?»; else empty."""
    whole = earlier if re.fullmatch(r"[\d.]+", earlier) else f"({earlier})"
    symbols = [
        each
        for each in symbols_of(tokens)
        if each.text not in ("?", "¿", ".", "!", "¡")
        and not (each.kind in ("word", "comma") and each.text in words("aside"))
    ]
    first, rest = (symbols[0], symbols[1:]) if symbols else (None, symbols)
    if first is None:
        return ""
    if not rest and first.kind in ("post", "prefix"):
        return first.text.format(whole) if first.kind == "prefix" else whole + first.text
    if first.kind not in ("op", "verb") or first.text.isalpha():
        return ""
    if first.kind == "verb" and rest and rest[0].kind == "op":
        rest = rest[1:]
    reader = _SumParser(rest, 0)
    reader.read()
    # `-5+3` is a sum of its own; `-5` goes on.
    goes_on = reader.whole and reader.whole[0] == len(rest) and not (first.is_sign and reader.operations)
    return f"{whole} {first.text} {reader.whole[1]}" if reader.whole and goes_on else ""

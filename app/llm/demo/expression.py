"""Arithmetic in a text: finds `3*(2+5)`, «veinticinco por cuatro», “15% of 80”, «la raíz cuadrada de 144».

A small grammar finds the longest runs of tokens that are expressions. What is written in signs is handed on
exactly as written; what is written in words is put into signs. Nothing is ever computed here.
"""

import re
from dataclasses import dataclass

from app.llm.demo.math_tokens import Token, tokens_of
from app.llm.demo.numbers import with_point
from app.llm.demo.text import Utterance

MAX_DEPTH = 40
"""Parentheses deeper than this are not read; nobody types them."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression found in a text.

    Attributes:
        operations: How many operators, functions and percent signs it has; 0 for a mere number.
        strong: Whether one of them cannot be a date, a range or a fraction: `+`, `*`, `^`, a function.
        first: Its first token's index.
        last: The index behind its last token.
    """

    text: str
    start: int
    end: int
    operations: int
    strong: bool
    first: int
    last: int


_WEAK_SIGNS = frozenset("-/−÷")
"""They also stand in dates, ranges and telephone numbers."""

_WEAK_WORDS = frozenset({"por", "by", "over", "less", "veces"})
"""They also stand between numbers that nobody wants computed: «tres libros por 20», “10 by 12 feet”."""


class _Reader:
    """Reads one expression from a list of tokens, as far as the grammar goes."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.operations: int = 0
        self.strong: bool = False
        self.all_signs: bool = True
        self._depth = 0

    def expression(self, i: int) -> tuple[str, int] | None:
        """The longest expression from token `i`: its text and the index behind it."""
        left = self._operand(i)
        while left is not None:
            text, i = left
            saved = (self.operations, self.strong, self.all_signs)
            operator = self._operator(i)
            right = self._operand(operator[1]) if operator else None
            if operator is None or right is None:
                self.operations, self.strong, self.all_signs = saved
                return text, i
            left = self._of_the_whole(text, operator[0], right) or (
                f"{text}{operator[0]}{right[0]}",
                right[1],
            )
        return None

    def _of_the_whole(self, left: str, operator: str, right: tuple[str, int]) -> tuple[str, int] | None:
        """`20 - 15%` is 17, as people and pocket calculators have it: an added percentage is one of the rest.

        None where the right side is no bare percentage, is multiplied further, or stands beside another.
        """
        sign = operator.strip()
        after = self._at(right[1])
        goes_on = after is not None and after.kind == "op" and after.text not in ("+", "-", "−")
        if sign not in ("+", "-", "−") or goes_on or left.endswith("%"):
            return None
        percent = re.fullmatch(r"([\d.,]+)%", right[0])
        if percent is None:
            return None
        self.all_signs = False
        whole = left if re.fullmatch(r"[\d.,]+", left) else f"({left})"
        return f"{whole}*(1{'+' if sign == '+' else '-'}{pointed(percent[1])}/100)", right[1]

    def _operator(self, i: int) -> tuple[str, int] | None:
        """The operator at token `i`, and the index behind it; an empty one where `2(3+4)` is a product."""
        token = self._at(i)
        if token is None:
            return None
        if token.kind == "op":
            is_weak = token.text in _WEAK_SIGNS if token.is_sign else token.word in _WEAK_WORDS
            self._note(token, strong=not is_weak)
            return self._spaced(token), i + 1
        if token.kind == "post" and token.text == "%" and token.is_sign:
            self._note(token, strong=True)
            return " % ", i + 1
        before = self.tokens[i - 1]
        multiplies = before.kind in ("number", "constant", "close") or before.text == "!"
        if multiplies and before.end == token.start and token.kind in ("open", "function", "constant"):
            self._note(token)
            return "", i
        return None

    @staticmethod
    def _spaced(token: Token) -> str:
        text = {"·": "*"}.get(token.text, token.text)
        return text if text in ("**", "^", "/4*", "/3*", "/5*") else f" {text} "

    def _operand(self, i: int) -> tuple[str, int] | None:
        i = self._skip_articles(i)
        token = self._at(i)
        if token is None or self._depth > MAX_DEPTH:
            return None
        self._depth += 1
        try:
            if token.kind == "op" and token.text in ("-", "+", "−"):
                self._note(token, operations=0)
                inner = self._operand(i + 1)
                sign = "-" if token.text == "−" else token.text
                return inner and (f"{sign}{inner[0]}", inner[1])
            if token.kind == "prefix":
                self._note(token, strong=not token.text.startswith(("(", "-")))
                return self._prefixed(token.text, self._operand(i + 1))
            return self._primary(i, token)
        finally:
            self._depth -= 1

    def _prefixed(self, pattern: str, inner: tuple[str, int] | None) -> tuple[str, int] | None:
        if inner is None:
            return None
        text, i = inner
        if (
            (token := self._at(i)) is not None
            and token.kind == "degrees"
            and pattern[:3] in ("sin", "cos", "tan")
        ):
            text, i = f"radians({text})", i + 1
        return self._behind(pattern.format(text), i)

    def _primary(self, i: int, token: Token) -> tuple[str, int] | None:
        if token.kind in ("number", "constant"):
            self._note(token, operations=0)
            return self._behind(token.text, i + 1)
        if token.kind == "unit" and (after := self._at(i + 1)) and after.kind == "number":
            self.all_signs = False
            return self._primary(i + 1, after)
        if token.kind == "open":
            self._note(token, operations=0)
            inner = self.expression(i + 1)
            return inner and self._closed(f"({inner[0]}", inner[1])
        if token.kind == "function":
            self._note(token, strong=True)
            return self._call(token.text, i + 2)
        return None

    def _call(self, name: str, i: int) -> tuple[str, int] | None:
        arguments: list[str] = []
        while (argument := self.expression(i)) is not None:
            arguments.append(argument[0])
            i = argument[1]
            token = self._at(i)
            if token is None or token.kind != "comma":
                return self._closed(f"{name}({', '.join(arguments)}", i)
            i += 1
        return None

    def _closed(self, text: str, i: int) -> tuple[str, int] | None:
        token = self._at(i)
        return self._behind(text + ")", i + 1) if token and token.kind == "close" else None

    def _behind(self, text: str, i: int) -> tuple[str, int]:
        """Takes what may follow an operand: `!`, `%`, «al cuadrado», a currency, “of 80”."""
        while (token := self._at(i)) is not None:
            if token.kind == "post" and not (token.text == "%" and self._is_modulo(i)):
                self._note(token, strong=token.text not in ("%", "!"))
                text = token.text.format(text) if "{}" in token.text else text + token.text
            elif token.kind == "unit":
                self.all_signs = False
            else:
                break
            i += 1
        if text.endswith(("%", "‰")) and (token := self._at(i)) is not None and token.kind == "of":
            whole = self._operand(i + 1)
            if whole:
                self.all_signs = False
                return f"{text[:-1]}/{100 if text.endswith('%') else 1000}*{whole[0]}", whole[1]
        return text, i

    def _is_modulo(self, i: int) -> bool:
        after = self._at(i + 1)
        return (
            self.tokens[i].is_sign
            and after is not None
            and after.kind in ("number", "open", "function", "constant")
        )

    def _skip_articles(self, i: int) -> int:
        while (token := self._at(i)) is not None and token.kind == "article":
            i += 1
        return i

    def _at(self, i: int) -> Token | None:
        return self.tokens[i] if i < len(self.tokens) else None

    def _note(self, token: Token, *, operations: int = 1, strong: bool = False) -> None:
        self.operations += operations
        self.strong = self.strong or strong
        self.all_signs = self.all_signs and token.is_sign and "{}" not in token.text


def read_at(said: Utterance, tokens: list[Token], first: int) -> Expression | None:
    """The expression that begins with token `first`, as long as it can be."""
    if tokens[first].kind in ("article", "of", "word", "close", "comma", "post"):
        return None
    reader = _Reader(tokens)
    found = reader.expression(first)
    if found is None:
        return None
    text, last = found
    start, end = tokens[first].start, tokens[last - 1].end
    text = said.raw[start:end] if reader.all_signs else _bare(text)
    return Expression(text, start, end, reader.operations, reader.strong, first, last)


def expressions_in(said: Utterance, tokens: list[Token] | None = None) -> list[Expression]:
    """All expressions of a text from left to right, single numbers too; they do not overlap."""
    tokens = tokens_of(said) if tokens is None else tokens
    found: list[Expression] = []
    i = 0
    while i < len(tokens):
        expression = read_at(said, tokens, i)
        if expression:
            found.append(expression)
        i = expression.last if expression else i + 1
    return found


def _bare(text: str) -> str:
    """Takes away the parentheses that a word-made expression got around its whole."""
    inner = text[1:-1]
    if not (
        (text.startswith("(") and text.endswith("/2)")) or re.fullmatch(r"\([^()]*(?:/\d+|\*[^()]*)\)", text)
    ):
        return text
    return inner if "(" not in inner and ")" not in inner else text


def pointed(number: str) -> str:
    """A number in digits, its decimal comma as a point."""
    return with_point(number.replace(",", ".")) if "," in number else number

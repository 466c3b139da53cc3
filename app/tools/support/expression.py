"""The calculator's language: reads an expression and computes it on the way.

Precedence, tightest first: `!`, `%` (per cent) and raised digits behind a value, `√` before one; `^` or `**`,
from the right; signs; `*` `/` `//` `%` (remainder); `+` `-`. A number or a closing parenthesis before
a name or an opening parenthesis multiplies: `2π`, `2(3+4)`.

Nothing of Python's own evaluation is used, so that an expression can name nothing but the functions and
constants of `arithmetic`. Work is bounded by the lengths below and by that module's sizes.
"""

import operator
import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from app.tools.support.arithmetic import (
    CONSTANTS,
    FUNCTIONS,
    ExpressionError,
    Function,
    Number,
    calling,
    checked,
    divide,
    factorial,
    floor_divide,
    power,
    readable,
    square_root,
)

MAX_CHARS = 2000
MAX_DEPTH = 60
"""Parentheses and powers inside one another; each takes a few frames of Python's stack of 1,000."""

_SAME_SIGN = str.maketrans({"×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "−": "-", "–": "-"})
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")

_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_POINT_NUMBER = rf"(?:[0-9]+\.?[0-9]*|\.[0-9]+){_EXPONENT}"
# A decimal comma, with dots that group thousands before it: 1.234,5
_COMMA_NUMBER = rf"(?:[0-9]{{1,3}}(?:\.[0-9]{{3}})+|[0-9]+),[0-9]+{_EXPONENT}"
_REST = r"|(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)|(?P<name>[^\W\d]\w*)|(?P<sign>\*\*|//|[-+*/^%!√(),])"
_TOKEN = re.compile(rf"(?P<number>{_COMMA_NUMBER}|{_POINT_NUMBER}){_REST}")
# Inside a call a comma separates arguments: max(3,5) has two.
_TOKEN_IN_CALL = re.compile(rf"(?P<number>{_POINT_NUMBER}){_REST}")
_SPACE = re.compile(r"\s*")

_Part = TypeVar("_Part")


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


def evaluate(expression: str) -> Number:
    """Computes an expression.

    Returns:
        An exact integer of at most 1,000 digits, or a finite float rounded to 15 significant digits. Angles
        are in radians.

    Raises:
        ExpressionError: The text is no expression, is too long or too deep, or has no real and finite value.
    """
    if len(expression) > MAX_CHARS:
        raise ExpressionError(
            f"La expresión es demasiado larga: el límite son {MAX_CHARS} caracteres.",
            f"The expression is too long: the limit is {MAX_CHARS} characters.",
        )
    # People end a sum with "=" or ask it as a question.
    text = expression.translate(_SAME_SIGN).strip("=?¿ \t\r\n")
    tokens = _tokens(text)
    if not tokens:
        raise ExpressionError("La expresión está vacía.", "The expression is empty.")
    return readable(_Parser(tokens).whole_expression())


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    calls: list[bool] = []
    at = _skip_space(text, 0)
    while at < len(text):
        match = (_TOKEN_IN_CALL if any(calls) else _TOKEN).match(text, at)
        if match is None or match.lastgroup is None:
            raise _unexpected(text[at])
        token = _Token(match.lastgroup, match[0], at, match.end())
        if token.text == "(":
            calls.append(bool(tokens) and tokens[-1].kind == "name")
        elif token.text == ")" and calls:
            calls.pop()
        tokens.append(token)
        at = _skip_space(text, match.end())
    return tokens


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _unexpected(text: str) -> ExpressionError:
    shown = "".join(char if char.isprintable() else "?" for char in text[:30])
    return ExpressionError(f"No entiendo «{shown}» en la expresión.", f"I cannot read “{shown}” there.")


def _incomplete() -> ExpressionError:
    return ExpressionError("La expresión está incompleta.", "The expression is incomplete.")


def _plain(name: str) -> str:
    """A name in lower case without accents: `Raíz` is `raiz`."""
    decomposed = unicodedata.normalize("NFD", name.lower())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


_SUMS: dict[str, Callable[[Number, Number], Number]] = {"+": operator.add, "-": operator.sub}
_PRODUCTS: dict[str, Callable[[Number, Number], Number]] = {
    "*": operator.mul,
    "/": divide,
    "//": floor_divide,
    "%": operator.mod,
}
_END = _Token("end", "", 0, 0)


class _Parser:
    """Goes over the tokens once, from the left, and computes as it goes."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole_expression(self) -> Number:
        value = self._sum()
        if self._next().kind != "end":
            raise _unexpected(self._next().text)
        return value

    def _next(self, ahead: int = 0) -> _Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else _END

    def _take(self, *texts: str) -> str | None:
        """The next token's text, taken, where it is one of these signs; else None."""
        token = self._next()
        if token.kind == "sign" and token.text in texts:
            self._at += 1
            return token.text
        return None

    def _sum(self) -> Number:
        value = self._product()
        while sign := self._take("+", "-"):
            value = calling(_SUMS[sign], value, self._product())
        return value

    def _product(self) -> Number:
        value = self._signed()
        while True:
            if sign := self._take("*", "/", "//", "%"):
                value = calling(_PRODUCTS[sign], value, self._signed())
            elif self._is_times_word():
                self._at += 1
                value = calling(operator.mul, value, self._signed())
            elif self._multiplies_silently():
                value = calling(operator.mul, value, self._signed())
            else:
                return value

    def _is_times_word(self) -> bool:
        """Whether `3 x 4` or `15% de 80` goes on here."""
        token, before = self._next(), self._next(-1)
        if token.kind != "name":
            return False
        return token.text in ("x", "X") or (before.text == "%" and token.text.lower() in ("of", "de", "del"))

    def _multiplies_silently(self) -> bool:
        token, before = self._next(), self._next(-1)
        follows = token.kind == "name" or token.text in ("(", "√")
        return follows and (before.kind in ("number", "raised") or before.text in (")", "!"))

    def _signed(self) -> Number:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Number:
        base = self._with_postfix()
        if not self._take("^", "**"):
            return base
        self._deeper()
        exponent = self._signed()
        self._depth -= 1
        return calling(power, base, exponent)

    def _with_postfix(self) -> Number:
        value = self._atom()
        while True:
            if self._take("!"):
                value = calling(factorial, value)
            elif self._next().kind == "raised":
                value = calling(power, value, int(self._next().text.translate(_RAISED)))
                self._at += 1
            elif self._next().text == "%" and self._is_per_cent():
                self._at += 1
                value = calling(divide, value, 100)
            else:
                return value

    def _is_per_cent(self) -> bool:
        """Whether the `%` here has nothing behind it to divide by.

        Before a sign it is a per cent too (`50%+1`), but for `10 % -3`, where the spaces say that it is none.
        """
        percent, after, operand = self._next(), self._next(1), self._next(2)
        if after.text in ("+", "-"):
            apart = self._next(-1).end < percent.start and percent.end < after.start
            return not (apart and after.end == operand.start)
        if after.kind == "name":
            return after.text.lower() in ("of", "de", "del", "x")
        return after.kind != "number" and after.text not in ("(", "√")

    def _atom(self) -> Number:
        token = self._next()
        self._at += 1
        if token.kind == "number":
            return _number(token.text)
        if token.kind == "name":
            return self._named(token.text)
        if token.text == "(":
            value = self._inside(self._sum)
            self._close()
            return value
        if token.text == "√":
            self._deeper()
            value = calling(square_root, self._with_postfix())
            self._depth -= 1
            return value
        raise _incomplete() if token.kind == "end" else _unexpected(token.text)

    def _named(self, name: str) -> Number:
        plain = _plain(name)
        if plain in FUNCTIONS:
            return self._call(name, FUNCTIONS[plain])
        if plain in CONSTANTS:
            return CONSTANTS[plain]
        shown = name[:30]
        raise ExpressionError(
            f"No conozco «{shown}»; no es una función ni una constante.",
            f"I do not know “{shown}”; it is neither a function nor a constant.",
        )

    def _call(self, name: str, function: Function) -> Number:
        if not self._take("("):
            raise ExpressionError(
                f"A la función «{name}» le falta su paréntesis: {name}(…).",
                f"The function “{name}” needs its parentheses: {name}(…).",
            )
        values: list[Number] = [] if self._next().text == ")" else self._inside(self._arguments)
        self._close()
        if not function.least <= len(values) <= function.most:
            raise ExpressionError(
                f"La función «{name}» no acepta {len(values)} argumentos.",
                f"The function “{name}” does not take {len(values)} arguments.",
            )
        return calling(function.compute, *values)

    def _arguments(self) -> list[Number]:
        values = [self._sum()]
        while self._take(","):
            values.append(self._sum())
        return values

    def _inside(self, part: Callable[[], _Part]) -> _Part:
        self._deeper()
        value = part()
        self._depth -= 1
        return value

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(
                f"La expresión tiene más de {MAX_DEPTH} niveles.",
                f"The expression is nested more than {MAX_DEPTH} levels deep.",
            )

    def _close(self) -> None:
        if self._take(")"):
            return
        if self._next().kind == "end":
            raise ExpressionError("Falta cerrar un paréntesis.", "A parenthesis is not closed.")
        raise _unexpected(self._next().text)


def _number(text: str) -> Number:
    if text.isdigit():
        return checked(int(text))
    if "," in text:
        text = text.replace(".", "").replace(",", ".")
    return checked(float(text))

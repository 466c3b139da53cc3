"""The calculator's language: reads an expression and computes it on the way.

Precedence, tightest first: `!`, `%` (per cent), `‰`, `°` and raised digits behind a value, `√` before one;
`^` or `**`, from the right; signs; `*` `/` `//` `%` (remainder); `+` `-`. A number or a closing parenthesis
before a name or an opening parenthesis multiplies: `2π`, `2(3+4)`. `100+10%` is 110, as on a pocket
calculator; `100+(10%)` is 100.1.

Nothing of Python's own evaluation is used, so that an expression can name nothing but the functions and
constants of `arithmetic`. Work is bounded by the lengths below and by that module's sizes. How numbers are
written is for `calculator_tokens`.
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from app.errors import Locale
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
from app.tools.support.calculator_signs import with_plain_signs
from app.tools.support.calculator_tokens import (
    END,
    SumToken,
    Tokens,
    plain_name,
    raised_number,
    tokens_of,
    unexpected,
)

MAX_CHARS = 2000
MAX_DEPTH = 60
"""Parentheses and powers inside one another; each takes a few frames of Python's stack of 1,000."""

_MAX_NOTES = 5

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class Computed:
    """The value of an expression, and how it was read where that was not beyond doubt.

    Attributes:
        read_as: The whole expression with plain numbers, where there are notes; else empty.
        notes: Sentences in the language that was asked for.
    """

    value: Number
    read_as: str
    notes: tuple[str, ...]


def evaluate(expression: str, locale: Locale = "en") -> Number:
    """Return the value alone; see `compute`."""
    return compute(expression, locale).value


def compute(expression: str, locale: Locale) -> Computed:
    """Compute an expression.

    Args:
        expression: As people write it.
        locale: Decides what a dot or a comma is that could be either, and the language of the notes.

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
    read = tokens_of(with_plain_signs(expression), locale)
    if not read.tokens:
        raise ExpressionError("La expresión está vacía.", "The expression is empty.")
    parser = _Parser(read.tokens)
    value = readable(parser.whole_expression())
    notes = [*_notes_of_numbers(read, locale), *(note[locale] for note in parser.notes)][:_MAX_NOTES]
    return Computed(value, _read_as(read.tokens) if notes else "", tuple(notes))


def _notes_of_numbers(read: Tokens, locale: Locale) -> list[str]:
    words = "«{}» se ha leído como {}." if locale == "es" else "“{}” was read as {}."
    notes = [words.format(written, number) for written, number in read.notes.items()]
    if read.currency:
        notes.append(
            f"El signo {read.currency} no cuenta en el cálculo."
            if locale == "es"
            else f"The sign {read.currency} takes no part in the sum."
        )
    return notes


def _read_as(tokens: list[SumToken]) -> str:
    parts = [
        f" {token.text}" if before.end < token.start and "name" in (before.kind, token.kind) else token.text
        for before, token in zip([END, *tokens], tokens, strict=False)
    ]
    return "".join(parts).strip()


def _incomplete() -> ExpressionError:
    return ExpressionError("La expresión está incompleta.", "The expression is incomplete.")


_SUMS: dict[str, Callable[[Number, Number], Number]] = {"+": operator.add, "-": operator.sub}
_OF = ("of", "de", "del")
_MINUTES = ("′", "'")
_SECONDS = ("″", '"')


def _fourth_root(value: Number) -> Number:
    return square_root(square_root(value))


_ROOTS: dict[str, Callable[[Number], Number]] = {"√": square_root, "∛": math.cbrt, "∜": _fourth_root}
_PRODUCTS: dict[str, Callable[[Number, Number], Number]] = {
    "*": operator.mul,
    "/": divide,
    "⁄": divide,
    "//": floor_divide,
    "%": operator.mod,
}


class _Parser:
    """Goes over the tokens once, from the left, and computes as it goes."""

    def __init__(self, tokens: list[SumToken]) -> None:
        self.notes: list[dict[Locale, str]] = []
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        # Where the last value with a per cent sign behind it began and ended.
        self._percent = (-1, -1)

    def whole_expression(self) -> Number:
        value = self._sum()
        if self._next().kind != "end":
            raise unexpected(self._next().text)
        return value

    def _next(self, ahead: int = 0) -> SumToken:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else END

    def _take(self, *texts: str) -> str | None:
        """Return the next token's text, taken, where it is one of these signs; else None."""
        token = self._next()
        if token.kind == "sign" and token.text in texts:
            self._at += 1
            return token.text
        return None

    def _sum(self) -> Number:
        start = self._at
        value = self._product()
        is_percent = self._is_per_cent_from(start)
        while sign := self._take("+", "-"):
            start = self._at
            right = self._product()
            if not self._is_per_cent_from(start):
                is_percent = False
            elif not is_percent:
                # What a pocket calculator does, and who writes 100+10% wants. 50%+10% stays 60%.
                self._note_share(right, value, sign)
                right = calling(operator.mul, value, right)
            value = calling(_SUMS[sign], value, right)
        return value

    def _is_per_cent_from(self, start: int) -> bool:
        """Whether what was read since then is a number with a per cent sign, be it negative, and no more."""
        while self._tokens[start].text in _SUMS:
            start += 1
        return self._percent == (start, self._at)

    def _note_share(self, share: Number, value: Number, sign: str) -> None:
        percent, whole = (_shown(number) for number in (share * 100, value))
        self._note(
            f"Se ha {'sumado' if sign == '+' else 'restado'} el {percent} % de {whole}.",
            f"{percent} % of {whole} was {'added' if sign == '+' else 'taken off'}.",
        )

    def _product(self) -> Number:
        value = self._signed()
        while True:
            if sign := self._take("*", "/", "⁄", "//", "%"):
                self._note_remainder()
                value = calling(_PRODUCTS[sign], value, self._signed())
            elif self._next(-1).text == "%" and self._next().text.lower() == "off":
                self._at += 1
                value = calling(operator.mul, 1 - value, self._signed())
            elif self._is_times_word():
                self._at += 1
                value = calling(operator.mul, value, self._signed())
            elif self._multiplies_silently():
                value = calling(operator.mul, value, self._signed())
            else:
                return value

    def _note_remainder(self) -> None:
        """Say how the sign that was taken was read, where it stands as a per cent sign does: `15% 80`."""
        before, sign, after = self._next(-2), self._next(-1), self._next()
        if sign.text == "%" and before.end == sign.start and sign.end < after.start:
            self._note("«%» se ha leído como resto de la división.", "“%” was read as a remainder.")

    def _note(self, spanish: str, english: str) -> None:
        note: dict[Locale, str] = {"es": spanish, "en": english}
        if note not in self.notes and len(self.notes) < _MAX_NOTES:
            self.notes.append(note)

    def _is_times_word(self) -> bool:
        """Return whether `3 x 4`, `15% de 80` or `½ of 80` goes on here."""
        token, before = self._next(), self._next(-1)
        if token.kind != "name":
            return False
        is_part = before.text in ("%", "‰") or before.kind == "fraction" or self._next(-2).text == "/"
        return token.text in ("x", "X") or (is_part and token.text.lower() in _OF)

    def _multiplies_silently(self) -> bool:
        token, before = self._next(), self._next(-1)
        follows = token.kind == "name" or token.text in ("(", *_ROOTS)
        return follows and (
            before.kind in ("number", "raised", "fraction", "lowered") or before.text in (")", "!")
        )

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
        start = self._at
        value = self._atom()
        while True:
            token = self._next()
            if self._take("!"):
                value = calling(factorial, value)
            elif self._take("‰"):
                value = calling(divide, value, 1000)
            elif token.kind == "raised":
                self._at += 1
                value = calling(power, value, raised_number(token.text))
            elif self._take("°"):
                value = self._in_radians(value)
            elif token.text == "%" and self._is_per_cent():
                self._at += 1
                value = calling(divide, value, 100)
                self._percent = (start, self._at)
            else:
                return value

    def _in_radians(self, degrees: Number) -> Number:
        """Return the angle whose degree sign was taken; minutes and seconds may follow."""
        for marks, parts in ((_MINUTES, 60), (_SECONDS, 3600)):
            if self._next().kind == "number" and self._next(1).text in marks:
                degrees = calling(operator.add, degrees, calling(divide, self._next().value, parts))
                self._at += 2
        self._note("Los grados (°) se han pasado a radianes.", "Degrees (°) were turned into radians.")
        return calling(math.radians, degrees)

    def _is_per_cent(self) -> bool:
        """Return whether the `%` here has nothing behind it to divide by.

        Before a sign it is a per cent too (`50%+1`), but for `10 % -3`, where the spaces say that it is none.
        """
        percent, after, operand = self._next(), self._next(1), self._next(2)
        if after.text in ("+", "-"):
            apart = self._next(-1).end < percent.start and percent.end < after.start
            return not (apart and after.end == operand.start)
        if after.kind == "name":
            return after.text.lower() in (*_OF, "x", "off")
        return after.kind not in ("number", "fraction") and after.text not in ("(", *_ROOTS)

    def _atom(self) -> Number:
        token = self._next()
        self._at += 1
        if token.kind in ("number", "fraction"):
            return self._number(token)
        if token.kind == "name":
            return self._named(token.text)
        if token.text == "(":
            value = self._inside(self._sum)
            self._close()
            return value
        if token.text in _ROOTS:
            self._deeper()
            value = calling(_ROOTS[token.text], self._with_postfix())
            self._depth -= 1
            return value
        raise _incomplete() if token.kind == "end" else unexpected(token.text)

    def _number(self, token: SumToken) -> Number:
        """Return the number that was taken, with what belongs to it: `2½`, `1010₂`."""
        follows = self._next()
        if token.kind == "number" and follows.kind == "fraction" and isinstance(token.value, int):
            self._at += 1
            return calling(operator.add, token.value, follows.value)
        if token.kind == "number" and follows.kind == "lowered":
            self._at += 1
            return _in_base(token.text, raised_number(follows.text))
        return token.value

    def _named(self, name: str) -> Number:
        plain = plain_name(name)
        if plain in ("log", "logaritmo") and self._next().kind == "lowered":
            return self._logarithm(name)
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
        if self._next().kind in ("number", "fraction") and function.least == 1:
            return calling(function.compute, self._with_postfix())
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

    def _logarithm(self, name: str) -> Number:
        """Return a logarithm whose base stands below it: `log₂(8)`."""
        base = raised_number(self._next().text)
        self._at += 1
        exact = {2: "log2", 10: "log10"}.get(base)
        if exact is not None:
            return self._call(name, FUNCTIONS[exact])
        value = self._call(name, FUNCTIONS["ln"])
        return calling(divide, value, calling(math.log, base))

    def _arguments(self) -> list[Number]:
        values = [self._sum()]
        while self._take(",", ";"):
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
        raise unexpected(self._next().text)


def _in_base(digits: str, base: int) -> Number:
    try:
        if not 2 <= base <= 36:
            raise ValueError
        return checked(int(digits, base))
    except ValueError:
        raise ExpressionError(
            f"«{digits[:30]}» no es un número en base {base}.",
            f"“{digits[:30]}” is no number in base {base}.",
        ) from None


def _shown(value: Number) -> str:
    if isinstance(value, int):
        # Larger ones than a float can hold are among them.
        return str(value) if abs(value) <= 10**12 else f"{Decimal(value).normalize():.12g}"
    return f"{value:.12g}"

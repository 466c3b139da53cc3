r"""Formulas in LaTeX, between dollars or in `\(...\)` and `\[...\]`, said as they are read in class."""

import re
from typing import Final

from app.errors import Locale
from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.formula_words import (
    ACCENTS,
    COMMANDS,
    FUNCTIONS,
    LARGE_OPERATORS,
    SIGNS,
    SILENT,
    in_math,
)
from app.speech.reading.lexicon import FRACTIONS, LETTERS, in_locale
from app.speech.reading.numbers import cardinal, decimal, integer
from app.speech.reading.scripts import GREEK_LETTERS

_LONGEST: Final = 1000
_MATH: Final = (
    re.compile(r"\$\$(?P<body>[^$]{1,1000})\$\$"),
    re.compile(r"\$(?P<body>[^$\s](?:[^$\n]{0,998}[^$\s])?)\$(?![0-9])"),
    re.compile(r"\\\((?P<body>.{1,1000}?)\\\)", re.DOTALL),
    re.compile(r"\\\[(?P<body>.{1,1000}?)\\\]", re.DOTALL),
)
_LOOKS_LIKE_MATH: Final = re.compile(
    r"[\\^_={}<>+]|\A\s*-?[A-Za-z]['′]?(?:\([a-z](?:,\s?[a-z])*\))?\s*\Z|[a-z]\s?[*/]\s?[a-z]"
)
_PIECE: Final = re.compile(
    r"\\(?P<command>[A-Za-z]+)\*?|\\(?P<escaped>.)|(?P<number>[0-9]+(?:[.,][0-9]+)?)|(?P<sign>\S)|\s+",
    re.DOTALL,
)
_DEEPEST: Final = 20
_FRACTIONS: Final = frozenset({"frac", "dfrac", "tfrac", "cfrac"})
_TEXTS: Final = frozenset(
    {"text", "mathrm", "operatorname", "textbf", "textit", "mbox", "mathbf", "mathit", "mathsf"}
)
_UNSEEN: Final = frozenset({"color", "label", "tag", "hspace", "vspace", "phantom"})


def read_formula(place: ReadingContext) -> Said | None:
    """Return a formula in LaTeX."""
    if place.text[place.start] not in "$\\":
        return None
    for pattern in _MATH:
        found = pattern.match(place.text, place.start)
        if found is None:
            continue
        body = found["body"]
        if place.text.startswith("$", place.start) and not found[0].startswith("$$"):
            if _LOOKS_LIKE_MATH.search(body) is None:
                continue
        said = formula(body, place.locale)
        return Said(said, found.end())
    return None


def formula(body: str, locale: Locale) -> str:
    """Return the words of a formula; empty where nothing in it is said."""
    return " ".join(_FormulaParser(body[:_LONGEST], locale).all().split())


def power(exponent: str, locale: Locale) -> str:
    """Return what is said of a power whose exponent is in words already."""
    squared = {cardinal(2, locale): ("al cuadrado", "squared"), cardinal(3, locale): ("al cubo", "cubed")}
    if exponent in squared:
        return in_locale(squared[exponent], locale)
    return raised(exponent, locale)


def raised(exponent: str, locale: Locale) -> str:
    """Return the same in full, whatever the exponent."""
    return f"elevado a {exponent}" if locale == "es" else f"to the power of {exponent}"


class _FormulaParser:
    """Goes through a formula once; groups by recursion, to a depth that no formula needs."""

    def __init__(self, body: str, locale: Locale) -> None:
        self._pieces = [found for found in _PIECE.finditer(body) if not found[0].isspace()]
        self._at = 0
        self._locale: Locale = locale
        self._depth = 0

    def all(self) -> str:
        """Everything, whatever is not closed."""
        said: list[str] = []
        while self._at < len(self._pieces):
            said.append(self._row())
            self._at += 1  # a brace that closes nothing
        return " ".join(said)

    def _peek(self) -> str:
        return self._pieces[self._at][0] if self._at < len(self._pieces) else ""

    def _row(self) -> str:
        """Up to the brace that closes the group, or to the end."""
        said: list[str] = []
        while self._at < len(self._pieces) and self._peek() != "}":
            said.append(self._item())
        return " ".join(filter(None, said))

    def _item(self) -> str:
        """One thing with its indices and exponents."""
        said = self._atom()
        while (sign := self._peek()) in ("^", "_", "'", "′"):
            self._at += 1
            if sign in "'′":
                said += " prima" if self._locale == "es" else " prime"
            elif sign == "_":
                said += f" sub {self._group()}"
            else:
                said += f" {self._raised()}"
        return said

    def _raised(self) -> str:
        exponent = self._group()
        if exponent in ("grados", "degrees"):
            return exponent
        if exponent in ("prima", "prime", "asterisco", "star"):
            return exponent
        return power(exponent, self._locale)

    def _group(self) -> str:
        """Return what stands in braces, or the next thing alone."""
        if self._peek() != "{":
            return self._atom(first_digit=True)
        return self._atom()

    def _atom(self, *, first_digit: bool = False) -> str:
        if self._at >= len(self._pieces):
            return ""
        piece = self._pieces[self._at]
        self._at += 1
        if piece["command"]:
            return self._command(piece["command"])
        if piece["escaped"]:
            return in_math(SIGNS, piece["escaped"], self._locale) if piece["escaped"] in "%&#$" else ""
        if piece["number"]:
            return self._number(piece["number"], first_digit=first_digit)
        return self._sign(piece["sign"])

    def _number(self, written: str, *, first_digit: bool) -> str:
        if first_digit and len(written) > 1 and written.isdigit():
            # `x^12` is the first digit raised, and then a 2; people who write it mean twelve.
            return integer(written, self._locale)
        for sign in ".,":
            whole, found, fraction = written.partition(sign)
            if found:
                return decimal(whole, fraction, self._locale)
        return integer(written, self._locale)

    def _sign(self, sign: str) -> str:
        if sign == "{":
            if self._depth >= _DEEPEST:
                return ""
            self._depth += 1
            said = self._row()
            self._depth -= 1
            self._at += 1
            return said
        letter = GREEK_LETTERS.get(sign.lower())
        if letter is not None:
            return letter[self._locale == "en"]
        if sign.isascii() and sign.isalpha():
            return LETTERS[self._locale][sign.lower()].replace("_", " ")
        said = in_math(SIGNS, sign, self._locale)
        if sign == "(" and self._is_called():
            return "de" if self._locale == "es" else "of"
        if sign == "(" and self._is_multiplied():
            return in_math(SIGNS, "*", self._locale)
        return said

    def _is_called(self) -> bool:
        """Return whether this bracket holds what a function is of: `f(x)`."""
        if self._at < 2:
            return False
        before = self._pieces[self._at - 2]
        if before["command"]:
            return False
        return before[0] in ("f", "g", "h", "F", "G", "P", "u", "y", "'")

    def _is_multiplied(self) -> bool:
        """Whether this bracket holds a sum that a number, a letter or a bracket multiplies: `n(n+1)`."""
        before = self._pieces[self._at - 2][0] if self._at > 1 else ""
        inside = [piece[0] for piece in self._pieces[self._at : self._at + 6]]
        closed = inside[: inside.index(")")] if ")" in inside else inside
        return (before == ")" or before.isalnum()) and any(sign in "+-−" for sign in closed[1:])

    def _command(self, name: str) -> str:
        if self._depth >= _DEEPEST:
            return ""
        self._depth += 1
        said = self._structure(name)
        self._depth -= 1
        return self._word(name) if said is None else said

    def _structure(self, name: str) -> str | None:
        """Return what takes groups of its own; None for a command that is a word."""
        if name in _FRACTIONS:
            return self._fraction()
        if name == "sqrt":
            return self._root()
        if name in LARGE_OPERATORS:
            return self._large(name)
        if name in _TEXTS:
            return self._text(name)
        if name in ACCENTS:
            return f"{self._group()} {in_math(ACCENTS, name, self._locale)}"
        if name in ("begin", "end"):
            is_named = self._braced().rstrip("*").endswith("matrix") and name == "begin"
            return in_locale(("matriz", "matrix"), self._locale) if is_named else ""
        if name in _UNSEEN:
            self._braced()
            return ""
        return None

    def _word(self, name: str) -> str:
        if name in FUNCTIONS:
            return self._function(name)
        if name in SILENT:
            return ""
        return in_math(COMMANDS, name, self._locale) or self._greek(name)

    def _greek(self, name: str) -> str:
        for letter in GREEK_LETTERS.values():
            if letter[1] == name.lower().removeprefix("var"):
                return letter[self._locale == "en"]
        return name if name.isalpha() else ""

    def _fraction(self) -> str:
        top_at = self._at
        top, bottom = self._group(), self._group()
        numbers = [piece["number"] for piece in self._pieces[top_at : self._at] if piece["number"]]
        signs = [
            piece for piece in self._pieces[top_at : self._at] if not piece["number"] and piece[0] not in "{}"
        ]
        if len(numbers) == 2 and not signs and all(number.isdigit() for number in numbers):
            said = common_fraction(int(numbers[0]), int(numbers[1]), self._locale)
            if said:
                return said
        return f"{top} {'entre' if self._locale == 'es' else 'over'} {bottom}"

    def _root(self) -> str:
        degree = ""
        if self._peek() == "[":
            self._at += 1
            start = self._at
            while self._at < len(self._pieces) and self._peek() != "]":
                self._at += 1
            degree = "".join(piece[0] for piece in self._pieces[start : self._at])
            self._at += 1
        of = self._group()
        names = {"": ("raíz cuadrada de", "the square root of"), "3": ("raíz cúbica de", "the cube root of")}
        if degree in names:
            return f"{in_locale(names[degree], self._locale)} {of}"
        said = formula(degree, self._locale)
        if self._locale == "es":
            return f"raíz de índice {said} de {of}"
        return f"the root of degree {said} of {of}"

    def _large(self, name: str) -> str:
        """Return a sum, a product, an integral, a limit, with its bounds."""
        said = in_math(LARGE_OPERATORS, name, self._locale)
        bounds = {"_": "", "^": ""}
        while (sign := self._peek()) in bounds or self._peek() == "\\limits":
            self._at += 1
            if sign in bounds:
                bounds[sign] = self._group()
        lower, upper = bounds["_"], bounds["^"]
        is_es = self._locale == "es"
        if name == "lim":
            lower = f" {'cuando' if is_es else 'as'} {lower}" if lower else ""
            return f"{said}{lower} {'de' if is_es else 'of'}"
        if name.endswith("int"):
            lower = f" {'de' if is_es else 'from'} {lower}" if lower else ""
            upper = f" {'a' if is_es else 'to'} {upper}" if upper else ""
        else:
            lower = (
                f" {'desde' if is_es else 'from'} {lower}"
                if lower and upper
                else f" {lower}"
                if lower
                else ""
            )
            upper = f" {'hasta' if is_es else 'to'} {upper}" if upper else ""
        return f"{said}{lower}{upper} {'de' if is_es else 'of'}"

    def _function(self, name: str) -> str:
        said = in_math(FUNCTIONS, name, self._locale)
        if self._peek() in ("_", "^"):
            return said
        return f"{said} {'de' if self._locale == 'es' else 'of'}"

    def _text(self, name: str) -> str:
        words = self._braced()
        if name in ("text", "mbox", "operatorname", "textbf", "textit") or len(words) > 1:
            return "".join(char if char.isalpha() or char == " " else " " for char in words)
        return formula(words, self._locale)

    def _braced(self) -> str:
        """Return the text of the next braces as it is written."""
        if self._peek() != "{":
            return ""
        start = self._pieces[self._at].end()
        depth = 0
        while self._at < len(self._pieces):
            depth += {"{": 1, "}": -1}.get(self._peek(), 0)
            self._at += 1
            if depth == 0:
                break
        return self._pieces[self._at - 1].string[start : self._pieces[self._at - 1].start()]


_DENOMINATORS: Final[dict[int, tuple[str, str]]] = {
    2: ("medio", "half"),
    3: ("tercio", "third"),
    4: ("cuarto", "quarter"),
    5: ("quinto", "fifth"),
    6: ("sexto", "sixth"),
    7: ("séptimo", "seventh"),
    8: ("octavo", "eighth"),
    9: ("noveno", "ninth"),
    10: ("décimo", "tenth"),
    16: ("dieciseisavo", "sixteenth"),
}


def common_fraction(top: int, bottom: int, locale: Locale) -> str:
    """`3/4`: "three quarters"; empty where people say it as a quotient."""
    known = FRACTIONS.get((top, bottom))
    if known is not None:
        return in_locale(known, locale)
    name = _DENOMINATORS.get(bottom)
    if name is None or not 0 < top < bottom:
        return ""
    one = in_locale(name, locale)
    if top == 1:
        return f"un {one}" if locale == "es" else f"one {one}"
    return f"{cardinal(top, locale)} {one}s"

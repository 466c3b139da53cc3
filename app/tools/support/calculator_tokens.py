"""Cuts a sum into numbers, names and signs, and reads the numbers."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.errors import Locale
from app.letters import bare
from app.tools.support.arithmetic import FUNCTIONS, ExpressionError, Number, calling, checked, divide
from app.tools.support.calculator_signs import FRACTIONS, LOWERED, RAISED, is_currency
from app.tools.support.written_numbers import NoNumber, Separators, is_ambiguous, plain_number

_TO_DIGITS: Final = str.maketrans(f"{RAISED}{LOWERED}⁺⁻", "01234567890123456789+-")
_NOT_IN_NAMES = f"{RAISED}{LOWERED}{FRACTIONS}"
_SPACED = r"[0-9]{1,3}(?: [0-9]{3})+(?![0-9])(?:[.,⎖][0-9]+)?"
_EXPONENT = r"(?P<exponent>[eE][+-]?[0-9]+(?![0-9.,]))?"
_REST = (
    rf"|(?P<fraction>[{FRACTIONS}]|[{RAISED}]+[⁄/][{LOWERED}]+)|(?P<raised>[⁺⁻]?[{RAISED}]+)"
    rf"|(?P<lowered>[{LOWERED}]+)|(?P<name>[^\W\d{_NOT_IN_NAMES}][^\W{_NOT_IN_NAMES}]*)"
    r"|(?P<sign>\*\*|//|[-+*/⁄^%‰!√∛∜(),;°′″'\"])"
)
# Before fewer or more than three digits it is a minute: 45°30'15".
_APOSTROPHE = r"'(?=[0-9]{3}(?![0-9]))"
_TOKEN = re.compile(
    rf"(?P<number>{_SPACED}|(?:[0-9]+(?:(?:[.,_⎖]|{_APOSTROPHE})[0-9]+)*\.?|[.,⎖][0-9]+)){_EXPONENT}{_REST}"
)
# Where a comma separates arguments, it is no part of a number: max(3,5) has two. But 000 is never one.
_TOKEN_IN_CALL = re.compile(
    rf"(?P<number>(?:[0-9]{{1,3}}(?: [0-9]{{3}})+(?![0-9])|[0-9]+(?:['_][0-9]{{3}})*)(?:[.⎖][0-9]+)*\.?"
    rf"|[.⎖][0-9]+){_EXPONENT}{_REST}"
)
_THOUSANDS_IN_CALL = re.compile(r"(?P<number>[0-9]{1,3}(?:,000)+(?![0-9])(?:\.[0-9]+)?)(?P<exponent>(?!))?")
_SPACE = re.compile(r"\s*")
_MAX_NOTES = 5


class SumToken(NamedTuple):
    """A piece of a sum: `number`, `fraction`, `raised`, `lowered`, `name`, `sign` or `end`."""

    kind: str
    text: str
    start: int
    end: int
    value: Number = 0


END: Final = SumToken("end", "", 0, 0)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A sum in pieces.

    Attributes:
        notes: How what could be read in two ways was read: pairs of what was written and the number.
        currency: The sign of a currency that stands there, if any.
    """

    tokens: list[SumToken]
    notes: dict[str, str]
    currency: str


def tokens_of(text: str, locale: Locale) -> Tokens:
    """Cut the text, whose signs are plain.

    Raises:
        ExpressionError: Something in it is neither number, name nor sign.
    """
    pieces, currency = _pieces(text)
    separators = Separators(locale)
    in_calls = {index for index, (_, _, in_call) in enumerate(pieces) if in_call}
    numbers = [(index, token) for index, (token, _, _) in enumerate(pieces) if token.kind == "number"]
    try:
        separators.learn(token.text.removesuffix(".") for index, token in numbers if index not in in_calls)
    except NoNumber as exc:
        raise unexpected(str(exc)) from None
    notes: dict[str, str] = {}
    tokens = [
        _valued(token, exponent, separators, notes, in_call=in_call) for token, exponent, in_call in pieces
    ]
    return Tokens(tokens, notes, currency)


def unexpected(text: str) -> ExpressionError:
    """Say that this cannot be read where it stands."""
    shown = "".join(char if char.isprintable() else "?" for char in text[:30])
    return ExpressionError(f"No entiendo «{shown}» en la expresión.", f"I cannot read “{shown}” there.")


def plain_name(name: str) -> str:
    """Return a name in lower case without accents: `Raíz` is `raiz`."""
    return bare(name)


def raised_number(text: str) -> int:
    """Return the value of raised or lowered digits."""
    return int(text.translate(_TO_DIGITS))


def _pieces(text: str) -> tuple[list[tuple[SumToken, str, bool]], str]:
    """Each token with its exponent, and whether commas separate arguments where it stands."""
    with_semicolons = _parentheses_with_semicolons(text)
    pieces: list[tuple[SumToken, str, bool]] = []
    levels: list[bool] = []
    currency = ""
    at = _skip_space(text, 0)
    while at < len(text):
        if is_currency(text[at]) and _is_beside_a_number(text, at, pieces):
            if currency not in ("", text[at]):
                raise ExpressionError(
                    "No sé sumar monedas distintas.", "I cannot compute with different currencies."
                )
            currency = text[at]
            at = _skip_space(text, at + 1)
            continue
        in_call = bool(levels) and levels[-1]
        match = _match(text, at, in_call=in_call)
        kind = "number" if match["number"] else match.lastgroup or ""
        end = match.end("number") + len(match["exponent"] or "") if kind == "number" else match.end()
        token = SumToken(kind, match["number"] if kind == "number" else match[0], at, end)
        if token.text == "(":
            levels.append(_comma_separates(pieces, in_call) and at not in with_semicolons)
        elif token.text == ")" and levels:
            levels.pop()
        pieces.append((token, (match["exponent"] or "") if kind == "number" else "", in_call))
        at = _skip_space(text, end)
    return pieces, currency


def _match(text: str, at: int, *, in_call: bool) -> re.Match[str]:
    match = _THOUSANDS_IN_CALL.match(text, at) if in_call else None
    match = match or (_TOKEN_IN_CALL if in_call else _TOKEN).match(text, at)
    if match is None:
        raise unexpected(text[at])
    return match


def _comma_separates(pieces: list[tuple[SumToken, str, bool]], outside: bool) -> bool:
    """Return whether a comma behind the parenthesis that opens here separates arguments."""
    before = pieces[-1][0] if pieces else END
    if before.kind == "lowered" and len(pieces) > 1:
        before = pieces[-2][0]
    if before.kind != "name":
        return outside
    function = FUNCTIONS.get(plain_name(before.text))
    return function is None or function.most > 1


def _parentheses_with_semicolons(text: str) -> set[int]:
    opened: list[int] = []
    found: set[int] = set()
    for at, char in enumerate(text):
        if char == "(":
            opened.append(at)
        elif char == ")" and opened:
            opened.pop()
        elif char == ";" and opened:
            found.add(opened[-1])
    return found


def _is_beside_a_number(text: str, at: int, pieces: list[tuple[SumToken, str, bool]]) -> bool:
    follows = text[_skip_space(text, at + 1) :][:1]
    return (
        bool(pieces and pieces[-1][0].kind in ("number", "fraction"))
        or follows.isdigit()
        or follows in "-.,("
    )


def _valued(
    token: SumToken, exponent: str, separators: Separators, notes: dict[str, str], *, in_call: bool
) -> SumToken:
    if token.kind == "fraction":
        return token._replace(value=_fraction(token.text))
    if token.kind != "number":
        return token
    written = token.text.removesuffix(".")
    if not exponent and written.isdigit():
        return SumToken("number", written, token.start, token.end, checked(int(written)))
    try:
        if in_call and "," in written:
            plain = written.replace(",", "")
        else:
            # With an exponent, or beside commas that separate arguments, it is written as programs write.
            plain = plain_number(written, None if exponent or in_call else separators)
        if not exponent and len(notes) < _MAX_NOTES and _is_worth_a_note(written, plain, separators):
            notes[written] = _shortest(plain)
    except NoNumber as exc:
        raise unexpected(str(exc)) from None
    value = checked(int(plain)) if plain.isdigit() and not exponent else checked(float(plain + exponent))
    return token._replace(text=plain + exponent, value=value)


def _is_worth_a_note(written: str, plain: str, separators: Separators) -> bool:
    """Return whether somebody may have meant another number than the one that was read."""
    return is_ambiguous(written) and (
        plain != written or plain.endswith(".000") or separators.is_unusual(written, plain)
    )


def _shortest(plain: str) -> str:
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _fraction(text: str) -> Number:
    if len(text) == 1:
        return unicodedata.numeric(text)
    above, _, below = text.replace("⁄", "/").partition("/")
    return calling(divide, raised_number(above), raised_number(below))


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at

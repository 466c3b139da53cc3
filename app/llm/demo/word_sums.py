"""Sums that are said rather than written: «suma 3, 4 y 5», “subtract 3 from 10”, “20% off 50”."""

import re
from dataclasses import dataclass

from app.llm.demo.expression import expressions_in, pointed
from app.llm.demo.math_tokens import Token
from app.llm.demo.text import Utterance


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb or noun that takes a list of numbers: «suma 3 y 4», “the product of 3 and 4”.

    Attributes:
        pattern: How it is said.
        operator: What stands between its numbers; `f(` for a function of all of them.
        links: Words that separate the numbers.
        swaps: Links behind which the first number stands: “subtract 3 from 10”.
    """

    pattern: re.Pattern[str]
    operator: str
    links: frozenset[str]
    swaps: frozenset[str] = frozenset()


def _verb(pattern: str, operator: str, links: str, swaps: str = "") -> Verb:
    return Verb(
        re.compile(rf"\b(?:{pattern})\b(?!\()"), operator, frozenset(links.split()), frozenset(swaps.split())
    )


_CLITIC = "[aeo](?:r|me|le|les|lo|la|los|las|mos|s|n|ndo|ria|do)*"
"""The endings of a Spanish verb: «suma», «sumarle», «súmame», «sumes»."""


VERBS: tuple[Verb, ...] = (
    _verb("media|promedio|average|mean", "mean", "y and e , con with mas plus"),
    _verb("maximo comun divisor|mcd|gcd|greatest common (?:divisor|factor)|hcf", "gcd(", "y and e ,"),
    _verb("minimo comun multiplo|mcm|lcm|least common multiple", "lcm(", "y and e ,"),
    _verb("maximo|mayor|max|maximum|largest|biggest|greatest", "max(", "y and e o or ,"),
    _verb("minimo|menor|min|minimum|smallest|lowest", "min(", "y and e o or ,"),
    _verb("resto|residuo|remainder", "%", "entre by por y and divided dividido"),
    _verb(
        f"sum{_CLITIC}|adicion{_CLITIC}|anad{_CLITIC}|agreg{_CLITIC}|adding|add|sum|total",
        "+",
        "y and e , con with to a mas plus al",
    ),
    _verb(
        rf"rest{_CLITIC}|quit{_CLITIC}|sustra{_CLITIC}|subtract(?:ing)?|deduct|diferencia|difference"
        r"|take away|take(?= [\w.]+ (?:away )?from)",
        "-",
        "y and e , menos minus",
        "a de from al",
    ),
    _verb(
        f"multipli(?:c|qu){_CLITIC}|multiply(?:ing)?|multiplicacion|multiplication|producto|product",
        "*",
        "y and e , por by con with times",
    ),
    _verb(
        f"divid{_CLITIC}|dividi(?:r|rlo|ria|endo)|dividing|repart{_CLITIC}|repartir|division|cociente"
        "|quotient|split|ratio",
        "/",
        "y and e , entre by por para into between",
    ),
)


_PERCENT = r"(?<!\d)(\d++(?:[.,]\d+)?)\s*(?:%|por ciento|percent)"


_AMOUNT = r"[$€£]?(?<!\d)(\d++(?:[.,]\d+)?)"


_PERCENT_PHRASES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), template)
    for pattern, template in (
        (
            rf"(?:sube|aumenta\w*|incrementa\w*|increase|raise)\s+(?:a\s+"
            rf"|el\s+)?{_AMOUNT}.{{0,20}}?(?:un|en|by|el)\s+{_PERCENT}",
            "{0}*(1+{1}/100)",
        ),
        (
            rf"(?:baja|reduce|rebaja|disminuye|decrease|lower|discount)\w*\s+(?:a\s+"
            rf"|el\s+)?{_AMOUNT}.{{0,20}}?(?:un|en|by|el)\s+{_PERCENT}",
            "{0}*(1-{1}/100)",
        ),
        (rf"{_AMOUNT}[^\d]{{0,12}}\b(?:menos|minus)\s+(?:(?:el|un|a)\s+)?{_PERCENT}", "{0}*(1-{1}/100)"),
        (rf"{_AMOUNT}[^\d]{{0,12}}\b(?:mas|plus)\s+(?:(?:el|un|a)\s+)?{_PERCENT}", "{0}*(1+{1}/100)"),
        (
            rf"{_PERCENT}\s+(?:off|(?:de )?(?:descuento|discount))\s+(?:of\s+|on\s+|a\s+|de\s+"
            rf"|en\s+|sobre\s+)?{_AMOUNT}",
            "{1}*(1-{0}/100)",
        ),
        (
            rf"{_PERCENT} (?:de|of|del) (?:iva|igv|vat|tax|impuestos?|comision|tip|propina"
            rf"|interest|interes) (?:de|del|of|on|for|a|en|sobre|para) (?:los |the )?{_AMOUNT}",
            "{0}/100*{1}",
        ),
        (
            rf"(?:descuento|discount) (?:de(?:l)?|of) (?:un )?{_PERCENT} (?:a|de|en|sobre|on"
            rf"|of) {_AMOUNT}",
            "{1}*(1-{0}/100)",
        ),
        (
            rf"(?:que (?:porcentaje|tanto por ciento)|what percent(?:age)?) (?:de"
            rf"|of) {_AMOUNT} (?:es|son|is|representa\w*)(?: el)? {_AMOUNT}",
            "{1}/{0}*100",
        ),
        (
            rf"{_AMOUNT} (?:es|is|son) (?:que (?:porcentaje|tanto por ciento)"
            rf"|what percent(?:age)?) (?:de|of) {_AMOUNT}",
            "{0}/{1}*100",
        ),
        (
            rf"(?:que (?:porcentaje|tanto por ciento)|what percent(?:age)?) (?:es|is|son"
            rf"|representa) {_AMOUNT} (?:de|of) {_AMOUNT}",
            "{0}/{1}*100",
        ),
    )
)


def _percent_phrase(said: Utterance) -> str | None:
    for pattern, template in _PERCENT_PHRASES:
        match = pattern.search(said.plain)
        if match:
            return template.format(*map(pointed, match.groups()))
    return None


_ADD_UP = re.compile(r"\b(?:add up to|sum (?:up )?to|total up to|amount to|come to|make together)\b")


def _verb_phrase(said: Utterance, tokens: list[Token]) -> str | None:
    for verb in VERBS:
        match = verb.pattern.search(said.plain)
        if match is None:
            continue
        behind = [token for token in tokens if token.start >= match.end()]
        operands, swapped = _operands(said, behind, verb)
        if len(operands) == 1:
            ahead = [each for each in expressions_in(said.cut(0, match.start())) if not each.operations]
            operands = [*(each.text for each in ahead[-1:]), *operands]
        if len(operands) >= 2:
            return _joined(verb.operator, operands[::-1] if swapped else operands)
        if operands and _has_operator(operands[0]) and verb.operator in "+-*/%":
            return operands[0]
    return None


def _operands(said: Utterance, tokens: list[Token], verb: Verb) -> tuple[list[str], bool]:
    """The numbers or sums behind a verb, parted by its links; and whether they stand in reverse."""
    operands: list[str] = []
    swapped = False
    rest = tokens
    while rest:
        stop = next((i for i, token in enumerate(rest) if _link_of(said, token, verb)), len(rest))
        found = expressions_in(said, rest[:stop])
        if not found and operands and stop:
            break
        operands += [each.text for each in found]
        if stop < len(rest):
            swapped = swapped or bool(operands and _link_of(said, rest[stop], verb) in verb.swaps)
        rest = rest[stop + 1 :]
    return operands, swapped


def _link_of(said: Utterance, token: Token, verb: Verb) -> str:
    """The link word that a token is, or an empty string."""
    if token.kind in ("number", "constant", "function", "prefix"):
        return ""
    word = said.plain[token.start : token.end].split()[0]
    return word if word in verb.links or word in verb.swaps else ""


def _has_operator(text: str) -> bool:
    return bool(re.search(r"[^\s\d.,eE]", text))


def _joined(operator: str, operands: list[str]) -> str:
    if operator == "mean":
        return f"({' + '.join(operands)})/{len(operands)}"
    if operator.endswith("("):
        return f"{operator}{', '.join(operands)})"
    if operator in ("+", "-") and len(operands) == 2 and sum(each.endswith("%") for each in operands) == 1:
        # A percentage that is added is one of the other number.
        base, percent = sorted(operands, key=lambda each: each.endswith("%"))
        return f"{base}*(1{operator}{percent[:-1]}/100)"
    # «multiplica 12 por 3 más 4» goes on from left to right; only what is written closely is one number.
    last = operands[-1] if " " in operands[-1] else _grouped(operands[-1], operator)
    return f" {operator} ".join([*(_grouped(each, operator) for each in operands[:-1]), last])


def _grouped(operand: str, operator: str) -> str:
    binary = re.search(r"(?<=[\w)%!])\s*[-+−*/]", operand)
    return f"({operand})" if binary and operator != "+" else operand


def _chosen(tokens: list[Token]) -> str | None:
    """“7 choose 2”: how many pairs there are of seven things."""
    for left, token, right in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if (left.kind, token.word, right.kind) == ("number", "choose", "number"):
            return f"comb({left.text}, {right.text})"
    return None


def _added_up(said: Utterance) -> str | None:
    """“what do 3 and 10 add up to”: the verb stands behind its numbers."""
    match = _ADD_UP.search(said.plain)
    if match is None:
        return None
    numbers = [each for each in expressions_in(said.cut(0, match.start())) if not each.operations]
    return " + ".join(each.text for each in numbers) if len(numbers) > 1 else None


def word_sum(said: Utterance, tokens: list[Token]) -> str | None:
    """The expression that a text says in such words; None if it does not."""
    return _percent_phrase(said) or _chosen(tokens) or _added_up(said) or _verb_phrase(said, tokens)

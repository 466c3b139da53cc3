"""Cuts a text into what arithmetic sees in it: numbers, operators, functions, in signs or in words."""

import re
from dataclasses import dataclass
from typing import Literal

from app.llm.demo.numbers import ORDINALS, number_at
from app.llm.demo.text import Utterance

Kind = Literal[
    "number", "op", "open", "close", "comma", "post", "prefix", "function", "constant", "article", "of",
    "unit", "degrees", "word",
]  # fmt: skip


_FUNCTIONS = (
    "atan2|log10|log2|sqrt|cbrt|abs|sinh|cosh|tanh|asin|acos|atan|sin|cos|tan|sen|ln|log|exp|degrees|radians|factorial|gcd"
    "|lcm|round|floor|ceil|min|max|hypot|pow|mod"
)


# These are words as well: a space before the parenthesis makes them something else, «suma (3+4) y 5».
_MORE_FUNCTIONS = (
    "asinh|acosh|atanh|sign|trunc|comb|perm|sum|mean|median|raiz|raizcubica|absoluto|signo|seno|coseno|tg|tangente"
    "|arcsin|arcsen|asen|arccos|arctan|arctg|senh|tgh|grados|radianes|hipotenusa|redondear|redondeo|piso|suelo|techo"
    "|truncar|fact|ncr|npr|combinaciones|permutaciones|mcd|mcm|potencia|minimo|maximo|suma|avg|average|media|promedio"
    "|mediana"
)
_OF = r"\s*(?:de(?:l)?|of|from)\b"


_ROOT = r"(?:raiz|raices)"


_PHRASES: tuple[tuple[str, Kind, str], ...] = (
    # A sign is a token of its own; `**` and `//` come before `*` and `/`.
    (r"\*\*|//|[-+*/^×÷−·]", "op", ""),
    (r"[(\[]", "open", "("),
    (r"[)\]]", "close", ")"),
    (r",", "comma", ","),
    (r"²", "post", "{}**2"),
    (r"³", "post", "{}**3"),
    (r"%", "post", "%"),
    (r"!(?![!?])", "post", "!"),
    (r"√", "prefix", "sqrt({})"),
    (rf"(?:{_FUNCTIONS})(?=\s*\()|(?:{_MORE_FUNCTIONS})(?=\()", "function", ""),
    (r"(?:pi|tau|phi|π)(?![a-z])", "constant", ""),
    # Words behind a number.
    (r"(?:elevad[oa] )?al cuadrado\b|squared\b", "post", "{}**2"),
    (r"(?:elevad[oa] )?al cubo\b|cubed\b", "post", "{}**3"),
    (r"(?:por mil|per mill?e?|per thousand)(?= (?:de|del|of)\b)|‰(?=\s*(?:de|del|of)\b)", "post", "‰"),
    (r"(?:por ciento|porciento|por cien|percent|per cent|pct)\b", "post", "%"),
    (r"(?:grados|degrees|deg)\b|°", "degrees", ""),
    (r"(?:cuartos|quarters|fourths)" + _OF, "op", "/4*"),
    (r"(?:tercios|thirds)" + _OF, "op", "/3*"),
    (r"(?:quintos|fifths)" + _OF, "op", "/5*"),
    # Words between numbers.
    (r"x(?=\s*[\d(.-])", "op", "*"),
    (r"(?:mas|plus|sumad[oa] (?:a|con)|added to)\b(?! o menos)", "op", "+"),
    (r"(?:menos|minus|take away|less)\b", "op", "-"),
    (
        r"(?:(?:multiplicad[oa]s?|multiplied) (?:por|by|with)|times|por|veces|by)\b(?! (?:favor"
        r"|ejemplo)\b)",
        "op",
        "*",
    ),
    (r"(?:dividid[oa]s?|divided)(?: (?:por|entre|para|by))?\b|(?:entre|over)\b", "op", "/"),
    (r"elevad[oa](?: a)?(?: la)?(?: potencia)?(?: de)?\b|a la potencia(?: de)?\b|a la(?= \w+)", "op", "**"),
    (r"(?:raised )?to the power(?: of)?\b|raised to(?: the)?\b|to the(?= \w+)", "op", "**"),
    (r"(?:modulo|mod)\b", "op", "%"),
    (r"choose\b", "word", ""),
    # Words before a number.
    (rf"{_ROOT} cuadradas?(?:{_OF})?|square root(?:{_OF})?|sqrt(?:{_OF})?", "prefix", "sqrt({})"),
    (
        rf"{_ROOT} cubicas?(?:{_OF})?|cube root(?:{_OF})?|cubic root(?:{_OF})?|cbrt(?:{_OF})?",
        "prefix",
        "cbrt({})",
    ),
    (rf"(?:{_ROOT}|root){_OF}", "prefix", "sqrt({})"),
    (rf"(?:seno|sine|sin|sen)\b(?:{_OF})?", "prefix", "sin({})"),
    (rf"(?:coseno|cosine|cos)\b(?:{_OF})?", "prefix", "cos({})"),
    (rf"(?:tangente|tangent|tan)\b(?:{_OF})?", "prefix", "tan({})"),
    (rf"(?:logaritmo natural|logaritmo neperiano|natural log(?:arithm)?|ln)\b(?:{_OF})?", "prefix", "ln({})"),
    (
        rf"(?:logaritmo decimal|(?:logaritmo|log(?:arithm)?) (?:en |de )?base (?:10|diez"
        rf"|ten))\b(?:{_OF})?",
        "prefix",
        "log10({})",
    ),
    (rf"(?:logaritmo|log(?:arithm)?) (?:en |de )?base (?:2|dos|two)\b(?:{_OF})?", "prefix", "log2({})"),
    (rf"(?:logaritmo|logarithm|log)\b(?:{_OF})?", "prefix", "log({})"),
    (rf"(?:exponencial|exponential|exp){_OF}", "prefix", "exp({})"),
    (rf"(?:valor absoluto|absolute value|abs)\b(?:{_OF})?", "prefix", "abs({})"),
    (rf"factorial{_OF}", "prefix", "factorial({})"),
    (r"factorial\b", "post", "!"),
    (rf"(?:cuadrado|square){_OF}", "prefix", "({})**2"),
    (rf"(?:cubo|cube){_OF}", "prefix", "({})**3"),
    (
        rf"(?:mitad{_OF}|half(?:{_OF})?)(?! an?\b(?! (?:third|quarter|fifth|tenth|half|dozen)))",
        "prefix",
        "({}/2)",
    ),
    (rf"(?:(?:un|one|a|1) )?(?:tercio|third|tercera parte){_OF}", "prefix", "({}/3)"),
    (rf"(?:(?:un|one|a|1) )?(?:cuarto|quarter|cuarta parte){_OF}", "prefix", "({}/4)"),
    (rf"(?:(?:un|one|a|1) )?(?:quinto|fifth|quinta parte){_OF}", "prefix", "({}/5)"),
    (rf"(?:(?:un|one|a|1) )?(?:decimo|tenth|decima parte){_OF}", "prefix", "({}/10)"),
    (rf"doble{_OF}|double(?:{_OF})?|twice", "prefix", "(2*{})"),
    (rf"triple(?:{_OF})?|thrice", "prefix", "(3*{})"),
    (r"(?:negativo|negative)\b", "prefix", "-{}"),
    # Words that may stand in between without a meaning of their own.
    (r"(?:el|la|los|las|the|un|una|a|an)\b", "article", ""),
    (r"(?:de|del|of)\b", "of", ""),
    (
        r"(?:euros?|dolares|dolar|pesos|soles|dollars?|bucks|pounds?|libras|kilos|metros|km|kg"
        r"|[€$£])(?![a-z])",
        "unit",
        "",
    ),
)


_TOKEN = re.compile("|".join(f"(?P<p{i}>{pattern})" for i, (pattern, _, _) in enumerate(_PHRASES)))


_WORD = re.compile(r"[a-z]+\d*|[^\W\d]+|.", re.S)


_SIGN_KINDS = frozenset({"number", "op", "open", "close", "comma", "post", "function", "constant"})


_WORDS_BEHIND_DIGITS = re.compile(
    rf"(?:x(?=\s*[\d(.-])|e\b|pi\b|tau\b|π|%|euros?\b|km\b|kg\b|(?:{_FUNCTIONS}|{_MORE_FUNCTIONS})\()"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text as arithmetic sees it.

    Attributes:
        text: What it becomes in the expression; for `prefix` and some `post` a pattern with `{}`.
        is_sign: Whether it stood there in signs, not in words.
        word: Its first word as it stood there, folded; empty for signs.
    """

    kind: Kind
    text: str
    start: int
    end: int
    is_sign: bool
    word: str = ""


def tokens_of(said: Utterance) -> list[Token]:
    """Cuts a text into tokens; spaces vanish."""
    plain = said.plain
    found: list[Token] = []
    position = 0
    while position < len(plain):
        if plain[position].isspace():
            position += 1
            continue
        token = _token_at(said, position, found)
        found.append(token)
        position = token.end
    return found


def _token_at(said: Utterance, position: int, before: list[Token]) -> Token:
    plain = said.plain
    last = before[-1] if before and before[-1].end == position else None
    inside_word = (
        last is not None
        and last.kind == "word"
        and bool(re.fullmatch(r"\w\w", plain[position - 1 : position + 1]))
    )
    number = None if inside_word else _number_token(plain, position, before)
    if number:
        return number
    if not inside_word:
        match = _TOKEN.match(plain, position)
        if match and not _runs_on(plain, match):
            _, kind, text = _PHRASES[int((match.lastgroup or "p0")[1:])]
            is_sign = kind in _SIGN_KINDS and (kind in ("function", "constant") or not match[0][0].isalpha())
            return Token(
                kind, text or match[0], position, match.end(), is_sign, "" if is_sign else match[0].split()[0]
            )
        if re.compile(r"e(?=\s*[*/^+)\-])").match(plain, position) or _is_euler(plain, position, before):
            return Token("constant", "e", position, position + 1, True)
    word = _WORD.match(plain, position)
    return Token("word", "", position, word.end() if word else position + 1, False)


def _runs_on(plain: str, match: re.Match[str]) -> bool:
    """Whether a word was matched that goes on behind the match."""
    last = plain[match.end() - 1]
    return last.isalpha() and match.end() < len(plain) and plain[match.end()].isalpha()


def _is_euler(plain: str, position: int, before: list[Token]) -> bool:
    """Whether an `e` is the number: Spanish also says «e» for “and”, but not behind a sign."""
    alone = re.compile(r"e(?![a-z\d])").match(plain, position)
    return bool(alone and before and before[-1].is_sign and before[-1].kind in ("op", "open", "comma"))


def _number_token(plain: str, position: int, before: list[Token]) -> Token | None:
    number = number_at(plain, position)
    if number:
        behind = plain[number.end : number.end + 1]
        if (behind.isalpha() or behind == "_") and not _WORDS_BEHIND_DIGITS.match(plain, number.end):
            ordinal = re.compile(r"(?:th|nd|rd|st|a)\b(?: (?:power|potencia))?").match(plain, number.end)
            if not (ordinal and _awaits_power(before)):
                return None
            return Token("number", number.text, position, ordinal.end(), False)
        power = re.compile(r"[ªº](?: potencia)?").match(plain, number.end)
        return Token(
            "number", number.text, position, power.end() if power else number.end, not number.in_words
        )
    if _awaits_power(before):
        match = re.compile(r"([a-z]+)(?: (?:power|potencia))?").match(plain, position)
        if match and match[1] in ORDINALS:
            return Token("number", str(ORDINALS[match[1]]), position, match.end(), False)
    return None


def _awaits_power(before: list[Token]) -> bool:
    return bool(before) and before[-1].text == "**"

"""Requests for `calculate`: which part of a text is to be computed, and how that is written down."""

import re
from dataclasses import dataclass

from app.errors import Locale
from app.llm.demo.asks import Ask
from app.llm.demo.expression import Expression, expressions_in, read_at
from app.llm.demo.math_tokens import Token, tokens_of
from app.llm.demo.sum_text import has_clock_at, is_equation, rewritten
from app.llm.demo.text import Utterance
from app.llm.demo.vocabulary import FILLERS
from app.llm.demo.word_sums import VERBS, word_sum

_CALC_VERBS = re.compile(
    r"\b(?:calcul\w*|comput\w+|evalua\w*|evaluate|resuelv\w+|resolver|solve|work out"
    r"|figure out|(?:la|esta|una|unas|estas) (?:simple |sencilla |rapida )?(?:cuentas?"
    r"|operacion)|cuenta rapida"
    r"|operacion|operation|aritmetic\w+|arithmetic|math|maths|mates|matematic\w*|expresion"
    r"|expression|equation|ecuacion"
    r"|crunch|division|multiplicacion|multiplication|addition|subtraction|exponente|eleva\w*"
    r"|porcentaje|percentage|hazme (?:la|esta) (?:cuenta|suma))\b"
)
_QUESTIONS = re.compile(
    r"\b(?:cuanto(?:s)? (?:es|son|da|dan|sale|salen|seria|serian|sera|vale|valen|hace|hacen"
    r"|suma|suman|resulta|queda|me da|nos da"
    r"|daria|tenemos|hay|me queda|me sale)|cuanto|a cuanto equivale|que (?:da|resulta|sale"
    r"|numero (?:es|da|sale))|cual es"
    r"|resultado|result|what(?:'?s| is| are| does| do| would| will)?|how much|answer|equals?"
    r"|value of|valor de|es igual"
    r"|dime|tell me|give me|halla|hallar|saca|obten"
    r"|porcentaje|percentage)\b|=\s*\?*\s*$"
)
_LEADING_QUESTION = re.compile(
    r"\b(?:cuanto(?:s)? (?:es|son|da|dan|sale|seria|sera|vale)|que da|resultado de|result of"
    r"|value of|valor de|what(?:'?s| is)|answer (?:to|of|for)|respuesta (?:a|de)"
    r"|how much is)[\s:]*$"
)
_MATH_RUN = re.compile(r"(?<!\w)[\w\s.,+\-*/^%()!×÷−·π√]*\d[\w\s.,+\-*/^%()!×÷−·π√]*")
_BROKEN_HEAD = re.compile(r"(?:[(*/^]+\s*|(?<![^\W\d_])[a-z_]\w*|\d[\d.,]*[a-z]*)\Z")
_BROKEN_TAIL = re.compile(r"\s*[-+*/^(][-+*/^()\d.\s]*|\s*\)|\d[\d.,]*")
_CLOCK = re.compile(r"\b(?:son|a|sobre|hasta|desde) las?\s*$")
_DATE_LIKE = re.compile(r"\d+(?:[-/]\d+)+")
_TAIL = re.compile(r"[\s.,]+$")


@dataclass(frozen=True, slots=True)
class Continuation:
    """An operation on a result that stands elsewhere: «y súmale 5», “times 3”."""

    before: str
    after: str

    def applied_to(self, expression: str) -> str:
        """The whole: the earlier expression with this operation on it."""
        whole = expression if re.fullmatch(r"[\d.]+", expression) else f"({expression})"
        return f"{self.before}{whole}{self.after}"


def read(said: Utterance, language: Locale | None, *, forced: bool = False) -> list[Ask]:
    """What a piece of text wants computed; empty if it wants nothing of that kind.

    If it is `forced`, the tool was named and the text need not say so again.
    """
    said = rewritten(said, language)
    verb = forced or bool(_CALC_VERBS.search(said.plain))
    if is_equation(said) and (verb or _only_fillers(re.sub(r"\b[a-z]\b", " ", said.plain))):
        return [Ask("calculate", missing="an expression without unknowns")]
    tokens = tokens_of(said)
    special = word_sum(said, tokens)
    if special:
        return [Ask("calculate", {"expression": special})]
    found = expressions_in(said, tokens)
    sums = [each for each in found if each.operations] or _bare_numbers(said, found, verb=verb)
    pair = _plain_pair(said, tokens, found)
    if pair and (verb or _QUESTIONS.search(said.plain)):
        return [Ask("calculate", {"expression": pair})]
    wanted = [each for each in sums if verb or _is_wanted(said, each, sums)]
    if any(has_clock_at(said, each.start, each.end) for each in wanted):
        return [Ask("calculate", missing="an expression without times of day")]
    if wanted:
        wanted = _with_unreadable_rest(said, wanted)
        return [Ask("calculate", {"expression": _in_digits(each)}) for each in wanted]
    return _unreadable(said) if verb else []


def continuation(said: Utterance) -> Continuation | None:
    """What a piece of text does to an earlier result, if that is all it says."""
    said = rewritten(said, None)
    tokens = [token for token in tokens_of(said) if token.kind not in ("article", "comma")]
    found = expressions_in(said, tokens)
    for verb in VERBS[-4:]:
        if verb.pattern.search(said.plain) and len(found) == 1:
            return Continuation("", f" {verb.operator} {found[0].text}")
    for i, token in enumerate(tokens):
        if token.kind == "op" and (right := read_at(said, tokens, i + 1) if i + 1 < len(tokens) else None):
            text = "" if _says_more(said, right.end) else f" {token.text} {right.text}"
            return Continuation("", text) if text and not _is_leading_number(tokens[:i]) else None
        if token.kind in ("post", "prefix") and "{}" in token.text and not found:
            before, _, after = token.text.partition("{}")
            return Continuation(before, after)
    return None


def _is_leading_number(tokens: list[Token]) -> bool:
    return any(token.kind == "number" for token in tokens)


def _says_more(said: Utterance, end: int) -> bool:
    """Whether behind that place there are words that say something of their own."""
    return not _only_fillers(said.plain[end:])


def _bare_numbers(said: Utterance, found: list[Expression], *, verb: bool) -> list[Expression]:
    """A number alone is computed only where nothing else is asked about it: «¿cuánto es 7?»."""
    if len(found) != 1:
        return []
    number = found[0]
    if number.text.strip("-+").startswith("(") and _only_fillers(said.plain[: number.start]):
        return found  # Nobody writes parentheses but for a calculator.
    asked = verb or _LEADING_QUESTION.search(said.plain[: number.start])
    return [number] if asked and not _says_more(said, number.end) else []


def _plain_pair(said: Utterance, tokens: list[Token], found: list[Expression]) -> str | None:
    """«¿Cuánto son dos y dos?»: between two bare numbers an “and” is a plus."""
    if len(found) != 2 or any(each.operations for each in found):
        return None
    between = said.plain[found[0].end : found[1].start].strip()
    if between not in ("y", "and") or _says_more(said, found[1].end):
        return None
    return f"{found[0].text} + {found[1].text}"


def _is_wanted(said: Utterance, sum_: Expression, all_sums: list[Expression]) -> bool:
    """Whether a sum is there to be computed: it is strong, or nothing else is said around it."""
    if _CLOCK.search(said.plain[: sum_.start]):
        return False
    if sum_.strong:
        return True
    cues = [match.end() for match in _QUESTIONS.finditer(said.plain)]
    if cues and not _DATE_LIKE.fullmatch(sum_.text):
        return True
    if any(_only_fillers(said.plain[end : sum_.start]) for end in cues if end <= sum_.start):
        return True
    rest = said.plain
    for each in all_sums:
        rest = rest[: each.start] + " " * (each.end - each.start) + rest[each.end :]
    return _only_fillers(rest)


def _only_fillers(plain: str) -> bool:
    return all(word in FILLERS for word in re.findall(r"[^\W\d_]+", plain))


def _in_digits(found: Expression) -> str:
    text = found.text
    if "(" not in text or not re.search(r"[a-z]\s*\(", text):
        # Two dots can only group thousands, whatever the language.
        text = re.sub(
            r"(?<![\d.,])\d{1,3}(?:\.\d{3}){2,}(?![\d.])", lambda match: match[0].replace(".", ""), text
        )
    return text


def _with_unreadable_rest(said: Utterance, wanted: list[Expression]) -> list[Expression]:
    """Keeps what was cut off a broken expression, `2+` or `(2+3`, so that the tool can say what is wrong."""
    if len(wanted) != 1:
        return wanted
    only = wanted[0]
    head = _BROKEN_HEAD.search(said.plain[: only.start])
    tail = _BROKEN_TAIL.match(said.plain[only.end :])
    start = only.start - (len(head[0]) if head else 0)
    end = only.end + (len(tail[0].rstrip()) if tail else 0)
    if not head and not tail:
        return wanted
    text = said.raw[start:end]
    return [Expression(text, start, end, only.operations, only.strong, only.first, only.last)]


def _unreadable(said: Utterance) -> list[Ask]:
    """A calculation was asked for, and no expression can be read: hands on what is there, or asks."""
    match = _CALC_VERBS.search(said.plain)
    start = match.end() if match else 0
    run = _MATH_RUN.search(said.plain, start)
    if run:
        text = _TAIL.sub("", said.raw[run.start() : run.end()]).strip()
        words = re.findall(r"[^\W\d_]{2,}", text)
        if len(words) <= 1:
            return [Ask("calculate", {"expression": text})]
    return [Ask("calculate", missing="expression")] if _only_fillers(said.plain[start:]) else []

"""A user's text, made comparable.

Rules are matched on `plain`: lower case, no accents, and with everything that is not the user's own wording
(addresses, quotations, JSON) blanked. `raw` is as long: what a rule finds is cut out as it was written.
"""

import json
import re
import unicodedata
from dataclasses import dataclass

from app.errors import Locale
from app.letters import composed
from app.llm.demo.vocabulary import ENGLISH, NO_TYPOS, SPANISH, TYPO_TARGETS

BLANK = "\ue000"
"""Stands for a character of a blanked passage: neither a word character nor a space."""

URL = re.compile(r"https?://[^\s\"'<>«»“”`]+", re.I)
BARE_HOST = re.compile(
    r"(?<![\w@./-])(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|(?:[a-z0-9-]+\.)+(?:com|org|net|io"
    r"|dev|es|mx|ar|co|cl|pe|uk|eu|app"
    r"|ai|me|info|gov|edu|test|local|example))(?::\d{1,5})?(?:/[^\s\"'<>«»“”`]*)?(?![\w@])",
    re.I,
)
_QUOTED = re.compile(
    r"\"(?P<a>[^\"]+)\"|“(?P<b>[^”]+)”|«(?P<c>[^»]+)»|‘(?P<d>[^’]+)’|`(?P<e>[^`]+)`"
    r"|(?<!\w)'(?P<f>[^'\n]*(?:\w'\w[^'\n]*)*)'(?!\w)"
)
_MATH_PIECE = (
    r"(?:[\d\s.,+\-*/^%()!×÷−·π√²³=x]|(?:a?(?:sin|cos|tan)h?|atan2|sqrt|cbrt|abs|log(?:10|2)?|ln|exp|floor|ceil|round"
    r"|min|max|gcd|lcm|hypot|mod|pow|factorial|degrees|radians|pi|tau|e)(?![a-z]))"
)
MATH_ONLY = re.compile(rf"{_MATH_PIECE}*(?:[\dπ]|(?:pi|tau)(?![a-z])){_MATH_PIECE}*", re.I)
"""A text that is a sum and nothing else."""

_EXCLAIMED = re.compile(r"¡[^!¡]*!")
_WORD = re.compile(r"[a-z]+")
_UNKNOWNS = re.compile(r"(?<![a-z'])[a-z](?=\s*[*/^=+])|(?<=[*/^=+])\s*[a-z](?![a-z'])")
_LANGUAGE_SHOWS_WITHIN = 1_000


@dataclass(frozen=True, slots=True)
class Quotation:
    """A quoted passage: the span with its quotes, and the text between them."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """A text or a piece of one.

    Attributes:
        raw: As written, in Unicode's composed form.
        plain: For the rules; same length as `raw`.
    """

    raw: str
    plain: str

    def cut(self, start: int, end: int | None = None) -> "Utterance":
        """The part from `start` to `end`."""
        return Utterance(self.raw[start:end], self.plain[start:end])

    def without(self, start: int, end: int) -> "Utterance":
        """The same text with that part blanked for the rules."""
        return Utterance(self.raw, self.plain[:start] + BLANK * (end - start) + self.plain[end:])


def utterance(text: str) -> Utterance:
    """Prepares a user's text for the rules."""
    raw = _mended(composed(text))
    plain = fold(raw)
    for start, end in _foreign_spans(raw):
        plain = plain[:start] + BLANK * (end - start) + plain[end:]
    # The sign that closes «¡calcula 3+2!» is no factorial.
    plain = _EXCLAIMED.sub(lambda match: match[0][:-1] + BLANK, plain)
    return Utterance(raw, plain.replace("’", "'"))


def fold(text: str) -> str:
    """Lower case without accents; as many characters as `text` has."""
    return "".join(_fold_character(character) for character in text)


def _fold_character(character: str) -> str:
    if character.isascii():
        return character.lower()
    base = unicodedata.normalize("NFD", character)[0].lower()
    return base if len(base) == 1 else character


def quotations(raw: str) -> list[Quotation]:
    """The quoted passages of a text, in their order."""
    found = ((match, match[match.lastgroup or 0].strip()) for match in _QUOTED.finditer(raw))
    return [Quotation(match.start(), match.end(), text) for match, text in found if text]


def json_spans(raw: str) -> list[tuple[int, int, object]]:
    """The JSON objects and arrays of objects inside a text: start, end and value."""
    decoder = json.JSONDecoder()
    spans: list[tuple[int, int, object]] = []
    position = 0
    while (start := _next_brace(raw, position)) >= 0:
        try:
            value, end = decoder.raw_decode(raw, start)
        except (ValueError, RecursionError):
            position = start + 1
            continue
        spans.append((start, end, value))
        position = end
    return spans


def _next_brace(raw: str, position: int) -> int:
    match = re.compile(r"\{|\[(?=\s*[{\"])").search(raw, position)
    return match.start() if match else -1


def _foreign_spans(raw: str) -> list[tuple[int, int]]:
    spans = [(start, end) for start, end, _ in json_spans(raw)]
    spans += [match.span() for match in URL.finditer(raw)]
    spans += [match.span() for match in BARE_HOST.finditer(raw)]
    for quotation in quotations(raw):
        if MATH_ONLY.fullmatch(quotation.text):
            # A quoted sum is still a sum; only its quotes are in the way.
            spans += [(quotation.start, quotation.start + 1), (quotation.end - 1, quotation.end)]
        else:
            spans.append((quotation.start, quotation.end))
    return spans


def _mended(raw: str) -> str:
    """Replaces words that are one slip away from a key word by it, outside quotations, addresses and JSON."""
    plain = fold(raw)
    closed = _foreign_spans(raw)
    parts: list[str] = []
    position = 0
    for match in _WORD.finditer(plain):
        target = _slip_of(match[0])
        if target and not any(start < match.end() and match.start() < end for start, end in closed):
            parts += [raw[position : match.start()], target]
            position = match.end()
    return "".join(parts) + raw[position:] if parts else raw


def _slip_of(word: str) -> str | None:
    if len(word) < 4 or word in TYPO_TARGETS or word in NO_TYPOS:
        return None
    return next(
        (target for target in TYPO_TARGETS if word[0] == target[0] and _is_one_slip(word, target)), None
    )


def _is_one_slip(word: str, target: str) -> bool:
    """Whether one letter is missing, doubled up or too many, or two neighbours have changed places."""
    longer, shorter = (word, target) if len(word) > len(target) else (target, word)
    if len(longer) - len(shorter) == 1:
        # The last letter makes another form of the word (`calcula`, `calculas`), which the rules know.
        return any(longer[:i] + longer[i + 1 :] == shorter for i in range(1, len(longer) - 1))
    if len(longer) != len(shorter):
        return False
    differing = [i for i in range(len(word)) if word[i] != target[i]]
    return (
        len(differing) == 2
        and differing[1] == differing[0] + 1
        and word[differing[0]] == target[differing[1]]
        and word[differing[1]] == target[differing[0]]
    )


def language_of(text: str) -> Locale | None:
    """Spanish or English by the small words and letters of a text; None where they do not tell."""
    # GET and POST are no English; they are HTTP.
    said = utterance(re.sub(r"\b[A-Z]{3,6}\b(?=.*://)", "", text[:_LANGUAGE_SHOWS_WITHIN]))
    # The `i` of `i*i` is an unknown, not a person.
    said = Utterance(said.raw, _UNKNOWNS.sub(" ", said.plain))
    spanish = 2 * len(re.findall(r"[¿¡ñáéíóú]", said.raw.lower()))
    words = _WORD.findall(said.plain)
    spanish += sum(word in SPANISH for word in words)
    english = sum(word in ENGLISH for word in words)
    if spanish == english:
        return None
    return "es" if spanish > english else "en"

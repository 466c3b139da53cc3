"""What a sentence holds: `{sum}`, `{number}`, `{duration}` and `{place}` stand for whole passages."""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import NamedTuple

from app.llm.demo.sums import sums_in
from app.llm.demo.words import TextPiece, data, is_word, tokens_of, words

MAX_TOKENS = 90
"""What is behind so many is not read."""

HEAD = 4
"""Letters of a word that count as its beginning: «llover» and «lloverá» have the same."""

_FEW_WORDS = 3
_NAME = r"[CKu](?:[CKujd-]{0,7}[CKu])?"
_PLACES = re.compile(rf"(?<=[pd])[jd]{{0,2}}{_NAME}|Z|(?<!^)C(?:[CKujd-]{{0,7}}[CKu])?|C[CKujd-]{{0,7}}[CKu]")
_PLACES_IN_FEW_WORDS = re.compile(rf"Z|{_NAME}")


class Sentence(NamedTuple):
    """A text and its tokens, in which slots stand for what the text holds."""

    text: str
    tokens: list[TextPiece]

    def cut(self, first: int, last: int | None = None) -> "Sentence":
        """Return the part between two tokens."""
        return Sentence(self.text, self.tokens[first:last])

    @property
    def written(self) -> str:
        """The part as the user wrote it."""
        return self.text[self.tokens[0].start : self.tokens[-1].end] if self.tokens else ""

    def of_kind(self, key: str) -> list[TextPiece]:
        """Return the slots of a name, in their order."""
        return [token for token in self.tokens if token.key == key]


def sentence_of(text: str, known: Collection[str]) -> Sentence:
    """Read a text. Words that are not `known` may be places."""
    tokens = tokens_of(text)[:MAX_TOKENS]
    tokens = _marked(tokens, sums_in(text, tokens))
    tokens = _marked(tokens, _durations(tokens))
    return Sentence(text, _marked(tokens, _places(text, tokens, known)))


def _marked(tokens: Sequence[TextPiece], found: Iterable[tuple[int, int, str, object]]) -> list[TextPiece]:
    """The tokens with a slot for each passage: its first token, the one behind it, its name and value."""
    result: list[TextPiece] = []
    position = 0
    for first, last, key, value in found:
        slot = TextPiece("slot", key, tokens[first].start, tokens[last - 1].end, value)
        result += [*tokens[position:first], slot]
        position = last
    return [*result, *tokens[position:]]


@cache
def _amounts(name: str) -> dict[str, float]:
    pairs = (each.partition("=") for each in data("examples")[name].split())
    return {said.replace("_", " "): float(amount) for said, _, amount in pairs}


def _durations(tokens: Sequence[TextPiece]) -> list[tuple[int, int, str, object]]:
    """Find «10 segundos», “a 5-second call”, «un par de minutos»."""
    keys = [token.key for token in tokens]
    found: list[tuple[int, int, str, object]] = []
    for i in (i for i, key in enumerate(keys) if key in _amounts("units")):
        end = i - (keys[i - 1 : i] == ["-"])
        phrases = [(end - n, " ".join(keys[max(end - n, 0) : end])) for n in (3, 2, 1)]
        amounts = [
            (first, _amounts("amounts")[said]) for first, said in phrases if said in _amounts("amounts")
        ]
        number = str(tokens[end - 1].value) if end else ""
        if re.fullmatch(r"\d{1,9}(?:[.,]\d{1,9})?", number):
            amounts = [(end - 1, float(number.replace(",", ".")))]
        found += [(first, i + 1, "{duration}", n * _amounts("units")[keys[i]]) for first, n in amounts[:1]]
    return found


def _places(
    text: str, tokens: Sequence[TextPiece], known: Collection[str]
) -> list[tuple[int, int, str, object]]:
    """Find likely places: what stands behind a preposition, has a capital, or is all that there is."""
    shape = "".join(_shape(text, tokens, i, known) for i in range(len(tokens)))
    spans = [match.span() for match in _PLACES.finditer(shape)]
    if not spans and sum(map(is_word, tokens)) <= _FEW_WORDS:
        spans = [match.span() for match in _PLACES_IN_FEW_WORDS.finditer(shape)]
    return [(i, j, "{place}", text[tokens[i].start : tokens[j - 1].end]) for i, j in spans]


def _shape(text: str, tokens: Sequence[TextPiece], i: int, known: Collection[str]) -> str:
    """Return a letter for what a token may be in a name.

    `C` and `K` are capitals, of words that nobody knows and others, `u` is an unknown word, `p` a
    preposition, `j` a joint, `d` both of them, `-` a sign inside a name, `Z` a time zone, `x` all else.
    """
    token, written = tokens[i], text[tokens[i].start : tokens[i].end]
    if token.kind != "word":
        is_inside = token.key in "-'’/." and text[token.start - 1 : token.start].isalpha()
        return "Z" if token.key == "{zone}" else "-" if is_inside else "x"
    is_known = len(token.key) == 1 or token.key in known
    is_form = written[0].islower() and len(token.key) > HEAD and token.key[:HEAD] + "*" in known
    is_first = not any(map(is_word, tokens[:i]))
    is_capital = written[0].isupper() and (len(written) == 1 or not written.isupper())
    if is_capital and not is_first:
        return "K" if is_known else "C"
    if token.key in words("joints"):
        return "d" if token.key in words("prepositions") else "j"
    if token.key in words("prepositions"):
        return "p"
    return "x" if is_known or is_form else "C" if is_capital else "u"


def places_in(sentence: Sentence) -> list[str]:
    """Return the places that a sentence names; a city stays with the country behind its comma."""
    places = sentence.of_kind("{place}")
    if len(places) == 2 and re.fullmatch(r",\s*", sentence.text[places[0].end : places[1].start]):
        return [sentence.text[places[0].start : places[1].end]]
    return [str(place.value) for place in places]

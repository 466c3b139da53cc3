"""Marks what a sentence holds: `{sum}`, `{number}`, `{duration}` and `{place}` stand for whole passages."""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from itertools import chain
from string import ascii_lowercase
from typing import NamedTuple

from app.llm.demo.sums import sums_in
from app.llm.demo.symbols import number_at
from app.llm.demo.words import TextPiece, data, is_word, tokens_of, words

MAX_TOKENS = 90
"""What is behind so many is not read."""

_MAX_PLACE_WORDS = 6
_FEW_WORDS = 3
_HEAD = 4
_LONG = 15
_SHORT = 2
_IN_NAMES = frozenset("-'’/")


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


def sentence_of(text: str, known: Collection[str] = ()) -> Sentence:
    """Read a text. Words that are not `known` may be places; with no known words none are looked for."""
    tokens = tokens_of(text)[:MAX_TOKENS]
    tokens = _with_sums(text, _with_durations(tokens))
    if known:
        tokens = [_mended(text, token, known) for token in tokens]
        tokens = _with_places(text, tokens, known)
    return Sentence(text, tokens)


def _mended(text: str, token: TextPiece, known: Collection[str]) -> TextPiece:
    """A word that is one slip away from a known one as that one: a letter missing, too many, or swapped."""
    key = token.key
    is_mendable = token.kind == "word" and key not in known and _HEAD < len(key) < _LONG
    if not is_mendable or not text[token.start].islower():
        return token
    places = range(1, len(key))
    swapped = (key[:i] + key[i + 1] + key[i] + key[i + 2 :] for i in range(len(key) - 1))
    shorter = (key[:i] + key[i + 1 :] for i in places)
    longer = (key[:i] + letter + key[i:] for i in places for letter in ascii_lowercase)
    slips = [each for each in chain(swapped, shorter, longer) if len(each) > _HEAD and each in known]
    telling = [each for each in slips if each not in words("en") | words("es")]
    return token._replace(key=[*telling, *slips, key][0])


def _marked(tokens: Sequence[TextPiece], found: Iterable[tuple[int, int, str, object]]) -> list[TextPiece]:
    """The tokens with a slot for each passage: its first token, the one behind it, its name and value."""
    result: list[TextPiece] = []
    position = 0
    for first, last, key, value in found:
        slot = TextPiece("slot", key, tokens[first].start, tokens[last - 1].end, value)
        result += [*tokens[position:first], slot]
        position = last
    return [*result, *tokens[position:]]


def _with_sums(text: str, tokens: list[TextPiece]) -> list[TextPiece]:
    found: list[tuple[int, int, str, object]] = []
    for each in sums_in(text, tokens):
        while "¡" in text and each.text.endswith("!"):
            # The sign that closes «¡calcula 3+2!» is no factorial.
            each = each._replace(text=each.text[:-1], last=each.last - 1, operations=each.operations - 1)
        key = "{date}" if each.is_weak else "{sum}" if each.operations else "{number}"
        found.append((each.first, each.last, key, each))
    return _marked(tokens, found)


@cache
def _amounts(name: str) -> dict[str, float]:
    return {
        said.replace("_", " "): float(s)
        for said, _, s in (e.partition("=") for e in data("examples")[name].split())
    }


def _with_durations(tokens: list[TextPiece]) -> list[TextPiece]:
    """Mark «10 segundos», “half a minute”; the numbers of «5, 10 y 15 segundos» share their unit."""
    keys = [token.key for token in tokens]
    found: list[tuple[int, int, str, object]] = []
    waiting: list[tuple[int, int, float]] = []
    i = 0
    while i < len(keys):
        amount, end = _amount_at(tokens, keys, i)
        if amount is None:
            waiting = waiting if keys[i] in words("between") | {","} else []
            i += 1
            continue
        waiting.append((i, end, amount))
        i = end + (keys[end : end + 1] == ["-"])
        if unit := _amounts("units").get(keys[i]) if i < len(keys) else None:
            half = re.match(r"y medi[oa]\b|and a half\b", " ".join(keys[i + 1 : i + 4]))
            first, _, amount = waiting.pop()
            i += 1 + (len(half[0].split()) if half else 0)
            found += [(start, stop, "{duration}", value * unit) for start, stop, value in waiting]
            found.append((first, i, "{duration}", (amount + (0.5 if half else 0)) * unit))
            waiting = []
    return _marked(tokens, found)


def _amount_at(tokens: Sequence[TextPiece], keys: Sequence[str], i: int) -> tuple[float | None, int]:
    """Return the number that begins at a token, and the index behind it; None where none does."""
    for length in (3, 2, 1):
        amount = _amounts("amounts").get(" ".join(keys[i : i + length]))
        if amount is not None and keys[i + length : i + length + 1] and keys[i + length] in _amounts("units"):
            return amount, i + length
    number = (keys[i], i + 1) if tokens[i].kind == "number" else number_at(keys, i)
    is_plain = number is not None and re.fullmatch(r"\d{1,9}(?:[.,]\d{1,9})?", number[0])
    return (float(number[0].replace(",", ".")), number[1]) if number and is_plain else (None, i + 1)


def _with_places(text: str, tokens: list[TextPiece], known: Collection[str]) -> list[TextPiece]:
    """Mark the words that are likeliest places: those behind a preposition, else those that nobody knows."""
    found: list[tuple[int, int, str, object]] = []
    is_short = sum(map(is_word, tokens)) <= _FEW_WORDS
    i = 0
    while i < len(tokens):
        is_behind = i > 0 and tokens[i - 1].key in words("prepositions")
        end = i + 1 if tokens[i].key == "{zone}" else _name_end(text, tokens, i, known, is_behind=is_behind)
        is_capital = text[tokens[i].start].isupper() and (i > 0 or end - i > 1)
        # Nothing says that a word that nobody knows is a place, but that there is hardly anything else.
        if end > i and (is_behind or is_capital or is_short or tokens[i].key == "{zone}"):
            found.append((i, end, "{place}", text[tokens[i].start : tokens[end - 1].end]))
        i = max(end, i + 1)
    return _marked(tokens, found)


def _name_end(
    text: str, tokens: Sequence[TextPiece], i: int, known: Collection[str], *, is_behind: bool
) -> int:
    """The index behind the words that may be a name from `i` on: strange ones, and those with a capital."""
    end = j = i
    while j < len(tokens) and j - i < _MAX_PLACE_WORDS:
        token = tokens[j]
        written = text[token.start : token.end]
        is_name = written[0].isupper() and (len(written) == 1 or not written.isupper())
        is_capital = is_name and (is_behind or j > i)
        touches = j > i and end == j and tokens[j - 1].end == token.start
        if token.kind == "word" and (is_capital or _is_strange(token, known, written)):
            end = j + 1
        elif not (token.key in words("joints") and (end > i or is_capital)):
            is_inside = token.key in _IN_NAMES or (token.key == "." and len(tokens[j - 1].key) <= _SHORT)
            if not (touches and is_inside):
                break
        j += 1
    return end


def _is_strange(token: TextPiece, known: Collection[str], written: str) -> bool:
    """Return whether nobody knows a word, nor, if it has no capital, another form of it."""
    is_form = written[0].islower() and len(token.key) > _HEAD and token.key[:_HEAD] + "*" in known
    return len(token.key) > 1 and token.key not in known and not is_form


def places_in(sentence: Sentence) -> list[str]:
    """Return the places that a sentence names; a city stays with the country behind its comma."""
    places = of_kind(sentence, "{place}")
    if len(places) == 2 and sentence.text[places[1].start].isupper():
        between = sentence.text[places[0].end : places[1].start]
        if re.fullmatch(r",\s*", between):
            return [f"{places[0].value}, {places[1].value}"]
    return [str(place.value) for place in places]


def of_kind(sentence: Sentence, key: str) -> list[TextPiece]:
    """Return the slots of a name, in their order."""
    return [token for token in sentence.tokens if token.key == key]

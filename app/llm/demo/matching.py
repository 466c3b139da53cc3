"""Finds the example that a sentence is nearest to, by the beginnings of its words and their trigrams.

What a feature weighs is learnt from the examples. Sentences are compared by the share of the weight that
they have in common.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple, cast

from app.errors import Locale
from app.letters import bare
from app.llm.demo.slots import HEAD, Sentence, sentence_of
from app.llm.demo.words import data, is_word, words

LEAST = 0.46
"""What is less like its nearest example is like none."""

_OPEN = frozenset({"{text}", "{note}", "{query}", "{name}", "{what}"})
_TRIGRAM_WEIGHT, _PAIR_WEIGHT, _SLOT_WEIGHT = 0.3, 0.5, 2.0
_UNKNOWN_WEIGHT = 0.3
"""What a word that no example has weighs, as a share of the heaviest that they have."""

_NO_INTENTS = ("words", "units", "amounts", "methods")
_EXAMPLE_PARTS = re.compile(r"\{\w+\}|[^\W\d_]+")
_LONGER, _LONG = 0.04, 6
_MAX_CUTS = 8


class Match(NamedTuple):
    """The nearest example.

    Attributes:
        intent: A tool's name, or what kind of small talk it is; empty where no example is near.
        score: From 0 to 1.
        opening: The name of the slot that takes whatever stands there, empty where the example has none.
        rest: What stands in it.
        length: How many words the example has, before the slot.
    """

    intent: str = ""
    score: float = 0.0
    opening: str = ""
    rest: Sentence | None = None
    length: int = 0


class _Example(NamedTuple):
    intent: str
    locale: Locale
    keys: list[str]
    opening: str
    suffix: list[str]


class Examples:
    """The examples of the data file, ready to be compared with."""

    def __init__(self) -> None:
        self.known: set[str] = {*words("polite"), *words("known"), *words("es"), *words("en")}
        self.languages: dict[str, set[Locale]] = defaultdict(set)
        self.rows = [
            self._cut(intent, locale, line)
            for intent, table in data("examples").items()
            if intent not in _NO_INTENTS
            for locale, lines in cast("dict[Locale, str]", table).items()
            for line in bare(lines).split("|")
        ]
        for row in self.rows:
            for key in (*row.keys, *row.suffix):
                self.known |= {key, f"{key[:HEAD]}*"}
                self.languages[key].add(row.locale)
        names = [_features(row.keys) for row in self.rows]
        seen: dict[str, Counter[str]] = defaultdict(Counter)
        for row, features in zip(self.rows, names, strict=True):
            for name in features:
                seen[name][row.intent] += 1
        self.weights = {name: _weight(len(names), counts) for name, counts in seen.items()}
        self.unknown = _UNKNOWN_WEIGHT * max(self.weights.values())
        self.features = [self._weighed(each) for each in names]
        self.totals = [sum(each.values()) for each in self.features]
        self.index: dict[str, list[int]] = defaultdict(list)
        self.open: dict[str, list[int]] = defaultdict(list)
        """Examples with an open slot, by the beginning of the word before it."""
        for number, (row, features) in enumerate(zip(self.rows, self.features, strict=True)):
            if row.opening:
                self.open[row.keys[-1][:HEAD] if row.keys else ""].append(number)
            for name in () if row.opening else features:
                self.index[name].append(number)

    def _cut(self, intent: str, locale: Locale, line: str) -> _Example:
        """Part an example into the words before its open slot, that slot, and the words behind it."""
        parts = _EXAMPLE_PARTS.findall(line)
        keys = [part for part in parts if len(part) > 1 and part not in words("polite")] or parts
        at = next((i for i, key in enumerate(keys) if key in _OPEN), len(keys))
        return _Example(intent, locale, keys[:at], "".join(keys[at : at + 1]), keys[at + 1 :])

    def _weighed(self, names: dict[str, float]) -> dict[str, float]:
        weights, unknown = self.weights, self.unknown
        return {
            name: kind * (weights[name] if name in weights else unknown if kind == 1.0 else 1.0)
            for name, kind in names.items()
        }

    def nearest(self, clause: Sentence, onwards: Sentence) -> Match:
        """The nearest example to a clause; an open slot may take what stands behind, to `onwards`' end."""
        if all(key == "{place}" or key in words("prepositions") for key in keys_of(clause)):
            return Match()  # A place alone says nothing of what is asked about it.
        heads = [token.key[:HEAD] if is_word(token) else "" for token in clause.tokens]
        cuts = [i for i, head in enumerate(heads, 1) if head in self.open][:_MAX_CUTS]
        opened = [match for at in cuts for match in self._opened(clause, onwards, at)]
        # Of «analiza…» and «analiza este texto…» the longer says more.
        most = max(opened, key=lambda each: each.score + _LONGER * min(each.length, _LONG), default=Match())
        return max(most, self._closest(clause), key=lambda each: (each.score, each.length))

    def _closest(self, clause: Sentence) -> Match:
        """The nearest example without an open slot."""
        features = self._weighed(_features(keys_of(clause)))
        common: dict[int, float] = defaultdict(float)
        for name, weight in features.items():
            for number in self.index.get(name, ()):
                common[number] += weight
        near = self._near(features, common)
        return max(near, key=lambda each: each[1].score, default=(0, Match()))[1]

    def _opened(self, clause: Sentence, onwards: Sentence, at: int) -> list[Match]:
        """Return the near examples whose open slot begins at a token of the clause."""
        features = self._weighed(_features(keys_of(clause.cut(0, at))))
        common: dict[int, float] = {}
        for number in self.open[clause.tokens[at - 1].key[:HEAD]]:
            common[number] = sum(features[name] for name in features.keys() & self.features[number].keys())
        found: list[Match] = []
        for number, match in self._near(features, common):
            # A text is all that follows, a note its sentence, anything else its clause.
            taken = {"{text}": onwards, "{note}": _first_sentence(onwards, at)}.get(match.opening, clause)
            rest = _without_suffix(taken.cut(at), self.rows[number].suffix)
            found += [match._replace(rest=rest)] if rest.tokens else []
        return found

    def _near(self, features: dict[str, float], common: dict[int, float]) -> list[tuple[int, Match]]:
        """Return the examples that a sentence is near to, by the weight that it has in common with each."""
        total = sum(features.values())
        found: list[tuple[int, Match]] = []
        for number, weight in common.items():
            score, row = round(2 * weight / (total + self.totals[number]), 3), self.rows[number]
            if score >= LEAST:
                found.append((number, Match(row.intent, score, row.opening, None, len(row.keys))))
        return found


def keys_of(sentence: Sentence) -> list[str]:
    """What a sentence is compared by: its words but for those that are only polite, and its slots."""
    keys = [token.key for token in sentence.tokens if is_word(token)]
    return [key for key in keys if key not in words("polite")] or keys


def _weight(examples_: int, counts: Counter[str]) -> float:
    """Return what a feature weighs: the rarer it is, and the surer it speaks for one intent, the more."""
    return math.log(1 + examples_ / counts.total()) * max(counts.values()) / counts.total()


def _features(keys: Sequence[str]) -> dict[str, float]:
    """Return the features of a sentence, and what share of their weight they have by their kind."""
    heads = ["^", *(key[:HEAD] for key in keys), "$"]
    names = {f"{one}>{other}": _PAIR_WEIGHT for one, other in pairwise(heads)}
    for key in keys:
        if key[0] == "{":
            names[key] = _SLOT_WEIGHT
        else:
            names["#" + key[:HEAD]] = 1.0
            names |= {f" {key} "[i : i + 3]: _TRIGRAM_WEIGHT for i in range(len(key))}
    return names


def _first_sentence(sentence: Sentence, at: int) -> Sentence:
    """Return a sentence's beginning up to where the first one ends behind a token."""
    tokens, text = sentence.tokens, sentence.text
    ends = (i for i in range(at, len(tokens)) if tokens[i].key in (".", "?", "!"))
    lines = (i for i in range(at + 1, len(tokens)) if "\n" in text[tokens[i - 1].end : tokens[i].start])
    return sentence.cut(0, min(next(ends, len(tokens)), next(lines, len(tokens))))


def _without_suffix(sentence: Sentence, suffix: Sequence[str]) -> Sentence:
    """Return what stands in an open slot, without signs before it; nothing where the suffix is missing."""
    tokens = sentence.tokens
    while tokens and tokens[0].kind == "sign" and tokens[0].key in ":,;.-?":
        tokens = tokens[1:]
    while suffix and tokens and tokens[-1].kind == "sign":
        tokens = tokens[:-1]
    ends = [token.key[:HEAD] for token in tokens[len(tokens) - len(suffix) :]]
    is_there = ends == [key[:HEAD] for key in suffix] and any(token.kind != "sign" for token in tokens)
    return Sentence(sentence.text, tokens[: len(tokens) - len(suffix)] if is_there else [])


@cache
def examples() -> Examples:
    """Return the examples, read when they are first needed."""
    return Examples()


def read(text: str) -> Sentence:
    """Return a user's text with its slots marked."""
    return sentence_of(text, examples().known)

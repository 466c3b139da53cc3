"""Finds the example that a sentence is nearest to, by the beginnings of its words and their trigrams.

What a feature weighs is learnt from the examples: the rarer it is, and the surer it speaks for one intent,
the more. Sentences are compared by the share of the weight that they have in common.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple, cast

from app.errors import Locale
from app.letters import bare
from app.llm.demo.slots import Sentence, sentence_of
from app.llm.demo.words import data, is_word, words

HEAD = 4
"""Letters of a word that count as its beginning: «llover» and «lloverá» have the same."""

OPEN = frozenset({"{text}", "{note}", "{query}", "{name}", "{what}"})
"""Slots that take whatever stands there."""

LEAST = 0.46
"""What is less like its nearest example is like none."""

_TRIGRAM_WEIGHT, _PAIR_WEIGHT, _SLOT_WEIGHT = 0.15, 0.5, 1.5
_UNKNOWN_WEIGHT = 0.4
"""What a word that no example has weighs, as a share of the heaviest that they have."""

_LOCALES: tuple[Locale, Locale] = ("es", "en")
_NO_INTENTS = ("words", "units", "amounts", "methods")
_EXAMPLE_PARTS = re.compile(r"\{\w+\}|[^\W\d_]+")
_LONGER, _LONG = 0.04, 6
_MAX_CUTS = 24


class Match(NamedTuple):
    """The nearest example.

    Attributes:
        intent: A tool's name, or what kind of small talk it is; empty where no example is near.
        score: From 0 to 1.
        opening: The open slot's name, empty where the example has none.
        rest: What stands in the open slot.
        length: How many words the example has.
    """

    intent: str
    score: float
    opening: str = ""
    rest: Sentence | None = None
    length: int = 0


class _Example(NamedTuple):
    intent: str
    opening: str
    suffix: tuple[str, ...]
    features: dict[str, float]
    weight: float
    length: int


@lru_cache(maxsize=4_096)
def _trigrams(key: str) -> dict[str, float]:
    padded = f" {key} "
    return {padded[i : i + 3]: _TRIGRAM_WEIGHT for i in range(len(padded) - 2)}


class Examples:
    """The examples of the data file, ready to be compared with."""

    def __init__(self) -> None:
        self.polite = words("polite")
        self.known: set[str] = {*self.polite, *words("known"), *words("es"), *words("en")}
        self.languages: dict[str, set[Locale]] = defaultdict(set)
        tables = {name: data("examples")[name] for name in data("examples") if name not in _NO_INTENTS}
        rows: list[tuple[str, Locale, str]] = [
            (intent, locale, line)
            for intent, table in cast("dict[str, dict[Locale, str]]", tables).items()
            for locale in _LOCALES
            for line in bare(table[locale]).split("|")
        ]
        cut: list[tuple[str, Locale, list[str], str, tuple[str, ...]]] = [
            (intent, locale, *self._cut(line)) for intent, locale, line in rows
        ]
        for _, locale, keys, _, suffix in cut:
            for key in (*keys, *suffix):
                self.known |= {key, f"{key[:HEAD]}*"}
                self.languages[key].add(locale)
        named = [self._names(keys) for _, _, keys, _, _ in cut]
        self._weigh([(row[0], names) for row, names in zip(cut, named, strict=True)])
        self.whole: list[_Example] = []
        self.open: dict[str, list[_Example]] = defaultdict(list)
        self.index: dict[str, list[int]] = defaultdict(list)
        for (intent, _, keys, opening, suffix), names in zip(cut, named, strict=True):
            features = self._weighed(names)
            example = _Example(intent, opening, suffix, features, sum(features.values()), len(keys))
            if opening:
                self.open[keys[-1][:HEAD] if keys else ""].append(example)
                continue
            for name in features:
                self.index[name].append(len(self.whole))
            self.whole.append(example)

    def _cut(self, line: str) -> tuple[list[str], str, tuple[str, ...]]:
        """Return the words of an example before its open slot, that slot, and the words behind it."""
        parts = _EXAMPLE_PARTS.findall(line)
        keys = [part for part in parts if len(part) > 1 and part not in self.polite]
        at = next((i for i, key in enumerate(keys) if key in OPEN), -1)
        return (keys or parts, "", ()) if at < 0 else (keys[:at], keys[at], tuple(keys[at + 1 :]))

    def keys(self, sentence: Sentence) -> list[str]:
        """What a sentence is compared by: its words but for those that are only polite, and its slots."""
        keys = [token.key for token in sentence.tokens if is_word(token)]
        return [key for key in keys if key not in self.polite] or keys

    def _names(self, keys: Sequence[str]) -> dict[str, float]:
        """Return the features of a sentence, and what share of their weight they have by their kind."""
        names: dict[str, float] = {}
        before = "^"
        for key in keys:
            if key[0] == "{":
                names[key] = _SLOT_WEIGHT
            else:
                names["#" + key[:HEAD]] = 1.0
                names.update(_trigrams(key))
            names[f"{before}>{key[:HEAD]}"] = _PAIR_WEIGHT
            before = key[:HEAD]
        names[f"{before}>$"] = _PAIR_WEIGHT
        return names

    def _weigh(self, rows: Sequence[tuple[str, dict[str, float]]]) -> None:
        seen: dict[str, dict[str, int]] = defaultdict(dict[str, int])
        sizes = Counter(intent for intent, _ in rows)
        for intent, names in rows:
            for name in names:
                counts = seen[name]
                counts[intent] = counts.get(intent, 0) + 1
        roots = {intent: math.sqrt(size) for intent, size in sizes.items()}
        self.weights: dict[str, float] = {}
        for name, counts in seen.items():
            shares = [count / roots[intent] for intent, count in counts.items()]
            purity = max(shares) / sum(shares)
            self.weights[name] = math.log(1 + len(rows) / sum(counts.values())) * purity**1.5
        self.unknown = _UNKNOWN_WEIGHT * max(self.weights.values())

    def features(self, keys: Sequence[str]) -> dict[str, float]:
        """Return what a sentence weighs, feature by feature."""
        return self._weighed(self._names(keys))

    def _weighed(self, names: dict[str, float]) -> dict[str, float]:
        weights, unknown = self.weights, self.unknown
        return {
            name: kind * (weights[name] if name in weights else unknown if kind == 1.0 else 1.0)
            for name, kind in names.items()
        }

    def nearest(self, clause: Sentence, onwards: Sentence) -> Match:
        """The nearest example to a clause; an open slot may take what stands behind, to `onwards`' end."""
        whole, opened = self._whole(clause), self._opened(clause, onwards)
        is_quoted = any(token.key == "{quote}" for token in clause.tokens)
        says_more = opened.score == whole.score and opened.length >= whole.length and not is_quoted
        best = opened if opened.score > whole.score or says_more else whole
        return best if best.score >= LEAST else Match("", best.score)

    def _whole(self, sentence: Sentence) -> Match:
        features = self.features(self.keys(sentence))
        common: dict[int, float] = defaultdict(float)
        for name, weight in features.items():
            for number in self.index.get(name, ()):
                common[number] += weight
        total = sum(features.values())
        best = Match("", 0.0)
        for number, weight in common.items():
            example = self.whole[number]
            score = round(2 * weight / (total + example.weight), 3)
            if score > best.score:
                best = Match(example.intent, score, length=example.length)
        return best

    def _opened(self, clause: Sentence, onwards: Sentence) -> Match:
        """Return the nearest example with an open slot, wherever in the clause that begins."""
        best, best_rank, cuts = Match("", 0.0), 0.0, 0
        for i, token in enumerate(clause.tokens):
            examples = self.open.get(token.key[:HEAD], ()) if is_word(token) else ()
            cuts += bool(examples)
            if not examples or cuts > _MAX_CUTS:
                continue
            features = self.features(self.keys(clause.cut(0, i + 1)))
            total = sum(features.values())
            for example in examples:
                common = sum(weight for name, weight in features.items() if name in example.features)
                score = round(2 * common / (total + example.weight), 3)
                # Of «analiza…» and «analiza este texto…» the longer says more.
                rank = score + _LONGER * min(example.length, _LONG)
                if score < LEAST or rank <= best_rank:
                    continue
                # A text is all that follows, a note its sentence, anything else its clause.
                taken = {"{text}": onwards, "{note}": _first_sentence(onwards, i + 1)}.get(
                    example.opening, clause
                )
                if rest := _without_suffix(taken.cut(i + 1), example.suffix):
                    best, best_rank = (
                        Match(example.intent, score, example.opening, rest, example.length),
                        rank,
                    )
        return best


def _first_sentence(sentence: Sentence, at: int) -> Sentence:
    """Return a sentence's beginning up to where the first one ends behind a token."""
    tokens = sentence.tokens
    ends = (
        i
        for i in range(at, len(tokens))
        if (tokens[i].kind == "sign" and tokens[i].key in ".?!")
        or (i > at and "\n" in sentence.text[tokens[i - 1].end : tokens[i].start])
    )
    return sentence.cut(0, next(ends, len(tokens)))


def _without_suffix(sentence: Sentence, suffix: Sequence[str]) -> Sentence | None:
    """Return what stands in an open slot, without the signs around it; None where nothing does."""
    tokens = sentence.tokens
    while tokens and tokens[0].kind == "sign" and tokens[0].key in ":,;.-?":
        tokens = tokens[1:]
    while suffix and tokens and tokens[-1].kind == "sign":
        tokens = tokens[:-1]
    if suffix and [token.key[:HEAD] for token in tokens[-len(suffix) :]] != [key[:HEAD] for key in suffix]:
        return None
    tokens = tokens[: len(tokens) - len(suffix)]
    return Sentence(sentence.text, tokens) if any(token.kind != "sign" for token in tokens) else None


@cache
def examples() -> Examples:
    """Return the examples, read when they are first needed."""
    return Examples()


def read(text: str) -> Sentence:
    """Return a user's text with its slots marked."""
    return sentence_of(text, examples().known)

"""Word error rate: how many words of a transcript are wrong, missing or too many, of those that were said.

Both sides are compared as they are spoken: numbers and signs in words, without case, accents and marks.
Figures stand for either of their readings: “452” is "four five two" and "four hundred and fifty-two".
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.errors import Locale
from app.speech.engines.stt.checks import plain
from app.speech.reading.reader import read_aloud, spoken_text

_NOTE = re.compile(r"\[[^\]]*\]")
"""What a corpus says about a recording between the words: `[0.8 s de pausa]`."""

_SPELT = {"log in": "login", "black list": "blacklist", "de activated": "deactivated", "i m": "i am"}
"""What is written in two ways and said in one."""

_FIGURES = re.compile(r"\d{2,}")


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Errors against so many words; they add up over sentences."""

    wrong: int = 0
    missing: int = 0
    extra: int = 0
    words: int = 0

    @property
    def count(self) -> int:
        return self.wrong + self.missing + self.extra

    @property
    def rate(self) -> float:
        """Of the words that were said; 0 where none was said and none was heard."""
        return self.count / self.words if self.words else float(self.extra > 0)

    def __add__(self, other: "WordErrors") -> "WordErrors":
        return WordErrors(
            self.wrong + other.wrong,
            self.missing + other.missing,
            self.extra + other.extra,
            self.words + other.words,
        )


def words_of(text: str, language: Locale) -> list[str]:
    """The words as they are spoken."""
    words = f" {plain(spoken_text(read_aloud(_NOTE.sub(' ', text), language)))} "
    for one, other in _SPELT.items():
        words = words.replace(f" {one} ", f" {other} ")
    return words.split()


def word_errors(said: str, heard: str, language: Locale) -> WordErrors:
    """The errors of one transcript, its numbers read as suits it best."""
    spoken = words_of(said, language)
    fewest = errors_between(spoken, words_of(heard, language))
    for number in reversed(list(_FIGURES.finditer(heard))):
        apart = f"{heard[: number.start()]}{' '.join(number.group())}{heard[number.end() :]}"
        errors = errors_between(spoken, words_of(apart, language))
        if errors.count < fewest.count:
            heard, fewest = apart, errors
    return fewest


def total(each: Iterable[WordErrors]) -> WordErrors:
    """The errors of many."""
    return sum(each, WordErrors())


def errors_between(said: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """The fewest changes that make `heard` of `said`."""
    # Each field of the row holds the best way to make the first words of `heard` of those of `said` so far.
    row = [WordErrors(extra=count) for count in range(len(heard) + 1)]
    for count, word in enumerate(said, start=1):
        before, row = row, [WordErrors(missing=count)]
        for at, other in enumerate(heard):
            row.append(
                min(
                    before[at] if word == other else before[at] + WordErrors(wrong=1),
                    before[at + 1] + WordErrors(missing=1),
                    row[at] + WordErrors(extra=1),
                    key=lambda errors: errors.count,
                )
            )
    best = row[-1]
    return WordErrors(best.wrong, best.missing, best.extra, len(said))

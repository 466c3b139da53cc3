"""Whether a recogniser went round in circles, and what is left without its rounds.

People repeat themselves too: "no, no, no", "uno, dos, uno, dos". What they may have said is never taken out,
only looked at again where it is odd.
"""

import re
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final

from app.speech.engines.stt.checks import plain

_LONGEST_PHRASE: Final = 20
"""Words of the longest phrase whose repeats are looked for."""

_SHORTEST_SENTENCE: Final = 3
"""Words; shorter ones are said twice for emphasis."""

_SENTENCE_ENDS: Final = re.compile(r"[.?!¿¡]+")

_STAMMER: Final = re.compile(r"(?<!\w)\w+(?:-\w+){4,}")
"""“na-na-na-na-na” is one word to the eye."""

_SPUN: Final = re.compile(r"(?P<one>[^\W\d_]{1,4}?)(?P=one){5,}|(?P<digit>[0-9])(?P=digit){7,}")
"""Nor is “nananananana” one, or a number of nothing but zeros."""

_FREE_REPEATS: Final = 3
"""As often people say a word in a row: "no, no, no"."""

_LONG_PHRASE: Final = 5
_LONGEST_DOUBLED: Final = 40
"""Words of a phrase that people hardly say twice; it may be of two sentences: A B A B."""

_ALIKE: Final = 0.7
"""Share of words in common, from which on one sentence may be the other, hardly changed."""

_LONGEST_COMPARED: Final = 80
_ALIKE_IN_A_ROW: Final = 3
_COUNTED: Final = 12
"""So many numbers in a row, each one more than the last: nobody counts so who asks for something."""

_NUMBERS: Final = {
    word: number
    for words in (
        "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis"
        " diecisiete dieciocho diecinueve veinte",
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
        " sixteen seventeen eighteen nineteen twenty",
    )
    for number, word in enumerate(words.split())
}


def has_loop(text: str) -> bool:
    """Return whether something is repeated as people do not: the recogniser has lost its way."""
    return without_repeats(text) != " ".join(text.split())


def may_be_loop(text: str) -> bool:
    """Whether it may be one, though people talk like that now and then: worth a second look, and no more."""
    return says_again(text) or _doubles_a_phrase(text) or _varies_one_sentence(text) or _counts_on(text)


def without_repeats(text: str) -> str:
    """Return the text with phrases that are said over and over said once; a word may stand three times."""
    spread = _STAMMER.sub(lambda spelt: spelt[0].replace("-", " "), text)
    words = _SPUN.sub(lambda spun: spun["one"] or spun["digit"], spread).split()
    keys = [plain(word) or word for word in words]
    kept: list[str] = []
    at = 0
    while at < len(words):
        length, times = _repeat_at(keys, at)
        if times > 1:
            kept += words[at : at + length]
            at += length * times
        else:
            kept.append(words[at])
            at += 1
    return " ".join(kept)


def says_again(text: str) -> bool:
    """Whether a whole sentence stands twice in a row: people do that now and then, lost recognisers often."""
    sentences = _sentences(text)
    return any(one == other and len(one.split()) >= _SHORTEST_SENTENCE for one, other in pairwise(sentences))


def _doubles_a_phrase(text: str) -> bool:
    """Return whether a long phrase, of whatever sentences, stands twice in a row."""
    words = plain(text).split()
    for length in range(_LONG_PHRASE, min(_LONGEST_DOUBLED, len(words) // 2) + 1):
        same = 0
        for one, other in zip(words, words[length:], strict=False):
            same = same + 1 if one == other else 0
            if same == length:
                return True
    return False


def _varies_one_sentence(text: str) -> bool:
    """Return whether a sentence comes again and again with small changes."""
    row = 1
    for one, other in pairwise(_sentences(text)):
        words, others = one.split(), other.split()
        is_alike = len(words) >= _SHORTEST_SENTENCE and (
            len(words) + len(others) <= _LONGEST_COMPARED
            and SequenceMatcher(None, words, others, autojunk=False).ratio() >= _ALIKE
        )
        row = row + 1 if is_alike else 1
        if row >= _ALIKE_IN_A_ROW:
            return True
    return False


def _counts_on(text: str) -> bool:
    """Return whether numbers are counted up for ever."""
    row, last = 0, -1
    for word in plain(text).split():
        number = int(word) if word.isdigit() and len(word) < 7 else _NUMBERS.get(word, -1)
        row = row + 1 if number >= 0 and number == last + 1 else 1
        last = number
        if row >= _COUNTED:
            return True
    return False


def _sentences(text: str) -> list[str]:
    return [words for part in _SENTENCE_ENDS.split(text) if (words := plain(part))]


def _repeat_at(keys: list[str], at: int) -> tuple[int, int]:
    """The length of the phrase that begins here, and how often in a row it stands; (1, 1) for no repeat."""
    for length in range(1, min(_LONGEST_PHRASE, (len(keys) - at) // 2) + 1):
        phrase = keys[at : at + length]
        times = 1
        while keys[at + times * length : at + (times + 1) * length] == phrase:
            times += 1
        # One word may be said three times, a short phrase twice ("sí, sí, claro", "no sé, no sé").
        allowed = _FREE_REPEATS if length == 1 else 2
        if times > allowed:
            return length, times
    return 1, 1

"""How alike two short phrases sound, however they are spelt: for words that a recogniser has misheard.

Pure and quick: letters are made into sounds by the rules of Spanish or of rough English, and two rows of
sounds are compared by what it costs to make one of the other. What a recogniser mixes up is cheap.
"""

import re
from functools import lru_cache
from typing import Final

from app.errors import Locale

_SPELLINGS: Final[dict[Locale, str]] = {
    "es": "ch>x h> qu(?=[ei])>k gu(?=[ei])>g v|w>b c(?=[ei])|z>s c|q>k g(?=[ei])>j ll>y y$|y(?=[^aeiou])>i",
    "en": "^of$>o eah>e igh>ai tion>shn ch|tch>x ph>f wh>w kn>n wr>r gh|(?<![stp])h> sh>$ th>0 ck|q>k"
    " c(?=[eiy])>s c>k x>ks ee|ea|ie>i oo|ou>u ai|ay|ei|ey>e oa|ow|au|aw>o (?<=[^aeiou])e$> y$>i",
}
"""What is written, and what is heard; one letter for each sound. In this order."""

_RULES: Final[dict[Locale, tuple[tuple[re.Pattern[str], str], ...]]] = {
    language: tuple(
        (re.compile(spelt), sound) for spelt, sound in (rule.split(">") for rule in rules.split(" "))
    )
    for language, rules in _SPELLINGS.items()
}

_VOWELS: Final = frozenset("aeiou")
_NEAR: Final = tuple("bp td kg mn sz0$x fv f0 d0 rl yi wu jg y$".split())
_NEAR_COST: Final = 0.4
_VOWEL_COST: Final = 0.5
_DROPPED_VOWEL_COST: Final = 0.6


def sounds_of(text: str, language: Locale) -> str:
    """Plain text as it sounds, roughly: without spaces, one letter for each sound."""
    words: list[str] = []
    for word in text.replace("'", "").split():
        for spelt, heard in _RULES[language]:
            word = spelt.sub(heard, word)
        words.append(word)
    return re.sub(r"(.)\1+", r"\1", "".join(words))


def alike(one: str, other: str) -> float:
    """Return how alike two rows of sounds are, 0 to 1."""
    longest = max(len(one), len(other))
    return 1 - _distance(one, other) / longest if longest else 1.0


def _distance(one: str, other: str) -> float:
    before = [0.0]
    for sound in other:
        before.append(before[-1] + _dropped(sound))
    for ours in one:
        row = [before[0] + _dropped(ours)]
        for n, theirs in enumerate(other):
            row.append(
                min(
                    before[n] + _changed(ours, theirs),
                    before[n + 1] + _dropped(ours),
                    row[n] + _dropped(theirs),
                )
            )
        before = row
    return before[-1]


@lru_cache(maxsize=4096)
def _changed(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one in _VOWELS and other in _VOWELS:
        return _VOWEL_COST
    return _NEAR_COST if any(one in near and other in near for near in _NEAR) else 1.0


def _dropped(sound: str) -> float:
    return _DROPPED_VOWEL_COST if sound in _VOWELS else 1.0

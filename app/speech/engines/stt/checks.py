"""What a transcript's text gives away: words that were heard in noise, or only given as likely."""

import re
from typing import Final

from app.letters import bare
from app.speech.engines.stt.credits import without_credits

_SENTENCE_ENDS: Final = re.compile(r"[.?!¿¡]+")

_ASIDES: Final = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|♪[^♪]*♪?|\*[^*]*\*")
"""What subtitles write of sounds that are no words: [Música], (applause)."""

_LIKELY_NOISE: Final = frozenset(
    "gracias|muchas gracias|thank you|thank you very much|thanks|you|bye|bye bye|adios|amen|oh|hmm|mm|uh|ah"
    "|so|the end|fin|i m sorry|okay|ok|hey|yeah|go|let s go|que|pues|musica|aplausos|music".split("|")
)
"""Common words that the model also writes where there is only noise: they need its confidence."""

_SURE: Final = 0.5
_SURE_OF_REPEATS: Final = 0.65
"""The same for one word said again and again: coughs come out as "no, no, no" and "go, go, go"."""

_INTERJECTION: Final = re.compile(r"h*m+|h+u+m*|[aeou]+h+|a+|e+|o+|u+|u+h*m+|e+r+m*|a+y+|u+y+|o+y+")
"""A sound of a throat, as it is written: ah, eh, err, hmm, oh, uh. "Mm-hmm" and "uh-huh" mean something."""

_DRAWN_OUT: Final = re.compile(r"\W*\w(?:-[^\W\d_A-ZÑÁÉÍÓÚ]){1,3}\W*")
"""A sound of a throat that is written letter by letter: E-r-a. What people spell has capitals."""

_MEANT: Final = frozenset({"mm hmm", "mm hm", "uh huh", "hm hm", "mhm"})


def plain(text: str) -> str:
    """Return the words alone: lower case, without accents and marks."""
    return " ".join(re.findall(r"\w+", bare(text)))


def without_asides(text: str) -> str:
    """Return the text without what it says of sounds that are no words."""
    return " ".join(_ASIDES.sub(" ", text).split())


def is_made_up(text: str, confidence: float) -> bool:
    """Return whether the text is what a recogniser writes where nobody spoke.

    Args:
        text: What it wrote.
        confidence: How sure it was, 0 to 1.
    """
    words = plain(text)
    if not words or not plain(without_credits(text)):
        return True
    each = words.split()
    if len(each) > 1 and len(set(each)) == 1 and confidence < _SURE_OF_REPEATS:
        return True
    return words in _LIKELY_NOISE and confidence < _SURE


def is_interjection(text: str) -> bool:
    """Return whether there is nothing in the text but sounds that ask for no answer."""
    words = plain(text)
    if _DRAWN_OUT.fullmatch(text):
        return True
    return words not in _MEANT and all(_INTERJECTION.fullmatch(word) for word in words.split())


def is_out_of_prompt(text: str, prompt: str) -> bool:
    """Return whether each sentence stands in the words that were only given as likely ones.

    A model that hears nothing it knows repeats those; so may a user, but then it is sure of them.
    """
    sentences = [words for part in _SENTENCE_ENDS.split(text) if (words := plain(part))]
    given = f" {plain(prompt)} "
    return bool(sentences) and all(f" {words} " in given for words in sentences)

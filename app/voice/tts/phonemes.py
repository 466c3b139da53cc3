"""How words sound: espeak-ng's phonemes, in the symbols that Kokoro was trained with.

Kokoro knows some diphthongs and affricates as one symbol, American English ones by other names than espeak-ng
gives them. espeak-ng runs as a program of its own: nothing of it is linked.
"""

import re
import subprocess
from typing import Final

from app.errors import Locale

PROGRAM: Final = "espeak-ng"

_VOICES: Final[dict[Locale, str]] = {"es": "es", "en": "en-us"}
_TIMEOUT_S: Final = 5
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


class PhonemesFailed(Exception):
    """espeak-ng is not there, failed, or took too long."""


def phonemes_of(phrases: list[str], locale: Locale) -> list[str]:
    """The phonemes of each phrase, its words apart where espeak-ng keeps them apart.

    The phrases hold words alone, without signs that make a pause.

    Raises:
        PhonemesFailed: There are none to be had.
    """
    if not phrases:
        return []
    lines = _run(phrases, locale)
    if len(lines) != len(phrases):
        # A phrase that is too long for it gets a line for each part.
        lines = [" ".join(_run([phrase], locale)) for phrase in phrases]
    return [_in_symbols(line, locale) for line in lines]


def _run(phrases: list[str], locale: Locale) -> list[str]:
    command = [PROGRAM, "-q", "--ipa", f"--tie={_TIE}", "-v", _VOICES[locale]]
    try:
        # S603: the command is ours; the text goes in by a pipe.
        done = subprocess.run(  # noqa: S603
            command, input="\n".join(phrases).encode(), capture_output=True, timeout=_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise PhonemesFailed(f"{PROGRAM}: {type(exc).__name__}") from exc
    return [line.strip() for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]


def _in_symbols(line: str, locale: Locale) -> str:
    line = _LANGUAGE_SWITCH.sub("", line)
    for written, symbol in _ONE_SYMBOL.items():
        line = line.replace(written, symbol)
    if locale == "en":
        for written, symbol in _AMERICAN.items():
            line = line.replace(written, symbol)
    line = _SYLLABIC.sub(r"ᵊ\1", line)
    return re.sub(r"\s+", " ", line.replace(_TIE, "").replace("-", "")).strip()

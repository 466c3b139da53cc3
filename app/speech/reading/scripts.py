"""Other scripts: what is written in one is named by it, since no voice of ours can say it."""

import unicodedata
from functools import lru_cache
from typing import Final

from app.speech.reading.base import ReadingContext, Said

_SCRIPTS: Final[dict[str, tuple[str, str]]] = {
    "CJK": ("chino", "Chinese"),
    "HIRAGANA": ("japonés", "Japanese"),
    "KATAKANA": ("japonés", "Japanese"),
    "HALFWIDTH": ("japonés", "Japanese"),
    "IDEOGRAPHIC": ("chino", "Chinese"),
    "HANGUL": ("coreano", "Korean"),
    "BOPOMOFO": ("chino", "Chinese"),
    "ARABIC": ("árabe", "Arabic"),
    "CYRILLIC": ("cirílico", "Cyrillic"),
    "GREEK": ("griego", "Greek"),
    "HEBREW": ("hebreo", "Hebrew"),
    "DEVANAGARI": ("devanagari", "Devanagari"),
    "THAI": ("tailandés", "Thai"),
    "BENGALI": ("bengalí", "Bengali"),
    "GURMUKHI": ("gurmukhi", "Gurmukhi"),
    "GUJARATI": ("guyaratí", "Gujarati"),
    "ORIYA": ("oriya", "Odia"),
    "TAMIL": ("tamil", "Tamil"),
    "TELUGU": ("telugu", "Telugu"),
    "KANNADA": ("canarés", "Kannada"),
    "MALAYALAM": ("malayalam", "Malayalam"),
    "SINHALA": ("cingalés", "Sinhala"),
    "LAO": ("lao", "Lao"),
    "KHMER": ("jemer", "Khmer"),
    "MYANMAR": ("birmano", "Burmese"),
    "TIBETAN": ("tibetano", "Tibetan"),
    "GEORGIAN": ("georgiano", "Georgian"),
    "ARMENIAN": ("armenio", "Armenian"),
    "ETHIOPIC": ("etíope", "Ethiopic"),
    "MONGOLIAN": ("mongol", "Mongolian"),
    "SYRIAC": ("siríaco", "Syriac"),
    "THAANA": ("thaana", "Thaana"),
    "CHEROKEE": ("cheroqui", "Cherokee"),
    "COPTIC": ("copto", "Coptic"),
    "RUNIC": ("rúnico", "Runic"),
    "EGYPTIAN": ("jeroglífico", "hieroglyphic"),
    "CUNEIFORM": ("cuneiforme", "cuneiform"),
}
"""The first word of a letter's Unicode name -> Spanish, English."""

_OURS: Final = frozenset(
    {"LATIN", "FEMININE", "MASCULINE", "MICRO", "OHM", "MODIFIER", "FULLWIDTH", "MATHEMATICAL"}
)
_SUPERSCRIPT: Final = frozenset({"SUPERSCRIPT", "SUBSCRIPT", "DOUBLE", "SCRIPT", "BLACK"})
_OTHER: Final = ("otra escritura", "another")
_JAPANESE: Final = "japonés"
_CHINESE: Final = "chino"
_GREEK: Final = "griego"
_BETWEEN: Final = frozenset(
    " ,.;:!?'\"«»“”()-–—…·،؛؟।、。，！？「」『』・：；（）\u200c\u200d\u200e\u200f0123456789"
)
"""What may stand between two words of one script, and belongs to neither."""

_LONGEST: Final = 20_000

GREEK_LETTERS: Final[dict[str, tuple[str, str]]] = {
    "α": ("alfa", "alpha"),
    "β": ("beta", "beta"),
    "γ": ("gamma", "gamma"),
    "δ": ("delta", "delta"),
    "ε": ("épsilon", "epsilon"),
    "ϵ": ("épsilon", "epsilon"),
    "ζ": ("zeta", "zeta"),
    "η": ("eta", "eta"),
    "θ": ("theta", "theta"),
    "ϑ": ("theta", "theta"),
    "ι": ("iota", "iota"),
    "κ": ("kappa", "kappa"),
    "λ": ("lambda", "lambda"),
    "μ": ("mu", "mu"),
    "ν": ("nu", "nu"),
    "ξ": ("xi", "xi"),
    "ο": ("ómicron", "omicron"),
    "π": ("pi", "pi"),
    "ρ": ("ro", "rho"),
    "σ": ("sigma", "sigma"),
    "ς": ("sigma", "sigma"),
    "τ": ("tau", "tau"),
    "υ": ("ípsilon", "upsilon"),
    "φ": ("fi", "phi"),
    "ϕ": ("fi", "phi"),
    "χ": ("ji", "chi"),
    "ψ": ("psi", "psi"),
    "ω": ("omega", "omega"),
}


def read_script(place: ReadingContext) -> Said | None:
    """Return a run of words in one other script; a single Greek letter by its name."""
    text, start = place.text, place.start
    script = script_of(text[start])
    if script is None:
        return None
    end = _run_end(text, start)
    names = {script_of(char) for char in text[start:end]} - {None}
    if script[0] == _GREEK and sum(char.isalpha() for char in text[start:end]) == 1:
        letter = GREEK_LETTERS.get(text[start].lower())
        if letter is not None:
            return Said(letter[place.locale == "en"], start + 1)
    if script[0] == _CHINESE and any(name is not None and name[0] == _JAPANESE for name in names):
        script = _SCRIPTS["HIRAGANA"]
    if script == _OTHER:
        return Said("texto en otra escritura" if place.locale == "es" else "text in another script", end)
    return Said(f"texto en {script[0]}" if place.locale == "es" else f"{script[1]} text", end)


@lru_cache(maxsize=4096)
def script_of(char: str) -> tuple[str, str] | None:
    """Return the script of a letter, in Spanish and English; None for our own, and for what is no letter."""
    if char < "\u0370" or not char.isalpha():
        return None
    name = unicodedata.name(char, "").partition(" ")[0].partition("-")[0]
    if name in _OURS or name in _SUPERSCRIPT or not name:
        return None
    return _SCRIPTS.get(name, _OTHER)


def _run_end(text: str, start: int) -> int:
    """Behind the last letter that goes on in the same script; Chinese and Japanese are one here."""
    family = _family(text[start])
    end = at = start + 1
    while at < min(len(text), start + _LONGEST):
        char = text[at]
        if unicodedata.category(char).startswith("M") or _family(char) == family:
            end = at = at + 1
        elif char in _BETWEEN:
            at += 1
        else:
            break
    return end


def _family(char: str) -> str:
    script = script_of(char)
    if script is None:
        return ""
    return _CHINESE if script[0] == _JAPANESE else script[0]

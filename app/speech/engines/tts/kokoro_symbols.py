"""The symbols that Kokoro knows, and how a clause is written in them."""

from dataclasses import dataclass, field
from typing import Final

from app.speech.reading import Pause

MOST_SYMBOLS: Final = 509
"""The model takes so many at once."""

_LONGEST_WORD: Final = 200

_RUNS: Final = (
    (1, ";:,.!?"),
    (9, '—…"()“” \u0303ʣʥʦʨᵝꭧAI'),
    (31, "O"),
    (33, "Q"),
    (35, "ST"),
    (39, "W"),
    (41, "Yᵊabcdef"),
    (50, "hijklmnopqrstuvwxyzɑɐɒæ"),
    (75, "βɔɕç"),
    (80, "ɖðʤə"),
    (85, "ɚɛɜ"),
    (90, "ɟ"),
    (92, "ɡ"),
    (99, "ɥ"),
    (101, "ɨɪʝ"),
    (110, "ɯɰŋɳɲɴø"),
    (118, "ɸθœ"),
    (123, "ɹ"),
    (125, "ɾɻ"),
    (128, "ʁɽʂʃʈʧ"),
    (135, "ʊʋ"),
    (138, "ʌɣɤ"),
    (142, "χʎ"),
    (147, "ʒʔ"),
    (156, "ˈˌː"),
    (162, "ʰ"),
    (164, "ʲ"),
    (169, "↓"),
    (171, "→↗↘"),
    (177, "ᵻ"),
)
NUMBERS: Final = {symbol: start + place for start, run in _RUNS for place, symbol in enumerate(run)}
"""Symbol -> its number in the model."""


@dataclass(slots=True)
class SymbolRun:
    """Some tokens in symbols.

    Attributes:
        numbers: The symbols' numbers in the model.
        ends: For each token, how many symbols there are up to its end, without its pause.
    """

    numbers: list[int] = field(default_factory=list[int])
    ends: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class Phrase:
    """Tokens up to a pause; they sound together."""

    words: list[str] = field(default_factory=list[str])
    pause: Pause = ""


def phrases_of(tokens: list[tuple[str, Pause]]) -> list[Phrase]:
    """Cut tokens at their pauses; commas inside a token (`six six, five`) are none."""
    phrases: list[Phrase] = []
    is_open = False
    for words, pause in tokens:
        if not is_open:
            phrases.append(Phrase())
        phrases[-1].words.append(words.replace(",", " "))
        phrases[-1].pause = pause
        is_open = not pause
    return phrases


def write(phrases: list[Phrase], sounds: list[str]) -> SymbolRun:
    """Return the symbols of the phrases, as many tokens of them as the model takes at once.

    Args:
        phrases: At least one.
        sounds: The phonemes of each.
    """
    written = SymbolRun()
    for phrase, phonemes in zip(phrases, sounds, strict=True):
        for word, symbols in zip(phrase.words, _aligned(phrase.words, phonemes), strict=True):
            numbers = [NUMBERS[symbol] for symbol in symbols if symbol in NUMBERS][:_LONGEST_WORD]
            gap = [NUMBERS[" "]] if written.numbers and numbers else []
            if len(written.numbers) + len(gap) + len(numbers) + 1 > MOST_SYMBOLS:
                return written
            written.numbers += gap + numbers
            written.ends.append(len(written.numbers))
            del word
        if phrase.pause:
            written.numbers.append(NUMBERS[phrase.pause])
    return written


def _aligned(words: list[str], phonemes: str) -> list[str]:
    """Each token's phonemes.

    espeak-ng writes some words as one ("of the"); then a token's share of the phrase goes by its letters.
    """
    groups = phonemes.split(" ") if phonemes else []
    counts = [len(word.split()) for word in words]
    if sum(counts) == len(groups):
        shares: list[str] = []
        for count in counts:
            shares.append(" ".join(groups[:count]))
            groups = groups[count:]
        return shares
    letters = sum(len(word) for word in words)
    shares, seen, start = [], 0, 0
    for word in words:
        seen += len(word)
        end = len(phonemes) * seen // letters
        shares.append(phonemes[start:end].strip(" "))
        start = end
    return shares

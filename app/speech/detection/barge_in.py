"""What speech over the agent's voice means: is the agent to stop, or does the user just nod?

Pure judgement; whoever asks ducks the voice at once, asks again as more is heard, and acts on the answer.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from app.errors import Locale
from app.letters import bare
from app.speech.detection.barge_in_words import ASSENTS, OTHERS, PROMPTS, STOPS
from app.speech.likeness import alike, sounds_of

Verdict = Literal["interruption", "assent", "undecided"]
"""The agent stops; it goes on where it was; or it waits, ducked, for more."""

InterruptMode = Literal["smart", "always", "never"]

LIMIT_MS: Final = 1_200
"""Speech of this length has stopped the agent, unless all of it is known to be no interruption."""

WORDLESS_MS: Final = 1_800
"""The same where a look at its beginning has found no words: long enough for a second look."""

ALWAYS_AFTER_MS: Final = 150
"""In the mode `always`: what is shorter may be a click."""

ALIKE: Final = 0.8
"""From here on, words that were misheard sound enough like ones of ours to stand for them."""

ALIKE_SHORT: Final = 0.88
"""The same for up to `_SHORT_SOUNDS` sounds: the fewer there are, the more words sound like them."""

_SHORT_SOUNDS: Final = 4

_FAINT_DB: Final = -15.0
_BARELY_ABOVE_NOISE_DB: Final = 6.0
_LAG_MS: Final = 400
_MS_PER_ASSENT: Final = 500
_MISHEARD_WITHIN_MS: Final = 900
_MISHEARD_WORDS: Final = 3
_SHORTEST_ALIKE: Final = 3
_LONGEST_ALIKE: Final = 24
_LONGEST_PHRASE: Final = 4
_MAX_CHARS: Final = 300

_HUM = re.compile(r"m+(?:h+m+)*h*|h+m+|(?:[aeiou]+h+)+[aou]*|hh+|h+[aeo]h+|(?:ha|ja|je|he){2,}h?|u+")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_STRETCHED = re.compile(r"(.)\1{2,}")


@dataclass(frozen=True, slots=True)
class SpeechOver:
    """What is known of the user's speech over the agent's voice.

    Attributes:
        speech_ms: How long it has lasted.
        text: Its transcript so far; None where nothing has come back yet, empty where there were no words.
            A recogniser that was given the lists' words as its prompt may hear them in a hum.
        heard_ms: How much of the speech the transcript covers; None stands for all of it.
        is_final: The user has stopped, and the transcript is of all that was said.
        level_db: Its energy beside the user's own mean, 0 where it is as loud as ever; None if not known.
        above_noise_db: Its energy beside the noise floor; None if not known.
    """

    speech_ms: float
    text: str | None = None
    language: Locale = "es"
    heard_ms: float | None = None
    is_final: bool = False
    level_db: float | None = None
    above_noise_db: float | None = None


def judge(speech: SpeechOver, mode: InterruptMode = "smart") -> Verdict:
    """Return what to do about it; never `undecided` once the speech is final or has lasted `LIMIT_MS`.

    The one exception are assents in a row: as long as they fill the time, they may go on.
    """
    if mode == "never":
        return "assent"
    if mode == "always":
        return _judge_any(speech)
    words = _words(speech.text or "")
    if speech.text is not None and words:
        return _judge_words(speech, words)
    return _judge_wordless(speech)


def prompt_for(language: Locale) -> str:
    """Words for the recogniser's prompt, which short speech is misheard without."""
    return PROMPTS[language]


def _judge_any(speech: SpeechOver) -> Verdict:
    if speech.is_final and not _words(speech.text or ""):
        return "assent"
    return "interruption" if speech.speech_ms >= ALWAYS_AFTER_MS else "undecided"


def _judge_wordless(speech: SpeechOver) -> Verdict:
    """Return a cough, a hum, a door; or the transcript is not there yet."""
    if speech.is_final:
        if speech.text is None:
            # A pass that has not come back leaves the length alone to go by: shorter than most orders.
            return "assent" if speech.speech_ms < LIMIT_MS else "interruption"
        # Coughs, hums and laughs are as long as orders are, and there are more of them.
        return "assent"
    if speech.speech_ms < LIMIT_MS:
        return "undecided"
    if _is_faint(speech) or _is_covered(speech):
        return "assent"
    return "undecided" if speech.text is not None and speech.speech_ms < WORDLESS_MS else "interruption"


def _judge_words(speech: SpeechOver, words: list[str]) -> Verdict:
    whole = words if speech.is_final else words[: len(words) - _open_end(words)]
    kinds = _kinds(whole)
    if all(kind == "assent" for kind in kinds):
        return _judge_assents(speech, len(whole))
    if _is_short(speech, words) and "stop" not in kinds:
        alike = _most_alike(words, speech.language)
        if alike == "assent":
            return _judge_assents(speech, len(words))
        if alike == "stop":
            return "interruption"
    if speech.is_final or speech.speech_ms >= LIMIT_MS:
        return "interruption"
    # The edge of speech that goes on is often misheard: one word that we do not know is too little.
    unknown = sum(kind == "other" for kind in kinds)
    return "interruption" if "stop" in kinds or unknown > 1 else "undecided"


def _judge_assents(speech: SpeechOver, words: int) -> Verdict:
    if speech.is_final:
        return "assent"
    # «Sí…» may become «sí, pero…», and where the words do not fill the time, it has.
    heard_ms = speech.speech_ms if speech.heard_ms is None else speech.heard_ms
    are_all = _is_covered(speech) and heard_ms <= _MS_PER_ASSENT * words
    return "undecided" if speech.speech_ms < LIMIT_MS or are_all else "interruption"


def _is_short(speech: SpeechOver, words: list[str]) -> bool:
    return len(words) <= _MISHEARD_WORDS and speech.speech_ms <= _MISHEARD_WITHIN_MS


def _is_covered(speech: SpeechOver) -> bool:
    """Whether the transcript is of nearly all of the speech, so that nothing else can have been said."""
    if speech.text is None:
        return False
    return speech.heard_ms is None or speech.speech_ms - speech.heard_ms <= _LAG_MS


def _is_faint(speech: SpeechOver) -> bool:
    """Far from how the user speaks, or hardly above the noise: somebody else, or the agent's own echo."""
    quiet = speech.level_db is not None and speech.level_db <= _FAINT_DB
    drowned = speech.above_noise_db is not None and speech.above_noise_db <= _BARELY_ABOVE_NOISE_DB
    return quiet or drowned


def _words(text: str) -> list[str]:
    """Lower case, without accents and punctuation; «síííí» is «si»."""
    plain = bare(text[:_MAX_CHARS].replace("’", "'"))
    return [_STRETCHED.sub(r"\1", word) for word in _WORD.findall(plain)]


def _kinds(words: list[str]) -> list[Literal["assent", "stop", "other"]]:
    """Return what each phrase is; the longest that is known comes first, as «no pares» before «no»."""
    kinds: list[Literal["assent", "stop", "other"]] = []
    at = 0
    while at < len(words):
        length, kind = _phrase_at(words, at)
        kinds.append(kind)
        at += length
    return kinds


def _open_end(words: list[str]) -> int:
    """Return how many of the last words may yet become an assent: “no” may be going to be “no, go on”."""
    for length in range(min(_LONGEST_PHRASE, len(words)), 0, -1):
        begun = " ".join(words[-length:]) + " "
        if any(phrase.startswith(begun) for phrase in ASSENTS["both"]):
            return length
    return 0


def _phrase_at(words: list[str], at: int) -> tuple[int, Literal["assent", "stop", "other"]]:
    for length in range(min(_LONGEST_PHRASE, len(words) - at), 0, -1):
        phrase = " ".join(words[at : at + length])
        if phrase in ASSENTS["both"]:
            return length, "assent"
        if phrase in STOPS["both"]:
            return length, "stop"
    return 1, "assent" if _HUM.fullmatch(words[at]) else "other"


def _most_alike(words: list[str], language: Locale) -> Literal["assent", "stop", ""]:
    """Return which list has the phrase that a short text sounds most like; a tie is a stop."""
    if len({*words}) == 1:
        words = words[:1]  # a nod that comes again is one
    heard = sounds_of(" ".join(words), language)
    if not _SHORTEST_ALIKE <= len(heard) <= _LONGEST_ALIKE or any(word in OTHERS[language] for word in words):
        return ""
    stop, assent = (_likeness(heard, each) for each in _sounds(language))
    if max(stop, assent) < (ALIKE if len(heard) > _SHORT_SOUNDS else ALIKE_SHORT):
        return ""
    return "stop" if stop >= assent else "assent"


def _likeness(heard: str, phrases: frozenset[str]) -> float:
    return max(alike(heard, each) for each in phrases)


@cache
def _sounds(language: Locale) -> tuple[frozenset[str], frozenset[str]]:
    """How the words to stop sound, and those to nod; hums have no likeness, as they are spelt anyhow."""
    stops, assents = (
        frozenset(
            sounds
            for phrase in each[language]
            if len(sounds := sounds_of(phrase, language)) >= _SHORTEST_ALIKE and not _is_hum(phrase)
        )
        for each in (STOPS, ASSENTS)
    )
    return stops, assents


def _is_hum(phrase: str) -> bool:
    return all(_HUM.fullmatch(word) for word in phrase.split())

"""How the user seems to feel, from their words and from their pace beside their own mean.

The sound itself is not judged: neither pitch nor loudness says anything here.
"""

import re
from typing import Final

from app.chat import Mood
from app.errors import Locale
from app.letters import bare
from app.protocol.events import EmotionEstimate
from app.speech.detection.emotion_cues import CUES, NEGATION

SHOWN_FROM: Final = 0.5
"""Less than this confidence in a mood is none: the user is taken to be neutral."""

_MAX_CHARS: Final = 500
_REMEMBERED: Final = 6
_NEGATED_WITHIN: Final = 40
_ALIKE: Final = 0.85
_ALIKE_WITHIN: Final = 0.7
_REPEATS_FROM_WORDS: Final = 3
_REPEAT: Final = 0.6
_PACES_FOR_A_MEAN: Final = 2
_MUCH_FASTER: Final = 1.35
_FASTER: Final = 1.2
_CARRIED: Final = 0.15
_SHOUTED: Final = 0.35
_SHOUTED_LETTERS: Final = 8

_QUOTED: Final = re.compile(
    # Also what stands behind the colon of a request to work on a text.
    r"«[^»]*»|“[^”]*”|\"[^\"]*\"|`[^`]*`"
    r"|(?<!\w)(?:anali[sz]|analy[sz]|an[aá]lisis|sentimi?ent|traduc|translat|summari|resum)[^:]*:.*",
    re.DOTALL | re.IGNORECASE,
)
_POLITE_AGAIN: Final = re.compile(
    r"\?.*|.*(?:por favor|puedes|podrias|me dices|please|could you|can you|once more).*", re.DOTALL
)
_NO_HASTE: Final = re.compile(
    r"(?<!\w)(?:(?:no (?:\w+ )?|sin )(?:prisas?|urgencia|urge|urgente)"
    r"|(?:not|no) (?:\w+ ){0,2}(?:rush|hurry|urgent))(?!\w)"
)
_RECALLED: Final = re.compile(
    # Who asks what they said before does not complain that they said it.
    r"(?<!\w)(?:(?:remember|recall|repeat|find) (?:\w+ ){0,3}i (?:said|told you|asked)"
    r"|(?:what|when|where) (?:had|have|did) i (?:said|told|say|tell|asked|ask)"
    r"|(?:que|cuando|donde) (?:te )?(?:he dicho|dije) (?:del?|sobre|acerca|antes|al))(?!\w)"
)
_BUT: Final = re.compile(r"(?<!\w)(?:pero|but)(?!\w)")
_SPACES: Final = re.compile(r"[^\w']+")

_NOTES: Final[dict[Mood, tuple[str, str]]] = {
    "frustrated": (
        "El usuario parece frustrado (confianza {confidence}): reconócelo en pocas palabras, sin excusas, "
        "y haz enseguida lo que pide, con brevedad.",
        "The user seems frustrated (confidence {confidence}): acknowledge it in a few words, without "
        "excuses, and do at once what they ask, briefly.",
    ),
    "hurried": (
        "El usuario parece tener prisa (confianza {confidence}): responde solo con lo que pide, en una "
        "frase, sin preámbulos ni preguntas de más.",
        "The user seems to be in a hurry (confidence {confidence}): answer with just what they ask, in one "
        "sentence, without a preamble or needless questions.",
    ),
    "pleased": (
        "El usuario parece contento (confianza {confidence}): responde con calidez y sin exagerar.",
        "The user seems pleased (confidence {confidence}): answer warmly and without overdoing it.",
    ),
}


def note_for(emotion: EmotionEstimate, locale: Locale) -> str:
    """What the model is told about it, as the server's instruction; empty where there is nothing to tell."""
    sentences = _NOTES.get(emotion.label)
    if sentences is None:
        return ""
    return sentences[0 if locale == "es" else 1].format(confidence=f"{emotion.confidence:.1f}")


class EmotionTracker:
    """Judges the texts of one talk, in their order, and forgets all of it with the talk.

    It remembers the last few texts, to know a request that is repeated, and the user's mean pace.
    """

    def __init__(self) -> None:
        self._earlier: list[str] = []
        self._mean_pace = 0.0
        self._paces = 0
        self._last: Mood = "neutral"

    def judge(self, text: str, language: Locale, words_per_second: float | None = None) -> EmotionEstimate:
        """How the user seems to feel who says this; `words_per_second` is None where nothing was spoken.

        People mix their languages when they are upset, so that the cues of both count in either.
        """
        text = text[:_MAX_CHARS]
        plain = _plain(text)
        scores = _from_words(plain)
        self._add_repeats(scores, plain)
        self._add_pace(scores, words_per_second)
        if _is_shouted(text):
            _add(scores, "pleased" if scores["pleased"] > scores["frustrated"] else "frustrated", _SHOUTED)
        if self._last == "frustrated" and scores["frustrated"]:
            _add(scores, "frustrated", _CARRIED)
        emotion = _settled(scores)
        self._last = emotion.label
        self._earlier = [*self._earlier, _SPACES.sub(" ", plain).strip()][-_REMEMBERED:]
        return emotion

    def _add_repeats(self, scores: dict[Mood, float], plain: str) -> None:
        said = _SPACES.sub(" ", plain).strip()
        if len(said.split()) < _REPEATS_FROM_WORDS or scores["pleased"] >= SHOWN_FROM:
            return
        for earlier in self._earlier:
            if _is_repeat(said, earlier):
                _add(scores, "frustrated", _REPEAT)

    def _add_pace(self, scores: dict[Mood, float], words_per_second: float | None) -> None:
        if not words_per_second or words_per_second <= 0:
            return
        if self._paces >= _PACES_FOR_A_MEAN:
            ratio = words_per_second / self._mean_pace
            if ratio >= _MUCH_FASTER:
                _add(scores, "hurried", 0.55)
            elif ratio >= _FASTER:
                _add(scores, "hurried", 0.25)
        self._paces += 1
        self._mean_pace += (words_per_second - self._mean_pace) / self._paces


def _plain(text: str) -> str:
    """Lower case, without accents; what stands in quotes is somebody else's."""
    plain = bare(_QUOTED.sub(" ", text).replace("’", "'"))
    return _RECALLED.sub(" ", _NO_HASTE.sub(" ", plain))


def _from_words(plain: str) -> dict[Mood, float]:
    scores: dict[Mood, float] = {"neutral": 0.0, "frustrated": 0.0, "hurried": 0.0, "pleased": 0.0}
    for cue in CUES:
        match = cue.pattern.search(plain)
        if match is None:
            continue
        before = plain[max(0, match.start() - _NEGATED_WITHIN) : match.start()]
        if not cue.turns or not NEGATION.search(before):
            _add(scores, cue.mood, cue.weight)
        elif cue.mood == "pleased":
            # “Not great” is a complaint; “not angry” is none, and no praise either.
            _add(scores, "frustrated", cue.weight)
    if scores["frustrated"] < SHOWN_FROM and _POLITE_AGAIN.fullmatch(plain):
        scores["frustrated"] = 0.0
    if _BUT.search(plain):
        scores["pleased"] /= 2
    if scores["frustrated"] >= SHOWN_FROM and scores["pleased"]:
        # «Genial, otra vez lo mismo»: praise beside a complaint is meant the other way round.
        _add(scores, "frustrated", 0.3)
        scores["pleased"] = min(scores["pleased"], scores["frustrated"]) / 2
    return scores


def _add(scores: dict[Mood, float], mood: Mood, weight: float) -> None:
    """Add what one more cue tells: two halves make three quarters."""
    scores[mood] = 1 - (1 - scores[mood]) * (1 - weight)


def _is_repeat(said: str, earlier: str) -> bool:
    """Whether the words are the same, or the one's are all the other's; another sum or place is no repeat."""
    ours, theirs = set(said.split()), set(earlier.split())
    if not theirs:
        return False
    alike = len(ours & theirs) / len(ours | theirs)
    return alike >= (_ALIKE_WITHIN if ours <= theirs or theirs <= ours else _ALIKE)


def _is_shouted(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    return len(letters) >= _SHOUTED_LETTERS and all(char.isupper() for char in letters)


def _settled(scores: dict[Mood, float]) -> EmotionEstimate:
    # In this order where two are equal: a complaint weighs more than haste, and haste more than praise.
    order: tuple[Mood, ...] = ("frustrated", "hurried", "pleased")
    best = max(order, key=lambda mood: scores[mood])
    if scores[best] < SHOWN_FROM:
        return EmotionEstimate("neutral", round(1 - scores[best], 2))
    return EmotionEstimate(best, round(min(scores[best], 0.95), 2))

"""How the demo speaks to somebody in a mood: it acknowledges, is brief, or is warm."""

import re
from typing import Final

from app.chat import Mood
from app.errors import Locale

_ACKNOWLEDGED: Final[dict[Locale, tuple[str, str]]] = {
    # Where something is done about it at once, and where there are only words.
    "es": ("Tienes razón, perdona. Lo hago ahora mismo. ", "Tienes razón, perdona. "),
    "en": ("You're right, I'm sorry. I'll do it right away. ", "You're right, I'm sorry. "),
}
_WARM: Final[dict[Locale, str]] = {"es": "¡Me alegro! ", "en": "I'm glad! "}
_ANSWERS_ITSELF: Final = re.compile(r"^(?:¡De nada!|You're welcome!)")
_FIRST_SENTENCE: Final = re.compile(r".+?(?:[.!?…](?=\s|$)|$)", re.DOTALL)
_ONLY_GREETING: Final = re.compile(r"^¡?(?:Hola|Hello)!$")
_AT_YOUR_SERVICE: Final[dict[Locale, str]] = {"es": "Hola, dime.", "en": "Hello, go ahead."}


def before_calls(text: str, mood: Mood | None, language: Locale) -> str:
    """Return the words before calls of tools, fitted to a mood; somebody in a hurry gets none."""
    match mood:
        case "frustrated":
            return _ACKNOWLEDGED[language][0]
        case "hurried":
            return ""
        case "pleased":
            return _WARM[language] + text
        case _:
            return text


def in_words(text: str, mood: Mood | None, language: Locale) -> str:
    """Return an answer that is words alone, fitted to a mood."""
    match mood:
        case "frustrated":
            return _ACKNOWLEDGED[language][1] + text
        case "hurried":
            return _briefly(text, language)
        case "pleased":
            return text if _ANSWERS_ITSELF.match(text) else _WARM[language] + text
        case _:
            return text


def _briefly(text: str, language: Locale) -> str:
    """The first sentence; an offer of everything is left for another time, unless it is all there is."""
    first = _FIRST_SENTENCE.match(text)
    sentence = first[0].strip() if first else text
    if "\n" in sentence:
        return text
    return _AT_YOUR_SERVICE[language] if _ONLY_GREETING.match(sentence) else sentence

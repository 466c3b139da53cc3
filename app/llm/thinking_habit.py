"""Whether a model's answers begin inside a thought that its template has opened.

Then only the closing tag comes, and nothing in the text says before it that it is a thought. What is known of
a model decides: its name, until an answer has shown how it is. An answer of a model that is known to open its
thoughts itself, or to have none, is never held back.
"""

import re
from typing import Final, Literal

_THINKERS: Final = re.compile(
    r"(?<![a-z])(r1|qwq|think|thinking|reasoning|reasoner|z1|marco-o1|or1|openthinker|s1\.1)(?![a-z0-9])",
    re.IGNORECASE,
)

_FIRST_WORDS: Final = re.compile(
    r"(?:okay|ok|alright|hmm*|first|the|this|let|let's|we|user|thinking|bien|vale|el|la|usuario|debo|tengo|pienso|veamos"
    r"|pensando|\u597d|\u7528|\u55ef|\u9996)(?![a-z0-9\u00e0-\u00ff])",
    re.IGNORECASE,
)
"""Words with which people rarely answer and models often begin to think."""

_FIRST_WORDS_CUT: Final = (
    "okay",
    "alright",
    "hmm",
    "the user",
    "el usuario",
    "la usuaria",
    "let me",
    "we need",
)
"""The same, as far as they may have come."""

_SPOKEN_OF: Final = re.compile(
    r"\b(?:the|this) (?:user|human)\b(?! ?(?:interface|manual|guide|name|experience|id\b|account|agent))"
    r"|\buser (?:is|asks?|asked|wants?|said|says|just|sent|greeted)\b"
    r"|\blet(?: me|'s) (?:think|figure|consider|recall|start by|break|analy[sz]e)\b"
    r"|\b(?:we|i) (?:need|have|should|must|ought)(?: to)? "
    r"(?:answer|respond|reply|figure|find|compute|produce|check|think)\b"
    r"|^thinking\b"
    r"|\b(?:el|la|este) usuari[oa]\b|\busuari[oa] (?:pregunta|quiere|dice|saluda|pide)\b"
    r"|\b(?:debo|tengo que|necesito) (?:responder|contestar|pensar|averiguar|calcular)"
    r"|^(?:pienso|pensando|voy a pensar)\b"
    r"|\u7528\u6237",
    re.IGNORECASE,
)
_UNDECIDED: Final = re.compile(
    r"(?:okay|ok|alright|hmm*|first|bien|vale|so|now|well|bueno|entonces|veamos|[\s,.!\u2026:;-])*"
    r"(?:(?:the|this|el|la|este) ?(?:u\w*)?|let(?: me|'s)? ?\w*|(?:we|i) ?\w*(?: to)? ?\w*"
    r"|(?:user|usuari\w*) ?\w*|(?:debo|tengo que|tengo|necesito) ?\w*|\w{0,8})",
    re.IGNORECASE,
)
_WINDOW_CHARS: Final = 60

Guess = Literal["thought", "answer", "unsure"]


class ThinkingHabit:
    """What is known of one model, from its name and its answers.

    Args:
        model: Its name.
    """

    def __init__(self, model: str) -> None:
        self._state: Literal["unknown", "apart", "unopened"] = "unknown"
        self._misses_left = 0
        if _THINKERS.search(model):
            self._state = "unopened"

    @property
    def is_unopened(self) -> bool:
        """Whether its answers begin inside a thought."""
        return self._state == "unopened"

    @property
    def is_known(self) -> bool:
        """Whether any answer has shown it."""
        return self._state != "unknown"

    def saw_closing(self) -> None:
        """Note that an answer has ended a thought that it had not begun."""
        self._state, self._misses_left = "unopened", 2

    def saw_apart(self) -> None:
        """Note that an answer has told its thoughts from its text, or had none, from the beginning."""
        if self._state == "unopened" and self._misses_left > 0:
            self._misses_left -= 1
        else:
            self._state = "apart"


def guess(beginning: str) -> Guess:
    """Return what the beginning of the first answer of an unknown model seems to be.

    A thought speaks of the user as of a third person, or plans what to say; an answer does neither.
    """
    if not _FIRST_WORDS.match(beginning):
        lowered = beginning.lower()
        return "unsure" if any(word.startswith(lowered) for word in _FIRST_WORDS_CUT) else "answer"
    if _SPOKEN_OF.search(beginning[:_WINDOW_CHARS]):
        return "thought"
    return "unsure" if len(beginning) < _WINDOW_CHARS and _is_open(beginning) else "answer"


def _is_open(beginning: str) -> bool:
    """Whether what would tell could still come: only few words may stand before it."""
    return _UNDECIDED.fullmatch(beginning) is not None

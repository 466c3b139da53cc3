"""Whether a model's answers begin inside a thought that its template has opened.

Then only the closing tag comes, and nothing in the text says before it that it is a thought. What is known of
a model decides: its name, until answers have shown how it is. An answer of a model that is known to open its
thoughts itself, or to have none, is never held back.

An answer may hold what its user has asked for, so what it shows counts in its own talk at once, and in others
only where most talks show the same.
"""

import re
from collections import Counter, OrderedDict
from collections.abc import Callable
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

_LEAST_TALKS: Final = 2
_MAX_TALKS: Final = 64
"""Of so many talks it is kept what they have shown: those that asked last."""

Guess = Literal["thought", "answer", "unsure"]
State = Literal["unknown", "apart", "unopened"]


class ThinkingHabit:
    """What is known of one model in one talk: from its name, from this talk's answers, and from others.

    Args:
        model: Its name.
        others: What other talks have shown, where there are any; they know the name.
        on_shown: Told what this talk's answers had shown, and what they show now, where that is another.

    Attributes:
        own: What this talk's answers have shown.
    """

    def __init__(
        self,
        model: str = "",
        others: Callable[[], State] | None = None,
        on_shown: Callable[[State, State], None] | None = None,
    ) -> None:
        self.own: State = "unknown"
        self._others: Callable[[], State] = others or (lambda: _by_name(model))
        self._on_shown = on_shown
        self._misses_left = 0

    @property
    def is_unopened(self) -> bool:
        """Whether its answers begin inside a thought."""
        return self._known == "unopened"

    @property
    def is_known(self) -> bool:
        """Whether anything has shown it."""
        return self._known != "unknown"

    @property
    def _known(self) -> State:
        return self._others() if self.own == "unknown" else self.own

    def saw_closing(self) -> None:
        """Note that an answer has ended a thought that it had not begun."""
        self._misses_left = 2
        self._show("unopened")

    def saw_apart(self) -> None:
        """Note that an answer has told its thoughts from its text, or had none, from the beginning."""
        if self.own == "unopened" and self._misses_left > 0:
            self._misses_left -= 1
        else:
            self._show("apart")

    def forget(self) -> None:
        """Count for other talks no more; an answer that still comes is read as before."""
        if self._on_shown is not None:
            self._on_shown(self.own, "unknown")
        self._on_shown = None

    def _show(self, state: State) -> None:
        if state != self.own and self._on_shown is not None:
            self._on_shown(self.own, state)
        self.own = state


class ModelHabits:
    """What is known of one model, in all its talks.

    Args:
        model: Its name.
    """

    def __init__(self, model: str) -> None:
        self._by_name: State = _by_name(model)
        self._talks: OrderedDict[str, ThinkingHabit] = OrderedDict()
        # Asked several times in each answer: counted as it changes.
        self._counts = Counter[State]()

    def in_talk(self, talk: str) -> ThinkingHabit:
        """Return what is known in a talk; what is asked outside of any counts as one talk."""
        if talk not in self._talks:
            self._talks[talk] = ThinkingHabit(others=self._shown, on_shown=self._count)
            if len(self._talks) > _MAX_TALKS:
                self._talks.popitem(last=False)[1].forget()
        self._talks.move_to_end(talk)
        return self._talks[talk]

    def _count(self, before: State, now: State) -> None:
        self._counts[before] -= 1
        self._counts[now] += 1

    def _shown(self) -> State:
        """Return what most talks have shown; one alone may be its user's doing."""
        unopened, apart = self._counts["unopened"], self._counts["apart"]
        if unopened > apart and unopened >= _LEAST_TALKS:
            return "unopened"
        if apart >= unopened and apart >= _LEAST_TALKS:
            return "apart"
        return self._by_name


def _by_name(model: str) -> State:
    return "unopened" if _THINKERS.search(model) else "unknown"


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
    """Return whether what would tell could still come: only few words may stand before it."""
    return _UNDECIDED.fullmatch(beginning) is not None

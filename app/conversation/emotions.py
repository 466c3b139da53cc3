"""How the user of one talk seems to feel, turn by turn; nothing of it is kept beyond the talk."""

from copy import deepcopy

from app.errors import Locale
from app.protocol.events import EmotionEstimate
from app.speech.detection.emotion import EmotionTracker


class EmotionDetector:
    """Judges what the user says, typed or spoken.

    Args:
        is_on: Without it nothing is judged.
    """

    def __init__(self, *, is_on: bool) -> None:
        self._tracker = EmotionTracker() if is_on else None

    def judge(self, text: str, language: Locale, speech_ms: float | None = None) -> EmotionEstimate | None:
        """How the user seems to feel; `speech_ms` is how long it took to say it, None where it was typed."""
        return _judge(self._tracker, text, language, speech_ms)

    def foresee(self, text: str, language: Locale, speech_ms: float | None = None) -> EmotionEstimate | None:
        """Return what `judge` would say; nothing is remembered of it."""
        return _judge(deepcopy(self._tracker), text, language, speech_ms)


def _judge(
    tracker: EmotionTracker | None, text: str, language: Locale, speech_ms: float | None
) -> EmotionEstimate | None:
    if tracker is None:
        return None
    words_per_second = len(text.split()) * 1000 / speech_ms if speech_ms else None
    return tracker.judge(text, language, words_per_second)

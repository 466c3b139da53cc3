"""What the agent does with its voice while the user speaks: it ducks, and then stops or goes on."""

from app.conversation.conversation import Conversation
from app.errors import Locale
from app.talking.mouth import SpokenMouth
from app.voice.barge_in import LIMIT_MS, InterruptMode, SpeechOver, Verdict, judge

LISTEN_IN_AT_MS = 600
"""Speech over the agent's voice after which its words are looked at, although it goes on."""


class Attention:
    """Judges speech over the agent's voice, for one utterance after another.

    Args:
        mouth: None where answers are not spoken.
    """

    def __init__(self, conversation: Conversation, mouth: SpokenMouth | None, mode: InterruptMode) -> None:
        self._conversation = conversation
        self._mouth = mouth
        self._mode: InterruptMode = mode
        self._turn_id: str | None = None
        self._is_holding = False
        self._has_listened_in = False
        self._heard: tuple[str, Locale, float] | None = None
        self._speech_ms = 0.0

    @property
    def is_judging(self) -> bool:
        """Whether the user speaks over the agent's voice, and it is not known yet what that means."""
        return self._turn_id is not None

    def onset(self) -> None:
        """Perhaps the user speaks: a voice that sounds ducks, one that was about to waits."""
        if self._mouth is None:
            return
        turn_id = self._mouth.audible_turn
        if turn_id is not None and self._mode != "never" and not self.is_judging:
            self._turn_id = turn_id
            self._heard, self._has_listened_in, self._speech_ms = None, False, 0.0
            self._mouth.duck()
        elif turn_id is None:
            self._is_holding = True
            self._mouth.hold(True)

    def confirmed(self) -> None:
        """The user does speak."""
        self._look()

    def wants_words(self, speech_ms: float) -> bool:
        """Whether it is time to look at the words, once."""
        is_due = self.is_judging and not self._has_listened_in and speech_ms >= LISTEN_IN_AT_MS
        self._has_listened_in = self._has_listened_in or is_due
        return is_due

    def goes_on(self, speech_ms: float) -> None:
        """The user speaks on."""
        self._speech_ms = speech_ms
        self._look()
        if self.is_judging and self._heard is not None and speech_ms >= LIMIT_MS:
            self._has_listened_in = False  # an assent that goes on and on is looked at again

    def heard(self, text: str, language: Locale, heard_ms: float) -> None:
        """Words of it are known, up to `heard_ms`."""
        self._heard = (text, language, heard_ms)
        self._look()

    def judge_whole(self, text: str, language: Locale) -> Verdict | None:
        """The user has stopped: what it was, and acts on it; None where nothing was spoken over."""
        if not self.is_judging:
            return None
        verdict = judge(SpeechOver(self._speech_ms, text, language, is_final=True), self._mode)
        if verdict != "assent":
            self._interrupt()
        return verdict

    def nothing(self) -> None:
        """Nothing was meant, or it is all settled: the voice goes on."""
        if self._mouth is not None:
            if self._turn_id is not None:
                self._mouth.go_on()
            if self._is_holding:
                self._mouth.hold(False)
        self._turn_id, self._is_holding = None, False

    def _look(self) -> None:
        if self._turn_id is None:
            return
        text, language, heard_ms = self._heard or (None, "es", None)
        if judge(SpeechOver(self._speech_ms, text, language, heard_ms), self._mode) == "interruption":
            self._interrupt()

    def _interrupt(self) -> None:
        if self._turn_id is not None:
            turn_id, self._turn_id = self._turn_id, None
            self._conversation.interrupt(turn_id)

"""What the agent does with its voice while the user speaks: it ducks, and then stops or goes on."""

from math import inf

from app.conversation.conversation import Conversation
from app.errors import Locale
from app.talking.mouth import SpokenMouth
from app.voice.barge_in import InterruptMode, SpeechOver, Verdict, judge

LISTEN_IN_AT_MS = 600
"""Speech over the agent's voice after which its words are looked at, although it goes on."""

LOOK_AGAIN_MS = 250
"""More of it after which they are looked at again, where it is still open what it means."""


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
        self._next_look_ms: float = LISTEN_IN_AT_MS
        self._heard: tuple[str, Locale, float] | None = None
        self._speech_ms = 0.0

    def attend_to(self, mouth: SpokenMouth | None) -> None:
        """Answers are spoken by this mouth from now on, or not spoken any more."""
        self.nothing()
        self._mouth = mouth

    @property
    def is_judging(self) -> bool:
        """Whether the user speaks over the agent's voice, and it is not known yet what that means."""
        return self._turn_id is not None

    @property
    def is_on_guard(self) -> bool:
        """Whether the agent's voice waits for what the user means."""
        return self.is_judging or self._is_holding

    def onset(self) -> None:
        """Perhaps the user speaks: a voice that sounds ducks, one that was about to waits."""
        if self._mouth is None:
            return
        turn_id = self._mouth.audible_turn
        if turn_id is not None and self._mode != "never" and not self.is_judging:
            self._turn_id = turn_id
            self._heard, self._next_look_ms, self._speech_ms = None, LISTEN_IN_AT_MS, 0.0
            self._mouth.duck()
        elif turn_id is None:
            self._is_holding = True
            self._mouth.hold(True)

    def confirmed(self) -> None:
        """The user does speak."""
        self._look()

    def wants_words(self, speech_ms: float) -> bool:
        """Whether it is time to look at the words: once, and again when it is known what they were so far."""
        is_due = self.is_judging and speech_ms >= self._next_look_ms
        if is_due:
            self._next_look_ms = inf
        return is_due

    def goes_on(self, speech_ms: float) -> None:
        """The user speaks on."""
        self._speech_ms = speech_ms
        self._look()

    def heard(self, text: str, language: Locale, heard_ms: float) -> None:
        """Words of it are known, up to `heard_ms`."""
        self._heard = (text, language, heard_ms)
        # A nod or a sound without words may go on for longer, and has more behind it only perhaps.
        self._next_look_ms = heard_ms + LOOK_AGAIN_MS
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

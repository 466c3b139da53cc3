"""What the agent does with its voice while the user speaks: it ducks, and then stops or goes on."""

from app.conversation.conversation import Conversation
from app.errors import Locale
from app.speech.detection.barge_in import InterruptMode, SpeechOver, Verdict, judge
from app.speech.output.tts_output import TtsOutput

LISTEN_IN_AT_MS = 600
"""Speech over the agent's voice after which its words are looked at, although it goes on."""

LOOK_AGAIN_MS = 250
"""More of it after which they are looked at again, where it is still open what it means."""


class BargeInController:
    """Judges speech over the agent's voice, for one utterance after another.

    Args:
        speech_output: None where answers are not spoken.

    Attributes:
        mode: What speech over the agent's voice does.
    """

    def __init__(
        self, conversation: Conversation, speech_output: TtsOutput | None, mode: InterruptMode
    ) -> None:
        self._conversation = conversation
        self._speech_output = speech_output
        self.mode: InterruptMode = mode
        self._turn_id: str | None = None
        self._is_holding = False
        self._next_look_ms: float = LISTEN_IN_AT_MS
        self._heard: tuple[str, Locale, float] | None = None
        self._speech_ms = 0.0

    def attend_to(self, speech_output: TtsOutput | None) -> None:
        """Speak answers by this output from now on, or by none."""
        self.nothing()
        self._speech_output = speech_output

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
        if self._speech_output is None:
            return
        turn_id = self._speech_output.audible_turn
        if turn_id is not None and self.mode != "never" and not self.is_judging:
            self._turn_id = turn_id
            self._heard, self._next_look_ms, self._speech_ms = None, LISTEN_IN_AT_MS, 0.0
            self._speech_output.duck()
        elif turn_id is None:
            self._is_holding = True
            self._speech_output.hold(True)

    def confirmed(self) -> None:
        """The user does speak."""
        self._look()

    def wants_words(self, speech_ms: float) -> bool:
        """Return whether it is time to look at the words, and from then on every now and then.

        Of the look before perhaps nothing comes: the recogniser may fail, or have had no time for it.
        """
        is_due = self.is_judging and speech_ms >= self._next_look_ms
        if is_due:
            self._next_look_ms = speech_ms + LOOK_AGAIN_MS
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
        verdict = judge(SpeechOver(self._speech_ms, text, language, is_final=True), self.mode)
        if verdict != "assent":
            self._interrupt()
        return verdict

    def nothing(self) -> None:
        """Nothing was meant, or it is all settled: the voice goes on."""
        if self._speech_output is not None:
            if self._turn_id is not None:
                self._speech_output.go_on()
            if self._is_holding:
                self._speech_output.hold(False)
        self._turn_id, self._is_holding = None, False

    def _look(self) -> None:
        if self._turn_id is None:
            return
        text, language, heard_ms = self._heard or (None, "es", None)
        if judge(SpeechOver(self._speech_ms, text, language, heard_ms), self.mode) == "interruption":
            self._interrupt()

    def _interrupt(self) -> None:
        if self._turn_id is not None:
            turn_id, self._turn_id = self._turn_id, None
            self._conversation.interrupt(turn_id)

"""What is made of the user's speech: when an utterance begins and ends, and what comes of it.

The detector says when there is voice. At the first silence what was said is understood at once, before
anybody knows whether it was all. If it may be, the model begins to answer, unheard. If sound and words both
say that it is all, it becomes a text; else a longer silence makes it one, and a still longer one where the
model's draft says that it is unfinished.
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass, replace

from app.conversation.conversation import Conversation
from app.conversation.early_answer import TentativeUtterance
from app.errors import AgentError, AudioOverflow, Locale
from app.protocol.events import ErrorOccurred, SpeechStarted, SpeechStopped, StateChanged, TranscriptHeard
from app.session.state import SessionState
from app.session.voice_session import VoiceSession
from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ, SpeechDetector, SpeechEvent
from app.speech.detection.pauses import MOST_MS, Pace, PauseContext, silence_ms
from app.speech.stages import reached
from app.speech.turns.approval_by_voice import ApprovalByVoice
from app.speech.turns.barge_in_controller import BargeInController
from app.speech.turns.speculative_transcriber import (
    MAX_JOINED_BYTES,
    SpeculativeTranscriber,
    TranscribedUtterance,
)

logger = logging.getLogger(__name__)

PASS_AT_MS = 160
"""Silence after which the first pass of the recogniser begins."""

EARLY_PASS_AT_MS = 96
"""The same where that holds up nobody: what stops for so long within a word costs a pass for nothing."""

WAIT_MORE_MS = 2500
"""So much more silence it takes where the model says that the user has not finished."""

DRAFT_ANYHOW_AT_MS = 700
"""Silence after which words are answered early that look unfinished."""

DRAFT_AGAIN_MS = 800
"""So long before that silence is over, the model is asked for its answer all the same."""

EMPTY_AT_MS = 500
"""Silence after which one without words is over."""

WORDS_LIKELY_MS = 1000
"""Voice from which on nothing understood may be a mistake: recognisers give some beginnings of sentences back
as nothing, and read them when they have the rest too. Such an utterance is over after the longest silence."""

ANSWER_SILENCE_MS = 700
"""Silence after which a word about what waits for approval is all: «sí…» may become «sí, pero…»."""

PARTIAL_EVERY_MS = 700
"""Speech between two passes while the user still speaks."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An utterance that has become a text; `pcm` is empty where it was too long to be joined."""

    turn_id: str
    utterance_id: str
    text: str
    pcm: bytes
    silence_ms: float


def new_utterance_id() -> str:
    """Opaque, unique in its session."""
    return f"utt_{secrets.token_hex(6)}"


class UtteranceTracker:
    """One session's utterances, one after another.

    Args:
        max_seconds: Of one utterance.

    Attributes:
        is_manual: The client says when an utterance ends.
        answers: What was said is answered by itself.
        decided: Cleared from the client's word to what comes of it: what is said after it is another one.
    """

    def __init__(
        self,
        session: VoiceSession,
        conversation: Conversation,
        detector: SpeechDetector,
        understanding: SpeculativeTranscriber,
        barge_in: BargeInController,
        max_seconds: float,
        approval: ApprovalByVoice | None = None,
    ) -> None:
        self.is_manual = False
        self.answers = True
        self.decided = asyncio.Event()
        self.decided.set()
        self._session = session
        self._conversation = conversation
        self._detector = detector
        self._understanding = understanding
        self._barge_in = barge_in
        self._approval = approval or ApprovalByVoice(session, conversation)
        self._max_seconds = max_seconds
        self._utterance_id = ""
        self._before: Taken | None = None
        self._joins: Taken | None = None
        self._judged: tuple[TranscribedUtterance, TentativeUtterance] | None = None
        self._is_to_wait: TranscribedUtterance | None = None
        self._silence_ms = 0.0
        self._longest_pause_ms = 0.0
        self._pace = Pace()
        self._next_partial_ms = PARTIAL_EVERY_MS
        self._is_deaf = False
        self._is_committed = False
        understanding.on_done = self._on_understood
        understanding.on_partial = self._on_partial
        conversation.drafts.on_change = self._on_draft

    @property
    def is_open(self) -> bool:
        """Whether an utterance is going on."""
        return bool(self._utterance_id)

    @property
    def sound_bytes(self) -> int:
        """About how much sound is held: of what is being said, and of the text that it may go on with."""
        before = len(self._before.pcm) if self._before is not None else 0
        return before + round(self._detector.voiced_ms * EAR_RATE_HZ / 1000) * BYTES_PER_SAMPLE

    @property
    def expects_more(self) -> bool:
        """Whether an utterance goes on, or what may be the beginning of one has been heard."""
        return self.is_open or self._barge_in.is_on_guard

    def on(self, event: SpeechEvent) -> None:
        """The detector has noticed something."""
        if self._is_committed:
            return  # what comes after the client's word is not part of it
        if self._is_deaf:
            self._while_deaf(event)
            return
        match event.kind:
            case "onset":
                self._barge_in.onset()
                self._approval.onset()
            case "full":
                self._overflow()
            case "false_alarm":
                self._barge_in.nothing()
                self._approval.over()
            case "confirmed":
                self._begin()
            case "voice":
                self._longest_pause_ms = max(self._longest_pause_ms, self._silence_ms)
                self._silence_ms = 0.0
                self._while_speaking(event.ms)
            case "silence":
                self._silence_ms = event.ms
                self._in_silence()

    # By hand

    def listen_by_hand(self, *, is_manual: bool, answers: bool) -> None:
        """Whether the client says when an utterance ends, this one too; and whether it is answered."""
        self.is_manual = is_manual
        self.answers = answers

    def commit(self) -> None:
        """The client says that the utterance is over."""
        if not self.is_open:
            self._session.emit(SpeechStopped(new_utterance_id(), empty=True))
            self._forget_beginning()
            return
        self._is_committed = True
        self.decided.clear()
        self._in_silence()

    def clear(self) -> None:
        """The client throws the utterance away."""
        if self.is_open:
            self._end_empty()
        self._forget_beginning()

    def hang_up(self) -> None:
        """The client is gone: by hand, its word does not come any more, and what was said is all."""
        if not self.is_manual:
            return
        if self.is_open:
            self.commit()
        else:
            self._forget_beginning()

    def _forget_beginning(self) -> None:
        """What was heard so far was no utterance, or the end of one that was too long."""
        self._is_deaf = False
        self._detector.reset()
        self._barge_in.nothing()
        self._approval.over()

    def close(self) -> None:
        """No more sound comes."""
        if self.is_open:
            self._end_empty()
        self._approval.over()
        self._barge_in.nothing()
        if self._conversation.drafts.on_change == self._on_draft:
            self._conversation.drafts.on_change = lambda: None

    # An utterance

    def _may_join(self) -> bool:
        return self._before is not None and self._conversation.is_unheard(self._before.turn_id)

    def _begin(self) -> None:
        if self.is_open:
            return
        self._joins = self._before if self._may_join() else None
        if self._joins is not None:
            self._longest_pause_ms = self._joins.silence_ms + self._silence_ms
        self._silence_ms = 0.0
        self._utterance_id = self._joins.utterance_id if self._joins else new_utterance_id()
        self._next_partial_ms = PARTIAL_EVERY_MS
        self._session.is_heard_speaking = True
        self._conversation.hold(True)
        self._session.emit(SpeechStarted(self._utterance_id))
        if self._conversation.running_turn is None:
            self._move_to_rest()
        self._barge_in.confirmed()

    def _while_speaking(self, speech_ms: float) -> None:
        if not self.is_open:
            return
        if speech_ms > self._max_seconds * 1000:
            self._overflow()
            return
        self._understanding.forget_stale(self._detector.voiced_ms)
        self._conversation.drafts.drop()
        if self._barge_in.wants_words(speech_ms):
            self._understanding.listen_in(self._detector.speech(), speech_ms, is_urgent=True)
        elif speech_ms >= self._next_partial_ms:
            self._next_partial_ms = speech_ms + PARTIAL_EVERY_MS
            self._understanding.listen_in(self._detector.speech(), speech_ms, is_urgent=False)
        self._barge_in.goes_on(speech_ms)

    def _while_deaf(self, event: SpeechEvent) -> None:
        """After an utterance that was too long, until there is a pause."""
        if event.kind == "silence" and event.ms >= EMPTY_AT_MS:
            self._is_deaf = False
            self._detector.reset()

    def _in_silence(self) -> None:
        if not self.is_open:
            return
        at_ms = EARLY_PASS_AT_MS if self._understanding.has_time else PASS_AT_MS
        is_due = self._silence_ms >= at_ms or self._is_committed
        if is_due and not self._understanding.knows(self._detector.voiced_ms):
            before = self._joins.pcm if self._joins is not None else b""
            reached("pass")
            self._understanding.understand(
                self._detector.speech(),
                self._detector.voiced_ms,
                before,
                is_over_voice=self._barge_in.is_judging,
                is_spoken=self._detector.is_surely_speech,
            )
        self._decide()

    def _on_partial(self, text: str, language: Locale, speech_ms: float, *, is_urgent: bool) -> None:
        if not self.is_open:
            return
        if is_urgent:
            self._barge_in.heard(text, language, speech_ms)
        if text and not self._barge_in.is_judging:
            shown = _joined(self._joins.text, text) if self._joins is not None else text
            self._session.emit(TranscriptHeard(self._utterance_id, shown, language, final=False))

    def _on_understood(self) -> None:
        reached("understood")
        if not self.is_open:
            return
        understood = self._understanding.result(self._detector.voiced_ms)
        if isinstance(understood, TranscribedUtterance) and not understood.has_words:
            # More may follow a short pause; without words, it may be longer before it stops the voice.
            self._barge_in.heard("", understood.language, self._detector.voiced_ms)
        self._decide()

    def _on_draft(self) -> None:
        if self.is_open:
            self._decide()

    def _decide(self) -> None:
        """Look whether the utterance is over, by what is known now."""
        understood = self._understanding.result(self._detector.voiced_ms)
        if understood is None:
            return
        if isinstance(understood, AgentError):
            if self._waited_enough():
                self._fail(understood)
            return
        if not understood.has_words and self._silence_ms < self._empty_at_ms and not self._is_committed:
            return
        verdict = self._barge_in.judge_whole(understood.text, understood.language)
        if verdict == "assent" or not understood.has_words or understood.is_doubtful:
            # Doubtful words have stopped the agent, who listens now: an answer would be one to other words.
            self._end_empty()
            return
        if self._joins is None and self._approval.is_answer(understood.text, understood.confidence):
            self._answer(understood)
            return
        if self._joins is not None and self._before is self._joins:
            self._replace(self._joins)
        if self._is_committed or (not self.is_manual and self._silence_ms >= self._due_ms(understood)):
            self._commit(understood)

    def _answer(self, understood: TranscribedUtterance) -> None:
        """It answers what waits for approval, if that was all of it; no model hears of it, early or not."""
        least_ms = max(silence_ms(self._ending(understood), self._pace), ANSWER_SILENCE_MS)
        if self._is_committed or (not self.is_manual and self._silence_ms >= least_ms):
            self._approval.give(understood.text)
            self._end_empty(answer=understood.text)

    @property
    def _empty_at_ms(self) -> float:
        """The silence after which an utterance without words is over; the agent is not kept quiet for it."""
        is_long = self._detector.voiced_ms >= WORDS_LIKELY_MS and not self._barge_in.is_judging
        return MOST_MS if is_long else EMPTY_AT_MS

    def _due_ms(self, understood: TranscribedUtterance) -> float:
        """Return the silence after which these words become a text; has them answered early meanwhile."""
        due_ms = silence_ms(self._ending(understood), self._pace)
        is_too_soon = not understood.may_be_all and self._silence_ms < DRAFT_ANYHOW_AT_MS
        if is_too_soon or not self.answers:
            return due_ms
        heard = self._heard(understood)
        if self._is_to_wait is not understood:
            match self._conversation.draft(heard):
                case "waits":
                    self._is_to_wait = understood
                case "asked":
                    # Without its first word there is nothing to hear, and it may still ask to wait.
                    return max(due_ms, MOST_MS)
                case _:
                    return due_ms
        due_ms += WAIT_MORE_MS
        if self._silence_ms >= due_ms - DRAFT_AGAIN_MS:
            self._conversation.draft(replace(heard, may_wait=False))
        return due_ms

    def _ending(self, understood: TranscribedUtterance) -> PauseContext:
        words = len(self._text_of(understood).split())
        asked, paused_ms = self._conversation.has_just_asked, self._longest_pause_ms
        return PauseContext(understood.acoustic, understood.may_be_all, words, asked, paused_ms)

    def _heard(self, understood: TranscribedUtterance) -> TentativeUtterance:
        if self._judged is None or self._judged[0] is not understood:
            text = self._text_of(understood)
            emotion = self._conversation.moods.foresee(text, understood.language, self._speech_ms)
            self._judged = (understood, TentativeUtterance(text, emotion))
        return self._judged[1]

    def _text_of(self, understood: TranscribedUtterance) -> str:
        joins = self._joins
        if joins is None:
            return understood.text
        return understood.whole or _joined(joins.text, understood.text)

    @property
    def _speech_ms(self) -> float | None:
        """How long it took to say it, where that is known."""
        return self._detector.voiced_ms if self._joins is None else None

    def _waited_enough(self) -> bool:
        return self._is_committed or self._silence_ms >= MOST_MS

    def _replace(self, taken: Taken) -> None:
        """End the turn of the words that these go on with, if it is not too late for that."""
        self._before = None
        if self._conversation.replace(taken.turn_id):
            self._barge_in.nothing()
            return
        # What was answered stays as it was: these words are an utterance of their own.
        self._joins = self._judged = None
        self._session.emit(SpeechStopped(self._utterance_id, empty=True))
        self._utterance_id = new_utterance_id()
        self._session.emit(SpeechStarted(self._utterance_id))

    def _commit(self, understood: TranscribedUtterance) -> None:
        utterance_id, joins = self._utterance_id, self._joins
        text, speech_ms, quiet_ms = self._text_of(understood), self._speech_ms, self._silence_ms
        pcm = self._detector.speech() if joins is None else joins.pcm + self._detector.speech()
        self._pace.add(self._longest_pause_ms)
        reached("text")
        self._close()
        self._session.spoken_language = understood.language
        emotion = self._conversation.moods.judge(text, understood.language, speech_ms)
        self._session.emit(SpeechStopped(utterance_id, empty=False, silence_ms=quiet_ms))
        self._session.emit(TranscriptHeard(utterance_id, text, understood.language, True, emotion))
        try:
            turn_id = self._conversation.hear_speech(
                text,
                utterance_id,
                emotion=emotion,
                replaces=joins.turn_id if joins is not None else None,
                is_answered=self.answers,
            )
        except AgentError as error:
            self._conversation.drafts.drop()
            self._session.emit(ErrorOccurred(error))
        else:
            # A longer one is not understood together with what may follow, and would only take room.
            kept = pcm if len(pcm) <= MAX_JOINED_BYTES else b""
            self._before = Taken(turn_id, utterance_id, text, kept, quiet_ms)
        self._rest()

    def _end_empty(self, answer: str = "") -> None:
        """No text comes of it; what the agent was doing goes on."""
        joins = self._joins
        if joins is not None and self._before is not joins:
            self._bring_back(joins)
            return
        self._session.emit(SpeechStopped(self._utterance_id, empty=True, answer=answer))
        self._conversation.drafts.drop()
        self._close()
        self._rest()

    def _bring_back(self, joins: Taken) -> None:
        """Its turn was ended for words that do not come: the text is answered as it was."""
        self._close()
        self._session.emit(SpeechStopped(joins.utterance_id, empty=False))
        self._session.emit(TranscriptHeard(joins.utterance_id, joins.text, self._session.language))
        turn_id = self._conversation.hear_speech(joins.text, joins.utterance_id, replaces=joins.turn_id)
        self._before = replace(joins, turn_id=turn_id)
        self._rest()

    def _fail(self, error: AgentError) -> None:
        logger.log(error.severity, error.code, extra={"facts": error.facts})
        self._session.emit(ErrorOccurred(error))
        self._end_empty()

    def _overflow(self) -> None:
        if not self.is_open:
            return
        self._fail(AudioOverflow(seconds=round(self._max_seconds)))
        self._is_deaf = True

    def _close(self) -> None:
        self._utterance_id, self._joins = "", None
        self._judged = self._is_to_wait = None
        self._silence_ms = self._longest_pause_ms = 0.0
        self._is_committed = False
        self.decided.set()
        self._approval.over()
        self._understanding.reset()
        self._detector.reset()

    def _rest(self) -> None:
        """The user no longer speaks."""
        self._session.is_heard_speaking = False
        self._barge_in.nothing()
        self._conversation.hold(False)
        # What is to be answered now moves the state by itself.
        if self._session.state is SessionState.LISTENING and not self._conversation.is_busy:
            self._move_to_rest()

    def _move_to_rest(self) -> None:
        state = self._session.resting_state
        if self._session.state is not state:
            self._session.move_to(state)
            self._session.emit(StateChanged(state.value))


def _joined(before: str, after: str) -> str:
    """Two halves of what was meant as one: the full stop between them was a guess."""
    return f"{before.rstrip(' .…')} {after}"

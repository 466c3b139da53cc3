"""Approval aloud: the server asks in a sentence, and a yes or no that is said to that question answers it.

A word counts only if it is all that was said, is surely heard, and was begun after the question had been
heard to its end and before anything else was said. Whatever else is said is an ordinary text, and what waits
goes on waiting. Clients that show what waits show it all the same: the first answer counts.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from app.conversation.conversation import Conversation
from app.conversation.injected_message import InjectedMessage, SentenceEnd
from app.errors import QueueFull
from app.locales import say
from app.protocol.asking import spoken_arguments
from app.session.voice_session import VoiceSession
from app.tools.approval import AnswerUnderWay, is_no, is_yes
from app.tools.tool_call import ToolCall
from app.weakly import weakly

AGAIN_AFTER_S: Final = 8.0
"""Quiet after which a question is asked once more, in seconds."""

NEXT_AFTER_S: Final = 1.0
"""Quiet after an answer before the next one is asked for: what comes of the first is told before that."""

MOST_TIMES: Final = 2
"""How often one is asked at most."""

LEAST_CONFIDENCE: Final = 0.5
"""Below, local recognisers take what they have read for a guess; services that say nothing give 1."""

_LOOK_EVERY_S: Final = 0.5


class ApprovalByVoice:
    """What one session asks aloud, and what is said to it.

    Attributes:
        after_sound: Does something when all sound was heard that has come by then.
    """

    def __init__(self, session: VoiceSession, conversation: Conversation) -> None:
        self.after_sound: Callable[[Callable[[], None]], None] = lambda action: None
        self._session = session
        self._conversation = conversation
        self._approvals = conversation.tools.approvals
        self._is_on = self._is_away = self._is_hearing = False
        self._asked: ToolCall | None = None
        self._question: InjectedMessage | None = None
        self._times: dict[str, int] = {}
        self._heard: tuple[str, str] | None = None
        self._answer: AnswerUnderWay | None = None
        self._quiet_s = 0.0
        self._is_due = False
        self._timer: asyncio.TimerHandle | None = None

    # When it is asked

    def configure(self, *, hears: bool, speaks: bool) -> None:
        """Ask aloud from now on, or not, by what sound the session has."""
        ways = self._session.approvals
        was_on, self._is_hearing = self._is_on, hears
        self._is_on = ways.aloud and speaks and (hears or ways.by_keys)
        if self._is_on == was_on:
            return
        self._approvals.is_asked_aloud = self._is_on
        self._approvals.on_change = self._on_change if self._is_on else lambda: None
        if self._is_on:
            self._look()
        else:
            self._let_go()

    def client_left(self) -> None:
        """Nobody listens: what was heard of a question is not what is heard next."""
        self._is_away = True
        self._heard = None

    def client_came(self) -> None:
        """Somebody listens again, and is asked anew."""
        if self._is_away:
            self._is_away = False
            self._times.clear()
            self._is_due = True

    def close(self) -> None:
        """The session ends."""
        self.configure(hears=False, speaks=False)
        self.over()

    @property
    def _on_change(self) -> Callable[[], None]:
        look = weakly(self._look)
        return lambda: look(None)

    def _look(self, _: None = None) -> None:
        """See to it that one of those that wait is asked for, and none that waits no more."""
        waiting = self._approvals.asked
        if self._asked is not None and self._asked not in waiting:
            self._let_go()
            self._is_due = True
            for run in waiting:
                self._approvals.stop_time(run.call_id)
        if self._asked is None and waiting and not self._is_due:
            self._begin(waiting)
        elif waiting:
            self._look_later()
        else:
            self._is_due = False

    def _begin(self, waiting: list[ToolCall]) -> None:
        """Ask for the first one that may be asked for still."""
        for run in waiting:
            if self._times.get(run.call_id, 0) < MOST_TIMES:
                self._asked = run
                self._ask(run)
                break
        self._look_later()

    def _ask(self, run: ToolCall) -> None:
        question = InjectedMessage(self._words(run), "say", by="server", on_end=weakly(self._ended))
        try:
            self._conversation.inject(question)
        except QueueFull:
            self._quiet_s = 0.0
            return
        self._question, self._is_due = question, False
        if not self._times.get(run.call_id):
            self._approvals.stop_time(run.call_id)
        self._times[run.call_id] = self._times.get(run.call_id, 0) + 1

    def _words(self, run: ToolCall) -> str:
        locale, event = self._session.language, run.approval_request(0)
        keys = "both" if self._is_hearing else "keys"
        how = say(locale, f"approval_by_{keys if self._session.approvals.by_keys else 'voice'}")
        arguments = spoken_arguments(event.arguments)
        kind = "approval_aloud" if arguments else "approval_aloud_bare"
        question = say(locale, kind, name=event.name.replace("_", " "), arguments=arguments, how=how)
        return question if event.earlier is None else f"{say(locale, 'approval_earlier')} {question}"

    def _let_go(self) -> None:
        """What was asked for waits no more, or is not to be asked for aloud."""
        question, self._question = self._question, None
        asked, self._asked = self._asked, None
        self._heard = None
        if asked is not None:
            self._approvals.start_time(asked.call_id)
        if question is not None:
            self._conversation.sentences.take_back(question.turn_id)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ended(self, end: SentenceEnd) -> None:
        """A question has been said, or was cut."""
        if self._question is None or self._question.turn_id != end.turn_id or self._asked is None:
            return  # it had been taken back
        self._question = None
        call_id = self._asked.call_id
        self._approvals.start_time(call_id)
        self._quiet_s = 0.0
        if end.was_heard:
            # What has come of the user's sound by now was said too early.
            self.after_sound(lambda: self._was_heard(call_id, end.turn_id))

    def _was_heard(self, call_id: str, turn_id: str) -> None:
        if self._asked is not None and self._asked.call_id == call_id and not self._is_away:
            self._heard = (call_id, turn_id)

    def _look_later(self) -> None:
        if self._timer is None:
            weak = weakly(self._pass)
            self._timer = asyncio.get_running_loop().call_later(_LOOK_EVERY_S, weak, None)

    def _pass(self, _: None) -> None:
        """Some time has passed; after enough quiet it is asked again, or for the next."""
        self._timer = None
        is_quiet = not (self._session.is_heard_speaking or self._conversation.is_busy or self._is_away)
        self._quiet_s = self._quiet_s + _LOOK_EVERY_S if is_quiet and self._question is None else 0.0
        waiting = self._approvals.asked
        if not waiting:
            return
        if self._quiet_s >= (NEXT_AFTER_S if self._is_due else AGAIN_AFTER_S):
            self._quiet_s = 0.0
            self._begin(waiting)
        self._look_later()

    # What is said to it

    def onset(self) -> None:
        """Perhaps the user begins to say something: what they have just been asked does not expire."""
        self.over()
        call_id, turn_id = self._heard or ("", "")
        if call_id and self._conversation.sentences.was_said_last(turn_id):
            self._answer = self._approvals.begin_answer(call_id)

    def is_answer(self, text: str, confidence: float) -> bool:
        """Return whether what the user says, if this is all, answers what they were asked."""
        if self._answer is None or confidence < LEAST_CONFIDENCE:
            return False
        return is_yes(text) or is_no(text)

    def give(self, text: str) -> None:
        """It was all; where the call has its answer by now, or waits no more, nothing comes of it."""
        if self._answer is not None:
            for call_id in self._answer.unanswered:
                self._answer.give(call_id, approved=is_yes(text))

    def over(self) -> None:
        """What the user said is over, or was nothing."""
        if self._answer is not None:
            self._answer.end()
            self._answer = None

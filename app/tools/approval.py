"""User approval of tool calls: which calls wait for it, and what it was.

Clients of protocol v2 answer by a message. On v1 the server asks in a sentence, one call at a time, and the
user's next text is the answer, typed or in a recording: a yes only if it is one of a fixed list, so that
nobody agrees by chance. Who hears and speaks is asked aloud too (`app/speech/turns/approval_by_voice.py`).

Whoever began to answer in time has answered in time: a call does not expire while that is being understood.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from app.clock import Clock
from app.errors import UnknownCall
from app.letters import bare
from app.protocol.events import Event
from app.stall_timeout import patiently
from app.tools.base import Effect, ToolSpec
from app.tools.tool_call import ToolCall
from config.tool_settings import ToolSettings

Word = Literal["approved", "denied", "expired"]

_YES_ES = (
    "si|si si|si por favor|si claro|si adelante|vale|de acuerdo|adelante|hazlo|si hazlo|claro|claro que si"
    "|confirmo|acepto|aprobado|permitido"
)
_YES_EN = (
    "ok|okay|yes|yes yes|yes please|yeah|yep|sure|go ahead|yes go ahead|do it|yes do it|confirm|i confirm"
    "|approve|approved|allow"
)
YES = frozenset([*_YES_ES.split("|"), *_YES_EN.split("|")])
"""What agrees, in lower case, without accents and punctuation."""

_NO_ES = (
    "no|no no|no gracias|no por favor|no lo hagas|no quiero|no acepto|mejor no|ahora no|para nada|nunca"
    "|de ninguna manera|cancela|cancelalo|dejalo|denegado|rechazado|no permitido"
)
_NO_EN = (
    "no thanks|no thank you|no please|nope|don t|dont|don t do it|do not|do not do it|no don t"
    "|i don t want to|better not|rather not|not now|never|no way|cancel|cancel it|deny|denied|reject|rejected"
)
NO = frozenset([*_NO_ES.split("|"), *_NO_EN.split("|")])
"""What refuses, likewise."""

_LONGEST_ANSWER = 100


def needs_approval(
    tool: ToolSpec, effect: Effect, settings: ToolSettings, *, holds_outside: bool = False
) -> bool:
    """Return whether a call waits for approval; `holds_outside`: its talk holds words of others."""
    if settings.tool_approval == "off" or tool.approval is False:
        return False
    if tool.approval is True or tool.name in settings.tools_need_approval:
        return True
    is_due = settings.tool_approval == "writes" and effect == "write"
    return is_due and (holds_outside or tool.approval != "after_outside")


def is_yes(text: str) -> bool:
    """Return whether a text says yes, and nothing else."""
    return _plain(text) in YES


def is_no(text: str) -> bool:
    """Return whether a text says no, and nothing else."""
    return _plain(text) in NO


def _plain(text: str) -> str:
    if len(text) > _LONGEST_ANSWER or "?" in text:  # who asks back has not agreed, nor refused
        return ""
    return " ".join(re.findall(r"\w+", bare(text)))


@dataclass(eq=False, slots=True)
class _Waiting:
    """A call that waits.

    Attributes:
        asked_at: When its time began, in seconds; None where it has not.
        is_overdue: Its time is over; only who began to answer before that may still do so.
        answers: So many answers are being understood that may be about it.
    """

    run: ToolCall
    word: asyncio.Future[Word]
    is_asked: bool = False
    asked_at: float | None = None
    is_overdue: bool = False
    answers: int = 0

    def settle(self, *, approved: bool) -> None:
        """Give it its answer, if it has none."""
        if not self.word.done():
            self.word.set_result("approved" if approved else "denied")


class AnswerUnderWay:
    """Somebody answers, and it is not understood yet: what it may be about does not expire meanwhile."""

    def __init__(self, waiting: Iterable[_Waiting]) -> None:
        self._waiting = [each for each in waiting if not each.is_overdue]
        self._is_over = False
        for each in self._waiting:
            each.answers += 1

    @property
    def unanswered(self) -> list[str]:
        """The calls that it may be about and that still have no answer."""
        return [each.run.call_id for each in self._waiting if not each.word.done()]

    def give(self, call_id: str, *, approved: bool) -> None:
        """It was about this call, if that has no answer yet."""
        for each in self._waiting:
            if each.run.call_id == call_id:
                each.settle(approved=approved)

    def end(self) -> None:
        """It is understood, or given up; a call whose time is over has expired, if nobody else answers it."""
        if self._is_over:
            return
        self._is_over = True
        for each in self._waiting:
            each.answers -= 1
            if each.is_overdue and not each.answers and not each.word.done():
                each.word.set_result("expired")


class _Words(NamedTuple):
    """Words that may be an answer: to what had been asked, and perhaps to all that waited."""

    words: str | asyncio.Future[str]
    asked: AnswerUnderWay
    waiting: list[_Waiting]


class Approvals:
    """The calls of one session that wait.

    Args:
        emit: Tells the client.
        timeout_s: How long a call waits, in seconds, from when it is asked for.
        one_by_one: The next one is asked for when the one before is answered.

    Attributes:
        on_change: Called when a call has been asked for, and when one waits no more.
        is_asked_aloud: The server asks by voice: words that are neither yes nor no leave all as it is.
    """

    def __init__(
        self, emit: Callable[[Event], None], clock: Clock, timeout_s: float, *, one_by_one: bool
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.is_asked_aloud = False
        self._emit = emit
        self._clock = clock
        self._timeout_s = timeout_s
        self._one_by_one = one_by_one
        self._waiting: dict[str, _Waiting] = {}
        self._words: deque[_Words] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def asked(self) -> list[ToolCall]:
        """The calls that were asked for and have no answer, in order."""
        return [each.run for each in self._asked if not each.is_overdue]

    async def ask(self, run: ToolCall) -> Word:
        """Wait for the user's approval about a call; no answer in time is none."""
        waiting = _Waiting(run, asyncio.get_running_loop().create_future())
        self._waiting[run.call_id] = waiting
        try:
            self._ask_next()
            return await self._word_about(waiting)
        finally:
            del self._waiting[run.call_id]
            waiting.word.cancel()  # nothing that is still being understood is about it any more
            self._ask_next()

    async def _word_about(self, waiting: _Waiting) -> Word:
        word = waiting.word
        while not waiting.is_overdue:
            left_s = self._left_s(waiting)
            try:
                async with patiently(left_s):
                    return await asyncio.shield(word)
            except TimeoutError:
                if word.done():
                    return word.result()  # it came in the very moment in which the time was over
                # The time starts when the user is asked.
                waiting.is_overdue = waiting.asked_at is not None and self._left_s(waiting) <= 0
        return await asyncio.shield(word) if waiting.answers else "expired"

    def answer(self, call_id: str, *, approved: bool) -> None:
        """The user's approval about a call.

        Raises:
            UnknownCall: It does not wait for one.
        """
        waiting = self._waiting.get(call_id)
        if waiting is None or waiting.word.done() or waiting.is_overdue:
            raise UnknownCall
        waiting.settle(approved=approved)

    def begin_answer(self, call_id: str) -> AnswerUnderWay:
        """Somebody begins to answer what they were asked about a call; `end` is to follow."""
        return AnswerUnderWay(each for each in self._asked if each.run.call_id == call_id)

    def answer_in_words(self, words: str | asyncio.Future[str]) -> None:
        """The user's next text is the answer to what was asked; where nothing was, it is just a text.

        Args:
            words: The text; of a recording it may come later, and is empty where it has no words. They count
                in the order in which they came, for what had been asked by then.
        """
        unanswered = [each for each in self._waiting.values() if not each.word.done()]
        self._words.append(_Words(words, AnswerUnderWay(self._asked), unanswered))
        if not isinstance(words, str):
            words.add_done_callback(lambda _: self._take_words())
        self._take_words()

    def _take_words(self) -> None:
        while self._words:
            words, asked, waiting = self._words[0]
            if not isinstance(words, str):
                if not words.done():
                    return
                words = "" if words.cancelled() else words.result()
            self._words.popleft()
            first = asked.unanswered[:1]
            if words and first:
                self._take(words, first[0], asked, waiting)
            asked.end()

    def _take(self, words: str, first: str, asked: AnswerUnderWay, waiting: list[_Waiting]) -> None:
        """Who agrees to one is asked for the next; on paper, who says anything else agrees to none."""
        if is_yes(words) or self.is_asked_aloud:
            if is_yes(words) or is_no(words):
                asked.give(first, approved=is_yes(words))
            return
        for each in waiting:
            each.settle(approved=False)

    @property
    def _asked(self) -> list[_Waiting]:
        return [each for each in self._waiting.values() if each.is_asked and not each.word.done()]

    def ask_again(self) -> None:
        """Ask anew, with the time that is left, for all that waits: a client has come (again)."""
        for waiting in self._asked:
            left_s = self._left_s(waiting)
            if left_s > 0:
                self._emit(waiting.run.approval_request(left_s))

    def stop_time(self, call_id: str) -> None:
        """The user has not heard yet what they are asked; where they see it, time runs all the same."""
        if self._one_by_one and call_id in self._waiting:
            self._waiting[call_id].asked_at = None

    def start_time(self, call_id: str) -> None:
        """The user has heard it: their time begins, if it has not."""
        waiting = self._waiting.get(call_id)
        if waiting is not None and waiting.asked_at is None:
            waiting.asked_at = self._clock.monotonic()

    def _ask_next(self) -> None:
        for waiting in list(self._waiting.values()):
            if self._one_by_one and any(each.is_asked for each in self._waiting.values()):
                break
            if not waiting.is_asked and not waiting.word.done():
                waiting.is_asked = True
                waiting.asked_at = self._clock.monotonic()
                self._emit(waiting.run.approval_request(self._timeout_s))
        self.on_change()

    def _left_s(self, waiting: _Waiting) -> float:
        if waiting.asked_at is None:
            return self._timeout_s
        return waiting.asked_at + self._timeout_s - self._clock.monotonic()

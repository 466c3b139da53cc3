"""User approval of tool calls: which calls wait for it, and what it was.

Clients of protocol v2 answer by a message. On v1 the server asks in a sentence, one call at a time, and the
user's next text is the answer, typed or in a recording: a yes only if it is one of a fixed list, so that
nobody agrees by chance.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal

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
    "si|si por favor|vale|de acuerdo|adelante|hazlo|si hazlo|claro|claro que si|confirmo|acepto|aprobado"
    "|permitido"
)
_YES_EN = "ok|okay|yes|yes please|yeah|sure|go ahead|do it|yes do it|confirm|i confirm|approve|approved|allow"
YES = frozenset([*_YES_ES.split("|"), *_YES_EN.split("|")])
"""What agrees, in lower case, without accents and punctuation."""

_LONGEST_YES = 100


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
    if len(text) > _LONGEST_YES or "?" in text:  # who asks back has not agreed
        return False
    return " ".join(re.findall(r"\w+", bare(text))) in YES


class Approvals:
    """The calls of one session that wait.

    Args:
        emit: Tells the client.
        timeout_s: How long a call waits, in seconds, from when it is asked for.
        one_by_one: The next one is asked for when the one before is answered (protocol v1).
    """

    def __init__(
        self, emit: Callable[[Event], None], clock: Clock, timeout_s: float, *, one_by_one: bool
    ) -> None:
        self._emit = emit
        self._clock = clock
        self._timeout_s = timeout_s
        self._one_by_one = one_by_one
        self._waiting: dict[str, tuple[ToolCall, asyncio.Future[Word]]] = {}
        self._asked: dict[str, float] = {}
        self._words: deque[tuple[str | asyncio.Future[str], list[str], list[str]]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(self, run: ToolCall) -> Word:
        """Wait for the user's approval about a call; no answer in time is none."""
        word: asyncio.Future[Word] = asyncio.get_running_loop().create_future()
        self._waiting[run.call_id] = (run, word)
        try:
            self._ask_next()
            while True:
                left_s = self._left_s(run.call_id)
                try:
                    async with patiently(left_s):
                        return await asyncio.shield(word)
                except TimeoutError:
                    if word.done():
                        return word.result()  # it came in the very moment in which the time was over
                    # The timeout starts when the user is asked.
                    if run.call_id in self._asked and self._left_s(run.call_id) <= 0:
                        return "expired"
        finally:
            del self._waiting[run.call_id]
            self._asked.pop(run.call_id, None)
            self._ask_next()

    def answer(self, call_id: str, *, approved: bool) -> None:
        """The user's approval about a call.

        Raises:
            UnknownCall: It does not wait for one.
        """
        _, word = self._waiting.get(call_id, (None, None))
        if word is None or word.done():
            raise UnknownCall
        word.set_result("approved" if approved else "denied")

    def answer_in_words(self, words: str | asyncio.Future[str]) -> None:
        """The user's next text is the answer to what was asked; where nothing was, it is just a text.

        Args:
            words: The text; of a recording it may come later, and is empty where it has no words. They count
                in the order in which they came, for what had been asked by then.
        """
        self._words.append((words, self._unanswered(self._asked), self._unanswered(self._waiting)))
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
            asked, waiting = self._unanswered(asked), self._unanswered(waiting)
            if words and asked:
                # Who agrees to one is asked for the next.
                for call_id in asked[:1] if is_yes(words) else waiting:
                    self.answer(call_id, approved=is_yes(words))

    def _unanswered(self, call_ids: Iterable[str]) -> list[str]:
        return [each for each in call_ids if each in self._waiting and not self._waiting[each][1].done()]

    def ask_again(self) -> None:
        """Ask anew, with the time that is left, for all that waits: a client has come (again)."""
        for call_id in self._asked:
            run, word = self._waiting[call_id]
            left_s = self._left_s(call_id)
            if not word.done() and left_s > 0:
                self._request(run, left_s)

    def _ask_next(self) -> None:
        for call_id, (run, word) in self._waiting.items():
            if self._one_by_one and self._asked:
                return
            if call_id not in self._asked and not word.done():
                self._asked[call_id] = self._clock.monotonic()
                self._request(run, self._timeout_s)

    def _request(self, run: ToolCall, expires_in_s: float) -> None:
        self._emit(run.approval_request(expires_in_s))

    def _left_s(self, call_id: str) -> float:
        asked_at = self._asked.get(call_id)
        if asked_at is None:
            return self._timeout_s
        return asked_at + self._timeout_s - self._clock.monotonic()

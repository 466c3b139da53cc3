"""An early answer: the model is asked while it is not yet sure that the user has said all.

Nothing of a draft is heard, told or remembered, and none of its tool calls runs. If the user's words become a
text, the turn that asks the same takes the draft's answer as it is; else it is thrown away. That the turn
builds its own request, and takes only a draft of an equal one, is what makes a draft safe: whatever has
changed since, the answer is to what is so now.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Literal

from app.conversation.model_request import EarlyRequest, RequestBuilder
from app.conversation.wait_mark import read_mark
from app.errors import AgentError, BudgetExceeded, LlmBusy, LlmCut, LlmRateLimited, LlmStalled
from app.llm.base import ChatProvider, ChatRequest, Completion
from app.protocol.events import EmotionEstimate
from app.session.voice_session import VoiceSession
from app.speech.stages import reached

logger = logging.getLogger(__name__)

DraftStage = Literal["asked", "answers", "waits", "void"]
"""What a draft holds: nothing yet, an answer, the model's word that more is to come, or nothing of use."""

_CHARS_PER_TOKEN = 4
"""As rough as it is: a service that counts is believed instead."""

_REST_S: Final = 10.0
"""How long nothing is asked early after a service has refused that for its rate: texts need what it gives."""


@dataclass(frozen=True, slots=True)
class TentativeUtterance:
    """Words that may be all that the user says."""

    text: str
    emotion: EmotionEstimate | None = None
    may_wait: bool = True


class Draft:
    """One early answer, read as it comes.

    Args:
        max_chars: Of the answer that are read.
        on_change: Called when `stage` has changed.

    Attributes:
        early: What was asked.
        stage: What it holds by now.
        limited_at: When the service refused it for its rate, on the loop's clock in seconds; None where it
            did not.
    """

    def __init__(
        self,
        early: EarlyRequest,
        provider: ChatProvider,
        session: VoiceSession,
        max_chars: int,
        on_change: Callable[[], None],
    ) -> None:
        self.early = early
        self.stage: DraftStage = "asked"
        self.limited_at: float | None = None
        self._provider = provider
        self._session = session
        self._max_chars = max_chars
        self._on_change = on_change
        self._pieces: list[str | Completion] = []
        self._text = ""
        self._error: Exception | None = None
        self._rehearsed = 0
        self._is_over = False
        self._is_taken = False
        self._is_closed = False
        self._is_dropped = False
        self._fresh = asyncio.Event()
        self._task = asyncio.create_task(self._read(), name=f"draft {session.session_id}")

    async def is_of_use(self) -> bool:
        """Wait until it is known whether it answers.

        Raises:
            LlmBusy: It got no connection in all the time that a request may wait for one.
            LlmStalled: It did not begin in all the time that an answer may take.
        """
        is_waited_for = self.stage == "asked"
        while self.stage == "asked":
            await self._more()
        if is_waited_for and isinstance(self._error, LlmBusy | LlmStalled):
            # A request that has waited so long is not sent again; one more would double the wait.
            raise self._error
        return self.stage == "answers"

    async def pieces(self) -> AsyncGenerator[str | Completion, None]:
        """The answer from its beginning, as a provider streams it; who takes it counts its tokens.

        Raises:
            AgentError: The answer broke off.
        """
        self._is_taken = True
        given = 0
        while True:
            while given < len(self._pieces):
                given += 1
                yield self._pieces[given - 1]
            if self._is_over:
                break
            await self._more()
        if self._error is not None:
            raise self._error

    def drop(self) -> None:
        """Nobody will take it: what still comes before it is closed changes nothing and is told nobody."""
        self._is_dropped = True

    async def aclose(self) -> None:
        """Close its stream, and count the tokens of an answer that has begun and that nobody took."""
        is_counted = self._is_taken or self._is_closed
        self._is_closed = True
        self._task.cancel()
        await asyncio.wait({self._task})
        if not is_counted:
            self._count()

    def _count(self) -> None:
        if not self._pieces:
            return  # as of a turn that is cut before its answer: perhaps the request has not even left
        last = self._pieces[-1]
        if isinstance(last, Completion) and last.usage is not None:
            tokens = last.usage.prompt_tokens + last.usage.completion_tokens
        else:
            tokens = self.early.tokens + len(self._text) // _CHARS_PER_TOKEN
        self._session.budget.spend_tokens(tokens)

    async def _more(self) -> None:
        self._fresh.clear()
        await self._fresh.wait()

    async def _read(self) -> None:
        try:
            await self._stream()
        except AgentError as error:
            self._error = error
            if isinstance(error, LlmRateLimited):
                self.limited_at = asyncio.get_running_loop().time()
            logger.info("draft_failed", extra={"error": error.code})
        except Exception as exc:
            self._error = exc
            logger.exception("internal")
        finally:
            self._is_over = True
            self._look()

    async def _stream(self) -> None:
        request = self.early.request
        reached("asked")
        with self._session.observer.model_call(None, request.messages, is_draft=True) as call:
            async with aclosing(self._provider.stream(request)) as pieces:
                async for piece in pieces:
                    if not self._pieces:
                        reached("token")
                    self._pieces.append(piece)
                    if isinstance(piece, str):
                        self._text += piece
                        if len(self._text) > self._max_chars:
                            return
                    else:
                        call.completed(piece.finish_reason, piece.usage)
                    self._look()
        if not self._pieces or isinstance(self._pieces[-1], str):
            raise LlmCut("the provider's stream ended without a completion")

    def _look(self) -> None:
        """What the answer is by now; tells of a change, and wakes who waits."""
        self._fresh.set()
        if self._is_taken or self._is_dropped or self._is_closed:
            return
        before, self.stage = self.stage, self._judged()
        self._rehearse()
        if self.stage != before:
            self._on_change()

    def _judged(self) -> DraftStage:
        last = self._pieces[-1] if self._pieces else None
        is_whole = self._is_over or isinstance(last, Completion)
        has_calls = isinstance(last, Completion) and bool(last.tool_calls)
        has_text = bool(self._text.strip())
        if self._error is not None or (is_whole and not has_text and not has_calls):
            return "void"
        if not has_text:
            return "answers" if has_calls else "asked"
        may_wait = self.early.request.may_wait
        match read_mark(self._text, is_whole=is_whole) if may_wait else "text":
            case "text":
                return "answers"
            case "mark":
                return "void" if has_calls else "waits"
            case "beside":
                return "void" if is_whole else "asked"
            case "open":
                return "asked"

    def _rehearse(self) -> None:
        """Have the first words' sound made, as soon as they are known to be an answer."""
        speech_output = self._session.speech_output
        if self.stage == "answers":
            for piece in self._pieces[self._rehearsed :]:
                speech_output.rehearse(
                    piece if isinstance(piece, str) else "", is_all=isinstance(piece, Completion)
                )
            self._rehearsed = len(self._pieces)
        elif self._rehearsed:
            speech_output.forget_rehearsed()


class Drafts:
    """The drafts of one session, one at a time.

    Attributes:
        on_change: Called when what it holds has changed.
    """

    def __init__(
        self, session: VoiceSession, provider: ChatProvider, asking: RequestBuilder, max_chars: int
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._session = session
        self._provider = provider
        self._asking = asking
        self._max_chars = max_chars
        self._heard: TentativeUtterance | None = None
        self._draft: Draft | None = None
        self._rests_until = float("-inf")
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def text(self) -> str | None:
        """The words that are being answered early; None where there are none."""
        return self._heard.text if self._heard is not None else None

    def begin(self, heard: TentativeUtterance) -> DraftStage | None:
        """Ask for an answer to these words, once; what it holds by now, None where there can be none."""
        if self._heard != heard:
            self.drop()
            self._heard = heard
            self._draft = self._asked(heard)
        return self._draft.stage if self._draft is not None else None

    def take(self, request: ChatRequest) -> Draft | None:
        """Give the draft away to who asks the very same; any other is dropped. Close it in the end."""
        draft = self._draft
        if draft is None or draft.early.plain != request:
            self.drop()
            return None
        self._draft = self._heard = None
        self._heed(draft)
        return draft

    def drop(self) -> None:
        """The draft is of no use any more."""
        draft, self._draft, self._heard = self._draft, None, None
        self._session.speech_output.forget_rehearsed()
        if draft is not None:
            draft.drop()
            self._heed(draft)
            ending = asyncio.create_task(draft.aclose(), name=f"end of draft {self._session.session_id}")
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def aclose(self) -> None:
        """Drop the draft, and wait until all have ended."""
        self.drop()
        if self._ending:
            await asyncio.wait(set(self._ending))

    def _heed(self, draft: Draft) -> None:
        """Ask nothing early for a while where the service has refused this for its rate."""
        if draft.limited_at is not None:
            self._rests_until = draft.limited_at + _REST_S

    def _asked(self, heard: TentativeUtterance) -> Draft | None:
        if asyncio.get_running_loop().time() < self._rests_until:
            return None
        try:
            self._session.budget.check_tokens()
        except BudgetExceeded:
            return None
        early = self._asking.early(heard.text, heard.emotion, may_wait=heard.may_wait)
        if early is None:
            return None
        return Draft(early, self._provider, self._session, self._max_chars, self._tell)

    def _tell(self) -> None:
        self.on_change()

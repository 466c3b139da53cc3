"""One turn: the model is asked, its tools run, it is asked again, until it has answered.

A turn knows the session, the provider and the tool runner; no socket and no other turn. However it ends, the
history is left acceptable to the API, and what the user heard stays in it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Literal

from app.cancelling import is_being_cancelled
from app.chat import Extras, FunctionCall
from app.conversation.early_answer import Drafts
from app.conversation.model_request import RequestBuilder
from app.errors import (
    BudgetExceeded,
    ContentFiltered,
    ContextTooLong,
    LlmCut,
    LlmError,
    TurnTimeout,
)
from app.llm.base import ChatProvider, ChatRequest, Completion
from app.locales import say
from app.protocol.events import EmotionEstimate, FinishReason, ResponseChunk, StateChanged, TurnSource
from app.session.history import ROUND_BREAK, LeftOut
from app.session.record import ConversationRecord
from app.session.state import SessionState
from app.session.voice_session import VoiceSession
from app.stall_timeout import patiently
from app.tools.runner import ToolRunner
from config.agent_settings import AgentSettings

logger = logging.getLogger(__name__)

_CHARS_PER_TOKEN = 4
"""As rough as it is: a service that counts is believed instead."""

_FINISH_REASONS: dict[str, FinishReason] = {"length": "length", "content_filter": "content_filter"}


_FILTER_REASONS = {"content_filter", "safety", "prohibited_content", "blocklist", "sensitive", "spii"}
"""Ends of an answer by which services refuse what was asked, where nothing came before."""


Cut = Literal["interrupted", "replaced", "cut_off", "stopped"]
"""Why a turn ends before its time. `interrupted`: the user has ended it. `replaced`: they went on speaking
before anything was heard, and another turn takes its place. `cut_off`: the talk has ended under it, and
nothing more of it is told, also not its end. `stopped`: so it has, by a stop of the server, and goes on
elsewhere.
"""


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """How a turn ended well."""

    finish_reason: FinishReason
    completion: Completion | None
    awaits_client: bool = False
    """It goes on when the client has run the tools that it called, and asks for an answer."""


@dataclass(frozen=True, slots=True)
class TurnParts:
    """What all turns of a session work with.

    Attributes:
        asking: Builds their requests.
        drafts: May hold the answer to the first of a turn.
    """

    session: VoiceSession
    record: ConversationRecord
    provider: ChatProvider
    tools: ToolRunner
    asking: RequestBuilder
    drafts: Drafts
    settings: AgentSettings


class Turn:
    """One turn of a session.

    Args:
        parts: What it works with.
        with_tools: Whether the model may call tools.
        emotion: How the user seems to feel whose text it answers; the model is told.
        max_tokens: Of what the model answers each time; None for what the server allows.

    Attributes:
        spoken: Its chunks so far.
        began_at: When it began, on the loop's clock in seconds.
        first_spoken_at: When the first of them came, on the loop's clock in seconds.
        cut: Why it ends before its time; None where it does not.
        is_anew: It is asked again: a server has ended before it had answered.
        heard_calls: Tool calls whose endings it put into the history.
        sources: Whose its messages are, where their roles do not tell.
        place: Where the contribution stands in the store that it carries out; None where it does none.
    """

    def __init__(
        self,
        turn_id: str,
        source: TurnSource,
        parts: TurnParts,
        *,
        with_tools: bool = True,
        emotion: EmotionEstimate | None = None,
        max_tokens: int | None = None,
    ) -> None:
        self.turn_id = turn_id
        self.source: TurnSource = source
        self.spoken: list[str] = []
        self.began_at = asyncio.get_running_loop().time()
        self.first_spoken_at: float | None = None
        self.cut: Cut | None = None
        self.is_anew = False
        self.heard_calls: list[str] = []
        self.sources: dict[str, Literal["backend", "server"]] = {}
        self.place: int | None = None
        self._parts = parts
        self._session = parts.session
        self._history = parts.session.conversation_history
        self._with_tools = with_tools
        self._emotion = emotion
        self._max_tokens = max_tokens
        self._said: list[str] = []
        self._chars_left = parts.settings.max_response_chars
        self._round_is_new = True
        self._has_called = False
        self._is_accepted = False

    async def run(self) -> TurnEnd:
        """Run to the end of the answer, and of its sound.

        Raises:
            AgentError: The answer failed; what was said until then is in the history.
        """
        try:
            end = await self._answer()
        except BaseException as exc:
            # Also of a failed answer, whatever broke, the user hears what they can read. Left open, its sound
            # would never end, and short answers of the user's would be taken for nods at it.
            if not (isinstance(exc, asyncio.CancelledError) and is_being_cancelled()):
                await self._session.speech_output.finish(self.turn_id)
            raise
        if self.source == "user" and not end.awaits_client and not "".join(self.spoken).strip():
            logger.warning("empty_answer")
            self.say(say(self._session.locale, "empty_answer"))
        await self._session.speech_output.finish(self.turn_id)
        return end

    async def recite(self, text: str, *, is_remembered: bool) -> TurnEnd:
        """Say a text that is there already, to the end of its sound."""
        self.say(text)
        if is_remembered:
            self._history.add_assistant(text)
        await self._session.speech_output.finish(self.turn_id)
        return TurnEnd("stop", None)

    async def _answer(self) -> TurnEnd:
        limit = patiently(self._parts.settings.turn_timeout_s)
        try:
            async with limit:
                if self._session.profile is not None:
                    await self._session.profile.settle()
                return await self._converse()
        except TimeoutError:
            if limit.expired():
                raise TurnTimeout(f"over {self._parts.settings.turn_timeout_s} s") from None
            raise

    def say(self, text: str) -> None:
        """Send the next piece of the answer; an empty line stands between what two rounds say."""
        if self._session.state is not SessionState.SPEAKING:
            self._enter(SessionState.SPEAKING)
        if not self.spoken:
            self.first_spoken_at = asyncio.get_running_loop().time()
        elif self._round_is_new:
            self._send(ROUND_BREAK)
        self._round_is_new = False
        self._send(text)

    @property
    def has_spoken(self) -> bool:
        """Whether it has said anything."""
        return bool(self.spoken)

    @property
    def has_called(self) -> bool:
        """Whether it has called tools."""
        return self._has_called

    def _send(self, text: str) -> None:
        self.spoken.append(text)
        self._session.emit(ResponseChunk(self.turn_id, text))
        self._session.speech_output.say(self.turn_id, text)

    async def _converse(self) -> TurnEnd:
        tool_rounds = 0
        while True:
            completion = await self._ask()
            if completion is None:
                return TurnEnd("length", None)
            if not completion.tool_calls or not self._with_tools:
                return TurnEnd(_FINISH_REASONS.get(completion.finish_reason, "stop"), completion)
            if tool_rounds >= self._parts.settings.max_tool_rounds:
                self._give_up()
                return TurnEnd("stop", completion)
            tool_rounds += 1
            if await self._run_tools(completion):
                return TurnEnd("stop", completion, awaits_client=True)

    def _give_up(self) -> None:
        logger.warning("too_many_tool_rounds", extra={"rounds": self._parts.settings.max_tool_rounds})
        self._keep_said()
        sentence = say(self._session.locale, "too_many_rounds")
        self._chars_left = max(self._chars_left, len(sentence))  # a cut excuse explains nothing
        self._speak(sentence)
        self._keep_said()

    async def _ask(self) -> Completion | None:
        """Ask the model once and says what it answers; None where the answer grew over its limit."""
        self._session.budget.check_tokens()
        self._enter(SessionState.THINKING)
        self._is_accepted = False
        try:
            completion = await self._ask_fitting()
        except LlmError as exc:
            if self._is_accepted or not (exc.refuses_prompt or exc.may_refuse_prompt):
                raise
            completion = await self._ask_without(exc)
        if completion is not None and not self._is_accepted:
            completion = await self._ask_past_silence(completion)
        if completion is None or not (completion.tool_calls and self._with_tools):
            # Thoughts go back with calls, and with what was said in a turn that made some.
            extras = completion.extras if completion is not None and self._has_called else None
            self._keep_said(extras)
        return completion

    async def _ask_fitting(self) -> Completion | None:
        """Ask, with ever fewer turns where the service finds that too long; in vain, all of them stay."""
        while True:
            request = self._request()
            try:
                return await self._stream(request)
            except ContextTooLong:
                if self._is_accepted or not self._history.drop_older_half():
                    self._history.take_back()
                    raise
                logger.warning("context_too_long", extra={"retry": True})

    async def _ask_without(self, error: LlmError) -> Completion | None:
        """Ask anew without what may be to blame, so that nothing that was said ends a talk.

        A refusal names the prompt: what is new in it leaves. A failure may be an outage, in which nothing is
        forgotten: only prompts that go well without the texts of failed turns, while those with them fail
        again and again, show that it was they.
        """
        names_content = isinstance(error, ContentFiltered)
        for part in self._history.doubted(is_refused=error.refuses_prompt, names_content=names_content):
            logger.warning("asked_without", extra={"part": part, "error": error.code})
            try:
                return await self._stream(self._request(part))
            except LlmError as exc:
                if self._is_accepted:
                    raise
                error = exc if exc.refuses_prompt else error
        if error.refuses_prompt:
            self._history.drop_rejected()
        raise error

    async def _ask_past_silence(self, silence: Completion) -> Completion | None:
        """Ask anew where an answer held nothing at all and the turn before had failed too."""
        for part in self._history.doubted(is_refused=False):
            logger.warning("asked_without", extra={"part": part, "error": "empty_answer"})
            with suppress(LlmError):
                completion = await self._stream(self._request(part))
                if self._is_accepted:
                    return completion
        return silence

    async def _stream(self, request: ChatRequest) -> Completion | None:
        draft = self._parts.drafts.take(request)
        if draft is not None:
            async with aclosing(draft):
                if await draft.is_of_use():
                    return await self._listen(draft.pieces(), draft.early.aside_bytes)
        with self._session.observer.model_call(self.turn_id, request.messages) as call:
            completion = await self._listen(self._parts.provider.stream(request))
            if completion is not None:
                call.completed(completion.finish_reason, completion.usage)
        return completion

    async def _listen(
        self, answer: AsyncGenerator[str | Completion, None], aside_bytes: int = 0
    ) -> Completion | None:
        completion: Completion | None = None
        accepted = False
        chars_left = self._chars_left
        try:
            async with aclosing(answer) as pieces:
                async for piece in pieces:
                    if not accepted and _holds_something(piece):
                        accepted = True
                        self._accept()
                    if len(self._session.outbox):
                        # Tokens that arrive in one packet still leave one by one, unless the reader is slow.
                        await asyncio.sleep(0)
                    if not isinstance(piece, str):
                        completion = piece
                    elif not self._speak(piece):
                        return None
        except BaseException:
            self._keep_said()
            raise
        finally:
            if accepted:
                self._session.budget.spend_tokens(self._cost(completion, chars_left - self._chars_left))
        if completion is None:
            self._keep_said()
            raise LlmCut("the provider's stream ended without a completion")
        if completion.usage is not None:
            self._history.observe(completion.usage, aside_bytes)
        return completion

    def _accept(self) -> None:
        """The service has begun to answer; what it was asked without, because it refused that, is refused."""
        self._is_accepted = True
        self._history.accepted()
        self._parts.record.settle_refused()

    def _cost(self, completion: Completion | None, chars: int) -> int:
        """The tokens of what was asked and said: also of an answer that was cut, and so was never counted."""
        if completion is not None and completion.usage is not None:
            return completion.usage.prompt_tokens + completion.usage.completion_tokens
        return self._history.asked_tokens + chars // _CHARS_PER_TOKEN

    def _request(self, without: LeftOut | None = None) -> ChatRequest:
        request = self._parts.asking.next(self._emotion, without, with_tools=self._with_tools)
        return request if self._max_tokens is None else replace(request, max_tokens=self._max_tokens)

    def _speak(self, piece: str) -> bool:
        """Say a piece of the model's text; False where the answer has reached its limit."""
        if self._chars_left <= 0:
            return False
        fits = len(piece) <= self._chars_left
        piece = piece[: self._chars_left]
        self._chars_left -= len(piece)
        self.say(piece)
        self._said.append(piece)
        return fits

    def _keep_said(self, extras: Extras | None = None) -> None:
        """Put what this round has said into the history."""
        self._history.add_assistant("".join(self._said), extras)
        self._said.clear()
        self._round_is_new = True

    def _granted(self, wanted: int) -> int:
        """Return how many calls may run; raises `BudgetExceeded` where the user has none left."""
        try:
            return self._session.budget.take_tools(min(wanted, self._parts.settings.max_tool_calls))
        except BudgetExceeded:
            self._keep_said()
            raise

    async def _run_tools(self, completion: Completion) -> bool:
        """Start the calls and wait for them a little; what takes longer goes on without the turn.

        Returns:
            Whether some of them are for the client to run.
        """
        calls: Sequence[FunctionCall] = completion.tool_calls
        limit = self._granted(len(calls))
        self._session.speech_output.breathe(self.turn_id)
        self._enter(SessionState.PROCESSING_TOOL)
        too_many = say(self._session.locale, "tool_too_many", limit=limit)
        runs = [self._parts.tools.start(call, self.turn_id) for call in calls[:limit]]
        runs += [self._parts.tools.refuse(call, self.turn_id, too_many) for call in calls[limit:]]
        records = [run.record() for run in runs]
        self._history.add_calls("".join(self._said), records, completion.extras)
        self._has_called = True
        self._said.clear()
        self._round_is_new = True
        try:
            await self._parts.tools.wait(runs)
        finally:
            for run in runs:
                answer = self._parts.tools.answer_to(run)
                if answer is not None:
                    self.heard_calls.append(run.call_id)
                    self._history.settle(run.call_id, answer)
                    if run.repeats is None:
                        run.deliver()
                else:
                    run.detach()
        return any(run.is_clients and run.is_pending for run in runs)

    def _enter(self, state: SessionState) -> None:
        self._session.move_to(state)
        self._session.emit(StateChanged(state.value))


def _holds_something(first: str | Completion) -> bool:
    """Return whether what comes first of an answer shows that the prompt was taken.

    Raises:
        ContentFiltered: An answer is nothing but a filter's word.
    """
    if isinstance(first, str) or first.tool_calls:
        return True
    if first.finish_reason.lower() in _FILTER_REASONS:
        raise ContentFiltered(f"an answer without a word: {first.finish_reason}")
    return False

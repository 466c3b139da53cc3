"""A session's talk: texts and ended tools wait in one line, and turns take them one after another.

The line is what makes two promises easy: turns never mix, and every text that was accepted ends in exactly
one answer or one error.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import orjson

from app.conversation.turn import Turn, TurnEnd
from app.errors import AgentError, ContentFiltered, ContextTooLong, Internal, LlmBadResponse, QueueFull
from app.llm.base import ChatProvider
from app.locales import say
from app.protocol.events import (
    ErrorOccurred,
    MessageAccepted,
    ResponseComplete,
    StateChanged,
    TurnSource,
    TurnStarted,
)
from app.session.state import SessionState
from app.session.voice_session import VoiceSession
from app.tools.calls import ToolRun, new_call_id
from app.tools.runner import ToolHost, ToolRunner
from config.logger_config import TURN_ID
from config.settings import Settings

logger = logging.getLogger(__name__)

MAX_TELLINGS = 3
"""How many turns try to tell a background result (design 4.10: twice back to the head of the line)."""

_TOLD_CHARS = 200


@dataclass(frozen=True, slots=True)
class UserText:
    """A text that waits for its turn."""

    turn_id: str
    content: str


def new_turn_id() -> str:
    """An opaque id, unique in its session and beyond."""
    return f"turn_{secrets.token_hex(8)}"


class Conversation:
    """One session's talk.

    Args:
        session: Whose state, history and outbox this writes.
        provider: The language model.
        host: What runs the tools.
    """

    def __init__(
        self, session: VoiceSession, provider: ChatProvider, host: ToolHost, settings: Settings
    ) -> None:
        self._session = session
        self._history = session.conversation_history
        self._provider = provider
        self._settings = settings
        self.tools = ToolRunner(host, session, self._on_late_ending)
        self._line: deque[UserText | ToolRun] = deque()
        self._texts_waiting = 0
        self._agent_turns = 0
        self._worker: asyncio.Task[None] | None = None
        self._is_in_turn = False
        self._is_closed = False

    def hear(self, content: str) -> str:
        """Takes a user's text; it is answered in its turn.

        Returns:
            The id of the turn that will answer it.

        Raises:
            QueueFull: `MAX_QUEUED_MESSAGES` texts wait already.
        """
        room = self._settings.max_queued_messages + (not self._is_in_turn)
        if self._texts_waiting >= room:
            raise QueueFull
        text = UserText(new_turn_id(), content)
        self._texts_waiting += 1
        self._line.append(text)
        self._session.emit(MessageAccepted(text.turn_id))
        self._wake()
        return text.turn_id

    @property
    def is_busy(self) -> bool:
        """Whether a turn runs or something waits for one."""
        return self._worker is not None or bool(self._line)

    async def aclose(self) -> None:
        """Ends the talk: the running turn and all tools are cancelled and awaited."""
        self._is_closed = True
        self._line.clear()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait({self._worker})
        await self.tools.aclose()

    def _on_late_ending(self, run: ToolRun) -> None:
        if self._is_closed:
            logger.debug("tool_result_dropped", extra={"call_id": run.call_id})
            return
        self._line.append(run)
        self._wake()

    def _wake(self) -> None:
        if self._worker is None and not self._is_closed:
            self._worker = asyncio.create_task(self._work(), name=f"talk {self._session.session_id}")

    async def _work(self) -> None:
        """Takes turns until the line is empty; it exists only while there is something to do."""
        try:
            while self._line:
                try:
                    await self._next_turn()
                except Exception:
                    # A bug outside of a turn's own steps: the next text must be answered all the same.
                    logger.exception("internal")
        finally:
            self._worker = None

    async def _next_turn(self) -> None:
        item = self._line.popleft()
        if isinstance(item, UserText):
            self._texts_waiting -= 1
            await self._take(item.turn_id, self._answer(item))
            return
        runs = [item]
        while self._line and isinstance(self._line[0], ToolRun):
            runs.append(self._line.popleft())  # pyright: ignore[reportArgumentType]  # checked above
        turn_id = new_turn_id()
        await self._take(turn_id, self._tell(turn_id, runs))

    async def _take(self, turn_id: str, steps: Coroutine[Any, Any, None]) -> None:
        """Runs the steps of a turn with its id on every log line."""
        token = TURN_ID.set(turn_id)
        self._is_in_turn = True
        try:
            await steps
        finally:
            self._is_in_turn = False
            TURN_ID.reset(token)

    async def _answer(self, text: UserText) -> None:
        """The turn of a user's text."""
        self._agent_turns = 0
        self.tools.user_spoke()
        self._history.begin_turn(text.turn_id)
        self._history.add_user(text.content)
        self._session.emit(TurnStarted(text.turn_id, "user"))
        turn = self._turn(text.turn_id, "user")
        outcome = await self._run(turn)
        if isinstance(outcome, AgentError):
            self._fail(turn, outcome)
            return
        if not turn.has_spoken:
            logger.warning("empty_answer")
            turn.say(say(self._session.locale, "empty_answer"))
        self._complete(turn, outcome)

    async def _tell(self, turn_id: str, runs: list[ToolRun]) -> None:
        """The agent's own turn about tools that ended in the background."""
        self._agent_turns += any(run.tellings == 0 for run in runs)
        self._add_results(turn_id, runs)
        turn = self._turn(turn_id, "tool", with_tools=self._agent_turns <= self._settings.max_agent_turns)
        outcome = await self._run(turn)
        if not isinstance(outcome, AgentError) and turn.has_spoken:
            self._complete(turn, outcome)
            return
        error = outcome if isinstance(outcome, AgentError) else LlmBadResponse("an empty answer")
        self._tell_again(turn, runs, error)

    def _tell_again(self, turn: Turn, runs: list[ToolRun], error: AgentError) -> None:
        """A telling failed: its results go back to the head of the line, or the server tells them itself."""
        for run in runs:
            run.tellings += 1
            if turn.has_spoken:
                run.told_as = None
        logger.warning(
            error.code, extra={"facts": error.facts, "tellings": max(run.tellings for run in runs)}
        )
        if turn.has_spoken:
            self._end(turn, ErrorOccurred(error, turn.turn_id))
        else:
            self._rest()
        hopeless = [run for run in runs if run.tellings >= MAX_TELLINGS]
        others = [run for run in runs if run.tellings < MAX_TELLINGS]
        self._line.extendleft(reversed(others))
        if hopeless:
            for run in others:
                run.told_as = None  # the server's own words come between: the model is to see it anew
            self._tell_plainly(hopeless, may_remember=not isinstance(error, ContentFiltered | ContextTooLong))

    def _tell_plainly(self, runs: list[ToolRun], *, may_remember: bool) -> None:
        """The server's own words for results that the model would not tell.

        `may_remember` is False where the service refused the results themselves: in the history they would
        have it refuse all that follows.
        """
        turn = self._turn(new_turn_id(), "tool")
        text = "\n".join(self._plain_sentence(run) for run in runs)
        turn.say(text)
        if may_remember:
            self._add_results(turn.turn_id, runs)
            self._history.add_assistant(text)
        self._complete(turn, TurnEnd("stop", None))

    def _plain_sentence(self, run: ToolRun) -> str:
        assert run.ending is not None  # noqa: S101  # only ended calls come into the line
        result = run.ending.result
        text = run.ending.error or (result if isinstance(result, str) else orjson.dumps(result).decode())
        return say(
            self._session.locale, f"tool_result_{run.ending.status}", name=run.name, text=text[:_TOLD_CHARS]
        )

    def _add_results(self, turn_id: str, runs: list[ToolRun]) -> None:
        """Puts results into the history, in a turn of their own; when told again, they are there already."""
        fresh = [run for run in runs if not self._history.holds(run.told_as)]
        if len(fresh) == len(runs):
            self._history.begin_turn(turn_id)
        for run in fresh:
            run.told_as = new_call_id()
            content = {**(run.answer or {}), "call_id": run.call_id}
            self._history.add_result(run.record(run.told_as), content)

    def _turn(self, turn_id: str, source: TurnSource, *, with_tools: bool = True) -> Turn:
        return Turn(
            turn_id,
            source,
            session=self._session,
            provider=self._provider,
            tools=self.tools,
            settings=self._settings,
            with_tools=with_tools and bool(self.tools.registry.names),
        )

    async def _run(self, turn: Turn) -> TurnEnd | AgentError:
        try:
            return await turn.run()
        except AgentError as exc:
            return exc
        except Exception as exc:
            logger.exception("internal")
            return Internal(type(exc).__name__)

    def _fail(self, turn: Turn, error: AgentError) -> None:
        logger.warning(error.code, extra={"facts": error.facts})
        self._end(turn, ErrorOccurred(error, turn.turn_id))

    def _complete(self, turn: Turn, end: TurnEnd) -> None:
        usage = end.completion.usage if end.completion is not None else None
        self._end(turn, ResponseComplete(turn.turn_id, end.finish_reason, usage))

    def _end(self, turn: Turn, event: ResponseComplete | ErrorOccurred) -> None:
        """The turn's last word, then the state. The session moves first, so that no one sees an old state."""
        state = self._resting_state()
        self._session.move_to(state)
        self._session.emit(event)
        self._session.emit(StateChanged(state.value))

    def _rest(self) -> None:
        state = self._resting_state()
        self._session.move_to(state)
        self._session.emit(StateChanged(state.value))

    def _resting_state(self) -> SessionState:
        return SessionState.PROCESSING_TOOL if self._session.pending_tools else SessionState.IDLE

"""Runs a session's turns one at a time, ends them when the user says so, and says how each ended."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from app.clock import Clock
from app.conversation.asking import Asking
from app.conversation.draft import Drafts
from app.conversation.turn import Turn, TurnEnd
from app.errors import AgentError, Internal, LlmError
from app.llm.base import ChatProvider
from app.protocol.events import (
    Emotion,
    ErrorOccurred,
    Event,
    Interrupted,
    ResponseComplete,
    StateChanged,
    Timings,
    TurnSource,
    TurnStarted,
)
from app.session.journal import TurnEnding
from app.session.mouth import Heard
from app.session.state import SessionState
from app.session.transcript import Spoken
from app.session.voice_session import VoiceSession
from app.tools.runner import ToolRunner
from config.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Interruption:
    """A turn was ended by the user, who had heard so much of it."""

    heard: str


Outcome = TurnEnd | AgentError | Interruption


class TurnRunner:
    """The turns of one session."""

    def __init__(
        self,
        session: VoiceSession,
        provider: ChatProvider,
        tools: ToolRunner,
        asking: Asking,
        drafts: Drafts,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._session = session
        self._history = session.conversation_history
        self._provider = provider
        self._tools = tools
        self._settings = settings
        self._asking = asking
        self._drafts = drafts
        self._running: tuple[Turn, asyncio.Task[TurnEnd]] | None = None
        self._dropped_chars = 0
        self._heard: Heard | None = None
        self._ended = ""

    @property
    def running_turn(self) -> Turn | None:
        """The turn that runs now."""
        return self._running[0] if self._running is not None else None

    def begin(
        self, turn_id: str, source: TurnSource, *, with_tools: bool = True, emotion: Emotion | None = None
    ) -> Turn:
        """Makes a turn and says that it has begun."""
        self._session.emit(TurnStarted(turn_id, source))
        return Turn(
            turn_id,
            source,
            session=self._session,
            provider=self._provider,
            tools=self._tools,
            asking=self._asking,
            drafts=self._drafts,
            settings=self._settings,
            with_tools=with_tools and self._asking.has_tools,
            emotion=emotion,
        )

    async def run(self, turn: Turn) -> Outcome:
        """Runs a turn to its end, whatever that is."""
        return await self._run(turn, turn.run())

    async def recite(
        self, turn: Turn, text: str, *, is_remembered: bool = True, told: Sequence[str] = ()
    ) -> None:
        """A turn that says a text which is there already, and how it ended; `told`: the calls it tells of."""
        outcome = await self._run(turn, turn.recite(text, is_remembered=is_remembered))
        if isinstance(outcome, Interruption):
            await self.interrupted(turn, outcome, told=told)
        elif isinstance(outcome, AgentError):
            await self.fail(turn, outcome)
        else:
            await self.complete(turn, outcome, told=told)

    async def _run(self, turn: Turn, steps: Coroutine[Any, Any, TurnEnd]) -> Outcome:
        task = asyncio.create_task(steps, name=f"turn {turn.turn_id}")
        self._running, self._dropped_chars, self._heard = (turn, task), 0, None
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:  # the session is closing, and nobody asks for the outcome
            task.cancel()
            await asyncio.wait({task})
            if turn.is_interrupted:
                self._cut(turn, task)
            elif not task.cancelled():
                task.exception()  # looked at here, or the loop would complain
            raise
        finally:
            self._running = None
        if turn.is_interrupted:
            return self._cut(turn, task)
        try:
            return task.result()
        except AgentError as exc:
            return exc
        except (Exception, asyncio.CancelledError) as exc:
            # Nobody has cancelled it: something that it asked has, as clients of services do in trouble.
            logger.exception("internal")
            return Internal(type(exc).__name__)

    def interrupt(self, turn_id: str | None = None) -> bool:
        """Ends the running turn, or just the one that is named; nothing of it leaves from now on.

        Returns:
            Whether there was such a turn.
        """
        if self._running is None:
            return False
        turn, task = self._running
        if task.done() or turn.is_interrupted or turn_id not in (None, turn.turn_id):
            return False
        turn.is_interrupted = True
        self._dropped_chars = self._session.outbox.drop_turn(turn.turn_id)
        self._heard = self._session.mouth.cut(turn.turn_id)
        task.cancel()
        return True

    def replace(self, turn_id: str) -> bool:
        """Ends a turn of which nothing was heard, since the user goes on speaking: no trace of it stays.

        Returns:
            Whether it was running.
        """
        is_running = self.interrupt(turn_id)
        if is_running and self._running is not None:
            self._running[0].is_replaced = True
        return is_running

    def cut_off(self, *, stays_open: bool) -> bool:
        """Ends the running turn because the talk ends; what was heard of it stays.

        Args:
            stays_open: Its text is asked again elsewhere; else it has ended.

        Returns:
            Whether there was such a turn.
        """
        if self._running is None or not self.interrupt():
            return False
        turn = self._running[0]
        turn.is_cut_off, turn.stays_open = True, stays_open
        return True

    def correct(self, turn_id: str, heard_chars: int) -> None:
        """The client says that it played more of a turn that was cut, or less."""
        heard = self._history.recut_speech(turn_id, heard_chars)
        if heard is None:
            return
        self._session.transcript.correct(turn_id, heard)
        self._session.journal.turn_corrected(turn_id, self._history.said_in(turn_id))

    def _cut(self, turn: Turn, task: asyncio.Task[TurnEnd]) -> Interruption:
        """Leaves in the history what the user heard."""
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("interrupted_turn_failed", extra={"error": type(error).__name__})
        dropped = self._dropped_chars + self._session.outbox.drop_turn(turn.turn_id)
        said = "".join(turn.spoken)
        heard = said[: len(said) - dropped] if self._heard is None else said[: self._heard.chars]
        self._history.cut_speech(len(heard))
        logger.info("interrupted", extra={"heard_chars": len(heard), "dropped_chars": dropped})
        return Interruption(heard)

    async def complete(
        self, turn: Turn, end: TurnEnd, accepted_at: float | None = None, told: Sequence[str] = ()
    ) -> None:
        """Says that a turn has ended well.

        Args:
            turn: The turn.
            end: How it ended.
            accepted_at: When its text was taken, on the loop's clock, in seconds.
            told: The calls whose results it told: it is written down that it did, together with its end.
        """
        usage = end.completion.usage if end.completion is not None else None
        timings = self._timings(turn, accepted_at)
        text = "".join(turn.spoken)
        durable = await self._write(turn, text, "ok", told)
        self.end(ResponseComplete(turn.turn_id, end.finish_reason, usage, text, timings, durable))

    async def fail(self, turn: Turn, error: AgentError) -> None:
        """Says that a turn has failed."""
        is_refusal = isinstance(error, LlmError) and error.refuses_prompt
        await self._write(turn, "".join(turn.spoken), "refused" if is_refusal else "failed")
        if is_refusal:
            self._session.transcript.refuse(turn.turn_id)
        is_agents = turn.source != "user" and not turn.has_spoken
        self.end(ErrorOccurred(error, turn.turn_id, is_agents=is_agents))

    async def interrupted(
        self,
        turn: Turn,
        outcome: Interruption,
        accepted_at: float | None = None,
        told: Sequence[str] = (),
    ) -> None:
        """Says that a turn was ended by the user; `told`: what it told, if anything of it was heard."""
        told = told if outcome.heard else ()
        if turn.is_cut_off:
            self._leave(turn, outcome, told)
            return
        timings = self._timings(turn, accepted_at)
        if turn.is_replaced:
            self._history.forget_turn(turn.turn_id)
            self._session.transcript.forget(turn.turn_id)
        # The text that brings all the words marks this one as joined, in one write: words are never nowhere.
        durable = await self._write(turn, outcome.heard, "interrupted", told)
        self.end(
            Interrupted(turn.turn_id, outcome.heard),
            ResponseComplete(turn.turn_id, "interrupted", None, outcome.heard, timings, durable),
        )

    def _leave(self, turn: Turn, outcome: Interruption, told: Sequence[str]) -> None:
        """Writes down what was heard of a turn under which the talk has ended; says nothing.

        A contribution that is to be carried out again stands in the store as it was taken; one that has
        called tools may have changed something, and has ended.
        """
        if turn.stays_open and turn.place is not None and not turn.has_called:
            return
        self._note_heard(turn, outcome.heard, "interrupted")
        if turn.stays_open and turn.source == "user":
            messages, told = self._history.take_unwritten(), [*turn.heard_calls, *told]
            self._session.journal.turn_cut(turn.turn_id, messages, told, is_anew=turn.is_anew)
        else:
            self._journal_end(turn, outcome.heard, "interrupted", told)

    def _note_heard(self, turn: Turn, text: str, ending: TurnEnding) -> None:
        now = self._clock.now()
        source = "backend" if turn.sources.get("assistant") == "backend" else None
        was_cut = ending == "interrupted"
        said = Spoken("assistant", text, turn.turn_id, now, was_cut, source=source)
        self._session.transcript.add(said)

    async def _write(self, turn: Turn, text: str, ending: TurnEnding, told: Sequence[str] = ()) -> bool:
        """Writes down what the turn said and added to the history; waits for that as long as it may."""
        self._note_heard(turn, text, ending)
        return await self._journal_end(turn, text, ending, told)

    def _journal_end(self, turn: Turn, text: str, ending: TurnEnding, told: Sequence[str]) -> Awaitable[bool]:
        """Writes down what the turn added; results that it could not tell only with the turn that does.

        Until then they are told anew after a restart, and stand in the history once.
        """
        is_untold = turn.source == "tool" and not (text or told or turn.has_called)
        return self._session.journal.turn_ended(
            turn.turn_id,
            [] if is_untold else self._history.take_unwritten(),
            ending,
            told=[*turn.heard_calls, *told],
            is_anew=turn.is_anew,
            sources=turn.sources,
            place=turn.place,
        )

    def end(self, *events: Event) -> None:
        """A turn's last words, then the state. The session moves first, so that no one sees an old state."""
        state = self._session.resting_state
        if self._session.state is not state:
            self._session.move_to(state)
        for event in events:
            self._session.emit(event)
            if isinstance(event, ResponseComplete | ErrorOccurred):
                self._ended = event.turn_id or self._ended
            if isinstance(event, ResponseComplete):
                was_cut = event.finish_reason == "interrupted"
                self._session.transcript.end_turn(event.turn_id, "interrupted" if was_cut else "complete")
            elif isinstance(event, ErrorOccurred) and event.turn_id is not None:
                self._session.transcript.end_turn(event.turn_id, "failed")
        self._session.emit(StateChanged(state.value))

    def rest(self) -> None:
        """What has been done had no turn: the state no longer says that the user speaks, if they do not."""
        state = self._session.resting_state
        if self._session.state is SessionState.LISTENING and state is not SessionState.LISTENING:
            self._session.move_to(state)
            self._session.emit(StateChanged(state.value))

    def end_by_bug(self, turn_id: str, exc: Exception) -> None:
        """Ends a text outside of whose turn something has broken, if it has not ended yet."""
        if self._ended != turn_id:
            self._session.journal.turn_ended(turn_id, [], "failed")
            self.end(ErrorOccurred(Internal(type(exc).__name__), turn_id))

    def _timings(self, turn: Turn, accepted_at: float | None) -> Timings:
        now = asyncio.get_running_loop().time()
        start = turn.began_at if accepted_at is None else accepted_at
        sound_at = self._session.mouth.first_sound_at(turn.turn_id)
        return Timings(
            queued=round((turn.began_at - start) * 1000),
            first_token=_since(turn.began_at, turn.first_spoken_at),
            total=round((now - start) * 1000),
            first_audio=_since(turn.began_at, sound_at),
        )


def _since(start: float, moment: float | None) -> int | None:
    """Milliseconds."""
    return None if moment is None else round((moment - start) * 1000)

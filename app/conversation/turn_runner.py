"""Runs a session's turns one at a time, ends them when the user says so, and says how each ended."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import Any, Final

from app.clock import Clock
from app.conversation.outcome import TurnOutcome, outcome_of, outcome_of_cut
from app.conversation.turn import Cut, Turn, TurnEnd, TurnParts
from app.errors import AgentError, Internal
from app.protocol.commands import AnswerLimits
from app.protocol.events import (
    EmotionEstimate,
    ErrorOccurred,
    Event,
    Interrupted,
    ResponseComplete,
    Spoken,
    StateChanged,
    TextEnding,
    Timings,
    TurnSource,
    TurnStarted,
)
from app.session.journal import TurnEnding
from app.session.record import TurnClosing
from app.session.speech_output import HeardSpeech
from app.session.state import SessionState

logger = logging.getLogger(__name__)

NO_FACTS: Final[Mapping[str, object]] = {}


class TurnRunner:
    """The turns of one session.

    Attributes:
        newest: The turn that began last; empty where none has.
    """

    def __init__(self, parts: TurnParts, clock: Clock) -> None:
        self._clock = clock
        self._parts = parts
        self._session = parts.session
        self.record = parts.record
        self._running: tuple[Turn, asyncio.Task[TurnEnd]] | None = None
        self._dropped_chars = 0
        self._heard: HeardSpeech | None = None
        self._ended = ""
        self.newest = ""

    @property
    def running_turn(self) -> Turn | None:
        """The turn that runs now."""
        return self._running[0] if self._running is not None else None

    def begin(
        self,
        turn_id: str,
        source: TurnSource,
        *,
        with_tools: bool = True,
        emotion: EmotionEstimate | None = None,
        limits: AnswerLimits | None = None,
    ) -> Turn:
        """Make a turn and say that it has begun."""
        limits = limits or self._session.answer_limits
        self.newest = turn_id
        self._session.emit(TurnStarted(turn_id, source))
        return Turn(
            turn_id,
            source,
            self._parts,
            with_tools=with_tools and limits.with_tools and self._parts.asking.has_tools,
            emotion=emotion,
            max_tokens=limits.max_tokens,
        )

    async def run(self, turn: Turn) -> TurnOutcome:
        """Run a turn to its end, whatever that is."""
        return await self._run(turn, turn.run())

    async def recite(self, turn: Turn, text: str, *, is_remembered: bool = True) -> TurnOutcome:
        """Run a turn that says a text which is there already."""
        return await self._run(turn, turn.recite(text, is_remembered=is_remembered))

    async def _run(self, turn: Turn, steps: Coroutine[Any, Any, TurnEnd]) -> TurnOutcome:
        task = asyncio.create_task(steps, name=f"turn {turn.turn_id}")
        self._running, self._dropped_chars, self._heard = (turn, task), 0, None
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:  # the session is closing, and nobody asks for the outcome
            task.cancel()
            await asyncio.wait({task})
            if turn.cut is not None:
                self._cut(turn, task)
            elif not task.cancelled():
                task.exception()  # looked at here, or the loop would complain
            raise
        finally:
            self._running = None
        if turn.cut is not None:
            return outcome_of_cut(turn, self._cut(turn, task))
        try:
            return outcome_of(turn, task.result())
        except AgentError as exc:
            return outcome_of(turn, exc)
        except (Exception, asyncio.CancelledError) as exc:
            # Nobody has cancelled it: something that it asked has, as clients of services do in trouble.
            logger.exception("internal")
            return outcome_of(turn, Internal(type(exc).__name__))

    def interrupt(self, turn_id: str | None = None, cut: Cut = "interrupted") -> bool:
        """End the running turn, or just the one that is named; nothing of it leaves from now on.

        Args:
            turn_id: The turn; None for the one that runs.
            cut: Why. Of one that is `replaced` nothing was heard, and no trace stays; of all others what was
                heard does.

        Returns:
            Whether there was such a turn.
        """
        if self._running is None:
            return False
        turn, task = self._running
        if task.done() or turn.cut is not None or turn_id not in (None, turn.turn_id):
            return False
        turn.cut = cut
        self._dropped_chars = self._session.outbox.drop_turn(turn.turn_id)
        self._heard = self._session.speech_output.cut(turn.turn_id)
        task.cancel()
        return True

    def correct(self, turn_id: str, heard_chars: int) -> None:
        """The client says that it played more of a turn that has ended, or less."""
        if self._running is not None and self._running[0].turn_id == turn_id:
            self._heard = HeardSpeech(heard_chars)  # it is just being cut
            return
        self.record.correct(turn_id, heard_chars, self._clock.now())

    def _cut(self, turn: Turn, task: asyncio.Task[TurnEnd]) -> str:
        """Leave in the history what the user heard, and return it."""
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("interrupted_turn_failed", extra={"error": type(error).__name__})
        dropped = self._dropped_chars + self._session.outbox.drop_turn(turn.turn_id)
        said = "".join(turn.spoken)
        heard = said[: len(said) - dropped] if self._heard is None else said[: self._heard.chars]
        self.record.cut(len(heard))
        logger.info("interrupted", extra={"heard_chars": len(heard), "dropped_chars": dropped})
        return heard

    async def finish(
        self,
        turn: Turn,
        outcome: TurnOutcome,
        *,
        accepted_at: float | None = None,
        told: Sequence[str] = (),
        facts: Mapping[str, object] = NO_FACTS,
    ) -> None:
        """Do what follows of a turn's outcome, and say how it has ended.

        Args:
            turn: The turn.
            outcome: How it ended.
            accepted_at: When its text was taken, on the loop's clock, in seconds.
            told: The calls whose results were heard: that they were is written down together with its end.
            facts: What the log is to hold beside its error, if it failed.
        """
        error, ending = outcome.error, outcome.following.stored
        if error is not None:
            logger.log(error.severity, error.code, extra={"facts": error.facts, **facts})
        if outcome.following.shown is None or ending is None:
            self._leave(turn, outcome, told)
            return
        timings = self._timings(turn, accepted_at)
        if outcome.kind == "replaced":
            self.record.forget(turn.turn_id)
        # The text that brings all the words marks this one as joined, in one write: words are never nowhere.
        durable = await self._write(turn, outcome.text, ending, told)
        if outcome.kind == "refused":
            self.record.refuse(turn.turn_id)
        self.end(turn.turn_id, outcome.following.shown, *outcome.events(turn, timings, durable=durable))

    def _leave(self, turn: Turn, outcome: TurnOutcome, told: Sequence[str]) -> None:
        """Write down what was heard of a turn under which the talk has ended; say nothing.

        A contribution that is to be carried out again stands in the store as it was taken; one that has
        called tools may have changed something, and has ended.
        """
        if outcome.kind == "put_back":
            return
        self._note_heard(turn, outcome.text, "interrupted")
        if (ending := outcome.following.stored) is None:
            self.record.leave_open(turn.turn_id, [*turn.heard_calls, *told], is_anew=turn.is_anew)
        else:
            self._journal_end(turn, outcome.text, ending, told)

    def _note_heard(self, turn: Turn, text: str, ending: TurnEnding) -> None:
        now = self._clock.now()
        source = "backend" if turn.sources.get("assistant") == "backend" else None
        was_cut = ending == "interrupted"
        self.record.say(Spoken("assistant", text, turn.turn_id, now, was_cut, source=source))

    async def _write(self, turn: Turn, text: str, ending: TurnEnding, told: Sequence[str] = ()) -> bool:
        """Write down what the turn said and added to the history; wait for that as long as it may."""
        self._note_heard(turn, text, ending)
        return await self._journal_end(turn, text, ending, told)

    def _journal_end(self, turn: Turn, text: str, ending: TurnEnding, told: Sequence[str]) -> Awaitable[bool]:
        """Write down what the turn added; results that it could not tell only with the turn that does.

        Until then they are told anew after a restart, and stand in the history once.
        """
        is_untold = turn.source == "tool" and not (text or told or turn.has_called)
        closing = TurnClosing(
            turn.turn_id, ending, [*turn.heard_calls, *told], turn.is_anew, turn.sources, turn.place
        )
        return self.record.close(closing, with_messages=not is_untold)

    def end(self, turn_id: str, shown: TextEnding, *events: Event) -> None:
        """A turn's last words, then the state. The session moves first, so that no one sees an old state.

        `shown`: how clients see that its text has ended.
        """
        state = self._session.resting_state
        if self._session.state is not state:
            self._session.move_to(state)
        for event in events:
            self._session.emit(event)
        self._ended = turn_id
        self.record.end_text(turn_id, shown)
        self._session.emit(StateChanged(state.value))

    def end_unbegun(self, turn_id: str, *, as_interrupted: bool = True, durable: bool = False) -> None:
        """Say that a turn has ended that has not begun: it was withdrawn, or other words take its place."""
        interrupted = [Interrupted(turn_id)] if as_interrupted else []
        self.end(
            turn_id, "interrupted", *interrupted, ResponseComplete(turn_id, "interrupted", durable=durable)
        )

    def rest(self) -> None:
        """What has been done had no turn: the state no longer says that the user speaks, if they do not."""
        state = self._session.resting_state
        if self._session.state is SessionState.LISTENING and state is not SessionState.LISTENING:
            self._session.move_to(state)
            self._session.emit(StateChanged(state.value))

    def end_by_bug(self, turn_id: str, exc: Exception) -> None:
        """End a text outside of whose turn something has broken, if it has not ended yet."""
        if self._ended != turn_id:
            self.record.close(TurnClosing(turn_id, "failed"), with_messages=False)
            self.end(turn_id, "failed", ErrorOccurred(Internal(type(exc).__name__), turn_id))

    def _timings(self, turn: Turn, accepted_at: float | None) -> Timings:
        now = asyncio.get_running_loop().time()
        start = turn.began_at if accepted_at is None else accepted_at
        sound_at = self._session.speech_output.first_sound_at(turn.turn_id)
        return Timings(
            queued=round((turn.began_at - start) * 1000),
            first_token=_since(turn.began_at, turn.first_spoken_at),
            total=round((now - start) * 1000),
            first_audio=_since(turn.began_at, sound_at),
        )


def _since(start: float, moment: float | None) -> int | None:
    """Milliseconds."""
    return None if moment is None else round((moment - start) * 1000)

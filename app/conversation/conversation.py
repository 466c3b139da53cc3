"""A session's talk: texts and ended tools wait in one line, and turns take them one after another.

The line is what makes two promises easy: turns never mix, and every text that was accepted ends in exactly
one answer or one error.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any

from app.conversation.asking import Asking
from app.conversation.contribution import Contribution, contribute, write_down
from app.conversation.draft import Drafts, DraftStage, Heard
from app.conversation.intake import Intake, UserText
from app.conversation.moods import MoodSense
from app.conversation.summariser import Summariser
from app.conversation.telling import ResultTeller, new_turn_id
from app.conversation.turn import Turn
from app.conversation.turn_queue import TurnQueue
from app.conversation.turn_runner import Interruption, TurnRunner
from app.errors import AgentError, ContextTooLong, QueueFull
from app.llm.base import ChatProvider
from app.protocol.events import (
    Emotion,
    ErrorOccurred,
    Interrupted,
    MessageAccepted,
    ResponseComplete,
    ToolEndReason,
)
from app.session.journal import TurnEnding
from app.session.voice_session import VoiceSession
from app.tools.calls import ToolRun
from app.tools.runner import ToolHost, ToolRunner
from app.voice.base import Transcript
from app.weakly import weakly
from config.logger_config import TURN_ID
from config.settings import Settings

logger = logging.getLogger(__name__)

PATIENCE_S = 0.5
"""How long what a restart has left waits for the client's next word, in seconds."""

CUT_LIMIT_S = 1.0
"""How long a turn that is cut off may take to end, in seconds."""

MOST_CHARS_PER_TOKEN = 12
"""A text with more of them for each token of the prompt's budget is too long, however it is counted."""

MAX_WAITING_CHARS = 256 * 1024
"""Of texts that wait behind others, together."""


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
        self._settings = settings
        self.tools = ToolRunner(host, session, weakly(self._on_late_ending))
        asking = Asking(session, self.tools, settings)
        self.drafts = Drafts(session, provider, asking, settings.max_response_chars)
        self._turns = TurnRunner(session, provider, self.tools, asking, self.drafts, settings, host.clock)
        self._line = TurnQueue()
        self._teller = ResultTeller(session, self._turns, settings, self._line)
        self._intake = Intake(session, host.clock, weakly(self._enter))
        self.summariser = Summariser(session, provider, settings)
        self._worker: asyncio.Task[None] | None = None
        self._is_in_turn = False
        self._is_closed = False
        self._is_paused = False
        self._is_held = False
        self._patience: asyncio.TimerHandle | None = None
        self.moods = MoodSense(is_on=settings.emotion)

    @property
    def is_busy(self) -> bool:
        """Whether a turn runs or something waits for one."""
        return self._worker is not None or next(self._texts(), None) is not None or bool(self._line)

    @property
    def running_turn(self) -> Turn | None:
        """The turn that runs now."""
        return self._turns.running_turn

    def hear(self, content: str, client_id: str | None = None, *, interrupts: bool = False) -> str:
        """Takes a user's text; it is answered in its turn.

        Args:
            content: What the user says.
            client_id: The client's own id for it. A text whose id was taken before gets its receipt again,
                and runs nothing.
            interrupts: The user speaks over the agent: the running turn ends, and texts that wait are
                withdrawn.

        Returns:
            The id of the turn that will answer it.

        Raises:
            QueueFull: `MAX_QUEUED_MESSAGES` texts wait already.
        """
        known = self._intake.again(client_id)
        self.go_on()
        if known is not None:
            return known
        self._check_room(content, is_next=interrupts)  # one that is refused ends nothing
        ends = self._end_all() if interrupts else {}
        text = UserText(new_turn_id(), content, asyncio.get_running_loop().time(), client_id)
        text.emotion = self.moods.judge(content, self._session.locale)
        text.goes_first = interrupts
        self._intake.take(text, ends=ends)
        return text.turn_id

    def _end_all(self) -> dict[str, TurnEnding]:
        """Ends the running turn and withdraws the texts that wait; how each of them ends, by its turn's id.

        It is written down together with the text that does so: where the server dies right after, none of
        them is asked again beside it.
        """
        ends: dict[str, TurnEnding] = {}
        for waiting in self._texts():
            waiting.is_withdrawn = True
            ends[waiting.turn_id] = "withdrawn"
        running = self.running_turn
        if self._turns.interrupt() and running is not None:
            ends[running.turn_id] = "interrupted"
        return ends

    def hear_speech(
        self,
        content: str,
        utterance_id: str,
        *,
        emotion: Emotion | None = None,
        replaces: str | None = None,
    ) -> str:
        """Takes what the user has said aloud.

        Args:
            content: The words; with `replaces` those of both texts.
            utterance_id: The speech that they were understood from.
            emotion: How the user seems to feel who says it.
            replaces: A turn whose text these words go on with; it was ended by `replace`. They are taken
                in its place, which it had room for.

        Returns:
            The id of the turn that will answer it.

        Raises:
            QueueFull: `MAX_QUEUED_MESSAGES` texts wait already.
        """
        if replaces is None:
            self._check_room()
        now = asyncio.get_running_loop().time()
        text = UserText(new_turn_id(), content, now, None, utterance_id=utterance_id, emotion=emotion)
        text.is_joined = replaces is not None
        text.goes_first = True
        self._intake.take(text, replaces or "")
        return text.turn_id

    def hear_clip(self, recognise: Callable[[], Coroutine[Any, Any, Transcript]], utterance_id: str) -> str:
        """Takes a recording; its text has its place in the line before its words are known.

        Raises:
            QueueFull: `MAX_QUEUED_MESSAGES` texts wait already.
        """
        self._check_room()
        now = asyncio.get_running_loop().time()
        text = UserText(new_turn_id(), "", now, utterance_id=utterance_id)
        self._intake.take_clip(text, recognise())
        return text.turn_id

    def replace(self, turn_id: str) -> bool:
        """Ends a text's turn of which nothing was heard yet, since its user goes on speaking.

        Returns:
            Whether it could be ended: no trace of it stays then, and `hear_speech` is to bring all the words.
        """
        if self._turns.replace(turn_id):
            self.tools.cancel_reads(turn_id)
            return True
        for text in self._texts():
            if text.turn_id == turn_id and not text.is_withdrawn:
                text.is_withdrawn = text.is_replaced = True
                return True
        return False

    def is_unheard(self, turn_id: str) -> bool:
        """Whether this turn of a user's text is still to come, or runs and nobody has heard of it yet."""
        turn = self.running_turn
        if turn is not None and turn.turn_id == turn_id:
            was_perceived = self._session.mouth.was_perceived(turn_id, was_written=turn.has_spoken)
            return not turn.is_interrupted and not was_perceived
        return any(text.turn_id == turn_id and not text.is_withdrawn for text in self._texts())

    @property
    def has_just_asked(self) -> bool:
        """Whether the last words of the talk are a question of the agent's."""
        return self._history.last_said.rstrip(' "”»').endswith("?")

    def draft(self, heard: Heard) -> DraftStage | None:
        """Has words answered early that may become a text; nobody hears of it before `hear_speech` brings it.

        Ask again and again: it begins as soon as nothing runs and nothing waits.

        Returns:
            What there is of the answer; None where there is no draft.
        """
        if self._is_closed or self._is_paused or self.is_busy:
            return None
        return self.drafts.begin(heard)

    def hold(self, is_held: bool) -> None:
        """While the user speaks the agent begins no turn of its own; what the user said is answered."""
        self._is_held = is_held
        self._wake()

    def correct(self, turn_id: str, heard_chars: int) -> None:
        """The client says that it played more of a turn that was cut, or less."""
        self._turns.correct(turn_id, heard_chars)

    def _enter(self, text: UserText) -> None:
        if text.utterance_id is None or text.content != self.drafts.text:
            self.drafts.drop()
        self._line.enter(text)
        self._wake()

    def remember(self, receipts: Iterable[MessageAccepted]) -> None:
        """Knows the client's ids of an earlier life of the session."""
        self._intake.remember(receipts)

    @property
    def waiting_turns(self) -> list[str]:
        """The turns of the texts that wait, in order: each will have its ending."""
        return [text.turn_id for text in self._texts()]

    @property
    def holds_contributions(self) -> bool:
        """Whether something waits that a back end has added."""
        return any(isinstance(item, Contribution) and item.by == "backend" for item in self._line)

    @property
    def waiting_chars(self) -> int:
        """How long the texts are that wait."""
        return sum(len(text.content) for text in self._texts())

    def take_up(self, line: Sequence[UserText | ToolRun | Contribution]) -> None:
        """Takes what an earlier life of the session has left: texts, contributions, results to be told.

        It begins with the client's next word, or a moment later: the client first says what it has kept, and
        what sound it has.
        """
        for item in line:
            if isinstance(item, UserText):
                item.emotion = self.moods.judge(item.content, self._session.locale)
        self._line.extend(line)
        self._patience = asyncio.get_running_loop().call_later(PATIENCE_S, self.go_on)

    def go_on(self) -> None:
        """The client has said something: what was left for it begins."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
            self._wake()

    def put_in(self, contribution: Contribution) -> Awaitable[bool]:
        """Takes what a back end adds to the talk; it waits in line like everything else.

        Returns:
            Whether it outlives the end of the server, as soon as that is known. The server's own wishes do
            not: nobody was promised them.

        Raises:
            QueueFull: As many of them wait already as texts may.
            BudgetExceeded: The talk, or its user, has used up this hour's part.
        """
        waiting = sum(isinstance(item, Contribution) for item in self._line)
        if waiting >= self._settings.max_queued_messages:
            raise QueueFull
        if contribution.by == "backend":
            self._session.budget.take_text()
        self.drafts.drop()
        taken, receipt = write_down(contribution, self._session)
        self._line.append(taken)
        self._wake()
        return receipt

    def interrupt(self, turn_id: str | None = None) -> None:
        """Ends the running turn, or just the one that is named, and says so either way."""
        if self._turns.interrupt(turn_id):
            return
        head = None if self._is_in_turn else next(self._texts(), None)
        if head is not None and not head.is_withdrawn and turn_id in (None, head.turn_id):
            head.is_withdrawn = head.is_interrupted = True
        else:
            self._session.emit(Interrupted(None))

    async def finish_turn(self) -> None:
        """Waits for the turn that runs, and begins no other: the server is about to stop."""
        self._is_paused = True
        if self._worker is not None:
            await asyncio.wait({self._worker})

    async def cut_off(self, *, stays_open: bool) -> None:
        """Ends the running turn because the talk ends; what was heard of it is kept, and nothing is told.

        `stays_open`: its text has no ending yet, and is asked again when the talk goes on.
        """
        self._is_paused = True
        if self._turns.cut_off(stays_open=stays_open) and self._worker is not None:
            await asyncio.wait({self._worker}, timeout=CUT_LIMIT_S)

    async def aclose(self, reason: ToolEndReason | None = None, *, stays_open: bool = False) -> None:
        """Ends the talk: the running turn and all tools are cancelled, for that reason, and awaited."""
        self._is_closed = True
        if self._patience is not None:
            self._patience.cancel()
        await self._intake.aclose()
        self._line.clear()
        await self.drafts.aclose()
        await self.cut_off(stays_open=stays_open)
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait({self._worker})
        await self.drafts.aclose()
        await self.summariser.aclose()
        await self.tools.aclose(reason)

    def _check_room(self, content: str = "", *, is_next: bool = False) -> None:
        """Raises where a text cannot be taken; `is_next`: nothing waits before it, for it withdraws all."""
        texts = () if is_next else self._texts()
        waiting = [len(text.content) for text in texts if not text.is_withdrawn]
        if not is_next and len(waiting) >= self._settings.max_queued_messages + (not self._is_in_turn):
            raise QueueFull
        if len(content) > self._settings.max_history_tokens * MOST_CHARS_PER_TOKEN:
            # No prompt can hold it, however its tokens are counted: it would only wait, and take room.
            raise ContextTooLong("the text alone is over MAX_HISTORY_TOKENS")
        if waiting and sum(waiting) + len(content) > MAX_WAITING_CHARS:
            raise QueueFull
        self._session.budget.take_text()

    def _texts(self) -> Iterator[UserText]:
        """All texts that wait for their turn."""
        yield from (item for item in self._line if isinstance(item, UserText))
        yield from self._intake.arriving

    def _on_late_ending(self, run: ToolRun) -> None:
        if self._is_closed:
            logger.debug("tool_result_dropped", extra={"call_id": run.call_id})
        else:
            self.drafts.drop()
            self._line.append(run)
            self._wake()

    def _wake(self) -> None:
        if self._worker is None and not self._is_closed and self._may_go_on():
            self._worker = asyncio.create_task(self._work(), name=f"talk {self._session.session_id}")

    def _may_go_on(self) -> bool:
        if not self._line or self._is_paused or self._patience is not None:
            return False
        is_user_next = self._is_held or any(text.goes_first for text in self._intake.arriving)
        return not is_user_next or isinstance(self._line[0], UserText)

    async def _work(self) -> None:
        """Takes turns until the line is empty; it exists only while there is something to do."""
        try:
            while self._may_go_on():
                try:
                    await self._next_turn()
                except Exception:
                    # A bug outside of a turn's own steps: the next text must be answered all the same.
                    logger.exception("internal")
                self.summariser.take(self._history.take_left())
        finally:
            self._worker = None

    async def _next_turn(self) -> None:
        item = self._line.popleft()
        if isinstance(item, UserText):
            try:
                await self._take(item.turn_id, self._answer(item))
            except Exception as exc:
                self._turns.end_by_bug(item.turn_id, exc)
                raise
            return
        if isinstance(item, Contribution):
            await self._take(item.turn_id, contribute(item, self._session, self._turns))
            return
        runs = [item]
        while self._line and isinstance(self._line[0], ToolRun):
            runs.append(self._line.popleft())  # pyright: ignore[reportArgumentType]  # checked above
        turn_id = new_turn_id()
        await self._take(turn_id, self._teller.tell(turn_id, runs))

    async def _take(self, turn_id: str, steps: Coroutine[Any, Any, None]) -> None:
        """Runs the steps of a turn with its id on every log line."""
        token = TURN_ID.set(turn_id)
        self._is_in_turn = True
        try:
            await steps
        finally:
            self._is_in_turn = False
            self.drafts.drop()
            TURN_ID.reset(token)

    async def _answer(self, text: UserText) -> None:
        """The turn of a user's text."""
        error = await self._intake.understand(text)
        if error is not None:
            self._turns.end(ErrorOccurred(error, text.turn_id))
            return
        self._teller.user_spoke()
        if not text.is_joined:
            self.tools.user_spoke()
        self.tools.recall((run, True) for run in text.stopped_before)
        if text.is_replaced:
            self._session.transcript.forget(text.turn_id)
            await self._session.journal.turn_ended(text.turn_id, [], "withdrawn")
            self._turns.end(Interrupted(text.turn_id), ResponseComplete(text.turn_id, "interrupted"))
            return
        self._open(text)
        if text.is_withdrawn:
            durable = await self._session.journal.turn_ended(text.turn_id, [], "withdrawn")
            interrupted = [Interrupted(text.turn_id)] if text.is_interrupted else []
            self._turns.end(*interrupted, ResponseComplete(text.turn_id, "interrupted", durable=durable))
            return
        turn = self._turns.begin(text.turn_id, "user", emotion=text.emotion)
        turn.is_anew = text.is_anew
        outcome = await self._turns.run(turn)
        if isinstance(outcome, Interruption):
            await self._turns.interrupted(turn, outcome, text.accepted_at)
        elif isinstance(outcome, AgentError):
            logger.log(outcome.severity, outcome.code, extra={"facts": outcome.facts})
            await self._turns.fail(turn, outcome)
        else:
            await self._turns.complete(turn, outcome, text.accepted_at)

    def _open(self, text: UserText) -> None:
        """Puts a text into the history; one that is asked again without what was said to it before."""
        if text.is_anew and not text.is_withdrawn:
            self._session.transcript.forget_answer(text.turn_id)
        self._history.begin_turn(text.turn_id, text.position)
        self._history.add_user(text.content)
        if text.is_withdrawn:
            self._history.add_written(text.said_before)

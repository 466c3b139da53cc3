"""A session's talk: texts and ended tools wait in one line, and turns take them one after another.

The line is what makes two promises easy: turns never mix, and every text that was accepted ends in exactly
one answer or one error.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any

from app.conversation.early_answer import Drafts, DraftStage, TentativeUtterance
from app.conversation.emotions import EmotionDetector
from app.conversation.injected_message import InjectedMessage, write_down
from app.conversation.intake import Intake, TextRole, UserText
from app.conversation.model_request import RequestBuilder
from app.conversation.result_delivery import BackgroundResultDelivery, new_turn_id
from app.conversation.revision import plan
from app.conversation.room import check_room
from app.conversation.server_sentences import ServerSentences
from app.conversation.summariser import Summariser
from app.conversation.text_turns import TextTurns
from app.conversation.turn import Turn, TurnParts
from app.conversation.turn_queue import TurnQueue
from app.conversation.turn_runner import TurnRunner
from app.errors import QueueFull
from app.llm.base import ChatProvider
from app.protocol.commands import Limits
from app.protocol.events import (
    EmotionEstimate,
    Interrupted,
    MessageAccepted,
    ToolEndReason,
)
from app.session.journal import NOT_KEPT
from app.session.record import ConversationRecord
from app.session.voice_session import VoiceSession
from app.speech.base import Transcription
from app.tools.runner import ToolHost, ToolRunner
from app.tools.tool_call import ToolCall
from app.weakly import weakly
from config.agent_settings import AgentSettings
from config.logger_config import TURN_ID

logger = logging.getLogger(__name__)

PATIENCE_S = 0.5
"""How long what a restart has left waits for the client's next word, in seconds."""

MAX_ADDED = 100
"""Texts that may wait to join a talk unanswered: a client tells what was said before in one go."""

CUT_LIMIT_S = 1.0
"""How long a turn that is cut off may take to end, in seconds."""


class Conversation:
    """One session's talk.

    Args:
        session: Whose state, history and outbox this writes.
        provider: The language model.
        host: What runs the tools.
    """

    def __init__(
        self, session: VoiceSession, provider: ChatProvider, host: ToolHost, settings: AgentSettings
    ) -> None:
        self._session = session
        self._history = session.conversation_history
        self._settings = settings
        self.tools = ToolRunner(host, session, weakly(self._on_late_ending))
        asking = RequestBuilder(session, self.tools, settings)
        self.drafts = Drafts(session, provider, asking, settings.max_response_chars)
        self.record = ConversationRecord(session)
        parts = TurnParts(session, self.record, provider, self.tools, asking, self.drafts, settings)
        self._turns = TurnRunner(parts, host.clock)
        self._line = TurnQueue()
        self.sentences = ServerSentences(self._line, self._turns)
        self._teller = BackgroundResultDelivery(session, self._turns, settings, self._line)
        self._intake = Intake(session, self.record, host.clock, weakly(self._enter))
        self._text_turns = TextTurns(
            session, self.record, self._turns, self.tools, self._intake, self._teller
        )
        self.summariser = Summariser(session, provider, settings)
        self._worker: asyncio.Task[None] | None = None
        self._is_in_turn = self._is_closed = False
        self._is_paused = self._is_held = False
        self._patience: asyncio.TimerHandle | None = None
        self.moods = EmotionDetector(is_on=settings.emotion)

    @property
    def is_busy(self) -> bool:
        """Whether a turn runs or something waits for one."""
        return self._worker is not None or next(self._texts(), None) is not None or bool(self._line)

    @property
    def running_turn(self) -> Turn | None:
        """The turn that runs now."""
        return self._turns.running_turn

    def hear(self, content: str, client_id: str | None = None, *, interrupts: bool = False) -> str:
        """Take a user's text; it is answered in its turn.

        A talk that has ended takes nothing in, here as in all that follows: without a receipt the client says
        it again where the talk goes on.

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
        if (known := self._known(client_id)) is not None:
            return known
        self._check_room(content, is_next=interrupts)  # one that is refused ends nothing
        ends = self._text_turns.end_all(self.waiting_texts) if interrupts else {}
        text = self._new_text(content, client_id, goes_first=interrupts)
        self._intake.take(text, ends=ends)
        return text.turn_id

    def add(self, content: str, client_id: str | None = None, role: TextRole = "user") -> str:
        """Take a text that joins the talk in its turn, and is answered by nothing; as `hear` otherwise.

        Returns:
            The id of the turn that it is.

        Raises:
            QueueFull: `MAX_ADDED` of them wait already.
        """
        if (known := self._known(client_id)) is not None:
            return known
        check_room(self._texts(is_added=True), content, self._settings, MAX_ADDED)
        text = self._new_text(content, client_id, goes_first=False)
        text.is_only_added, text.role = True, role
        self._intake.take(text)
        return text.turn_id

    def respond(self, client_id: str | None = None, instructions: str = "", limits: Limits = None) -> str:
        """Answer what was said last, when what waits has had its turn.

        Returns:
            The id of the turn that will do so; `MessageAccepted` names it under the client's own.

        Raises:
            QueueFull, BudgetExceeded: As `hear`.
        """
        wish = InjectedMessage(instructions, "answer", by="server", limits=limits)
        if self._is_closed:
            return wish.turn_id
        self._session.budget.take_text()
        self.go_on()
        self._intake.enter_behind(wish, client_id)
        return wish.turn_id

    def revise(self, turn_id: str, client_id: str, content: str | None = None) -> str:
        """Answer a user's text anew, or other words in its place; nothing stays of what came of it.

        Its turn and the later ones are superseded: they leave the prompts and what clients are shown, and the
        store marks them. What they wrote is not written again by the same order; their reads end.

        Args:
            turn_id: The turn of the text.
            client_id: The client's own id for the revision, as in `hear`.
            content: The other words; None for the same.

        Returns:
            The id of the turn that will answer it.

        Raises:
            UnknownTurn, NotRevisable: As `plan` says.
        """
        if (known := self._known(client_id)) is not None:
            return known
        revision = plan(self.record, self.waiting_texts, turn_id, content)
        self._check_room(revision.words, is_next=True)
        ends = self._text_turns.end_all(revision.withdraws, also_running=revision.interrupts)
        text = self._new_text(revision.words, client_id, goes_first=True)
        text.supersedes = revision.supersedes
        self.record.supersede(text.supersedes, text.turn_id)
        self.tools.supersede(text.supersedes)
        self._intake.take(text, ends=ends)
        return text.turn_id

    def _known(self, client_id: str | None) -> str | None:
        """The turn of a text that was taken before, or that nobody takes any more; None for a new one."""
        if self._is_closed:
            return new_turn_id()
        known = self._intake.again(client_id)
        self.go_on()
        return known

    def _new_text(self, content: str, client_id: str | None, *, goes_first: bool) -> UserText:
        now = asyncio.get_running_loop().time()
        emotion = self.moods.judge(content, self._session.locale)
        return UserText(new_turn_id(), content, now, client_id, emotion=emotion, goes_first=goes_first)

    def hear_speech(
        self,
        content: str,
        utterance_id: str,
        *,
        emotion: EmotionEstimate | None = None,
        replaces: str | None = None,
        is_answered: bool = True,
    ) -> str:
        """Take what the user has said aloud.

        Args:
            content: The words; with `replaces` those of both texts.
            utterance_id: The speech that they were understood from.
            emotion: How the user seems to feel who says it.
            replaces: A turn whose text these words go on with; it was ended by `replace`. They are taken
                in its place, which it had room for.
            is_answered: Else they only join the talk, as by `add`.

        Returns:
            The id of the turn that will answer it.

        Raises:
            QueueFull: `MAX_QUEUED_MESSAGES` texts wait already.
        """
        if self._is_closed:
            return new_turn_id()
        if replaces is None:
            self._check_room()
        now = asyncio.get_running_loop().time()
        text = UserText(new_turn_id(), content, now, utterance_id=utterance_id, emotion=emotion)
        text.is_joined, text.goes_first, text.is_only_added = replaces is not None, True, not is_answered
        self._intake.take(text, replaces or "")
        return text.turn_id

    def hear_clip(
        self, recognise: Callable[[], Coroutine[Any, Any, Transcription]], utterance_id: str
    ) -> str:
        """Take a recording; its text has its place in the line before its words are known.

        Raises:
            QueueFull: `MAX_QUEUED_MESSAGES` texts wait already.
        """
        if self._is_closed:
            return new_turn_id()
        self._check_room()
        text = UserText(new_turn_id(), "", asyncio.get_running_loop().time(), utterance_id=utterance_id)
        words = self._intake.take_clip(text, recognise())
        if self._session.approvals.in_words:
            self.tools.approvals.answer_in_words(words)
        return text.turn_id

    def replace(self, turn_id: str) -> bool:
        """End a text's turn of which nothing was heard yet, since its user goes on speaking.

        Returns:
            Whether it could be ended: no trace of it stays then, and `hear_speech` is to bring all the words.
        """
        if not self.is_unheard(turn_id):
            return False
        if self._turns.interrupt(turn_id, "replaced"):
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
            was_perceived = self._session.speech_output.was_perceived(turn_id, was_written=turn.has_spoken)
            return turn.cut is None and not was_perceived
        return any(text.turn_id == turn_id and not text.is_withdrawn for text in self._texts())

    @property
    def has_just_asked(self) -> bool:
        """Whether the last words of the talk are a question of the agent's."""
        return self._history.last_said.rstrip(' "”»').endswith("?")

    def draft(self, heard: TentativeUtterance) -> DraftStage | None:
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

    def _enter(self, item: UserText | InjectedMessage) -> None:
        is_text = isinstance(item, UserText)
        if not is_text or item.utterance_id is None or item.content != self.drafts.text:
            self.drafts.drop()
        if is_text:
            self._line.enter(item)
        else:
            self._line.append(item)
        self._wake()

    def remember(self, receipts: Iterable[MessageAccepted]) -> None:
        """Know the client's ids of an earlier life of the session."""
        self._intake.remember(receipts)

    @property
    def waiting_texts(self) -> list[UserText]:
        """The texts that wait, in order: each will have its ending."""
        return list(self._texts())

    @property
    def holds_contributions(self) -> bool:
        """Whether something waits that a back end has added."""
        return any(isinstance(item, InjectedMessage) and item.by == "backend" for item in self._line)

    def take_up(self, line: Sequence[UserText | ToolCall | InjectedMessage]) -> None:
        """Take what an earlier life of the session has left: texts, contributions, results to be told.

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

    def inject(self, contribution: InjectedMessage) -> Awaitable[bool]:
        """Take what a back end adds to the talk; it waits in line like everything else.

        Returns:
            Whether it outlives the end of the server, as soon as that is known. The server's own wishes do
            not: nobody was promised them.

        Raises:
            QueueFull: As many of them wait already as texts may.
            BudgetExceeded: The talk, or its user, has used up this hour's part.
        """
        if self._is_closed:
            return NOT_KEPT
        waiting = sum(isinstance(item, InjectedMessage) for item in self._line)
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
        """End the running turn, or just the one that is named, and say so either way."""
        if self._turns.interrupt(turn_id):
            return
        if turn_id is not None and self._line.take_back(turn_id, "answer"):
            self._turns.end_unbegun(turn_id)
            return
        head = None if self._is_in_turn else next(self._texts(), None)
        if head is not None and not head.is_withdrawn and turn_id in (None, head.turn_id):
            head.is_withdrawn = head.is_interrupted = True
        else:
            self._session.emit(Interrupted(None))

    async def finish_turn(self) -> None:
        """Wait for the turn that runs, and begin no other: the server is about to stop.

        One that has only to be heard is waited for where there is somebody to hear it.
        """
        self._is_paused = True
        if self._worker is None:
            return
        left_alone = asyncio.create_task(self._session.speech_output.is_left_alone(), name="left alone")
        try:
            await asyncio.wait({self._worker, left_alone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left_alone.cancel()

    async def cut_off(self, *, stays_open: bool) -> None:
        """End the running turn because the talk ends; what was heard of it is kept, and nothing is told.

        `stays_open`: its text has no ending yet, and is asked again when the talk goes on.
        """
        self._is_paused = True
        if self._turns.interrupt(cut="stopped" if stays_open else "cut_off") and self._worker is not None:
            await asyncio.wait({self._worker}, timeout=CUT_LIMIT_S)

    async def aclose(self, reason: ToolEndReason | None = None, *, stays_open: bool = False) -> None:
        """End the talk: the running turn and all tools are cancelled, for that reason, and awaited."""
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
        """Raise where a text cannot be taken; `is_next`: nothing waits before it, for it withdraws all."""
        most = self._settings.max_queued_messages + (not self._is_in_turn)
        texts = () if is_next else self._texts(is_added=False)
        check_room(texts, content, self._settings, most)
        self._session.budget.take_text()

    def _texts(self, *, is_added: bool | None = None) -> Iterator[UserText]:
        """All texts that wait for their turn; or those alone that are only added, or that are not."""
        waiting = (item for item in self._line if isinstance(item, UserText))
        for text in (*waiting, *self._intake.arriving):
            if is_added in (None, text.is_only_added):
                yield text

    def _on_late_ending(self, run: ToolCall) -> None:
        if self._is_closed:
            logger.debug("tool_result_dropped", extra={"call_id": run.call_id})
        elif not self._text_turns.settle(run):
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
        """Take turns until the line is empty; it exists only while there is something to do."""
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
        item = self._line.pop(0)
        if isinstance(item, UserText):
            try:
                await self._take(item.turn_id, self._text_turns.answer(item))
            except Exception as exc:
                self._turns.end_by_bug(item.turn_id, exc)
                raise
            return
        if isinstance(item, InjectedMessage):
            await self._take(item.turn_id, self._text_turns.carry_out(item))
            return
        runs = [item]
        while self._line and isinstance(self._line[0], ToolCall):
            runs.append(self._line.pop(0))  # pyright: ignore[reportArgumentType]  # checked above
        runs = await self._text_turns.note_clients([run for run in runs if not self.tools.is_superseded(run)])
        if runs:
            await self._take(turn_id := new_turn_id(), self._teller.tell(turn_id, runs))

    async def _take(self, turn_id: str, steps: Coroutine[Any, Any, None]) -> None:
        """Run the steps of a turn with its id on every log line."""
        token = TURN_ID.set(turn_id)
        self._is_in_turn = True
        try:
            await steps
        finally:
            self._is_in_turn = False
            self.drafts.drop()
            TURN_ID.reset(token)

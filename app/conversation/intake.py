"""Where texts come in: each is written down, gets its receipt, and only then its place in the line."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from app.chat import ApiMessage
from app.clock import Clock
from app.conversation.injected_message import InjectedMessage
from app.errors import AgentError, Internal, NothingHeard
from app.protocol.events import EmotionEstimate, MessageAccepted, Spoken, TranscriptHeard
from app.session.journal import NO_ENDINGS, NOT_KEPT, TurnEndings
from app.session.record import ConversationRecord
from app.session.voice_session import VoiceSession
from app.speech.base import Transcription
from app.tools.tool_call import ToolCall

logger = logging.getLogger(__name__)

TextRole = Literal["user", "assistant", "system"]
"""Whose words a text is: the user's; the agent's, from before; or what the agent is to know."""

REMEMBERED_IDS = 1000
"""How many of the client's own ids are known again when a text is sent twice (protocol v2)."""


@dataclass(slots=True)
class UserText:
    """A text that waits for its turn.

    Attributes:
        accepted_at: On the loop's clock, in seconds.
        position: All that is said after it stands behind this place in the store.
        is_withdrawn: It is kept in the history, and not answered.
        is_interrupted: It was withdrawn at the very moment when its turn was to begin.
        utterance_id: The speech that it was understood from.
        is_joined: It holds the words of the text before it as well, whose turn it replaces.
        is_replaced: Such a text took its place before its turn began.
        emotion: How the user seems to feel who says it.
        is_anew: A server has ended before it was answered: it has its receipt, and stands in the store.
        said_before: What had been said to it by then.
        stopped_before: Writes that its turn had ordered by then, and that a person did not let begin.
        recognition: What understands the clip that it is said in; its content is not known before.
        supersedes: The turns in whose place its own comes.
        goes_first: The user spoke over the agent, or aloud: results that wait are told after its answer.
        is_only_added: It joins the talk, and nothing answers it.
        role: Whose words it is; all but the user's are only added.
    """

    turn_id: str
    content: str
    accepted_at: float
    client_id: str | None = None
    position: int = 0
    is_withdrawn: bool = False
    is_interrupted: bool = False
    utterance_id: str | None = None
    is_joined: bool = False
    is_replaced: bool = False
    emotion: EmotionEstimate | None = None
    is_anew: bool = False
    said_before: tuple[ApiMessage, ...] = ()
    stopped_before: tuple[ToolCall, ...] = ()
    recognition: asyncio.Task[Transcription] | None = None
    supersedes: tuple[str, ...] = ()
    goes_first: bool = False
    is_only_added: bool = False
    role: TextRole = "user"


class Intake:
    """Takes texts in, in order.

    Args:
        enter: Gives a text its place in the line.
    """

    def __init__(
        self,
        session: VoiceSession,
        record: ConversationRecord,
        clock: Clock,
        enter: Callable[[UserText | InjectedMessage], None],
    ) -> None:
        self._session = session
        self._record = record
        self._clock = clock
        self._enter = enter
        self._known: OrderedDict[str, MessageAccepted] = OrderedDict()
        self._arriving: list[tuple[UserText, Awaitable[bool]]] = []
        self._behind: list[tuple[UserText, InjectedMessage, MessageAccepted]] = []
        self._task: asyncio.Task[None] | None = None
        self._clips: set[asyncio.Task[Transcription]] = set()

    @property
    def arriving(self) -> Iterable[UserText]:
        """Texts that are being written down."""
        return (text for text, _ in self._arriving)

    def remember(self, receipts: Iterable[MessageAccepted]) -> None:
        """Know texts of an earlier life of the session."""
        for receipt in receipts:
            self._know(receipt)

    def again(self, client_id: str | None) -> str | None:
        """The turn of a text that was taken before, which gets its receipt again; None for a new one."""
        if client_id is None:
            return None
        for text in self.arriving:
            if text.client_id == client_id:
                return text.turn_id  # its receipt is on the way
        receipt = self._known.get(client_id)
        if receipt is None:
            return None
        self._session.emit(receipt)
        return receipt.turn_id

    def take(self, text: UserText, joins: str = "", ends: TurnEndings = NO_ENDINGS) -> None:
        """Take a new text in; without a journal it is in line when this returns.

        Args:
            text: The text.
            joins: The turn whose words it says again, with more.
            ends: How the turns end that it ends, by their id.
        """
        if text.role != "user":
            self._take_unwritten(text)
            return
        text.position, receipt = self._record.take_text(
            self._said(text), text.client_id, joins=joins, ends=ends, supersedes=text.supersedes
        )
        if not self._session.journal.is_kept:
            self._accept(text, durable=False)
            return
        self._arriving.append((text, receipt))
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name=f"intake {self._session.session_id}")

    def take_clip(self, text: UserText, recognise: Coroutine[Any, Any, Transcription]) -> asyncio.Future[str]:
        """Take a recording in: it has its receipt and its place in the line before its words are known.

        Returns:
            Its words; none where it cannot be understood.
        """
        task = asyncio.create_task(recognise, name=f"clip {text.utterance_id}")
        self._clips.add(task)
        task.add_done_callback(self._clips.discard)
        text.recognition = task
        text.position = self._session.journal.next_position - 1  # it has none of its own yet
        self._take_unwritten(text)
        return _words_of(task)

    def _take_unwritten(self, text: UserText) -> None:
        if self._arriving:
            self._arriving.append((text, NOT_KEPT))  # behind those that came before it
        else:
            self._accept(text, durable=False)

    def enter_behind(self, wish: InjectedMessage, client_id: str | None) -> None:
        """Give a wish for an answer its place behind all texts that came before it, and its receipt."""
        receipt = MessageAccepted(wish.turn_id, client_id)
        if self._arriving:
            self._behind.append((self._arriving[-1][0], wish, receipt))
            return
        self._session.emit(receipt)
        self._enter(wish)

    async def understand(self, text: UserText) -> AgentError | None:
        """Wait for the words of a clip, and write them down; an error where there are none."""
        if text.recognition is None:
            return None
        try:
            heard = await text.recognition
            if not heard.text:
                raise NothingHeard
        except AgentError as error:
            logger.log(error.severity, error.code, extra={"facts": error.facts})
            return error
        except Exception as exc:
            # Its text has its receipt, and is to have its ending.
            logger.exception("internal")
            return Internal(type(exc).__name__)
        text.content = heard.text
        self._session.emit(TranscriptHeard(text.utterance_id or "", heard.text, heard.language))
        # A recording that was withdrawn before it was understood has its ending in the same moment.
        ends: TurnEndings = {text.turn_id: "withdrawn"} if text.is_withdrawn else NO_ENDINGS
        text.position, receipt = self._record.take_text(self._said(text), text.client_id, ends=ends)
        await receipt
        return None

    def _said(self, text: UserText) -> Spoken:
        return Spoken("user", text.content, text.turn_id, self._clock.now())

    async def aclose(self) -> None:
        """Take nothing more in."""
        tasks = set(self._clips) if self._task is None else {self._task, *self._clips}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _work(self) -> None:
        try:
            while self._arriving:
                text, receipt = self._arriving[0]
                durable = await receipt
                del self._arriving[0]
                self._accept(text, durable=durable)
        finally:
            self._task = None

    def _accept(self, text: UserText, *, durable: bool) -> None:
        receipt = MessageAccepted(text.turn_id, text.client_id, durable, text.utterance_id, text.supersedes)
        self._know(receipt)
        self._session.emit(receipt)
        self._enter(text)
        while self._behind and self._behind[0][0] is text:
            _, wish, wishes = self._behind.pop(0)
            self._session.emit(wishes)
            self._enter(wish)

    def _know(self, receipt: MessageAccepted) -> None:
        if receipt.client_id is None:
            return
        self._known[receipt.client_id] = receipt
        if len(self._known) > REMEMBERED_IDS:
            self._known.popitem(last=False)


def _words_of(task: asyncio.Task[Transcription]) -> asyncio.Future[str]:
    words: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def note(task: asyncio.Task[Transcription]) -> None:
        has_failed = task.cancelled() or task.exception() is not None
        words.set_result("" if has_failed else task.result().text)

    task.add_done_callback(note)
    return words

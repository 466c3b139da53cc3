"""Where texts come in: each is written down, gets its receipt, and only then its place in the line."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from app.chat import ApiMessage
from app.clock import Clock
from app.errors import AgentError, Internal, NothingHeard
from app.protocol.events import Emotion, MessageAccepted, TranscriptHeard
from app.session.journal import NO_ENDINGS, NOT_KEPT, Endings
from app.session.transcript import Spoken
from app.session.voice_session import VoiceSession
from app.tools.calls import ToolRun
from app.voice.base import Transcript

logger = logging.getLogger(__name__)

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
        goes_first: The user spoke over the agent, or aloud: results that wait are told after its answer.
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
    emotion: Emotion | None = None
    is_anew: bool = False
    said_before: tuple[ApiMessage, ...] = ()
    stopped_before: tuple[ToolRun, ...] = ()
    recognition: asyncio.Task[Transcript] | None = None
    goes_first: bool = False


class Intake:
    """Takes texts in, in order.

    Args:
        enter: Gives a text its place in the line.
    """

    def __init__(self, session: VoiceSession, clock: Clock, enter: Callable[[UserText], None]) -> None:
        self._session = session
        self._clock = clock
        self._enter = enter
        self._known: OrderedDict[str, MessageAccepted] = OrderedDict()
        self._arriving: list[tuple[UserText, Awaitable[bool]]] = []
        self._task: asyncio.Task[None] | None = None
        self._clips: set[asyncio.Task[Transcript]] = set()

    @property
    def arriving(self) -> Iterable[UserText]:
        """Texts that are being written down."""
        return (text for text, _ in self._arriving)

    def remember(self, receipts: Iterable[MessageAccepted]) -> None:
        """Knows texts of an earlier life of the session."""
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

    def take(self, text: UserText, joins: str = "", ends: Endings = NO_ENDINGS) -> None:
        """Takes a new text in; without a journal it is in line when this returns.

        Args:
            text: The text.
            joins: The turn whose words it says again, with more.
            ends: How the turns end that it ends, by their id.
        """
        self._session.transcript.add(Spoken("user", text.content, text.turn_id, self._clock.now()))
        journal = self._session.journal
        text.position = journal.next_position
        receipt = journal.text_accepted(text.turn_id, text.content, text.client_id, joins, ends)
        if not journal.is_kept:
            self._accept(text, durable=False)
            return
        self._arriving.append((text, receipt))
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name=f"intake {self._session.session_id}")

    def take_clip(self, text: UserText, recognise: Coroutine[Any, Any, Transcript]) -> None:
        """Takes a recording in: it has its receipt and its place in the line before its words are known."""
        task = asyncio.create_task(recognise, name=f"clip {text.utterance_id}")
        self._clips.add(task)
        task.add_done_callback(self._clips.discard)
        text.recognition = task
        text.position = self._session.journal.next_position - 1  # it has none of its own yet
        if self._arriving:
            self._arriving.append((text, NOT_KEPT))  # behind those that came before it
        else:
            self._accept(text, durable=False)

    async def understand(self, text: UserText) -> AgentError | None:
        """Waits for the words of a clip, and writes them down; an error where there are none."""
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
        self._session.transcript.add(Spoken("user", text.content, text.turn_id, self._clock.now()))
        text.position = self._session.journal.next_position
        # A recording that was withdrawn before it was understood has its ending in the same moment.
        ends: Endings = {text.turn_id: "withdrawn"} if text.is_withdrawn else NO_ENDINGS
        await self._session.journal.text_accepted(text.turn_id, text.content, text.client_id, ends=ends)
        return None

    async def aclose(self) -> None:
        """Takes nothing more in."""
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
        receipt = MessageAccepted(text.turn_id, text.client_id, durable, text.utterance_id)
        self._know(receipt)
        self._session.emit(receipt)
        self._enter(text)

    def _know(self, receipt: MessageAccepted) -> None:
        if receipt.client_id is None:
            return
        self._known[receipt.client_id] = receipt
        if len(self._known) > REMEMBERED_IDS:
            self._known.popitem(last=False)

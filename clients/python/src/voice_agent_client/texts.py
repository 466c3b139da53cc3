"""The user's texts, each from `say` to its receipt and its one ending. No socket, no time."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final, Literal

from voice_agent_client.close_codes import TOO_BIG
from voice_agent_client.errors import TextError
from voice_agent_client.events import AgentError, History, MessageAccepted, ResponseComplete

_MAX_EARLY_ENDINGS: Final = 50
_UNREADABLE: Final = {"too_large", "bad_message"}


@dataclass(frozen=True, slots=True)
class Receipt:
    """The server has taken a text, and will end it; after a restart too where it is `durable`."""

    turn_id: str
    durable: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent said to a text; what a history does not tell is None.

    Attributes:
        finish_reason: `stop`, `interrupted`, `length` or `content_filter`.
        timings_ms: In milliseconds.
        truncated: Only the beginning of the text is here.
    """

    turn_id: str
    text: str
    finish_reason: str
    usage: dict[str, Any] | None = None
    timings_ms: dict[str, Any] | None = None
    durable: bool | None = None
    truncated: bool = False


class Said:
    """A text of the user.

    Attributes:
        status: How far it has come.
        turn_id: Its turn; None before its receipt.
        revises: The turn in whose place it is; its content is empty where the words stay the same.
    """

    def __init__(
        self, text_id: str, content: str, *, interrupt: bool = False, revises: str | None = None
    ) -> None:
        self.id: Final = text_id
        self.content: Final = content
        self.interrupt: Final = interrupt
        self.revises: Final = revises
        self.status: Literal["queued", "sent", "accepted", "ended"] = "queued"
        self.turn_id: str | None = None
        self.is_on_wire = False
        self._receipt: Receipt | None = None
        self._ending: Answer | TextError | None = None
        self._has_receipt = asyncio.Event()
        self._has_ended = asyncio.Event()

    def message(self) -> dict[str, Any]:
        """Return the message that says it."""
        if self.revises is not None:
            revision = {"type": "revise", "id": self.id, "turn_id": self.revises}
            return {**revision, "content": self.content} if self.content else revision
        message: dict[str, Any] = {"type": "text", "id": self.id, "content": self.content}
        return {**message, "interrupt": True} if self.interrupt else message

    async def receipt(self) -> Receipt:
        """Wait until the server has taken the text.

        Raises:
            TextError: It has not.
        """
        await self._has_receipt.wait()
        if self._receipt is not None:
            return self._receipt
        assert isinstance(self._ending, TextError)  # noqa: S101  # an answer never comes without a receipt
        raise self._ending

    async def answer(self) -> Answer:
        """Wait until the text has been answered.

        Raises:
            TextError: It will not be.
        """
        await self._has_ended.wait()
        if isinstance(self._ending, Answer):
            return self._ending
        assert self._ending is not None  # noqa: S101  # set before the event
        raise self._ending

    def accept(self, receipt: Receipt) -> None:
        """Note the receipt."""
        self.turn_id, self._receipt = receipt.turn_id, receipt
        if self.status != "ended":
            self.status = "accepted"
        self._has_receipt.set()

    def end(self, ending: Answer | TextError) -> None:
        """Note the ending; only the first one counts."""
        if self._ending is None:
            self.status, self._ending = "ended", ending
            self._has_receipt.set()
            self._has_ended.set()


class Texts:
    """All texts without an ending, in the order in which they were said.

    Args:
        max_open: So many may be at the server.
    """

    def __init__(self, max_open: int) -> None:
        self._max_open = max_open
        self._texts: dict[str, Said] = {}
        self._answers: dict[str, Answer] = {}
        self._failed_turns: set[str] = set()
        self._early: OrderedDict[str, Answer | TextError] = OrderedDict()
        self._suspects: list[Said] = []

    @property
    def open(self) -> list[Said]:
        """The texts without an ending, the oldest first."""
        return list(self._texts.values())

    def add(self, said: Said) -> None:
        """Take a new text.

        Raises:
            ValueError: Its id is another open text's.
        """
        if said.id in self._texts:
            raise ValueError("that id was used before")
        self._texts[said.id] = said

    def next_to_send(self) -> Said | None:
        """Return the next text that should leave on this connection; None where none should."""
        unsent = [said for said in self._texts.values() if self._is_unsent(said)]
        if not unsent:
            return None
        room = self._max_open - (len(self._texts) - len(unsent))
        # What interrupts takes with it what was said before.
        return unsent[0] if room > 0 or any(said.interrupt for said in unsent) else None

    def connection_lost(self) -> None:
        """Whatever has no receipt is to be sent again."""
        for said in self._texts.values():
            said.is_on_wire = False

    def refused_on_wire(self, code: int) -> list[AgentError]:
        """Give up the text that the server could not read, which would hold up all that follow.

        Receipts come in order, so it is the oldest one without a receipt; but size is a surer sign where
        size was the fault.
        """
        sent = [said for said in self._texts.values() if said.status == "sent" and said.is_on_wire]
        if not sent:
            return []
        fault = max(sent, key=lambda said: len(said.content)) if code == TOO_BIG else sent[0]
        return [self._fail_here(fault, "refused_on_wire")]

    def session_lost(self) -> list[str]:
        """End what the session had heard, which may have had its effects; return the ids. The others stay."""
        lost = [said for said in self._texts.values() if said.status in ("sent", "accepted")]
        for said in lost:
            self._end(said, TextError("session_lost"))
        self._answers.clear()
        self._early.clear()
        self._failed_turns.clear()
        self._suspects.clear()
        return [said.id for said in lost]

    def abandon(self, cause: BaseException | None) -> None:
        """End all texts: nothing will be said any more."""
        for said in self.open:
            error = TextError("session_lost")
            error.__cause__ = cause
            self._end(said, error)

    # What the server says

    def accepted(self, event: MessageAccepted) -> list[AgentError]:
        """Note a receipt; return the error of a text that is known to have failed meanwhile."""
        said = self._texts.get(event.id or "")
        if said is None:
            return []
        said.accept(Receipt(event.turn_id, event.durable))
        ending = self._early.get(event.turn_id) or self._answers.get(event.turn_id)
        if ending is not None:
            self._end(said, ending)
        elif event.turn_id in self._failed_turns:
            return [self._fail_here(said, "turn_failed")]
        return []

    def turn_started(self, turn_id: str) -> None:
        """Note that a turn begins, which so has not had its ending."""
        self._suspects = [said for said in self._suspects if said.turn_id != turn_id]

    def completed(self, event: ResponseComplete) -> None:
        """Note a turn's end."""
        answer = Answer(
            event.turn_id, event.text, event.finish_reason, event.usage, event.timings_ms, event.durable
        )
        self._end_turn(event.turn_id, answer)

    def failed(self, event: AgentError) -> AgentError:
        """Note an error; return it with the id of the text that it is about."""
        error = TextError(event.code, event.content, retryable=event.retryable)
        said = self._texts.get(event.id or "") or self._of_turn(event.turn_id) or self._unreadable(event)
        if said is not None:
            self._end(said, error)
            return AgentError(
                event.code, event.content, event.retryable, said.id, event.turn_id, event.call_id
            )
        if event.turn_id:
            self._end_turn(event.turn_id, error)
        return event

    def history(self, history: History) -> list[AgentError]:
        """Read endings from a history; `has_suspects` says whether some are still in doubt."""
        running = history.turn.turn_id if history.turn else None
        waiting = set(history.waiting)
        self._read_answers(history, running, waiting)
        order = [entry.turn_id for entry in history.messages]
        place = order.index(running) if running in order else -1
        self._suspects = []
        lost: list[AgentError] = []
        for said in self.open:
            if said.status != "accepted" or said.turn_id is None or said.turn_id in waiting:
                continue
            if said.turn_id in self._failed_turns:
                lost.append(self._fail_here(said, "turn_failed"))
            elif answer := self._answers.get(said.turn_id):
                self._end(said, answer)
            elif said.turn_id != running and (place < 0 or said.turn_id not in order[place:]):
                # Turns end in order: what was said before the running one has ended, somehow.
                self._suspects.append(said)
        return lost

    @property
    def has_suspects(self) -> bool:
        """Whether texts have had their ending in a gap, unless what follows the history says otherwise."""
        return bool(self._suspects)

    def judge_suspects(self) -> list[AgentError]:
        """Give up what has no ending, once all that follows the history is here."""
        suspects, self._suspects = self._suspects, []
        return [self._fail_here(said, "ending_lost") for said in suspects if said.status == "accepted"]

    # How it is done

    def _read_answers(self, history: History, running: str | None, waiting: set[str]) -> None:
        for turn_id in waiting:
            # It will be answered, also where something was said to it before the server went.
            self._answers.pop(turn_id, None)
        self._failed_turns = {entry.turn_id for entry in history.messages if entry.ending == "failed"}
        for entry in history.messages:
            if entry.role == "user" and entry.ending == "interrupted":
                # Withdrawn, or cut before a word: what was heard of the others takes its place.
                self._answers.setdefault(entry.turn_id, Answer(entry.turn_id, "", "interrupted"))
        for entry in history.messages:
            if entry.role == "assistant" and entry.turn_id != running and entry.turn_id not in waiting:
                reason = "interrupted" if entry.interrupted else "stop"
                self._answers[entry.turn_id] = Answer(
                    entry.turn_id, entry.content, reason, truncated=entry.truncated
                )

    def _is_unsent(self, said: Said) -> bool:
        return said.status == "queued" or (said.status == "sent" and not said.is_on_wire)

    def _of_turn(self, turn_id: str | None) -> Said | None:
        return next((said for said in self._texts.values() if turn_id and said.turn_id == turn_id), None)

    def _unreadable(self, event: AgentError) -> Said | None:
        """Return the text that the server could not read, and so could not name: the oldest in doubt."""
        if event.id or event.turn_id or event.call_id or event.code not in _UNREADABLE:
            return None
        return next((said for said in self._texts.values() if said.status == "sent"), None)

    def _end_turn(self, turn_id: str, ending: Answer | TextError) -> None:
        said = self._of_turn(turn_id)
        if said is not None:
            self._end(said, ending)
        elif any(each.status == "sent" for each in self._texts.values()):
            # Its receipt was lost, and comes when it is sent again.
            self._early[turn_id] = ending
            if len(self._early) > _MAX_EARLY_ENDINGS:
                self._early.popitem(last=False)

    def _fail_here(self, said: Said, code: str) -> AgentError:
        self._end(said, TextError(code))
        return AgentError(code, id=said.id, turn_id=said.turn_id, local=True)

    def _end(self, said: Said, ending: Answer | TextError) -> None:
        self._texts.pop(said.id, None)
        said.end(ending)

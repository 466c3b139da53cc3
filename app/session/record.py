"""The record of a conversation: which turns there were, and what was heard of each.

Every change of what was said goes through here, once, and is passed to its three projections: the history
(what the model is told), the transcript (what clients are shown) and the journal (what the store keeps).
"""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol

from app.chat import ApiMessage
from app.errors import NotRevisable, UnknownTurn
from app.protocol.events import Spoken, TextEnding
from app.session.history import History
from app.session.journal import NO_ENDINGS, NO_SOURCES, Journal, Sources, TurnEnding, TurnEndings
from app.session.transcript import Transcript

MAX_TURNS = 1000
"""Turns that are remembered one by one; those that have left the prompts are not."""

EntrySource = Literal["user", "agent", "tool", "note"]
"""Whose turn it is; `note`: what a back end has the model know, which nobody hears."""


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """A turn that has begun.

    Attributes:
        text: What the user said, where it is theirs.
        tells: The turns whose tools' results it tells.
        has_left: The model is no longer told of it, but for what a summary may hold.
    """

    turn_id: str
    source: EntrySource
    text: str = ""
    tells: frozenset[str] = frozenset()
    has_left: bool = False


@dataclass(frozen=True, slots=True)
class TurnClosing:
    """How a turn has ended, for the store.

    Attributes:
        told: The calls whose results it told.
        is_anew: It was asked again after a restart.
        sources: Whose its messages are, where their roles do not tell.
        place: Where the contribution stands that it carries out.
    """

    turn_id: str
    ending: TurnEnding
    told: Sequence[str] = ()
    is_anew: bool = False
    sources: Sources = field(default_factory=lambda: NO_SOURCES)
    place: int | None = None


class Projections(Protocol):
    """What is made of a record: for the model, for clients, and for the store."""

    conversation_history: History
    transcript: Transcript
    journal: Journal


class ConversationRecord:
    """The turns of one session, in order; it owns every change of what was said."""

    def __init__(self, projections: Projections) -> None:
        self._to = projections
        self._turns: list[RecordedTurn] = []
        self._joined: dict[str, str] = {}
        self._superseded: dict[str, str] = {}
        self._left_upto = ""

    # Texts

    def take_text(
        self,
        said: Spoken,
        client_id: str | None,
        *,
        joins: str = "",
        ends: TurnEndings = NO_ENDINGS,
        supersedes: Sequence[str] = (),
    ) -> tuple[int, Awaitable[bool]]:
        """Take what a user said; its turn is still to come.

        Returns:
            Its place in the store, and whether it survives the end of the process, as soon as that is known.
        """
        if joins:
            self._joined[said.turn_id] = joins
        self._to.transcript.add(said)
        position = self._to.journal.next_position
        receipt = self._to.journal.text_accepted(
            said.turn_id, said.content, client_id, joins, ends, supersedes
        )
        return position, receipt

    def begin_text(self, turn_id: str, content: str, position: int, *, is_anew: bool = False) -> None:
        """Open the turn of a user's text; `is_anew`: without what was said to it before."""
        if is_anew:
            self._to.transcript.forget_answer(turn_id)
        self._begin(RecordedTurn(turn_id, "user", content), position)
        self._to.conversation_history.add_user(content)

    def begin_own(
        self,
        turn_id: str,
        source: Literal["agent", "tool", "note"],
        position: int | None = None,
        tells: Collection[str] = (),
    ) -> None:
        """Open a turn of the agent's own; without a place it stands behind all that was written down."""
        place = self._to.journal.next_position if position is None else position
        self._begin(RecordedTurn(turn_id, source, tells=frozenset(tells)), place)

    def _begin(self, turn: RecordedTurn, position: int) -> None:
        self._to.conversation_history.begin_turn(turn.turn_id, position)
        self._note_left()
        self._turns.append(turn)
        del self._turns[:-MAX_TURNS]

    # Restoring

    def restore(self, turn: RecordedTurn, messages: Sequence[ApiMessage], position: int) -> None:
        """Add a turn of an earlier life of the session; `messages`: what the model is told of it again."""
        if messages:
            self._to.conversation_history.restore_turn(turn.turn_id, messages, position)
        self._turns.append(turn)
        del self._turns[:-MAX_TURNS]

    def recall(self, joined: Mapping[str, str], superseded: Mapping[str, str]) -> None:
        """Know which texts were said again with more words, and which turns were superseded, by which."""
        self._joined.update(joined)
        self._superseded.update(superseded)
        self._to.transcript.supersede(superseded.keys())

    # What was heard

    def cut(self, heard_chars: int) -> None:
        """Keep of what the agent said in the newest turn just what the user heard."""
        self._to.conversation_history.cut_speech(heard_chars)

    def correct(self, turn_id: str, heard_chars: int, at: datetime) -> None:
        """The user heard more of the turn that was cut last, or less: model, clients and store know it."""
        heard = self._to.conversation_history.recut_speech(turn_id, heard_chars)
        if heard is None:
            return
        self._to.transcript.correct(Spoken("assistant", heard, turn_id, at, interrupted=True))
        self._to.journal.turn_corrected(turn_id, self._to.conversation_history.said_in(turn_id))

    def forget(self, turn_id: str) -> None:
        """Take a turn out in whose place another comes: its user went on speaking before it was heard."""
        self._to.conversation_history.forget_turn(turn_id)
        self._to.transcript.forget(turn_id)

    def refuse(self, turn_id: str) -> None:
        """What was said in a turn is what the model's service refuses."""
        self._to.transcript.refuse(turn_id)

    def settle_refused(self) -> None:
        """Write down which turns prompts went well only without."""
        for turn in self._to.conversation_history.take_refused():
            self._to.transcript.refuse(turn.turn_id)
            if turn.messages[0]["role"] == "user":
                self._to.journal.text_refused(turn.position)

    # Endings

    def say(self, said: Spoken) -> None:
        """What was heard of the agent in a turn."""
        self._to.transcript.add(said)

    def close(self, closing: TurnClosing, *, with_messages: bool = True) -> Awaitable[bool]:
        """Write down what the newest turn added and how it ended.

        Args:
            closing: How it ended.
            with_messages: Without them it is as if it had added nothing; they wait for a later turn's end.
        """
        return self._to.journal.turn_ended(
            closing.turn_id,
            self._to.conversation_history.take_unwritten() if with_messages else [],
            closing.ending,
            told=closing.told,
            is_anew=closing.is_anew,
            sources=closing.sources,
            place=closing.place,
        )

    def leave_open(self, turn_id: str, told: Sequence[str], *, is_anew: bool) -> None:
        """Write down what the newest turn added before the server's stop cut it; it is asked again."""
        messages = self._to.conversation_history.take_unwritten()
        self._to.journal.turn_cut(turn_id, messages, told, is_anew=is_anew)

    def end_text(self, turn_id: str, ending: TextEnding) -> None:
        """The client is told how the turn of a text has ended."""
        self._to.transcript.end_turn(turn_id, ending)

    def take_out_words(self, turn_id: str, role: Literal["user", "assistant"]) -> None:
        """Take out what one side said in a turn: model and clients are no longer told; the store marks it."""
        self._to.conversation_history.take_out_words(turn_id, role)
        self._to.transcript.take_out_words(turn_id, role)
        self._to.journal.words_taken_out(turn_id, role)

    # Revising

    def text_of(self, turn_id: str) -> str:
        """Return what the user said in a turn that may be revised.

        Raises:
            UnknownTurn: There is no such turn.
            NotRevisable: It is no text of the user's, or has left the prompts, where a summary may hold it.
        """
        self._note_left()
        turn = next((each for each in self._turns if each.turn_id == turn_id), None)
        if turn is None:
            raise UnknownTurn
        if turn.source != "user" or turn.has_left:
            raise NotRevisable
        return turn.text

    def has_begun(self, turn_id: str) -> bool:
        """Return whether a turn has begun."""
        return any(each.turn_id == turn_id for each in self._turns)

    def turns_from(self, turn_id: str) -> list[str]:
        """Return a turn and those after it that a revision of it supersedes, in order.

        What tells results of earlier turns stays, and what a back end has the model know.
        """
        found: dict[str, None] = {}
        for turn in self._turns:
            if turn.turn_id == turn_id:
                found.update(dict.fromkeys((*self._joined_into(turn_id), turn_id)))
            elif found and turn.source != "note" and not (turn.tells and turn.tells.isdisjoint(found)):
                found[turn.turn_id] = None
        return list(found)

    def _joined_into(self, turn_id: str) -> list[str]:
        """The turns whose words a text says again."""
        earlier: list[str] = []
        while (turn_id := self._joined.get(turn_id, "")) and turn_id not in earlier:
            earlier.insert(0, turn_id)
        return earlier

    def supersede(self, turn_ids: Sequence[str], by: str) -> None:
        """Take turns out of prompts, summaries and what clients are shown; the store marks them."""
        self._superseded.update(dict.fromkeys(turn_ids, by))
        self._to.conversation_history.supersede(turn_ids)
        self._to.transcript.supersede(turn_ids)
        kept = [turn for turn in self._turns if turn.turn_id not in self._superseded]
        self._turns = kept

    def is_superseded(self, turn_id: str) -> bool:
        """Return whether another turn was asked for in its place."""
        return turn_id in self._superseded

    def behind(self, turn_id: str) -> frozenset[str]:
        """Return all turns in whose place this one is, also by way of others: their writes were its order."""
        found: set[str] = {turn_id}
        # Newest first: what superseded a turn came later than it.
        for old, by in reversed(list(self._superseded.items())):
            if by in found:
                found.add(old)
        return frozenset(found - {turn_id})

    def _note_left(self) -> None:
        """Keep no words of turns that have left the prompts."""
        upto = self._to.conversation_history.left_upto
        if upto == self._left_upto or not self.has_begun(upto):
            return
        self._left_upto = upto
        left = 1 + next(place for place, turn in enumerate(self._turns) if turn.turn_id == upto)
        for place in range(left):
            self._turns[place] = replace(self._turns[place], text="", has_left=True)

"""What a talk writes down as it goes, so that it outlives the server.

The talk knows only this interface. It never waits long for it: what takes too long is not yet durable, and
the talk goes on.
"""

from collections.abc import Awaitable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from app.chat import ApiMessage
from app.protocol.events import ToolEndReason, ToolStatus

TurnEnding = Literal["ok", "interrupted", "withdrawn", "refused", "failed", "joined"]
"""How a turn ended. `refused`: the model's service took neither its text nor its results. `joined`: the user
went on speaking, and a turn with all the words took its place."""


CallOutcome = Literal["none", "unknown"]
"""What a write did, where its status does not say it. `none`: it has not begun. `unknown`: it may have
acted."""


MessageSource = Literal["backend", "server"]
"""Whose a message is that its role does not tell: an operator's back end's, or the server's own."""

Sources = Mapping[str, MessageSource]
"""Whose a turn's messages are, by their role; those of other roles are whose the role says."""

NO_SOURCES: Final[Sources] = {}

TurnEndings = Mapping[str, TurnEnding]
"""How turns end that a new text ends, by their id."""

NO_ENDINGS: Final[TurnEndings] = {}


@dataclass(frozen=True, slots=True)
class CallStart:
    """A tool call that is about to run.

    Attributes:
        arguments: Its JSON text.
        outcome: `none` for a write that does not begin yet: `call_began` says when it does.
        idempotency_key: Under which the other side of a write may know it.
    """

    call_id: str
    turn_id: str
    name: str
    arguments: str
    effect: Literal["read", "write"]
    outcome: CallOutcome | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class CallEnd:
    """A tool call's ending; `result` is a JSON text of what the model is told."""

    call_id: str
    status: ToolStatus
    result: str
    reason: ToolEndReason | None = None
    outcome: CallOutcome | None = None


class Journal(Protocol):
    """Writes down one session's talk, in the order of the calls.

    A call only notes what is to be written. Whoever needs to know that it was awaits what comes back: True
    once it survives the end of the process, False if that takes too long. Nothing here raises.
    """

    is_kept: bool
    """Whether anything is written at all; without it nobody needs to wait."""

    @property
    def requires_notes(self) -> bool:
        """Whether a tool's write must not run where it could not be written down."""
        ...

    @property
    def next_position(self) -> int:
        """The place of the next message; what is written later stands behind what was written before."""
        ...

    def text_accepted(
        self,
        turn_id: str,
        content: str,
        client_id: str | None,
        joins: str = "",
        ends: TurnEndings = NO_ENDINGS,
        supersedes: Sequence[str] = (),
    ) -> Awaitable[bool]:
        """Return a user's text; True once it survives the end of the process.

        Args:
            turn_id: The turn that will answer it.
            content: What the user says.
            client_id: The client's own id for it.
            joins: The turn whose text it says again, with more words; that text is not read again.
            ends: The turns whose texts it ends: all of this survives together, or nothing.
            supersedes: The turns in whose place it comes; they are kept and marked, also what they still add.
        """
        ...

    def contribution_taken(self, turn_id: str, message: ApiMessage, source: MessageSource) -> Awaitable[bool]:
        """Return what a back end adds, before its turn begins; True once it survives the end of the process.

        It stands at the place that was `next_position`.
        """
        ...

    def turn_ended(
        self,
        turn_id: str,
        messages: Sequence[ApiMessage],
        ending: TurnEnding,
        *,
        told: Sequence[str] = (),
        is_anew: bool = False,
        sources: Sources = NO_SOURCES,
        place: int | None = None,
    ) -> Awaitable[bool]:
        """Return what a turn added to the history; True once it survives the end of the process.

        Args:
            turn_id: The turn.
            messages: What it added, but for the user's text.
            ending: How it ended.
            told: The calls whose results it told: all of this survives together, or nothing.
            is_anew: It was asked again: the messages stand in the place of those that it added before.
            sources: Whose they are, where their roles do not tell.
            place: Where the contribution stands that the turn has carried out: it is the first of the
                messages. Where they do not begin with it, it was not carried out.
        """
        ...

    def turn_cut(
        self, turn_id: str, messages: Sequence[ApiMessage], told: Sequence[str], *, is_anew: bool = False
    ) -> None:
        """What a turn added before the server's stop cut it; its text still waits for its ending.

        `is_anew`: as in `turn_ended`.
        """
        ...

    def turn_corrected(self, turn_id: str, messages: Sequence[ApiMessage]) -> None:
        """Another form of what the last turn added that was cut: the user heard more of it, or less."""
        ...

    def words_taken_out(self, turn_id: str, role: Literal["user", "assistant"]) -> None:
        """What one side said in a turn was deleted: it is kept and marked; calls stay as they are."""
        ...

    def text_refused(self, position: int) -> None:
        """The user's text at this place has turned out to be what the model's service refuses."""
        ...

    def call_started(self, call: CallStart) -> Awaitable[bool]:
        """Return a tool call, before it runs; only a write waits for it."""
        ...

    def call_began(self, call_id: str) -> Awaitable[bool]:
        """A write begins that was written down as not begun; it waits for this."""
        ...

    def call_ended(self, call: CallEnd) -> None:
        """A tool call's ending, as soon as it is known."""
        ...

    def calls_told(self, call_ids: Sequence[str]) -> None:
        """The turn that told these results has ended."""
        ...

    def summarised(self, summary: str, upto: int) -> None:
        """The summary of the turns that began before the place `upto`."""
        ...


class _NotKept:
    """Awaited, it says at once that nothing was written."""

    def __await__(self) -> Generator[None, None, bool]:
        return False
        yield  # makes this a generator, which is what `await` needs


NOT_KEPT = _NotKept()


class NoJournal:
    """Where nothing is kept."""

    is_kept = False
    requires_notes = False
    next_position = 0

    def text_accepted(
        self,
        turn_id: str,
        content: str,
        client_id: str | None,
        joins: str = "",
        ends: TurnEndings = NO_ENDINGS,
        supersedes: Sequence[str] = (),
    ) -> Awaitable[bool]:
        """Write nothing."""
        return NOT_KEPT

    def contribution_taken(self, turn_id: str, message: ApiMessage, source: MessageSource) -> Awaitable[bool]:
        """Write nothing."""
        return NOT_KEPT

    def turn_ended(
        self,
        turn_id: str,
        messages: Sequence[ApiMessage],
        ending: TurnEnding,
        *,
        told: Sequence[str] = (),
        is_anew: bool = False,
        sources: Sources = NO_SOURCES,
        place: int | None = None,
    ) -> Awaitable[bool]:
        """Write nothing."""
        return NOT_KEPT

    def turn_cut(
        self, turn_id: str, messages: Sequence[ApiMessage], told: Sequence[str], *, is_anew: bool = False
    ) -> None:
        """Write nothing."""

    def turn_corrected(self, turn_id: str, messages: Sequence[ApiMessage]) -> None:
        """Write nothing."""

    def words_taken_out(self, turn_id: str, role: Literal["user", "assistant"]) -> None:
        """Write nothing."""

    def text_refused(self, position: int) -> None:
        """Write nothing."""

    def call_started(self, call: CallStart) -> Awaitable[bool]:
        """Write nothing."""
        return NOT_KEPT

    def call_began(self, call_id: str) -> Awaitable[bool]:
        """Write nothing."""
        return NOT_KEPT

    def call_ended(self, call: CallEnd) -> None:
        """Write nothing."""

    def calls_told(self, call_ids: Sequence[str]) -> None:
        """Write nothing."""

    def summarised(self, summary: str, upto: int) -> None:
        """Write nothing."""

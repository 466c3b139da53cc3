"""A session's journal in the store."""

import asyncio
from collections.abc import Awaitable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from app.chat import ApiMessage
from app.clock import Clock
from app.session.journal import (
    NO_ENDINGS,
    NO_SOURCES,
    CallEnd,
    CallStart,
    MessageSource,
    Sources,
    TurnEnding,
    TurnEndings,
)
from app.session.service_extras import stored_calls
from app.storage.operations import Write
from app.storage.records import NONE_SUPERSEDED, CallRow, MessageRecord
from app.storage.store import Store
from app.storage.writer import Receipt
from app.storage.writes import (
    CallBegan,
    CallEnded,
    CallStarted,
    CallsTold,
    MessageMarked,
    MessagesStored,
    SessionChanged,
    TextAccepted,
    TurnCut,
    TurnEnded,
    WordsTakenOut,
)


class _Bounded:
    """A receipt that is waited for `timeout_s` seconds at most.

    Where another process has claimed the session, it never comes: nothing more is said here of what was not
    written. The session is about to end, and its client says again elsewhere what has no receipt.
    """

    def __init__(self, receipt: Receipt, timeout_s: float) -> None:
        self._receipt = receipt
        self._timeout_s = timeout_s

    def __await__(self) -> Generator[Any, None, bool]:
        return self._is_stored().__await__()

    async def _is_stored(self) -> bool:
        is_stored = await self._receipt.soon(self._timeout_s)
        await _unless_fenced(self._receipt)
        return is_stored


class _Noted:
    """A receipt without which nothing goes on: waited for also where the database has been in trouble.

    It is good only if what was noted is still this process's to do once it has been waited for.
    """

    def __init__(self, receipt: Receipt, store: Store, timeout_s: float) -> None:
        self._receipt = receipt
        self._store = store
        self._timeout_s = timeout_s

    def __await__(self) -> Generator[Any, None, bool]:
        return self._is_good().__await__()

    async def _is_good(self) -> bool:
        is_stored = await self._receipt.wait(self._timeout_s)
        await _unless_fenced(self._receipt)
        return is_stored and self._store.may_act


async def _unless_fenced(receipt: Receipt) -> None:
    """Wait for the session's end where it is not this process's any more."""
    if receipt.is_fenced:
        await asyncio.get_running_loop().create_future()


class StoredJournal:
    """Writes one session's talk into the store.

    Args:
        next_position: The place of the next message in the session, from 0.
        timeout_s: How long anybody waits for a receipt, in seconds.
        superseded: Turns in whose place others came: what they still add is marked.
    """

    is_kept = True

    def __init__(
        self,
        session_id: str,
        store: Store,
        clock: Clock,
        timeout_s: float,
        next_position: int = 0,
        superseded: Mapping[str, str] = NONE_SUPERSEDED,
    ) -> None:
        self._session_id = session_id
        self._store = store
        self._clock = clock
        self._timeout_s = timeout_s
        self._next_position = next_position
        self._last_cut: tuple[str, list[MessageRecord]] = ("", [])
        self._last_sources: Sources = NO_SOURCES
        self._superseded = dict(superseded)
        self._taken_out: set[tuple[str, str]] = set()

    @property
    def next_position(self) -> int:
        """The place of the next message."""
        return self._next_position

    @property
    def requires_notes(self) -> bool:
        """Whether a tool's write must not run where it could not be written down."""
        return self._store.requires_notes

    def text_accepted(
        self,
        turn_id: str,
        content: str,
        client_id: str | None,
        joins: str = "",
        ends: TurnEndings = NO_ENDINGS,
        supersedes: Sequence[str] = (),
    ) -> Awaitable[bool]:
        """Return a user's text; True once it survives the end of the process."""
        record = MessageRecord(
            position=self._take_position(),
            turn_id=turn_id,
            role="user",
            content=content,
            created_at=self._clock.now(),
            status="accepted",
            client_id=client_id,
        )
        self._superseded.update(dict.fromkeys(supersedes, turn_id))
        return self._bounded(TextAccepted(self._session_id, record, joins, ends, supersedes))

    def contribution_taken(self, turn_id: str, message: ApiMessage, source: MessageSource) -> Awaitable[bool]:
        """What a back end adds, before its turn begins; True once it survives the end of the process."""
        record = self._record(turn_id, message, "ok", {message["role"]: source})
        waiting = replace(record, status="accepted")
        return self._bounded(MessagesStored(self._session_id, [waiting]))

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
        """Return what a turn added to the history; True once it survives the end of the process."""
        if place is not None and not (messages and messages[0]["role"] in sources):
            place, ending = None, "withdrawn"  # nothing but the contribution has this turn's id and waits
        before = self._next_position if is_anew else None
        records = [
            self._record(turn_id, message, ending, sources, place if number == 0 else None)
            for number, message in enumerate(messages)
        ]
        if ending == "interrupted":
            # How much of it was heard may be told late, also when other turns have ended since.
            self._last_cut, self._last_sources = (turn_id, records), sources
        told_now = self._told_now(told)
        return self._bounded(TurnEnded(self._session_id, turn_id, ending, records, told_now, before))

    def turn_cut(
        self, turn_id: str, messages: Sequence[ApiMessage], told: Sequence[str], *, is_anew: bool = False
    ) -> None:
        """What a turn added before the server's stop cut it; its text still waits for its ending."""
        before = self._next_position if is_anew else None
        records = [self._record(turn_id, message, "interrupted", NO_SOURCES) for message in messages]
        self._store.write(TurnCut(self._session_id, turn_id, records, self._told_now(told), before))

    def turn_corrected(self, turn_id: str, messages: Sequence[ApiMessage]) -> None:
        """Another form of what the last turn added that was cut: the user heard more of it, or less."""
        known_turn, records = self._last_cut
        if known_turn != turn_id:
            return
        # Only the last message, a bare text, can come or go: calls and their answers stay.
        corrected = [
            replace(record, content=message["content"], status="interrupted")
            if message["role"] == "assistant"
            else record
            for record, message in zip(records, messages, strict=False)
        ]
        corrected += [replace(record, content=None) for record in records[len(messages) :]]
        added = messages[len(records) :]
        corrected += [self._record(turn_id, m, "interrupted", self._last_sources) for m in added]
        self._last_cut = (turn_id, corrected)
        self._store.write(MessagesStored(self._session_id, corrected))

    def words_taken_out(self, turn_id: str, role: Literal["user", "assistant"]) -> None:
        """What one side said in a turn was deleted: it is kept and marked; calls stay as they are."""
        self._taken_out.add((turn_id, role))
        self._store.write(WordsTakenOut(self._session_id, turn_id, role))

    def text_refused(self, position: int) -> None:
        """The user's text at this place has turned out to be what the model's service refuses."""
        self._store.write(MessageMarked(self._session_id, position, "refused"))

    def call_started(self, call: CallStart) -> Awaitable[bool]:
        """Return a tool call, before it runs."""
        row = CallRow(
            call_id=call.call_id,
            turn_id=call.turn_id,
            name=call.name,
            arguments=call.arguments,
            effect=call.effect,
            started_at=self._clock.now(),
            outcome=call.outcome,
            idempotency_key=call.idempotency_key,
        )
        return self._noted(CallStarted(self._session_id, row))

    def call_began(self, call_id: str) -> Awaitable[bool]:
        """A write begins that was written down as not begun."""
        return self._noted(CallBegan(self._session_id, call_id))

    def call_ended(self, call: CallEnd) -> None:
        """A tool call's ending, as soon as it is known."""
        self._store.write(
            CallEnded(
                self._session_id,
                call.call_id,
                call.status,
                ended_at=self._clock.now(),
                result=call.result,
                reason=call.reason,
                outcome=call.outcome,
            )
        )

    def calls_told(self, call_ids: Sequence[str]) -> None:
        """The turn that told these results has ended."""
        self._store.write(CallsTold(self._session_id, call_ids, self._clock.now()))

    def summarised(self, summary: str, upto: int) -> None:
        """The summary of the turns that began before the place `upto`."""
        self._store.write(SessionChanged(self._session_id, {"summary": summary, "summary_upto": upto}))

    def _bounded(self, write: Write) -> Awaitable[bool]:
        return _Bounded(self._store.write(write), self._timeout_s)

    def _noted(self, write: Write) -> Awaitable[bool]:
        if not self.requires_notes:
            return self._bounded(write)
        return _Noted(self._store.write(write), self._store, self._timeout_s)

    def _told_now(self, call_ids: Sequence[str]) -> CallsTold | None:
        return CallsTold(self._session_id, call_ids, self._clock.now()) if call_ids else None

    def _take_position(self) -> int:
        self._next_position += 1
        return self._next_position - 1

    def _record(
        self,
        turn_id: str,
        message: ApiMessage,
        ending: TurnEnding,
        sources: Sources,
        place: int | None = None,
    ) -> MessageRecord:
        is_out = (turn_id, message["role"]) in self._taken_out and not message.get("tool_calls")
        was_cut = ending == "interrupted" and message["role"] == "assistant"
        return MessageRecord(
            position=self._take_position() if place is None else place,
            turn_id=turn_id,
            role=message["role"],
            content=message["content"],
            created_at=self._clock.now(),
            status="interrupted" if was_cut else "ok",
            tool_calls=stored_calls(message),
            tool_call_id=message.get("tool_call_id"),
            source=sources.get(message["role"]),
            superseded_by=turn_id if is_out else self._superseded.get(turn_id),
        )

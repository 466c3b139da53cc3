"""One tool call from the model's wish to its telling: the record that history, store and wire are made of."""

import asyncio
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import orjson

from app.chat import Extras
from app.protocol.events import (
    MAX_RESULT_CHARS,
    ApprovalRequested,
    ToolEndReason,
    ToolFinished,
    ToolStarted,
    ToolStatus,
    UnsettledCall,
)
from app.session.history import CallRecord
from app.session.journal import CallEnd, CallOutcome, CallStart
from app.tools.base import Effect
from app.tools.call_state import CallState, check_call_move
from app.tools.results import shown_json

STOPPED_BY_A_PERSON = ("denied", "expired", "user")
"""Why a call did not begin that is not to be asked for again before the user's next text."""


def new_call_id() -> str:
    """Return an id of ours: a model's may be empty, repeated, or kilobytes long."""
    return f"call_{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """How a call ended.

    Attributes:
        result: A JSON value.
        error: A sentence, where it is not done.
        may_have_acted: It failed, and may have had its effect all the same.
    """

    status: ToolStatus
    result: Any = None
    error: str | None = None
    truncated: bool = False
    may_have_acted: bool = False

    def content(self) -> dict[str, Any]:
        """Return the tool message that tells the model."""
        if self.status != "done":
            return {"status": self.status, "error": self.error}
        content: dict[str, Any] = {"status": "done", "result": self.result}
        return {**content, "truncated": True} if self.truncated else content


class DeliveryMode(StrEnum):
    """Who is to tell how a call ended."""

    IN_TURN = "in_turn"
    """The turn that asked for it, which waits."""
    IN_BACKGROUND = "in_background"
    """A turn of its own: the one that asked for it has gone on."""
    DROPPED = "dropped"
    """Nobody: its turn was replaced by another before anybody heard of it."""


@dataclass(slots=True)
class Delivery:
    """How the telling of a call's ending stands.

    Attributes:
        failures: How many turns tried to tell it, and failed.
        history_id: The id under which the last of them put it into the history; None before.
        is_refused: The model's service took no prompt with it.
    """

    mode: DeliveryMode = DeliveryMode.IN_TURN
    failures: int = 0
    history_id: str | None = None
    is_refused: bool = False


@dataclass(eq=False, slots=True)
class ToolCall:
    """A call that a model asked for.

    Attributes:
        arguments: A JSON text that the history may hold; `{}` where the model's was unusable.
        ending: How it ended: set once.
        repeats: The earlier write that this call would repeat; it is answered by how that one stands.
        delivery: How the telling of its ending stands.
        end_reason: Why it was ended from outside.
        note: What the model is told of it while it runs.
        extras: What the model's service gave with it.
        key: Under which the other side of a write may know it; empty where that is its own id.
        is_clients: The client runs it.
        unsettled: An earlier order of the same write, of which nobody knows what it did.
        path: The states that it went through, the present one last.
    """

    call_id: str
    turn_id: str
    name: str
    arguments: str
    started_at: float
    effect: Effect = "read"
    ending: ToolOutcome | None = None
    repeats: "ToolCall | None" = None
    delivery: Delivery = field(default_factory=Delivery)
    note: str = ""
    extras: Extras | None = None
    key: str = ""
    is_clients: bool = False
    unsettled: "ToolCall | None" = None
    end_reason: ToolEndReason | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    path: list[CallState] = field(default_factory=lambda: [CallState.ASKED])

    @classmethod
    def restored(
        cls,
        call: CallStart,
        ending: ToolOutcome,
        end_reason: ToolEndReason | None,
        *,
        has_begun: bool,
        is_told: bool,
    ) -> Self:
        """Return a call of an earlier life of the session, which has ended, as the store has it."""
        run = cls(call.call_id, call.turn_id, call.name, call.arguments, 0.0, call.effect, ending)
        run.key, run.end_reason = call.idempotency_key or "", end_reason
        run.delivery.mode = DeliveryMode.IN_BACKGROUND
        run.path.append(CallState.STARTING)
        run.path += [CallState.RUNNING] * has_begun + [CallState(ending.status)]
        run.path += [CallState.DELIVERED] * is_told
        return run

    # How it stands

    @property
    def state(self) -> CallState:
        """How it stands now."""
        return self.path[-1]

    def move_to(self, state: CallState) -> None:
        """Change the state: the one door to it.

        Raises:
            IllegalCallMove: The table has no such move; the state is unchanged.
        """
        check_call_move(self.state, state)
        self.path.append(state)

    def end(self, ending: ToolOutcome) -> None:
        """Give it its one ending."""
        self.move_to(CallState(ending.status))
        self.ending = ending

    def deliver(self) -> None:
        """Say that its ending was told; one that was told before stays as it is."""
        if self.state is not CallState.DELIVERED:
            self.move_to(CallState.DELIVERED)

    def detach(self) -> None:
        """Have its ending told by a turn of its own: the one that asked for it no longer waits."""
        if self.delivery.mode is DeliveryMode.IN_TURN:
            self.delivery.mode = DeliveryMode.IN_BACKGROUND

    @property
    def has_begun(self) -> bool:
        """Whether the tool itself was called."""
        return CallState.RUNNING in self.path

    @property
    def needed_approval(self) -> bool:
        """Whether a person was asked, or is."""
        return CallState.WAITING_FOR_APPROVAL in self.path

    @property
    def is_pending(self) -> bool:
        """Whether it has no ending yet."""
        return self.ending is None

    @property
    def is_untold(self) -> bool:
        """Whether it is for a turn of its own to tell how it ended or will end, and none has yet."""
        return self.delivery.mode is DeliveryMode.IN_BACKGROUND and self.state is not CallState.DELIVERED

    @property
    def is_unknown(self) -> bool:
        """Whether it is a write that has ended, and nobody knows what it did."""
        if self.effect == "read" or self.ending is None or not self.has_begun:
            return False
        if self.end_reason in ("denied", "expired"):
            return False
        return self.ending.may_have_acted or self.ending.status not in ("done", "failed")

    @property
    def may_be_tried_again(self) -> bool:
        """Whether nothing was done, and nobody wanted it so."""
        if self.ending is None:
            return False
        if not self.has_begun:
            return self.end_reason not in STOPPED_BY_A_PERSON
        return self.ending.status == "failed" and not self.is_unknown

    @property
    def idempotency_key(self) -> str:
        """The same for each try of the same order."""
        return self.key or self.call_id

    # What is made of it

    @property
    def answer(self) -> dict[str, Any] | None:
        """What the model is told for this call, and what is not known of it; None before it has ended."""
        if self.ending is None:
            return None
        return self.ending.content() | ({"outcome": "unknown"} if self.is_unknown else {})

    def record(self, call_id: str | None = None) -> CallRecord:
        """Return the call as the history keeps it, with its own id or with another."""
        name = call_id or self.call_id
        return CallRecord(name, self.name, self.arguments, self.note, self.extras, self.effect == "write")

    def start_note(self) -> CallStart:
        """Return the call as the journal has it, before it runs."""
        waits = self.effect == "write" and self.needed_approval
        return CallStart(
            self.call_id,
            self.turn_id,
            self.name,
            self.arguments,
            self.effect,
            outcome="none" if waits else None,
            idempotency_key=self.key or None,
        )

    def end_note(self) -> CallEnd:
        """Return the ending of a call that has ended as the journal has it."""
        status = self.ending.status if self.ending is not None else "interrupted"
        outcome: CallOutcome | None = "unknown" if self.is_unknown else None
        if self.effect == "write" and not self.has_begun:
            outcome = "none"
        return CallEnd(self.call_id, status, orjson.dumps(self.answer).decode(), self.end_reason, outcome)

    def approval_request(self, expires_in_s: float) -> ApprovalRequested:
        """Return what a client is told while the call waits for approval."""
        earlier = None
        if self.unsettled is not None and self.unsettled.ending is not None:
            earlier = UnsettledCall(self.unsettled.call_id, self.unsettled.ending.status)
        return ApprovalRequested(self.call_id, self.name, self.arguments, expires_in_s, earlier)

    def started(self) -> ToolStarted:
        """Return what a client is told when the call may run."""
        return ToolStarted(self.turn_id, self.call_id, self.name, self.arguments, self.is_clients)

    def finished(self, elapsed_s: float) -> ToolFinished:
        """Return the ending as a client is told it: of the result as much as one shows."""
        ending = self.ending or ToolOutcome("interrupted")
        result, was_cut = shown_json(ending.result, MAX_RESULT_CHARS)
        return ToolFinished(
            self.call_id,
            self.name,
            ending.status,
            elapsed_s,
            ending.error,
            "outcome_unknown" if self.is_unknown else self.end_reason,
            result,
            was_cut or ending.truncated,
        )

"""How a turn has ended: one value, decided in one place, and a table of what follows of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from app.conversation.turn import Turn, TurnEnd
from app.errors import AgentError, LlmBadResponse, LlmError
from app.protocol.events import ErrorOccurred, Event, Interrupted, ResponseComplete, TextEnding, Timings
from app.session.journal import TurnEnding

OutcomeKind = Literal[
    "answered", "interrupted", "replaced", "cut_off", "left_open", "put_back", "failed", "refused"
]
"""`interrupted`, `replaced`: the user has ended it, `replaced` to say more. `cut_off`: the talk has ended
under it. `left_open`: so it has, and its text is asked again when the talk goes on; `put_back`: so is what a
back end has added, as nothing of it was carried out. `refused`: the model's service did not take its prompt.
"""


@dataclass(frozen=True, slots=True)
class Following:
    """What follows of an outcome.

    Attributes:
        stored: The turn's ending in the store; None where it has none yet.
        shown: How clients see that its text has ended; None where nobody is told.
    """

    stored: TurnEnding | None
    shown: TextEnding | None


FOLLOWING: Final[Mapping[OutcomeKind, Following]] = {
    "answered": Following("ok", "complete"),
    "interrupted": Following("interrupted", "interrupted"),
    "replaced": Following("interrupted", "interrupted"),
    "cut_off": Following("interrupted", None),
    "left_open": Following(None, None),
    "put_back": Following(None, None),
    "failed": Following("failed", "failed"),
    "refused": Following("refused", "failed"),
}


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """How a turn has ended.

    Attributes:
        text: What the user has of it: what was heard of one that was cut, else all that it said.
        end: Of one that was answered, how its answer ended.
        error: Of one that failed or was refused, why.
    """

    kind: OutcomeKind
    text: str
    end: TurnEnd | None = None
    error: AgentError | None = None

    @property
    def following(self) -> Following:
        """What follows of it."""
        return FOLLOWING[self.kind]

    def events(self, turn: Turn, timings: Timings, *, durable: bool) -> list[Event]:
        """Return what its client is told; `durable`: it outlives the end of the process."""
        if self.error is not None:
            is_agents = turn.source != "user" and not turn.has_spoken
            return [ErrorOccurred(self.error, turn.turn_id, is_agents=is_agents)]
        if self.end is None:
            return [
                Interrupted(turn.turn_id, self.text),
                ResponseComplete(turn.turn_id, "interrupted", None, self.text, timings, durable),
            ]
        usage = self.end.completion.usage if self.end.completion is not None else None
        reason = self.end.finish_reason
        return [ResponseComplete(turn.turn_id, reason, usage, self.text, timings, durable)]


def outcome_of(turn: Turn, end: TurnEnd | AgentError) -> TurnOutcome:
    """Classify a turn that has run to its end; one of the agent's own that has said nothing has failed."""
    text = "".join(turn.spoken)
    is_silent = turn.source != "user" and not turn.has_spoken
    if isinstance(end, TurnEnd) and is_silent and not end.awaits_client:
        end = LlmBadResponse("an empty answer")
    if isinstance(end, TurnEnd):
        return TurnOutcome("answered", text, end)
    is_refusal = isinstance(end, LlmError) and end.refuses_prompt
    return TurnOutcome("refused" if is_refusal else "failed", text, error=end)


def outcome_of_cut(turn: Turn, heard: str) -> TurnOutcome:
    """Classify a turn that was cut, of which the user had heard so much."""
    match turn.cut:
        case "stopped" if turn.place is not None and not turn.has_called:
            kind = "put_back"
        case "stopped" if turn.source == "user":
            kind = "left_open"
        case "stopped" | "cut_off":
            kind = "cut_off"
        case "replaced":
            kind = "replaced"
        case "interrupted" | None:
            kind = "interrupted"
    return TurnOutcome(kind, heard)

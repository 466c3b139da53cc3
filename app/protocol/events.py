"""What happens in a talk, before any protocol has put it into words.

The core says events; a protocol's rendering (`v1.py`) decides what of them a client sees and how.
Everything a turn says carries its `turn_id`.
"""

from dataclasses import dataclass, field
from typing import Literal

from app.chat import Usage
from app.errors import AgentError

TurnSource = Literal["user", "tool", "agent"]
"""Who began a turn: a user's text, a background tool's result, or the agent by itself."""

ToolStatus = Literal["done", "failed", "timed_out", "cancelled", "interrupted"]
"""The five endings of a tool call."""

ToolEndReason = Literal["denied", "expired", "user", "shutdown", "stuck"]
"""Why a call was ended from outside."""

FinishReason = Literal["stop", "interrupted", "length", "content_filter"]


@dataclass(slots=True)
class SessionTerms:
    """What a v2 client needs to keep its session through drops. Times are in seconds."""

    resume_token: str
    resume_window_s: float
    heartbeat_s: float
    features: list[str] = field(default_factory=list[str])
    continued: bool = False


@dataclass(slots=True)
class SessionCreated:
    """The session exists; nothing precedes it. `timestamp` as in `app.clock.wire_time`."""

    session_id: str
    timestamp: str
    terms: SessionTerms | None = None


@dataclass(slots=True)
class Notice:
    """A sentence for the user that no other event stands for."""

    content: str


@dataclass(slots=True)
class MessageAccepted:
    """A user's text was taken and will end in exactly one `ResponseComplete` or `ErrorOccurred`."""

    turn_id: str
    client_id: str | None = None
    durable: bool = False


@dataclass(slots=True)
class Timings:
    """How long a turn took, in milliseconds: in the line, to its first chunk, in all."""

    queued: int
    first_token: int | None
    total: int


@dataclass(slots=True)
class TurnStarted:
    """A turn begins."""

    turn_id: str
    source: TurnSource


@dataclass(slots=True)
class ResponseChunk:
    """The next piece of a turn's answer."""

    turn_id: str
    content: str


@dataclass(slots=True)
class ResponseComplete:
    """A turn's end; nothing of it follows."""

    turn_id: str
    finish_reason: FinishReason = "stop"
    usage: Usage | None = None
    text: str = ""
    timings: Timings | None = None
    durable: bool = False


@dataclass(slots=True)
class Interrupted:
    """The user ended a turn; `heard` is what of it had left. None where no turn ran."""

    turn_id: str | None
    heard: str = ""


@dataclass(slots=True)
class ToolStarted:
    """A tool call runs."""

    turn_id: str
    call_id: str
    name: str
    arguments: str


@dataclass(slots=True)
class ToolProgress:
    """A tool call still runs."""

    call_id: str
    name: str
    elapsed_s: float
    message: str | None = None
    fraction: float | None = None


@dataclass(slots=True)
class ToolFinished:
    """A tool call's one ending; `error` is a sentence where it is not done."""

    call_id: str
    name: str
    status: ToolStatus
    elapsed_s: float
    error: str | None = None
    reason: ToolEndReason | None = None


@dataclass(slots=True)
class StateChanged:
    """The session's state, after the move."""

    state: str


@dataclass(slots=True)
class ErrorOccurred:
    """Something failed; with a `turn_id`, it is that turn's end."""

    error: AgentError
    turn_id: str | None = None
    client_id: str | None = None
    call_id: str | None = None
    is_agents: bool = False
    """It ends an agent's turn that has said nothing; v1 knows of agents' turns by their chunks alone."""


@dataclass(slots=True)
class Pong:
    """The answer to a client's `ping`; not part of the talk."""


@dataclass(slots=True)
class HistoryTold:
    """What was said before, as a whole `history` message; not part of the talk."""

    message: str


@dataclass(slots=True)
class GoingAway:
    """The server is about to stop; come back after so many seconds. Not part of the talk."""

    reason: str
    reconnect_after_s: float


Event = (
    SessionCreated
    | Notice
    | MessageAccepted
    | TurnStarted
    | ResponseChunk
    | ResponseComplete
    | ToolStarted
    | ToolProgress
    | ToolFinished
    | StateChanged
    | ErrorOccurred
    | Interrupted
    | Pong
    | GoingAway
    | HistoryTold
)

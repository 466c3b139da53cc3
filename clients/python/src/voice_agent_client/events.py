"""What a talk brings, as frozen dataclasses: messages of protocol v2, and what this side adds."""

from dataclasses import dataclass, field
from typing import Any, Literal

AgentState = Literal["idle", "listening", "thinking", "speaking", "processing_tool"]
FinishReason = Literal["stop", "interrupted", "length", "content_filter"]
ToolStatus = Literal["done", "failed", "timed_out", "cancelled", "interrupted", "running"]


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """A session exists.

    Attributes:
        features: What the server has, such as `audio_in`, `audio_out`, `approval`.
        audio: What sound was agreed on.
        continued: Whether an earlier talk goes on; `History` follows.
    """

    session_id: str
    features: list[str] = field(default_factory=list[str])
    audio: dict[str, Any] | None = None
    continued: bool = False


@dataclass(frozen=True, slots=True)
class SessionResumed:
    """The session goes on after a drop; with `gap` a `History` follows."""

    session_id: str
    gap: bool = False
    replayed: int = 0


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A text of the talk; `truncated` where only its beginning is here."""

    role: str
    content: str
    turn_id: str
    created_at: str = ""
    interrupted: bool = False
    truncated: bool = False
    ending: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryTool:
    """A call that runs, or that has ended."""

    call_id: str
    name: str
    status: str
    turn_id: str | None = None
    elapsed_s: float | None = None
    reason: str | None = None
    result: Any = None
    error: str | None = None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class RunningTurn:
    """What the running turn has said so far; `truncated` where only the end is here."""

    turn_id: str
    text: str
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """Stands in place of all that was shown: some messages are gone.

    Attributes:
        waiting: Turns that were taken and have not begun; each will be answered.
    """

    messages: list[HistoryEntry] = field(default_factory=list[HistoryEntry])
    turn: RunningTurn | None = None
    tools: list[HistoryTool] = field(default_factory=list[HistoryTool])
    waiting: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class StateChanged:
    """What the agent does now (`AgentState`)."""

    state: str


@dataclass(frozen=True, slots=True)
class MessageAccepted:
    """The receipt of a text, or of an utterance (`id` is None).

    Attributes:
        supersedes: The turns in whose place a revision is, the oldest first.
    """

    turn_id: str
    id: str | None = None
    durable: bool = False
    utterance_id: str | None = None
    supersedes: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A turn begins; one that begins again after a restart says all of its answer anew."""

    turn_id: str
    source: str = "user"


@dataclass(frozen=True, slots=True)
class ResponseChunk:
    """The next piece of an answer."""

    turn_id: str
    content: str


@dataclass(frozen=True, slots=True)
class ResponseComplete:
    """A turn's end.

    Attributes:
        text: The whole answer.
        finish_reason: One of `FinishReason`.
        timings_ms: In milliseconds.
    """

    turn_id: str
    text: str
    finish_reason: str = "stop"
    usage: dict[str, Any] | None = None
    timings_ms: dict[str, Any] | None = None
    durable: bool | None = None


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A turn was stopped; None where there was nothing to stop."""

    turn_id: str | None = None
    heard: str = ""


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool runs."""

    call_id: str
    name: str
    turn_id: str | None = None
    arguments: Any = None


@dataclass(frozen=True, slots=True)
class ToolProgress:
    """A tool still runs; `fraction` is from 0 to 1."""

    call_id: str
    name: str
    elapsed_s: float
    message: str | None = None
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A tool has ended; with `reason` `outcome_unknown` it may have taken effect."""

    call_id: str
    name: str
    status: str
    elapsed_s: float = 0.0
    reason: str | None = None
    result: Any = None
    error: str | None = None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """A tool waits for a person's word: answer by `approve_tool`.

    Attributes:
        earlier: The same call before, whose outcome is unknown; None where there was none.
    """

    call_id: str
    name: str
    arguments: Any = None
    expires_in_s: float | None = None
    earlier: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The user is heard to speak."""

    utterance_id: str


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The user has stopped; with `empty` no turn comes of it."""

    utterance_id: str
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood, so far or, with `final`, whole."""

    utterance_id: str
    content: str
    final: bool = False
    language: str | None = None
    emotion: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AudioStarted:
    """A turn's sound begins, or goes on elsewhere: throw away what is held beyond `offset_ms`."""

    turn_id: str
    sample_rate_hz: int = 24_000
    offset_ms: float = 0.0
    format: str = "pcm16"


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of the agent's voice: PCM16, little endian, mono."""

    turn_id: str
    sample_rate_hz: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class AudioComplete:
    """All of a turn's sound has been sent."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class PlaybackHint:
    """`duck`: be quiet and report what was played; `resume`: go on."""

    turn_id: str
    action: str


@dataclass(frozen=True, slots=True)
class FeaturesChanged:
    """The server has loaded its speech, or could not: what it has now."""

    features: list[str]


@dataclass(frozen=True, slots=True)
class AgentError:
    """Something failed: a text (`id`), a turn, a word about a tool, or else the last message.

    Attributes:
        code: The server's, or, where `local`, this package's own (see `TextError`).
        content: The server's sentence for the user; empty where `local`.
        local: Whether it was found on this side.
    """

    code: str
    content: str = ""
    retryable: bool = False
    id: str | None = None
    turn_id: str | None = None
    call_id: str | None = None
    local: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence of the server for the user."""

    content: str


@dataclass(frozen=True, slots=True)
class GoingAway:
    """The server is about to stop; texts wait for the next connection.

    Attributes:
        deadline_s: How long turns that run may still take, in seconds.
        overlap: Another process serves: the client takes the session there while this connection still lives.
    """

    reason: str
    reconnect_after_s: float
    deadline_s: float | None = None
    overlap: bool = False


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A message of a type, or of a form, that this version does not know."""

    type: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection is gone; the next attempt comes by itself.

    Attributes:
        code: The close code; 1006 where there was none.
        retry_in_s: Seconds until the next attempt.
    """

    code: int
    retry_in_s: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SessionReplaced:
    """A new session stands in for one that the server does not resume.

    Attributes:
        lost: Ids of the texts that had left and had no ending there. They may have had their effects, and are
            not sent again.
    """

    previous_session_id: str
    session_id: str
    lost: list[str]


Event = (
    SessionCreated
    | SessionResumed
    | History
    | StateChanged
    | MessageAccepted
    | TurnStarted
    | ResponseChunk
    | ResponseComplete
    | Interrupted
    | ToolStarted
    | ToolProgress
    | ToolFinished
    | ApprovalRequested
    | SpeechStarted
    | SpeechStopped
    | Transcript
    | AudioStarted
    | AudioChunk
    | AudioComplete
    | PlaybackHint
    | FeaturesChanged
    | AgentError
    | Notice
    | GoingAway
    | UnknownMessage
    | ConnectionLost
    | SessionReplaced
)

"""What happens in a talk, before any protocol has put it into words.

The core says events; a wire protocol decides what of them a client sees and how.
Everything a turn says carries its `turn_id`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from app.chat import Mood, TokenUsage
from app.errors import AgentError, Locale

TurnSource = Literal["user", "tool", "agent"]
"""Who began a turn: a user's text, a background tool's result, or the agent by itself."""

ToolStatus = Literal["done", "failed", "timed_out", "cancelled", "interrupted"]
"""The five endings of a tool call."""

ToolEndReason = Literal["denied", "expired", "user", "shutdown", "stuck", "outcome_unknown"]
"""Why a call was ended from outside; or, of one that changes something, that it may have acted, and nobody
knows, however it ended."""

MAX_RESULT_CHARS = 2000
"""What a client is told of a call's result, in JSON, or of its error; the whole of it is had over HTTP."""

FinishReason = Literal["stop", "interrupted", "length", "content_filter"]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How sound is written: mono; PCM as 16 bits, little endian, the others (G.711) as a byte a sample."""

    encoding: Literal["pcm16", "mulaw", "alaw"]
    rate_hz: int

    def pcm_bytes(self, size: int) -> int:
        """Return what so many bytes of it are as PCM16 of the same rate."""
        return size if self.encoding == "pcm16" else 2 * size


def pcm16(rate_hz: int) -> AudioFormat:
    """Return PCM16 of a rate."""
    return AudioFormat("pcm16", rate_hz)


@dataclass(frozen=True, slots=True)
class AudioTerms:
    """What sound a session has.

    Attributes:
        input: How the client's frames are written; None where it sends none.
        out: Whether answers are spoken.
        is_manual: The client says where an utterance ends; else it is found out.
        is_optional: What of it the server does not have is left out without a word.
        output: How answers are to be written; None: as the voice makes them.
        answers: What is said aloud is answered by itself; else it only joins the conversation.
        interrupts: Speech over the agent's voice may stop it.
        frame_ms: The longest piece in which answers are sent.
        echoes: The agent's voice may come back among what the client sends.
    """

    input: AudioFormat | None = None
    out: bool = False
    is_manual: bool = False
    is_optional: bool = False
    output: AudioFormat | None = None
    answers: bool = True
    interrupts: bool = True
    frame_ms: int = 100
    echoes: bool = False


@dataclass(frozen=True, slots=True)
class EmotionEstimate:
    """How a user seems to feel, and how sure that is, 0 to 1; comparable only with itself."""

    label: Mood
    confidence: float


@dataclass(slots=True)
class SessionTerms:
    """What a session has, and what a client needs to keep it through drops. Times are in seconds.

    `resume_token` is empty where the session ends with its connection. `takes_instructions`: a client of a
    wire that has any may bring instructions and tools of its own.
    """

    resume_token: str
    resume_window_s: float
    heartbeat_s: float
    features: list[str] = field(default_factory=list[str])
    continued: bool = False
    audio: AudioTerms | None = None
    takes_instructions: bool = False


@dataclass(slots=True)
class SessionCreated:
    """The session exists; nothing precedes it. `timestamp` as in `app.clock.wire_time`."""

    session_id: str
    timestamp: str
    terms: SessionTerms | None = None


@dataclass(slots=True)
class FeaturesChanged:
    """Speech has been loaded, or could not be: what the server can do beyond text, from now on."""

    features: list[str]


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
    utterance_id: str | None = None
    """The speech that the text was understood from."""
    supersedes: tuple[str, ...] = ()
    """The turns in whose place its own comes."""


@dataclass(slots=True)
class Timings:
    """How long a turn took, in milliseconds: in the line, to its first chunk and first sound, in all."""

    queued: int
    first_token: int | None
    total: int
    first_audio: int | None = None


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
    usage: TokenUsage | None = None
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
    """A tool call runs; `is_clients`: the client is to run it, and to hand in its result."""

    turn_id: str
    call_id: str
    name: str
    arguments: str
    is_clients: bool = False


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
    """A tool call's one ending: `result` is a JSON value where it is done, else `error` is a sentence.

    `truncated`: not all of the result is here.
    """

    call_id: str
    name: str
    status: ToolStatus
    elapsed_s: float
    error: str | None = None
    reason: ToolEndReason | None = None
    result: Any = None
    truncated: bool = False


class UnsettledCall(NamedTuple):
    """A call that may have acted, and of which nobody knows; `status` is how it ended."""

    call_id: str
    status: ToolStatus


@dataclass(slots=True)
class ApprovalRequested:
    """A tool call waits for the user's approval; no answer within `expires_in_s` seconds means no.

    `earlier` is one with the same arguments of which nobody knows whether it acted.
    """

    call_id: str
    name: str
    arguments: str
    expires_in_s: float
    earlier: UnsettledCall | None = None


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
    frame_id: str | None = None
    """The client's own id of the frame that was refused."""
    is_agents: bool = False
    """It ends an agent's turn that has said nothing; v1 knows of agents' turns by their chunks alone."""

    def __post_init__(self) -> None:
        """Let go of where the error came from: its traceback and its cause hold what a client sent."""
        self.error.__traceback__ = self.error.__context__ = self.error.__cause__ = None


@dataclass(slots=True)
class Remarked:
    """A wire's own word to its client, as it was handed in with `Remark`; not part of the talk."""

    content: object


@dataclass(slots=True)
class Pong:
    """The answer to a client's `ping`; not part of the talk."""


TextEnding = Literal["complete", "interrupted", "failed"]
"""How the turn of a user's text has ended: in an answer, cut or withdrawn, or in an error."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What somebody said.

    Attributes:
        is_refused: The model's service did not take it; no later prompt may hold it.
        truncated: Only the beginning of it is here.
        ending: Of a user's text, how its turn has ended; None where it has not, or that is told yet.
        source: `backend` for what a back end had the agent say.
    """

    role: Literal["user", "assistant"]
    content: str
    turn_id: str
    created_at: datetime
    interrupted: bool = False
    is_refused: bool = False
    truncated: bool = False
    ending: TextEnding | None = None
    source: Literal["backend"] | None = None


@dataclass(frozen=True, slots=True)
class EndedCall:
    """A tool call that has ended, and the turn that it was made in."""

    turn_id: str
    finished: ToolFinished


@dataclass(frozen=True, slots=True)
class RunningCall:
    """A tool call that has not ended."""

    call_id: str
    name: str


@dataclass(slots=True)
class HistoryTold:
    """What was said before, for a client that cannot be told every event again; not part of the talk.

    Attributes:
        entries: What was said, the oldest first.
        turn: The turn that runs: its id, and what of it has left.
        running: The calls that run.
        ended: Those that have ended, the oldest first.
        waiting: The turns of the texts that wait.
    """

    entries: Sequence[Spoken]
    turn: tuple[str, str] | None = None
    running: Sequence[RunningCall] = ()
    ended: Sequence[EndedCall] = ()
    waiting: Sequence[str] = ()


@dataclass(slots=True)
class SessionResumed:
    """The session has its client again; not part of the talk.

    Attributes:
        resume_token: For the next time.
        replayed: So many messages come again.
        has_gap: Not all that the client has missed comes again; the history does.
        next_seq: The number of the first message that comes.
    """

    session_id: str
    resume_token: str
    replayed: int
    has_gap: bool
    next_seq: int


@dataclass(slots=True)
class GoingAway:
    """The server is about to stop; come back after so many seconds. Not part of the talk.

    `deadline_s`: how long turns that run may still take, in seconds. `overlap`: another process serves, so a
    second connection may take the session over while this one still lives.
    """

    reason: str
    reconnect_after_s: float
    deadline_s: float = 0.0
    overlap: bool = False


@dataclass(slots=True)
class SpeechStarted:
    """The user speaks."""

    utterance_id: str


@dataclass(slots=True)
class SpeechStopped:
    """The user has stopped, so many milliseconds ago; `empty` where no turn comes of it.

    `answer`: their words, where those answered what waits for approval.
    """

    utterance_id: str
    empty: bool
    silence_ms: float = 0
    answer: str = ""


@dataclass(slots=True)
class TranscriptHeard:
    """What was understood of an utterance, so far or in the end."""

    utterance_id: str
    content: str
    language: Locale
    final: bool = True
    emotion: EmotionEstimate | None = None


@dataclass(slots=True)
class AudioStarted:
    """A turn's sound begins, or goes on at another place; frames follow."""

    turn_id: str
    sample_rate_hz: int
    offset_ms: int = 0


@dataclass(slots=True)
class AudioFrame:
    """Some of a turn's sound, PCM16 or as was agreed on; a binary frame, not part of the talk.

    Attributes:
        is_last: Nothing comes behind it until it has been heard; it may hold nothing itself.
    """

    turn_id: str
    pcm: bytes
    is_last: bool = False


@dataclass(slots=True)
class AudioComplete:
    """All of a turn's sound has been sent and played."""

    turn_id: str


@dataclass(slots=True)
class PlaybackHint:
    """The user may be interrupting: `duck`, and then, if not, `resume`."""

    turn_id: str
    action: Literal["duck", "resume"]


Event = (
    SpeechStarted
    | SpeechStopped
    | TranscriptHeard
    | AudioStarted
    | AudioFrame
    | AudioComplete
    | PlaybackHint
    | SessionCreated
    | FeaturesChanged
    | Notice
    | MessageAccepted
    | TurnStarted
    | ResponseChunk
    | ResponseComplete
    | ToolStarted
    | ToolProgress
    | ToolFinished
    | ApprovalRequested
    | StateChanged
    | ErrorOccurred
    | Interrupted
    | Remarked
    | Pong
    | GoingAway
    | HistoryTold
    | SessionResumed
)

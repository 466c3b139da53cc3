"""What the server sends on protocol v2: these messages, with exactly these fields, and when.

The models are the contract, from which `asyncapi.py` makes the page for programs; at run time the encoder in
`encoding.py` writes the same shapes without them, and a test holds every message against its model.
"""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from app.protocol.events import FinishReason, ToolEndReason, ToolStatus, TurnSource
from app.protocol.v2.server_parts import Count, Numbered, Seconds, Seq, V2ServerPart
from app.protocol.v2.server_speech import (
    AudioAgreed,
    AudioCompleteMessage,
    AudioStartedMessage,
    FeaturesMessage,
    PlaybackHintMessage,
    SpeechStartedMessage,
    SpeechStoppedMessage,
    TranscriptMessage,
)

ToolState = ToolStatus | Literal["running"]


class SessionCreatedMessage(Numbered):
    """Sent once, first of all, when the first message has made a session."""

    type: Literal["session_created"]
    session_id: str
    timestamp: str
    """UTC in whole seconds, as `2025-07-20T10:30:00Z`."""
    protocol: Literal["voice-agent.v2"]
    resume_token: str
    """What the client takes its session up with after a drop. A secret."""
    resume_window_s: Seconds
    """How long the session waits after a drop, in seconds."""
    heartbeat_s: Seconds
    """How often the client should send `ping`, in seconds."""
    features: list[str]
    """What this server can do beyond text."""
    continued: bool
    """Whether an earlier session goes on."""
    audio: AudioAgreed | None
    """What audio was agreed on; null where there is none."""


class SystemMessage(Numbered):
    """Sent for a sentence to the user that no other message stands for, as the demo model's notice."""

    type: Literal["system"]
    content: str


class StateMessage(Numbered):
    """Sent after each move of the session's state; at the end of a turn it follows `response_complete`."""

    type: Literal["state"]
    state: Literal["idle", "listening", "thinking", "speaking", "processing_tool"]


class MessageAcceptedMessage(Numbered):
    """Sent at once for each text that was taken, and again for each that comes again with the same `id`."""

    type: Literal["message_accepted"]
    id: str | None
    """The client's own id; null where it gave none."""
    turn_id: str
    """The turn that answers the text."""
    durable: bool
    """Whether the text outlives the end of the server."""
    utterance_id: str | None = None
    """The speech that the text was understood from."""
    supersedes: list[str] | None = None
    """Of a revision: the turns in whose place its own comes; what was said in them is to be shown no more."""


class TurnStartedMessage(Numbered):
    """Sent when a turn begins, never before the receipt of the text that it answers."""

    type: Literal["turn_started"]
    turn_id: str
    source: TurnSource
    """A user's text, a tool that ended in the background, or the agent by itself."""


class ResponseChunkMessage(Numbered):
    """Sent as the model speaks; the chunks of a turn, joined in order, are its text."""

    type: Literal["response_chunk"]
    turn_id: str
    content: str


class Usage(V2ServerPart):
    """What an answer has cost, in the model's tokens."""

    prompt_tokens: Count
    completion_tokens: Count


class TimingsMs(V2ServerPart):
    """How long a turn took, in milliseconds."""

    queued: Count
    """From the receipt to the turn's beginning."""
    first_token: Count | None
    """From its beginning to its first chunk; null where it had none."""
    first_audio: Count | None
    """From its beginning to its first sound; null where it had none."""
    total: Count
    """From the receipt to its end."""


class ResponseCompleteMessage(Numbered):
    """Sent at a turn's end, where it did not fail; nothing of that turn follows."""

    type: Literal["response_complete"]
    turn_id: str
    content: Literal["Respuesta completada"]
    text: str
    """All that the turn has said: its chunks, joined."""
    finish_reason: FinishReason
    usage: Usage | None
    timings_ms: TimingsMs | None
    durable: bool
    """Whether the answer outlives the end of the server."""


class InterruptedMessage(Numbered):
    """Sent when an interruption has ended a turn, directly before its `response_complete`.

    With `turn_id` null it says that there was nothing to interrupt.
    """

    type: Literal["interrupted"]
    turn_id: str | None
    heard: str
    """What of the turn had left by then, which is what the agent remembers."""


class ToolStartedMessage(Numbered):
    """Sent when a tool call begins to run."""

    type: Literal["tool_started"]
    turn_id: str
    call_id: str
    name: str
    arguments: dict[str, JsonValue]


class ToolProgressMessage(Numbered):
    """Sent at a tool's first report of progress, and then at most once in `TOOL_PROGRESS_INTERVAL_S`."""

    type: Literal["tool_progress"]
    call_id: str
    name: str
    elapsed_s: Seconds
    message: str | None = None
    fraction: float | None = None
    """The part that is done, 0 to 1."""


class ToolFinishedMessage(Numbered):
    """Sent once for each call that has begun, at its end."""

    type: Literal["tool_finished"]
    call_id: str
    name: str
    status: ToolStatus
    elapsed_s: Seconds
    reason: ToolEndReason | None = None
    """Why it was ended from outside; or `outcome_unknown`: it changes something, and may have done so."""
    result: JsonValue = None
    """What it has brought, of at most 2,000 characters as JSON; missing where it brought nothing."""
    error: str | None = None
    """A sentence, where it is not done; of at most 2,000 characters."""
    truncated: bool = False
    """Whether there is more of the result than is here; missing where there is not."""


class EarlierCall(V2ServerPart):
    """A call with the same name and arguments, before the user's last text."""

    call_id: str
    status: ToolStatus
    reason: Literal["outcome_unknown"]


class ApprovalRequestedMessage(Numbered):
    """Sent when a tool call waits for the user's approval, to be given by `approve_tool`."""

    type: Literal["approval_requested"]
    call_id: str
    name: str
    arguments: dict[str, JsonValue]
    expires_in_s: Seconds
    """No answer within so many seconds means no."""
    earlier: EarlierCall | None = None
    """One that may have acted already: whoever says yes should know."""


class ErrorMessage(V2ServerPart):
    """Sent when something fails: with `turn_id` it is that turn's end, else it refuses one message."""

    type: Literal["error"]
    content: str
    """A sentence in the user's language."""
    code: str
    retryable: bool
    """Whether the same may succeed later."""
    id: str | None = None
    """The text that is refused, by the client's own id."""
    turn_id: str | None = None
    call_id: str | None = None
    seq: Seq | None = None
    """Missing where there is no session yet."""


class PongMessage(V2ServerPart):
    """Sent for each `ping`."""

    type: Literal["pong"]


class GoingAwayMessage(V2ServerPart):
    """Sent when the server is about to stop; a close with 1012 follows, when the running turn has ended."""

    type: Literal["going_away"]
    reason: str
    reconnect_after_s: Seconds
    """When to come back, in seconds; each client is told another time."""
    deadline_s: Seconds
    """How long turns that run may still take, in seconds; the close comes then at the latest."""
    overlap: bool = False
    """Another process serves: a second connection may take the session over while this one still lives."""


class SessionResumedMessage(V2ServerPart):
    """Sent first on a connection that has taken its session up again."""

    type: Literal["session_resumed"]
    session_id: str
    resume_token: str
    """The new token."""
    replayed: Count
    """How many messages follow that the client has missed."""
    gap: bool
    """Whether some of them are gone; then `history` follows, and no replay."""
    next_seq: Seq
    """The number of the next numbered message, replayed or live."""


class HistoryEntry(V2ServerPart):
    """What somebody said."""

    role: Literal["user", "assistant"]
    content: str
    turn_id: str
    created_at: str
    interrupted: bool
    truncated: bool = False
    """Whether only the beginning of it is here; missing where all of it is."""
    ending: Literal["complete", "interrupted", "failed"] | None = None
    """Of a user's text, how its turn has ended: answered, cut or withdrawn, or in an error.

    Missing where it has not, and where that is told after this message.
    """
    source: Literal["backend"] | None = None
    """A back end had the agent say it; missing in what is the model's own."""


class HistoryTurn(V2ServerPart):
    """The turn that runs: its chunks from now on go on after this text."""

    turn_id: str
    text: str
    truncated: bool = False
    """Whether only the end of it is here; missing where all of it is."""


class HistoryTool(V2ServerPart):
    """A tool call that a page should show: it runs, or has ended as `tool_finished` says."""

    call_id: str
    name: str
    status: ToolState
    turn_id: str | None = None
    """The turn that it was made in; missing while it runs."""
    elapsed_s: Seconds | None = None
    """How long it took; missing while it runs."""
    reason: ToolEndReason | None = None
    result: JsonValue = None
    error: str | None = None
    truncated: bool = False


class HistoryMessage(V2ServerPart):
    """Sent after `session_resumed` with a gap, and where an earlier session is continued.

    It stands in place of all that the client has shown so far.
    """

    type: Literal["history"]
    messages: list[HistoryEntry]
    """The last 200 at most, oldest first: so many that the frame has at most 512 KiB."""
    turn: HistoryTurn | None
    tools: list[HistoryTool]
    """The last 50 that have ended, at most, and those that run."""
    waiting: list[str] = Field(default_factory=list[str])
    """The turns of texts that were taken and have not begun, in order.

    After a restart a text without an ending is among them if it is asked again.
    """


V2ServerMessage = Annotated[
    SessionCreatedMessage
    | SessionResumedMessage
    | HistoryMessage
    | MessageAcceptedMessage
    | TurnStartedMessage
    | StateMessage
    | ResponseChunkMessage
    | ToolStartedMessage
    | ToolProgressMessage
    | ToolFinishedMessage
    | ApprovalRequestedMessage
    | InterruptedMessage
    | ResponseCompleteMessage
    | ErrorMessage
    | SystemMessage
    | PongMessage
    | GoingAwayMessage
    | SpeechStartedMessage
    | SpeechStoppedMessage
    | TranscriptMessage
    | AudioStartedMessage
    | AudioCompleteMessage
    | PlaybackHintMessage
    | FeaturesMessage,
    Field(discriminator="type"),
]

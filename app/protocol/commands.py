"""What a client can ask of a conversation, whatever wire protocol it came over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.errors import Locale
from app.protocol.asking import ApprovalWays
from app.protocol.events import AudioTerms

Sound = bytes | str
"""Bytes, or the same in base64."""


@dataclass(frozen=True, slots=True)
class Say:
    """Add a text of the user's to the conversation, and answer it.

    Attributes:
        client_id: The client's own, so that a text that is sent again is known.
        interrupts: It ends what the agent is doing.
    """

    content: str
    client_id: str | None = None
    interrupts: bool = False


@dataclass(frozen=True, slots=True)
class Add:
    """Add a text to the conversation, and answer nothing; what comes next is answered with it in mind.

    Attributes:
        client_id: The client's own, so that a text that is sent again is known.
        role: Whose words they are. `assistant`: the agent's own, from before. `system`: what it is to know.
    """

    content: str
    client_id: str | None = None
    role: Literal["user", "assistant", "system"] = "user"


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """What a client wants answers to keep to.

    Attributes:
        max_tokens: Of the model's, each time that it is asked; None for what the server allows.
        with_tools: Whether the model may call tools.
    """

    max_tokens: int | None = None
    with_tools: bool = True


Limits = AnswerLimits | None


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer now, whatever was said last.

    Attributes:
        client_id: The client's own, by which it knows the turn.
        instructions: What this answer is to be like.
        limits: What it is to keep to; None for what all answers of the session do.
        is_wanted: Whether it still is, where it had to wait for something.
    """

    client_id: str | None = None
    instructions: str = ""
    limits: Limits = None
    is_wanted: Callable[[], bool] = field(default=lambda: True, compare=False)


@dataclass(frozen=True, slots=True)
class Announce:
    """Have the agent say a sentence of the server's, as soon as nothing else is said."""

    content: str


@dataclass(frozen=True, slots=True)
class Revise:
    """Answer a text of the user's anew, or other words in its place.

    Attributes:
        client_id: The client's own, so that a revision that is sent again is known.
        content: The other words; None for the same.
    """

    turn_id: str
    client_id: str
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """Understand a whole recording as the user's words.

    Attributes:
        is_queued_at_once: It has its receipt and its place among the texts before it is understood.
    """

    sound: Sound
    is_queued_at_once: bool = False


@dataclass(frozen=True, slots=True)
class AppendAudio:
    """Hear more of the sound that the user makes, in the format that was agreed on."""

    sound: Sound


@dataclass(frozen=True, slots=True)
class CommitAudio:
    """End the utterance."""


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """Throw the utterance away."""


@dataclass(frozen=True, slots=True)
class ReportPlayback:
    """Note how much of a turn's sound the user has heard, in milliseconds from its beginning."""

    turn_id: str
    played_ms: int


@dataclass(frozen=True, slots=True)
class StopPlayback:
    """Take it that the client has thrown away what it had not played of a turn's sound."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class Truncate:
    """Take it that the user heard so much of a turn's sound, in milliseconds, and no more: it ends there."""

    turn_id: str
    heard_ms: int


@dataclass(frozen=True, slots=True)
class Interrupt:
    """End the running turn, or just the one that is named."""

    turn_id: str | None = None


@dataclass(frozen=True, slots=True)
class CancelTool:
    """End one tool call."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Approve:
    """Let a tool call that waits for approval run, or not."""

    call_id: str
    approved: bool


@dataclass(frozen=True, slots=True)
class TakeOut:
    """Take what one side said in a turn out of the conversation."""

    turn_id: str
    role: Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A tool that the client brings and runs itself; `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AddResult:
    """Hand in what the client has got for a call of a tool of its own; nothing answers it by itself."""

    call_id: str
    output: str


@dataclass(frozen=True, slots=True)
class Configure:
    """Change the language, the voice, what sound there is, or what a client brings; None: leave it as it is.

    Attributes:
        instructions: The client's own, behind those of the server; its wire says who may give any.
        tools: The client's own.
        limits: What answers keep to from now on.
        approvals: How its user answers what waits for their approval.
        client_id: Under which it is told that this was refused.
    """

    locale: Locale | None = None
    voice: str | None = None
    speed: float | None = None
    audio: AudioTerms | None = None
    instructions: str | None = None
    tools: Sequence[ClientTool] | None = None
    limits: AnswerLimits | None = None
    approvals: ApprovalWays | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """Have the wire say something of its own to the client, in its place among the events.

    Attributes:
        content: What its `encode` finds in the event `Remarked`; nobody else looks at it.
    """

    content: object


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask whether the server is there."""


@dataclass(frozen=True, slots=True)
class End:
    """Say goodbye: the session ends now."""


Command = (
    Say
    | Add
    | Respond
    | Announce
    | Revise
    | Recording
    | AppendAudio
    | CommitAudio
    | ClearAudio
    | ReportPlayback
    | StopPlayback
    | Truncate
    | Interrupt
    | CancelTool
    | Approve
    | TakeOut
    | AddResult
    | Configure
    | Remark
    | Ping
    | End
)

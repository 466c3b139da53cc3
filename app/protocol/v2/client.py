"""What clients may send on protocol v2."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.protocol.events import AudioTerms, pcm16
from app.protocol.fields import Text, UserId
from app.protocol.v1.client import V1OpeningMessage

Id = Annotated[Text, Field(min_length=1, max_length=64)]
"""An id that the client gives, or one of ours that it sends back."""

Locale = Literal["es", "en"]


class V2Message(BaseModel):
    """What all messages have. Fields that we do not know are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class AudioInput(V2Message):
    """How the client's audio comes."""

    sample_rate_hz: Literal[8000, 16000, 24000, 48000]


class AudioOptions(V2Message):
    """What audio a session has."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", populate_by_name=True)

    input: AudioInput | None = Field(default=None, alias="in")
    out: bool = False
    turn_detection: Literal["auto", "manual"] = "auto"


def audio_terms(options: AudioOptions | None) -> AudioTerms | None:
    """Return what a client asks for, as the talk knows it."""
    if options is None:
        return None
    written = pcm16(options.input.sample_rate_hz) if options.input is not None else None
    return AudioTerms(written, options.out, options.turn_detection == "manual")


class StartMessage(V2Message):
    """Makes a session, or continues an own earlier one."""

    type: Literal["start"]
    user_id: UserId | None = None
    locale: Locale | None = None
    voice: Text | None = None
    audio: AudioOptions | None = None
    token: Text | None = None
    continue_: Id | None = Field(default=None, alias="continue")


class ResumeMessage(V2Message):
    """Takes a session up again after a drop."""

    type: Literal["resume"]
    session_id: Id
    resume_token: Annotated[Text, Field(max_length=200)]
    last_seq: Annotated[int, Field(ge=0, le=2**53)]
    token: Text | None = None
    overlap: bool = False
    """The older connection still lives, and is read to its end: what was sent there does not come again."""


class TextMessage(V2Message):
    """What the user says. `id` is the client's own, so that a resent text is known again."""

    type: Literal["text"]
    content: Text
    id: Id | None = None
    interrupt: bool = False
    user_id: UserId | None = None


class ReviseMessage(V2Message):
    """Has a text of the user's answered anew, or other words in its place.

    Its turn and all later ones are superseded. `id` is the client's own, so that a resent revision is known
    again.
    """

    type: Literal["revise"]
    turn_id: Id
    id: Id
    content: Text | None = None


class InterruptMessage(V2Message):
    """Ends the running turn, or just the one that it names."""

    type: Literal["interrupt"]
    turn_id: Id | None = None


class CancelToolMessage(V2Message):
    """Ends one tool call."""

    type: Literal["cancel_tool"]
    call_id: Id


class ApproveToolMessage(V2Message):
    """The user's approval about a tool call that waits for it."""

    type: Literal["approve_tool"]
    call_id: Id
    approved: bool


class SessionUpdateMessage(V2Message):
    """Changes what the session was started with."""

    type: Literal["session_update"]
    locale: Locale | None = None
    voice: Text | None = None
    speed: Annotated[float, Field(ge=0.5, le=2)] | None = None
    audio: AudioOptions | None = None


class AudioMessage(V2Message):
    """What the user says, as base64: raw PCM16 at the agreed rate, or a whole clip."""

    type: Literal["audio"]
    content: Text
    format: Literal["pcm16", "clip"] = "clip"


class PingMessage(V2Message):
    """Asks for a `pong`."""

    type: Literal["ping"]


class PlaybackMessage(V2Message):
    """How much of a turn's audio the user has heard, in milliseconds, cumulative."""

    type: Literal["playback"]
    turn_id: Id
    played_ms: Annotated[int, Field(ge=0)]


class AudioCommitMessage(V2Message):
    """Ends the utterance, where the turns are detected by hand."""

    type: Literal["audio_commit"]


class AudioClearMessage(V2Message):
    """Throws the utterance away."""

    type: Literal["audio_clear"]


class EndMessage(V2Message):
    """Goodbye: the session ends now."""

    type: Literal["end"]


V2ClientMessage = Annotated[
    StartMessage
    | ResumeMessage
    | TextMessage
    | ReviseMessage
    | InterruptMessage
    | CancelToolMessage
    | ApproveToolMessage
    | SessionUpdateMessage
    | PingMessage
    | PlaybackMessage
    | AudioCommitMessage
    | AudioClearMessage
    | EndMessage
    | V1OpeningMessage
    | AudioMessage,
    Field(discriminator="type"),
]

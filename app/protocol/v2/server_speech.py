"""What the server sends of sound and speech on protocol v2; a part of the contract in `server.py`."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.protocol.v2.server_parts import Count, Numbered, V2ServerPart


class AudioInAgreed(V2ServerPart):
    """How the client's sound comes: PCM16, little endian, mono."""

    sample_rate_hz: Literal[8000, 16000, 24000, 48000]


class AudioAgreed(V2ServerPart):
    """What sound the session has."""

    model_config = ConfigDict(
        strict=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True
    )

    input: AudioInAgreed | None = Field(alias="in")
    out: bool
    """Whether answers are spoken."""
    turn_detection: Literal["auto", "manual"]


class FeaturesMessage(Numbered):
    """Sent to each session when the server has loaded its speech, or could not."""

    type: Literal["features"]
    features: list[str]
    """What this server can do beyond text, from now on."""


class SpeechStartedMessage(Numbered):
    """Sent when the user is heard to speak."""

    type: Literal["speech_started"]
    utterance_id: str


class SpeechStoppedMessage(Numbered):
    """Sent when the user has stopped."""

    type: Literal["speech_stopped"]
    utterance_id: str
    empty: bool
    """No turn comes of it: there were no words, or nothing but an assent to what the agent is saying."""


class Emotion(V2ServerPart):
    """How the user seems to feel, from their words and their pace; the sound itself is not judged."""

    label: Literal["neutral", "frustrated", "hurried", "pleased"]
    confidence: Annotated[float, Field(ge=0, le=1)]


class TranscriptMessage(Numbered):
    """Sent while the user speaks with what is understood so far, and once with all of it."""

    type: Literal["transcript"]
    utterance_id: str
    content: str
    final: bool
    """`message_accepted` and `turn_started` follow. A joined utterance has a second final one."""
    language: Literal["es", "en"]
    emotion: Emotion | None = None


class AudioStartedMessage(Numbered):
    """Sent before a turn's first binary frame, and where its sound goes on at another place.

    The frames between this message and `audio_complete` belong to the turn. What the client holds of the turn
    beyond `offset_ms` is to be thrown away.
    """

    type: Literal["audio_started"]
    turn_id: str
    format: Literal["pcm16"]
    sample_rate_hz: Annotated[int, Field(ge=8000)]
    offset_ms: Count
    """Where in the turn's sound the next frame begins, in milliseconds."""


class AudioCompleteMessage(Numbered):
    """Sent when all of a turn's sound has been sent and should have been played."""

    type: Literal["audio_complete"]
    turn_id: str


class PlaybackHintMessage(Numbered):
    """Sent when speech is heard over the agent's voice: `duck`, be quiet; `resume`, nothing was meant."""

    type: Literal["playback_hint"]
    turn_id: str
    action: Literal["duck", "resume"]

"""The messages of Twilio Media Streams. Its numbers are strings."""

from base64 import b64encode
from typing import Annotated, Any, Final, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.errors import BadMessage
from app.protocol.events import AudioFormat
from app.protocol.fields import Text

MULAW: Final = AudioFormat("mulaw", 8000)
"""What telephones speak, both ways."""

SILENCE: Final = b"\xff"

_Shape = TypeVar("_Shape", bound="TwilioMessage")

Id = Annotated[Text, Field(min_length=1, max_length=128)]


def _as_parameters(value: object) -> object:
    none: dict[str, str] = {}
    return none if value is None else value


class TwilioMessage(BaseModel):
    """What is read of a message. Fields that we do not know are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class MediaFormat(TwilioMessage):
    """How the sound of a call is written."""

    encoding: Text = "audio/x-mulaw"
    sample_rate_hz: Annotated[int, Field(alias="sampleRate")] = 8000
    channels: int = 1


class StreamStart(TwilioMessage):
    """What a stream's first message says of the call; `parameters` are those of its TwiML."""

    stream_id: Annotated[Id, Field(alias="streamSid")]
    call_id: Annotated[Id, Field(alias="callSid")]
    media_format: Annotated[MediaFormat, Field(alias="mediaFormat")] = MediaFormat()
    parameters: Annotated[
        dict[Text, Text], BeforeValidator(_as_parameters), Field(alias="customParameters")
    ] = {}


class _Media(TwilioMessage):
    payload: str
    track: Text = "inbound"


class _Key(TwilioMessage):
    digit: Annotated[Text, Field(pattern=r"^[0-9*#A-Da-d]$")]


class _Mark(TwilioMessage):
    name: Text


def started(message: dict[str, Any], written: tuple[str, int]) -> StreamStart:
    """Read `start`.

    Args:
        message: As Twilio says it.
        written: The encoding and the rate in Hz that the sound must have.

    Raises:
        BadMessage: It is none that this can lead a call by.
    """
    inner = _member(message, "start")
    start = _read(StreamStart, {"streamSid": message.get("streamSid"), **inner})
    given = start.media_format
    if (given.encoding, given.sample_rate_hz, given.channels) != (*written, 1):
        wanted = f"{written[0]}, {written[1]} Hz"
        raise BadMessage(f"el audio no es {wanted}", f"the sound is not {wanted}")
    return start


def payload_of(message: dict[str, Any]) -> str | None:
    """Return the base64 of `media`; None for sound that is not the caller's.

    Raises:
        BadMessage: It carries none.
    """
    member = _member(message, "media")
    payload, track = member.get("payload"), member.get("track", "inbound")
    if not (isinstance(payload, str) and isinstance(track, str)) or "\0" in track:
        # There are fifty of them a second in each call: their shape is asked only for what is wrong.
        media = _read(_Media, member)
        payload, track = media.payload, media.track
    return payload if track in ("inbound", "inbound_track") else None


def key_of(message: dict[str, Any]) -> str:
    """Return the key of `dtmf`.

    Raises:
        BadMessage: There is no such key.
    """
    return _read(_Key, _member(message, "dtmf")).digit


def name_of(message: dict[str, Any]) -> str:
    """Return the name of `mark`.

    Raises:
        BadMessage: It has none.
    """
    return _read(_Mark, _member(message, "mark")).name


def _member(message: dict[str, Any], name: str) -> dict[str, Any]:
    value: Any = message.get(name)
    if not isinstance(value, dict):
        raise BadMessage(f"falta «{name}»", f"“{name}” is missing")
    return value  # pyright: ignore[reportUnknownVariableType]  # JSON: checked by its model


def _read(shape: type[_Shape], value: dict[str, Any]) -> _Shape:
    try:
        return shape.model_validate(value)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadMessage(f"«{place}» no es válido", f"“{place}” is not valid") from None


# Outwards


def media(stream_id: str, sound: bytes) -> str:
    """Return the message that plays some sound, after what was sent before it."""
    return _written("media", stream_id, media={"payload": b64encode(sound).decode()})


def mark(stream_id: str, name: str) -> str:
    """Return the message that comes back when what was sent before it has been played, or cleared."""
    return _written("mark", stream_id, mark={"name": name})


def clear(stream_id: str) -> str:
    """Return the message that throws away what has not been played."""
    return _written("clear", stream_id)


def _written(event: str, stream_id: str, **more: Any) -> str:
    return orjson.dumps({"event": event, "streamSid": stream_id, **more}).decode()

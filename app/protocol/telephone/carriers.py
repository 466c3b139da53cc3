"""Telephone companies whose streams are Twilio's under other names: a table of the names, and of the sound.

What comes is read as if Twilio had said it; what leaves is written in the company's own words.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import orjson

from app.protocol.events import AudioFormat
from app.protocol.json_objects import decode_object
from app.protocol.telephone.frames import MULAW, SILENCE, clear, mark, media
from app.protocol.wire import FrameLimits

Message = dict[str, Any]

FRAME_MS: Final = 20
"""As telephone networks cut sound."""

_NO_NAMES: Final[Mapping[str, str]] = {}


def _as_it_is(message: Message) -> Message:
    return message


@dataclass(frozen=True, slots=True)
class Carrier:
    """How one company leads calls.

    Attributes:
        name: As paths and settings have it.
        play: Writes some sound, for a stream's id.
        mark: Writes what comes back when all before it has been played, by a name.
        clear: Writes what throws away all that has not been.
        sound: Both ways.
        silence: One sample of it.
        format: What its streams call that sound: encoding and rate.
        events: Its names of events, and ours.
        members: Its names of members, and ours, however deep they stand.
        mend: Brings the rest of a message, under our names, into our shape.
    """

    name: str
    play: Callable[[str, bytes], str | bytes] = media
    mark: Callable[[str, str], str] = mark
    clear: Callable[[str], str] = clear
    sound: AudioFormat = MULAW
    silence: bytes = SILENCE
    format: tuple[str, int] = ("audio/x-mulaw", 8000)
    events: Mapping[str, str] = field(default_factory=lambda: _NO_NAMES)
    members: Mapping[str, str] = field(default_factory=lambda: _NO_NAMES)
    mend: Callable[[Message], Message] = _as_it_is

    @property
    def bytes_per_ms(self) -> int:
        """What a millisecond of its sound weighs."""
        return self.sound.rate_hz // 1000 * (2 if self.sound.encoding == "pcm16" else 1)

    @property
    def frame_bytes(self) -> int:
        """What is sent at once."""
        return self.bytes_per_ms * FRAME_MS

    def read(self, raw: str | bytes, limits: FrameLimits) -> Message:
        """Read a message that is no plain sound, as Twilio would have said it.

        Raises:
            BadMessage: It is none.
        """
        message = decode_object(raw, *limits)
        renamed = cast("Message", _renamed(message, self.members)) if self.members else message
        event = renamed.get("event")
        if isinstance(event, str):
            renamed["event"] = self.events.get(event, event)
        return self.mend(renamed)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(value, dict):
        return value
    members = cast("Message", value).items()
    return {names.get(name, name): _renamed(member, names) for name, member in members}


def _json(**members: Any) -> str:
    return orjson.dumps(members).decode()


# Telnyx


def _telnyx_media(stream_id: str, sound: bytes) -> str:
    return _json(event="media", media={"payload": b64encode(sound).decode()})


def _telnyx_mark(stream_id: str, name: str) -> str:
    return _json(event="mark", mark={"name": name})


def _telnyx_clear(stream_id: str) -> str:
    return _json(event="clear")


# Plivo


def _plivo_media(stream_id: str, sound: bytes) -> str:
    played = {
        "contentType": "audio/x-mulaw",
        "sampleRate": 8000,
        "payload": b64encode(sound).decode(),
    }
    return _json(event="playAudio", streamId=stream_id, media=played)


def _plivo_mark(stream_id: str, name: str) -> str:
    return _json(event="checkpoint", streamId=stream_id, name=name)


def _plivo_clear(stream_id: str) -> str:
    return _json(event="clearAudio", streamId=stream_id)


_PLIVO_PREFIX: Final = "X-PH-"


def _plivo_shape(message: Message) -> Message:
    """Give a mark its member, and a start its parameters, which come as `a=b;c=d`."""
    if message.get("event") == "mark":
        return {**message, "mark": {"name": message.get("name")}}
    start, extra = message.get("start"), message.get("extra_headers")
    if message.get("event") != "start" or not isinstance(start, dict) or not isinstance(extra, str):
        return message
    pairs = (pair.partition("=") for pair in re.split("[;,]", extra))
    parameters = {name.strip().removeprefix(_PLIVO_PREFIX): value.strip() for name, _, value in pairs}
    return {**message, "start": {**cast("Message", start), "customParameters": parameters}}


# Vonage


def _vonage_media(stream_id: str, sound: bytes) -> bytes:
    return sound


def _vonage_mark(stream_id: str, name: str) -> str:
    return _json(action="notify", payload={"name": name})


def _vonage_clear(stream_id: str) -> str:
    return _json(action="clear")


def _vonage_shape(message: Message) -> Message:
    """Make a start of what comes first, whose other members are those that the answer of ours gave."""
    match message.get("event"):
        case "dtmf":
            return {**message, "dtmf": {"digit": message.get("digit")}}
        case "start":
            encoding, _, rate = str(message.get("content-type", "")).partition(";rate=")
            given = {name: value for name, value in message.items() if isinstance(value, str)}
            start = {
                "streamSid": "vonage",
                "callSid": given.get("call", "vonage"),
                "mediaFormat": {"encoding": encoding, "sampleRate": rate or 0},
                "customParameters": given,
            }
            return {"event": "start", "start": start}
        case _:
            return message


TWILIO: Final = Carrier("twilio")

TELNYX: Final = Carrier(
    "telnyx",
    _telnyx_media,
    _telnyx_mark,
    _telnyx_clear,
    format=("PCMU", 8000),
    members={
        "stream_id": "streamSid",
        "call_control_id": "callSid",
        "media_format": "mediaFormat",
        "sample_rate": "sampleRate",
        "custom_parameters": "customParameters",
    },
)

PLIVO: Final = Carrier(
    "plivo",
    _plivo_media,
    _plivo_mark,
    _plivo_clear,
    events={"playedStream": "mark"},
    members={"streamId": "streamSid", "callId": "callSid"},
    mend=_plivo_shape,
)

VONAGE: Final = Carrier(
    "vonage",
    _vonage_media,
    _vonage_mark,
    _vonage_clear,
    sound=AudioFormat("pcm16", 16_000),
    silence=b"\0",
    format=("audio/l16", 16_000),
    events={"websocket:connected": "start", "websocket:dtmf": "dtmf", "websocket:notify": "mark"},
    members={"payload": "mark"},
    mend=_vonage_shape,
)

SIBLINGS: Final = (TELNYX, PLIVO, VONAGE)
"""Written from their descriptions, and never tried."""

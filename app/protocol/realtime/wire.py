"""The Realtime API as a `WireProtocol`: JSON objects with ids; who connects has a session."""

from collections.abc import Sequence
from typing import Any

import orjson

from app.errors import Locale
from app.protocol import names
from app.protocol.events import AudioTerms, Event
from app.protocol.fields import ANONYMOUS
from app.protocol.json_objects import MAX_VALUES, decode_object
from app.protocol.realtime.client import commands_of, id_of
from app.protocol.realtime.server import events_of
from app.protocol.realtime.state import BY_WORDS, RealtimeTalk, audio_format
from app.protocol.wire import Frame, FrameLimits, Opening, Start


class RealtimeWire:
    """What apps speak that were written for the OpenAI Realtime API; made anew for each talk."""

    name = names.REALTIME
    is_replayable = False
    approvals = BY_WORDS
    is_personal = False

    def __init__(self) -> None:
        self._talk = RealtimeTalk()

    def open(self, first: str | bytes | None, limits: FrameLimits) -> Opening | None:
        """Begin at once: nothing has to be said first."""
        talk = self._talk
        audio = AudioTerms(
            audio_format(talk.config.audio.input.format),
            out=True,
            is_optional=True,
            output=audio_format(talk.config.audio.output.format),
        )
        return Opening(lambda: Start(ANONYMOUS, audio=audio))

    def read(self, raw: str | bytes, limits: FrameLimits) -> Frame:
        """Read a JSON object."""
        # Functions that clients bring have schemas, of many members each.
        message: dict[str, Any] = decode_object(raw, *limits, max_keys=MAX_VALUES)
        is_sound = message.get("type") == "input_audio_buffer.append"
        audio = message.get("audio")
        base64_chars = len(audio) if isinstance(audio, str) else 0
        return Frame(
            lambda: commands_of(self._talk, message),
            sound_bytes=base64_chars * 3 // 4 if is_sound else None,
            is_periodic=is_sound,
            client_id=id_of(message),
        )

    def is_numbered(self, event: Event) -> bool:
        """Return False: nothing is kept."""
        return False

    def encode(self, event: Event, locale: Locale, seq: int | None) -> Sequence[str]:
        """Return the JSON texts for an event: none, or several."""
        return [
            orjson.dumps({"event_id": self._talk.new_id("event"), **told}).decode()
            for told in events_of(self._talk, event)
        ]

"""Protocol v1 as a `WireProtocol`: JSON objects without numbers; a session ends with its connection."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from app.errors import Locale, UnexpectedAudio
from app.protocol import names
from app.protocol.asking import ApprovalWays
from app.protocol.commands import Command, Recording, Say
from app.protocol.events import Event
from app.protocol.fields import ANONYMOUS, user_of
from app.protocol.json_objects import decode_object, locale_of, read_model, token_of
from app.protocol.v1 import encoding
from app.protocol.v1.client import V1AudioMessage, V1Message, V1OpeningMessage, V1TextMessage
from app.protocol.wire import Frame, FrameLimits, Opening, Start

_MESSAGES: TypeAdapter[V1TextMessage | V1OpeningMessage | V1AudioMessage] = TypeAdapter(V1Message)

_PERIODIC = ("audio", "ping", "playback")
"""The latter two it does not know; who sends them all the same does so by the clock."""


class V1Wire:
    """What the first clients speak, and all that ask for no subprotocol."""

    name = names.V1
    is_replayable = False
    approvals = ApprovalWays(in_words=True)
    is_personal = False

    def open(self, first: str | bytes | None, limits: FrameLimits) -> Opening | None:
        """Any object makes a session."""
        if first is None:
            return None
        message = decode_object(first, *limits)
        start = Start(
            user_of(message) or ANONYMOUS,
            frame=_frame_of(message) if _has_something_to_handle(message) else None,
        )
        return Opening(lambda: start, token_of(message), locale_of(message))

    def read(self, raw: str | bytes, limits: FrameLimits) -> Frame:
        """Read a JSON object; sound has to be in one."""
        if isinstance(raw, bytes):
            return Frame(_refuse_sound, sound_bytes=len(raw))
        return _frame_of(decode_object(raw, *limits))

    def is_numbered(self, event: Event) -> bool:
        """Return False: nothing is kept."""
        return False

    def encode(self, event: Event, locale: Locale, seq: int | None) -> Sequence[str]:
        """Return the JSON texts for an event: none, one, or two."""
        return encoding.encode(event, locale)


def decode(message: dict[str, Any]) -> V1TextMessage | V1OpeningMessage | V1AudioMessage:
    """Read a message.

    Raises:
        ProtocolError: It is none of this protocol's.
    """
    return read_model(_MESSAGES, message)


def commands_of(message: V1TextMessage | V1OpeningMessage | V1AudioMessage) -> Sequence[Command]:
    """Return what a message asks for; a greeting without content asks for nothing."""
    match message:
        case V1TextMessage(content=content):
            return (Say(content),)
        case V1OpeningMessage(content=content):
            return (Say(content),) if content.strip() else ()
        case V1AudioMessage(content=content):
            return (Recording(content, is_queued_at_once=True),)


def _frame_of(message: dict[str, Any]) -> Frame:
    return Frame(lambda: commands_of(decode(message)), is_periodic=message.get("type") in _PERIODIC)


def _refuse_sound() -> Sequence[Command]:
    raise UnexpectedAudio


def _has_something_to_handle(message: dict[str, Any]) -> bool:
    """Return whether the message that made the session is more than a greeting, or names no usable user."""
    return message.get("content", "") != "" or (bool(message.get("user_id")) and user_of(message) is None)


WIRE = V1Wire()

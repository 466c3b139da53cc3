"""Protocol v2 as a `WireProtocol`: JSON objects with numbers, and sound in binary frames."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from app.errors import BadMessage, Locale
from app.protocol import commands, names
from app.protocol.asking import ApprovalWays
from app.protocol.commands import Command
from app.protocol.events import AudioFrame, Event, Pong
from app.protocol.fields import ANONYMOUS, user_of
from app.protocol.json_objects import decode_object, locale_of, read_model, token_of
from app.protocol.v1.client import V1OpeningMessage
from app.protocol.v2 import client, encoding
from app.protocol.wire import Frame, FrameLimits, Opening, Reply, Resume, Start

_MESSAGES: TypeAdapter[client.V2Message | V1OpeningMessage] = TypeAdapter(client.V2ClientMessage)

_PERIODIC = ("ping", "playback")
"""Messages that ask for nothing: they are sent by the clock, also by a client whose token has ended."""


class V2Wire:
    """What the product's own page and libraries speak."""

    name = names.V2
    is_replayable = True
    approvals = ApprovalWays(aloud=True)
    is_personal = True

    def open(self, first: str | bytes | None, limits: FrameLimits) -> Opening | None:
        """Begin with `start`, with `resume`, or with one of v1's forms."""
        if first is None:
            return None
        message = decode_object(first, *limits)
        return Opening(
            partial(_opening_of, message),
            token_of(message),
            locale_of(message),
            is_resume=message.get("type") == "resume",
        )

    def read(self, raw: str | bytes, limits: FrameLimits) -> Frame:
        """Read a JSON object, or sound."""
        if isinstance(raw, bytes):
            return Frame(lambda: (commands.AppendAudio(raw),), sound_bytes=len(raw))
        return _frame_of(decode_object(raw, *limits))

    def is_numbered(self, event: Event) -> bool:
        """Return whether the event is part of the talk; others are never replayed."""
        return encoding.is_numbered(event)

    def encode(self, event: Event, locale: Locale, seq: int | None) -> Sequence[str | bytes]:
        """Return the one frame for an event."""
        if type(event) is AudioFrame:
            return (event.pcm,) if event.pcm else ()
        return (encoding.encode(event, locale, seq),)


def decode(message: dict[str, Any]) -> client.V2Message | V1OpeningMessage:
    """Read a message.

    Raises:
        ProtocolError: It is none of this protocol's.
    """
    return read_model(_MESSAGES, message)


def commands_of(message: client.V2Message | V1OpeningMessage) -> Sequence[Command]:
    """Return what a message asks for once there is a session.

    Raises:
        BadMessage: It is for a connection's beginning alone.
    """
    command = _speech_command_of(message) or _command_of(message)
    return () if command is None else (command,)


def _command_of(message: client.V2Message | V1OpeningMessage) -> Command | None:
    match message:
        case client.TextMessage():
            return commands.Say(message.content, message.id, message.interrupt)
        case client.ReviseMessage(turn_id=turn_id, id=client_id, content=content):
            return commands.Revise(turn_id, client_id, content)
        case V1OpeningMessage(content=content):
            return commands.Say(content) if content.strip() else None
        case client.InterruptMessage(turn_id=turn_id):
            return commands.Interrupt(turn_id)
        case client.CancelToolMessage(call_id=call_id):
            return commands.CancelTool(call_id)
        case client.ApproveToolMessage(call_id=call_id, approved=approved):
            return commands.Approve(call_id, approved)
        case client.SessionUpdateMessage():
            audio = client.audio_terms(message.audio)
            return commands.Configure(message.locale, message.voice, message.speed, audio)
        case client.PingMessage():
            return commands.Ping()
        case client.EndMessage():
            return commands.End()
        case _:
            raise BadMessage("la sesión ya está abierta", "the session is open already")


def _speech_command_of(message: client.V2Message | V1OpeningMessage) -> Command | None:
    match message:
        case client.AudioMessage(content=content, format="pcm16"):
            return commands.AppendAudio(content)
        case client.AudioMessage(content=content):
            return commands.Recording(content)
        case client.AudioCommitMessage():
            return commands.CommitAudio()
        case client.AudioClearMessage():
            return commands.ClearAudio()
        case client.PlaybackMessage(turn_id=turn_id, played_ms=played_ms):
            return commands.ReportPlayback(turn_id, played_ms)
        case _:
            return None


def _frame_of(message: dict[str, Any]) -> Frame:
    kind = message.get("type")
    content = message.get("content")
    is_stream = kind == "audio" and message.get("format") == "pcm16"
    base64_chars = len(content) if isinstance(content, str) else 0
    return Frame(
        lambda: commands_of(decode(message)),
        sound_bytes=base64_chars * 3 // 4 if is_stream else None,
        is_periodic=kind in (*_PERIODIC, "audio"),
        needs_token=kind not in _PERIODIC,
    )


def _opening_of(first: dict[str, Any]) -> Start | Resume | Reply:
    message = decode(first)
    match message:
        case client.PingMessage():
            return Reply(Pong())
        case client.ResumeMessage():
            return Resume(
                message.session_id, message.resume_token, message.last_seq, overlaps=message.overlap
            )
        case client.StartMessage():
            return Start(
                message.user_id or ANONYMOUS,
                message.locale,
                message.voice,
                client.audio_terms(message.audio),
                message.continue_,
            )
        case client.TextMessage() | V1OpeningMessage() | client.AudioMessage():
            return Start(user_of(first) or ANONYMOUS, frame=_frame_of(first) if message.content else None)
        case _:
            raise BadMessage(
                "una conversación empieza con «start» o «resume»", "a talk begins with “start” or “resume”"
            )


WIRE = V2Wire()

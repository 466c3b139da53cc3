"""Make events of the server's frames. Fields that are not known are ignored, as the protocol asks."""

import dataclasses
import json
import types
import typing
from functools import cache
from typing import Any, Final, cast

from voice_agent_client import events
from voice_agent_client.events import Event, UnknownMessage

Message = dict[str, Any]

_TYPES: Final[dict[str, type[Event]]] = {
    "session_created": events.SessionCreated,
    "session_resumed": events.SessionResumed,
    "history": events.History,
    "state": events.StateChanged,
    "message_accepted": events.MessageAccepted,
    "turn_started": events.TurnStarted,
    "response_chunk": events.ResponseChunk,
    "response_complete": events.ResponseComplete,
    "interrupted": events.Interrupted,
    "tool_started": events.ToolStarted,
    "tool_progress": events.ToolProgress,
    "tool_finished": events.ToolFinished,
    "approval_requested": events.ApprovalRequested,
    "speech_started": events.SpeechStarted,
    "speech_stopped": events.SpeechStopped,
    "transcript": events.Transcript,
    "audio_started": events.AudioStarted,
    "audio_complete": events.AudioComplete,
    "playback_hint": events.PlaybackHint,
    "features": events.FeaturesChanged,
    "error": events.AgentError,
    "system": events.Notice,
    "going_away": events.GoingAway,
}


def parse_message(frame: str) -> Message | None:
    """Return the JSON object of a text frame; None where it is no message."""
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    known = cast(Message, message)
    return known if isinstance(known.get("type"), str) else None


def parse_event(message: Message) -> Event:
    """Return the event that a message is; `UnknownMessage` where its type or its form is not known."""
    kind = _TYPES.get(message["type"])
    if kind is not None:
        try:
            return cast(Event, _made(kind, message))
        except (TypeError, KeyError):
            pass
    return UnknownMessage(message["type"], message)


@cache
def _fields(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    hints = typing.get_type_hints(kind)
    return tuple(
        (
            field.name,
            hints[field.name],
            field.default is field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cast(Any, kind))
    )


def _made(kind: type, message: Message) -> object:
    values: dict[str, object] = {}
    for name, hint, is_required in _fields(kind):
        if name == "local" or (name not in message and not is_required):
            continue
        values[name] = _converted(message[name], hint)
    return kind(**values)


def _converted(value: Any, hint: Any) -> object:
    """Return a value as a field of that type.

    Raises:
        TypeError: It is none.
        KeyError: A member that is needed is missing.
    """
    if hint is Any:
        return value
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        return _converted(value, next(each for each in hint.__args__ if each is not types.NoneType))
    if typing.get_origin(hint) is list and isinstance(value, list):
        [item] = typing.get_args(hint)
        return [_converted(each, item) for each in cast("list[Any]", value)]
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _made(cast(type, hint), cast(Message, value))
    plain = cast(type, typing.get_origin(hint) or hint)
    if plain is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        raise TypeError
    return value

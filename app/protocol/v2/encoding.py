"""Protocol v2: how the events of a talk look on the wire, numbered so that nothing is lost over a drop."""

from typing import Any

import orjson

from app.errors import Locale
from app.protocol import names
from app.protocol.events import (
    MAX_RESULT_CHARS,
    ApprovalRequested,
    AudioComplete,
    AudioFrame,
    AudioStarted,
    AudioTerms,
    ErrorOccurred,
    Event,
    FeaturesChanged,
    GoingAway,
    HistoryTold,
    Interrupted,
    MessageAccepted,
    Notice,
    PlaybackHint,
    Pong,
    Remarked,
    ResponseChunk,
    ResponseComplete,
    SessionCreated,
    SessionResumed,
    SpeechStarted,
    SpeechStopped,
    StateChanged,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TranscriptHeard,
    TurnStarted,
)
from app.protocol.v1.encoding import COMPLETE
from app.protocol.v2.history import history_frame

UNNUMBERED = frozenset({Pong, Remarked, GoingAway, HistoryTold, SessionResumed, AudioFrame})


def is_numbered(event: Event) -> bool:
    """Return whether the event is part of the talk; others are never replayed."""
    return type(event) not in UNNUMBERED


def encode(event: Event, locale: Locale, seq: int | None) -> str:
    """Return the JSON text that stands for an event; `seq` is None where it is not part of the talk."""
    if type(event) is ResponseChunk:
        message: dict[str, Any] = {
            "type": "response_chunk",
            "turn_id": event.turn_id,
            "content": event.content,
        }
    else:
        if type(event) is HistoryTold and seq is None:
            return history_frame(event, outcome)
        message = _message(event, locale)
    if seq is not None:
        message["seq"] = seq
    return orjson.dumps(message).decode()


def _message(event: Event, locale: Locale) -> dict[str, Any]:  # noqa: C901  # flat, and complete
    match event:
        case Notice(content):
            return {"type": "system", "content": content}
        case MessageAccepted():
            return _message_accepted(event)
        case TurnStarted(turn_id, source):
            return {"type": "turn_started", "turn_id": turn_id, "source": source}
        case StateChanged(state):
            return {"type": "state", "state": state}
        case Interrupted(turn_id, heard):
            return {"type": "interrupted", "turn_id": turn_id, "heard": heard}
        case ErrorOccurred():
            return _error(event, locale)
        case Pong():
            return {"type": "pong"}
        case HistoryTold():
            return orjson.loads(history_frame(event, outcome))
        case SessionResumed():
            return _session_resumed(event)
        case GoingAway():
            return _going_away(event)
        case SessionCreated():
            return _session_created(event)
        case ResponseComplete():
            return _response_complete(event)
        case ToolStarted() | ToolProgress() | ToolFinished():
            return _tool(event)
        case ResponseChunk(turn_id, content):
            return {"type": "response_chunk", "turn_id": turn_id, "content": content}
        case AudioFrame():
            raise TypeError("sound is no JSON: it leaves as a binary frame")
        case Remarked():
            raise TypeError("this protocol makes no remarks")
        case _:
            return _other(event)


def _message_accepted(event: MessageAccepted) -> dict[str, Any]:
    message: dict[str, Any] = {
        "type": "message_accepted",
        "id": event.client_id,
        "turn_id": event.turn_id,
        "durable": event.durable,
    }
    if event.utterance_id is not None:
        message["utterance_id"] = event.utterance_id
    if event.supersedes:
        message["supersedes"] = list(event.supersedes)
    return message


def _other(
    event: ApprovalRequested
    | FeaturesChanged
    | SpeechStarted
    | SpeechStopped
    | TranscriptHeard
    | AudioStarted
    | AudioComplete
    | PlaybackHint,
) -> dict[str, Any]:
    match event:
        case ApprovalRequested():
            return _approval_requested(event)
        case FeaturesChanged(features):
            return {"type": "features", "features": features}
        case SpeechStarted(utterance_id):
            return {"type": "speech_started", "utterance_id": utterance_id}
        case SpeechStopped(utterance_id, empty):
            return {"type": "speech_stopped", "utterance_id": utterance_id, "empty": empty}
        case TranscriptHeard(utterance_id, content, language, final, emotion):
            message: dict[str, Any] = {
                "type": "transcript",
                "utterance_id": utterance_id,
                "content": content,
                "final": final,
                "language": language,
            }
            if emotion is not None:
                message["emotion"] = {"label": emotion.label, "confidence": round(emotion.confidence, 2)}
            return message
        case AudioStarted(turn_id, sample_rate_hz, offset_ms):
            return {
                "type": "audio_started",
                "turn_id": turn_id,
                "format": "pcm16",
                "sample_rate_hz": sample_rate_hz,
                "offset_ms": offset_ms,
            }
        case AudioComplete(turn_id):
            return {"type": "audio_complete", "turn_id": turn_id}
        case PlaybackHint(turn_id, action):
            return {"type": "playback_hint", "turn_id": turn_id, "action": action}


def _approval_requested(event: ApprovalRequested) -> dict[str, Any]:
    message: dict[str, Any] = {
        "type": "approval_requested",
        "call_id": event.call_id,
        "name": event.name,
        "arguments": orjson.loads(event.arguments),
        "expires_in_s": round(event.expires_in_s, 1),
    }
    if event.earlier is not None:
        earlier = event.earlier
        message["earlier"] = {
            "call_id": earlier.call_id,
            "status": earlier.status,
            "reason": "outcome_unknown",
        }
    return message


def _audio(terms: AudioTerms) -> dict[str, Any]:
    return {
        "in": {"sample_rate_hz": terms.input.rate_hz} if terms.input is not None else None,
        "out": terms.out,
        "turn_detection": "manual" if terms.is_manual else "auto",
    }


def _session_created(event: SessionCreated) -> dict[str, Any]:
    message: dict[str, Any] = {
        "type": "session_created",
        "session_id": event.session_id,
        "timestamp": event.timestamp,
        "protocol": names.V2,
        "audio": None,
    }
    if event.terms is not None:
        terms = event.terms
        message["resume_token"] = terms.resume_token
        message["resume_window_s"] = terms.resume_window_s
        message["heartbeat_s"] = terms.heartbeat_s
        message["features"] = terms.features
        message["continued"] = terms.continued
        message["audio"] = _audio(terms.audio) if terms.audio is not None else None
    return message


def _going_away(event: GoingAway) -> dict[str, Any]:
    message = {
        "type": "going_away",
        "reason": event.reason,
        "reconnect_after_s": event.reconnect_after_s,
        "deadline_s": event.deadline_s,
    }
    return {**message, "overlap": True} if event.overlap else message


def _session_resumed(event: SessionResumed) -> dict[str, Any]:
    return {
        "type": "session_resumed",
        "session_id": event.session_id,
        "resume_token": event.resume_token,
        "replayed": event.replayed,
        "gap": event.has_gap,
        "next_seq": event.next_seq,
    }


def _response_complete(event: ResponseComplete) -> dict[str, Any]:
    usage, timings = event.usage, event.timings
    return {
        "type": "response_complete",
        "turn_id": event.turn_id,
        "content": COMPLETE,
        "text": event.text,
        "finish_reason": event.finish_reason,
        "usage": usage
        and {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens},
        "timings_ms": timings
        and {
            "queued": timings.queued,
            "first_token": timings.first_token,
            "first_audio": timings.first_audio,
            "total": timings.total,
        },
        "durable": event.durable,
    }


def _tool(event: ToolStarted | ToolProgress | ToolFinished) -> dict[str, Any]:
    message: dict[str, Any] = {"call_id": event.call_id, "name": event.name}
    match event:
        case ToolStarted():
            arguments = orjson.loads(event.arguments)
            return {"type": "tool_started", "turn_id": event.turn_id, **message, "arguments": arguments}
        case ToolProgress():
            message |= {"type": "tool_progress", "elapsed_s": round(event.elapsed_s, 3)}
            optional = {"message": event.message, "fraction": event.fraction}
        case ToolFinished():
            return {"type": "tool_finished", **outcome(event)}
    return {**message, **{name: value for name, value in optional.items() if value is not None}}


def outcome(event: ToolFinished) -> dict[str, Any]:
    """Return how a call ended, as `tool_finished` and `history` say it."""
    message: dict[str, Any] = {
        "call_id": event.call_id,
        "name": event.name,
        "status": event.status,
        "elapsed_s": round(event.elapsed_s, 3),
    }
    optional = {
        "reason": event.reason,
        "result": event.result,
        "error": event.error[:MAX_RESULT_CHARS] if event.error else None,
        "truncated": event.truncated or None,
    }
    return {**message, **{name: value for name, value in optional.items() if value is not None}}


def _error(event: ErrorOccurred, locale: Locale) -> dict[str, Any]:
    error = event.error
    optional = {"id": event.client_id, "turn_id": event.turn_id, "call_id": event.call_id}
    return {
        "type": "error",
        "content": error.sentence(locale),
        "code": error.code,
        "retryable": error.retryable,
        **{name: value for name, value in optional.items() if value is not None},
    }

"""Protocol v1: how the events of a talk look on the wire."""

from typing import Any

import orjson

from app.errors import Locale
from app.locales import say
from app.protocol.asking import shown_arguments
from app.protocol.events import (
    ApprovalRequested,
    AudioComplete,
    AudioFrame,
    AudioStarted,
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

COMPLETE = "Respuesta completada"


def encode(event: Event, locale: Locale) -> list[str]:
    """Return the JSON texts that stand for an event: none, one, or two."""
    if type(event) is ResponseChunk:
        return [_json({"type": "response_chunk", "content": event.content})]
    return [_json(message) for message in _messages(event, locale)]


def _json(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()


def _system(content: str) -> dict[str, Any]:
    return {"type": "system", "content": content}


def _messages(event: Event, locale: Locale) -> list[dict[str, Any]]:  # noqa: C901  # flat, and complete
    match event:
        case SessionCreated(session_id, timestamp):
            return [{"type": "session_created", "session_id": session_id, "timestamp": timestamp}]
        case Notice(content):
            return [_system(content)]
        case MessageAccepted():
            return [_system(say(locale, "accepted"))]
        case TranscriptHeard(content=content, final=True):
            return [_system(say(locale, "understood", text=content))]
        case TurnStarted(source="user"):
            return [_system(say(locale, "thinking"))]
        case ResponseComplete(finish_reason="length" | "content_filter" as reason):
            return [
                _system(say(locale, f"finish_{reason}")),
                {"type": "response_complete", "content": COMPLETE},
            ]
        case ResponseComplete():
            return [{"type": "response_complete", "content": COMPLETE}]
        case ToolStarted() | ToolProgress() | ToolFinished():
            return [_system(tool_sentence(event, locale))]
        case ApprovalRequested(name=name, arguments=arguments, earlier=earlier):
            question = say(locale, "approval", name=name, arguments=shown_arguments(arguments))
            warning = "" if earlier is None else f"{say(locale, 'approval_earlier')} "
            return [_system(warning + question)]
        case ErrorOccurred(is_agents=True):
            return []
        case ErrorOccurred(error):
            return [{"type": "error", "content": error.sentence(locale)}]
        case (
            TurnStarted()
            | StateChanged()
            | FeaturesChanged()
            | ResponseChunk()
            | Interrupted()
            | Remarked()
            | Pong()
            | GoingAway()
            | HistoryTold()
            | SessionResumed()
            | TranscriptHeard()
            | SpeechStarted()
            | SpeechStopped()
            | AudioStarted()
            | AudioFrame()
            | AudioComplete()
            | PlaybackHint()
        ):
            return []


def tool_sentence(event: ToolStarted | ToolProgress | ToolFinished, locale: Locale) -> str:
    """Return what a user reads of a tool's life; it always names the tool."""
    match event:
        case ToolStarted(name=name):
            return say(locale, "tool_started", name=name)
        case ToolProgress(name=name, elapsed_s=elapsed_s, message=None):
            return say(locale, "tool_progress", name=name, n=round(elapsed_s))
        case ToolProgress(name=name, elapsed_s=elapsed_s, message=message):
            text = str(message).rstrip(".… ")
            return say(locale, "tool_progress_message", name=name, n=round(elapsed_s), message=text)
        case ToolFinished(name=name, status=status, elapsed_s=elapsed_s, error=error):
            sentence = say(locale, f"tool_{status}", name=name, n=f"{elapsed_s:.1f}", error=error)
            is_unknown = event.reason == "outcome_unknown"
            return f"{sentence} {say(locale, 'tool_may_have_acted')}" if is_unknown else sentence

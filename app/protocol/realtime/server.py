"""What happens in a talk, as the Realtime API's events: which of them, and in which order."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

import orjson

from app.chat import TokenUsage
from app.errors import AgentError
from app.protocol.events import (
    ApprovalRequested,
    AudioFrame,
    ErrorOccurred,
    Event,
    FeaturesChanged,
    MessageAccepted,
    Remarked,
    ResponseChunk,
    ResponseComplete,
    SessionCreated,
    SpeechStarted,
    SpeechStopped,
    ToolFinished,
    ToolStarted,
    TranscriptHeard,
    TurnStarted,
)
from app.protocol.realtime.nesting import INCOMPLETE, ascend, call, delta, described, sound
from app.protocol.realtime.shapes import APPROVE
from app.protocol.realtime.state import (
    MAX_UTTERANCES,
    Item,
    Json,
    RealtimeTalk,
    Response,
    Updated,
    Wish,
    response_of,
)

_CODES: Final = {"unauthorized": "invalid_api_key", "rate_limited": "rate_limit_exceeded"}
"""What the API calls errors that it has too."""

_NOTHING_SAID: Final = "Error committing input audio buffer: no speech was heard in it."

_FAULTS_OF_OURS: Final = frozenset({"internal", "worker_failed", "server_full", "server_restarted"})


def events_of(talk: RealtimeTalk, event: Event) -> list[Json]:
    """Return the API's events for one of the talk's; none where the API has none."""
    told = _TOLD.get(type(event))
    return told(talk, event) if told is not None else []


def error_event(
    message: str,
    code: str | None,
    *,
    event_id: str | None = None,
    param: str | None = None,
    kind: str = "invalid_request_error",
) -> Json:
    """Return the API's `error`."""
    error = {"type": kind, "code": code, "message": message, "param": param, "event_id": event_id}
    return {"type": "error", "error": error}


def session_event(talk: RealtimeTalk, kind: str) -> Json:
    """Return `session.created` or `session.updated`, with the whole session."""
    told = talk.config.described(talk.session_id)
    told["output_modalities"] = ["audio"] if talk.speaks else ["text"]
    return {"type": kind, "session": told}


def added(talk: RealtimeTalk, item: Item) -> list[Json]:
    """Return the events for an item that is whole as it comes."""
    talk.items.add(item)
    return [
        {"type": f"conversation.item.{stage}", "previous_item_id": item.before, "item": item.shape}
        for stage in ("added", "done")
    ]


def _kind_of(error: AgentError) -> str:
    is_ours = error.code in _FAULTS_OF_OURS or error.code.startswith("llm_")
    return "server_error" if is_ours else "invalid_request_error"


def _session_created(talk: RealtimeTalk, event: SessionCreated) -> list[Json]:
    talk.session_id = f"sess_{event.session_id.replace('-', '')}"
    if event.terms is not None:
        talk.features = frozenset(event.terms.features)
        talk.takes_instructions = event.terms.takes_instructions
        talk.audio = event.terms.audio or talk.audio
    return [session_event(talk, "session.created")]


def _features_changed(talk: RealtimeTalk, event: FeaturesChanged) -> list[Json]:
    talk.features = frozenset(event.features)
    return []


def _remarked(talk: RealtimeTalk, event: Remarked) -> list[Json]:
    content: Any = event.content
    if isinstance(content, Item):
        return added(talk, content)
    if isinstance(content, Updated):
        talk.updating.pop(content.client_id, None)
        return [content.told]
    return [content]


def _message_accepted(talk: RealtimeTalk, event: MessageAccepted) -> list[Json]:
    client_id = event.client_id or ""
    if client_id in talk.asked:
        talk.wishes[event.turn_id] = talk.asked.pop(client_id)
        return []
    item = talk.adding.pop(client_id, None)
    if item is None:
        item = talk.utterances.pop(event.utterance_id or "", None)
        if item is not None:
            item.turn_id = event.turn_id
            talk.spoken = (event.utterance_id or "", item.item_id)
        return []
    item.turn_id = event.turn_id
    return added(talk, item)


# Responses


def _turn_started(talk: RealtimeTalk, event: TurnStarted) -> list[Json]:
    before = _end(talk, "cancelled", "incomplete") if talk.response is not None else []
    return [*before, *_begin(talk, event.turn_id)]


def _begin(talk: RealtimeTalk, turn_id: str) -> list[Json]:
    wish = talk.wishes.pop(turn_id, None) or Wish()
    response = talk.response = Response(response_of(turn_id), turn_id, talk.speaks, wish)
    return [{"type": "response.created", "response": described(talk, response, "in_progress")}]


def _end(talk: RealtimeTalk, status: str, item_status: str, **more: Any) -> list[Json]:
    response = talk.response
    if response is None:
        return []
    told = ascend(talk, response, item_status)
    talk.response = None
    talk.cancelled.discard(response.turn_id)
    more = {"usage": _usage(None), **more}
    more["status_details"] = {"type": status, **more.get("status_details", {})}
    done: Json = {"type": "response.done", "response": described(talk, response, status, **more)}
    return [*told, done, *_approvals(talk)]


def cancelled_unbegun(talk: RealtimeTalk, wish: Wish) -> list[Json]:
    """Return the events for a response that was cancelled before its turn: it begins, and is over."""
    turn_id = talk.new_id("turn")
    response = Response(response_of(turn_id), turn_id, talk.speaks, wish)
    ended = {"status_details": {"type": "cancelled", "reason": "client_cancelled"}, "usage": _usage(None)}
    return [
        {"type": "response.created", "response": described(talk, response, "in_progress")},
        {"type": "response.done", "response": described(talk, response, "cancelled", **ended)},
    ]


def _asked(talk: RealtimeTalk, event: ApprovalRequested) -> list[Json]:
    """Call the client for what waits for approval, where it has declared the function for it."""
    if not talk.config.takes_approvals or event.call_id in talk.approving.values():
        return []
    talk.approvals[event.call_id] = event
    return [] if talk.response is not None else _approvals(talk)


def _approvals(talk: RealtimeTalk) -> list[Json]:
    """Return a response for each call that the client is to be told of; no other is going on."""
    told: list[Json] = []
    waiting, talk.approvals = talk.approvals, {}
    for event in waiting.values():
        turn_id, call_id = talk.new_id("turn"), f"approve_{event.call_id}"
        talk.approving[call_id] = event.call_id
        response = talk.response = Response(response_of(turn_id), turn_id, is_sound=False)
        told.append({"type": "response.created", "response": described(talk, response, "in_progress")})
        told += call(talk, response, call_id, APPROVE, _approval_arguments(event))
        told += _end(talk, "completed", "completed")
    return told


def _approval_arguments(event: ApprovalRequested) -> str:
    arguments: Json = {
        "call_id": event.call_id,
        "tool": event.name,
        "arguments": orjson.loads(event.arguments or "{}"),
        "expires_in_s": round(event.expires_in_s, 1),
        "may_happen_twice": event.earlier is not None,
    }
    return orjson.dumps(arguments).decode()


def _settled(talk: RealtimeTalk, call_id: str) -> None:
    """A call waits no more: what the client says of it comes too late."""
    talk.approvals.pop(call_id, None)
    talk.approving.pop(f"approve_{call_id}", None)


def _tool_finished(talk: RealtimeTalk, event: ToolFinished) -> list[Json]:
    _settled(talk, event.call_id)
    return []


def _running(talk: RealtimeTalk, turn_id: str) -> Response | None:
    response = talk.response
    return response if response is not None and response.turn_id == turn_id else None


def _chunk(talk: RealtimeTalk, event: ResponseChunk) -> list[Json]:
    response = _running(talk, event.turn_id)
    return delta(talk, response, event.content) if response is not None else []


def _tool_started(talk: RealtimeTalk, event: ToolStarted) -> list[Json]:
    _settled(talk, event.call_id)
    response = _running(talk, event.turn_id)
    if response is None or not event.is_clients:
        return []
    return call(talk, response, event.call_id, event.name, event.arguments)


def _frame(talk: RealtimeTalk, event: AudioFrame) -> list[Json]:
    response = _running(talk, event.turn_id)
    if response is None or not response.is_sound or not event.pcm:
        return []
    return sound(talk, response, b64encode(event.pcm).decode())


def _complete(talk: RealtimeTalk, event: ResponseComplete) -> list[Json]:
    begun: list[Json] = []
    if _running(talk, event.turn_id) is None:
        if event.turn_id not in talk.wishes:
            return []  # a text that was withdrawn before its turn
        begun = _begin(talk, event.turn_id)
    usage = _usage(event.usage)
    if event.finish_reason == "interrupted":
        is_cancelled = event.turn_id in talk.cancelled
        reason = "client_cancelled" if is_cancelled else "turn_detected"
        ended = _end(talk, "cancelled", "incomplete", usage=usage, status_details={"reason": reason})
    elif event.finish_reason in INCOMPLETE:
        reason = INCOMPLETE[event.finish_reason]
        ended = _end(talk, "incomplete", "incomplete", usage=usage, status_details={"reason": reason})
    else:
        ended = _end(talk, "completed", "completed", usage=usage)
    return [*begun, *ended]


def _usage(usage: TokenUsage | None) -> Json:
    asked, said = (usage.prompt_tokens, usage.completion_tokens) if usage is not None else (0, 0)
    return {
        "total_tokens": asked + said,
        "input_tokens": asked,
        "output_tokens": said,
        "input_token_details": {
            "text_tokens": asked,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": said, "audio_tokens": 0},
    }


def _error(talk: RealtimeTalk, event: ErrorOccurred) -> list[Json]:
    error, turn_id = event.error, event.turn_id or ""
    begun: list[Json] = []
    if turn_id in talk.wishes and _running(talk, turn_id) is None:
        begun = _begin(talk, turn_id)
    if _running(talk, turn_id) is not None:
        reason = {"type": _kind_of(error), "code": error.code, "message": error.sentence("en")}
        return [*begun, *_end(talk, "failed", "incomplete", status_details={"error": reason})]
    talk.asked.pop(event.client_id or "", None)
    talk.adding.pop(event.client_id or "", None)
    code = _CODES.get(error.code, error.code)
    told = error_event(error.sentence("en"), code, event_id=event.frame_id, kind=_kind_of(error))
    tools = talk.updating.pop(event.client_id or "", None)
    if tools is None:
        return [told]
    talk.config = talk.config.model_copy(update={"tools": tools})
    return [told, session_event(talk, "session.updated")]


# What the user says


def _speech_started(talk: RealtimeTalk, event: SpeechStarted) -> list[Json]:
    item_id = talk.new_id("item")
    talk.utterances[event.utterance_id] = Item({"id": item_id}, began_ms=talk.heard_ms)
    while len(talk.utterances) > MAX_UTTERANCES:  # of the oldest nothing has come, and nothing will
        del talk.utterances[next(iter(talk.utterances))]
    if talk.config.audio.input.turn_detection is None:
        return []
    start = {"audio_start_ms": round(talk.heard_ms), "item_id": item_id}
    return [{"type": "input_audio_buffer.speech_started", **start}]


def _speech_stopped(talk: RealtimeTalk, event: SpeechStopped) -> list[Json]:
    item = talk.utterances.get(event.utterance_id)
    is_commit, talk.commits = talk.commits > 0, max(talk.commits - 1, 0)
    if event.answer and item is not None:
        return _answered(talk, item, event)
    if event.empty:
        talk.utterances.pop(event.utterance_id, None)
    if is_commit and event.empty:
        return [error_event(_NOTHING_SAID, "input_audio_buffer_commit_empty")]
    if item is None:
        return []
    if talk.config.audio.input.turn_detection is None:
        return [] if event.empty else [_committed(talk, item)]
    end = {"audio_end_ms": round(talk.heard_ms), "item_id": item.item_id}
    stopped: Json = {"type": "input_audio_buffer.speech_stopped", **end}
    return [stopped] if event.empty else [stopped, _committed(talk, item)]


def _answered(talk: RealtimeTalk, item: Item, event: SpeechStopped) -> list[Json]:
    """Return what the user said about a call that waited: an item like others, though no turn comes of it."""
    stopped: Json = {"audio_end_ms": round(talk.heard_ms), "item_id": item.item_id}
    detected = talk.config.audio.input.turn_detection is not None
    told: list[Json] = [{"type": "input_audio_buffer.speech_stopped", **stopped}] if detected else []
    told.append(_committed(talk, item))
    heard = _transcript(talk, TranscriptHeard(event.utterance_id, event.answer, "es"))
    del talk.utterances[event.utterance_id]
    return [*told, *heard]


def _committed(talk: RealtimeTalk, item: Item) -> Json:
    before = talk.items.last_id
    return {
        "type": "input_audio_buffer.committed",
        "previous_item_id": before,
        "item_id": item.item_id,
    }


def _transcript(talk: RealtimeTalk, event: TranscriptHeard) -> list[Json]:
    item = talk.utterances.get(event.utterance_id)
    if item is None or not event.final:
        return []
    item.shape = {
        "id": item.item_id,
        "object": "realtime.item",
        "type": "message",
        "role": "user",
        "status": "completed",
        "content": [{"type": "input_audio", "transcript": event.content}],
    }
    told = [*_replaced(talk, event.utterance_id), *added(talk, item)]
    if talk.config.audio.input.transcription is None:
        return told
    place: Json = {"item_id": item.item_id, "content_index": 0}
    seconds = {"type": "duration", "seconds": round(max(talk.heard_ms - item.began_ms, 0) / 1000, 3)}
    kind = "conversation.item.input_audio_transcription"
    return [
        *told,
        {"type": f"{kind}.delta", **place, "delta": event.content},
        {"type": f"{kind}.completed", **place, "transcript": event.content, "usage": seconds},
    ]


def _replaced(talk: RealtimeTalk, utterance_id: str) -> list[Json]:
    """Take back the item of words that the user went on with: the new one holds all of them."""
    spoken_id, item_id = talk.spoken
    if spoken_id != utterance_id or item_id not in talk.items:
        return []
    talk.items.remove(item_id)
    return [{"type": "conversation.item.deleted", "item_id": item_id}]


_TOLD: Final[dict[type, Callable[[RealtimeTalk, Any], list[Json]]]] = {
    SessionCreated: _session_created,
    FeaturesChanged: _features_changed,
    Remarked: _remarked,
    MessageAccepted: _message_accepted,
    TurnStarted: _turn_started,
    ResponseChunk: _chunk,
    ToolStarted: _tool_started,
    ToolFinished: _tool_finished,
    ApprovalRequested: _asked,
    AudioFrame: _frame,
    ResponseComplete: _complete,
    ErrorOccurred: _error,
    SpeechStarted: _speech_started,
    SpeechStopped: _speech_stopped,
    TranscriptHeard: _transcript,
}
"""The events that a client hears of. Of the server's own tools it hears nothing but what the agent says."""

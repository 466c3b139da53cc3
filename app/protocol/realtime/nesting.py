"""How a response is nested: it holds items, an item holds a part, and each is opened and closed once.

`descend` opens what is not open down to a level, `ascend` closes what is open above one: whatever happens to
a turn, its client hears the same order.
"""

from collections.abc import Callable
from typing import Any, Final

from app.protocol.events import FinishReason
from app.protocol.realtime.state import Item, Json, Level, RealtimeTalk, Response, item_of

ItemStatus = str
"""`completed`, or `incomplete` for one that was cut."""


def descend(talk: RealtimeTalk, response: Response, level: Level) -> list[Json]:
    """Open what is not open yet, down to this level; return the events that tell it."""
    told: list[Json] = []
    while response.level < level:
        told += _OPENED[Level(response.level + 1)](talk, response)
        response.level = Level(response.level + 1)
    return told


def ascend(talk: RealtimeTalk, response: Response, status: ItemStatus) -> list[Json]:
    """Close all that is open inside the response; return the events that tell it."""
    told: list[Json] = []
    while response.level > Level.RESPONSE:
        told += _CLOSED[response.level](talk, response, status)
        response.level = Level(response.level - 1)
    return told


def delta(talk: RealtimeTalk, response: Response, text: str) -> list[Json]:
    """Return the events for more of a response's text."""
    told = descend(talk, response, Level.PART)
    response.pieces.append(text)
    kind = "response.output_audio_transcript.delta" if response.is_sound else "response.output_text.delta"
    return [*told, {"type": kind, **_part_place(response), "delta": text}]


def sound(talk: RealtimeTalk, response: Response, base64: str) -> list[Json]:
    """Return the events for more of a response's sound."""
    told = descend(talk, response, Level.PART)
    response.has_sound = True
    return [*told, {"type": "response.output_audio.delta", **_part_place(response), "delta": base64}]


def call(talk: RealtimeTalk, response: Response, call_id: str, name: str, arguments: str) -> list[Json]:
    """Return the events for a function that the client is to run: an item of its own, whole at once."""
    told = ascend(talk, response, "completed")
    item_id = item_of(response.turn_id, len(response.outputs))
    place = _place(response)
    inside: Json = {**place, "item_id": item_id, "call_id": call_id}
    shape: Json = {
        "id": item_id,
        "object": "realtime.item",
        "type": "function_call",
        "status": "in_progress",
        "call_id": call_id,
        "name": name,
        "arguments": "",
    }
    item = Item(shape, response.turn_id)
    talk.items.add(item)
    whole = {**shape, "status": "completed", "arguments": arguments}
    talk.items.settle(item, whole)
    response.outputs.append(whole)
    kind = "response.function_call_arguments"
    return [
        *told,
        {"type": "response.output_item.added", **place, "item": shape},
        {"type": "conversation.item.added", "previous_item_id": item.before, "item": shape},
        {"type": f"{kind}.delta", **inside, "delta": arguments},
        {"type": f"{kind}.done", **inside, "name": name, "arguments": arguments},
        {"type": "response.output_item.done", **place, "item": whole},
        {"type": "conversation.item.done", "previous_item_id": item.before, "item": whole},
    ]


def _item_shape(response: Response, status: ItemStatus, content: list[Json]) -> Json:
    return {
        "id": item_of(response.turn_id, len(response.outputs)),
        "object": "realtime.item",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def _place(response: Response) -> Json:
    return {"response_id": response.response_id, "output_index": len(response.outputs)}


def _part_place(response: Response) -> Json:
    return {
        **_place(response),
        "item_id": item_of(response.turn_id, len(response.outputs)),
        "content_index": 0,
    }


def _part(response: Response, text: str) -> Json:
    return {"type": "audio", "transcript": text} if response.is_sound else {"type": "text", "text": text}


def _content(response: Response, text: str) -> Json:
    if response.is_sound:
        return {"type": "output_audio", "transcript": text}
    return {"type": "output_text", "text": text}


def _open_item(talk: RealtimeTalk, response: Response) -> list[Json]:
    item = Item(_item_shape(response, "in_progress", []), response.turn_id, is_spoken=response.is_sound)
    response.item = item
    talk.items.add(item)
    return [
        {"type": "response.output_item.added", **_place(response), "item": item.shape},
        {"type": "conversation.item.added", "previous_item_id": item.before, "item": item.shape},
    ]


def _open_part(talk: RealtimeTalk, response: Response) -> list[Json]:
    return [{"type": "response.content_part.added", **_part_place(response), "part": _part(response, "")}]


def _close_part(talk: RealtimeTalk, response: Response, status: ItemStatus) -> list[Json]:
    text, place = "".join(response.pieces), _part_place(response)
    if response.is_sound:
        ends: list[Json] = [
            {"type": "response.output_audio.done", **place},
            {"type": "response.output_audio_transcript.done", **place, "transcript": text},
        ]
    else:
        ends = [{"type": "response.output_text.done", **place, "text": text}]
    return [*ends, {"type": "response.content_part.done", **place, "part": _part(response, text)}]


def _close_item(talk: RealtimeTalk, response: Response, status: ItemStatus) -> list[Json]:
    item = response.item
    assert item is not None  # noqa: S101  # what is closed was opened
    shape = _item_shape(response, status, [_content(response, "".join(response.pieces))])
    talk.items.settle(item, shape)
    place = _place(response)
    response.outputs.append(shape)
    response.item, response.pieces = None, []
    return [
        {"type": "response.output_item.done", **place, "item": shape},
        {"type": "conversation.item.done", "previous_item_id": item.before, "item": shape},
    ]


_OPENED: Final[dict[Level, Callable[[RealtimeTalk, Response], list[Json]]]] = {
    Level.ITEM: _open_item,
    Level.PART: _open_part,
}
_CLOSED: Final[dict[Level, Callable[[RealtimeTalk, Response, ItemStatus], list[Json]]]] = {
    Level.PART: _close_part,
    Level.ITEM: _close_item,
}

INCOMPLETE: Final[dict[FinishReason, str]] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}
"""Why a response ended before its end, by how its turn did."""


def described(talk: RealtimeTalk, response: Response, status: str, **more: Any) -> Json:
    """Return a response as the client is told it."""
    config = talk.config
    told: Json = {
        "object": "realtime.response",
        "id": response.response_id,
        "status": status,
        "status_details": None,
        "output": list(response.outputs),
        "conversation_id": f"conv_{talk.session_id.replace('-', '')}",
        "output_modalities": ["audio"] if response.is_sound else ["text"],
        "max_output_tokens": response.wish.max_output_tokens or config.max_output_tokens,
        "usage": None,
        "metadata": response.wish.metadata,
        **more,
    }
    if response.is_sound:
        told["audio"] = {"output": config.audio.output.model_dump(exclude_none=True, exclude={"speed"})}
    return told

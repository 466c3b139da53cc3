"""The `history` message: as much of a talk's end as a client takes in one frame.

Many WebSocket clients refuse a frame of more than 1 MiB unless they are told otherwise; one that did could
never come back to a long talk. So the frame is half of that at most, and the oldest is left out.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from app.clock import wire_time
from app.protocol.events import HistoryTold, RunningCall, Spoken, ToolFinished

MAX_FRAME_BYTES: Final = 512 * 1024

_CALLS_BYTES: Final = MAX_FRAME_BYTES // 4
_TURN_BYTES: Final = MAX_FRAME_BYTES // 4

_LEAST_BYTES: Final = 1024
"""A message that is cut shorter than this is left out."""


def history_frame(history: HistoryTold, outcome: Callable[[ToolFinished], dict[str, Any]]) -> str:
    """Return the message, with the newest of each kind that there is room for.

    Args:
        history: What there is to tell.
        outcome: Says how a call has ended.
    """
    ended = ({"turn_id": call.turn_id, **outcome(call.finished)} for call in history.ended)
    calls = [orjson.dumps(call) for call in (*ended, *map(_running, history.running))]
    shown_calls = b",".join(_newest(calls, _CALLS_BYTES))
    written = (orjson.dumps(_turn(history.turn)), shown_calls, orjson.dumps(list(history.waiting)))
    tail = b'],"turn":%b,"tools":[%b],"waiting":%b}' % written
    head = b'{"type":"history","messages":['
    messages = b",".join(_messages(history.entries, MAX_FRAME_BYTES - len(head) - len(tail)))
    return (head + messages + tail).decode()


def json_bytes(text: str) -> int:
    """Return how long a text is in JSON, in bytes, with its quotes."""
    return len(orjson.dumps(text))


def beginning_of(text: str, max_bytes: int) -> str:
    """As much of a text as has no more than so many bytes in JSON."""
    text = text[:max_bytes]
    if json_bytes(text) <= max_bytes:
        return text
    lengths = range(len(text) + 1)
    return text[: max(0, bisect_right(lengths, max_bytes, key=lambda length: json_bytes(text[:length])) - 1)]


def _messages(entries: Sequence[Spoken], room: int) -> list[bytes]:
    """Return the newest entries; one that is alone too large for a frame is cut to the room that is left."""
    newest_first: list[bytes] = []
    for entry in reversed(entries):
        written = orjson.dumps(describe_entry(entry))
        if len(written) >= room:
            is_giant = entry.truncated or len(written) > MAX_FRAME_BYTES
            if is_giant or not newest_first:
                newest_first += _cut(entry, room)
            break
        newest_first.append(written)
        room -= len(written) + 1
    return newest_first[::-1]


def _cut(entry: Spoken, room: int) -> list[bytes]:
    bare = orjson.dumps(describe_entry(replace(entry, content="", truncated=True)))
    left = room - len(bare) - 1
    if left < _LEAST_BYTES:
        return []
    content = beginning_of(entry.content, left)
    return [orjson.dumps(describe_entry(replace(entry, content=content, truncated=True)))]


def _turn(turn: tuple[str, str] | None) -> dict[str, Any] | None:
    """Return the turn that runs; of a long one the end, since what comes next goes on from there."""
    if turn is None:
        return None
    turn_id, text = turn
    if len(text) * 6 <= _TURN_BYTES or json_bytes(text) <= _TURN_BYTES:
        return {"turn_id": turn_id, "text": text}
    end = beginning_of(text[: -_TURN_BYTES - 1 : -1], _TURN_BYTES)[::-1]
    return {"turn_id": turn_id, "text": end, "truncated": True}


def _running(call: RunningCall) -> dict[str, Any]:
    return {"call_id": call.call_id, "name": call.name, "status": "running"}


def describe_entry(entry: Spoken) -> dict[str, Any]:
    """Return what somebody said as a `history` message has it."""
    said = {
        "role": entry.role,
        "content": entry.content,
        "turn_id": entry.turn_id,
        "created_at": wire_time(entry.created_at),
        "interrupted": entry.interrupted,
    }
    marks = {"truncated": entry.truncated, "ending": entry.ending, "source": entry.source}
    return said | {name: mark for name, mark in marks.items() if mark}


def _newest(written: list[bytes], room: int) -> list[bytes]:
    first = len(written)
    while first and room > len(written[first - 1]):
        first -= 1
        room -= len(written[first]) + 1
    return written[first:]

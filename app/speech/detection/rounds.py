"""Frames of several streams, judged together: the model's weights are read once for all of them.

A model that is run for one frame here and one there finds the caches cold each time, which costs more than
what it computes. Streams whose frames are whole at about the same time wait for one another, 10 ms at most.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

ROUND_S: Final = 0.01
"""So long after a round the next one comes at the earliest; one stream alone does not wait."""

MOST_AT_ONCE: Final = 16
"""More are judged in another turn of the loop."""

_Stream = TypeVar("_Stream")


class Rounds(Generic[_Stream]):
    """One model's rounds.

    Args:
        judge: Judges the next frame of each of some streams.
    """

    def __init__(self, judge: Callable[[Sequence[tuple[_Stream, bytes]]], Sequence[float]]) -> None:
        self._judge = judge
        self._waiting: list[tuple[_Stream, bytes, asyncio.Future[float]]] = []
        self._next_at = 0.0

    async def judged(self, stream: _Stream, frame: bytes) -> float:
        """Return how likely the next frame of a stream holds a voice; a stream waits for one at a time."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[float] = loop.create_future()
        self._waiting.append((stream, frame, future))
        if len(self._waiting) == 1:
            now = loop.time()
            if now < self._next_at <= now + ROUND_S:
                loop.call_at(self._next_at, self._round)
            else:
                loop.call_soon(self._round)
        return await future

    def _round(self) -> None:
        # Whoever was cancelled has no use for it, and its stream ends.
        wanted = [each for each in self._waiting if not each[2].done()]
        now, self._waiting = wanted[:MOST_AT_ONCE], wanted[MOST_AT_ONCE:]
        loop = asyncio.get_running_loop()
        self._next_at = loop.time() + ROUND_S
        if self._waiting:
            loop.call_soon(self._round)
        if not now:
            return
        try:
            found = self._judge([(stream, frame) for stream, frame, _ in now])
        except Exception as exc:
            for _, _, future in now:
                future.set_exception(exc)
            return
        for (_, _, future), likelihood in zip(now, found, strict=True):
            future.set_result(likelihood)

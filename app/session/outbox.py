"""Events waiting to leave a session.

Only the session's pump takes; anybody may put. A full outbox never blocks a producer: the model's stream must
not slow down because one browser fell asleep. It ends the connection instead.
"""

import asyncio
from collections.abc import Callable

from app.protocol.events import AudioFrame, Event, ResponseChunk
from app.session.signal import Signal

MAX_JOINED_CHARS = 4096
"""Neighbouring chunks that wait are joined up to this length; more would delay what the reader sees next."""

_EVENT_COST = 200
"""Bytes that an event without text is taken to weigh."""


class Outbox:
    """A bounded queue of events with one taker.

    Args:
        max_messages: Events that may wait; joined chunks count as one.
        max_bytes: What they may weigh together: their texts in UTF-8, and a little for each.

    Attributes:
        overflowed: Set when an event found no room: whoever reads this outbox is to be let go. If that ends
            the session, that event and all later ones are dropped; if the session lives on without a reader,
            they stay, since then nothing holds up the taker any more.
        pass_on: Asked to take an event past the queue, while its taker waits and nothing is before it; says
            whether it has.
    """

    def __init__(self, max_messages: int, max_bytes: int, *, outlives_reader: bool = False) -> None:
        self._outlives_reader = outlives_reader
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._waiting: list[Event] = []  # an empty deque weighs ten times as much, in each session
        self._joined: list[str] | None = None
        self._joined_chars = 0
        self._bytes = 0
        self._ready: asyncio.Future[None] | None = None
        self._closed = False
        self._is_poked = False
        self.overflowed = Signal()
        self.pass_on: Callable[[Event], bool] = _nowhere

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """What waits, in bytes as `max_bytes` counts them."""
        return self._bytes

    def put(self, event: Event) -> None:
        """Add an event. Never awaits, never fails; see `overflowed`."""
        if self._closed:
            return
        ready = self._ready
        if ready is not None and not ready.done() and not self._waiting and self.pass_on(event):
            return  # nearly always: a token then costs no change of tasks
        cost = _cost(event)
        if self._bytes + cost > self._max_bytes and not self._may_overflow():
            return
        if type(event) is not ResponseChunk or not self._join(event):
            if len(self._waiting) >= self._max_messages and not self._may_overflow():
                return
            self._flush_joined()
            self._waiting.append(event)
        self._bytes += cost
        if ready is not None and not ready.done():
            ready.set_result(None)

    def _join(self, chunk: ResponseChunk) -> bool:
        """Add a chunk to the one that waits last, if both are of one turn and there is room in it."""
        if not self._waiting:
            return False
        last = self._waiting[-1]
        if type(last) is not ResponseChunk or last.turn_id != chunk.turn_id:
            return False
        if self._joined is None:
            self._joined = [last.content]
            self._joined_chars = len(last.content)
        if self._joined_chars + len(chunk.content) > MAX_JOINED_CHARS:
            return False
        self._joined.append(chunk.content)
        self._joined_chars += len(chunk.content)
        return True

    def _flush_joined(self) -> None:
        if self._joined is not None:
            last = self._waiting[-1]
            assert type(last) is ResponseChunk  # noqa: S101  # only a chunk that waits last is ever joined
            self._waiting[-1] = ResponseChunk(last.turn_id, "".join(self._joined))
            self._joined = None

    def _may_overflow(self) -> bool:
        self.overflowed.set()
        self._closed = not self._outlives_reader
        return self._outlives_reader

    def waiting_chars(self, turn_id: str) -> int:
        """Return how many characters of a turn's chunks nobody took yet."""
        self._flush_joined()
        chunks = (event for event in self._waiting if type(event) is ResponseChunk)
        return sum(len(chunk.content) for chunk in chunks if chunk.turn_id == turn_id)

    def drop_turn(self, turn_id: str) -> int:
        """Forget the chunks and the sound of a turn that nobody took yet, for a turn that is interrupted.

        Returns:
            How many characters the chunks had.
        """
        self._flush_joined()
        dropped = 0
        kept: list[Event] = []
        for event in self._waiting:
            if type(event) is ResponseChunk and event.turn_id == turn_id:
                dropped += len(event.content)
                self._bytes -= _cost(event)
            else:
                kept.append(event)
        self._waiting = kept
        self.drop_sound(turn_id)
        return dropped

    def drop_sound(self, turn_id: str) -> None:
        """Forget the sound of a turn that nobody took yet."""
        self._flush_joined()
        kept: list[Event] = []
        for event in self._waiting:
            if type(event) is AudioFrame and event.turn_id == turn_id:
                self._bytes -= _cost(event)
            else:
                kept.append(event)
        self._waiting = kept

    def wake(self) -> None:
        """Wake the taker although there may be nothing to take."""
        self._is_poked = True
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    async def take(self) -> Event | None:
        """Return the next event; wait for one. None where there is none after a `wake`.

        Raises:
            RuntimeError: Somebody else is waiting for one. A second reader would get half of the talk.
        """
        if self._ready is not None:
            raise RuntimeError("only one task may take from an outbox")
        while not self._waiting and not self._is_poked:
            self._ready = asyncio.get_running_loop().create_future()
            try:
                await self._ready
            finally:
                self._ready = None
        self._is_poked = False
        return self.take_nowait()

    def take_nowait(self) -> Event | None:
        """Return the next event; None where none waits."""
        if not self._waiting:
            return None
        if len(self._waiting) == 1:
            self._flush_joined()
        event = self._waiting.pop(0)
        self._bytes -= _cost(event)
        return event


def _nowhere(event: Event) -> bool:
    return False


def _cost(event: Event) -> int:
    if type(event) is AudioFrame:
        return _EVENT_COST + len(event.pcm)
    if type(event) is not ResponseChunk:
        return _EVENT_COST
    content = event.content
    return len(content) if content.isascii() else len(content.encode("utf-8", "surrogatepass"))

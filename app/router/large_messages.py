"""Room for the large messages that are being received: so much at once, whoever sends them."""

from collections import deque
from typing import Final, Protocol

from app.services.auth.addresses import counted_as

ROOM_BYTES: Final = 32 * 1024 * 1024
"""What all of them may weigh together."""

MODEST_BYTES: Final = 2 * 1024 * 1024
"""An address that holds nothing has room for so much also where others hold all: as a reserve lasts."""


class Receiver(Protocol):
    """A connection in the middle of a large message."""

    def has_room(self) -> None:
        """It may read on."""
        ...


class LargeMessages:
    """Shares the room out; who finds none waits in line, with nothing read from the socket.

    Half of it at most is for one address. A frame has room for all of its length before more of it is read;
    what comes in several frames keeps the room that it has while it waits for more.

    Args:
        largest: The largest message that there may be, in bytes; there is always room for one.
    """

    def __init__(self, largest: int) -> None:
        self._room = max(ROOM_BYTES, 2 * largest)
        self._share = self._room // 2
        self._held: dict[Receiver, tuple[int, str]] = {}
        self._total = 0
        self._by_address: dict[str, int] = {}
        self._waiting: deque[tuple[Receiver, int, str]] = deque()

    def ask(self, receiver: Receiver, size: int, address: str) -> bool:
        """Ask for room for a message that has grown to so many bytes; False: it is told when there is."""
        key = counted_as(address)
        more = size - self._held.get(receiver, (0, ""))[0]
        if self._has_room(more, key):
            self._take(receiver, more, key)
            return True
        self._waiting.append((receiver, more, key))
        return False

    def give_back(self, receiver: Receiver) -> None:
        """Its message has been taken, or its connection is gone."""
        self._release(receiver)
        self._waiting = deque(waiter for waiter in self._waiting if waiter[0] is not receiver)
        for waiter in list(self._waiting):
            if self._has_room(*waiter[1:]):
                self._waiting.remove(waiter)
                self._take(*waiter)
                waiter[0].has_room()

    def _has_room(self, size: int, key: str) -> bool:
        held = self._by_address.get(key, 0)
        is_modest = held + size <= MODEST_BYTES
        room = self._room + ROOM_BYTES if is_modest else self._room
        return self._total + size <= room and held + size <= self._share

    def _take(self, receiver: Receiver, size: int, key: str) -> None:
        self._held[receiver] = (self._held.get(receiver, (0, ""))[0] + size, key)
        self._total += size
        self._by_address[key] = self._by_address.get(key, 0) + size

    def _release(self, receiver: Receiver) -> None:
        size, key = self._held.pop(receiver, (0, ""))
        self._total -= size
        left = self._by_address.get(key, 0) - size
        if left > 0:
            self._by_address[key] = left
        else:
            self._by_address.pop(key, None)

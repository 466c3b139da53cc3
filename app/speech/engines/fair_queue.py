"""A bounded line in front of what all share, in which nobody's many jobs hold up another's one.

Without clocks and tasks: who is next, and who has no place. `FairSlots` and the pools of workers wait by it.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

MOST_SKIPS: Final = 3
"""So many may be taken before the one that has waited longest; then it is taken itself."""

_REMEMBERED_OWNERS: Final = 1000


class LineFull(Exception):
    """There is no place: the owner has as many as one may have, or the line is full of others' jobs."""


@dataclass(slots=True, eq=False)
class _QueuedItem(Generic[Item]):
    item: Item
    owner: str
    urgency: int


class FairLine(Generic[Item]):
    """Jobs that wait, each with an owner.

    The most urgent go first; among them those of whoever is served least at the moment, in turns. Every
    fourth is the one that has waited longest, whatever its urgency and its owner: so each has its turn.

    Args:
        places: How many may wait; of one owner half of them.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._own_places = max(1, (places + 1) // 2)
        self._line: list[_QueuedItem[Item]] = []  # the oldest first
        self._running: Counter[str] = Counter()
        self._served_at: dict[str, int] = {}
        self._served = 0
        self._skips = 0

    def __len__(self) -> int:
        return len(self._line)

    def enter(self, item: Item, owner: str, urgency: int = 0) -> Item | None:
        """Put a job at the end of its owner's; lower numbers are more urgent.

        Returns:
            Another one that has lost its place to it: the newest of whoever has most in a full line, or,
            where all have equally many, the newest of the least urgent ones.

        Raises:
            LineFull: There is no place for it.
        """
        counts = Counter(waiting.owner for waiting in self._line)
        if not self._places or counts[owner] >= self._own_places:
            raise LineFull
        loser = None
        if len(self._line) >= self._places:
            loser = self._loser(counts, owner, urgency)
            self._line.remove(loser)
        self._line.append(_QueuedItem(item, owner, urgency))
        return None if loser is None else loser.item

    def _loser(self, counts: Counter[str], owner: str, urgency: int) -> _QueuedItem[Item]:
        greediest, most = counts.most_common(1)[0]
        if most > counts[owner] + 1:
            theirs = [waiting for waiting in self._line if waiting.owner == greediest]
            return max(reversed(theirs), key=lambda waiting: waiting.urgency)
        last = max(reversed(self._line), key=lambda waiting: waiting.urgency)
        if last.urgency <= urgency:
            raise LineFull
        return last

    def take(self) -> Item | None:
        """Return the job that is next, which counts as running from now on; None where none waits."""
        if not self._line:
            return None
        place = 0
        if self._skips < MOST_SKIPS:
            place = min(range(len(self._line)), key=lambda at: (*self._rank(self._line[at]), at))
        self._skips = self._skips + 1 if place else 0
        taken = self._line.pop(place)
        self.begun(taken.owner)
        return taken.item

    def _rank(self, waiting: _QueuedItem[Item]) -> tuple[int, int, int]:
        return waiting.urgency, self._running[waiting.owner], self._served_at.get(waiting.owner, 0)

    def leave(self, item: Item) -> bool:
        """Give up a place; whether the job still waited."""
        for place, waiting in enumerate(self._line):
            if waiting.item is item:
                del self._line[place]
                return True
        return False

    def begun(self, owner: str) -> None:
        """A job of this owner runs, without having waited or by `take`."""
        self._running[owner] += 1
        self._served += 1
        self._served_at.pop(owner, None)
        self._served_at[owner] = self._served
        if len(self._served_at) > _REMEMBERED_OWNERS:
            del self._served_at[next(iter(self._served_at))]

    def ended(self, owner: str) -> None:
        """A job of this owner no longer runs."""
        self._running[owner] -= 1
        if self._running[owner] <= 0:
            del self._running[owner]

    def clear(self) -> list[Item]:
        """Emptie the line; what was in it."""
        items = [waiting.item for waiting in self._line]
        self._line.clear()
        return items

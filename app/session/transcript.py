"""The last words of a talk as a client shows them, for one that could not be given every message again."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from app.clock import wire_time

MAX_ENTRIES = 200


@dataclass(frozen=True, slots=True)
class Spoken:
    """What somebody said.

    Attributes:
        is_refused: The model's service did not take it; no later prompt may hold it.
    """

    role: Literal["user", "assistant"]
    content: str
    turn_id: str
    created_at: datetime
    interrupted: bool = False
    is_refused: bool = False

    def describe(self) -> dict[str, Any]:
        """The entry as a `history` message has it."""
        return {
            "role": self.role,
            "content": self.content,
            "turn_id": self.turn_id,
            "created_at": wire_time(self.created_at),
            "interrupted": self.interrupted,
        }


class Transcript:
    """The last entries, in the order in which they were said."""

    def __init__(self) -> None:
        self._entries: deque[Spoken] = deque(maxlen=MAX_ENTRIES)

    def add(self, entry: Spoken) -> None:
        """Adds what was said; nothing said adds nothing."""
        if entry.content:
            self._entries.append(entry)

    def correct(self, turn_id: str, content: str) -> None:
        """Another text for what the agent said in an interrupted turn."""
        for n, entry in enumerate(self._entries):
            if entry.turn_id == turn_id and entry.role == "assistant":
                self._entries[n] = replace(entry, content=content)

    def forget(self, turn_id: str) -> None:
        """Takes out all of a turn, in whose place another comes."""
        kept = [entry for entry in self._entries if entry.turn_id != turn_id]
        self._entries = deque(kept, maxlen=MAX_ENTRIES)

    def refuse(self, turn_id: str) -> None:
        """Marks what was said in a turn as refused."""
        for place, entry in enumerate(self._entries):
            if entry.turn_id == turn_id:
                self._entries[place] = replace(entry, is_refused=True)

    def __iter__(self) -> Iterator[Spoken]:
        return iter(self._entries)

    def describe(self) -> list[dict[str, Any]]:
        """All entries, oldest first."""
        return [entry.describe() for entry in self._entries]

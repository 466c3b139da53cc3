"""The last words of a talk as a client shows them, for one that could not be given every message again."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from app.clock import wire_time
from app.protocol.events import ToolFinished

MAX_ENTRIES = 200

MAX_CHARS = 512 * 1024
"""No more can be shown at once (`history_frame.py`); what stands before so many characters is let go."""

MAX_CALLS = 50


TextEnding = Literal["complete", "interrupted", "failed"]
"""How the turn of a user's text has ended: in an answer, cut or withdrawn, or in an error."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What somebody said.

    Attributes:
        is_refused: The model's service did not take it; no later prompt may hold it.
        truncated: Only the beginning of it is here.
        ending: Of a user's text, how its turn has ended; None where it has not, or that is told yet.
        source: `backend` for what a back end had the agent say.
    """

    role: Literal["user", "assistant"]
    content: str
    turn_id: str
    created_at: datetime
    interrupted: bool = False
    is_refused: bool = False
    truncated: bool = False
    ending: TextEnding | None = None
    source: Literal["backend"] | None = None

    def describe(self) -> dict[str, Any]:
        """The entry as a `history` message has it."""
        entry = {
            "role": self.role,
            "content": self.content,
            "turn_id": self.turn_id,
            "created_at": wire_time(self.created_at),
            "interrupted": self.interrupted,
        }
        marks = {"truncated": self.truncated, "ending": self.ending, "source": self.source}
        return entry | {name: mark for name, mark in marks.items() if mark}


@dataclass(frozen=True, slots=True)
class EndedCall:
    """A tool call that has ended, and the turn that it was made in."""

    turn_id: str
    finished: ToolFinished


class Transcript:
    """The last entries, in the order in which they were said, and the last calls that have ended.

    Attributes:
        calls: In the order in which they ended.
    """

    def __init__(self) -> None:
        self.calls: list[EndedCall] = []
        self._entries: deque[Spoken] = deque()
        self._chars = 0

    def add(self, entry: Spoken) -> None:
        """Adds what was said; nothing said adds nothing."""
        if not entry.content:
            return
        if len(entry.content) > MAX_CHARS:
            entry = replace(entry, content=entry.content[:MAX_CHARS], truncated=True)
        self._entries.append(entry)
        self._chars += len(entry.content)
        while len(self._entries) > MAX_ENTRIES or self._is_beyond(self._entries[0]):
            self._chars -= len(self._entries.popleft().content)

    def _is_beyond(self, oldest: Spoken) -> bool:
        return self._chars - len(oldest.content) >= MAX_CHARS

    def end_call(self, turn_id: str, finished: ToolFinished) -> None:
        """Adds a call that has ended."""
        self.calls.append(EndedCall(turn_id, finished))
        del self.calls[:-MAX_CALLS]

    def correct(self, turn_id: str, content: str) -> None:
        """Another text for what the agent said in an interrupted turn."""
        self._put(
            replace(entry, content=content[:MAX_CHARS], truncated=len(content) > MAX_CHARS)
            if entry.turn_id == turn_id and entry.role == "assistant"
            else entry
            for entry in self._entries
        )

    def forget(self, turn_id: str) -> None:
        """Takes out all of a turn, in whose place another comes."""
        self._put(entry for entry in self._entries if entry.turn_id != turn_id)
        self.calls = [call for call in self.calls if call.turn_id != turn_id]

    def forget_answer(self, turn_id: str) -> None:
        """Takes out what the agent said in a turn that is asked again."""
        self._put(entry for entry in self._entries if entry.turn_id != turn_id or entry.role == "user")

    def end_turn(self, turn_id: str, ending: TextEnding) -> None:
        """The turn of a user's text has ended, and its client is told so."""
        for place, entry in enumerate(self._entries):
            if entry.turn_id == turn_id and entry.role == "user":
                self._entries[place] = replace(entry, ending=ending)

    def refuse(self, turn_id: str) -> None:
        """Marks what was said in a turn as refused."""
        for place, entry in enumerate(self._entries):
            if entry.turn_id == turn_id:
                self._entries[place] = replace(entry, is_refused=True)

    def _put(self, entries: Iterator[Spoken]) -> None:
        self._entries = deque(entries)
        self._chars = sum(len(entry.content) for entry in self._entries)

    def __iter__(self) -> Iterator[Spoken]:
        return iter(self._entries)

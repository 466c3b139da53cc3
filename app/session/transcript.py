"""The last words of a talk as a client shows them, for one that could not be given every message again."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Literal

from app.protocol.events import EndedCall, Spoken, TextEnding, ToolFinished

MAX_ENTRIES = 200

MAX_CHARS = 512 * 1024
"""No more can be shown at once, as a `history` frame is; what stands before so many characters is let go."""

MAX_CALLS = 50


class Transcript:
    """The last entries, in the order in which they were said, and the last calls that have ended.

    Attributes:
        calls: In the order in which they ended.
    """

    def __init__(self) -> None:
        self.calls: list[EndedCall] = []
        self._superseded: set[str] = set()
        self._entries: list[Spoken] = []
        self._chars = 0

    def add(self, entry: Spoken) -> None:
        """Add what was said; nothing said adds nothing."""
        if not entry.content or entry.turn_id in self._superseded:
            return
        if len(entry.content) > MAX_CHARS:
            entry = replace(entry, content=entry.content[:MAX_CHARS], truncated=True)
        self._entries.append(entry)
        self._chars += len(entry.content)
        while len(self._entries) > MAX_ENTRIES or self._is_beyond(self._entries[0]):
            self._chars -= len(self._entries.pop(0).content)

    def _is_beyond(self, oldest: Spoken) -> bool:
        return self._chars - len(oldest.content) >= MAX_CHARS

    def end_call(self, turn_id: str, finished: ToolFinished) -> None:
        """Add a call that has ended."""
        if turn_id in self._superseded:
            return
        self.calls.append(EndedCall(turn_id, finished))
        del self.calls[:-MAX_CALLS]

    def correct(self, said: Spoken) -> None:
        """Put another text in the place of what the agent said in an interrupted turn; it may be none.

        Where nothing of it had been heard, it stands behind the turn's text.
        """
        if said.turn_id in self._superseded:
            return
        entries = list(self._entries)
        behind = (n for n, entry in enumerate(entries, 1) if entry.turn_id == said.turn_id)
        place = max(behind, default=len(entries))
        if place and _is_said_by_agent(entries[place - 1], said.turn_id):
            place -= 1
            said = replace(entries.pop(place), content=said.content)
        if said.content:
            cut = len(said.content) > MAX_CHARS
            entries.insert(place, replace(said, content=said.content[:MAX_CHARS], truncated=cut))
        self._put(iter(entries))

    def forget(self, turn_id: str) -> None:
        """Take out all of a turn, in whose place another comes."""
        self._put(entry for entry in self._entries if entry.turn_id != turn_id)
        self.calls = [call for call in self.calls if call.turn_id != turn_id]

    def take_out_words(self, turn_id: str, role: Literal["user", "assistant"]) -> None:
        """Take out what one side said in a turn."""
        self._put(entry for entry in self._entries if (entry.turn_id, entry.role) != (turn_id, role))

    def supersede(self, turn_ids: Collection[str]) -> None:
        """Take out all of these turns, also what is still to come of them."""
        self._superseded.update(turn_ids)
        self._put(entry for entry in self._entries if entry.turn_id not in self._superseded)
        self.calls = [call for call in self.calls if call.turn_id not in self._superseded]

    def forget_answer(self, turn_id: str) -> None:
        """Take out what the agent said in a turn that is asked again."""
        self._put(entry for entry in self._entries if entry.turn_id != turn_id or entry.role == "user")

    def end_turn(self, turn_id: str, ending: TextEnding) -> None:
        """The turn of a user's text has ended, and its client is told so."""
        for place, entry in enumerate(self._entries):
            if entry.turn_id == turn_id and entry.role == "user":
                self._entries[place] = replace(entry, ending=ending)

    def refuse(self, turn_id: str) -> None:
        """Mark what was said in a turn as refused."""
        for place, entry in enumerate(self._entries):
            if entry.turn_id == turn_id:
                self._entries[place] = replace(entry, is_refused=True)

    def _put(self, entries: Iterator[Spoken]) -> None:
        self._entries = list(entries)
        self._chars = sum(len(entry.content) for entry in self._entries)

    def __iter__(self) -> Iterator[Spoken]:
        return iter(self._entries)


def _is_said_by_agent(entry: Spoken, turn_id: str) -> bool:
    return entry.turn_id == turn_id and entry.role == "assistant"

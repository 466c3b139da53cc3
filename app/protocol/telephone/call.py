"""One telephone call: what its caller presses, and what is to be told them that others can read.

A caller sees nothing. What other clients are shown (errors, progress) is said: the call puts down what is to
be done, and hands it out with the caller's next frame. There is one every 20 ms.
"""

from collections.abc import Sequence
from typing import Final

from app.errors import Locale
from app.locales import say
from app.protocol.commands import Announce, Approve, Command, Interrupt, Say
from app.protocol.events import ApprovalRequested, ErrorOccurred, ToolProgress
from app.protocol.telephone.carriers import TWILIO, Carrier
from app.protocol.telephone.sound import CallSound

KEYS_PAUSE_MS: Final = 1500
"""So long after the last key those that were pressed are one text; `#` ends it at once."""

MAX_KEYS: Final = 32

FIRST_PROGRESS_S: Final = 4.0
NEXT_PROGRESS_S: Final = 20.0
"""A tool that runs for so long is mentioned, and then again and again."""

_SPOKEN_ERRORS: Final = frozenset({"queue_full", "budget_exceeded", "server_full", "internal"})
"""Errors without a turn that a caller is told of; the others are a program's."""

_APPROVALS: Final = {"1": True, "2": False}


class PhoneCall:
    """One call, from its `start` on.

    Attributes:
        sound: What is played to the caller.
        todo: What is to be done with the next frame.
    """

    def __init__(self, stream_id: str, carrier: Carrier = TWILIO) -> None:
        self.sound = CallSound(stream_id, carrier)
        self.todo: list[Command] = []
        self._keys = ""
        self._since_key_ms = 0.0
        self._waiting = ""
        self._progress: dict[str, float] = {}
        self._has_told_error = False

    def take_todo(self) -> list[Command]:
        """Return what is to be done, once."""
        todo, self.todo = self.todo, []
        return todo

    # What the caller does

    def press(self, key: str, locale: Locale) -> Sequence[Command]:
        """Take a key: the answer to what waits for approval, or part of a text."""
        if self._waiting and key in _APPROVALS and not self._keys:
            call_id, self._waiting = self._waiting, ""
            return (Approve(call_id, _APPROVALS[key]),)
        silenced = (Interrupt(self.sound.turn_id),) if self.sound.is_playing and not self._keys else ()
        self._since_key_ms = 0.0
        if key != "#":
            self._keys = f"{self._keys}{key}"[:MAX_KEYS]
        return (*silenced, *(self._typed(locale) if key == "#" else ()))

    def hear(self, ms: float, locale: Locale) -> Sequence[Command]:
        """So much of the caller's sound has come: perhaps they press no more keys."""
        self._since_key_ms += ms
        return self._typed(locale) if self._since_key_ms >= KEYS_PAUSE_MS else ()

    def _typed(self, locale: Locale) -> Sequence[Command]:
        keys, self._keys = self._keys, ""
        # Digit by digit, else it is read as one large number.
        return (Say(say(locale, "phone_keys", keys=" ".join(keys)), interrupts=True),) if keys else ()

    # What is said in the place of a screen

    def speaks(self) -> None:
        """The caller has said something: what goes wrong from now on is news."""
        self._has_told_error = False

    def fails(self, event: ErrorOccurred, locale: Locale) -> None:
        """Have an error said, if it is the caller's to know; once, until they speak again.

        What cannot be said must not lead to another sentence that cannot be said.
        """
        if event.turn_id is None and event.error.code not in _SPOKEN_ERRORS:
            return
        if not self._has_told_error:
            self._has_told_error = True
            self.todo.append(Announce(event.error.sentence(locale)))

    def goes_on(self, event: ToolProgress, locale: Locale) -> None:
        """Have it said that a tool still runs, every now and then."""
        if event.elapsed_s < self._progress.get(event.call_id, FIRST_PROGRESS_S):
            return
        is_first = not self._progress or event.call_id == next(iter(self._progress))
        self._progress[event.call_id] = event.elapsed_s + NEXT_PROGRESS_S
        if is_first:  # several that run are one thing to wait for
            self.todo.append(Announce(say(locale, "phone_progress")))

    def ask(self, event: ApprovalRequested) -> None:
        """A key may answer it; the server asks aloud."""
        self._waiting = event.call_id

    def forget(self, call_id: str) -> None:
        """A call waits no more, or has ended."""
        self._progress.pop(call_id, None)
        if self._waiting == call_id:
            self._waiting = ""

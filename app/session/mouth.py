"""What a turn needs of a voice: somewhere to say its words, and to learn what of them was heard."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Heard:
    """How much of a turn a user has heard.

    Attributes:
        chars: Characters of the turn's chunks, joined.
        can_change: The client may still report that it was more or less.
    """

    chars: int
    can_change: bool = False


class Mouth(Protocol):
    """Speaks a session's turns, one at a time."""

    @property
    def is_on(self) -> bool:
        """Whether what is said next is heard, as far as is known."""
        ...

    def say(self, turn_id: str, text: str) -> None:
        """Adds to what the turn says; never waits, never fails."""
        ...

    def breathe(self, turn_id: str) -> None:
        """The turn says nothing more for a while: what it has said so far is spoken to its end."""
        ...

    async def finish(self, turn_id: str) -> None:
        """The turn has said all; returns when the user should have heard it."""
        ...

    def rehearse(self, text: str, *, is_all: bool = False) -> None:
        """Adds to what a turn may say that has not begun: the sound of its first words may be made.

        `is_all`: no more comes for a while.
        """
        ...

    def forget_rehearsed(self) -> None:
        """No turn begins so: what was made of it is given up."""
        ...

    def cut(self, turn_id: str) -> Heard | None:
        """The user has ended the turn: nothing more of it sounds; None where it has no sound."""
        ...

    def first_sound_at(self, turn_id: str) -> float | None:
        """When its first sound left, on the loop's clock in seconds; None where none did."""
        ...

    def was_perceived(self, turn_id: str, *, was_written: bool) -> bool:
        """Whether the user knows anything of the turn yet, by ear, or by eye where it has no sound."""
        ...


class Mute:
    """Where nothing is spoken."""

    is_on = False

    def say(self, turn_id: str, text: str) -> None:
        """Says nothing."""

    def breathe(self, turn_id: str) -> None:
        """Has nothing to speak."""

    async def finish(self, turn_id: str) -> None:
        """Has nothing to wait for."""

    def rehearse(self, text: str, *, is_all: bool = False) -> None:
        """Has nothing to make."""

    def forget_rehearsed(self) -> None:
        """Has made nothing."""

    def cut(self, turn_id: str) -> Heard | None:
        """There was no sound."""
        return None

    def first_sound_at(self, turn_id: str) -> float | None:
        """There was none."""
        return None

    def was_perceived(self, turn_id: str, *, was_written: bool) -> bool:
        """It is read."""
        return was_written

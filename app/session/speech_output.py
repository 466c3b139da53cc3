"""What a turn needs of a voice: somewhere to say its words, and to learn what of them was heard."""

import asyncio
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HeardSpeech:
    """How much of a turn a user has heard.

    Attributes:
        chars: Characters of the turn's chunks, joined.
        can_change: The client may still report that it was more or less.
    """

    chars: int
    can_change: bool = False


class SpeechOutput(Protocol):
    """Speaks a session's turns, one at a time."""

    @property
    def is_on(self) -> bool:
        """Whether what is said next is heard, as far as is known."""
        ...

    def say(self, turn_id: str, text: str) -> None:
        """Add to what the turn says; never waits, never fails."""
        ...

    def breathe(self, turn_id: str) -> None:
        """The turn says nothing more for a while: what it has said so far is spoken to its end."""
        ...

    async def finish(self, turn_id: str) -> None:
        """The turn has said all; returns when the user should have heard it."""
        ...

    async def is_left_alone(self) -> None:
        """Return when a turn that has said all waits for a client that is away; never where none does."""
        ...

    def rehearse(self, text: str, *, is_all: bool = False) -> None:
        """Add to what a turn may say that has not begun: the sound of its first words may be made.

        `is_all`: no more comes for a while.
        """
        ...

    def forget_rehearsed(self) -> None:
        """No turn begins so: what was made of it is given up."""
        ...

    def cut(self, turn_id: str) -> HeardSpeech | None:
        """The user has ended the turn: nothing more of it sounds; None where it has no sound."""
        ...

    def first_sound_at(self, turn_id: str) -> float | None:
        """When its first sound left, on the loop's clock in seconds; None where none did."""
        ...

    def was_perceived(self, turn_id: str, *, was_written: bool) -> bool:
        """Return whether the user knows anything of the turn yet, by ear, or by eye where it has no sound."""
        ...


class NullSpeechOutput:
    """Where nothing is spoken."""

    is_on = False

    def say(self, turn_id: str, text: str) -> None:
        """Say nothing."""

    def breathe(self, turn_id: str) -> None:
        """Have nothing to speak."""

    async def finish(self, turn_id: str) -> None:
        """Have nothing to wait for."""

    async def is_left_alone(self) -> None:
        """Wait for nobody, and so for ever."""
        await asyncio.get_running_loop().create_future()

    def rehearse(self, text: str, *, is_all: bool = False) -> None:
        """Have nothing to make."""

    def forget_rehearsed(self) -> None:
        """Have made nothing."""

    def cut(self, turn_id: str) -> HeardSpeech | None:
        """There was no sound."""
        return None

    def first_sound_at(self, turn_id: str) -> float | None:
        """There was none."""
        return None

    def was_perceived(self, turn_id: str, *, was_written: bool) -> bool:
        """It is read."""
        return was_written

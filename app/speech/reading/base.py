"""What reading a text aloud gives, and what one rule of it sees."""

from dataclasses import dataclass
from typing import Literal

from app.errors import Locale

Pause = Literal["", ",", ".", "?", "!", ":"]


@dataclass(frozen=True, slots=True)
class ReadingToken:
    """A piece of what is said.

    Attributes:
        words: One spoken word, or several where one written thing needs them (a number, a date); never empty.
        end: Where its source ends in the written text. Ends never fall, and the last one is the text's.
        pause: How the voice goes on after it.
    """

    words: str
    end: int
    pause: Pause = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What one rule makes of the text at a place.

    Attributes:
        words: Empty where nothing is said for it.
        end: Where the rule's source ends.
        pause: What it adds after the words, or after those before.
    """

    words: str
    end: int
    pause: Pause = ""


@dataclass(frozen=True, slots=True)
class ReadingContext:
    """Where a rule is asked.

    Attributes:
        start: The place in the text.
        before: The word said last, in lower case; empty at the start.
        after_number: The last thing read was a number, with nothing but blanks since.
    """

    text: str
    start: int
    locale: Locale
    before: str = ""
    after_number: bool = False

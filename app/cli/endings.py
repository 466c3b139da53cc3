"""How the console client ends: its exit codes, and the one exception that leads to them."""

from enum import IntEnum

from app.cli.wording import Locale, word


class Exit(IntEnum):
    """What the client says to a shell."""

    OK = 0
    FAILED = 1
    """The server answered with an error, heard no words, or ended the talk."""
    WRONG_USE = 2
    """Wrong options, or a file that cannot be read or written."""
    UNREACHABLE = 3
    NO_VOICE = 4
    """The server has no voice, or this machine no sound card."""
    INTERRUPTED = 130


class Ending(Exception):
    """The client cannot go on.

    Args:
        code: What to exit with.
        name: The sentence's name in `wording.py`.
        fields: What the sentence is filled with; a field that names a sentence may be given as a `Part`.
    """

    def __init__(self, code: Exit, name: str, /, **fields: object) -> None:
        super().__init__(name)
        self.code = code
        self._name = name
        self._fields = fields

    def sentence(self, locale: Locale) -> str:
        """What the user is told."""
        fields = {
            key: value.sentence(locale) if isinstance(value, Part) else value
            for key, value in self._fields.items()
        }
        return word(locale, self._name, **fields)


class Part:
    """A sentence within another one, to be put into words when the language is known."""

    def __init__(self, name: str, /, **fields: object) -> None:
        self._name = name
        self._fields = fields

    def sentence(self, locale: Locale) -> str:
        """The words."""
        return word(locale, self._name, **self._fields)

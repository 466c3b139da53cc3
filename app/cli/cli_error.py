"""How the console client ends: its exit codes, and the one exception that leads to them."""

from enum import IntEnum
from typing import Final

from voice_agent_client import (
    ConnectError,
    GaveUpError,
    OpeningRefusedError,
    SessionClosedError,
    VoiceAgentError,
)

from app.cli.messages import Locale, message_text


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


class CliError(Exception):
    """The client cannot go on.

    Args:
        code: What to exit with.
        name: The sentence's name in `messages.py`.
        fields: What the sentence is filled with; a field that names a sentence may be given as a
            `NestedMessage`.
    """

    def __init__(self, code: Exit, name: str, /, **fields: object) -> None:
        super().__init__(name)
        self.code = code
        self._name = name
        self._fields = fields

    def sentence(self, locale: Locale) -> str:
        """Return what the user is told."""
        fields = {
            key: value.sentence(locale) if isinstance(value, NestedMessage) else value
            for key, value in self._fields.items()
        }
        return message_text(locale, self._name, **fields)


class NestedMessage:
    """A sentence within another one, to be put into words when the language is known."""

    def __init__(self, name: str, /, **fields: object) -> None:
        self._name = name
        self._fields = fields

    def sentence(self, locale: Locale) -> str:
        """Return the words."""
        return message_text(locale, self._name, **self._fields)


_CLOSE_REASONS: Final = {1000, 1008, 4401, 4408, 4409, 4410}


def cli_error_of(error: VoiceAgentError) -> CliError:
    """Return how the client ends by what the talk ended with."""
    match error:
        case ConnectError():
            return CliError(Exit.UNREACHABLE, "unreachable", url=error.url, reason=_reason(error))
        case GaveUpError():
            return CliError(Exit.UNREACHABLE, "gave_up", seconds=error.after_s)
        case SessionClosedError(code=code):
            reason = NestedMessage(f"close_{code}" if code in _CLOSE_REASONS else "close_other")
            return CliError(Exit.FAILED, "refused", code=code, reason=reason)
        case OpeningRefusedError():
            return CliError(Exit.FAILED, "error", content=error.content)
        case _:
            return CliError(Exit.FAILED, "error", content=str(error))


def _reason(error: ConnectError) -> object:
    if error.status is not None:
        return NestedMessage("http_status", status=error.status)
    return NestedMessage("no_v2") if error.is_protocol_missing else error.reason

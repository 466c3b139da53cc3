"""The states of a session and the moves between them.

All that decides what a session's state may be lives in this file, as one table. The door is
`VoiceSession.move_to`; nothing else writes a state, and nothing infers one from the history.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class SessionState(StrEnum):
    """What a session is doing."""

    IDLE = "idle"
    """Waiting for the user."""
    LISTENING = "listening"
    """The user is speaking."""
    THINKING = "thinking"
    """The model has been asked and has not said a word yet."""
    SPEAKING = "speaking"
    """The answer is on its way to the user."""
    PROCESSING_TOOL = "processing_tool"
    """A turn waits for tools, or no turn runs and tools do."""


class IllegalTransition(Exception):
    """The table has no such move: a bug in the caller."""


_IDLE, _LISTENING, _THINKING, _SPEAKING, _PROCESSING_TOOL = SessionState

MOVES: Final[Mapping[SessionState, frozenset[SessionState]]] = MappingProxyType(
    {
        _IDLE: frozenset({_LISTENING, _THINKING, _SPEAKING}),
        _LISTENING: frozenset({_IDLE, _THINKING, _SPEAKING, _PROCESSING_TOOL}),
        _THINKING: frozenset({_THINKING, _SPEAKING, _PROCESSING_TOOL, _LISTENING, _IDLE}),
        _SPEAKING: frozenset({_THINKING, _PROCESSING_TOOL, _LISTENING, _IDLE}),
        _PROCESSING_TOOL: frozenset({_PROCESSING_TOOL, _THINKING, _SPEAKING, _LISTENING, _IDLE}),
    }
)
"""From each state, the states that may follow."""


def check_move(source: SessionState, target: SessionState) -> None:
    """Do nothing where the table allows the move.

    Raises:
        IllegalTransition: It does not.
    """
    if target not in MOVES[source]:
        raise IllegalTransition(f"{source} -> {target}")

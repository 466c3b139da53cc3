"""The states of a tool call and the moves between them.

All that decides how a call may stand lives in this file, as one table. The door is `ToolCall.move_to`;
nothing else writes a state.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class CallState(StrEnum):
    """How a tool call stands."""

    ASKED = "asked"
    """The model has asked for it, and nothing has become of it yet."""
    REPEATED = "repeated"
    """It would do again what an earlier write does or did, and is answered by how that one stands."""
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    """A person is asked whether it may run."""
    STARTING = "starting"
    """It may run: it is being written down, or waits for a thread. The tool itself has not been called."""
    RUNNING = "running"
    """The tool itself has been called, and may have acted."""
    DONE = "done"
    """It has a result."""
    FAILED = "failed"
    """It could not run, or ended in an error."""
    TIMED_OUT = "timed_out"
    """It did not end within its time."""
    CANCELLED = "cancelled"
    """It was ended from outside, or a person did not want it."""
    INTERRUPTED = "interrupted"
    """The server that ran it is gone."""
    DELIVERED = "delivered"
    """It has ended, and its ending was told: in its own turn, or in a later one."""


class IllegalCallMove(Exception):
    """The table has no such move: a bug in the caller."""


OPEN: Final = frozenset(
    {CallState.ASKED, CallState.WAITING_FOR_APPROVAL, CallState.STARTING, CallState.RUNNING}
)
"""The call has no ending yet. One that repeats an earlier one never has an ending of its own."""

ENDINGS: Final = frozenset(
    {
        CallState.DONE,
        CallState.FAILED,
        CallState.TIMED_OUT,
        CallState.CANCELLED,
        CallState.INTERRUPTED,
    }
)
"""The call has ended, and nobody was told yet. Whether its outcome is known, `ToolCall.is_unknown` says."""

_UNDONE: Final = ENDINGS - {CallState.DONE}
_TOLD: Final = frozenset({CallState.DELIVERED})

CALL_MOVES: Final[Mapping[CallState, frozenset[CallState]]] = MappingProxyType(
    {
        CallState.ASKED: frozenset(
            {CallState.REPEATED, CallState.WAITING_FOR_APPROVAL, CallState.STARTING, CallState.FAILED}
        ),
        CallState.REPEATED: frozenset(),
        CallState.WAITING_FOR_APPROVAL: frozenset(
            {CallState.STARTING, CallState.CANCELLED, CallState.INTERRUPTED}
        ),
        CallState.STARTING: frozenset({CallState.RUNNING, *_UNDONE}),
        CallState.RUNNING: ENDINGS,
        CallState.DONE: _TOLD,
        CallState.FAILED: _TOLD,
        CallState.TIMED_OUT: _TOLD,
        CallState.CANCELLED: _TOLD,
        CallState.INTERRUPTED: _TOLD,
        CallState.DELIVERED: frozenset(),
    }
)
"""From each state, the states that may follow. What has not been called has no result; an ending is final."""


def check_call_move(source: CallState, target: CallState) -> None:
    """Do nothing where the table allows the move.

    Raises:
        IllegalCallMove: It does not.
    """
    if target not in CALL_MOVES[source]:
        raise IllegalCallMove(f"{source} -> {target}")

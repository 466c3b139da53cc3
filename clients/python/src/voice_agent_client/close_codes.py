"""Tell from a WebSocket close code whether a client may come back by itself."""

from typing import Final

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
DROPPED: Final = 1006
"""The connection broke off without a close frame."""
POLICY: Final = 1008
TOO_BIG: Final = 1009
SERVER_ERROR: Final = 1011
TRY_LATER: Final = 1013
UNAUTHORIZED: Final = 4401
REPLACED: Final = 4409
"""Another connection has taken the session."""
ENDED: Final = 4410

WIRE_FAULTS: Final = frozenset({1002, 1003, 1007, TOO_BIG})
"""Something that was sent cannot be read; it is not sent again."""

_FIRST_OF_APPLICATIONS: Final = 3000


def may_return(code: int) -> bool:
    """Return whether a client may come back by itself after a close.

    Codes of the WebSocket protocol (below 3000) tell of the connection, which another one may mend, also
    where the code is not known here. Codes of libraries and applications are refusals.

    Args:
        code: The close code; 1005 or 1006 where the peer gave none.
    """
    return code < _FIRST_OF_APPLICATIONS and code not in (NORMAL, POLICY)


def is_fault(code: int) -> bool:
    """Return whether a connection that ended so, soon after it began, counts as a failed one."""
    return code in (SERVER_ERROR, TRY_LATER) or code in WIRE_FAULTS

"""How the event loop shares the interpreter with the threads beside it: the store's, and those of tools."""

import sys

SWITCH_INTERVAL_S = 0.0005
"""After so long, in seconds, a thread that runs gives way to one that waits; Python's own is 0.005.

SQLite lets go of the interpreter for each statement. Getting it back from a loop that never rests takes one
interval: at 5 ms no write would land any more. And a tool that reckons in a thread holds up the loop for one
interval each time that it has something to send.
"""


def take_short_turns() -> None:
    """Set it, for the whole process."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)

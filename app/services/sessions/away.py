"""The sessions of one process whose clients are away, and which of them go for others."""

from collections.abc import Callable
from functools import partial
from typing import Final

from app.services.limits.pending_connections import MOST_OF_ONE
from app.services.limits.waiting_room import WaitingRoom
from app.services.sessions.live_session import LiveSession
from app.stall_timeout import Alarm

HURRY_S: Final = 10.0
"""One too many of an address that waits without a word still waits for so long, in seconds.

Where a network was gone for a moment, all of its clients come back within a few.
"""


class AwaySessions:
    """Those that wait for their clients.

    Args:
        make_room: Ends one that goes for others; a store still has what was said in it.
        expire: Ends one of which nothing is lost.
    """

    def __init__(
        self, make_room: Callable[[LiveSession], None], expire: Callable[[LiveSession], None]
    ) -> None:
        self._make_room = make_room
        self._expire = expire
        self._waiting = WaitingRoom(MOST_OF_ONE)
        self._hurried: dict[LiveSession, Alarm] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def hurried(self) -> int:
        """How many have only a moment left."""
        return len(self._hurried)

    def oldest(self) -> LiveSession | None:
        """Return the one that has waited longest without a word."""
        return self._waiting.oldest()

    def enter(self, live: LiveSession) -> None:
        """Its client has gone."""
        for goes in self._waiting.enter(live):
            if goes.is_wordless:
                self._hurried[goes] = Alarm(HURRY_S, partial(self._look_again, goes))
            else:
                self._make_room(goes)

    def leave(self, live: LiveSession) -> None:
        """It waits no more."""
        self._waiting.leave(live)
        hurry = self._hurried.pop(live, None)
        if hurry is not None:
            hurry.cancel()  # it refers to the session

    def _look_again(self, live: LiveSession) -> None:
        """The time of one too many is over; where it has gained words meanwhile it waits like others."""
        self.leave(live)
        if live.is_wordless:
            self._expire(live)
        else:
            self.enter(live)

"""Sessions in which nobody has said anything, and whose clients have gone: they make room for others.

They wait to be resumed like any other, for one may be a page's that is being reloaded. But nothing is lost
with them, and whoever opens them without end must not keep anybody out.
"""

from app.services.live_session import LiveSession


class WaitingRoom:
    """Knows them, the one that has waited longest first.

    Args:
        most_of_one: So many of one address may wait, if they are nobody's whom a token names.
    """

    def __init__(self, most_of_one: int) -> None:
        self._most_of_one = most_of_one
        self._waiting: dict[LiveSession, None] = {}
        self._by_address: dict[str, dict[LiveSession, None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, live: LiveSession) -> LiveSession | None:
        """A session begins to wait, if it is one of these.

        Returns:
            One of the same address that has to go for it.
        """
        self.leave(live)
        if not live.is_wordless:
            return None
        self._waiting[live] = None
        if not live.address:
            return None
        theirs = self._by_address.setdefault(live.address, {})
        theirs[live] = None
        return self._first(theirs) if len(theirs) > self._most_of_one else None

    def leave(self, live: LiveSession) -> None:
        """It waits no more; one that does not is no error."""
        if live not in self._waiting:
            return
        del self._waiting[live]
        theirs = self._by_address.get(live.address, {})
        theirs.pop(live, None)
        if not theirs:
            self._by_address.pop(live.address, None)

    def oldest(self) -> LiveSession | None:
        """The one that is to make room for another; None where all that wait have something to lose."""
        return self._first(self._waiting)

    def _first(self, waiting: dict[LiveSession, None]) -> LiveSession | None:
        for live in list(waiting):
            if live.is_wordless:
                return live
            self.leave(live)  # a back end has put something in meanwhile
        return None

"""Sessions whose clients have gone, as far as they make room for others.

Those in which nobody has said anything wait to be resumed like any other, for one may be a page's that is
being reloaded. But nothing is lost with them, and whoever opens them without end must not keep anybody out.
Where the user was just speaking, it is not known yet which kind it is: such a session goes for nobody.
What was said may weigh so much for each address, as texts and as sound that is not understood yet; beyond
that the oldest are set aside, and a store still has them.
"""

from typing import Final

from app.services.sessions.live_session import LiveSession

MOST_BYTES_OF_ONE: Final = 16 * 1024 * 1024
"""What the sessions that wait for one address's clients may weigh; a talk has a few ten thousand."""


class WaitingRoom:
    """Knows them, the one that has waited longest first.

    Args:
        most_of_one: So many of one address may wait without a word.
        most_bytes_of_one: What its others may weigh together. Both hold where no token names the users.
    """

    def __init__(self, most_of_one: int, most_bytes_of_one: int = MOST_BYTES_OF_ONE) -> None:
        self._most_of_one = most_of_one
        self._most_bytes_of_one = most_bytes_of_one
        self._wordless: dict[LiveSession, None] = {}
        self._by_address: dict[str, dict[LiveSession, None]] = {}
        self._weights: dict[str, dict[LiveSession, int]] = {}

    def __len__(self) -> int:
        return len(self._wordless)

    def enter(self, live: LiveSession) -> list[LiveSession]:
        """A session begins to wait.

        Returns:
            Those of the same address that have to go for it; they count for it no more.
        """
        self.leave(live)
        if live.has_words:
            return self._weigh(live)
        self._wordless[live] = None
        if not live.session.sharing:
            return []
        gone = self._weigh(live) if live.is_being_heard else []
        theirs = self._by_address.setdefault(live.session.sharing, {})
        theirs[live] = None
        for other in list(theirs):
            if len(theirs) <= self._most_of_one:
                break
            if other in gone:
                del theirs[other]
            elif other.is_wordless:
                del theirs[other]
                gone.append(other)
            elif other.has_words:
                self._has_gained_words(other)
        return gone

    def leave(self, live: LiveSession) -> None:
        """It waits no more; one that does not is no error."""
        self._wordless.pop(live, None)
        for table in (self._by_address, self._weights):
            theirs = table.get(live.session.sharing, {})
            theirs.pop(live, None)
            if not theirs:
                table.pop(live.session.sharing, None)

    def oldest(self) -> LiveSession | None:
        """The one that is to make room for another; None where all that wait have something to lose."""
        for live in list(self._wordless):
            if live.is_wordless:
                return live
            if live.has_words:
                self._has_gained_words(live)
        return None

    def _weigh(self, live: LiveSession) -> list[LiveSession]:
        if not live.session.sharing:
            return []
        theirs = self._put_on_scales(live)
        over = sum(theirs.values()) - self._most_bytes_of_one
        if over > 0:
            theirs.update(
                {other: other.weight for other in theirs}
            )  # sound may have been understood meanwhile
            over = sum(theirs.values()) - self._most_bytes_of_one
        gone: list[LiveSession] = []
        for other, weight in theirs.items():
            if over <= 0 or other is live:
                break
            gone.append(other)
            over -= weight
        for other in gone:
            del theirs[other]
        return gone

    def _put_on_scales(self, live: LiveSession) -> dict[LiveSession, int]:
        theirs = self._weights.setdefault(live.session.sharing, {})
        theirs[live] = live.weight
        return theirs

    def _has_gained_words(self, live: LiveSession) -> None:
        """A back end has put something in, or speech was understood; others go when the next one comes."""
        self.leave(live)
        if live.session.sharing:
            self._put_on_scales(live)

"""The sessions that are ending: nobody takes one up from the store before it has ended there."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from app.storage.writer import Receipt

SET_ASIDE: Final = "set_aside"
"""The store keeps it open, as when the server stops."""

MOVED: Final = "moved"
"""So it does, and another process has it from now on."""

ELSEWHERE: Final = "claimed_elsewhere"
"""Why a session ends here that another process has claimed: it goes on there, and this one writes nothing."""


@dataclass(eq=False, slots=True)
class _Ending:
    is_set_aside: bool
    is_closed: asyncio.Event = field(default_factory=asyncio.Event)
    receipt: Receipt | None = None
    write: Callable[[], Receipt] | None = None

    def write_again(self) -> None:
        """Write once more what the store did not take: its line may not be full any more."""
        if self.write is not None and self.receipt is not None and self.receipt.is_refused:
            self.receipt = self.write()


_MOST_TRIED = 10
"""So many that the store did not take are written again at a time."""


class ClosingSessions:
    """From a session's last moment until the store has all of it.

    Whoever read the store in between would find a session that still goes on, without its newest messages,
    and would write others in their places.
    """

    def __init__(self) -> None:
        self._endings: dict[str, _Ending] = {}

    def __contains__(self, session_id: object) -> bool:
        self._tidy()
        return session_id in self._endings

    def begin(self, session_id: str, *, is_set_aside: bool = False) -> None:
        """It is no longer among those that live; `is_set_aside`: but the store keeps it open."""
        self._tidy()
        self._endings[session_id] = _Ending(is_set_aside)

    def ends_for_good(self, session_id: str) -> bool:
        """Return whether it ends, and is not just set aside."""
        return session_id in self and not self._endings[session_id].is_set_aside

    def close(self, session_id: str, write: Callable[[], Receipt] | None) -> None:
        """Nothing of it runs any more; `write` makes its last write, None where there is none.

        Where the store does not take it, it is made again until it does: it must not go on there.
        """
        ending = self._endings[session_id]
        ending.write = write
        ending.receipt = write() if write is not None else None
        ending.is_closed.set()

    async def settle(self, session_id: str, timeout_s: float) -> bool:
        """Wait until the store has all of it, `timeout_s` seconds at most; whether it has."""
        ending = self._endings.get(session_id)
        if ending is None:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await ending.is_closed.wait()
                ending.write_again()
                if ending.receipt is not None:
                    await ending.receipt
        except TimeoutError:
            return False
        return ending.receipt is None or not ending.receipt.is_refused

    def write_all_again(self) -> None:
        """Write what the store did not take, for the last time."""
        for ending in self._endings.values():
            ending.write_again()

    def _tidy(self) -> None:
        refused = (each for each in self._endings.values() if each.receipt and each.receipt.is_refused)
        for ending in list(islice(refused, _MOST_TRIED)):
            ending.write_again()
        over = [session_id for session_id, ending in self._endings.items() if _is_over(ending)]
        for session_id in over:
            del self._endings[session_id]


def _is_over(ending: _Ending) -> bool:
    receipt = ending.receipt
    return ending.is_closed.is_set() and (receipt is None or (receipt.is_settled and not receipt.is_refused))

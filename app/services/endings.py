"""The sessions that are ending: nobody takes one up from the store before it has ended there."""

import asyncio
from dataclasses import dataclass, field

from app.storage.writer import Receipt


@dataclass(eq=False, slots=True)
class _Ending:
    is_set_aside: bool
    is_closed: asyncio.Event = field(default_factory=asyncio.Event)
    receipt: Receipt | None = None


class Endings:
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
        """Whether it ends, and is not just set aside."""
        return session_id in self and not self._endings[session_id].is_set_aside

    def close(self, session_id: str, receipt: Receipt | None) -> None:
        """Nothing of it runs any more; `receipt` is that of its last write, None where there is none."""
        ending = self._endings[session_id]
        ending.receipt = receipt
        ending.is_closed.set()

    async def settle(self, session_id: str, timeout_s: float) -> bool:
        """Waits until the store has all of it, `timeout_s` seconds at most; whether it has."""
        ending = self._endings.get(session_id)
        if ending is None:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await ending.is_closed.wait()
                if ending.receipt is not None:
                    await ending.receipt
        except TimeoutError:
            return False
        return True

    def _tidy(self) -> None:
        over = [session_id for session_id, ending in self._endings.items() if _is_over(ending)]
        for session_id in over:
            del self._endings[session_id]


def _is_over(ending: _Ending) -> bool:
    return ending.is_closed.is_set() and (ending.receipt is None or ending.receipt.is_settled)

"""A journal that takes its time."""

import asyncio
from collections import deque
from collections.abc import Sequence

from app.session.journal import NO_ENDINGS, NoJournal, TurnEndings


class SlowJournal(NoJournal):
    """A journal that takes its time for each text; it notes what it was given."""

    is_kept = True

    def __init__(self, *seconds: float, survives: bool = True) -> None:
        self._seconds = deque(seconds)
        self._survives = survives
        self.written: list[tuple[str, str, str | None]] = []

    async def text_accepted(
        self,
        turn_id: str,
        content: str,
        client_id: str | None,
        joins: str = "",
        ends: TurnEndings = NO_ENDINGS,
        supersedes: Sequence[str] = (),
    ) -> bool:
        self.written.append((turn_id, content, client_id))
        await asyncio.sleep(self._seconds.popleft())
        return self._survives

"""Tell the clients of a process that is about to stop, each at its own moment."""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from app.protocol.events import GoingAway
from app.services.sessions.live_session import LiveSession

RECONNECT_SPREAD_S: Final = 5.0
"""Clients are told to come back within so many seconds, each at its own moment."""

DRAIN_GRACE_S: Final = 30.0
"""How long running turns may take where other processes take the sessions over, in seconds."""

SHORTEST_SPREAD_S: Final = 2.0
SESSIONS_PER_S: Final = 200
"""So many clients a second are sent to the other processes: each costs them a link."""

OVERLAP_S: Final = 2.0
"""How long a client has for its second connection before the first one may be closed, in seconds."""


async def tell_all(sessions: Sequence[LiveSession], deadline_s: float, *, overlap: bool) -> None:
    """Tell who is connected that the server goes.

    Alone, a server tells all of them at once. With others beside it the notices are spread, since whoever
    hears one comes to another process right then; it returns when each has come, or has had the time for it.

    Args:
        sessions: All of the process.
        deadline_s: When all connections will be closed at the latest, in seconds from now.
        overlap: Whether another process serves.
    """
    if not overlap:
        for live in sessions:
            live.session.emit(GoingAway("restart", _return_after_s(), deadline_s))
        return
    spread_s = max(SHORTEST_SPREAD_S, len(sessions) / SESSIONS_PER_S)
    async with asyncio.TaskGroup() as group:
        for place, live in enumerate(sessions):
            group.create_task(_tell(live, spread_s * place / len(sessions), deadline_s), name="going away")


async def _tell(live: LiveSession, at_s: float, deadline_s: float) -> None:
    await asyncio.sleep(at_s)
    link = live.pump.link
    if link is None:
        return
    live.session.emit(
        GoingAway("restart", _return_after_s(), max(0.0, round(deadline_s - at_s, 1)), overlap=True)
    )
    try:
        async with asyncio.timeout(OVERLAP_S):
            await link.gone.wait()
    except TimeoutError:
        return


def _return_after_s() -> float:
    return round(random.uniform(0.5, RECONNECT_SPREAD_S), 1)  # noqa: S311  # no secret

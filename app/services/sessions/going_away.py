"""Tell the clients of a process that is about to stop, each at its own moment."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from app.protocol.events import GoingAway
from app.services.sessions.live_session import LiveSession

RECONNECT_SPREAD_S: Final = 5.0
"""Clients are told to come back within so many seconds, each at its own moment."""

SHORTEST_SPREAD_S: Final = 2.0
SESSIONS_PER_S: Final = 200
"""So many clients a second are sent to the other processes: each costs them a link."""

OVERLAP_S: Final = 2.0
"""How long a client has for its second connection before the first one may be closed, in seconds."""


async def _nothing(live: LiveSession) -> None:
    """Do nothing more for a session."""


async def tell_all(
    sessions: Sequence[LiveSession],
    deadline_s: float,
    *,
    overlap: bool,
    then: Callable[[LiveSession], Awaitable[None]] = _nothing,
) -> None:
    """Tell who is connected that the server goes.

    Alone, a server tells all of them at once. With others beside it the notices are spread, since whoever
    hears one comes to another process right then; it returns when each has come, or has had the time for it.

    Args:
        sessions: All of the process.
        deadline_s: When all connections will be closed at the latest, in seconds from now.
        overlap: Whether another process serves.
        then: What is done for each session after that, where one does.
    """
    if not overlap:
        for live in sessions:
            live.session.emit(GoingAway("restart", _within(0.5, RECONNECT_SPREAD_S), deadline_s))
        return
    spread_s = max(SHORTEST_SPREAD_S, len(sessions) / SESSIONS_PER_S)
    async with asyncio.TaskGroup() as group:
        for place, live in enumerate(sessions):
            at_s = spread_s * place / len(sessions)
            # Others serve, so nobody has to wait for them; all that is left at the end comes at once.
            back_s = _within(0.1, min(RECONNECT_SPREAD_S, max(0.5, len(sessions) / SESSIONS_PER_S)))
            notice = GoingAway("restart", back_s, max(0.0, round(deadline_s - at_s, 1)), overlap=True)
            group.create_task(_see_to(live, at_s, notice, then), name="going away")


async def _see_to(
    live: LiveSession, at_s: float, notice: GoingAway, then: Callable[[LiveSession], Awaitable[None]]
) -> None:
    await asyncio.sleep(at_s)
    await _tell(live, notice)
    await then(live)


async def _tell(live: LiveSession, notice: GoingAway) -> None:
    link = live.pump.link
    if link is None:
        return
    live.session.emit(notice)
    try:
        async with asyncio.timeout(OVERLAP_S):
            await link.gone.wait()
    except TimeoutError:
        return


def _within(least_s: float, most_s: float) -> float:
    return round(random.uniform(least_s, most_s), 1)  # noqa: S311  # no secret

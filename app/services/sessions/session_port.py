"""What is asked of live sessions from outside: by REST, a back end, an erasure, those who measure.

Names and plain data go in, and plain data comes out, so that the process that owns a session may be another
one than the process that was asked.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from app.conversation.injected_message import InjectedMessage, Mode
from app.protocol.close_codes import CloseCode
from app.services.sessions.live_session import LiveSession
from app.services.sessions.session_host import SessionHost


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A live session as others see it.

    Attributes:
        shown: What `GET /sessions/{session_id}` shows of it, but for its title.
    """

    session_id: str
    user_id: str
    state: str
    shown: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Injected:
    """A contribution that waits in a session's queue; `is_durable`: it outlives the server's end."""

    turn_id: str
    is_durable: bool


@dataclass(frozen=True, slots=True)
class SessionLoad:
    """How many sessions live, and what they hold.

    Attributes:
        states: How many are in each state.
        away: Those that wait for their client to come back.
        waiting_bytes: What waits for clients to read it.
        running_tools: Tool calls that run.
    """

    sessions: int
    states: Mapping[str, int]
    away: int
    waiting_bytes: int
    running_tools: int


class SessionPort(Protocol):
    """The live sessions, wherever they are."""

    async def session(self, session_id: str) -> SessionFacts | None:
        """Return a live session; None where there is none of that id."""
        ...

    async def states(self, user_id: str | None = None) -> Mapping[str, str]:
        """Return the state of each live session by its id, those that began first first; None: of all."""
        ...

    async def sessions(self, session_ids: Collection[str]) -> Sequence[SessionFacts]:
        """Return those of some sessions that live, in the order of the ids."""
        ...

    async def inject(self, session_id: str, content: str, mode: Mode) -> Injected | None:
        """Put what a back end adds into a session's queue; None where the session does not live.

        Raises:
            QueueFull: Too many contributions wait in it.
            BudgetExceeded: The conversation, or its user, has used up this hour's part.
        """
        ...

    async def redeem(self, issuer: str, ticket: str) -> str | None:
        """Return the token that a ticket of another process was got with; it is spent now."""
        ...

    async def erase(self, session_id: str) -> None:
        """End a session that is being erased, and its client's connection."""
        ...

    async def erase_user(self, user_id: str, began_before: datetime | None = None) -> None:
        """End the sessions of a user who is being erased; with a moment, only those that began before it."""
        ...


class LocalSessions:
    """The sessions of this process, for one process alone; see `SessionPort`."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host

    async def session(self, session_id: str) -> SessionFacts | None:
        """See `SessionPort`."""
        live = self._host.sessions.get(session_id)
        return None if live is None else _facts(live)

    async def states(self, user_id: str | None = None) -> Mapping[str, str]:
        """See `SessionPort`."""
        return {
            live.session_id: live.session.state.value
            for live in self._host.sessions
            if user_id in (None, live.session.user_id)
        }

    async def sessions(self, session_ids: Collection[str]) -> Sequence[SessionFacts]:
        """See `SessionPort`."""
        found = (self._host.sessions.get(session_id) for session_id in session_ids)
        return [_facts(live) for live in found if live is not None]

    async def inject(self, session_id: str, content: str, mode: Mode) -> Injected | None:
        """See `SessionPort`."""
        live = self._host.sessions.get(session_id)
        if live is None:
            return None
        message = InjectedMessage(content, mode)
        receipt = live.conversation.inject(message)
        return Injected(message.turn_id, await receipt)

    async def redeem(self, issuer: str, ticket: str) -> str | None:
        """See `SessionPort`: nobody else has issued any."""
        return None

    async def erase(self, session_id: str) -> None:
        """See `SessionPort`."""
        live = self._host.sessions.get(session_id)
        if live is not None:
            await self._end(live)

    async def erase_user(self, user_id: str, began_before: datetime | None = None) -> None:
        """See `SessionPort`."""
        meant = [
            live
            for live in self._host.sessions
            if live.session.user_id == user_id
            and (began_before is None or live.session.created_at < began_before)
        ]
        await asyncio.gather(*(self._end(live) for live in meant))

    async def _end(self, live: LiveSession) -> None:
        transport = live.session.websocket
        await self._host.close(live, "erased")
        if transport is not None:
            await transport.close(CloseCode.ENDED, "the session was erased")

    @property
    def closed_for(self) -> Literal["draining", "full"] | None:
        """Why no new session begins here; None where one may."""
        if self._host.is_leaving:
            return "draining"
        return "full" if self._host.sessions.is_full or self._host.limits.memory.is_full else None

    @property
    def sends_elsewhere(self) -> bool:
        """Whether who connects now is better off with another process: this one drains, and others serve."""
        return self._host.is_leaving and self._host.directory.has_others

    def load(self) -> SessionLoad:
        """Return what this process carries, for health and metrics: a process answers for itself."""
        live = list(self._host.sessions)
        return SessionLoad(
            len(live),
            Counter(each.session.state.value for each in live),
            sum(each.pump.link is None for each in live),
            sum(each.session.outbox.waiting_bytes for each in live),
            sum(len(each.conversation.tools.running) for each in live),
        )


def _facts(live: LiveSession) -> SessionFacts:
    session = live.session
    return SessionFacts(live.session_id, session.user_id, session.state.value, live.describe())

"""A session moves to the process where its client has landed, when nothing happens in it.

The one that has it lets it go as for a restart: all of it is in the store, and nobody owns it. What the store
lacks travels as a parcel. The other claims it, restores it, adds what the parcel holds, and gives it its
client's own connection: the client hears nothing of it. Whatever fails on the way, the client comes back by
itself, and finds its session in the store.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.protocol.events import ErrorOccurred
from app.protocol.wire import WireProtocol
from app.services.sessions.admission import attach_unheard
from app.services.sessions.closing_sessions import SET_ASIDE
from app.services.sessions.directory import Landed
from app.services.sessions.live_session import LiveSession
from app.services.sessions.parcel import MAX_BYTES, MoveTerms, NoParcel, Parcel, hashes, hours_of
from app.services.sessions.session_host import SessionHost
from app.services.sessions.session_recovery import settle_what_is_left, take_up_what_is_left
from app.session.pump import Attachment
from app.session.resume_tokens import ResumeTokens
from app.session.ring import Ring
from app.session.state import SessionState
from app.session.transport import Transport
from app.speech.base import SoundFacts
from app.storage.store import Store
from app.storage.writer import Receipt
from app.storage.writes import SessionChanged

logger = logging.getLogger(__name__)

SETTLES_S: Final = 5.0
"""One that has just come stays for so long, in seconds, wherever its client lands next."""


def is_quiet(live: LiveSession) -> bool:
    """Return whether nothing happens in a session, and its client has been sent all that was said."""
    session, pump = live.session, live.pump
    happens = (
        live.conversation.is_busy
        or live.conversation.running_turn is not None
        or live.conversation.summariser.is_at_work
        or session.pending_tools
        or session.state is not SessionState.IDLE
        or live.left_in_line
        or live.restored is not None
        or live.coming
    )
    waits = len(session.outbox) or not pump.idle.is_set() or (pump.link is not None and pump.link.waiting)
    return not (happens or waits) and live.voice.is_quiet


@dataclass(frozen=True, slots=True)
class Departure:
    """A session that this process has let go; nobody has it yet.

    Attributes:
        sent_upto: The number of the last message that its client was sent.
        ending: Its end here; returns what becomes of this process's owning it.
    """

    live: LiveSession
    sent_upto: int
    sound: SoundFacts
    ending: "asyncio.Task[Receipt | None]"


class SessionMoves:
    """Lets sessions of this process go, and takes those of others.

    Args:
        timeout_s: How long anybody waits for the store, in seconds.

    Attributes:
        links: Connections of clients that have landed elsewhere.
        under_way: How many sessions are let go at the moment, and not sent off yet.
    """

    def __init__(self, host: SessionHost, store: Store, timeout_s: float) -> None:
        self._host = host
        self._store = store
        self._timeout_s = timeout_s
        self.links: set[Transport] = set()
        self.under_way = 0

    @property
    def is_leaving(self) -> bool:
        """Whether this process is about to stop."""
        return self._host.is_leaving

    # The process that has it

    def could_go(self, session_id: str, transport: Transport) -> bool:
        """Return whether nothing happens in a session that this connection has."""
        return self._found(session_id, transport) is not None

    async def offer(self, session_id: str, transport: Transport) -> bytes | None:
        """Return what another process needs that is to have a session; None where it cannot go now.

        It is asked before its client waits: the store has all of it by then, so that letting it go is quick.
        """
        found = self._found(session_id, transport)
        if found is None:
            return None
        live, _ = found
        # It changes nothing; but writes are applied in order, and with it the store has all before it.
        stored = self._store.write(SessionChanged(live.session_id, {"protocol": live.wire.name}))
        if not await stored.soon(self._timeout_s) or not self.could_go(session_id, transport):
            return None
        terms, needs = live.voice.terms, MoveTerms()
        if terms is not None and terms.input is not None:
            needs.needs.append("in")
        if terms is not None and terms.out:
            needs.needs.append("out")
        return needs.write()

    def _found(self, session_id: str, transport: Transport) -> tuple[LiveSession, Ring] | None:
        """Return a session that may go, and its ring; None where it may not, or another connection has it."""
        live = self._host.sessions.get(session_id)
        link, ring = (live.pump.link, live.pump.ring) if live is not None else (None, None)
        if live is None or link is None or ring is None or link.sender is not transport:
            return None
        has_settled = self._host.is_leaving or live.clock.monotonic() >= live.landed_at + SETTLES_S
        return (live, ring) if has_settled and ring.weight <= MAX_BYTES // 2 and is_quiet(live) else None

    def depart(self, session_id: str, transport: Transport) -> Departure | None:
        """Let a session go whose client waits; None where it stays, since something happens in it after all.

        From now on this process does not have it, whoever asks; never waits.
        """
        found = self._found(session_id, transport)
        if found is None:
            return None
        live, ring = found
        sent_upto, sound = ring.next_seq - 1, live.voice.told()
        ending = self._host.part_with(live)
        return None if ending is None else Departure(live, sent_upto, sound, ending)

    async def pack(self, departure: Departure) -> bytes | None:
        """Return the parcel of a session that was let go; None where nobody may claim it yet."""
        live, ring = departure.live, departure.live.pump.ring
        released = await asyncio.shield(departure.ending)
        if ring is None or released is None or not await released.wait(self._timeout_s):
            return None
        live.pump.catch_up()
        seen_from = ring.since(ring.first_seq)
        parcel = Parcel(
            session_id=live.session_id,
            sent_upto=departure.sent_upto,
            next_seq=ring.next_seq,
            messages=[message for message in seen_from if isinstance(message, str)],
            tokens=(live.tokens.newest.hex(), live.tokens.previous.hex()),
            older_tokens=[token.hex() for token in live.tokens.older_stream],
            history_seq=live.history_seq,
            stale_seq=live.stale_seq,
            locale=live.session.locale,
            spoken_language=live.session.spoken_language,
            takes_users_language=live.takes_users_language,
            holds_outside=live.session.holds_outside,
            client_instructions=live.session.client_instructions,
            sound=departure.sound,
            hours=hours_of(live.session.budget.told()),
            mark=live.tokens.mark,
        ).write()
        return parcel if len(parcel) <= MAX_BYTES else None

    # The process that is to have it

    def takes(self, asked: bytes) -> bool:
        """Return whether this process would have a session with these needs."""
        try:
            needs = MoveTerms.read(asked).needs
        except NoParcel as exc:
            logger.info("move_refused", extra={"cause": str(exc)})
            return False
        host, engines = self._host, self._host.engines
        is_deaf = "in" in needs and engines.input_engines is None
        is_mute = "out" in needs and engines.synthesiser is None
        return not (
            is_deaf or is_mute or host.is_leaving or host.sessions.is_full or host.limits.memory.is_full
        )

    async def land(
        self,
        landed: Landed,
        wire: WireProtocol,
        introduce: Callable[[LiveSession], None],
    ) -> tuple[LiveSession, Attachment]:
        """Have a session go on here that another process has let go, with its client's connection.

        Args:
            landed: The session.
            wire: What its client speaks.
            introduce: Says whose it is.

        Raises:
            NoParcel: It is of another format, or broken.
            ServerFull: There is no room for it, or somebody else has it by now.
            StoreUnavailable: The database does not answer.
        """
        parcel = Parcel.read(landed.parcel)
        live = await self._host.adopt(parcel.session_id, wire)
        try:
            link = self._unpack(live, parcel, landed)
            introduce(live)
        except BaseException:
            await self._host.close(live, SET_ASIDE)
            raise
        frozen_ms = round((asyncio.get_running_loop().time() - landed.frozen_at) * 1000, 1)
        facts = {"session_id": live.session_id, "frozen_ms": frozen_ms, "active": len(self._host.sessions)}
        logger.info("session_moved", extra=facts)
        return live, link

    def _unpack(self, live: LiveSession, parcel: Parcel, landed: Landed) -> Attachment:
        session, pump = live.session, live.pump
        live.landed_at = live.clock.monotonic()
        newest, previous = hashes(parcel.tokens)
        live.tokens = ResumeTokens.of_stream(newest, previous, parcel.mark, hashes(parcel.older_tokens))
        live.history_seq, live.stale_seq = parcel.history_seq, parcel.stale_seq
        live.takes_users_language = parcel.takes_users_language
        session.locale = pump.locale = parcel.locale
        session.spoken_language = parcel.spoken_language
        session.holds_outside |= parcel.holds_outside
        session.client_instructions = parcel.client_instructions
        session.budget.recall(parcel.hours)
        if pump.ring is not None:
            pump.ring.recall(parcel.messages, parcel.next_seq)
        refusal = live.voice.recall(parcel.sound)
        if refusal is not None:
            session.emit(ErrorOccurred(refusal))
        settle_what_is_left(live)
        take_up_what_is_left(live)
        return attach_unheard(live, landed.transport, parcel.sent_upto + 1)

"""What a connection's opening leads to: a new session, an old one taken up again, or an answer."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.errors import BadMessage, NotAvailable, ResumeRefused, ServerFull
from app.protocol.events import Event, SessionResumed
from app.protocol.wire import Reply, Resume, Start, WireProtocol
from app.services.auth.principal import Principal
from app.services.connections.connection import Admission, Stays
from app.services.connections.handshake_info import HandshakeInfo
from app.services.sessions.closing_sessions import ELSEWHERE
from app.services.sessions.directory import Way
from app.services.sessions.live_session import LiveSession
from app.services.sessions.session_host import SessionHost
from app.services.sessions.session_recovery import (
    take_up_what_is_left,
    tell_what_is_left,
)
from app.session.pump import Attachment
from app.session.resume_tokens import ResumeTokens
from app.session.transport import ConnectionGone, Transport
from app.storage.errors import StoreUnavailable

LATE_S: Final = 1.0
"""For so long a client that comes with an older token has to stay before it is heard, in seconds.

A balancer may hold a connection back that its client has given up for a newer one: its `resume` then comes
after the newer one's, with its end right behind it. It must not take the session from its own client.
"""

_NOBODYS_TOKENS = ResumeTokens()
_NOBODYS_TOKENS.issue()
"""Compared where there is no session, so that an unknown one answers as slowly as a wrong token."""


async def way_elsewhere(
    opening: Start | Resume | Reply,
    host: SessionHost,
    wire: WireProtocol,
    visitor: HandshakeInfo,
    token: str | None,
) -> Way | None:
    """Return the way to the process that owns the session an opening asks for; None where that is this one.

    `token`: what the visitor is good for there.

    Raises:
        ServerFull: That process does not answer: the client may yet come.
    """
    match opening:
        case Resume(session_id=session_id) | Start(continues=str(session_id)):
            if host.sessions.get(session_id) is not None:
                return None
            return await host.directory.way_to(session_id, wire.name, replace(visitor, token=token))
        case _:
            return None


async def admit(
    opening: Start | Resume | Reply,
    transport: Transport,
    host: SessionHost,
    principal: Principal | None,
    wire: WireProtocol,
    stays: Stays,
) -> Admission | Event:
    """Make or find the session that an opening asks for.

    Raises:
        ConnectionGone: The client has left before it had its session.
        ServerFull: There is no room for another session.
        ResumeRefused: There is no such session, or it is not theirs, or the token is not good.
        BadMessage: `last_seq` is of the future; the token is not spent.
    """
    match opening:
        case Reply(event):
            return event
        case Resume():
            try:
                return await _resume(opening, transport, host, principal, wire, stays)
            except ResumeRefused:
                await _look_elsewhere(opening.session_id, host)
                raise
        case Start(continues=session_id):
            if session_id is not None:
                return await _continue(opening, session_id, transport, host, principal, wire)
            live = host.open(opening.user_id, opening.locale, principal, wire=wire, audio=opening.audio)
            _choose_voice(live, opening.voice)
            return Admission(live, _attach(live, transport), opening.frame)


async def _look_elsewhere(session_id: str, host: SessionHost) -> None:
    """End a session that another process has claimed: this one has written nothing since, and does not know.

    Raises:
        ServerFull: It was so, or the database does not say; the client, who has the other process's token, is
            good where the session goes next.
    """
    live = host.sessions.get(session_id)
    if live is None:
        return
    try:
        has_lost = await host.directory.has_lost(session_id)
    except StoreUnavailable:
        raise ServerFull from None
    if has_lost:
        await host.close(live, ELSEWHERE)
        raise ServerFull


async def _continue(
    opening: Start,
    session_id: str,
    transport: Transport,
    host: SessionHost,
    principal: Principal | None,
    wire: WireProtocol,
) -> Admission:
    live = await host.continue_talk(
        session_id, opening.user_id, principal, wire, opening.audio, opening.locale
    )
    _choose_voice(live, opening.voice)
    live.history_seq = 1  # it follows `session_created`
    link = _attach(live, transport)
    take_up_what_is_left(live)
    live.session.emit(live.history())
    live.conversation.tools.approvals.ask_again()
    tell_what_is_left(live)
    return Admission(live, link)


def _choose_voice(live: LiveSession, voice: str | None) -> None:
    """A voice that cannot be had is no reason to refuse a talk."""
    with contextlib.suppress(NotAvailable):
        live.voice.choose(voice, None)


async def _resume(
    opening: Resume,
    transport: Transport,
    host: SessionHost,
    principal: Principal | None,
    wire: WireProtocol,
    stays: Stays,
) -> Admission:
    """Hand a session to a connection that comes with a good token; the one that had it before is let go.

    Raises:
        ConnectionGone: The client has given this connection up.
        ServerFull: The session goes on in the database, or the client may yet come for another reason.
        ResumeRefused: There is no such session, or the token is not good.
        BadMessage: `last_seq` is of the future; the token is not spent.
    """
    live = await _found(opening, host, principal, wire)
    if live is not None and _is_older(opening.resume_token, live.tokens):
        if not await stays(LATE_S):
            raise ConnectionGone
        live = await _found(opening, host, principal, wire)
    ring = live.pump.ring if live is not None else None
    tokens = live.tokens if live is not None and ring is not None else _NOBODYS_TOKENS
    if not tokens.is_good(opening.resume_token) or live is None or ring is None:
        raise ResumeRefused
    is_same_stream = tokens.names_this_stream(opening.resume_token)
    has_seen = is_same_stream and opening.last_seq > live.history_seq and opening.last_seq != live.stale_seq
    if has_seen and opening.last_seq >= ring.next_seq:
        raise BadMessage("«last_seq» es del futuro", "“last_seq” is of the future")
    tokens.redeem(opening.resume_token)
    fresh = tokens.issue()
    # A client must not come with a token that nobody knows after a crash: it is stored before it is told.
    if not await host.came(live):
        fresh = tokens.marked(opening.resume_token)
    if host.find(opening.session_id, principal) is not live or live.tokens is not tokens:
        # It has begun anew or ended meanwhile. In a server that stops it goes on elsewhere, and so it may
        # where another process has claimed it: the next try finds out.
        may_go_on = host.is_leaving or host.directory.is_shared
        raise ServerFull if may_go_on and live.tokens is tokens else ResumeRefused
    # Who reads the older connection to its end has what was sent there, and hears on as if nothing were.
    overlaps = opening.overlaps and has_seen and live.pump.link is not None
    unsent = live.pump.catch_up()
    take_up_what_is_left(live)
    has_gap = not (has_seen and ring.can_replay(opening.last_seq))
    next_seq = ring.next_seq if has_gap else opening.last_seq + 1
    rest = unsent if overlaps and not has_gap else None
    admission = _hand_over(live, transport, fresh, rest, has_gap=has_gap, next_seq=next_seq)
    # Also where what was asked comes again: a client that kept nothing but the number does not show it now,
    # and the time that is left is another.
    live.conversation.tools.approvals.ask_again()
    if not is_same_stream:
        live.stale_seq = opening.last_seq
    tell_what_is_left(live)
    return admission


async def _found(
    opening: Resume, host: SessionHost, principal: Principal | None, wire: WireProtocol
) -> LiveSession | None:
    """Return the session that is meant, also from the database.

    Raises:
        ServerFull: It may be there, and cannot be had now.
    """
    live = host.find(opening.session_id, principal)
    if live is None:
        async with host.limits.revivals.turn():
            await host.take_up(opening.session_id, opening.resume_token, principal, wire)
        live = host.find(opening.session_id, principal)
    return live


def _is_older(token: str, tokens: ResumeTokens) -> bool:
    """Return whether a good token has been answered with a newer one already."""
    return tokens.is_good(token) and not tokens.is_newest(token)


def _hand_over(
    live: LiveSession,
    transport: Transport,
    token: str,
    rest: Sequence[bytes] | None,
    *,
    has_gap: bool,
    next_seq: int,
) -> Admission:
    """Give a session to a connection, with what it has missed.

    `rest`: the sound that has not left yet, for a client that has all that has; None for one that has not.
    """
    ring = live.pump.ring
    assert ring is not None  # noqa: S101  # only resumable sessions come here
    resumed = SessionResumed(live.session_id, token, ring.next_seq - next_seq, has_gap, next_seq)
    # What is replayed is taken now: while the first of it is being sent, the ring may already drop the rest.
    missed = live.pump.encode(live.history()) if has_gap else ring.since(next_seq)
    preface = [*live.pump.encode(resumed), *missed, *(rest or ())]
    link = _attach(live, transport, preface, ring.next_seq, hears_on=rest is not None)
    return Admission(live, link, resumed="gap" if has_gap else "ok")


def _attach(
    live: LiveSession,
    transport: Transport,
    preface: Sequence[str | bytes] = (),
    next_seq: int = 1,
    *,
    hears_on: bool = False,
) -> Attachment:
    if live.expiry is not None:
        live.expiry.cancel()
        live.expiry = None
    live.session.websocket = transport
    live.session.outbox.overflowed.clear()
    if hears_on:
        live.voice.client_moved()
    else:
        # Also where it takes over from another connection: what that one was sent is not here.
        live.voice.client_left()
        live.voice.client_came()
    link = Attachment(transport, preface, next_seq)
    live.pump.attach(link)
    return link


def attach_unheard(live: LiveSession, transport: Transport, next_seq: int) -> Attachment:
    """Hand a session to a connection whose client does not notice; it hears on from the number `next_seq`."""
    return _attach(live, transport, (), next_seq)

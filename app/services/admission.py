"""What a connection's first object leads to: a new session, an old one taken up again, or an answer."""

import contextlib
from typing import Any

import orjson

from app.errors import BadMessage, NotAvailable, ResumeRefused
from app.protocol.client import ANONYMOUS, AudioMessage, SystemMessage, user_of
from app.protocol.client_v2 import AudioMessage as AudioMessageV2
from app.protocol.client_v2 import PingMessage, ResumeMessage, StartMessage, TextMessage, audio_terms
from app.protocol.codec import decode_v2
from app.protocol.events import Event, HistoryTold, Pong
from app.services.connection import Admission
from app.services.live_session import LiveSession
from app.services.principal import Principal
from app.services.restoring import forget_what_was_told, take_up_what_is_left, tell_what_is_left
from app.services.session_host import SessionHost
from app.session.pump import Link
from app.session.resume_tokens import ResumeTokens
from app.session.transport import Transport

_NOBODYS_TOKENS = ResumeTokens()
_NOBODYS_TOKENS.issue()
"""Compared where there is no session, so that an unknown one answers as slowly as a wrong token."""


def admit_v1(
    first: dict[str, Any], transport: Transport, host: SessionHost, principal: Principal | None
) -> Admission:
    """Any object makes a v1 session.

    Raises:
        ServerFull: There is no room for another.
    """
    live = host.open(user_of(first) or ANONYMOUS, None, principal, is_resumable=False)
    return Admission(live, _attach(live, transport), first if _has_something_to_handle(first) else None)


async def admit_v2(
    first: dict[str, Any], transport: Transport, host: SessionHost, principal: Principal | None
) -> Admission | Event:
    """A v2 session begins with `start`, with one of v1's forms, or where it was left, with `resume`.

    Raises:
        ServerFull: There is no room for another session.
        ProtocolError: The message is none that a talk may begin with.
        ResumeRefused: There is no such session, or the token is not good.
    """
    message = decode_v2(first)
    if isinstance(message, PingMessage):
        return Pong()
    if isinstance(message, ResumeMessage):
        return await _resume(message, transport, host, principal)
    if isinstance(message, StartMessage):
        return await _start(message, transport, host, principal)
    if isinstance(message, TextMessage | SystemMessage | AudioMessage | AudioMessageV2):
        live = host.open(user_of(first) or ANONYMOUS, None, principal, is_resumable=True)
        return Admission(live, _attach(live, transport), first if message.content else None)
    raise BadMessage(
        "una conversación empieza con «start» o «resume»", "a talk begins with “start” or “resume”"
    )


async def _start(
    message: StartMessage, transport: Transport, host: SessionHost, principal: Principal | None
) -> Admission:
    user_id = message.user_id or ANONYMOUS
    if message.continue_ is None:
        live = host.open(
            user_id, message.locale, principal, is_resumable=True, audio=audio_terms(message.audio)
        )
        _choose_voice(live, message.voice)
        return Admission(live, _attach(live, transport))
    live = await host.continue_talk(
        message.continue_, user_id, principal, audio_terms(message.audio), message.locale
    )
    _choose_voice(live, message.voice)
    live.history_seq = 1  # it follows `session_created`
    link = _attach(live, transport)
    take_up_what_is_left(live)
    live.session.emit(HistoryTold(live.history_message()))
    live.conversation.tools.approvals.ask_again()
    tell_what_is_left(live)
    return Admission(live, link)


def _choose_voice(live: LiveSession, voice: str | None) -> None:
    """A voice that cannot be had is no reason to refuse a talk."""
    with contextlib.suppress(NotAvailable):
        live.voice.choose(voice, None)


async def _resume(
    message: ResumeMessage, transport: Transport, host: SessionHost, principal: Principal | None
) -> Admission:
    """Hands a session to a connection that comes with a good token; the one that had it before is let go.

    Raises:
        ResumeRefused: There is no such session, or the token is not good.
        BadMessage: `last_seq` is of the future; the token is not spent.
    """
    live = host.find(message.session_id, principal)
    if live is None:
        await host.take_up(message.session_id, message.resume_token, principal)
        live = host.find(message.session_id, principal)
    ring = live.pump.ring if live is not None else None
    tokens = live.tokens if live is not None and ring is not None else _NOBODYS_TOKENS
    if not tokens.is_good(message.resume_token) or live is None or ring is None:
        raise ResumeRefused
    is_same_stream = tokens.names_this_stream(message.resume_token)
    has_seen = is_same_stream and message.last_seq > live.history_seq and message.last_seq != live.stale_seq
    if has_seen and message.last_seq >= ring.next_seq:
        raise BadMessage("«last_seq» es del futuro", "“last_seq” is of the future")
    tokens.redeem(message.resume_token)
    fresh = tokens.issue()
    # A client must not come with a token that nobody knows after a crash: it is stored before it is told.
    await host.came(live)
    if host.find(message.session_id, principal) is not live or live.tokens is not tokens:
        raise ResumeRefused  # it has ended meanwhile, or begun anew
    live.pump.catch_up()
    if has_seen:
        forget_what_was_told(live)
    take_up_what_is_left(live)
    has_gap = not (has_seen and ring.can_replay(message.last_seq))
    next_seq = ring.next_seq if has_gap else message.last_seq + 1
    admission = _hand_over(live, transport, fresh, has_gap=has_gap, next_seq=next_seq)
    # Also where what was asked comes again: a client that kept nothing but the number does not show it now,
    # and the time that is left is another.
    live.conversation.tools.approvals.ask_again()
    if not is_same_stream:
        live.stale_seq = message.last_seq
    if not has_seen:
        tell_what_is_left(live)
    return admission


def _hand_over(
    live: LiveSession, transport: Transport, token: str, *, has_gap: bool, next_seq: int
) -> Admission:
    """Gives a session to a connection, with what it has missed."""
    ring = live.pump.ring
    assert ring is not None  # noqa: S101  # only resumable sessions come here
    resumed = {
        "type": "session_resumed",
        "session_id": live.session_id,
        "resume_token": token,
        "replayed": ring.next_seq - next_seq,
        "gap": has_gap,
        "next_seq": next_seq,
    }
    # What is replayed is taken now: while the first of it is being sent, the ring may already drop the rest.
    missed = [live.history_message()] if has_gap else ring.since(next_seq)
    preface = [orjson.dumps(resumed).decode(), *missed]
    link = _attach(live, transport, preface, ring.next_seq)
    return Admission(live, link, resumed="gap" if has_gap else "ok")


def _attach(
    live: LiveSession, transport: Transport, preface: list[str] | None = None, next_seq: int = 1
) -> Link:
    if live.expiry is not None:
        live.expiry.cancel()
        live.expiry = None
    live.session.websocket = transport
    live.session.outbox.overflowed.clear()
    # Also where it takes over from another connection: what that one was sent is not here.
    live.voice.client_left()
    live.voice.client_came()
    link = Link(transport, preface or [], next_seq)
    live.pump.attach(link)
    return link


def _has_something_to_handle(first: dict[str, Any]) -> bool:
    """Whether the message that made the session is more than a greeting, or has a user id that is none."""
    return first.get("content", "") != "" or (bool(first.get("user_id")) and user_of(first) is None)

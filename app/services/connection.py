"""One client's connection: a reader, and a watch over whoever writes. The first to end ends all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.clock import Clock
from app.errors import (
    AgentError,
    AudioOverflow,
    FirstMessageTimeout,
    Internal,
    Locale,
    ServerFull,
    TooManyMessages,
    Unauthorized,
    UnexpectedAudio,
)
from app.patience import patiently
from app.protocol.close_codes import CloseCode
from app.protocol.codec import decode_object
from app.protocol.events import ErrorOccurred, Event
from app.services.complaints import Complaints
from app.services.conduct import Conduct
from app.services.dialects import Dialect
from app.services.lease import Lease
from app.services.limits import PRESESSION_BYTES, SOUND_BURST_S, FloodWatch
from app.services.live_session import LiveSession
from app.services.sound_flow import SoundFlow
from app.session.observer import ResumeOutcome
from app.session.pump import Link
from app.session.transport import ConnectionGone, Transport
from config.settings import Settings

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT_S = 1.0
"""How long a last message may take to leave before the connection is closed, in seconds."""


UNCOUNTED_TYPES = frozenset({"ping", "playback"})
"""Messages that a client sends by the clock, not by its user's hand: only a burst of them is a flood."""

_TOO_BIG = 1009
"""RFC 6455's own code, as the server's frames have it too."""

YIELD_EVERY = 20
"""Messages of one client that are worked off before others have their turn."""

UNCHECKED_TYPES = frozenset({"ping", "playback"})
"""Messages that ask for nothing; whoever sends others still needs a good token."""


def _always_good() -> None:
    """Where no token is asked for."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A connection has a session.

    Attributes:
        message: What of the first message is still to be handled.
        resumed: How it came back to a session that it had before.
        lease: For how long the connection may hear; None where no token is asked for.
    """

    live: LiveSession
    link: Link
    message: dict[str, Any] | None = None
    resumed: ResumeOutcome | None = None
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class Leaving:
    """Why a connection ended: a word for the log, and whether the client said goodbye."""

    reason: str
    is_goodbye: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a connection may do.

    Attributes:
        conduct: What its address did before.
        time: A clock that stands still while the server does.
        is_trusted: Its handshake brought a token that was accepted.
        hearing: Lasts while something is looked at that came before there is a session.
    """

    conduct: Conduct
    time: Callable[[], float]
    is_trusted: bool = False
    hearing: Callable[[], AbstractContextManager[None]] = nullcontext


Admit = Callable[[dict[str, Any], Transport], Awaitable["Admission | Event"]]
"""What a first object leads to: a session, or an answer. Raises `AgentError`."""


class Connection:
    """Speaks with one client, from its first message to its last.

    Args:
        admit: Makes or finds the session that the first object asks for.
        terms: What it may do; None for one of which nothing is known.

    Attributes:
        has_flooded: It sent faster than it may, and is let go.
    """

    def __init__(
        self,
        transport: Transport,
        dialect: Dialect,
        settings: Settings,
        clock: Clock,
        admit: Admit,
        terms: Terms | None = None,
    ) -> None:
        self._transport = transport
        self._dialect = dialect
        self._settings = settings
        self._clock = clock
        self._admit = admit
        self._recheck: Callable[[], None] = _always_good
        self._is_over = False
        self._locale: Locale = settings.agent_locale
        terms = terms or Terms(Conduct(clock, is_exempt=True), clock.monotonic)
        self._time = terms.time
        self._hearing = terms.hearing
        burst = terms.conduct.burst(settings.most_in_a_second, settings.max_messages_per_s)
        self._flood = FloodWatch(settings.max_messages_per_s, terms.time(), burst)
        self._sound: SoundFlow | None = None
        self._complaints = Complaints(clock, terms.conduct, logger)
        self._has_overflowed = False
        self._is_sound = False
        self._is_unasked = False
        self.has_flooded = False
        self._first_bytes = settings.wire_limit_bytes if terms.is_trusted else PRESESSION_BYTES

    async def greet(self) -> Admission | None:
        """Waits for the message that makes the session.

        Returns:
            None where there will be no session, and the connection is closed.
        """
        timeout_s = self._settings.first_message_timeout_s
        try:
            async with patiently(timeout_s):
                return await self._first_object()
        except TimeoutError:
            error = FirstMessageTimeout(seconds=round(timeout_s))
            return await self.turn_away(error, CloseCode.NO_FIRST_MESSAGE)
        except TooManyMessages as error:
            return await self.turn_away(error, CloseCode.POLICY)
        except ServerFull as error:
            return await self.turn_away(error, CloseCode.TRY_LATER)
        except Unauthorized as error:
            return await self.turn_away(error, CloseCode.UNAUTHORIZED)
        except ConnectionGone:
            return None

    async def talk(self, admission: Admission) -> Leaving:
        """Serves the session until the client goes or must go."""
        try:
            return await self._talk(admission)
        finally:
            self._complaints.close()

    async def _talk(self, admission: Admission) -> Leaving:
        live, link = admission.live, admission.link
        if admission.lease is not None:
            self._recheck = admission.lease.check
        outbox = live.session.outbox
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(self._read(live, admission.message), name="reader")
            writer = group.create_task(link.gone.wait(), name="writer watch")
            overflow = group.create_task(outbox.overflowed.wait(), name="overflow watch")
            tasks = {reader, writer, overflow}
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks - done:
                task.cancel()
        if self._is_over:
            # What its session says from now on waits for somebody with a good token.
            await self.turn_away(Unauthorized(), CloseCode.UNAUTHORIZED, live.session.locale)
            return Leaving("unauthorized")
        if link.was_replaced:
            await self._transport.close(CloseCode.REPLACED, "replaced by a newer connection")
            return Leaving("replaced")
        if reader in done:
            return await self._after_reading(live, reader.result())
        if overflow in done:
            logger.warning("slow_client", extra={"waiting_bytes": outbox.waiting_bytes})
            if not live.is_resumable:
                await live.conversation.aclose()  # nobody will hear what it goes on saying
            await self._transport.close(CloseCode.TRY_LATER, "reading too slowly")
            self._transport.abort()
            return Leaving("slow_client")
        return Leaving("client_left")

    def end_hearing(self, live: LiveSession, link: Link) -> None:
        """The token has ended: nothing more leaves, not even what waits to be sent."""
        self._is_over = not link.was_replaced
        live.pump.detach(link)

    async def _after_reading(self, live: LiveSession, code: CloseCode | None) -> Leaving:
        if code is None:
            return Leaving("client_left", is_goodbye=self._transport.close_code == CloseCode.NORMAL)
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await live.pump.idle.wait()
        except TimeoutError:
            logger.debug("not_flushed")
        await self._transport.close(code, code.name.lower())
        return Leaving(code.name.lower(), is_goodbye=code not in (CloseCode.INTERNAL, CloseCode.TRY_LATER))

    async def _first_object(self) -> Admission | None:
        while (raw := await self._transport.receive()) is not None:
            self._count()
            if _is_longer(raw, self._first_bytes):
                # `python main.py` closes at the frame's head, before anything of it is kept.
                await self._transport.close(_TOO_BIG, "message too big before a session")
                return None
            try:
                settings = self._settings
                first = decode_object(raw, settings.max_message_bytes, settings.max_audio_message_bytes)
                self._locale = _locale_of(first) or self._locale
                with self._hearing():
                    result = await self._admit(first, self._transport)
            except (ServerFull, Unauthorized):
                raise
            except AgentError as error:
                self._complaints.tell(logging.INFO, error.code, {"facts": error.facts})
                result = ErrorOccurred(error)
            if isinstance(result, Admission):
                return result
            await self._say(result)
            await asyncio.sleep(0)  # neither of the two waits while there is something to read, and room
        return None

    async def turn_away(self, error: AgentError, code: CloseCode, locale: Locale | None = None) -> None:
        """Says why there will be no session, or none any more, and closes."""
        self._complaints.tell(logging.INFO, error.code, {"facts": error.facts})
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await self._say(ErrorOccurred(error), locale)
        except (ConnectionGone, TimeoutError):
            logger.debug("client_left")
        await self._transport.close(code, error.code)

    async def _say(self, event: Event, locale: Locale | None = None) -> None:
        """Sends an event where there is no session, and so nobody else who writes."""
        for text in self._dialect.encode(event, locale or self._locale):
            await self._transport.send(text)

    async def _read(self, live: LiveSession, first: dict[str, Any] | None) -> CloseCode | None:
        """Reads until the client goes (None) or must go (a code)."""
        if first is not None:
            code = await self._handle(live, lambda: first)
            if code is not None:
                return code
        try:
            return await self._read_on(live)
        except ServerFull as error:  # nothing more can be read; a v2 session waits for its client
            self._complaints.tell(logging.INFO, error.code, {"facts": error.facts})
            live.session.emit(ErrorOccurred(error))
            return CloseCode.TRY_LATER

    async def _read_on(self, live: LiveSession) -> CloseCode | None:
        taken = 0
        while (raw := await self._transport.receive()) is not None:
            taken += 1
            if taken % YIELD_EVERY == 0:
                await asyncio.sleep(0)  # `receive` does not wait while there is something to read
            live.session.last_activity = self._clock.now()
            if isinstance(raw, bytes):
                code = self._hear(live, raw)
            else:
                code = await self._handle(live, partial(self._decode, live, raw))
            if code is not None:
                return code
            del raw  # it may be large, and the next one long in coming
        return None

    def _decode(self, live: LiveSession, raw: str) -> dict[str, Any]:
        message: dict[str, Any] = {}
        settings = self._settings
        try:
            message = decode_object(raw, settings.max_message_bytes, settings.max_audio_message_bytes)
            return message
        finally:
            self._count_message(live, message)

    def _count_message(self, live: LiveSession, message: dict[str, Any]) -> None:
        kind = _type_of(message)
        if kind == "audio" and message.get("format") == "pcm16" and self._dialect.is_resumable:
            content = message.get("content")
            base64_chars = len(content) if isinstance(content, str) else 0
            self._count_sound(base64_chars * 3 // 4, live.voice.in_rate_hz)
        else:
            self._count(by_the_clock=kind in UNCOUNTED_TYPES or kind == "audio")

    def _take_sound(self, live: LiveSession, pcm: bytes) -> None:
        self._count_sound(len(pcm), live.voice.in_rate_hz if self._dialect.is_resumable else None)
        if not self._dialect.is_resumable:
            raise UnexpectedAudio
        self._recheck()
        live.voice.take(pcm)

    async def _handle(self, live: LiveSession, decode: Callable[[], dict[str, Any]]) -> CloseCode | None:
        """Does what a message asks for; a code where the connection must end after it."""
        try:
            sent = decode()
            if _type_of(sent) not in UNCHECKED_TYPES:
                self._recheck()
            message = self._dialect.decode(sent)
            done = self._dialect.handlers[type(message)](live, message)
            if isinstance(done, Coroutine):
                await done
                return None
            return done
        except Exception as exc:
            return self._after(live, exc)

    def _hear(self, live: LiveSession, pcm: bytes) -> CloseCode | None:
        try:
            self._take_sound(live, pcm)
        except Exception as exc:
            return self._after(live, exc)
        return None

    def _after(self, live: LiveSession, exc: Exception) -> CloseCode | None:
        """Says what was wrong with a message; a code where the connection must end for it."""
        if isinstance(exc, _Unheard):
            self._complaints.tell(logging.INFO, AudioOverflow.code)
        elif isinstance(exc, TooManyMessages):
            return self._let_go(live, exc)
        elif isinstance(exc, Unauthorized):
            if live.pump.link is not None and live.pump.link.sender is self._transport:
                self.end_hearing(live, live.pump.link)
            return CloseCode.UNAUTHORIZED
        elif isinstance(exc, AgentError):
            return self._refuse(live, exc)
        else:
            logger.error("internal", exc_info=exc)
            live.session.emit(ErrorOccurred(Internal(type(exc).__name__)))
            return CloseCode.INTERNAL
        return None

    def _refuse(self, live: LiveSession, error: AgentError) -> CloseCode | None:
        if self._is_sound and not isinstance(error, AudioOverflow) and self._is_one_too_many():
            return self._let_go(live, TooManyMessages())
        self._complaints.tell(logging.INFO, error.code, {"facts": error.facts})
        if not self._is_unasked or self._sound is None or self._sound.is_to_be_told():
            live.session.emit(ErrorOccurred(error))
        return None

    def _let_go(self, live: LiveSession, error: TooManyMessages) -> CloseCode:
        self._complaints.tell(logging.WARNING, error.code)
        live.session.emit(ErrorOccurred(error))
        return CloseCode.POLICY

    def _count(self, *, by_the_clock: bool = False) -> None:
        self._is_sound = self._is_unasked = False
        if self._is_one_too_many(by_the_clock=by_the_clock):
            raise TooManyMessages

    def _is_one_too_many(self, *, by_the_clock: bool = True) -> bool:
        is_flood = self._flood.is_flood(self._time(), by_the_clock=by_the_clock)
        self.has_flooded = self.has_flooded or is_flood
        return is_flood

    def _count_sound(self, pcm_bytes: int, rate_hz: int | None) -> None:
        """Sound is bounded by how long it lasts: some too much is not heard, far too much is a flood."""
        if self._sound is None:
            self._sound = SoundFlow(self._clock, self._time)
        verdict = self._sound.judge(pcm_bytes, rate_hz)
        if verdict == "flood":
            self.has_flooded = True
            raise TooManyMessages
        self._is_unasked = rate_hz is None
        if self._is_unasked:
            return  # whoever takes it will refuse it
        if verdict == "heard":
            self._has_overflowed = False
            self._is_sound = True  # and if it is refused, it is a message like any other
            return
        self._is_sound = False
        has_told, self._has_overflowed = self._has_overflowed, True
        raise _Unheard if has_told else AudioOverflow(seconds=round(SOUND_BURST_S))


class _Unheard(Exception):
    """Sound is not taken, and its client has been told so already."""


def _is_longer(raw: str | bytes, limit: int) -> bool:
    """Whether a message has more bytes on the wire."""
    if len(raw) > limit or isinstance(raw, bytes):
        return len(raw) > limit
    return len(raw) * 4 > limit and len(raw.encode("utf-8", "surrogatepass")) > limit


def _type_of(message: dict[str, Any]) -> str | None:
    """A message's type, before its model has been asked: a client may have put anything there."""
    name = message.get("type")
    return name if isinstance(name, str) else None


def _locale_of(message: dict[str, Any]) -> Locale | None:
    """The language that a client asks for, before its message's model has been asked."""
    return "es" if message.get("locale") == "es" else "en" if message.get("locale") == "en" else None

"""One client's connection: a reader, and a watch over whoever writes. The first to end ends all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

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
)
from app.protocol.close_codes import CloseCode
from app.protocol.commands import Command
from app.protocol.events import AudioFormat, ErrorOccurred, Event
from app.protocol.wire import Frame, FrameLimits, Opening, WireProtocol
from app.services.auth.grants import AccessGrant
from app.services.connections.applying import apply, refusal
from app.services.limits.address_conduct import Conduct
from app.services.limits.complaints import Complaints
from app.services.limits.rates import PRESESSION_BYTES, SOUND_BURST_S, RateLimiter
from app.services.limits.sound_flow import SoundFlow
from app.services.sessions.directory import Way
from app.services.sessions.live_session import LiveSession
from app.session.observer import ResumeOutcome
from app.session.pump import Attachment
from app.session.transport import ConnectionGone, Transport
from app.stall_timeout import patiently
from config.limit_settings import LimitSettings

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT_S = 1.0
"""How long a last message may take to leave before the connection is closed, in seconds."""


_TOO_BIG = 1009
"""RFC 6455's own code, as the server's frames have it too."""

YIELD_EVERY = 20
"""Messages of one client that are worked off before others have their turn."""


def _always_good() -> None:
    """Where no token is asked for."""


def _nobody_waits() -> None:
    """Where nothing depends on it."""


def _nobody_comes(live: LiveSession) -> None:
    """Where no session does."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A connection has a session.

    Attributes:
        frame: What of the first frame is still to be handled.
        resumed: How it came back to a session that it had before.
        lease: For how long the connection may hear; None where no token is asked for.
    """

    live: LiveSession
    link: Attachment
    frame: Frame | None = None
    resumed: ResumeOutcome | None = None
    lease: AccessGrant | None = None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another process serves the connection.

    Attributes:
        first: The frame that said which session is meant.
        lease: For how long the connection may hear; None where no token is asked for.
        introduce: Says whose the session is, should it come to this process.
    """

    way: Way
    first: str | bytes = ""
    lease: AccessGrant | None = None
    introduce: Callable[[LiveSession], None] = _nobody_comes


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
        frames: What its frames may weigh.
        first_bytes: What those may weigh that come before there is a session.
        locale: The language in which it is refused.
        hearing: Lasts while something is looked at that came before there is a session.
    """

    conduct: Conduct
    time: Callable[[], float]
    frames: FrameLimits
    first_bytes: int = PRESESSION_BYTES
    locale: Locale = "es"
    hearing: Callable[[], AbstractContextManager[None]] = nullcontext


Stays = Callable[[float], Awaitable[bool]]
"""Waits for so many seconds, and returns whether the client has stayed."""

Admit = Callable[[Opening, Transport, Stays], Awaitable["Admission | Elsewhere | Event"]]
"""What an opening leads to: a session, here or elsewhere, or an answer. Raises `AgentError`, or
`ConnectionGone` where it found out that the client has left."""


class Connection:
    """Speaks with one client, from its first message to its last.

    Args:
        wire: What it speaks.
        admit: Makes or finds the session that the opening asks for.
        terms: What it may do.

    Attributes:
        has_flooded: It sent faster than it may, and is let go.
        has_spoken: Its client has sent something.
        on_first_word: Called when its client sends something for the first time in its session.
    """

    def __init__(
        self,
        transport: Transport,
        wire: WireProtocol,
        settings: LimitSettings,
        clock: Clock,
        admit: Admit,
        terms: Terms,
    ) -> None:
        self._transport = transport
        self._wire = wire
        self._limits = terms.frames
        self._settings = settings
        self._clock = clock
        self._admit = admit
        self._recheck: Callable[[], None] = _always_good
        self._is_over = False
        self._locale: Locale = terms.locale
        self._time = terms.time
        self._hearing = terms.hearing
        burst = terms.conduct.burst(settings.most_in_a_second, settings.max_messages_per_s)
        self._flood = RateLimiter(settings.max_messages_per_s, terms.time(), burst)
        self._sound: SoundFlow | None = None
        self._complaints = Complaints(clock, terms.conduct, logger)
        self._has_overflowed = False
        self._is_sound = False
        self._is_unasked = False
        self.has_flooded = False
        self.has_spoken = False
        self.on_first_word: Callable[[], None] = _nobody_waits
        self._first_bytes = terms.first_bytes
        self._ahead: asyncio.Task[str | bytes | None] | None = None

    async def greet(self) -> Admission | Elsewhere | None:
        """Wait for the message that makes the session, or says where it is.

        Returns:
            None where there will be no session, and the connection is closed.
        """
        timeout_s = self._settings.first_message_timeout_s
        opened: Admission | Elsewhere | None = None
        try:
            async with patiently(timeout_s):
                opened = await self._open()
                return opened
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
        finally:
            if opened is None:
                await self._read_no_further()

    async def stays(self, seconds: float) -> bool:
        """Wait for a moment; return whether the client is there after it.

        What it sends meanwhile is read afterwards, as if it had come then.
        """
        if self._ahead is None:
            self._ahead = asyncio.create_task(self._transport.receive(), name="read ahead")
        await asyncio.wait({self._ahead}, timeout=seconds)
        return not self._ahead.done() or self._ahead.result() is not None

    async def talk(self, admission: Admission) -> Leaving:
        """Serve the session until the client goes or must go."""
        try:
            return await self._talk(admission)
        finally:
            self._complaints.close()
            await self._read_no_further()

    async def _talk(self, admission: Admission) -> Leaving:
        live, link = admission.live, admission.link
        if admission.lease is not None:
            self._recheck = admission.lease.check
        outbox = live.session.outbox
        reader = asyncio.create_task(self._read(live, admission.frame), name="reader")
        overflow = outbox.overflowed.happening
        try:
            await asyncio.wait({reader, link.gone.happening, overflow}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not reader.done():
                reader.cancel()
                await asyncio.wait({reader})
        has_read = not reader.cancelled()
        code = reader.result() if has_read else None  # raises what a bug has raised
        if self._is_over:
            # What its session says from now on waits for somebody with a good token.
            await self.turn_away(Unauthorized(), CloseCode.UNAUTHORIZED, live.session.locale)
            return Leaving("unauthorized")
        if link.was_replaced:
            await self._transport.close(CloseCode.REPLACED, "replaced by a newer connection")
            return Leaving("replaced")
        if has_read:
            return await self._after_reading(live, code)
        if overflow.done():
            logger.warning("slow_client", extra={"waiting_bytes": outbox.waiting_bytes})
            if not live.outlives_connection:
                await live.conversation.aclose()  # nobody will hear what it goes on saying
            await self._transport.close(CloseCode.TRY_LATER, "reading too slowly")
            self._transport.abort()
            return Leaving("slow_client")
        return Leaving("client_left")

    def end_hearing(self, live: LiveSession, link: Attachment) -> None:
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

    async def _open(self) -> Admission | Elsewhere | None:
        raw: str | bytes | None = None
        while True:
            result = await self._opened(raw)
            if isinstance(result, Elsewhere):
                return replace(result, first=raw or "")
            if isinstance(result, Admission):
                return result
            if result is not None:
                await self._say(result)
                await asyncio.sleep(0)  # neither of the two waits while there is something to read, and room
            raw = await self._receive()
            if raw is None:
                return None
            self.has_spoken = True
            self._count()
            if _is_longer(raw, self._first_bytes):
                # `python main.py` closes at the frame's head, before anything of it is kept.
                await self._transport.close(_TOO_BIG, "message too big before a session")
                return None

    async def _opened(self, raw: str | bytes | None) -> Admission | Elsewhere | Event | None:
        """Return what a first frame leads to, or none; None where the client has to go on."""
        try:
            opening = self._wire.open(raw, self._limits)
            if opening is None:
                return None
            self._locale = opening.locale or self._locale
            with self._hearing():
                return await self._admit(opening, self._transport, self.stays)
        except (ServerFull, Unauthorized):
            raise
        except AgentError as error:
            self._complaints.tell(logging.INFO, error.code, {"facts": error.facts})
            return ErrorOccurred(error)

    async def turn_away(self, error: AgentError, code: CloseCode, locale: Locale | None = None) -> None:
        """Say why there will be no session, or none any more, and close."""
        self._complaints.tell(logging.INFO, error.code, {"facts": error.facts})
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await self._say(ErrorOccurred(error), locale)
        except (ConnectionGone, TimeoutError):
            logger.debug("client_left")
        await self._transport.close(code, error.code)

    def _receive(self) -> Awaitable[str | bytes | None]:
        """Read the next message; None when the peer has gone."""
        ahead, self._ahead = self._ahead, None
        return ahead if ahead is not None else self._transport.receive()

    async def _read_no_further(self) -> None:
        """Give up what is being read, if nobody has asked for it yet."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            await asyncio.wait({ahead})

    async def _say(self, event: Event, locale: Locale | None = None) -> None:
        """Send an event where there is no session, and so nobody else who writes."""
        for frame in self._wire.encode(event, locale or self._locale, None):
            await self._transport.send(frame)

    async def _read(self, live: LiveSession, first: Frame | None) -> CloseCode | None:
        """Read until the client goes (None) or must go (a code)."""
        if first is not None:
            code = await self._handle(live, first)
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
        while (raw := await self._receive()) is not None:
            if not self.has_spoken:
                self.has_spoken = True
                self.on_first_word()
            taken += 1
            if taken % YIELD_EVERY == 0:
                await asyncio.sleep(0)  # `receive` does not wait while there is something to read
            live.session.last_activity = self._clock.now()
            code = await self._handle(live, raw)
            if code is not None:
                return code
            del raw  # it may be large, and the next one long in coming
        return None

    def _counted(self, live: LiveSession, raw: str | bytes) -> Frame:
        """Return a frame, after it was counted; also one that cannot be read counts."""
        frame: Frame | None = None
        try:
            frame = self._wire.read(raw, self._limits)
            return frame
        finally:
            if frame is not None and frame.sound_bytes is not None:
                self._count_sound(frame.sound_bytes, live.voice.in_format)
            else:
                self._count(by_the_clock=frame is not None and frame.is_periodic)

    async def _handle(self, live: LiveSession, received: Frame | str | bytes) -> CloseCode | None:
        """Do what a frame asks for; a code where the connection must end after it."""
        command: Command | None = None
        frame: Frame | None = None
        try:
            frame = received if isinstance(received, Frame) else self._counted(live, received)
            if frame.needs_token:
                self._recheck()
            for command in frame.commands():
                done = apply(live, command)
                if isinstance(done, Coroutine):
                    await done
                elif done is not None:
                    return done
            return None
        except Exception as exc:
            return self._after(live, exc, command, frame)

    def _after(
        self, live: LiveSession, exc: Exception, command: Command | None, frame: Frame | None
    ) -> CloseCode | None:
        """Say what was wrong with a message; a code where the connection must end for it."""
        if isinstance(exc, _Unheard):
            self._complaints.tell(logging.INFO, AudioOverflow.code)
        elif isinstance(exc, TooManyMessages):
            return self._let_go(live, exc)
        elif isinstance(exc, Unauthorized):
            if live.pump.link is not None and live.pump.link.sender is self._transport:
                self.end_hearing(live, live.pump.link)
            return CloseCode.UNAUTHORIZED
        elif isinstance(exc, AgentError):
            return self._refuse(live, exc, command, frame)
        else:
            logger.error("internal", exc_info=exc)
            live.session.emit(ErrorOccurred(Internal(type(exc).__name__)))
            return CloseCode.INTERNAL
        return None

    def _refuse(
        self, live: LiveSession, error: AgentError, command: Command | None, frame: Frame | None
    ) -> CloseCode | None:
        if self._is_sound and not isinstance(error, AudioOverflow) and self._is_one_too_many():
            return self._let_go(live, TooManyMessages())
        self._complaints.tell(logging.INFO, error.code, {"facts": error.facts})
        if not self._is_unasked or self._sound is None or self._sound.is_to_be_told():
            live.session.emit(refusal(command, error, frame.client_id if frame is not None else None))
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

    def _count_sound(self, size: int, written: AudioFormat | None) -> None:
        """Sound is bounded by how long it lasts: some too much is not heard, far too much is a flood."""
        if self._sound is None:
            self._sound = SoundFlow(self._clock, self._time)
        rate_hz = written.rate_hz if written is not None else None
        verdict = self._sound.judge(written.pcm_bytes(size) if written is not None else size, rate_hz)
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
    """Return whether a message has more bytes on the wire."""
    if len(raw) > limit or isinstance(raw, bytes):
        return len(raw) > limit
    return len(raw) * 4 > limit and len(raw.encode("utf-8", "surrogatepass")) > limit

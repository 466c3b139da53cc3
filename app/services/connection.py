"""One client's connection: a reader, and a watch over whoever writes. The first to end ends all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.clock import Clock
from app.errors import (
    AgentError,
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
from app.services.dialects import Dialect
from app.services.lease import Lease
from app.services.limits import FloodWatch
from app.services.live_session import LiveSession
from app.session.observer import ResumeOutcome
from app.session.pump import Link
from app.session.transport import ConnectionGone, Transport
from config.settings import Settings

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT_S = 1.0
"""How long a last message may take to leave before the connection is closed, in seconds."""


UNCOUNTED_TYPES = frozenset({"ping", "playback", "audio"})
"""Messages that a client sends by the clock, not by its user's hand; audio has a bound of its own."""


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


Admit = Callable[[dict[str, Any], Transport], Awaitable["Admission | Event"]]
"""What a first object leads to: a session, or an answer. Raises `AgentError`."""


class Connection:
    """Speaks with one client, from its first message to its last.

    Args:
        admit: Makes or finds the session that the first object asks for.
    """

    def __init__(
        self, transport: Transport, dialect: Dialect, settings: Settings, clock: Clock, admit: Admit
    ) -> None:
        self._transport = transport
        self._dialect = dialect
        self._settings = settings
        self._clock = clock
        self._admit = admit
        self._recheck: Callable[[], None] = _always_good
        self._is_over = False
        self._flood = FloodWatch(settings.max_messages_per_s, clock.monotonic())

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
        return Leaving(code.name.lower(), is_goodbye=code is not CloseCode.INTERNAL)

    async def _first_object(self) -> Admission | None:
        while (raw := await self._transport.receive()) is not None:
            self._check_flood()
            try:
                settings = self._settings
                first = decode_object(raw, settings.max_message_bytes, settings.max_audio_message_bytes)
                result = await self._admit(first, self._transport)
            except (ServerFull, Unauthorized):
                raise
            except AgentError as error:
                logger.info(error.code, extra={"facts": error.facts})
                result = ErrorOccurred(error)
            if isinstance(result, Admission):
                return result
            await self._say(result)
        return None

    async def turn_away(self, error: AgentError, code: CloseCode, locale: Locale | None = None) -> None:
        """Says why there will be no session, or none any more, and closes."""
        logger.info(error.code, extra={"facts": error.facts})
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await self._say(ErrorOccurred(error), locale)
        except (ConnectionGone, TimeoutError):
            logger.debug("client_left")
        await self._transport.close(code, error.code)

    async def _say(self, event: Event, locale: Locale | None = None) -> None:
        """Sends an event where there is no session, and so nobody else who writes."""
        for text in self._dialect.encode(event, locale or self._settings.agent_locale):
            await self._transport.send(text)

    async def _read(self, live: LiveSession, first: dict[str, Any] | None) -> CloseCode | None:
        """Reads until the client goes (None) or must go (a code)."""
        if first is not None:
            code = self._handle(live, lambda: first)
            if code is not None:
                return code
        while (raw := await self._transport.receive()) is not None:
            live.session.last_activity = self._clock.now()
            if isinstance(raw, bytes):
                code = self._guard(live, partial(self._take_sound, live, raw))
            else:
                code = self._handle(live, partial(self._decode, raw))
            if code is not None:
                return code
        return None

    def _decode(self, raw: str) -> dict[str, Any]:
        message: dict[str, Any] = {}
        settings = self._settings
        try:
            message = decode_object(raw, settings.max_message_bytes, settings.max_audio_message_bytes)
            return message
        finally:
            if _type_of(message) not in UNCOUNTED_TYPES:
                self._check_flood()

    def _take_sound(self, live: LiveSession, pcm: bytes) -> None:
        if not self._dialect.is_resumable:
            raise UnexpectedAudio
        self._recheck()
        live.voice.take(pcm)

    def _handle(self, live: LiveSession, decode: Callable[[], dict[str, Any]]) -> CloseCode | None:
        """Does what a message asks for; a code where the connection must end after it."""

        def do() -> CloseCode | None:
            sent = decode()
            if _type_of(sent) not in UNCHECKED_TYPES:
                self._recheck()
            message = self._dialect.decode(sent)
            return self._dialect.handlers[type(message)](live, message)

        return self._guard(live, do)

    def _guard(self, live: LiveSession, do: Callable[[], CloseCode | None]) -> CloseCode | None:
        try:
            return do()
        except TooManyMessages as error:
            logger.warning(error.code)
            live.session.emit(ErrorOccurred(error))
            return CloseCode.POLICY
        except Unauthorized:
            if live.pump.link is not None and live.pump.link.sender is self._transport:
                self.end_hearing(live, live.pump.link)
            return CloseCode.UNAUTHORIZED
        except AgentError as error:
            logger.info(error.code, extra={"facts": error.facts})
            live.session.emit(ErrorOccurred(error))
        except Exception as exc:
            logger.exception("internal")
            live.session.emit(ErrorOccurred(Internal(type(exc).__name__)))
            return CloseCode.INTERNAL
        return None

    def _check_flood(self) -> None:
        if self._flood.is_flood(self._clock.monotonic()):
            raise TooManyMessages


def _type_of(message: dict[str, Any]) -> str | None:
    """A message's type, before its model has been asked: a client may have put anything there."""
    name = message.get("type")
    return name if isinstance(name, str) else None

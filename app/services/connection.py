"""One client's connection: a reader, a writer and a watch over the outbox. The first to end ends all."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from app.clock import Clock
from app.errors import AgentError, FirstMessageTimeout, Internal, ServerFull, TooManyMessages
from app.protocol import v1
from app.protocol.client import ANONYMOUS, user_of
from app.protocol.close_codes import CloseCode
from app.protocol.codec import decode_object, decode_v1
from app.protocol.events import ErrorOccurred, Event
from app.services.handlers import HANDLERS
from app.services.limits import FloodWatch
from app.services.live_session import LiveSession
from app.session.outbox import Outbox
from app.session.voice_session import ConnectionGone, Transport
from config.settings import Settings

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT_S = 1.0
"""How long a last message may take to leave before the connection is closed, in seconds."""


class Connection:
    """Speaks protocol v1 with one client, from its first message to its last.

    Args:
        open_session: Makes the session of a user id; raises `ServerFull`.
    """

    def __init__(
        self,
        transport: Transport,
        settings: Settings,
        clock: Clock,
        open_session: Callable[[Transport, str], LiveSession],
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._clock = clock
        self._open_session = open_session
        self._flood = FloodWatch(settings.max_messages_per_s, clock.monotonic())

    async def first_message(self) -> tuple[LiveSession, dict[str, Any]] | None:
        """Waits for the message that makes the session.

        Returns:
            The session and the message; None where there will be no session, and the connection is closed.
        """
        timeout_s = self._settings.first_message_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                first = await self._first_object()
        except TimeoutError:
            error = FirstMessageTimeout(seconds=round(timeout_s))
            return await self._turn_away(error, CloseCode.NO_FIRST_MESSAGE)
        except TooManyMessages as error:
            return await self._turn_away(error, CloseCode.POLICY)
        except ConnectionGone:
            return None
        if first is None:
            return None
        try:
            return self._open_session(self._transport, user_of(first) or ANONYMOUS), first
        except ServerFull as error:
            return await self._turn_away(error, CloseCode.TRY_LATER)

    async def talk(self, live: LiveSession, first: dict[str, Any]) -> str:
        """Serves the session until the client goes or must go.

        Returns:
            Why it ended, for the log.
        """
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(self._read(live, first), name="reader")
            writer = group.create_task(self._write(live.session.outbox), name="writer")
            watch = group.create_task(live.session.outbox.overflowed.wait(), name="overflow watch")
            tasks = {reader, writer, watch}
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks - done:
                task.cancel()
        if reader in done and not reader.cancelled():
            code = reader.result()
            if code is None:
                return "client_left"
            await self._flush(live.session.outbox)
            await self._transport.close(code, code.name.lower())
            return code.name.lower()
        if watch in done:
            logger.warning("slow_client", extra={"waiting_bytes": live.session.outbox.waiting_bytes})
            await self._transport.close(CloseCode.TRY_LATER, "reading too slowly")
            return "slow_client"
        return "client_left"

    async def _first_object(self) -> dict[str, Any] | None:
        while (raw := await self._transport.receive()) is not None:
            self._check_flood()
            try:
                return decode_object(raw, self._settings.max_message_bytes)
            except AgentError as error:
                await self._say(ErrorOccurred(error))
        return None

    async def _turn_away(self, error: AgentError, code: CloseCode) -> None:
        logger.info(error.code)
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await self._say(ErrorOccurred(error))
        except (ConnectionGone, TimeoutError):
            logger.debug("client_left")
        await self._transport.close(code, error.code)

    async def _say(self, event: Event) -> None:
        """Sends an event past the outbox: there is no session yet, or no writer any more."""
        for text in v1.encode(event, self._settings.agent_locale):
            await self._transport.send(text)

    async def _read(self, live: LiveSession, first: dict[str, Any]) -> CloseCode | None:
        """Reads until the client goes (None) or must go (a code)."""
        if _has_something_to_handle(first):
            code = self._handle(live, lambda: first)
            if code is not None:
                return code
        while (raw := await self._transport.receive()) is not None:
            live.session.last_activity = self._clock.now()
            code = self._handle(live, partial(self._decode, raw))
            if code is not None:
                return code
        return None

    def _decode(self, raw: str | bytes) -> dict[str, Any]:
        self._check_flood()
        return decode_object(raw, self._settings.max_message_bytes)

    def _handle(self, live: LiveSession, decode: Callable[[], dict[str, Any]]) -> CloseCode | None:
        """Does what a message asks for; a code where the connection must end after it."""
        try:
            message = decode_v1(decode())
            HANDLERS[type(message)](live, message)
        except TooManyMessages as error:
            logger.warning(error.code)
            live.session.emit(ErrorOccurred(error))
            return CloseCode.POLICY
        except AgentError as error:
            logger.info(error.code, extra={"facts": error.facts})
            live.session.emit(ErrorOccurred(error))
        except Exception as exc:
            logger.exception("internal")
            live.session.emit(ErrorOccurred(Internal(type(exc).__name__)))
            return CloseCode.INTERNAL
        return None

    async def _write(self, outbox: Outbox) -> None:
        """Sends what the session says until the client cannot be reached."""
        locale = self._settings.agent_locale
        send = self._transport.send
        try:
            while True:
                for text in v1.encode(await outbox.take(), locale):
                    await send(text)
        except ConnectionGone:
            return

    async def _flush(self, outbox: Outbox) -> None:
        """Sends what still waits, so that a last error arrives before the close."""
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                while len(outbox):
                    await self._say(await outbox.take())
        except (ConnectionGone, TimeoutError):
            return

    def _check_flood(self) -> None:
        if self._flood.is_flood(self._clock.monotonic()):
            raise TooManyMessages


def _has_something_to_handle(first: dict[str, Any]) -> bool:
    """Whether the message that made the session is more than a greeting, or has a user id that is none."""
    return bool(first.get("content")) or (bool(first.get("user_id")) and user_of(first) is None)

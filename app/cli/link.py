"""A talk over protocol v2 that outlives its connections: comes back with back-off, resumes, loses no text."""

import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from app.cli.endings import Ending, Exit, Part
from app.cli.ledger import Ledger
from app.protocol.close_codes import CloseCode
from app.protocol.v2 import NAME

Message = dict[str, Any]

FIRST_DELAY_S: Final = 0.5
LONGEST_DELAY_S: Final = 30.0
GIVE_UP_AFTER_S: Final = 120.0
_OPEN_LIMIT_S: Final = 10.0
_CLOSE_LIMIT_S: Final = 2.0
_SILENT_BEATS: Final = 2
_MAX_MESSAGE_BYTES: Final = 16 * 2**20
_TEXTS_PER_S: Final = 15
"""Texts leave no faster, also those that are sent again: a server lets a client go that sends many more."""
_DROPPED: Final = 1006
_SERVER_FAULTS: Final = 500
_TOO_MANY: Final = 429

_FINAL_CODES: Final = {
    CloseCode.NORMAL,
    CloseCode.POLICY,
    CloseCode.UNAUTHORIZED,
    CloseCode.NO_FIRST_MESSAGE,
    CloseCode.REPLACED,
    CloseCode.ENDED,
}
_WIRE_FAULTS: Final = {1002, 1003, 1007, 1009}


@dataclass(frozen=True, slots=True)
class Dropped:
    """The connection went; the next try comes after `retry_in_s`."""

    retry_in_s: float


@dataclass(frozen=True, slots=True)
class Returned:
    """It is back; with `is_new` in a session that knows nothing of the earlier one."""

    is_new: bool


Item = Message | bytes | Dropped | Returned


def back_off_s(failures: int, chance: float) -> float:
    """How long to wait before a try: exponential with full jitter, `chance` being from 0 to 1."""
    return chance * min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures, 16))


class Link:
    """One talk with the server.

    Only one task may iterate `items`; any may send.

    Args:
        start: The fields of the first message.
        give_up_after_s: Without a connection for so long, the talk is over.
        chance: From 0 to 1, for the back-off.
    """

    def __init__(
        self,
        url: str,
        start: Message,
        *,
        give_up_after_s: float = GIVE_UP_AFTER_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._url = url
        self._ledger = Ledger(start)
        self._give_up_after_s = give_up_after_s
        self._chance = chance
        self._socket: ClientConnection | None = None
        self._is_ending = False
        self._left_at: deque[float] = deque(maxlen=_TEXTS_PER_S)

    def text(self, content: str) -> Message:
        """A text to be sent: now, with `send`; where that fails, it goes when the connection is back."""
        return self._ledger.text(content)

    async def send(self, message: Message) -> bool:
        """Sends a message; false where there is no connection."""
        if message["type"] == "text":
            await self._pace()
        return await self._send(json.dumps(message, ensure_ascii=False))

    async def send_audio(self, pcm: bytes) -> bool:
        """Sends a frame of PCM16; false where there is no connection."""
        return await self._send(pcm)

    async def end(self) -> None:
        """Says goodbye; `items` ends when the server has closed."""
        self._is_ending = True
        await self.send({"type": "end"})

    async def items(self) -> AsyncGenerator[Item, None]:
        """All that comes, each message of the talk once and in order; ends after a goodbye.

        Raises:
            Ending: The server cannot be reached, or does not want the talk.
        """
        now = asyncio.get_running_loop().time
        failures, seen_at = 0, now()
        while not self._is_ending:
            code = _DROPPED
            try:
                async with self._connection() as socket, aclosing(self._exchange(socket)) as exchange:
                    async for item in exchange:
                        failures, seen_at = 0, now()
                        yield item
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else _DROPPED
            except (OSError, TimeoutError, WebSocketException, EOFError) as exc:
                self._judge_failure(exc)
            finally:
                self._socket = None
            if self._is_ending:
                return
            for lost in self._judge_close(code):
                yield lost
            delay_s = self._delay_s(failures)
            failures += 1
            if now() + delay_s - seen_at > self._give_up_after_s:
                raise Ending(Exit.UNREACHABLE, "gave_up", seconds=self._give_up_after_s)
            yield Dropped(delay_s)
            await asyncio.sleep(delay_s)

    def _connection(self) -> connect:
        return connect(
            self._url,
            subprotocols=[Subprotocol(NAME)],
            compression=None,
            open_timeout=_OPEN_LIMIT_S,
            close_timeout=_CLOSE_LIMIT_S,
            ping_interval=None,
            max_size=_MAX_MESSAGE_BYTES,
        )

    async def _pace(self) -> None:
        """Waits until another text may leave."""
        now = asyncio.get_running_loop().time
        if len(self._left_at) == _TEXTS_PER_S and (wait_s := self._left_at[0] + 1 - now()) > 0:
            await asyncio.sleep(wait_s)
        self._left_at.append(now())

    async def _send(self, frame: str | bytes) -> bool:
        socket = self._socket
        if socket is None:
            return False
        with suppress(ConnectionClosed):
            await socket.send(frame)
            return True
        return False

    # What comes

    async def _exchange(self, socket: ClientConnection) -> AsyncGenerator[Item, None]:
        if socket.subprotocol != NAME:
            raise Ending(Exit.UNREACHABLE, "unreachable", url=self._url, reason=Part("no_v2"))
        await socket.send(json.dumps(self._ledger.opening(), ensure_ascii=False))
        async with aclosing(self._received(socket)) as received:
            async for frame in received:
                if isinstance(frame, bytes):
                    yield frame
                    continue
                message = _message(frame)
                if message is None or self._ledger.is_repeat(message):
                    continue
                for item in await self._take(message, socket):
                    yield item

    async def _received(self, socket: ClientConnection) -> AsyncGenerator[str | bytes, None]:
        silent = 0
        while True:
            try:
                async with asyncio.timeout(self._ledger.heartbeat_s):
                    frame = await socket.recv()
            except TimeoutError:
                silent += 1
                if silent >= _SILENT_BEATS:
                    # Nobody is there to take part in a closing handshake.
                    socket.transport.abort()
                    raise
                await socket.send('{"type": "ping"}')
                continue
            silent = 0
            yield frame

    async def _take(self, message: Message, socket: ClientConnection) -> list[Item]:
        match message:
            case {"type": "session_created"}:
                is_new = self._ledger.creates(message)
                await self._open(socket)
                return [message, Returned(is_new=True)] if is_new else [message]
            case {"type": "session_resumed"}:
                self._ledger.resumes(message)
                await self._open(socket)
                return [Returned(is_new=False)]
            case {"type": "error", "code": "resume_refused"} if self._ledger.has_session:
                self._ledger.forgets()
                await socket.send(json.dumps(self._ledger.opening(), ensure_ascii=False))
                return []
            case _:
                self._ledger.notes(message)
                return [message]

    async def _open(self, socket: ClientConnection) -> None:
        """Lets others send, after what has no receipt yet; also what is said meanwhile."""
        sent: set[str] = set()
        while waiting := [each for each in self._ledger.unreceipted if each["id"] not in sent]:
            for message in waiting:
                await self._pace()
                sent.add(message["id"])
                await socket.send(json.dumps(message, ensure_ascii=False))
        self._socket = socket

    # When it goes

    def _judge_failure(self, exc: Exception) -> None:
        """Lets a failure pass that a later try may mend; one before there was a session ends it at once."""
        is_passing = not isinstance(exc, WebSocketException)
        reason: object = (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__
        if isinstance(exc, InvalidStatus):
            status = exc.response.status_code
            is_passing = status >= _SERVER_FAULTS or status == _TOO_MANY
            reason = Part("http_status", status=status)
        if not is_passing or not self._ledger.has_met:
            raise Ending(Exit.UNREACHABLE, "unreachable", url=self._url, reason=reason) from exc

    def _judge_close(self, code: int) -> list[Message]:
        """The texts that are lost with the connection, as errors.

        Raises:
            Ending: The server does not want this client back.
        """
        if code in _FINAL_CODES:
            raise Ending(Exit.FAILED, "refused", code=code, reason=Part(f"close_{code}"))
        if code not in _WIRE_FAULTS:
            return []
        # What the server could not read, it would not be able to read again.
        lost = self._ledger.drops_texts()
        return [
            {"type": "error", "code": "refused_on_wire", "content": str(code), "id": each} for each in lost
        ]

    def _delay_s(self, failures: int) -> float:
        asked = self._ledger.takes_asked_delay_s()
        return back_off_s(failures, self._chance()) if asked is None else asked


def _message(frame: str) -> Message | None:
    """A message of the server; None for what is none."""
    try:
        message = json.loads(frame)
    except ValueError:
        return None
    return cast(Message, message) if isinstance(message, dict) and "type" in message else None

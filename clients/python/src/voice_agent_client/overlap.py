"""A second connection that takes the session over while the first one still lives."""

import asyncio
from collections.abc import Callable
from typing import Final

from websockets.exceptions import WebSocketException

from voice_agent_client import close_codes
from voice_agent_client.attachment import Attachment
from voice_agent_client.backoff import backoff_s
from voice_agent_client.parsing import Message, parse_message

_TRIES: Final = 3
_ANSWER_LIMIT_S: Final = 10.0
_HANDOVER_LIMIT_S: Final = 1.0
"""How long the first connection is read after the second one has the session: its messages come first."""


class RefusedError(Exception):
    """The server does not open the session on the second connection."""


class ReplacedByItselfError(Exception):
    """The server took the session from the first connection for a second one that has broken since."""


class Overlap:
    """Opens the second connection, in a task of its own.

    Args:
        url: Of the server.
        first: The connection that still lives; left a second after the other one has the session.
        resume: Makes the message that takes the session up.
        chance: From 0 to 1, for the back-off between tries.

    Attributes:
        has_asked: Whether the message has left, on the last try.
        has_ever_asked: Whether it has on any: then the server may have taken the session from the first one.
        failure: Why the last try came to nothing.
    """

    def __init__(
        self, url: str, first: Attachment, resume: Callable[[], Message], chance: Callable[[], float]
    ) -> None:
        self.has_asked = self.has_ever_asked = False
        self.failure: Exception | None = None
        self._url = url
        self._first = first
        self._resume = resume
        self._chance = chance
        self._is_first_over = False
        self._is_trying = False
        self._second: Attachment | None = None
        self._frame: str | bytes | None = None
        self._leaving_first: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(self._run(), name="voice agent overlap")

    @property
    def taken(self) -> Attachment | None:
        """The second connection, once it has the session."""
        return self._second if self._frame is not None else None

    def may_follow(self, code: int) -> bool:
        """Return whether the second connection goes on for a first one that has ended with this code."""
        if self.taken is not None:
            return True
        if not self._is_trying:
            return False
        is_expected = close_codes.may_return(code) and not close_codes.is_fault(code)
        return is_expected or (code == close_codes.REPLACED and self.has_asked)

    async def follows(self) -> tuple[Attachment, str | bytes]:
        """Wait until the second connection has the session; return it, and its first message.

        Raises:
            Exception: It has come to nothing, as `failure` says.
        """
        self._is_first_over = True
        await asyncio.wait({self._task})
        second, self._second = self._second, None
        if self._leaving_first is not None:
            self._leaving_first.cancel()
        if second is None or self._frame is None:
            raise self.failure or RefusedError
        return second, self._frame

    @property
    def has_given_up(self) -> bool:
        """Whether all tries have come to nothing."""
        return self._task.done() and self.taken is None

    def give_up(self) -> None:
        """Try no more."""
        self._task.cancel()

    async def aclose(self) -> None:
        """Leave the second connection, where it did not become the one."""
        self._task.cancel()
        await asyncio.wait({self._task})
        if self._leaving_first is not None:
            self._leaving_first.cancel()
        if self._second is not None:
            self._second.abort()

    async def _run(self) -> None:
        for tried in range(_TRIES):
            self._is_trying, self.has_asked = True, False
            try:
                self._frame = await self._taken()
            except (OSError, TimeoutError, EOFError, WebSocketException, RefusedError) as exc:
                self.failure = exc
                self._leave_second()
            else:
                wait_s = _HANDOVER_LIMIT_S
                self._leaving_first = asyncio.get_running_loop().call_later(wait_s, self._first.abort)
                return
            if self._is_first_over:
                return
            self._is_trying = False
            await asyncio.sleep(backoff_s(tried, self._chance()))

    async def _taken(self) -> str | bytes:
        """Open a connection and resume there; return `session_resumed`."""
        self._second = second = await Attachment.open(self._url)
        if not second.speaks_protocol:
            raise RefusedError
        # A connection that is the only one by now has not what the other one was still to be sent.
        overlap = {} if self._is_first_over else {"overlap": True}
        self.has_asked = await second.send({**self._resume(), **overlap})
        self.has_ever_asked |= self.has_asked
        async with asyncio.timeout(_ANSWER_LIMIT_S):
            while True:
                frame = await second.next_frame()
                message = parse_message(frame) if isinstance(frame, str) else None
                if message is not None and message["type"] == "error":
                    raise RefusedError(message.get("code"))
                if message is not None and message["type"] == "session_resumed":
                    return frame

    def _leave_second(self) -> None:
        second, self._second = self._second, None
        if second is not None:
            second.abort()

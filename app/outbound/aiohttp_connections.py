"""Connections for aiohttp whose peers cannot send heads without end, or hold the event loop up.

aiohttp parses all that one read brings at once, a quarter of a megabyte as a rule: tens of thousands of
interim answers, or of chunks of one byte. Here it gets a little at a time, and the event loop goes round in
between.
"""

import asyncio
from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage

from app.outbound.answer_head import AnswerHead, BadHead

PIECE_BYTES: Final = 4 * 1024
"""As much as is parsed before others have their turn."""


class BoundedConnector(aiohttp.TCPConnector):
    """A connector whose connections are `BoundedConnection`s."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType]
        # There is no public way to choose the class of a connection; the tests fail where this one is lost.
        self._factory = partial(BoundedConnection, loop=asyncio.get_running_loop())


class BoundedConnection(ResponseHandler):
    """One connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._head = AnswerHead()
        self._waiting = b""
        self._turn: asyncio.Handle | None = None

    def set_response_params(self, **params: Any) -> None:
        """Prepare for the answer to a request that is being sent."""
        self._head.begin()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Take what has come; what is more than a piece waits for the loop's next rounds."""
        payload = self._payload
        if (
            payload is not None
            and self._head.is_over
            and not self._waiting
            and len(data) <= PIECE_BYTES
            and not payload.is_eof()
        ):
            # A token of an answer, in the middle of it: by far the most of what comes.
            ResponseHandler.data_received(self, data)
        elif self._waiting:
            self._waiting += data
        elif len(data) > PIECE_BYTES:
            self._waiting = data
            self._take_piece()
        else:
            self._parse(data)

    def eof_received(self) -> None:
        """Notes that nothing more will come."""
        self._take_all()
        super().eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Notes that the connection is gone."""
        self._take_all()
        super().connection_lost(exc)

    def close(self) -> None:
        """Close the connection; what has not been looked at is dropped."""
        self._drop_waiting()
        super().close()

    def abort(self) -> None:
        """Break the connection off."""
        self._drop_waiting()
        super().abort()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Go on reading: first what is here already, then what the peer has sent meanwhile."""
        if not (self._reading_paused or self._waiting):
            return  # asked behind each chunk, and nothing has been held back
        waiting, self._waiting = self._waiting, b""
        # The parser hears by an empty piece, through `data_received`, that it may go on.
        super().resume_reading(resume_parser)
        self._waiting = waiting + self._waiting
        self._go_on()

    @property
    def should_close(self) -> bool:
        """Whether the connection cannot be used for another request."""
        return bool(self._waiting) or super().should_close

    def _take_piece(self) -> None:
        piece, self._waiting = self._waiting[:PIECE_BYTES], self._waiting[PIECE_BYTES:]
        self._turn = None
        self._parse(piece)
        self._go_on(may_resume=True)

    def _go_on(self, *, may_resume: bool = False) -> None:
        if self._waiting:
            self._pause_transport_reading()
            # Where the reader of the body has enough, it calls `resume_reading` when it wants more.
            if self._turn is None and not self._reading_paused:
                self._turn = self._loop.call_soon(self._take_piece)
        elif may_resume and not (self._reading_paused or self._buffer_paused):
            self._resume_transport_reading()

    def _take_all(self) -> None:
        waiting = self._waiting
        self._drop_waiting()
        if waiting:
            self._parse(waiting)

    def _drop_waiting(self) -> None:
        self._waiting = b""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _parse(self, data: bytes) -> None:
        if data and self._head.is_over and self._payload is not None and self._payload.is_eof():
            # The answer is whole, and nothing was asked since: a peer that goes on talking is let go.
            self.force_close()
            self.close()
            return
        try:
            self._head.feed(data)
        except BadHead as exc:
            self._refuse(exc)
        else:
            super().data_received(data)

    def _refuse(self, exc: BadHead) -> None:
        # As aiohttp does where its parser gives up.
        self._drop_waiting()
        if self.transport is not None:
            self.transport.close()
        self.set_exception(BadHttpMessage(str(exc)), exc)

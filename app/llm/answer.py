"""One answer on its way: a connection that is read, and everything that can go wrong while reading."""

import asyncio
from contextlib import AsyncExitStack

from app.errors import LlmBadResponse, LlmCut, LlmStalled
from app.llm.base import Completion
from app.llm.openai_errors import Failure, Hints, unreachable
from app.llm.openai_stream import AnswerDecoder
from app.llm.stall import StallClock
from app.llm.transport import ServiceUnreachable, UpstreamBody

_ENDING_LIMIT_S = 2.0
"""How long to wait after the finish reason for token counts and `[DONE]`, in seconds; some send none."""

_DRAIN_LIMIT_S = 0.1
"""How long to wait for the body's end after `[DONE]`, in seconds: a body read to its end frees its connection
for the next request."""


class StreamedResponse:
    """A streamed answer whose headers have come.

    Args:
        body: What to read.
        hints: What the log tells an operator.
        limits_s: The longest silence before and after the answer begins, in seconds.
        asked_at: When the request was sent, on the running loop's clock.
        service: Whose answer it is, as `Extras` name it.
        resources: What to close when the answer is let go: the response, the connection's slot.
        decoder: Reads it; by default as an answer of a model that nothing is known of.
    """

    def __init__(
        self,
        body: UpstreamBody,
        hints: Hints,
        limits_s: tuple[float, float],
        asked_at: float,
        resources: AsyncExitStack,
        service: str = "",
        decoder: AnswerDecoder | None = None,
    ) -> None:
        self._body = body
        self._service = service
        self._hints = hints
        self._resources = resources
        self._decoder = decoder or AnswerDecoder(hints)
        self._progress_seen = 0
        self._stall_limit_s = limits_s[1]
        self._stall = StallClock(limits_s[0], body.abort, asked_at)
        self._held: list[str] = []
        self._is_over = False
        self._is_near_end = False
        # Thoughts bind nobody: an answer of which nothing can be shown yet may be asked for again.
        self._may_retry = True

    async def begin(self, *, to_show: bool = True) -> None:
        """Wait until there is something to show or to run, so that whatever fails before may be tried again.

        Args:
            to_show: False: any sign of an answer will do, a thought for one.

        Raises:
            Failure: It did not begin.
        """
        while not (self._held or self._decoder.has_calls or (self._decoder.has_progress and not to_show)):
            pieces = await self._read()
            if pieces is None:
                self._held = self._rest()
                break
            self._held += pieces
        self._stall.end_wait()

    async def pieces(self) -> list[str]:
        """Wait for more text. An empty list is the answer's end.

        Raises:
            Failure: The answer broke off, went silent, or is none.
        """
        if self._held or self._is_over:
            pieces, self._held = self._held, []
            return pieces
        self._stall.begin_wait()
        try:
            while (pieces := await self._read()) is not None:
                if pieces:
                    return pieces
            return self._rest()
        finally:
            self._stall.end_wait()

    def _rest(self) -> list[str]:
        """Return what was held back, at the answer's end."""
        self._is_over = True
        if failure := self._decoder.ending_failure():
            raise failure
        return self._decoder.rest()

    async def completion(self) -> Completion:
        """Return the ending, after `pieces` has returned the empty list."""
        if self._decoder.is_done:
            await self._drain()
        return self._decoder.completion(self._service)

    async def aclose(self) -> None:
        """Let the connection go, at any moment."""
        self._stall.stop()
        await self._resources.aclose()

    async def _read(self) -> list[str] | None:
        """Return the text that the next bytes bring, maybe none; None at the end."""
        decoder = self._decoder
        if decoder.failure is not None:
            raise decoder.failure
        if decoder.is_done:
            return None
        try:
            chunk = await self._body.read()
        except ServiceUnreachable as exc:
            return self._broken(exc)
        if not chunk:
            return self._ended()
        pieces = decoder.feed(chunk)
        if self._may_retry and (pieces or decoder.has_calls):
            self._may_retry = False
        if decoder.progress != self._progress_seen or decoder.is_ending != self._is_near_end:
            self._note_progress()
        # Text that came before a fault in the same bytes is delivered first.
        if decoder.failure is not None and not pieces:
            raise decoder.failure
        return pieces

    def _note_progress(self) -> None:
        decoder = self._decoder
        if self._progress_seen == 0:
            self._stall.set_limit(self._stall_limit_s)
        self._progress_seen = decoder.progress
        ending_limit_s = min(self._stall_limit_s, _ENDING_LIMIT_S)
        if decoder.is_ending or self._is_near_end:
            self._is_near_end = decoder.is_ending
            self._stall.set_limit(ending_limit_s if decoder.is_ending else self._stall_limit_s)
        self._stall.begin_wait()

    def _broken(self, exc: ServiceUnreachable) -> None:
        decoder = self._decoder
        if decoder.has_ended:
            return
        if self._stall.has_fired:
            part = "mid-stream" if decoder.has_progress else "before the first token"
            raise Failure(LlmStalled(f"silent for too long {part}")) from exc
        if decoder.has_progress:
            cut = LlmCut(f"{exc.reason}: {self._hints.quoted(exc.detail)}")
            raise Failure(cut, may_retry=self._may_retry) from exc
        raise unreachable(exc, self._hints) from exc

    def _ended(self) -> list[str] | None:
        decoder = self._decoder
        pieces = decoder.finish()
        if pieces:
            return pieces
        if decoder.failure is not None:
            raise decoder.failure
        if decoder.has_ended:
            return None
        if not decoder.has_events:
            said = self._hints.quoted(decoder.odd_event.decode("utf-8", errors="replace"))
            raise Failure(LlmBadResponse(f"the answer holds no event{said and f': {said}'}"))
        raise Failure(LlmCut("the stream ended without a finish reason"), may_retry=self._may_retry)

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAIN_LIMIT_S):
                while await self._body.read():
                    pass
        except (TimeoutError, ServiceUnreachable):
            # The connection is dropped instead of kept; the answer is whole.
            return

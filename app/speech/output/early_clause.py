"""The sound of an answer's first clause, made before it is known whether the answer will be given."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from app.errors import AgentError
from app.speech.base import AudioPiece, Speech, Splitter, Synthesiser
from app.speech.stages import reached

logger = logging.getLogger(__name__)


class EarlyClause:
    """One first clause.

    Args:
        speech: Makes a clause into what the synthesiser is asked for; gets the text, and whether it is the
            turn's first.
    """

    def __init__(
        self, synthesiser: Synthesiser, speech: Callable[[str, bool], Speech], splitter: Splitter
    ) -> None:
        self._synthesiser = synthesiser
        self._speech_of = speech
        self._splitter = splitter
        self._speech: Speech | None = None
        self._pieces: list[AudioPiece] = []
        self._error: Exception | None = None
        self._is_over = False
        self._fresh = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, text: str, *, is_all: bool) -> None:
        """Add to the text; its sound is begun when the first clause is whole."""
        if self._task is not None:
            return
        clauses = self._splitter.feed(text) if text else []
        if is_all:
            clauses += self._splitter.flush()
        if clauses:
            reached("clause")
            self._speech = self._speech_of(clauses[0], True)
            self._task = asyncio.create_task(self._make(self._speech), name="rehearsal")

    def has(self, speech: Speech) -> bool:
        """Return whether this is what is being made, and nothing has failed so far."""
        return self._speech == speech and self._error is None

    async def pieces(self) -> AsyncGenerator[AudioPiece, None]:
        """The sound from its beginning, as a synthesiser gives it.

        Raises:
            AgentError: The rest of it could not be made.
        """
        given = 0
        while True:
            while given < len(self._pieces):
                given += 1
                yield self._pieces[given - 1]
            if self._is_over:
                break
            self._fresh.clear()
            await self._fresh.wait()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Make no more of it."""
        if self._task is not None:
            self._task.cancel()

    async def ended(self) -> None:
        """Wait until nothing of it is being made."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def aclose(self) -> None:
        """Give up what is not made yet."""
        self.stop()
        await self.ended()

    async def _make(self, speech: Speech) -> None:
        try:
            async with aclosing(self._synthesiser.speak(speech)) as pieces:
                async for piece in pieces:
                    self._pieces.append(piece)
                    self._fresh.set()
        except AgentError as error:
            self._error = error
        except Exception as exc:
            self._error = exc
            logger.exception("internal")
        finally:
            self._is_over = True
            self._fresh.set()

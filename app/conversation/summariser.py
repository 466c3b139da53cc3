"""Keeps a running summary of what has left a talk's prompts, written by the model in the background.

No turn waits for it: until a summary is there, prompts go on with the one before. Turns are given to the
model many at a time, each once; what fails waits for the next try, in a bounded backlog.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.chat import ApiMessage
from app.conversation.summary_prompt import summary_note, summary_request
from app.errors import (
    AgentError,
    ContentFiltered,
    ContextTooLong,
    Internal,
    LlmBadRequest,
    LlmBadResponse,
    LlmStalled,
)
from app.llm.base import ChatProvider, ChatRequest
from app.session.history import BYTES_PER_TOKEN
from app.session.history_turn import PromptTurn
from app.session.voice_session import VoiceSession
from config.agent_settings import AgentSettings

logger = logging.getLogger(__name__)

MAX_SUMMARY_CHARS = 4_000
"""A summary is never longer, and never more than an eighth of a prompt."""

MAX_BACKLOG_CHARS = 100_000
"""Text that waits to be summarised; beyond, the oldest is cut. `search_talk` still finds it."""

SUMMARY_TIMEOUT_S = 60.0
"""How long one summary may take, in seconds."""

RETRY_AFTER_S = 30.0
"""How long the model is left alone after a failure, in seconds."""

_MOST_CHARS: dict[str, int] = {"user": 2_000, "assistant": 2_000, "system": 1_000, "tool": 400}
"""How much of one message goes into the summary, by its role; of what tools brought, the agent has spoken."""

_LONGEST_WORD = 30

_SPEAKERS = {"user": "user", "assistant": "agent", "system": "note", "tool": "tool"}


@dataclass(frozen=True, slots=True)
class _Passage:
    """A turn as it is summarised.

    Attributes:
        upto: The place in the store behind the user's text; 0 where the turn was the agent's own.
        lines: Who spoke, and what.
        chars: How much text there is.
    """

    upto: int
    lines: tuple[tuple[str, str], ...]
    chars: int


class Summariser:
    """The summary of one session's talk."""

    def __init__(self, session: VoiceSession, provider: ChatProvider, settings: AgentSettings) -> None:
        self._session = session
        self._history = session.conversation_history
        self._provider = provider
        budget_bytes = settings.max_history_tokens * BYTES_PER_TOKEN
        self._max_chars = min(MAX_SUMMARY_CHARS, budget_bytes // 8)
        self._max_request_chars = budget_bytes // 2
        self._backlog: list[_Passage] = []
        self._backlog_chars = 0
        self._most_passages: int | None = None
        self._upto = 0
        self._task: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._has_failed = False
        self._is_closed = False

    @property
    def is_at_work(self) -> bool:
        """Whether the model is being asked for a summary."""
        return self._task is not None

    def recall(self, summary: str, upto: int) -> None:
        """Go on from the summary of an earlier life of the session."""
        self._upto = upto
        self._stand_in(summary)

    def take(self, turns: Iterable[PromptTurn]) -> None:
        """Take turns that have left the prompts, and have them summarised unless the model is left alone."""
        for turn in turns:
            self._put(_passage(turn, self._max_request_chars))
        may_ask = asyncio.get_running_loop().time() >= self._not_before
        if self._backlog and self._task is None and may_ask and not self._is_closed:
            name = f"summary {self._session.session_id}"
            self._task = asyncio.create_task(self._work(), name=name)

    async def aclose(self) -> None:
        """Give up what is being summarised."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _put(self, passage: _Passage) -> None:
        self._backlog.append(passage)
        self._backlog_chars += passage.chars
        while self._backlog_chars > MAX_BACKLOG_CHARS and len(self._backlog) > 1:
            self._take_oldest()

    def _put_back(self, batch: Sequence[_Passage]) -> None:
        waiting = [*batch, *self._backlog]
        self._backlog.clear()
        self._backlog_chars = 0
        for passage in waiting:
            self._put(passage)

    def _take_oldest(self) -> _Passage:
        passage = self._backlog.pop(0)
        self._backlog_chars -= passage.chars
        return passage

    def _next_batch(self) -> list[_Passage]:
        batch = [self._take_oldest()]
        room = self._max_request_chars - batch[0].chars
        while self._backlog and self._backlog[0].chars <= room and len(batch) != self._most_passages:
            room -= self._backlog[0].chars
            batch.append(self._take_oldest())
        return batch

    async def _work(self) -> None:
        try:
            while self._backlog:
                batch = self._next_batch()
                try:
                    async with asyncio.timeout(SUMMARY_TIMEOUT_S):
                        summary = await self._ask(batch)
                    self._keep(summary, batch)
                except (ContentFiltered, ContextTooLong) as exc:
                    self._note_refusal(batch, exc)
                except LlmBadRequest as exc:
                    self._doubt(batch, exc)
                    return
                except (AgentError, TimeoutError) as exc:
                    self._note_failure(batch, exc if isinstance(exc, AgentError) else LlmStalled("too long"))
                    return
                except Exception as exc:
                    # A bug: over this batch, or over any.
                    logger.exception("internal")
                    self._doubt(batch, Internal(type(exc).__name__))
                    return
        finally:
            self._task = None

    async def _ask(self, batch: Sequence[_Passage]) -> str:
        locale = self._session.locale
        lines = [passage.lines for passage in batch]
        messages = summary_request(self._history.summary, lines, self._max_chars, locale)
        request = ChatRequest(messages, locale=locale, purpose="summary")
        text = ""
        with self._session.observer.model_call(None, messages) as call:
            async with aclosing(self._provider.stream(request)) as pieces:
                async for piece in pieces:
                    if not isinstance(piece, str):
                        call.completed(piece.finish_reason, piece.usage)
                        if piece.usage is not None:
                            used = piece.usage.prompt_tokens + piece.usage.completion_tokens
                            self._session.budget.spend_tokens(used)
                    else:
                        text += piece
                    if len(text) > self._max_chars:
                        break
        summary = _cut(text.strip(), self._max_chars)
        if not summary:
            raise LlmBadResponse("an empty summary")
        return summary

    def _keep(self, summary: str, batch: Sequence[_Passage]) -> None:
        self._has_failed = False
        self._most_passages = None
        self._stand_in(summary)
        # Texts that wait, and turns that are still held, all stand behind the last text of the batch.
        self._upto = max(self._upto, *(passage.upto for passage in batch))
        self._session.journal.summarised(summary, self._upto)
        logger.info("summarised", extra={"turns": len(batch), "chars": len(summary)})

    def _stand_in(self, summary: str) -> None:
        # What the user has quoted of others is no longer told from their own words.
        self._session.holds_outside = True
        self._history.set_summary(summary, summary_note(summary, self._session.locale))

    def _note_refusal(self, batch: Sequence[_Passage], error: AgentError) -> None:
        """Find the turn that the service does not take, by asking for fewer at a time, and leave it out."""
        if len(batch) > 1:
            self._put_back(batch)
            self._most_passages = len(batch) // 2
            return
        self._most_passages = None
        logger.warning("summary_refused", extra={"error": error.code})

    def _doubt(self, batch: Sequence[_Passage], error: AgentError) -> None:
        """Have what fails over a text, or over a setting, found out one at a time, and slowly."""
        if len(batch) == 1:
            logger.warning("summary_refused", extra={"error": error.code})
            batch = []
        self._most_passages = max(1, len(batch) // 2)
        self._note_failure(batch, error)

    def _note_failure(self, batch: Sequence[_Passage], error: AgentError) -> None:
        self._put_back(batch)
        self._not_before = asyncio.get_running_loop().time() + RETRY_AFTER_S
        if not self._has_failed:
            facts = {"error": error.code, "facts": error.facts, "waiting": len(self._backlog)}
            logger.warning("summary_failed", extra=facts)
        self._has_failed = True


def _passage(turn: PromptTurn, max_chars: int) -> _Passage:
    lines: list[tuple[str, str]] = []
    left = max_chars
    for message in turn.messages:
        text = _text_of(message)[: max(left, 0)]
        if text:
            lines.append((_SPEAKERS[message["role"]], text))
            left -= len(text)
    is_users = bool(turn.messages) and turn.messages[0]["role"] == "user"
    return _Passage(turn.position + 1 if is_users else 0, tuple(lines), max_chars - left)


def _text_of(message: ApiMessage) -> str:
    text = _cut(message["content"] or "", _MOST_CHARS[message["role"]])
    called = ", ".join(call["function"]["name"] for call in message.get("tool_calls", ()))
    parts = [text, f"({called})" if called else ""]
    # What models and tools wrote may hold half a surrogate pair, which has no UTF-8.
    return " ".join(part for part in parts if part).encode("utf-8", "replace").decode()


def _cut(text: str, max_chars: int) -> str:
    """Return the beginning of a text, up to a word's end."""
    if len(text) <= max_chars:
        return text
    kept = text[: max_chars - 1]
    head, _, word = kept.rpartition(" ")
    # Not every script parts its words by spaces.
    return (head.rstrip() if head and len(word) < _LONGEST_WORD else kept) + "…"

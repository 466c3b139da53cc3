"""Telemetry that notes all that it is told, in order."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.chat import ApiMessage, TokenUsage
from app.protocol.events import Event
from app.session.observer import ModelCall, Observer, ResumeOutcome


@dataclass
class Call:
    """A request to a model, and what became of it."""

    turn_id: str | None
    messages: list[ApiMessage]
    finish_reason: str = ""
    usage: TokenUsage | None = None
    error: str = ""
    is_draft: bool = False

    def completed(self, finish_reason: str, usage: TokenUsage | None) -> None:
        self.finish_reason, self.usage = finish_reason, usage


@dataclass
class Onlooker:
    """Observer and telemetry."""

    events: list[Event] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    news: list[tuple[str, str]] = field(default_factory=list)

    def saw(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def model_call(
        self, turn_id: str | None, messages: Sequence[ApiMessage], *, is_draft: bool = False
    ) -> AbstractContextManager[ModelCall]:
        return self._calling(turn_id, messages, is_draft=is_draft)

    @contextmanager
    def _calling(
        self, turn_id: str | None, messages: Sequence[ApiMessage], *, is_draft: bool
    ) -> Iterator[ModelCall]:
        call = Call(turn_id, list(messages), is_draft=is_draft)
        self.calls.append(call)
        try:
            yield call
        except BaseException as exc:
            call.error = type(exc).__name__
            raise

    def closed(self) -> None:
        self.news.append(("closed", ""))

    def observer(self, session_id: str) -> Observer:
        self.news.append(("opened", session_id))
        return self

    def resumed(self, outcome: ResumeOutcome) -> None:
        self.news.append(("resumed", outcome))

    def connection_ended(self, reason: str) -> None:
        self.news.append(("connection", reason))

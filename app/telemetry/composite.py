"""Telemetry for more than one who looks."""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from app.chat import ApiMessage, TokenUsage
from app.protocol.events import Event
from app.session.observer import ModelCall, Observer, ResumeOutcome, Telemetry


class CompositeTelemetry:
    """Tells all of them, in their order."""

    def __init__(self, *parts: Telemetry) -> None:
        self._parts = parts

    def observer(self, session_id: str) -> Observer:
        """Return an observer of each."""
        return _Observers([part.observer(session_id) for part in self._parts])

    def resumed(self, outcome: ResumeOutcome) -> None:
        """Tell all."""
        for part in self._parts:
            part.resumed(outcome)

    def connection_ended(self, reason: str) -> None:
        """Tell all."""
        for part in self._parts:
            part.connection_ended(reason)


class _Observers:
    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def saw(self, event: Event) -> None:
        for observer in self._observers:
            observer.saw(event)

    def model_call(
        self, turn_id: str | None, messages: Sequence[ApiMessage], *, is_draft: bool = False
    ) -> AbstractContextManager[ModelCall]:
        return self._calls(turn_id, messages, is_draft=is_draft)

    @contextmanager
    def _calls(
        self, turn_id: str | None, messages: Sequence[ApiMessage], *, is_draft: bool
    ) -> Generator[ModelCall]:
        with ExitStack() as stack:
            calls = [
                stack.enter_context(observer.model_call(turn_id, messages, is_draft=is_draft))
                for observer in self._observers
            ]
            yield _Calls(calls)

    def closed(self) -> None:
        for observer in self._observers:
            observer.closed()


class _Calls:
    def __init__(self, calls: Sequence[ModelCall]) -> None:
        self._calls = calls

    def completed(self, finish_reason: str, usage: TokenUsage | None) -> None:
        for call in self._calls:
            call.completed(finish_reason, usage)

"""Counts what happens in all sessions of a server, for whoever asks for the sums.

Counting costs an addition; what the sums look like to Prometheus is made when it asks (`exposition.py`).
"""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, Literal, Self, get_args

from app.chat import ApiMessage, TokenUsage
from app.errors import AgentError, ServerRestarted
from app.protocol.events import (
    ApprovalRequested,
    ErrorOccurred,
    Event,
    ResponseComplete,
    SpeechStopped,
    Timings,
    ToolFinished,
    ToolStarted,
    TurnSource,
    TurnStarted,
)
from app.session.observer import ModelCall, Observer, ResumeOutcome

BUCKETS_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

TurnEnding = Literal["stop", "interrupted", "length", "content_filter", "failed", "abandoned"]
"""How turns end. `abandoned`: the session ended first."""

ENDINGS: Final[tuple[TurnEnding, ...]] = get_args(TurnEnding)

Stage = Literal["queued", "first_token", "first_audio", "total"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)

OTHER_TOOL: Final = "other"
"""Stands for all names that a model has made up."""


class Durations:
    """A histogram of seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sum_s += seconds


class MetricsRecorder:
    """Telemetry that counts.

    Args:
        tools: The names that tools are counted under; all others count as one.
    """

    def __init__(self, tools: Container[str]) -> None:
        self.known_tools = tools
        self.turns: Counter[tuple[str, str]] = Counter(
            {(source, ending): 0 for source in get_args(TurnSource) for ending in ENDINGS}
        )
        self.stages: dict[Stage, Durations] = {stage: Durations() for stage in STAGES}
        self.transcripts = Durations()
        self.tools: Counter[tuple[str, str]] = Counter()
        self.approvals: Counter[str] = Counter(approved=0, denied=0, expired=0)
        self.errors: Counter[str] = Counter()
        self.model_calls: Counter[str] = Counter(ok=0)
        self.model_tokens: Counter[str] = Counter(input=0, output=0)
        self.resumes: Counter[str] = Counter(dict.fromkeys(get_args(ResumeOutcome), 0))
        self.connections: Counter[str] = Counter(client_left=0, slow_client=0)

    def observer(self, session_id: str) -> Observer:
        """Count in one session."""
        return _SessionTally(self)

    def resumed(self, outcome: ResumeOutcome) -> None:
        """Count it."""
        self.resumes[outcome] += 1

    def connection_ended(self, reason: str) -> None:
        """Count it."""
        self.connections[reason] += 1

    def turn_ended(self, source: TurnSource, ending: TurnEnding, timings: Timings | None = None) -> None:
        """Count a turn, and how long it took where that is known."""
        self.turns[source, ending] += 1
        if timings is None:
            return
        for stage in STAGES:
            milliseconds: int | None = getattr(timings, stage)
            if milliseconds is not None:
                self.stages[stage].add(milliseconds / 1000)


class _SessionTally:
    """Counts in one session; knows what has begun in it and not ended."""

    __slots__ = ("_asked", "_metrics", "_sources")

    def __init__(self, metrics: MetricsRecorder) -> None:
        self._metrics = metrics
        self._sources: dict[str, TurnSource] = {}
        self._asked: set[str] = set()

    def saw(self, event: Event) -> None:
        count = _COUNTS.get(type(event))
        if count is not None:
            count(self, event)

    def model_call(
        self, turn_id: str | None, messages: Sequence[ApiMessage], *, is_draft: bool = False
    ) -> AbstractContextManager[ModelCall]:
        return _CountedCall(self._metrics)

    def closed(self) -> None:
        for source in self._sources.values():
            self._metrics.turn_ended(source, "abandoned")
        self._sources.clear()

    def turn_started(self, event: TurnStarted) -> None:
        self._sources[event.turn_id] = event.source

    def turn_completed(self, event: ResponseComplete) -> None:
        self._metrics.turn_ended(self._source(event.turn_id), event.finish_reason, event.timings)

    def failed(self, event: ErrorOccurred) -> None:
        self._metrics.errors[event.error.code] += 1
        # A turn that a restart left without an end is no turn of this server.
        if event.turn_id is not None and not isinstance(event.error, ServerRestarted):
            self._metrics.turn_ended(self._source(event.turn_id), "failed")

    def approval_requested(self, event: ApprovalRequested) -> None:
        self._asked.add(event.call_id)

    def tool_started(self, event: ToolStarted) -> None:
        if event.call_id in self._asked:
            self._asked.discard(event.call_id)
            self._metrics.approvals["approved"] += 1

    def tool_finished(self, event: ToolFinished) -> None:
        self._asked.discard(event.call_id)
        name = event.name if event.name in self._metrics.known_tools else OTHER_TOOL
        self._metrics.tools[name, event.status] += 1
        if event.reason in ("denied", "expired"):
            self._metrics.approvals[event.reason] += 1

    def speech_stopped(self, event: SpeechStopped) -> None:
        if not event.empty:
            self._metrics.transcripts.add(event.silence_ms / 1000)

    def _source(self, turn_id: str) -> TurnSource:
        # A text that is withdrawn, or whose words cannot be had, ends without having begun.
        return self._sources.pop(turn_id, "user")


_COUNTS: Final[Mapping[type, Callable[[_SessionTally, Any], None]]] = {
    TurnStarted: _SessionTally.turn_started,
    ResponseComplete: _SessionTally.turn_completed,
    ErrorOccurred: _SessionTally.failed,
    ApprovalRequested: _SessionTally.approval_requested,
    ToolStarted: _SessionTally.tool_started,
    ToolFinished: _SessionTally.tool_finished,
    SpeechStopped: _SessionTally.speech_stopped,
}


class _CountedCall:
    """A request to a model, counted at its end."""

    def __init__(self, metrics: MetricsRecorder) -> None:
        self._metrics = metrics
        self._outcome = "cut"

    def __enter__(self) -> Self:
        return self

    def completed(self, finish_reason: str, usage: TokenUsage | None) -> None:
        self._outcome = "ok"
        if usage is not None:
            self._metrics.model_tokens["input"] += usage.prompt_tokens
            self._metrics.model_tokens["output"] += usage.completion_tokens

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._metrics.model_calls[self._outcome if exc is None else outcome_of(exc)] += 1


def outcome_of(exc: BaseException) -> str:
    """One word of few for what ended a request to a model."""
    if isinstance(exc, AgentError):
        return exc.code
    return "interrupted" if isinstance(exc, asyncio.CancelledError) else "internal"

"""What those who measure are told: metrics and traces. The core knows only these interfaces.

They look on. Nothing here waits, raises or decides, and nothing is told of single tokens.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Literal, Protocol

from app.chat import ApiMessage, TokenUsage
from app.protocol.events import AudioFrame, Event, ResponseChunk

UNTOLD: Final = frozenset({ResponseChunk, AudioFrame})
"""Events that observers are not told of: there is one for each token, or for each piece of sound."""

ResumeOutcome = Literal["ok", "gap", "refused"]
"""How a client came back: with all that it missed, with the history in its place, or not at all."""


class ModelCall(Protocol):
    """One request to a model, from the beginning of a `with` block to its end."""

    def completed(self, finish_reason: str, usage: TokenUsage | None) -> None:
        """The answer has come whole. Without this, or by an exception, it has not."""
        ...


class Observer(Protocol):
    """Looks at one session."""

    def saw(self, event: Event) -> None:
        """Something happened; never one of `UNTOLD`."""
        ...

    def model_call(
        self, turn_id: str | None, messages: Sequence[ApiMessage], *, is_draft: bool = False
    ) -> AbstractContextManager[ModelCall]:
        """A model is asked: for a turn, between turns for a summary, or before one for its draft."""
        ...

    def closed(self) -> None:
        """The session has ended; a turn that still ran has no other end."""
        ...


class Telemetry(Protocol):
    """Looks at all sessions of a server, and at their connections."""

    def observer(self, session_id: str) -> Observer:
        """Who looks at a new session."""
        ...

    def resumed(self, outcome: ResumeOutcome) -> None:
        """A client came for a session that was there before."""
        ...

    def connection_ended(self, reason: str) -> None:
        """A connection has ended; the reason is one word of few."""
        ...


class _UncountedCall:
    def completed(self, finish_reason: str, usage: TokenUsage | None) -> None:
        """Look away."""


_UNCOUNTED: Final = _UncountedCall()


class NullTelemetry:
    """Observer and telemetry where nothing is measured."""

    def saw(self, event: Event) -> None:
        """Look away."""

    def model_call(
        self, turn_id: str | None, messages: Sequence[ApiMessage], *, is_draft: bool = False
    ) -> AbstractContextManager[ModelCall]:
        """Look away."""
        return nullcontext(_UNCOUNTED)

    def closed(self) -> None:
        """Look away."""

    def observer(self, session_id: str) -> Observer:
        """Nobody."""
        return self

    def resumed(self, outcome: ResumeOutcome) -> None:
        """Look away."""

    def connection_ended(self, reason: str) -> None:
        """Look away."""


NOBODY: Final = NullTelemetry()

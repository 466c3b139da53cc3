"""A language model that says what a test tells it to, and looks at every request as the service would."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import orjson

from app.chat import FunctionCall, TokenUsage
from app.errors import AgentError, Locale
from app.llm.base import ChatRequest, Check, Completion
from app.session.message_rules import validate

_ids = itertools.count(1)


@dataclass(frozen=True)
class Pause:
    """Nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Until:
    """Nothing until this has happened."""

    event: asyncio.Event


@dataclass(frozen=True)
class Says:
    """A piece of text."""

    text: str


@dataclass(frozen=True)
class Calls:
    """Tool calls, each `(name, arguments)`; arguments are a dict, or a text as a model might write it."""

    calls: Sequence[tuple[str, dict[str, Any] | str]]


@dataclass(frozen=True)
class Fails:
    """An error in place of the rest."""

    error: AgentError


@dataclass(frozen=True)
class Ends:
    """A finish reason other than the usual one."""

    reason: str
    usage: TokenUsage | None = None


Step = Pause | Until | Says | Calls | Fails | Ends
Answer = Sequence[Step]


def says(*pieces: str) -> list[Step]:
    """An answer of so many pieces."""
    return [Says(piece) for piece in pieces]


def calls(*wanted: tuple[str, dict[str, Any] | str]) -> list[Step]:
    """An answer that is tool calls alone."""
    return [Calls(wanted)]


class ScriptedModel:
    """A `ChatProvider` that plays a script; it fails a test whose history the service would refuse.

    Args:
        script: Answers in their order, or a function from the request to one.
    """

    name = "demo"
    model = "scripted"
    notice: ClassVar[dict[Locale, str]] = {}
    retries: ClassVar[dict[str, int]] = {}

    def __init__(self, script: Sequence[Answer] | Callable[[ChatRequest], Answer]) -> None:
        self._answers = list(script) if not callable(script) else None
        self._choose = script if callable(script) else self._next
        self.requests: list[ChatRequest] = []
        self.open_streams = 0
        self.invalid: list[list[str]] = []

    def _next(self, request: ChatRequest) -> Answer:
        assert self._answers, f"an unexpected request: {request.messages[-1]}"
        return self._answers.pop(0)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str | Completion, None]:
        problems = validate(request.messages)
        if problems:
            self.invalid.append(problems)
        self.requests.append(replace(request, messages=orjson.loads(orjson.dumps(request.messages))))
        self.open_streams += 1
        try:
            await asyncio.sleep(0)
            made: list[FunctionCall] = []
            reason, usage = "stop", None
            for step in self._choose(request):
                match step:
                    case Pause(seconds):
                        await asyncio.sleep(seconds)
                    case Until(event):
                        await event.wait()
                    case Says(text):
                        yield text
                    case Fails(error):
                        raise error
                    case Ends(end_reason, end_usage):
                        reason, usage = end_reason, end_usage
                    case Calls(wanted):
                        made += [
                            FunctionCall(
                                f"model_{next(_ids)}",
                                name,
                                arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode(),
                            )
                            for name, arguments in wanted
                        ]
            if made and reason == "stop":
                reason = "tool_calls"
            yield Completion(reason, tuple(made), usage)
        finally:
            self.open_streams -= 1

    async def diagnose(self) -> list[Check]:
        return [Check("script", ok=True, detail="always there")]

    async def aclose(self) -> None:
        assert self.open_streams == 0, "streams left open"

    @property
    def is_finished(self) -> bool:
        """Whether every answer of the script was asked for."""
        return not self._answers


def last_text(request: ChatRequest) -> str:
    """The content of a request's last message."""
    return str(request.messages[-1]["content"])

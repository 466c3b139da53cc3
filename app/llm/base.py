"""What the rest of the server knows about a language model.

A provider turns one `ChatRequest` into a stream: text as it comes, then one `Completion`. Which service is
behind it, how it frames its events and what it calls its parameters stays in this package.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from app.chat import ApiMessage, Extras, FunctionCall, Mood, TokenUsage, ToolSchema
from app.errors import Locale

__all__ = [
    "WAIT",
    "ApiMessage",
    "ChatProvider",
    "ChatRequest",
    "Check",
    "Completion",
    "FunctionCall",
    "TokenUsage",
    "ToolSchema",
]


WAIT: Final = "<wait/>"
"""All that a model answers to a text that is evidently unfinished, where it was told that it may be."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The end of an answer.

    Attributes:
        finish_reason: Why it stopped: `stop`, `length`, `tool_calls` or `content_filter`, whatever the
            service's word is.
        tool_calls: All calls of the answer, whole, in their order; empty where there are none.
        usage: None where the service does not tell.
        extras: What else the service gave and wants back with the answer.
    """

    finish_reason: str
    tool_calls: tuple[FunctionCall, ...] = ()
    usage: TokenUsage | None = None
    extras: Extras | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request to a model.

    Attributes:
        messages: As the history has them, the system prompt first. What leaves for a service is made of them
            by `request_messages`.
        tools: Empty where the model may not call any.
        locale: The talk's language, for providers that write sentences of their own.
        mood: How the user seems to feel, for the same ones; None where nobody judged it. Language models are
            told in the messages.
        purpose: `summary` asks for a summary of what stands as data in the last message.
        may_retry: Whether it may be sent again where it fails in a way that passes.
        talk: Which talk it is of; what its answers show of the model counts in others only with more of them.
        may_wait: The user may only be pausing: an answer of `WAIT` alone says that the text is unfinished.
            Language models are told in the messages.
        max_tokens: Of the answer, where it is to be shorter than the server's settings say; None where not.
    """

    messages: list[ApiMessage]
    tools: list[ToolSchema] = field(default_factory=list[ToolSchema])
    locale: Locale = "es"
    mood: Mood | None = None
    purpose: Literal["answer", "summary"] = "answer"
    may_retry: bool = True
    talk: str = ""
    may_wait: bool = False
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `/agent/diagnose`: what was tried, whether it worked, and what to do if not."""

    name: str
    ok: bool
    detail: str


class ChatProvider(Protocol):
    """A language model.

    Attributes:
        name: `azure`, `openai` or `demo`, as `/agent/health` shows it.
        model: The model's or deployment's name.
        notice: A sentence that a new session is told (the demo says that it is one), or an empty dict; by
            locale.
        retries: How often requests were sent again, by the code of what had failed.
    """

    name: str
    model: str
    notice: dict[Locale, str]
    retries: Mapping[str, int]

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | Completion, None]:
        """Stream one answer: non-empty pieces of text, then exactly one `Completion`.

        Closing the generator, at any moment, closes the upstream connection. Retries happen inside and only
        before the first piece of text.

        Raises:
            LlmError: The answer cannot be had, or broke off.
        """
        ...

    async def diagnose(self) -> list[Check]:
        """Try each part of the connection for real; bounded to 8 seconds, never shows a secret."""
        ...

    async def aclose(self) -> None:
        """Close the connections. Nothing may be streamed afterwards."""
        ...

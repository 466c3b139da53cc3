"""Providers under test, each with its stand-in service."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

from app.errors import LlmError
from app.llm.azure_openai import AzureOpenAI
from app.llm.base import ApiMessage, ChatRequest, Completion, ToolSchema
from app.llm.chat_completions import ConnectionLimits
from app.llm.openai_compatible import OpenAICompatible
from app.llm.retry import RetryPolicy
from tests.support.azure_standin import AzureStandin
from tests.support.context import settings_with

Kind = Literal["azure", "openai"]
KINDS: tuple[Kind, ...] = ("azure", "openai")

QUICK = RetryPolicy(max_retries=2, first_delay_s=0.01, longest_delay_s=0.02, longest_asked_s=20)
"""Retries without the pauses that people need and tests do not."""

CALCULATE: ToolSchema = {
    "type": "function",
    "function": {
        "name": "calculate",
        "description": "Calculates.",
        "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}},
    },
}


@dataclass
class Heard:
    """What a consumer got of one answer."""

    pieces: list[str]
    completion: Completion | None = None
    error: LlmError | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def asks(text: str = "hola", *, tools: list[ToolSchema] | None = None) -> ChatRequest:
    """A request of one message."""
    messages: list[ApiMessage] = [{"role": "user", "content": text}]
    return ChatRequest(messages, tools or [])


async def hears(provider: Any, request: ChatRequest | None = None) -> Heard:
    """Everything that one answer brings, also if it ends in an error."""
    heard = Heard([])
    try:
        async for part in provider.stream(request or asks()):
            if isinstance(part, Completion):
                assert heard.completion is None, "an answer has one ending"
                heard.completion = part
            else:
                assert part, "no piece is empty"
                heard.pieces.append(part)
    except LlmError as error:
        heard.error = error
    return heard


@contextlib.asynccontextmanager
async def provider_for(
    kind: Kind,
    standin: AzureStandin,
    *,
    limits: ConnectionLimits | None = None,
    retry: RetryPolicy | None = QUICK,
    **values: Any,
) -> AsyncIterator[AzureOpenAI | OpenAICompatible]:
    """A provider that talks to the stand-in; short timeouts unless others are given."""
    quick = {"llm_first_token_timeout_s": 5, "llm_stall_timeout_s": 5, **values}
    if kind == "azure":
        settings = settings_with(llm_provider="azure", **{**standin.azure(), **quick})
        provider: AzureOpenAI | OpenAICompatible = AzureOpenAI(settings, limits=limits, retry=retry)
    else:
        settings = settings_with(llm_provider="openai", **{**standin.openai(), **quick})
        provider = OpenAICompatible(settings, limits=limits, retry=retry)
    try:
        yield provider
    finally:
        await provider.aclose()

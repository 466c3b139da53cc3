"""Which optional parameters a service takes."""

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from app.llm.base import ChatRequest
from app.llm.plain_tools import plain_tools
from config.model_settings import ModelSettings

OptionalParameter = Literal["stream_options", "max_tokens", "max_completion_tokens", "temperature", "tools"]

OPTIONAL_PARAMETERS: tuple[OptionalParameter, ...] = (
    "stream_options",
    "max_completion_tokens",
    "max_tokens",
    "temperature",
    "tools",
)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a service is believed to take; replaced by less when it refuses something.

    Attributes:
        stream_options: Whether it may be asked to end the stream with its token counts.
        max_tokens_name: What it calls the limit of an answer; None if it takes none.
        temperature: Whether the temperature may be set.
        tools: Whether the model can call tools at all.
    """

    stream_options: bool = True
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] | None = "max_tokens"
    temperature: bool = True
    tools: bool = True

    def without(self, name: OptionalParameter) -> Self:
        """The same without what was refused; `max_tokens` is first renamed, as newer models want it."""
        match name:
            case "stream_options":
                return replace(self, stream_options=False)
            case "max_tokens":
                return replace(self, max_tokens_name="max_completion_tokens")
            case "max_completion_tokens":
                return replace(self, max_tokens_name=None)
            case "temperature":
                return replace(self, temperature=False)
            case "tools":
                return replace(self, tools=False)

    def parameters(self, request: ChatRequest, settings: ModelSettings) -> dict[str, Any]:
        """The optional parameters to send with a request: only what is set and believed to be taken."""
        parameters: dict[str, Any] = {}
        if self.stream_options:
            parameters["stream_options"] = {"include_usage": True}
        limits = [limit for limit in (settings.max_tokens, request.max_tokens) if limit is not None]
        if self.max_tokens_name and limits:
            parameters[self.max_tokens_name] = min(limits)
        if self.temperature and settings.temperature is not None:
            parameters["temperature"] = settings.temperature
        if self.tools and request.tools:
            parameters["tools"] = plain_tools(request.tools)
        return parameters

"""The words in which models are spoken to: shapes of the chat-completions API that all packages share."""

from dataclasses import dataclass
from typing import Any, Literal

ApiMessage = dict[str, Any]
"""A message as the chat-completions API takes it: `role`, `content`, `tool_calls`, `tool_call_id`."""

ToolSchema = dict[str, Any]
"""A tool as the chat-completions API takes it: `{"type": "function", "function": {...}}`."""

Mood = Literal["neutral", "frustrated", "hurried", "pleased"]
"""How a user seems to feel."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that a model asked for, gathered from its pieces.

    `arguments` is the JSON text as the model wrote it, unchecked; `name` and `id` too.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the service counted."""

    prompt_tokens: int
    completion_tokens: int

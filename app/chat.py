"""The words in which models are spoken to: shapes of the chat-completions API that all packages share."""

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

ApiMessage = dict[str, Any]
"""A message as the chat-completions API takes it: `role`, `content`, `tool_calls`, `tool_call_id`.

Two more members stand beside them until a request leaves: `note` on a system message that is not the
first (`NoteKind`), and `extras` on an assistant's message or on one of its calls (`Extras`).
"""

NoteKind = Literal["summary", "context", "aside", "task"]
"""What a system message within a talk is: a summary of what has left the prompts, something to know from now
on, a remark on the user's text behind it, something to do now."""

ToolSchema = dict[str, Any]
"""A tool as the chat-completions API takes it: `{"type": "function", "function": {...}}`."""

Mood = Literal["neutral", "frustrated", "hurried", "pleased"]
"""How a user seems to feel."""


class Extras(TypedDict):
    """What a service gave along with an answer or a call and is to be given back: nobody else reads it.

    `service` names it and its model; `fields` are JSON values by name.
    """

    service: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A tool call that a model asked for, gathered from its pieces.

    `arguments` is the JSON text as the model wrote it, unchecked; `name` and `id` too. `extras` is what else
    came with it.
    """

    id: str
    name: str
    arguments: str
    extras: Extras | None = None


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens that the service counted."""

    prompt_tokens: int
    completion_tokens: int

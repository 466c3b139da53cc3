"""What a user's text asks of a tool."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Ask:
    """A tool call that a text asks for.

    Attributes:
        missing: The required argument that the text does not give; empty where nothing is missing.
    """

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    missing: str = ""

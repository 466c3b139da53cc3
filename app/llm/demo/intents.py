"""What a user's text asks of a tool, and what it goes on from."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Intent:
    """A tool call that a text asks for.

    Attributes:
        missing: The required argument that the text does not give; empty where nothing is missing.
    """

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    missing: str = ""

    def __str__(self) -> str:
        """What was understood, in short: `calculate: 2+2`."""
        values = [str(value) for value in self.arguments.values()]
        said = ", ".join(
            " ".join(value[:_MOST_SHOWN].split()) + "…" * (len(value) > _MOST_SHOWN) for value in values
        )
        return f"{self.tool}: {said}" if said else self.tool


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was asked before, as far as a short text may go on from it.

    Attributes:
        tool: The tool that was called last, or that is still waiting for an argument.
        arguments: What it was called with; empty where it was not called.
        is_waiting: Whether the user was asked for its missing argument.
    """

    tool: str
    arguments: dict[str, Any]
    is_waiting: bool = False


_MOST_SHOWN = 60

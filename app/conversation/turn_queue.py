"""What waits for its turn in a conversation, in order: texts, contributions, and results to be told."""

from collections.abc import Sequence

from app.conversation.injected_message import InjectedMessage, Mode
from app.conversation.intake import UserText
from app.tools.tool_call import ToolCall


class TurnQueue(list[UserText | InjectedMessage | ToolCall]):
    """A queue that lets a user who spoke over the agent go before results, told or not."""

    def enter(self, text: UserText) -> None:
        """Add a user's text."""
        if not text.goes_first:
            self.append(text)
            return
        results = [item for item in self if isinstance(item, ToolCall)]
        others = [item for item in self if not isinstance(item, ToolCall)]
        self.clear()
        self.extend((*others, text, *results))

    def take_back(self, turn_id: str, mode: Mode) -> bool:
        """Take out what was added so by others than the user; return whether it waited, under this turn."""
        for item in self:
            if isinstance(item, InjectedMessage) and item.mode == mode and item.turn_id == turn_id:
                self.remove(item)
                return True
        return False

    def put_back(self, runs: Sequence[ToolCall]) -> None:
        """Add results that could not be told: first of all, but for texts that go first."""
        place = max(
            (n for n, item in enumerate(self, 1) if isinstance(item, UserText) and item.goes_first), default=0
        )
        waiting = [*self]
        self.clear()
        self.extend((*waiting[:place], *runs, *waiting[place:]))

"""What waits for its turn in a conversation, in order: texts, contributions, and results to be told."""

from collections import deque
from collections.abc import Sequence

from app.conversation.contribution import Contribution
from app.conversation.intake import UserText
from app.tools.calls import ToolRun


class TurnQueue(deque[UserText | Contribution | ToolRun]):
    """A queue that lets a user who spoke over the agent go before results, told or not."""

    def enter(self, text: UserText) -> None:
        """Add a user's text."""
        if not text.goes_first:
            self.append(text)
            return
        results = [item for item in self if isinstance(item, ToolRun)]
        others = [item for item in self if not isinstance(item, ToolRun)]
        self.clear()
        self.extend((*others, text, *results))

    def put_back(self, runs: Sequence[ToolRun]) -> None:
        """Add results that could not be told: first of all, but for texts that go first."""
        place = max(
            (n for n, item in enumerate(self, 1) if isinstance(item, UserText) and item.goes_first), default=0
        )
        waiting = [*self]
        self.clear()
        self.extend((*waiting[:place], *runs, *waiting[place:]))

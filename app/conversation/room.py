"""Whether one more text can be taken."""

from collections.abc import Iterable

from app.conversation.intake import UserText
from app.errors import ContextTooLong, QueueFull
from config.agent_settings import AgentSettings

MOST_CHARS_PER_TOKEN = 12
"""A text with more of them for each token of the prompt's budget is too long, however it is counted."""

MAX_WAITING_CHARS = 256 * 1024
"""Of texts that wait behind others, together."""


def check_room(texts: Iterable[UserText], content: str, settings: AgentSettings, most: int) -> None:
    """Say whether a text can wait behind others.

    Args:
        texts: Those that wait.
        content: The new one.
        settings: Say how long a prompt may be.
        most: How many may wait.

    Raises:
        QueueFull: Too many wait, or too much text.
        ContextTooLong: No prompt can hold it, however its tokens are counted: it would only take room.
    """
    waiting = [len(text.content) for text in texts if not text.is_withdrawn]
    if len(waiting) >= most:
        raise QueueFull
    if len(content) > settings.max_history_tokens * MOST_CHARS_PER_TOKEN:
        raise ContextTooLong("the text alone is over MAX_HISTORY_TOKENS")
    if waiting and sum(waiting) + len(content) > MAX_WAITING_CHARS:
        raise QueueFull

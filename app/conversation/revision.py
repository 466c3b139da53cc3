"""What a revision of a user's text takes out of a conversation."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.conversation.intake import UserText
from app.errors import NotRevisable, UnknownTurn
from app.session.record import ConversationRecord


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision that can be done.

    Attributes:
        words: What is asked in the place of the text.
        supersedes: The turns that leave, in order.
        withdraws: The texts that waited, and are not asked.
        interrupts: The running turn comes after the text, or is its own.
    """

    words: str
    supersedes: tuple[str, ...]
    withdraws: Sequence[UserText]
    interrupts: bool


def plan(
    record: ConversationRecord, waiting: Sequence[UserText], turn_id: str, content: str | None
) -> Revision:
    """Say what a revision takes out: the text's turn and the later ones, begun or not.

    Args:
        record: Which turns have begun.
        waiting: The texts that wait for their turn, in order.
        turn_id: The turn of the text.
        content: What is asked in its place; None for the same words.

    Raises:
        UnknownTurn: There is no such turn, or it has been superseded.
        NotRevisable: It is no text of the user's, it has left the prompts, or its words are not known yet.
    """
    if record.is_superseded(turn_id):
        raise UnknownTurn
    place = next((n for n, text in enumerate(waiting) if text.turn_id == turn_id), None)
    words = record.text_of(turn_id) if place is None else waiting[place].content
    words = words if content is None else content
    if not words:
        raise NotRevisable
    withdraws = waiting[place or 0 :]
    turns = [*record.turns_from(turn_id), *(text.turn_id for text in withdraws)]
    # A text that is said again is not two: what it was joined from may still wait as well.
    return Revision(words, tuple(dict.fromkeys(turns)), withdraws, place is None)

"""What the server itself has had a talk say: whether it was said last, and how it is taken back."""

from app.conversation.turn_queue import TurnQueue
from app.conversation.turn_runner import TurnRunner


class ServerSentences:
    """The sentences of the server's in one talk, each a turn of its own."""

    def __init__(self, line: TurnQueue, turns: TurnRunner) -> None:
        self._line = line
        self._turns = turns

    def was_said_last(self, turn_id: str) -> bool:
        """Return whether no turn has begun after this one."""
        return self._turns.newest == turn_id

    def take_back(self, turn_id: str) -> None:
        """A sentence is to be said no more; one that is being said ends."""
        if not self._line.take_back(turn_id, "say"):
            self._turns.interrupt(turn_id)

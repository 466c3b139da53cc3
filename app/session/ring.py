"""The last messages of a talk, numbered, so that a client that was away can have them again."""

from collections import deque
from collections.abc import Sequence
from itertools import islice


class Ring:
    """A bounded window on a numbered stream.

    Args:
        max_messages: Messages that are kept.
        max_bytes: What they may weigh together, in bytes of UTF-8. A message that is larger is not kept, nor
            what came before it: a replay has no holes.

    Attributes:
        next_seq: The number that the next message will get, from 1.
    """

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._messages: deque[str | bytes] = deque()
        self._bytes = 0
        self.next_seq = 1

    @property
    def weight(self) -> int:
        """What is kept, in bytes of UTF-8."""
        return self._bytes

    @property
    def first_seq(self) -> int:
        """The oldest number that is kept; `next_seq` where nothing is."""
        return self.next_seq - len(self._messages)

    def append(self, message: str | bytes) -> None:
        """Keep the message that has the number `next_seq`."""
        self.next_seq += 1
        self._messages.append(message)
        self._bytes += _weight(message)
        while len(self._messages) > self._max_messages or self._bytes > self._max_bytes:
            self._bytes -= _weight(self._messages.popleft())

    def recall(self, messages: Sequence[str | bytes], next_seq: int) -> None:
        """Go on from another window on the same stream, as far as this one is wide."""
        for number, message in enumerate(messages, next_seq - len(messages)):
            self.next_seq = number
            self.append(message)
        self.next_seq = next_seq

    def can_replay(self, last_seq: int) -> bool:
        """Return whether everything after `last_seq` is here."""
        return self.first_seq - 1 <= last_seq < self.next_seq

    def since(self, seq: int) -> Sequence[str | bytes]:
        """Return the messages from the number `seq` on.

        Raises:
            LookupError: Some of them are gone, or `seq` is beyond `next_seq`.
        """
        if not self.first_seq <= seq <= self.next_seq:
            raise LookupError(seq)
        if seq == self.next_seq - 1:
            return (self._messages[-1],)  # the usual case: the one that has just come
        return list(islice(self._messages, seq - self.first_seq, None))


def _weight(message: str | bytes) -> int:
    return len(message) if isinstance(message, bytes) or message.isascii() else len(message.encode())

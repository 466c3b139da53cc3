"""What a client keeps of its talk so that it survives a drop: the session, its place in it, open texts."""

import itertools
import secrets
from typing import Any, Final

Message = dict[str, Any]

DEFAULT_HEARTBEAT_S: Final = 20.0
_LONGEST_ASKED_DELAY_S: Final = 60.0


class Ledger:
    """The client's side of protocol v2's promises; no socket, no time.

    Args:
        start: The fields of the first message.

    Attributes:
        heartbeat_s: After so long a silence the server is asked whether it is there.
        has_met: Whether there ever was a session.
    """

    def __init__(self, start: Message) -> None:
        self._start = start
        self.heartbeat_s = DEFAULT_HEARTBEAT_S
        self.has_met = False
        self._session_id = ""
        self._token = ""
        self._last_seq = 0
        self._seq_after_gap: int | None = None
        self._asked_delay_s: float | None = None
        self._unreceipted: dict[str, Message] = {}
        self._is_renewing = False
        self._numbers = itertools.count(1)
        self._prefix = secrets.token_hex(4)

    @property
    def has_session(self) -> bool:
        """Whether the next connection takes up a session."""
        return bool(self._session_id)

    @property
    def unreceipted(self) -> list[Message]:
        """The texts that the server has not confirmed, in order: they are sent again after a drop."""
        return list(self._unreceipted.values())

    def opening(self) -> Message:
        """The first message of a connection."""
        if not self._session_id:
            return {"type": "start", **self._start}
        return {
            "type": "resume",
            "session_id": self._session_id,
            "resume_token": self._token,
            "last_seq": self._last_seq,
        }

    def text(self, content: str) -> Message:
        """A new text of the user, kept until it has its receipt."""
        text_id = f"{self._prefix}-{next(self._numbers)}"
        message = {"type": "text", "content": content, "id": text_id}
        self._unreceipted[text_id] = message
        return message

    def is_repeat(self, message: Message) -> bool:
        """Counts a message; whether it was here before."""
        seq = message.get("seq")
        if not isinstance(seq, int):
            return False
        if seq <= self._last_seq:
            return True
        self._last_seq = seq
        return False

    def creates(self, message: Message) -> bool:
        """Notes `session_created`; whether it stands in place of a session that is gone."""
        self.has_met = True
        self._session_id = message["session_id"]
        self._token = message.get("resume_token", "")
        self.heartbeat_s = max(1.0, float(message.get("heartbeat_s") or DEFAULT_HEARTBEAT_S))
        self._asked_delay_s = None
        was_renewing, self._is_renewing = self._is_renewing, False
        return was_renewing

    def resumes(self, message: Message) -> None:
        """Notes `session_resumed`."""
        self._token = message["resume_token"]
        self._asked_delay_s = None
        if message["gap"]:
            # Counted when the history has come: with a drop before it, all that it tells is still missing.
            self._seq_after_gap = message["next_seq"] - 1

    def forgets(self) -> None:
        """The session cannot be taken up: goes on as a client that has none yet."""
        self._is_renewing = True
        self._session_id = self._token = ""
        self._last_seq = 0
        self._seq_after_gap = None

    def notes(self, message: Message) -> None:
        """Notes what any other message says about the talk's bookkeeping."""
        match message:
            case {"type": "message_accepted" | "error", "id": str(text_id)}:
                self._unreceipted.pop(text_id, None)
            case {"type": "history"} if self._seq_after_gap is not None:
                self._last_seq, self._seq_after_gap = self._seq_after_gap, None
            case {"type": "going_away", "reconnect_after_s": int() | float() as delay_s}:
                self._asked_delay_s = min(max(0.0, float(delay_s)), _LONGEST_ASKED_DELAY_S)
            case _:
                pass

    def takes_asked_delay_s(self) -> float | None:
        """When the server asked this client to come back, once; None where it did not."""
        asked, self._asked_delay_s = self._asked_delay_s, None
        return asked

    def drops_texts(self) -> list[str]:
        """Gives up the texts without a receipt, which the server could not read; their ids."""
        lost, self._unreceipted = list(self._unreceipted), {}
        return lost

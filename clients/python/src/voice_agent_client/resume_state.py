"""Keep the place in a talk, so that another connection, or another process, goes on from there."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, Self, cast

DEFAULT_HEARTBEAT_S: Final = 20.0
_MIN_HEARTBEAT_S: Final = 1.0

Message = dict[str, Any]


@dataclass(slots=True)
class ResumeState:
    """The session and the last number that was seen of it. The token is a secret.

    Attributes:
        session_id: Empty where there is no session.
        resume_token: The newest one that has arrived.
        last_seq: The number of the last message that was taken.
        heartbeat_s: After so many seconds of silence the server is asked whether it is there.
        seq_after_gap: Where the numbers go on, from a resume with a gap until its history has come.
    """

    session_id: str = ""
    resume_token: str = ""
    last_seq: int = 0
    heartbeat_s: float = DEFAULT_HEARTBEAT_S
    seq_after_gap: int | None = None

    def to_json(self) -> str:
        """Return the state as JSON, to be kept over the end of the process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the state that `to_json` wrote.

        Raises:
            ValueError: The text is none.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("this is no resume state")
        known = {field.name for field in fields(cls)}
        kept = cast(Message, values)
        return cls(**{name: value for name, value in kept.items() if name in known})

    def resume_message(self) -> Message:
        """Return the `resume` message, without the server's own token."""
        return {
            "type": "resume",
            "session_id": self.session_id,
            "resume_token": self.resume_token,
            "last_seq": self.last_seq,
        }

    def judge(self, seq: int) -> Literal["new", "repeat", "hole"]:
        """Count a numbered message: it is new, was here before, or one before it is missing.

        A message after a hole is not counted: a resume brings it again, with the missing ones.
        """
        if seq <= self.last_seq:
            return "repeat"
        if seq > self.last_seq + 1:
            return "hole"
        self.last_seq = seq
        return "new"

    def created(self, message: Message) -> None:
        """Note `session_created`, the answer to `start`."""
        self.session_id = str(message["session_id"])
        self.resume_token = str(message.get("resume_token", ""))
        self.last_seq = int(message.get("seq", 0))
        self.heartbeat_s = max(_MIN_HEARTBEAT_S, float(message.get("heartbeat_s") or DEFAULT_HEARTBEAT_S))
        self.seq_after_gap = None

    def resumed(self, message: Message) -> None:
        """Note `session_resumed`. After a gap the count goes on when the history has come, not before."""
        self.resume_token = str(message["resume_token"])
        self.seq_after_gap = int(message["next_seq"]) - 1 if message.get("gap") else None

    def history_came(self) -> None:
        """Note `history`: what a gap left out is here."""
        if self.seq_after_gap is not None:
            self.last_seq, self.seq_after_gap = self.seq_after_gap, None

    def forget(self) -> None:
        """Forget the session."""
        self.session_id = self.resume_token = ""
        self.last_seq = 0
        self.seq_after_gap = None

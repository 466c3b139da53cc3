"""A session that is going on, with what makes it go."""

from dataclasses import dataclass
from typing import Any

from app.clock import Clock
from app.conversation.conversation import Conversation
from app.session.voice_session import VoiceSession


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session and its talk, as the registry keeps them."""

    session: VoiceSession
    conversation: Conversation
    clock: Clock

    @property
    def session_id(self) -> str:
        """The id that clients know it by."""
        return self.session.session_id

    def describe(self) -> dict[str, Any]:
        """What `GET /sessions/{session_id}` shows."""
        now = self.clock.monotonic()
        pending = [
            {"call_id": run.call_id, "name": run.name, "elapsed_s": round(now - run.started_at, 3)}
            for run in self.conversation.tools.running.values()
        ]
        return {**self.session.describe(), "pending_tools": pending}

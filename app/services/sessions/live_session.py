"""A session that is going on, with what makes it go."""

import asyncio
import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from app.clock import Clock
from app.conversation.conversation import Conversation
from app.conversation.injected_message import InjectedMessage
from app.conversation.intake import UserText
from app.protocol.events import EndedCall, Event, HistoryTold, RunningCall
from app.protocol.wire import WireProtocol
from app.services.sessions.directory import SessionLease
from app.session.pump import Pump
from app.session.resume_tokens import ResumeTokens
from app.session.voice_session import VoiceSession
from app.speech.session_audio import SessionAudio
from app.stall_timeout import Alarm
from app.storage.records import StoredTalk
from app.tools.tool_call import ToolCall

LeftInLine = UserText | ToolCall | InjectedMessage

_OWN_WEIGHT: Final = 20_000
"""A session without a word, in bytes."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """What a restart has left of a talk.

    Attributes:
        runs: Its calls, by their id.
        anew: The texts that are asked again, in order, and when each was taken.
        contributions: What a back end has added that is carried out yet, likewise.
    """

    talk: StoredTalk
    runs: dict[str, ToolCall]
    anew: list[tuple[datetime, UserText]]
    contributions: list[tuple[datetime, InjectedMessage]]


@dataclass(eq=False, slots=True)
class LiveSession:
    """A session and its talk, as the registry keeps them.

    Attributes:
        lease: This process's ownership of it.
        pump_task: Moves what the session says; lives as long as the session.
        expiry: Ends the session when its client does not come back in time.
        restored: What a restart has left, until a client comes.
        left_in_line: What of it is to be asked and told, until the client has the history.
        lost_endings: Of texts and calls that a restart left without one, until a client has been told: from
            then on a history has them.
        lost_calls: The calls among them.
        history_seq: It took up an earlier talk, whose history is not among its numbered messages: a client
            that comes back with this number or a smaller one may not have had it.
        stale_seq: With this number of an earlier stream a client came, and was given the history. If it comes
            again with the same one, it has not had it.
        takes_users_language: Its client has named no language: the one of the user's profile is its own.
        is_introduced: The user's profile is being read, and they have been greeted if they are to be.
        coming: So many clients are just coming for it, and have it in a moment.
        crowd: What it is counted by among the sessions of its address; empty where it is not.
        landed_at: When it came from another process as it was, on the monotonic clock, in seconds.
    """

    session: VoiceSession
    conversation: Conversation
    voice: SessionAudio
    clock: Clock
    pump: Pump
    lease: SessionLease
    tokens: ResumeTokens = field(default_factory=ResumeTokens)
    pump_task: asyncio.Task[None] | None = None
    expiry: Alarm | None = None
    restored: "Leftover | None" = None
    left_in_line: list[LeftInLine] = field(default_factory=list[LeftInLine])
    lost_endings: list[Event] = field(default_factory=list[Event])
    lost_calls: list[EndedCall] = field(default_factory=list[EndedCall])
    history_seq: int = -1
    stale_seq: int = -1
    takes_users_language: bool = False
    is_introduced: bool = False
    coming: int = 0
    crowd: str = ""
    landed_at: float = -math.inf

    @property
    def session_id(self) -> str:
        """The id that clients know it by."""
        return self.session.session_id

    @property
    def wire(self) -> WireProtocol:
        """What its client speaks."""
        return self.pump.wire

    @property
    def outlives_connection(self) -> bool:
        """Whether it waits for its client to come back."""
        return self.wire.is_replayable

    @property
    def weight(self) -> int:
        """About what it holds, in bytes: what was said, what is to be said again, what waits, sound too."""
        said = sum(len(entry.content) for entry in self.session.transcript)
        ring = self.pump.ring.weight if self.pump.ring is not None else 0
        waiting = sum(len(text.content) for text in self.conversation.waiting_texts)
        return said + ring + waiting + self.voice.sound_bytes + _OWN_WEIGHT

    @property
    def is_wordless(self) -> bool:
        """Whether nothing is lost with it: nobody has said anything, or is just saying it."""
        return not self.has_words and not self.is_being_heard

    @property
    def is_being_heard(self) -> bool:
        """Whether speech is on its way that may become words, or turn out to be none."""
        return self.session.is_heard_speaking or self.voice.is_understanding_clips

    @property
    def has_words(self) -> bool:
        """Whether anybody has said anything, but for the agent's own greeting, or something waits in it."""
        session, conversation = self.session, self.conversation
        was_said = any(entry.role == "user" for entry in session.transcript) or session.holds_outside
        waits = bool(conversation.waiting_texts or self.left_in_line or session.pending_tools)
        has_more_to_come = waits or conversation.holds_contributions
        return was_said or has_more_to_come or self.restored is not None or self.history_seq >= 0

    def describe(self) -> dict[str, Any]:
        """Return what `GET /sessions/{session_id}` shows."""
        now = self.clock.monotonic()
        pending = [
            {"call_id": run.call_id, "name": run.name, "elapsed_s": round(now - run.started_at, 3)}
            for run in self.conversation.tools.running.values()
        ]
        return {**self.session.describe(), "pending_tools": pending}

    def history(self) -> HistoryTold:
        """Return what a client needs that could not be given every message again."""
        turn = self.conversation.running_turn
        said = "".join(turn.spoken) if turn is not None else ""
        if turn is not None:
            # What has no number yet is still to come as chunks.
            said = said[: len(said) - self.session.outbox.waiting_chars(turn.turn_id)]
        transcript = self.session.transcript
        running = [RunningCall(run.call_id, run.name) for run in self.conversation.tools.running.values()]
        return HistoryTold(
            list(transcript),
            (turn.turn_id, said) if turn is not None else None,
            running,
            list(transcript.calls),
            [text.turn_id for text in self.conversation.waiting_texts],
        )

"""One talk with one user."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.clock import wire_time
from app.errors import Locale
from app.protocol.asking import ApprovalWays
from app.protocol.commands import AnswerLimits
from app.protocol.events import Event
from app.protocol.fields import ANONYMOUS
from app.session.budget import Budget
from app.session.history import History
from app.session.journal import Journal, NoJournal
from app.session.observer import NOBODY, UNTOLD, Observer
from app.session.outbox import Outbox
from app.session.profile import ProfileKeeper
from app.session.speech_output import NullSpeechOutput, SpeechOutput
from app.session.state import SessionState, check_move
from app.session.transcript import Transcript
from app.session.transport import Transport

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class VoiceSession:
    """One talk: who, in which state, what was said, which tools run.

    Attributes:
        speech_output: Speaks its turns aloud.
        approvals: How its user answers what waits for their approval, beside messages that say so.
        is_heard_speaking: The user is speaking now.
        holds_outside: Words of others have come into it, by a tool or a back end.
        profile: What is kept of the user; None where nothing is.
        budget: What the user may still use up.
        spoken_language: The language in which the user has been heard to speak.
        sharing: What its address is counted by, where no token names its user; empty where many have it.
        client_instructions: What the client wants the agent to be like, behind the server's own rules.
        answer_limits: What the client wants answers to keep to.
        observer: Looks at what happens, to measure it.
    """

    session_id: str
    websocket: Transport | None
    user_id: str
    conversation_history: History
    outbox: Outbox
    created_at: datetime
    last_activity: datetime
    locale: Locale = "es"
    transcript: Transcript = field(default_factory=Transcript)
    journal: Journal = field(default_factory=NoJournal)
    speech_output: SpeechOutput = field(default_factory=NullSpeechOutput)
    approvals: ApprovalWays = field(default_factory=ApprovalWays)
    is_heard_speaking: bool = False
    holds_outside: bool = False
    profile: ProfileKeeper | None = None
    budget: Budget = field(default_factory=Budget)
    spoken_language: Locale | None = None
    sharing: str = ""
    client_instructions: str = ""
    answer_limits: AnswerLimits = field(default_factory=AnswerLimits)
    observer: Observer = NOBODY
    state: SessionState = SessionState.IDLE
    pending_tools: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])

    def move_to(self, target: SessionState) -> None:
        """Enter `target`. Call it before telling the client, so that a snapshot is never behind the wire.

        Raises:
            IllegalTransition: The table has no such move; the state is unchanged.
        """
        check_move(self.state, target)
        logger.info("state", extra={"source": self.state.value, "target": target.value})
        self.state = target

    @property
    def language(self) -> Locale:
        """The talk's language: what the user speaks, else what the session was opened in."""
        return self.spoken_language or self.locale

    @property
    def sharer(self) -> str:
        """Whose share of what all use it takes: its user's, or its address's, which may say any name.

        Where neither is known, it has one of its own.
        """
        if self.sharing:
            return f"address {self.sharing}"
        return self.session_id if self.user_id == ANONYMOUS else f"user {self.user_id}"

    @property
    def resting_state(self) -> SessionState:
        """The state of a session in which no turn runs."""
        if self.is_heard_speaking:
            return SessionState.LISTENING
        return SessionState.PROCESSING_TOOL if self.pending_tools else SessionState.IDLE

    def emit(self, event: Event) -> None:
        """Tell the client; never waits."""
        if type(event) not in UNTOLD:
            self.observer.saw(event)
        self.outbox.put(event)

    def describe(self) -> dict[str, Any]:
        """Return what `GET /sessions/{session_id}` shows, but for the tools' names and times."""
        return {
            "session_id": self.session_id,
            "user_id": self.user_id,
            "state": self.state.value,
            "created_at": wire_time(self.created_at),
            "last_activity": wire_time(self.last_activity),
            "message_count": self.conversation_history.message_count,
        }

"""The talk itself: what opens a connection, what the server's messages change, what is owed to the server."""

import asyncio
from typing import Any, Final

from voice_agent_client import close_codes
from voice_agent_client.attachment import Attachment
from voice_agent_client.errors import OpeningRefusedError, UnauthorizedError
from voice_agent_client.events import (
    AgentError,
    AudioChunk,
    Event,
    FeaturesChanged,
    GoingAway,
    History,
    MessageAccepted,
    ResponseComplete,
    SessionCreated,
    SessionReplaced,
    SessionResumed,
    TurnStarted,
    UnknownMessage,
)
from voice_agent_client.options import AudioOptions, SessionValues
from voice_agent_client.parsing import Message, parse_event, parse_message
from voice_agent_client.progress import Progress
from voice_agent_client.resume_state import ResumeState
from voice_agent_client.texts import Texts

_MAX_REQUESTED_DELAY_S: Final = 60.0
_UNBOUNDED: Final = 2**63


class MessageMissingError(Exception):
    """The numbers have a hole: the connection is of no more use."""


class Talk:
    """One talk, attached to the server or not.

    Args:
        values: Language, voice, speed and sound, as they were chosen.
        max_open_texts: So many texts may be at the server.

    Attributes:
        token: The server's own, where it asks for one.
        has_met: Whether there ever was a session.
        is_current: Whether a session is open and everything that was missed has been heard.
        opened_at: When the connection of now had its session, by the loop's clock; None before.
        return_after_s: When the server asked to come back; None where it did not.
        has_changed: Set with each message that may make room for a text.
    """

    def __init__(
        self,
        resume: ResumeState,
        values: SessionValues,
        *,
        user_id: str | None = None,
        token: str | None = None,
        continued: str | None = None,
        max_open_texts: int,
    ) -> None:
        self.resume = resume
        self.values = values
        self.token = token
        self.texts = Texts(max_open_texts)
        self.progress = Progress()
        self.has_met = bool(resume.session_id)
        self.has_changed = asyncio.Event()
        self.is_current = False
        self.opened_at: float | None = None
        self.return_after_s: float | None = None
        self._user_id = user_id
        self._continued = continued
        self._controls: dict[str, Message] = {}
        self._owes_values = False
        self._is_starting = False
        self._replay_end = self._asked_seq = 0
        self._replaced = ""
        self._lost_ids: list[str] = []

    # What goes

    def connecting(self) -> None:
        """Begin anew what is of one connection alone."""
        self.opened_at = self.return_after_s = None
        self._is_starting = False
        self.texts.connection_lost()
        self.detached()

    def moved(self) -> None:
        """Go on over another connection, as if nothing were: what sounds goes on sounding."""
        self.opened_at = self.return_after_s = None
        self.texts.connection_lost()
        self.detached(goes_on=True)

    def detached(self, *, goes_on: bool = False) -> None:
        """Note that the connection is gone; where another one may take its place, what sounds goes on."""
        self.is_current = False
        if not goes_on:
            self.progress.sounding = None

    async def open(self, attachment: Attachment) -> None:
        """Ask for the session, or for a new one."""
        if not self.resume.session_id:
            return await self._start(attachment)
        await attachment.send(self.resume_message())

    def resume_message(self) -> Message:
        """Return what takes the session up."""
        self._asked_seq = self.resume.last_seq
        token = {} if self.token is None else {"token": self.token}
        return {**self.resume.resume_message(), **token}

    async def control(
        self, attachment: Attachment | None, key: str, message: Message, *, is_kept: bool
    ) -> bool:
        """Send something that is no text; return whether it has left.

        Args:
            attachment: The connection of now.
            key: What it replaces while both wait for a connection.
            message: What is sent.
            is_kept: Whether it still makes sense later.
        """
        if attachment is not None and self.is_current and await attachment.send(message):
            return True
        if is_kept:
            self._controls[key] = message
        return False

    async def update(self, attachment: Attachment | None, values: SessionValues) -> bool:
        """Change values, also for later sessions; return whether the change has left."""
        self.values.update(values)
        waiting = self._controls.get("update", {"type": "session_update"})
        has_session = bool(self.resume.session_id) or self._is_starting
        return await self.control(attachment, "update", {**waiting, **values}, is_kept=has_session)

    def forget_session(self) -> None:
        """Go on as a client that has no session yet."""
        self._replaced = self.resume.session_id
        self.resume.forget()
        self._lost_ids = self.texts.session_lost()
        self._controls.clear()
        self.progress.forget()

    async def _start(self, attachment: Attachment) -> None:
        self._is_starting = True
        # The opening has no place for it.
        self._owes_values = "speed" in self.values
        fields = {
            "user_id": self._user_id,
            "locale": self.values.get("locale"),
            "token": self.token,
            "voice": self.values.get("voice"),
            "audio": self.values.get("audio"),
            "continue": self._continued,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        await attachment.send({"type": "start", **given})

    async def _become_current(self, attachment: Attachment) -> None:
        self.is_current = True
        if self._owes_values:
            await self._say_values(attachment)
        for message in self._controls.values():
            await attachment.send(message)
        self._controls.clear()
        self.has_changed.set()

    async def _ask_for_sound(self, attachment: Attachment) -> None:
        """Ask again for sound that was refused while the server's speech loaded."""
        audio = self.values.get("audio", {})
        features = self.progress.features
        can_hear, can_speak = "audio_in" in features, "audio_out" in features
        if not (can_hear and "in" in audio) and not (can_speak and audio.get("out")):
            return
        self._owes_values = True
        # In a replay it waits for the rest: what follows may say otherwise.
        if self.is_current:
            await self._say_values(attachment)

    async def _say_values(self, attachment: Attachment) -> None:
        """Tell the server what it does not know, or no longer."""
        self._owes_values = False
        audio = self._possible(self.values.get("audio", {"out": False}))
        others = {name: value for name, value in self.values.items() if name in ("voice", "speed")}
        await attachment.send({"type": "session_update", "audio": audio, **others})

    def _possible(self, audio: AudioOptions) -> dict[str, Any]:
        """Return as much of the sound as the server has; it would refuse more than that as a whole."""
        possible: dict[str, Any] = {**audio}
        if self.progress.has_new_features:
            features = self.progress.features
            possible["out"] = bool(audio.get("out")) and "audio_out" in features
            if "audio_in" not in features:
                possible.pop("in", None)
        return possible

    # What comes

    async def take(self, frame: str | bytes, attachment: Attachment) -> list[Event]:
        """Take a frame of the server in; return what it means.

        Raises:
            MessageMissingError: One before it is missing. It is not used: the resume brings all in order.
            UnauthorizedError, OpeningRefusedError: The server does not open the session.
        """
        if isinstance(frame, bytes):
            sounding = self.progress.sounding
            return [AudioChunk(sounding.turn_id, sounding.sample_rate_hz, frame)] if sounding else []
        message = parse_message(frame)
        if message is None:
            return []
        seq = message.get("seq")
        is_numbered = isinstance(seq, int)
        if isinstance(seq, int) and self.resume.session_id and not self._is_starting:
            match self.resume.judge(seq):
                case "hole":
                    raise MessageMissingError
                case "repeat":
                    return []
                case "new":
                    pass
        events = await self._follow(message, attachment, is_numbered=is_numbered)
        is_open = self.opened_at is not None
        if is_open and not self.is_current and self.resume.last_seq >= self._replay_end:
            await self._become_current(attachment)
        return events

    async def _follow(self, message: Message, attachment: Attachment, *, is_numbered: bool) -> list[Event]:
        event = parse_event(message)
        match event:
            case SessionCreated():
                return self._created(message, event)
            case SessionResumed():
                return self._resumed(message, event)
            case History():
                return await self._restored(event, attachment)
            case AgentError() if not is_numbered and not self.is_current:
                return await self._refused(event, attachment)
            case _:
                return await self._followed(event, attachment)

    async def _followed(self, event: Event, attachment: Attachment) -> list[Event]:
        """Take in what belongs to an open session."""
        if isinstance(event, AgentError):
            event = self.texts.failed(event)
        self.progress.follow(event)
        # An ending makes room for a text that waits.
        self.has_changed.set()
        match event:
            case MessageAccepted():
                return [event, *self.texts.accepted(event)]
            case TurnStarted(turn_id):
                self.texts.turn_started(turn_id)
            case ResponseComplete():
                self.texts.completed(event)
            case GoingAway():
                self.return_after_s = min(max(0.0, event.reconnect_after_s), _MAX_REQUESTED_DELAY_S)
            case FeaturesChanged():
                await self._ask_for_sound(attachment)
            case UnknownMessage("pong"):
                return [*self.texts.judge_suspects()]
            case _:
                pass
        return [event]

    def _created(self, message: Message, event: SessionCreated) -> list[Event]:
        if not self._is_starting:
            # The first of all messages, replayed: its token is of then.
            return []
        self.resume.created(message)
        self.progress.follow(event)
        self._continued = None
        self._opened(_UNBOUNDED if event.continued else 0)
        replaced, self._replaced = self._replaced, ""
        if replaced:
            return [event, SessionReplaced(replaced, event.session_id, self._lost_ids)]
        return [event]

    def _resumed(self, message: Message, event: SessionResumed) -> list[Event]:
        self.resume.resumed(message)
        if event.gap:
            self.progress.gap()
            # A server that has lost the messages may have lost this too.
            self._owes_values = any(name in self.values for name in ("audio", "voice", "speed"))
        # Counted from what was asked for: an older connection may have brought some of it meanwhile.
        self._opened(_UNBOUNDED if event.gap else self._asked_seq + event.replayed)
        return [event]

    def _opened(self, replay_end: int) -> None:
        self.has_met = True
        self._is_starting = False
        self.opened_at = asyncio.get_running_loop().time()
        self._replay_end = replay_end

    async def _restored(self, history: History, attachment: Attachment) -> list[Event]:
        self.resume.history_came()
        self.progress.follow(history)
        lost = self.texts.history(history)
        if self.texts.has_suspects:
            # What was said about them after the history is here when this has its answer.
            await attachment.send({"type": "ping"})
        self._replay_end = 0
        return [history, *lost]

    async def _refused(self, error: AgentError, attachment: Attachment) -> list[Event]:
        """The server does not open the talk as it was asked to."""
        if error.retryable:
            return [error]
        if error.code == "unauthorized":
            raise UnauthorizedError(close_codes.UNAUTHORIZED, error.content)
        if not self.resume.session_id or self._is_starting:
            self._continued = None
            raise OpeningRefusedError(error.code, error.content)
        self.forget_session()
        await self._start(attachment)
        return []

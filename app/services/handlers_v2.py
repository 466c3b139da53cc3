"""What each message of a v2 client does, once there is a session. Found by the message's type."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from app.errors import AgentError, BadMessage, UnknownCall
from app.protocol import client_v2 as client
from app.protocol.client import SystemMessage
from app.protocol.client_v2 import AudioMessage
from app.protocol.close_codes import CloseCode
from app.protocol.events import ErrorOccurred, Pong
from app.services.live_session import LiveSession
from app.services.recordings import PART_CHARS, sound_in_parts, sound_of


def handle_text(live: LiveSession, message: client.TextMessage) -> None:
    """Puts what the user says in line; with `interrupt` it ends what the agent is doing."""
    try:
        if not message.content.strip():
            raise BadMessage("el texto está vacío", "the text is empty")
        live.conversation.hear(message.content, message.id, interrupts=message.interrupt)
    except AgentError as error:
        live.session.emit(ErrorOccurred(error, client_id=message.id))


def handle_system(live: LiveSession, message: SystemMessage) -> None:
    """A greeting without content does nothing more; with content it is what the user says.

    Raises:
        QueueFull: Too many texts wait.
    """
    if message.content.strip():
        live.conversation.hear(message.content)


def handle_interrupt(live: LiveSession, message: client.InterruptMessage) -> None:
    """Ends the running turn, or just the one that is named."""
    live.conversation.interrupt(message.turn_id)


def handle_cancel_tool(live: LiveSession, message: client.CancelToolMessage) -> None:
    """Ends one tool call."""
    try:
        live.conversation.tools.cancel(message.call_id)
    except UnknownCall as error:
        live.session.emit(ErrorOccurred(error, call_id=message.call_id))


def handle_approve_tool(live: LiveSession, message: client.ApproveToolMessage) -> None:
    """A person's word about a call that waits for it."""
    try:
        live.conversation.tools.approvals.answer(message.call_id, approved=message.approved)
    except UnknownCall as error:
        live.session.emit(ErrorOccurred(error, call_id=message.call_id))


def handle_session_update(live: LiveSession, message: client.SessionUpdateMessage) -> None:
    """Changes the language, the voice, or what sound there is.

    Raises:
        NotAvailable: It asks for sound that this server does not have.
    """
    if message.locale is not None:
        live.session.locale = live.pump.locale = message.locale
        live.takes_users_language = False
        live.session.spoken_language = None
    live.voice.choose(message.voice, message.speed)
    terms = client.audio_terms(message.audio)
    if terms is not None:
        live.voice.configure(terms)
    live.conversation.go_on()


def handle_ping(live: LiveSession, message: client.PingMessage) -> None:
    """Says that the server is there."""
    live.session.emit(Pong())


def handle_end(live: LiveSession, message: client.EndMessage) -> CloseCode:
    """Goodbye."""
    return CloseCode.NORMAL


def handle_audio(live: LiveSession, message: AudioMessage) -> Coroutine[Any, Any, None] | None:
    """Takes a recording, or a piece of the stream; a large one is to be awaited.

    Raises:
        BadAudio: It is no base64.
        UnexpectedAudio: It is a piece, and no stream was agreed on.
        NotAvailable: This server does not hear.
        AudioOverflow: Too much waits.
    """
    is_stream = message.format == "pcm16"
    live.voice.check_ears(is_stream=is_stream)
    take = live.voice.take if is_stream else live.voice.understand_clip
    if len(message.content) > PART_CHARS:
        return _take_large(take, message.content)
    take(sound_of(message.content))
    return None


async def _take_large(take: Callable[[bytes], None], content: str) -> None:
    take(await sound_in_parts(content))


def handle_audio_commit(live: LiveSession, message: client.AudioCommitMessage) -> None:
    """The utterance is over.

    Raises:
        UnexpectedAudio: No sound was agreed on.
    """
    live.voice.commit()


def handle_audio_clear(live: LiveSession, message: client.AudioClearMessage) -> None:
    """The utterance is thrown away.

    Raises:
        UnexpectedAudio: No sound was agreed on.
    """
    live.voice.clear()


def handle_playback(live: LiveSession, message: client.PlaybackMessage) -> None:
    """How much of a turn has been heard.

    Raises:
        BadMessage: Nothing of that turn was spoken.
    """
    live.voice.played(message.turn_id, message.played_ms)


def refuse_second_opening(live: LiveSession, message: Any) -> None:
    """`start` and `resume` are for a connection's first message.

    Raises:
        BadMessage: Always.
    """
    raise BadMessage("la sesión ya está abierta", "the session is open already")


HANDLERS_V2: Final[dict[type, Callable[[LiveSession, Any], CloseCode | Coroutine[Any, Any, None] | None]]] = {
    client.StartMessage: refuse_second_opening,
    client.ResumeMessage: refuse_second_opening,
    client.TextMessage: handle_text,
    client.InterruptMessage: handle_interrupt,
    client.CancelToolMessage: handle_cancel_tool,
    client.ApproveToolMessage: handle_approve_tool,
    client.SessionUpdateMessage: handle_session_update,
    client.PingMessage: handle_ping,
    client.PlaybackMessage: handle_playback,
    client.AudioCommitMessage: handle_audio_commit,
    client.AudioClearMessage: handle_audio_clear,
    client.EndMessage: handle_end,
    SystemMessage: handle_system,
    AudioMessage: handle_audio,
}
"""One handler for each member of the client's union."""

"""What each message of a client does, once there is a session. Found by the message's type."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from app.errors import BadMessage
from app.protocol.client import AudioMessage, SystemMessage, TextMessage
from app.services.live_session import LiveSession
from app.services.recordings import PART_CHARS, sound_in_parts, sound_of


def handle_text(live: LiveSession, message: TextMessage) -> None:
    """Puts what the user says in line.

    Raises:
        BadMessage: It says nothing.
        QueueFull: Too many texts wait.
    """
    if not message.content.strip():
        raise BadMessage("el texto está vacío", "the text is empty")
    hear_v1(live, message.content)


def handle_system(live: LiveSession, message: SystemMessage) -> None:
    """A greeting without content does nothing more; with content it is what the user says.

    Raises:
        QueueFull: Too many texts wait.
    """
    if message.content.strip():
        hear_v1(live, message.content)


def hear_v1(live: LiveSession, content: str) -> None:
    """A text; if a tool waits for a person's word, it is that too."""
    live.conversation.hear(content)
    live.conversation.tools.approvals.answer_in_words(content)


def handle_audio(live: LiveSession, message: AudioMessage) -> Coroutine[Any, Any, None] | None:
    """Takes a recording of what the user says; a large one is to be awaited.

    Raises:
        BadAudio: It is no base64.
        NotAvailable: This server does not hear.
        QueueFull: Too many texts wait.
    """
    live.voice.check_ears()
    if len(message.content) > PART_CHARS:
        return _hear_large(live, message.content)
    live.voice.hear_clip(sound_of(message.content))
    return None


async def _hear_large(live: LiveSession, content: str) -> None:
    live.voice.hear_clip(await sound_in_parts(content))


HANDLERS: Final[dict[type, Callable[[LiveSession, Any], Coroutine[Any, Any, None] | None]]] = {
    TextMessage: handle_text,
    SystemMessage: handle_system,
    AudioMessage: handle_audio,
}
"""One handler for each member of the client's union."""

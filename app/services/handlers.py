"""What each message of a client does, once there is a session. Found by the message's type."""

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

from app.errors import BadAudio, BadMessage
from app.protocol.client import AudioMessage, SystemMessage, TextMessage
from app.services.live_session import LiveSession


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


def handle_audio(live: LiveSession, message: AudioMessage) -> None:
    """Takes a recording of what the user says.

    Raises:
        BadAudio: It is no base64.
        NotAvailable: This server does not hear.
        QueueFull: Too many texts wait.
    """
    live.voice.hear_clip(sound_of(message.content))


def sound_of(content: str) -> bytes:
    """What a message's base64 stands for.

    Raises:
        BadAudio: It is none, or empty.
    """
    try:
        sound = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise BadAudio("no base64") from None
    if not sound:
        raise BadAudio("empty")
    return sound


HANDLERS: Final[dict[type, Callable[[LiveSession, Any], None]]] = {
    TextMessage: handle_text,
    SystemMessage: handle_system,
    AudioMessage: handle_audio,
}
"""One handler for each member of the client's union."""

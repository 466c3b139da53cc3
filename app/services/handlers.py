"""What each message of a client does, once there is a session. Found by the message's type."""

from collections.abc import Callable
from typing import Any, Final

from app.errors import BadMessage, NotAvailable
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
    live.conversation.hear(message.content)


def handle_system(live: LiveSession, message: SystemMessage) -> None:
    """A greeting without content does nothing more; with content it is what the user says.

    Raises:
        QueueFull: Too many texts wait.
    """
    if message.content.strip():
        live.conversation.hear(message.content)


def handle_audio(live: LiveSession, message: AudioMessage) -> None:
    """This server has no recognition of speech yet.

    Raises:
        NotAvailable: Always.
    """
    raise NotAvailable(feature="audio")


HANDLERS: Final[dict[type, Callable[[LiveSession, Any], None]]] = {
    TextMessage: handle_text,
    SystemMessage: handle_system,
    AudioMessage: handle_audio,
}
"""One handler for each member of the client's union."""

"""What the server sends on protocol v1: these messages, with exactly these fields.

The models are the contract; at run time `encoding.py` writes the same shapes without them, and a test holds
every encoded message against its model.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class ServerMessage(BaseModel):
    """What all messages have."""

    model_config = ConfigDict(strict=True, extra="forbid")


class V1SessionCreatedMessage(ServerMessage):
    """The first message of a connection."""

    type: Literal["session_created"]
    session_id: str
    timestamp: str


class V1SystemMessage(ServerMessage):
    """A sentence about the talk: a receipt, thinking, a tool's life."""

    type: Literal["system"]
    content: str


class V1ResponseChunkMessage(ServerMessage):
    """The next piece of an answer."""

    type: Literal["response_chunk"]
    content: str


class V1ResponseCompleteMessage(ServerMessage):
    """The end of an answer."""

    type: Literal["response_complete"]
    content: Literal["Respuesta completada"]


class V1ErrorMessage(ServerMessage):
    """A failure: a text's end, or a refusal of something that the client sent."""

    type: Literal["error"]
    content: str


V1ServerMessage = (
    V1SessionCreatedMessage
    | V1SystemMessage
    | V1ResponseChunkMessage
    | V1ResponseCompleteMessage
    | V1ErrorMessage
)

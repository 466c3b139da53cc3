"""What clients may send on protocol v1."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.protocol.fields import Text, UserId


class ClientMessage(BaseModel):
    """What all messages have. Fields that we do not know are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    user_id: UserId | None = None


class V1TextMessage(ClientMessage):
    """What the user says."""

    type: Literal["text"]
    content: Text


class V1OpeningMessage(ClientMessage):
    """Opens a session, by custom with empty content; with content it is user text, never a system prompt."""

    type: Literal["system"]
    content: Text = ""


class V1AudioMessage(ClientMessage):
    """What the user says, as base64 audio."""

    type: Literal["audio"]
    content: Text


V1Message = Annotated[V1TextMessage | V1OpeningMessage | V1AudioMessage, Field(discriminator="type")]

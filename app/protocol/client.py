"""What clients may send on protocol v1."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

ANONYMOUS = "anonymous"

NUL = "nul"
"""The error type of a text that holds U+0000, which PostgreSQL cannot store."""


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError(NUL, "has a NUL character")
    return text


Text = Annotated[str, AfterValidator(_without_nul)]
UserId = Annotated[str, Field(max_length=200), AfterValidator(_without_nul)]


class ClientMessage(BaseModel):
    """What all messages have. Fields that we do not know are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    user_id: UserId | None = None


class TextMessage(ClientMessage):
    """What the user says."""

    type: Literal["text"]
    content: Text


class SystemMessage(ClientMessage):
    """Opens a session, by custom with empty content; with content it is user text, never a system prompt."""

    type: Literal["system"]
    content: Text = ""


class AudioMessage(ClientMessage):
    """What the user says, as base64 audio."""

    type: Literal["audio"]
    content: Text


V1Message = Annotated[TextMessage | SystemMessage | AudioMessage, Field(discriminator="type")]


_USER_ID: TypeAdapter[str] = TypeAdapter(UserId)


def user_of(message: dict[str, Any]) -> str | None:
    """Whom a session's first message is from; None where it does not say, or not in a usable way."""
    try:
        return _USER_ID.validate_python(message.get("user_id"), strict=True) or None
    except ValidationError:
        return None

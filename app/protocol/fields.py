"""Fields that the messages of several wire protocols share."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

ANONYMOUS = "anonymous"
"""The user id of clients that do not say who their user is."""

NUL = "nul"
"""The error type of a text that holds U+0000, which PostgreSQL cannot store."""


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError(NUL, "has a NUL character")
    return text


Text = Annotated[str, AfterValidator(_without_nul)]
UserId = Annotated[str, Field(max_length=200), AfterValidator(_without_nul)]

_USER_ID: TypeAdapter[str] = TypeAdapter(UserId)


def user_of(message: dict[str, Any]) -> str | None:
    """Return whom a session's first message is from; None where it does not say, or not in a usable way."""
    try:
        return _USER_ID.validate_python(message.get("user_id"), strict=True) or None
    except ValidationError:
        return None

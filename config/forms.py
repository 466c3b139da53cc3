"""The forms of settings that more than one module declares."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import NoDecode

Seconds = Annotated[float, Field(gt=0, le=86_400)]
"""A duration in seconds, above 0 and at most a day."""

CommaList = Annotated[tuple[str, ...], NoDecode]
"""Written as a comma list in the environment: `a, b`."""

KIB = 1024
MIB = 1024 * KIB


def split_commas(value: object) -> object:
    """A comma list as it is written; anything else stays as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value

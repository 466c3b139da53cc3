"""The forms of settings that more than one module declares."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from config.http_address import HTTP_ADDRESS, is_http_address

KIB = 1024
MIB = 1024 * KIB


def split_commas(value: object) -> object:
    """Return a comma list as it is written; anything else stays as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _checked_address(value: str) -> str:
    if not is_http_address(value):
        raise ValueError(HTTP_ADDRESS)
    return value


Seconds = Annotated[float, Field(gt=0, le=86_400)]
"""A duration in seconds, above 0 and at most a day."""

CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_commas)]
"""Written as a comma list in the environment: `a, b`."""

HttpAddress = Annotated[str, AfterValidator(_checked_address)]
"""An address of http or https, with a host that can be."""

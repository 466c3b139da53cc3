"""The settings of the page: where it is reached, who may frame it, and how it looks."""

import re
from typing import Final, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from config.forms import CommaList, split_commas
from config.origins import parse_origin

Language = Literal["es", "en"]

_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_ANY_BELOW: Final = re.compile(r"(https?)://\*\.(.+)")
"""What a policy takes for all names below one: `https://*.example.com`."""


class PageSettings(BaseSettings):
    """Part of `Settings`: the page."""

    root_path: str | None = Field(default=None, max_length=200)
    frame_ancestors: CommaList = ("none",)

    @field_validator("frame_ancestors", mode="before")
    @classmethod
    def _split_page_lists(cls, value: object) -> object:
        return split_commas(value)

    @field_validator("root_path")
    @classmethod
    def _is_path(cls, value: str | None) -> str | None:
        path = (value or "").rstrip("/")
        if _PATH.fullmatch(path) is None or {".", ".."} & set(path.split("/")):
            raise ValueError("must be a path such as /voice, of letters, digits and - . _ ~")
        return path or None

    @field_validator("frame_ancestors")
    @classmethod
    def _are_ancestors(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(_as_ancestor(entry) for entry in value)
        if not found or None in found or ("none" in found and len(found) > 1):
            raise ValueError(
                "must be none, or a comma list of self and origins such as https://app.example.com or "
                "https://*.example.com"
            )
        return tuple(entry for entry in found if entry)


def _as_ancestor(entry: str) -> str | None:
    """Return an entry as `frame-ancestors` of a policy names it, but for quotes; None for what is none."""
    word = entry.lower().strip("'")
    if word in ("none", "self"):
        return word
    below = _ANY_BELOW.fullmatch(entry.lower())
    origin = parse_origin(f"{below[1]}://{below[2]}" if below else entry)
    if origin is None or (below and not origin.host.strip("0123456789.")):
        return None
    return str(origin).replace("://", "://*.", 1) if below else str(origin)

"""The settings of the page: where it is reached, who may frame it, and how it looks."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from config.forms import CommaList, split_commas
from config.origins import parse_origin
from config.page_logo import read_logo
from config.settings_slice import SettingsSlice

Language = Literal["es", "en"]

_MOST_SUGGESTIONS: Final = 8
_MOST_CHARS: Final = 200

_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_ANY_BELOW: Final = re.compile(r"(https?)://\*\.(.+)")
"""What a policy takes for all names below one: `https://*.example.com`."""


def _split_bars(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split("|") if part.strip())


def _checked_suggestions(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(value) > _MOST_SUGGESTIONS or any(len(one) > _MOST_CHARS for one in value):
        most = f"{_MOST_SUGGESTIONS} texts of {_MOST_CHARS} characters"
        raise ValueError(f"must be at most {most}, with | between them")
    return value


def _as_languages(value: tuple[Language, ...]) -> tuple[Language, ...]:
    if not value:
        raise ValueError("must be es, en, or both with a comma between them")
    return tuple(dict.fromkeys(value))


def _as_color(value: str) -> str:
    found = re.fullmatch(r"#?([0-9a-f]{6}|[0-9a-f]{3})", value.strip().lower())
    if found is None:
        raise ValueError("must be a colour such as #4150bf")
    digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
    return f"#{digits}"


def _checked_picture(value: Path) -> Path:
    read_logo(value)
    return value


def _as_path(value: str | None) -> str | None:
    path = (value or "").rstrip("/")
    if _PATH.fullmatch(path) is None or {".", ".."} & set(path.split("/")):
        raise ValueError("must be a path such as /voice, of letters, digits and - . _ ~")
    return path or None


def _as_ancestors(value: tuple[str, ...]) -> tuple[str, ...]:
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


BarList = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(_split_bars), AfterValidator(_checked_suggestions)
]
"""Written with `|` between its texts, which may have commas."""


class PageSettings(SettingsSlice):
    """The page: where it is reached, who may frame it, and how it looks."""

    root_path: Annotated[str | None, AfterValidator(_as_path)] = Field(default=None, max_length=200)
    frame_ancestors: Annotated[CommaList, AfterValidator(_as_ancestors)] = ("none",)
    page_title: str | None = Field(default=None, min_length=1, max_length=100)
    page_color: Annotated[str, AfterValidator(_as_color)] | None = None
    page_logo: Annotated[Path, AfterValidator(_checked_picture)] | None = None
    page_languages: Annotated[
        tuple[Language, ...], NoDecode, BeforeValidator(split_commas), AfterValidator(_as_languages)
    ] = ("es", "en")
    page_suggestions_es: BarList = ()
    page_suggestions_en: BarList = ()

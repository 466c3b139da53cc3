"""What is odd about the `.env` file: a setting that is misspelt there does nothing at all.

Only that file is looked at: the environment is full of other programs' names. A name that is near none of
ours may be another program's too. Values are never told.
"""

import io
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from dotenv.parser import parse_stream

from config.nearest import nearest

# It says of each line that it cannot read a sentence of its own, before there is a log.
logging.getLogger("dotenv.main").setLevel(logging.ERROR)

ENV_FILE: Final = ".env"

Problem = Literal["unknown_setting", "set_twice", "without_value", "inside_quotes", "unreadable"]
"""`inside_quotes`: a quotation mark before it was never closed, and it has become part of that text."""

_CALLED_ELSEWHERE: Final = {
    "AZURE_API_BASE": "AZURE_OPENAI_ENDPOINT",
    "AZURE_API_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_API_VERSION": "AZURE_OPENAI_API_VERSION",
    "AZURE_OPENAI_API_BASE": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_DEPLOYMENT": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_DEPLOYMENT_ID": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_BASE_URL": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_MODEL": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "CORS_ORIGINS": "ALLOWED_ORIGINS",
    "DB_URL": "DATABASE_URL",
    "JWT_SECRET": "JWT_KEY",
    "LLM_API_KEY": "OPENAI_API_KEY",
    "LLM_BASE_URL": "OPENAI_BASE_URL",
    "LLM_MODEL": "OPENAI_MODEL",
    "MODEL": "OPENAI_MODEL",
    "MODEL_NAME": "OPENAI_MODEL",
    "OPENAI_API_BASE": "OPENAI_BASE_URL",
    "OPENAI_API_VERSION": "AZURE_OPENAI_API_VERSION",
    "OPENAI_ENDPOINT": "OPENAI_BASE_URL",
    "OPENAI_HOST": "OPENAI_BASE_URL",
    "OPENAI_URL": "OPENAI_BASE_URL",
    "POSTGRESQL_URL": "DATABASE_URL",
    "POSTGRES_URL": "DATABASE_URL",
    "SYSTEM_PROMPT": "AGENT_INSTRUCTIONS",
}
"""Names of the same things in other programs."""


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something that does not do what somebody seems to have meant.

    Attributes:
        line: Where it stands, from 1.
        setting: The name as it is written; empty where there is none.
        nearest: The setting that may be meant.
    """

    problem: Problem
    line: int
    setting: str = ""
    nearest: str = ""


def oddities(text: str, known: Collection[str]) -> Iterator[Oddity]:
    """What is odd about a file's text; `known` are the settings' names, in upper case."""
    seen: set[str] = set()
    for binding in parse_stream(io.StringIO(text.removeprefix("\ufeff"))):
        written = binding.original.string  # with the empty lines before it
        line = binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")
        if binding.error:
            yield Oddity("unreadable", line)
        if binding.error or binding.key is None:
            continue
        name = binding.key.upper()
        yield from _swallowed(binding.value or "", line, known)
        if name not in known:
            meant = _CALLED_ELSEWHERE.get(name) or nearest(name, known)
            if meant:
                yield Oddity("unknown_setting", line, binding.key, meant)
        elif binding.value is None:
            yield Oddity("without_value", line, binding.key)
        elif name in seen:
            yield Oddity("set_twice", line, binding.key)
        seen.add(name)


def _swallowed(value: str, line: int, known: Collection[str]) -> Iterator[Oddity]:
    for number, inner in enumerate(value.split("\n")[1:], 1):
        name = inner.partition("=")[0].removeprefix("export ").strip()
        if "=" in inner and name.upper() in known:
            yield Oddity("inside_quotes", line + number, name)


def read_oddities(known: Collection[str], path: Path = Path(ENV_FILE)) -> list[Oddity]:
    """What is odd about a file; nothing where it is not there, or no text, which has stopped the start."""
    try:
        return list(oddities(path.read_text(encoding="utf-8-sig"), known))
    except (OSError, UnicodeDecodeError):
        return []

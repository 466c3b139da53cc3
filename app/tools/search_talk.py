"""`search_talk`: what was said earlier in this talk, word for word.

A long talk is longer than a prompt. What has left the prompt stands in a summary; this finds the words.
"""

import asyncio
import string
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.clock import wire_time
from app.errors import Locale
from app.tools.base import SearchHit, ToolContext, ToolError, tool
from app.tools.support.excerpt import excerpt

MAX_EXCERPT_CHARS = 300
"""How much of one message is shown."""

_SIGNS = string.punctuation.replace("%", "").replace("+", "").replace("#", "") + "¿¡«»“”‘’…—–"
_LEAST_LETTERS = 3

_NOT_ALL: dict[Locale, str] = {
    "es": "Solo se ha buscado en lo que está en memoria: lo anterior no se guarda o no está a mano ahora.",
    "en": "Only what is in memory was searched: older talk is not kept, or is not at hand right now.",
}


class SearchTalkArguments(BaseModel):
    """What to look for."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(
        description="The words to find, those that matter alone. Case and accents do not count.",
        min_length=1,
        max_length=200,
    )
    limit: int = Field(default=5, ge=1, le=10, description="How many messages to get at most.")


class Found(BaseModel):
    """A message that holds some of the words; `text` is the part around them."""

    who: Literal["user", "agent"]
    when: str | None
    text: str


class SearchTalkResult(BaseModel):
    """What was found, the best first; `note` says what was not searched."""

    found: list[Found]
    note: str | None = None


@tool(timeout_s=15)
async def run(args: SearchTalkArguments, ctx: ToolContext) -> SearchTalkResult:
    """Search everything that was said earlier in this talk, and get the messages that hold the words.

    Use it when the user refers to something that is not in the messages you see.
    """
    words = _words(args.query)
    if not words:
        raise ToolError("Falta qué buscar." if ctx.locale == "es" else "There are no words to look for.")
    remarks = await ctx.talk.search(" ".join(words), args.limit)
    found: list[Found] = []
    for remark in remarks.found:
        found.append(_found(remark, words))
        await asyncio.sleep(0)  # each may be a mebibyte
    return SearchTalkResult(
        found=found,
        note=None if remarks.is_all else _NOT_ALL[ctx.locale],
    )


def _words(query: str) -> list[str]:
    """The words without the signs around them; the shortest are in every text and find nothing."""
    words = [word for each in query.split() if (word := each.strip(_SIGNS))]
    return [word for word in words if len(word) >= _LEAST_LETTERS] or words


def _found(remark: SearchHit, words: list[str]) -> Found:
    return Found(
        who="user" if remark.role == "user" else "agent",
        when=wire_time(remark.said_at) if remark.said_at is not None else None,
        text=excerpt(remark.content, words, MAX_EXCERPT_CHARS),
    )

"""A tool context for tests of single tools."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from app.clock import Clock, SystemClock
from app.errors import Locale
from app.outbound.httpx_transports import operator_client
from app.session.profile import ProfileKeeper
from app.tools.base import SearchHit, SearchHits, Tool, ToolContext
from config.settings import Settings


@dataclass
class Reports:
    """Collects what a tool reports as progress."""

    seen: list[tuple[str | None, float | None]] = field(default_factory=list)

    def __call__(self, message: str | None = None, fraction: float | None = None) -> None:
        self.seen.append((message, fraction))


@dataclass
class SaidBefore:
    """A talk in which just this was found; it notes what was looked for."""

    found: Sequence[SearchHit] = ()
    is_all: bool = True
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def search(self, query: str, limit: int) -> SearchHits:
        self.asked.append((query, limit))
        return SearchHits(self.found[:limit], self.is_all)


OF_TESTS: dict[str, Any] = {
    "database_url": "none",
    "tool_approval": "off",
    "voice": False,
    "stt_model": "base",
}
"""What the settings of tests have otherwise than people's."""


class SettingsOfTests(Settings):
    """Settings that are only what they are given: to look through an environment takes long, each time."""

    def __init__(self, **values: Any) -> None:
        BaseModel.__init__(self, **values)


def settings_with(**values: Any) -> Settings:
    """Settings that read nothing; unless a test asks for it, nothing is kept, asked for or spoken.

    Nor does the machine decide which recogniser is used.
    """
    return SettingsOfTests(**{**OF_TESTS, **values})


@asynccontextmanager
async def tool_context(
    settings: Settings | None = None,
    *,
    locale: Locale = "es",
    clock: Clock | None = None,
    timeout_s: float = 30,
    profile: ProfileKeeper | None = None,
    talk: SaidBefore | None = None,
) -> AsyncIterator[ToolContext]:
    """A context whose `progress` is a `Reports`."""
    clock = clock or SystemClock()
    async with operator_client(5) as http:
        yield ToolContext(
            call_id="call_test",
            session_id="session_test",
            user_id="user_test",
            locale=locale,
            deadline=clock.monotonic() + timeout_s,
            clock=clock,
            http=http,
            settings=settings or settings_with(),
            progress=Reports(),
            profile=profile,
            talk=talk or SaidBefore(),
        )


def arguments_of(tool: Tool, **values: Any) -> Any:
    """The tool's arguments, checked as a model's would be."""
    return tool.parsed(values)

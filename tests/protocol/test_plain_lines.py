"""A protocol that the server has never heard of talks, uses tools and hears errors, by its own file alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.tools.base import Tool
from tests.protocol.plain_lines import lines_served_by
from tests.support.scripted import Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.server import PATIENCE_S, running_server
from tests.support.talk import Workshop


class Person:
    """Somebody with `nc`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.read: list[str] = []
        self._reader = reader

    def types(self, line: str) -> None:
        self.writer.write(line.encode() + b"\n")

    async def reads(self, beginning: str) -> str:
        """Reads on to a line that begins so."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = (await self._reader.readline()).decode().rstrip("\n")
                assert line, f"the connection has ended; read so far: {self.read}"
                self.read.append(line)
                if line.startswith(beginning):
                    return line


@asynccontextmanager
async def person(model: ScriptedModel, tools: list[Tool] | None = None) -> AsyncIterator[Person]:
    async with (
        running_server(provider=model, tools=tools) as server,
        lines_served_by(server.service) as port,
    ):
        somebody = Person(*await asyncio.open_connection("127.0.0.1", port))
        await somebody.reads("* session ")
        try:
            yield somebody
        finally:
            somebody.writer.close()
            await somebody.writer.wait_closed()


async def test_a_talk_goes_piece_by_piece() -> None:
    async with person(ScriptedModel(lambda r: says("Ho", "la"))) as p:
        for _ in range(2):
            p.types("hola")
            await p.reads("* done")

    assert p.read[1:] == ["< 'Ho'", "< 'la'", "* done"] * 2


async def test_a_tool_works_behind_the_talk_and_is_told() -> None:
    shop = Workshop()
    script = ScriptedModel(
        lambda r: (
            calls(("slow", {"seconds": 0.3, "result": "42"})) if last_text(r) == "ve" else says(last_text(r))
        )
    )
    async with person(script, [shop.tool("slow")]) as p:
        p.types("ve")
        await p.reads("* tool slow call_")
        await p.reads("* tool slow done 42")
        await p.reads("* done")

    assert shop.runs == [("slow", "")]


async def test_an_answer_is_interrupted_and_a_call_cancelled() -> None:
    shop = Workshop()
    script = {"cuenta": [Says("uno"), Pause(60)], "ve": calls(("slow", {"seconds": 60}))}
    model = ScriptedModel(lambda r: script.get(last_text(r), says("Sí.")))
    async with person(model, [shop.tool("slow")]) as p:
        p.types("cuenta")
        await p.reads("< 'uno'")
        p.types("/stop")
        await p.reads("* done")
        p.types("ve")
        call_id = (await p.reads("* tool slow call_")).split()[-1]
        p.types(f"/cancel {call_id}")
        await p.reads("* tool slow cancelled")


@pytest.mark.parametrize("line", ["/nope", "/cancel call_9", "   "])
async def test_what_cannot_be_done_is_an_error_and_the_talk_goes_on(line: str) -> None:
    async with person(ScriptedModel(lambda r: says("Sí."))) as p:
        p.types(line)
        await p.reads("! ")
        p.types("/ping")
        await p.reads("* here")
        p.types("/bye")
        await p.reads("* closed 1000")

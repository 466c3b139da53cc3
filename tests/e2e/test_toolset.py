"""Tools that appear, change and go during a talk: a real server, a client over a WebSocket, real HTTP."""

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson

from app.tools.base import ToolContext, ToolSpec
from app.tools.toolset import Toolset
from tests.support.context import settings_with
from tests.support.scripted import Answer, ScriptedModel, calls, says
from tests.support.server import PATIENCE_S, Server, running_server
from tests.support.talk import Workshop
from tests.support.v2_client import v2_client


def schema_of(*names: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": list(names),
    }


async def echo(args: Any, ctx: ToolContext) -> Any:
    return args


async def offered_by(server: Server) -> list[str]:
    async with httpx.AsyncClient(verify=False, base_url=f"http://127.0.0.1:{server.port}") as http:
        health = (await http.get("/agent/health")).json()
    return health["tools"]["available"]


def last_result(model: ScriptedModel) -> dict[str, Any]:
    """What the model was told of its last call."""
    told = [m for request in model.requests for m in request.messages if m["role"] == "tool"]
    return orjson.loads(told[-1]["content"])


async def test_tool_appears_and_is_called_its_schema_changes_and_it_goes() -> None:
    toolset = Toolset(name="shop")
    script = [
        says("Sin ella."),
        calls(("find", {"text": "pan"})),
        says("Hay pan."),
        calls(("find", {"text": "pan"})),
        calls(("find", {"query": "pan"})),
        says("Sigue habiendo."),
        calls(("find", {"query": "pan"})),
        says("Ya no está."),
    ]
    model = ScriptedModel(script)
    tools = [Workshop().tool("work")]
    async with running_server(provider=model, tools=tools, toolsets=[toolset]) as server:
        async with v2_client(server) as client:
            await client.starts()

            await client.says("¿hay pan?")
            await client.hears_answer()
            assert await offered_by(server) == ["work"]

            toolset.put(ToolSpec("find", "Finds.", schema_of("text"), echo))
            assert await offered_by(server) == ["work", "find"]
            await client.says("¿y ahora?")
            finished = await client.hears("tool_finished")
            await client.hears_answer()
            assert (finished["status"], finished["result"]) == ("done", {"text": "pan"})

            def parse(values: dict[str, Any]) -> dict[str, Any]:
                if "query" not in values:
                    raise ValueError("query: is required")
                return values

            toolset.put(ToolSpec("find", "Finds more.", schema_of("query"), echo, parse=parse))
            await client.says("¿y más?")
            refused = await client.hears("tool_finished")
            finished = await client.hears("tool_finished")
            await client.hears_answer()
            assert refused["status"] == "failed" and "query: is required" in refused["error"]
            assert (finished["status"], finished["result"]) == ("done", {"query": "pan"})

            toolset.remove("find")
            assert await offered_by(server) == ["work"]
            await client.says("¿otra vez?")
            gone = await client.hears("tool_finished")
            answer = await client.hears_answer()
            assert gone["status"] == "failed"
            assert gone["error"] == "esa herramienta no existe; las que hay son: work."
            assert answer["text"] == "Ya no está."
            await client.leaves()

    offers = [[schema["function"]["name"] for schema in request.tools] for request in model.requests]
    assert offers == [["work"], *[["work", "find"]] * 5, ["work"], ["work"]]
    parameters = [request.tools[-1]["function"]["parameters"] for request in model.requests[1:6]]
    assert [[*each["properties"]] for each in parameters] == [["text"]] * 2 + [["query"]] * 3


@asynccontextmanager
async def a_talk(toolset: Toolset, script: list[Answer], **settings: Any):
    model = ScriptedModel(script)
    async with running_server(settings_with(**settings), provider=model, toolsets=[toolset]) as server:
        async with v2_client(server) as client:
            await client.starts()
            yield client, model
            await client.leaves()


async def test_call_that_runs_as_its_tool_goes_ends_in_peace() -> None:
    release = asyncio.Event()

    async def slow(args: Any, ctx: ToolContext) -> str:
        await release.wait()
        return "listo"

    toolset = Toolset(ToolSpec("slow", "Takes long.", schema_of(), slow))
    script: list[Answer] = [calls(("slow", {})), says("Voy."), says("Listo.")]
    async with a_talk(toolset, script, tool_inline_wait_s=0.01) as (client, model):
        await client.says("ve")
        await client.hears_answer()
        toolset.remove("slow")
        release.set()
        finished = await client.hears("tool_finished")
        told = await client.hears_answer()

        assert (finished["status"], finished["result"], told["text"]) == ("done", "listo", "Listo.")
        assert model.requests[-1].tools == []


async def test_call_that_waits_for_approval_as_its_tool_goes_is_answered_as_unknown() -> None:
    ran = list[Any]()

    async def send(args: Any, ctx: ToolContext) -> None:
        ran.append(args)

    toolset = Toolset(ToolSpec("send", "Sends.", schema_of(), send, "write"))
    script: list[Answer] = [calls(("send", {})), says("¿Lo envío?"), says("Ya no se puede.")]
    async with a_talk(toolset, script, tool_approval="writes") as (client, model):
        await client.says("envíalo")
        asked = await client.hears("approval_requested")
        await client.hears_answer()
        toolset.remove("send")
        await client.sends({"type": "approve_tool", "call_id": asked["call_id"], "approved": True})
        finished = await client.hears("tool_finished")
        await client.hears_answer()

        assert finished["status"] == "failed" and "no existe" in finished["error"]
        assert last_result(model)["status"] == "failed"
        assert "outcome" not in last_result(model)
    assert ran == []


async def test_toolset_follows_for_as_long_as_the_server_runs() -> None:
    class Feed(Toolset):
        began = asyncio.Event()
        ended = False

        async def follow(self) -> None:
            try:
                self.put(ToolSpec("news", "Tells.", schema_of(), echo))
                self.began.set()
                await asyncio.Event().wait()
            finally:
                self.ended = True

    feed = Feed()
    async with running_server(provider=ScriptedModel([]), toolsets=[feed]) as server:
        async with asyncio.timeout(PATIENCE_S):
            await feed.began.wait()
        assert await offered_by(server) == ["news"]
        assert not feed.ended

    assert feed.ended

"""Effects happen once, or end as outcome unknown: over cut answers, timeouts, restarts, kills."""

import asyncio
import contextlib
import http.client
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import httpx
import orjson
import pytest

from app.tools.base import Tool, ToolContext, ToolError
from tests.e2e.test_restart import crashes, move, stored
from tests.faults.test_group_d_storage import locked, settings_for
from tests.support.answers import Text, ToolCalls
from tests.support.azure_standin import AzureStandin
from tests.support.context import settings_with
from tests.support.process import server_process
from tests.support.scripted import Answer, Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.server import running_server
from tests.support.talk import WorkArgs, Workshop
from tests.support.v2_client import V2Client, v2_client

# A service that acts, and does not say so


Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def cuts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the order and hangs up."""


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def is_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def says_half_a_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")


async def speaks_no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n\r\n")


async def redirects_to_nowhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 307 Go\r\nLocation: http://192.0.2.7/\r\nContent-Length: 0\r\n\r\n")


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


async def fails_inside(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")


class Shop:
    """Counts the orders that reach it, by their keys."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.keys: list[str] = []
        self.serving: set[asyncio.Task[None]] = set()
        self.has_come = asyncio.Event()
        self.port = 0

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            found = re.search(r"(?i)idempotency-key: (\S+)", head)
            self.keys.append(found[1] if found else "")
            self.has_come.set()
            await self.reply(reader, writer)
            await writer.drain()
        writer.close()

    @property
    def order(self) -> dict[str, Any]:
        return {"url": f"http://127.0.0.1:{self.port}/order", "method": "POST", "body": "1 tea"}


@asynccontextmanager
async def shop_that(reply: Reply) -> AsyncIterator[Shop]:
    shop = Shop(reply)
    listener = await asyncio.start_server(shop.serve, "127.0.0.1", 0)
    shop.port = listener.sockets[0].getsockname()[1]
    try:
        yield shop
    finally:
        listener.close()
        for serving in shop.serving:
            serving.cancel()
        await asyncio.gather(*shop.serving, return_exceptions=True)


def order_thrice(shop: Shop) -> Callable[[Any], Answer]:
    """A model that gives the same order up to three times in a turn, whatever it hears of it."""

    def answer(request: Any) -> Answer:
        tail = [m["role"] for m in request.messages[-6:]]
        if request.messages[-1]["role"] == "user" or tail.count("tool") < 3:
            return calls(("make_http_request", shop.order))
        return says("Vale.")

    return answer


def results_of(model: ScriptedModel) -> list[dict[str, Any]]:
    """What the model was told of its calls, in order."""
    return [orjson.loads(m["content"]) for m in model.requests[-1].messages if m["role"] == "tool"]


MAY_HAVE_ACTED = {
    "the connection is cut": cuts,
    "the connection is reset": resets,
    "no answer comes in time": is_silent,
    "half an answer comes": says_half_a_head,
    "the answer is no HTTP": speaks_no_http,
    "a redirect leads nowhere": redirects_to_nowhere,
    "the answer drips": drips,
}


@pytest.mark.parametrize("how", MAY_HAVE_ACTED)
async def test_order_that_may_have_arrived_is_given_once(how: str) -> None:
    async with shop_that(MAY_HAVE_ACTED[how]) as shop:
        model = ScriptedModel(order_thrice(shop))
        settings = settings_with(
            http_tool_allowed_private=(f"127.0.0.1:{shop.port}",), tool_timeout_s=2, tool_inline_wait_s=6
        )
        async with running_server(settings, provider=model) as server, v2_client(server) as client:
            await client.starts()
            await client.says("pide un té")
            await client.hears_answer()
            await client.leaves()

    assert len(shop.keys) == 1
    ends = [m for m in client.heard if m["type"] == "tool_finished"]
    assert [(m["status"], m["reason"]) for m in ends] in (
        [("failed", "outcome_unknown")],
        [("timed_out", "outcome_unknown")],
    )
    assert [result["outcome"] for result in results_of(model)] == ["unknown"] * 3


@pytest.mark.parametrize("reply", [answers, fails_inside])
async def test_order_that_was_answered_is_given_once_and_its_answer_is_known(reply: Reply) -> None:
    async with shop_that(reply) as shop:
        model = ScriptedModel(order_thrice(shop))
        settings = settings_with(http_tool_allowed_private=(f"127.0.0.1:{shop.port}",), tool_inline_wait_s=6)
        async with running_server(settings, provider=model) as server, v2_client(server) as client:
            await client.starts()
            await client.says("pide un té")
            await client.hears_answer()
            await client.leaves()

    assert len(shop.keys) == 1
    assert [result["status"] for result in results_of(model)] == ["done"] * 3
    assert "reason" not in next(m for m in client.heard if m["type"] == "tool_finished")


async def test_order_that_never_left_is_tried_again_under_its_key() -> None:
    """The shop opens between the second try and the third."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with contextlib.AsyncExitStack() as later:
        shop = Shop(answers)
        shop.port = port

        opening: list[asyncio.Task[asyncio.Server]] = []

        def answer(request: Any) -> Answer:
            done = [m for m in request.messages if m["role"] == "tool"]
            if len(done) == 2:
                listening = socket.create_server(("127.0.0.1", port))
                opening.append(asyncio.create_task(asyncio.start_server(shop.serve, sock=listening)))
            return calls(("make_http_request", shop.order)) if len(done) < 3 else says("Vale.")

        model = ScriptedModel(answer)
        settings = settings_with(http_tool_allowed_private=(f"127.0.0.1:{port}",), tool_inline_wait_s=6)
        async with running_server(settings, provider=model) as server, v2_client(server) as client:
            await client.starts()
            await client.says("pide un té")
            first = await client.hears("tool_started")
            await client.hears_answer()
            later.callback((await opening[0]).close)
            await client.leaves()

    ends = [(m["status"], m.get("reason")) for m in client.heard if m["type"] == "tool_finished"]
    assert ends == [("failed", None), ("failed", None), ("done", None)]
    assert shop.keys == [first["call_id"]], "each try of an order has the key of the first"


# Tools of one's own


def plain_error(tag: str) -> Exception:
    request = httpx.Request("POST", "http://shop.example/")
    return {
        "a bug": ZeroDivisionError(),
        "says nothing was done": ToolError("no."),
        "says it may have": ToolError("no.", outcome="unknown"),
        "cut": httpx.ReadError("cut", request=request),
        "late": httpx.ReadTimeout("late", request=request),
        "late by our own clock": TimeoutError(),
        "never connected": httpx.ConnectError("refused", request=request),
        "their fault": httpx.HTTPStatusError("x", request=request, response=httpx.Response(503)),
        "our fault": httpx.HTTPStatusError("x", request=request, response=httpx.Response(422)),
        "led on": httpx.HTTPStatusError("x", request=request, response=httpx.Response(303)),
        "exit": RuntimeError("exit"),
        "cannot be unpacked": httpx.DecodingError("gzip", request=request),
        "led about": httpx.TooManyRedirects("20", request=request),
        "no JSON": json.JSONDecodeError("Expecting value", "<html>", 0),
        "half an answer": http.client.IncompleteRead(b"o"),
        "their fault, by urllib": HTTPError("http://shop.example/", 502, "Bad Gateway", Message(), None),
        "our fault, by urllib": HTTPError("http://shop.example/", 404, "Not Found", Message(), None),
    }[tag]


def write_that_raises(ran: list[str], *, in_thread: bool, is_wrapped: bool) -> Tool:
    def act(args: WorkArgs) -> None:
        ran.append(args.tag)
        error = plain_error(args.tag)
        if is_wrapped and not isinstance(error, ToolError):
            raise ToolError("no pudo ser.") from error
        raise error

    async def run(args: WorkArgs, ctx: ToolContext) -> None:
        act(args)

    def run_in_thread(args: WorkArgs, ctx: ToolContext) -> None:
        act(args)

    return Tool("send", "Sends.", WorkArgs, run_in_thread if in_thread else run, "write")


OUR_URLLIB = "our fault, by urllib"
CLEAN = {"says nothing was done": 2}
CLEAN_WHEN_WRAPPED = {**CLEAN, "never connected": 2, "our fault": 2, "a bug": 2, "exit": 2, OUR_URLLIB: 2}
TAGS = ["a bug", "says nothing was done", "says it may have", "cut", "late", "late by our own clock"]
TAGS += ["never connected", "their fault", "our fault", "exit", "cannot be unpacked", "led about", "no JSON"]
TAGS += ["led on", "half an answer", "their fault, by urllib", OUR_URLLIB]


@pytest.mark.parametrize("in_thread", [False, True])
@pytest.mark.parametrize("is_wrapped", [False, True])
@pytest.mark.parametrize("tag", TAGS)
async def test_write_that_raises_runs_again_only_where_it_says_that_it_did_nothing(
    tag: str, is_wrapped: bool, in_thread: bool
) -> None:
    ran: list[str] = []
    tool = write_that_raises(ran, in_thread=in_thread, is_wrapped=is_wrapped)
    order = calls(("send", {"tag": tag}))
    model = ScriptedModel([order, order, says("Vale.")])
    async with running_server(provider=model, tools=[tool]) as server, v2_client(server) as client:
        await client.starts()
        await client.says("envía")
        await client.hears_answer()
        await client.leaves()

    times = (CLEAN_WHEN_WRAPPED if is_wrapped else CLEAN).get(tag, 1)
    assert len(ran) == times
    reasons = {m.get("reason") for m in client.heard if m["type"] == "tool_finished"}
    assert reasons == ({None} if times == 2 else {"outcome_unknown"})


def wrapped(error: Exception, how: str) -> ToolError:
    """What a tool raises of an error, in one of the ways in which that is written."""
    try:
        try:
            raise error
        except type(error) as exc:
            if how == "hidden":
                raise ToolError("no.") from None
            if how == "just so":
                raise ToolError("no.")  # noqa: B904  # as tools are written
            raise ValueError("the client's own") from exc
    except ToolError as raised:
        return raised
    except ValueError as own:
        outer = ToolError("no.")
        outer.__cause__ = own
        return outer


@pytest.mark.parametrize("how", ["hidden", "just so", "two deep"])
@pytest.mark.parametrize("tag", ["cut", "late", "their fault", "our fault", "never connected", "a bug"])
def test_error_that_a_tool_raises_says_what_those_below_it_say(tag: str, how: str) -> None:
    raised = wrapped(plain_error(tag), how)
    assert raised.may_have_acted is (tag in ("cut", "late", "their fault"))


def test_connection_that_was_never_made_is_believed_before_what_lies_below_it() -> None:
    with pytest.raises(ToolError) as caught:
        try:
            try:
                raise TimeoutError
            except TimeoutError as exc:
                raise httpx.ConnectTimeout("late") from exc
        except httpx.ConnectTimeout as exc:
            raise ToolError("no.") from exc

    assert not caught.value.may_have_acted


@pytest.mark.parametrize("how", ["cancelled", "timed_out", "unapproved", "denied"])
async def test_write_that_is_ended_from_outside_is_unknown_once_it_has_begun(how: str) -> None:
    shop = Workshop()
    order = calls(("send", {"seconds": 60, "tag": "w"}))
    model = ScriptedModel(lambda r: order if len(model.requests) in (1, 3) else says("Ya."))
    settings = settings_with(
        tool_timeout_s=0.5 if how == "timed_out" else 30,
        tool_inline_wait_s=0.05,
        tool_approval="writes" if how in ("unapproved", "denied") else "off",
    )
    async with running_server(settings, provider=model, tools=[shop.tool("send", "write")]) as server:
        async with v2_client(server) as client:
            await client.starts()
            await client.says("envía")
            kind = "approval_requested" if settings.tool_approval == "writes" else "tool_started"
            call = await client.hears(kind)
            if how == "denied":
                await client.sends({"type": "approve_tool", "call_id": call["call_id"], "approved": False})
            elif how != "timed_out":
                await client.sends({"type": "cancel_tool", "call_id": call["call_id"]})
            ended = await client.hears("tool_finished")
            await client.hears_answer()
            await client.leaves()

    status, reason = {
        "cancelled": ("cancelled", "outcome_unknown"),
        "timed_out": ("timed_out", "outcome_unknown"),
        "unapproved": ("cancelled", "user"),
        "denied": ("cancelled", "denied"),
    }[how]
    assert (ended["status"], ended["reason"]) == (status, reason)
    assert len(shop.runs) == (how in ("cancelled", "timed_out"))


async def test_second_order_is_a_new_one_and_who_is_asked_is_told_of_the_first(tmp_path: Path) -> None:
    """Also after a restart: the first server dies, and the second asks."""
    keys: list[str] = []

    async def run(args: WorkArgs, ctx: ToolContext) -> str:
        keys.append(ctx.idempotency_key)
        if len(keys) == 1:
            raise ZeroDivisionError
        return "ok"

    tools = [Tool("send", "Sends.", WorkArgs, run, "write")]
    settings = settings_with(
        database_url=f"sqlite:///{tmp_path}/talks.db",
        tool_approval="writes",
        tool_inline_wait_s=0.05,
        store_timeout_s=30,
    )
    order = calls(("send", {"tag": "a"}))

    def answer(request: Any) -> Answer:
        return order if request.messages[-1]["role"] == "user" else says("Vale.")

    async def orders(client: V2Client) -> dict[str, Any]:
        await client.says("envía")
        asked = await client.hears("approval_requested")
        await client.sends({"type": "approve_tool", "call_id": asked["call_id"], "approved": True})
        await client.hears("tool_finished")
        while not client.heard[-1].get("text", "").startswith("Vale"):
            await client.hears("response_complete")
        # The result is told in a turn of its own, behind that of the text.
        while [m.get("source") for m in client.heard if m["type"] == "turn_started"][-1] != "tool":
            await client.hears("turn_started")
        if client.heard[-1]["type"] != "response_complete":
            await client.hears("response_complete")
        return asked

    async with running_server(settings, provider=ScriptedModel(answer), tools=tools) as server:
        async with v2_client(server) as client:
            await client.starts()
            first = await orders(client)
            await stored(server)
            await crashes(server)
            await client.drops()
            async with running_server(settings, provider=ScriptedModel(answer), tools=tools) as after:
                move(client, after.url)
                await client.resumes()
                second = await orders(client)
                third = await orders(client)
                await client.leaves()

    assert "earlier" not in first
    assert second["earlier"] == {
        "call_id": first["call_id"],
        "status": "failed",
        "reason": "outcome_unknown",
    }
    assert "earlier" not in third, "the second was done, knowing of the first"
    assert keys == [first["call_id"], second["call_id"], third["call_id"]]


# Restarts


async def test_write_whose_server_was_killed_is_answered_from_the_ledger(
    address: str, tmp_path: Path
) -> None:
    """The model gives the order again as soon as it is told, and once more; nobody has spoken meanwhile."""
    async with shop_that(is_silent) as shop, AzureStandin() as standin:
        async with server_process(
            tmp_path,
            database_url=address,
            http_tool_allowed_private=f"127.0.0.1:{shop.port}",
            tool_inline_wait_s=0,
            **standin.azure(),
        ) as server:
            order = ToolCalls(("make_http_request", shop.order))
            standin.script(order, Text("Voy."))
            await server.starts()
            client = V2Client(server.url)
            await client.starts()
            await client.says("pide", id="c1")
            await client.hears_answer()
            await shop.has_come.wait()
            await server.is_killed()
            standin.script(order, order, Text("No sé si ha llegado."))
            await server.starts()
            client.url = server.url
            await client.resumes()
            ended = await client.hears("tool_finished")
            told = await client.hears_answer()
            await client.leaves()

    assert len(shop.keys) == 1
    assert (ended["status"], ended["reason"]) == ("interrupted", "outcome_unknown")
    assert told["text"] == "No sé si ha llegado."
    results = [m["content"] for m in standin.requests[-1].messages if m["role"] == "tool"]
    assert all('"unknown"' in result for result in results[1:])


# A write that cannot be noted


async def test_write_that_cannot_be_noted_runs_only_where_no_other_server_could_answer(address: str) -> None:
    """Refused with PostgreSQL, run with a file; both are locked by somebody else."""
    shop = Workshop()
    order = calls(("send", {"tag": "w"}))
    model = ScriptedModel(lambda r: order if r.messages[-1]["role"] == "user" else says(f"<{last_text(r)}>"))
    settings = settings_for(address, store_timeout_s=0.5, tool_inline_wait_s=5)
    async with running_server(settings, provider=model, tools=[shop.tool("send", "write")]) as server:
        async with v2_client(server) as client:
            await client.starts()
            await stored(server)
            async with locked(address):
                await client.says("envía")
                ended = await client.hears("tool_finished")
                refused = await client.hears_answer()
            await stored(server)
            await client.says("envía")
            again = await client.hears("tool_finished")
            await client.leaves()

    if address.startswith("sqlite"):
        assert (ended["status"], len(shop.runs)) == ("done", 2)
    else:
        assert (ended["status"], ended.get("reason")) == ("failed", None)
        assert "could not be noted, was not run" in refused["text"]
        assert len(shop.runs) == 1
    assert again["status"] == "done"


async def test_write_runs_without_a_store() -> None:
    shop = Workshop()
    model = ScriptedModel([calls(("send", {})), says("Ya.")])
    async with running_server(provider=model, tools=[shop.tool("send", "write")]) as server:
        async with v2_client(server) as client:
            await client.starts()
            await client.says("envía")
            await client.hears_answer()
            await client.leaves()

    assert len(shop.runs) == 1


# L1: told and ended in one


async def test_result_that_was_told_is_stored_as_told_together_with_its_turn(tmp_path: Path) -> None:
    """The server dies in the very moment in which the client hears that the telling turn has ended."""
    shop = Workshop()
    tools = [shop.tool("look")]
    settings = settings_with(
        database_url=f"sqlite:///{tmp_path}/talks.db", tool_inline_wait_s=0, store_timeout_s=30
    )

    def answer(request: Any) -> Answer:
        wants = request.messages[-1]["role"] == "user" and last_text(request) == "mira"
        return (
            calls(("look", {"seconds": 0.2, "result": "azul"})) if wants else says(f"<{last_text(request)}>")
        )

    async with running_server(settings, provider=ScriptedModel(answer), tools=tools) as server:
        async with v2_client(server) as client:
            await client.starts()
            await client.says("mira")
            await client.hears_answer()
            told = await client.hears("response_complete")
            writer = server.service.store._writer  # type: ignore[attr-defined]  # what a kill would lose
            lost = writer.waiting
            await crashes(server)
            await client.drops()
            model = ScriptedModel(answer)
            async with running_server(settings, provider=model, tools=tools) as after:
                move(client, after.url)
                await client.resumes()
                await client.says("¿y?")
                await client.hears("message_accepted")
                await client.hears_answer()
                await client.leaves()

    assert "azul" in told["text"]
    assert told["durable"] is True
    assert lost == 0, "nothing of the turn waits any more when its end is told"
    assert len(model.requests) == 1, "not told again"


async def test_answer_that_ran_into_the_end_of_its_grace_is_kept_as_it_was_heard(tmp_path: Path) -> None:
    """SIGTERM with a grace that is too short, in an answer and in the telling of a result."""
    settings = settings_with(
        database_url=f"sqlite:///{tmp_path}/talks.db",
        shutdown_grace_s=0.2,
        store_timeout_s=30,
        tool_inline_wait_s=0,
    )
    shop = Workshop()
    tools = [shop.tool("look")]

    def answer(request: Any) -> Answer:
        if request.messages[-1]["role"] == "tool" and "azul" in last_text(request):
            return [Says("Era az"), Pause(60)]
        if last_text(request) == "mira":
            return calls(("look", {"seconds": 0.2, "result": "azul"}))
        if request.messages[-1]["role"] == "tool":
            return says("Voy.")
        return [Says("Emp"), Pause(60)]

    async with running_server(settings, provider=ScriptedModel(answer), tools=tools) as server:
        async with v2_client(server) as client, v2_client(server) as teller:
            await client.starts()
            await client.says("hola")
            accepted = await client.hears("message_accepted")
            await client.hears("response_chunk")
            await teller.starts()
            await teller.says("mira")
            await teller.hears_answer()
            while "Era" not in teller.heard[-1].get("content", ""):
                await teller.hears("response_chunk")
            await server.service.farewell()
            codes = [await one.is_closed() for one in (client, teller)]
            await server.service.aclose()
            model = ScriptedModel(lambda r: says(f"<{last_text(r)}>"))
            async with running_server(settings, provider=model, tools=tools) as after:
                for one in (client, teller):
                    move(one, after.url)
                    await one.resumes()
                history, told = await client.hears_next(), await teller.hears_next()
                again = await client.hears_answer()
                await teller.says("¿y?")
                await teller.hears_answer()
                stored_rows = (await after.get(f"/sessions/{client.session_id}/messages")).json()["messages"]
                for one in (client, teller):
                    await one.leaves()

    assert codes == [1012, 1012]
    assert [(m["content"], m["interrupted"]) for m in history["messages"]] == [("hola", False), ("Emp", True)]
    assert (again["turn_id"], again["text"]) == (accepted["turn_id"], "<hola>")
    assert [m["content"] for m in stored_rows] == ["hola", "<hola>"], "the answer takes the place of its half"
    assert (told["messages"][-1]["content"], told["messages"][-1]["interrupted"]) == ("Era az", True)
    assert [m["content"] for m in model.requests[-1].messages if m["role"] == "user"] == ["mira", "¿y?"]
    assert len(model.requests) == 2, "something of the result was heard: it is not told again"

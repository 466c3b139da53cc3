"""A model's service that misbehaves, behind the whole server: the strict stand-in, the real client library.

Whatever it does, the text ends in one error with a sentence, the log says the code, and the next text is
answered with a history that the service takes.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.errors import AgentError
from config.settings import Settings
from tests.support.answers import (
    Drip,
    Endless,
    HugeLine,
    Reset,
    StallBeforeHeaders,
    Status,
    Text,
    ToolCalls,
    chunk,
    cut_after,
    events,
    gzip_bomb,
    html,
    redirect,
    stall,
    text_events,
)
from tests.support.azure_standin import AzureStandin
from tests.support.context import settings_with
from tests.support.server import Client, Server, client_of, running_server
from tests.support.talk import Workshop

QUICK = {"llm_max_retries": 0}
IMPATIENT = {"llm_first_token_timeout_s": 1, "llm_stall_timeout_s": 1}
KINDS = ["azure", "openai"]


def settings_for(standin: AzureStandin, kind: str, **values: Any) -> Settings:
    service = standin.azure() if kind == "azure" else standin.openai()
    return settings_with(**{**service, **QUICK, **values})


@asynccontextmanager
async def talking(
    kind: str = "azure", tools: list[Any] | None = None, **values: Any
) -> AsyncIterator[tuple[AzureStandin, Server, Client]]:
    async with AzureStandin() as standin:
        settings = settings_for(standin, kind, **values)
        async with running_server(settings, tools=tools or []) as server, client_of(server) as client:
            await client.opens()
            yield standin, server, client
        assert standin.violations == []


def codes(caplog: pytest.LogCaptureFixture) -> list[str]:
    known = {error.code for error in all_errors(AgentError)}
    return [record.message for record in caplog.records if record.message in known]


def all_errors(base: type[AgentError]) -> set[type[AgentError]]:
    return {base, *(deeper for child in base.__subclasses__() for deeper in all_errors(child))}


@pytest.mark.parametrize("kind", KINDS)
async def test_answer_comes_chunk_by_chunk(kind: str) -> None:
    async with talking(kind) as (standin, _, client):
        standin.script(Text(["uno ", "dos ", "tres"], delay_s=0.02))
        await client.says("cuenta")
        await client.hears("response_complete")

    chunks = [m["content"] for m in client.heard if m["type"] == "response_chunk"]
    assert chunks == ["uno ", "dos ", "tres"]
    assert [m["role"] for m in standin.requests[0].messages] == ["system", "user"]


@pytest.mark.parametrize(
    ("row", "answer", "code"),
    [
        ("B3", Status(429, {"retry-after": "3600"}), "llm_rate_limited"),
        ("B3", Status(429), "llm_rate_limited"),
        ("B4", Status(500), "llm_unavailable"),
        ("B4", Status(503), "llm_unavailable"),
        ("B4", Reset(), "llm_unavailable"),
        ("B5", cut_after(text_events("Emp", "ezado"), 10**6), "llm_cut"),
        ("B6", Status(401), "llm_auth"),
        ("B6", Status(403), "llm_auth"),
        ("B7", Status(404, code="DeploymentNotFound"), "llm_not_found"),
        ("B10", Status(400, code="whatever"), "llm_bad_request"),
        ("B12", cut_after(text_events("Hola"), 10**6, reset=True), "llm_cut"),
        ("B14", StallBeforeHeaders(), "llm_stalled"),
        ("B14", stall(), "llm_stalled"),
        ("B14", stall("Hola"), "llm_stalled"),
        ("B15", Drip(), "llm_stalled"),
        ("B15", Drip(first=text_events("Hola")), "llm_stalled"),
        ("B18", Status(200, {"content-type": "text/event-stream"}, b"data: {broken\n\n"), "llm_bad_response"),
        ("B19", HugeLine(4 * 1024 * 1024), "llm_bad_response"),
        ("B20", html(), "llm_bad_response"),
        ("B20", gzip_bomb(4 * 1024 * 1024), "llm_bad_response"),
        ("B21", redirect("http://127.0.0.1:9/"), "llm_bad_response"),
    ],
    ids=lambda value: value if isinstance(value, str) and value[0] == "B" else "",
)
async def test_failure_is_one_error_and_the_next_text_is_answered(
    row: str, answer: Any, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    patience = IMPATIENT if code == "llm_stalled" else {}
    async with talking(**patience) as (standin, _, client):
        standin.script(answer, Text("Aquí estoy."))
        await client.says("primero")
        error = await client.hears("error")
        await client.says("segundo")
        answered = await client.hears_answer()

    assert answered == "Aquí estoy."
    assert error["content"].endswith(".")
    assert "standin" not in error["content"].lower()
    assert codes(caplog) == [code]
    (record,) = [r for r in caplog.records if r.message == code]
    assert record.levelno >= logging.WARNING
    assert record.exc_info is None
    assert standin.requests[0].gone.is_set() or standin.requests[0].is_answered


async def test_b5_what_was_said_before_a_cut_stays_in_the_history() -> None:
    async with talking() as (standin, _, client):
        standin.script(cut_after(text_events("Había una vez"), 10**6), Text("Sigo."))
        await client.says("cuento")
        await client.hears("error")
        await client.says("sigue")
        await client.hears_answer()

    contents = [m["content"] for m in standin.requests[1].messages[1:]]
    assert contents == ["cuento", "Había una vez", "sigue"]


async def test_b8_filtered_text_leaves_the_prompts() -> None:
    async with talking() as (standin, _, client):
        standin.filter_word = "veneno"
        for text in ("hola", "veneno", "¿y ahora?"):
            await client.says(text)
        assert await client.hears_answer() == "hola"
        await client.hears("error")
        assert await client.hears_answer() == "¿y ahora? "[:-1]

    assert [m["content"] for m in standin.requests[-1].messages[1:]] == ["hola", "hola", "¿y ahora?"]


async def test_b9_too_long_a_prompt_loses_its_oldest_turns_and_is_tried_again() -> None:
    async with talking() as (standin, _, client):
        for number in range(6):
            await client.says(f"{number} " + "x" * 300)
            await client.hears_answer()
        standin.max_chars = 2500
        await client.says("corto")
        assert await client.hears_answer() == "corto"
        standin.max_chars = 10
        await client.says("otro")
        await client.hears("error", "demasiado largo")
        standin.max_chars = None
        await client.says("y otro")
        assert await client.hears_answer() == "y otro"

    assert "otro" not in [m["content"] for m in standin.requests[-1].messages]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_b11_answer_that_the_service_cuts_is_kept_and_said_to_be_cut(reason: str) -> None:
    async with talking() as (standin, _, client):
        standin.script(Text("Una parte", finish_reason=reason))
        await client.says("todo")
        await client.hears("response_complete")

    assert client.heard[-2]["type"] == "system"
    assert "cortado" in client.heard[-2]["content"]


async def test_b12_half_a_tool_call_never_runs() -> None:
    shop = Workshop()
    calls = ToolCalls(("send", {"tag": "x" * 200}))
    whole = events(*(chunk(delta) for delta in calls.deltas()))
    async with talking(tools=[shop.tool("send", "write")]) as (standin, _, client):
        standin.script(cut_after(whole, len(whole) // 2), Text("Bien."))
        await client.says("envía")
        await client.hears("error")
        await client.says("¿y bien?")
        await client.hears_answer()

    assert shop.runs == []
    assert [m["role"] for m in standin.requests[1].messages] == ["system", "user"]


async def test_b16_answer_without_end_is_cut_and_the_stream_closed() -> None:
    async with talking(max_response_chars=400) as (standin, _, client):
        standin.script(Endless())
        await client.says("sin fin")
        await client.hears("response_complete")
        async with asyncio.timeout(2):
            await standin.requests[0].gone.wait()

    assert "longitud" in client.heard[-2]["content"]


@pytest.mark.parametrize(
    "arguments",
    ["{nope", "[1]", '"x"', '{"seconds": "mucho"}', '{"seconds": 1, "result": "' + "x" * 10**6 + '"}'],
)
async def test_b22_unusable_arguments_are_told_to_the_model(arguments: str) -> None:
    shop = Workshop()
    async with talking(tools=[shop.tool("work")]) as (standin, _, client):
        standin.script(ToolCalls(("work", arguments), piece_chars=4096), Text("Perdón."))
        await client.says("prueba")
        assert await client.hears_answer() == "Perdón."

    assert shop.runs == []
    assert '"failed"' in standin.requests[1].last_text


@pytest.mark.parametrize("name", ["no_such_tool", "../etc/passwd", "con espacios", "ñ" * 100])
async def test_b23_unknown_tool_is_answered_with_the_known_names(name: str) -> None:
    shop = Workshop()
    async with talking(tools=[shop.tool("work")]) as (standin, _, client):
        standin.script(ToolCalls((name, {})), Text("Perdón."))
        await client.says("prueba")
        assert await client.hears_answer() == "Perdón."

    assert "work" in standin.requests[1].last_text


async def test_b24_odd_call_ids_are_replaced_by_ours() -> None:
    shop = Workshop()
    odd = ToolCalls(("work", {}), ("work", {}), ("work", {}), ids=["", "", "x" * 10_000])
    async with talking(tools=[shop.tool("work")]) as (standin, _, client):
        standin.script(odd, Text("Hecho."))
        await client.says("prueba")
        assert await client.hears_answer() == "Hecho."

    assert len(shop.runs) == 3


async def test_b26_the_same_call_each_round_ends_with_a_plain_sentence() -> None:
    shop = Workshop()
    async with talking(tools=[shop.tool("work")]) as (standin, _, client):
        standin.reply = lambda request: ToolCalls(*[("work", {})] * 20)
        await client.says("bucle")
        answer = await client.hears_answer()

    assert "demasiadas herramientas" in answer
    assert len(shop.runs) == 5 * 16


async def test_b27_refusal_is_shown_and_an_empty_answer_is_one_sentence() -> None:
    async with talking() as (standin, _, client):
        standin.script(
            Status(
                200,
                {"content-type": "text/event-stream"},
                events(chunk({"refusal": "No puedo."}), chunk(finish_reason="stop"), "[DONE]"),
            ),
            Text([]),
            Text("Sí."),
        )
        for _ in range(3):
            await client.says("¿?")
        refusal, empty, last = [await client.hears_answer() for _ in range(3)]

    assert refusal == "No puedo."
    assert empty
    assert last == "Sí."


async def test_b28_server_that_is_not_there_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_with(openai_base_url="http://127.0.0.1:9/v1", openai_model="x", llm_max_retries=0)
    async with running_server(settings) as server, client_of(server) as client:
        await client.opens()
        await client.says("hola")
        await client.hears("error")

    assert codes(caplog) == ["llm_unavailable"]


async def test_b32_leaving_closes_the_upstream_stream() -> None:
    async with talking() as (standin, server, client):
        standin.script(Endless(delay_s=0.01))
        await client.says("sin fin")
        await client.hears("response_chunk")
        await client.socket.close()
        async with asyncio.timeout(1):
            await standin.requests[0].gone.wait()
        await server.is_empty()


@pytest.mark.parametrize("kind", KINDS)
async def test_talk_with_slow_tools_sends_only_valid_histories(kind: str) -> None:
    shop = Workshop()

    def reply(request: Any) -> Any:
        last = request.messages[-1]
        if last["role"] == "user" and "lenta" in str(last["content"]):
            return ToolCalls(("slow", {"seconds": 0.4}), ("slow", {"seconds": 0.01}), text="Voy. ")
        return Text("Dicho.", delay_s=0.05)

    settings = {"tool_inline_wait_s": 0.1, "tool_progress_interval_s": 0.1}
    async with talking(kind, tools=[shop.tool("slow")], **settings) as (standin, _, client):
        standin.reply = reply
        for text in ("lenta", "hola", "otra lenta", "adiós"):
            await client.says(text)
        answers = [await client.hears_answer() for _ in range(4)]
        await client.hears_answer()

    assert all(answer.endswith("Dicho.") for answer in answers)
    assert len(shop.runs) == 4


async def test_keys_and_upstream_texts_never_reach_the_client(caplog: pytest.LogCaptureFixture) -> None:
    async with talking() as (standin, _, client):
        standin.script(Status(401, message=f"bad key {standin.key}"), Status(500, message="SECRET"))
        for _ in range(2):
            await client.says("hola")
            await client.hears("error")

    heard = " ".join(str(message) for message in client.heard)
    assert standin.key not in heard + caplog.text
    assert "SECRET" not in heard

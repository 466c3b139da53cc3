"""A turn as a span: what is below it, what it tells, and what it does not."""

import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.chat import TokenUsage
from app.errors import LlmCut
from app.telemetry.bounded_session import bounded_session
from app.telemetry.traces import Traces
from config.settings import Settings
from tests.support.collector import collector
from tests.support.context import settings_with
from tests.support.hostile_http import hostile_server
from tests.support.process import server_process
from tests.support.scripted import Ends, Fails, Pause, Says, ScriptedModel, calls, says
from tests.support.server import Server, client_of, running_server
from tests.support.talk import Talk, Workshop, talk
from tests.support.virtual_time import virtual


class Spans:
    """What a talk left behind, by name."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    @property
    def all(self) -> list[ReadableSpan]:
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def of(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all if span.name.startswith(name)]

    def below(self, parent: ReadableSpan) -> list[str]:
        mine = [s for s in self.all if s.parent is not None and s.parent.span_id == parent.context.span_id]
        return [span.name for span in mine]

    @property
    def text(self) -> str:
        return "\n".join(span.to_json() for span in self.all)


def facts(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@asynccontextmanager
async def traced(
    model: ScriptedModel, *tools: Any, settings: Settings | None = None
) -> AsyncIterator[tuple[Talk, Spans]]:
    """A talk whose spans are complete behind the block."""
    spans = Spans()
    settings = settings or settings_with(tool_inline_wait_s=0.1)
    traces = Traces(settings, settings.agent_name, model, spans.exporter)
    async with talk(model, list(tools), settings) as t:
        t.session.observer = traces.observer("session_test")
        yield t, spans
        t.session.observer.closed()
        traces.flush()
    traces.flush()


@virtual
async def test_turn_has_its_requests_and_tools_below_it_in_the_words_of_the_conventions():
    script = [calls(("look", {})), [Says("Ya."), Ends("stop", TokenUsage(100, 7))]]
    async with traced(ScriptedModel(script), Workshop().tool("look")) as (t, spans):
        turn_id = t.says("mira")
        await t.rests()

    (turn,) = spans.of("invoke_agent")
    first, second = spans.of("chat scripted")
    (tool,) = spans.of("execute_tool look")
    assert spans.below(turn) == ["chat scripted", "execute_tool look", "chat scripted"]
    assert len({span.context.trace_id for span in spans.all}) == 1
    assert facts(turn) | {"voice_agent.turn.queued_ms": 0, "voice_agent.turn.first_token_ms": 0} == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "Asistente",
        "gen_ai.conversation.id": "session_test",
        "gen_ai.response.finish_reasons": ("stop",),
        "voice_agent.turn.id": turn_id,
        "voice_agent.turn.source": "user",
        "voice_agent.turn.queued_ms": 0,
        "voice_agent.turn.first_token_ms": 0,
    }
    assert facts(first)["gen_ai.response.finish_reasons"] == ("tool_calls",)
    assert facts(second) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "demo",
        "gen_ai.request.model": "scripted",
        "gen_ai.conversation.id": "session_test",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 7,
        "voice_agent.purpose": "answer",
    }
    assert facts(tool)["gen_ai.tool.name"] == "look"
    assert facts(tool)["gen_ai.tool.call.id"].startswith("call_")
    assert facts(tool)["voice_agent.tool.status"] == "done"


SECRETS = ("mi clave es marmota", "respuesta-tejon", "argumento-lince")


async def tells_secrets(settings: Settings) -> Spans:
    script = [calls(("look", {"tag": SECRETS[2]})), says(SECRETS[1])]
    async with traced(ScriptedModel(script), Workshop().tool("look"), settings=settings) as (t, spans):
        t.says(SECRETS[0])
        await t.rests()
    return spans


@virtual
async def test_nothing_that_is_said_is_in_a_span_unless_it_is_wanted():
    without = await tells_secrets(settings_with())
    wanted = await tells_secrets(settings_with(otel_capture_content=True))

    assert len(without.all) == len(wanted.all) == 4
    assert not any(secret in without.text for secret in SECRETS)
    (turn,) = wanted.of("invoke_agent")
    asked = json.loads(facts(wanted.of("chat")[0])["gen_ai.input.messages"])
    assert asked[-1] == {"role": "user", "parts": [{"type": "text", "content": SECRETS[0]}]}
    assert SECRETS[1] in facts(turn)["gen_ai.output.messages"]
    assert SECRETS[2] in facts(wanted.of("execute_tool")[0])["gen_ai.tool.call.arguments"]


@virtual
async def test_content_is_bounded_and_survives_half_a_character():
    settings = settings_with(otel_capture_content=True)
    async with traced(ScriptedModel([says("Sí \ud83c.")]), settings=settings) as (t, spans):
        t.says("a" * 40_000)
        await t.rests()

    (call,), (turn,) = spans.of("chat"), spans.of("invoke_agent")
    assert "Sí ?." in facts(turn)["gen_ai.output.messages"]
    assert len(facts(call)["gen_ai.input.messages"]) == 32_768


@virtual
async def test_failures_and_interruptions_are_told_by_their_code_alone():
    script = [[Says("Pu"), Fails(LlmCut("the key xyz"))], [Says("La"), Pause(60)]]
    async with traced(ScriptedModel(script)) as (t, spans):
        t.says("uno")
        await t.rests()
        t.says("dos")
        await t.passes(1)
        t.conversation.interrupt()
        await t.rests()

    failed, interrupted = spans.of("invoke_agent")
    failed_call, interrupted_call = spans.of("chat")
    assert (facts(failed)["error.type"], failed.status.is_ok) == ("llm_cut", False)
    assert (facts(failed_call)["error.type"], failed_call.status.is_ok) == ("llm_cut", False)
    assert facts(interrupted)["gen_ai.response.finish_reasons"] == ("interrupted",)
    assert facts(interrupted_call)["voice_agent.interrupted"] is True
    assert interrupted_call.status.is_ok
    assert "xyz" not in spans.text


@virtual
async def test_tool_that_ends_late_or_never_runs_is_below_the_turn_that_asked():
    script = [calls(("slow", {"seconds": 5}), ("invented", {})), says("Voy."), says("Ya.")]
    async with traced(ScriptedModel(script), Workshop().tool("slow")) as (t, spans):
        t.says("ve")
        await t.rests()

    asked, told = spans.of("invoke_agent")
    assert facts(told)["voice_agent.turn.source"] == "tool"
    assert {"execute_tool slow", "execute_tool invented"} <= set(spans.below(asked))
    assert spans.below(told) == ["chat scripted"]
    (slow,) = spans.of("execute_tool slow")
    assert (slow.end_time or 0) > (asked.end_time or 0)


@virtual
async def test_what_still_runs_when_the_session_closes_is_ended_as_abandoned():
    spans = Spans()
    model = ScriptedModel([[Says("La"), Pause(60)]])
    traces = Traces(settings_with(), "Asistente", model, spans.exporter)
    async with talk(model) as t:
        t.session.observer = observer = traces.observer("session_test")
        t.says("habla")
        await t.passes(1)
        await t.conversation.aclose()
        observer.closed()
        traces.flush()

    (turn,) = spans.of("invoke_agent")
    assert facts(turn)["voice_agent.abandoned"] is True
    assert len(spans.of("chat")) == 1


async def talks_once(server: Server) -> None:
    async with client_of(server) as client:
        await client.opens()
        await client.says("hola")
        await client.hears("response_complete")


async def test_spans_reach_a_collector_over_http_with_its_headers() -> None:
    async with collector() as received:
        settings = settings_with(
            llm_provider="demo",
            otel_traces="otlp",
            otel_exporter_otlp_endpoint=f"http://127.0.0.1:{received.port}/",
            otel_exporter_otlp_headers="x-team=voz, authorization=Basic abc",
            otel_service_name="agente",
        )
        async with running_server(settings) as server:
            await talks_once(server)

    (request, headers), *_ = received.requests
    assert request == "POST /v1/traces HTTP/1.1"
    assert (headers["x-team"], headers["authorization"]) == ("voz", "Basic abc")
    assert headers["content-type"] == "application/x-protobuf"
    assert {"invoke_agent Asistente", "chat demo"} <= set(received.spans)
    assert received.services == {"agente"}
    assert b"hola" not in received.body


async def test_collector_that_is_not_there_costs_no_talk(caplog: pytest.LogCaptureFixture) -> None:
    async with collector() as gone:
        pass
    endpoint = f"http://127.0.0.1:{gone.port}"
    settings = settings_with(otel_traces="otlp", otel_exporter_otlp_endpoint=endpoint)
    async with running_server(settings, provider=ScriptedModel([says("Hola.")])) as server:
        await talks_once(server)

    assert any(record.name.startswith("opentelemetry") for record in caplog.records)


def rss_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


BAD = (
    "103",
    "103-large",
    "headers",
    "header",
    "status",
    "blank",
    "http09",
    "redirect-body",
    "line",
    "tiny",
    "refusal",
)


@pytest.mark.parametrize("mode", BAD)
def test_collector_that_answers_without_end_is_let_go(mode: str) -> None:
    with hostile_server() as port, bounded_session(1.0) as session:
        before = rss_kib()
        began = time.monotonic()
        try:
            answer = session.request("POST", f"http://127.0.0.1:{port}/{mode}", data=b"x", timeout=1.0)
        except requests.RequestException:
            answer = None
        took_s = time.monotonic() - began

    assert took_s < 10
    assert rss_kib() - before < 32 * 1024
    assert answer is None or len(answer.content) <= 64 * 1024


async def test_console_shows_each_span_as_a_line_beside_the_log(tmp_path: Path) -> None:
    async with server_process(tmp_path, llm_provider="demo", otel_traces="console") as server:
        await server.starts()
        await talks_once(Server(server.port, None))  # type: ignore[arg-type]
        server.signals(signal.SIGTERM)
        await server.ends()

    spans = [json.loads(line) for line in server.log if line.startswith("{")]
    assert {"invoke_agent Asistente", "chat demo"} <= {span["name"] for span in spans}

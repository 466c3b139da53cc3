"""OpenTelemetry traces: a turn is a span, and its requests to the model and its tool calls are its children.

Names are those of the GenAI semantic conventions; what these do not name begins with `voice_agent`. What
people say and tools are asked is in no span unless the settings ask for it. Imported by `loader.py`, by name:
the packages of OpenTelemetry are not needed where there are no traces.
"""

import asyncio
import logging
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, Self

import orjson
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

from app.chat import ApiMessage, TokenUsage
from app.llm.base import ChatProvider
from app.protocol.events import ErrorOccurred, Event, ResponseComplete, ToolFinished, ToolStarted, TurnStarted
from app.session.observer import ModelCall, Observer, ResumeOutcome
from app.telemetry.bounded_session import bounded_session
from app.telemetry.metrics_recorder import outcome_of
from config.trace_settings import TraceSettings

logger = logging.getLogger(__name__)

EXPORT_TIMEOUT_S: Final = 5
MAX_ATTRIBUTE_CHARS: Final = 32_768
"""Of one text in a span, where content is wanted."""

_PROVIDERS: Final = {"azure": "azure.ai.openai"}
"""Where the conventions have a name that is not ours."""

_KEPT_TURNS: Final = 32
"""A tool that a person agreed to late still finds the turn that asked for it."""


class Traces:
    """Telemetry that makes spans. They are sent from a thread of OpenTelemetry's own, in bounded batches.

    Args:
        agent_name: What spans call the agent.
        provider: The model, whose names the spans carry.
        exporter: Where spans go; by default where the settings say.
    """

    def __init__(
        self,
        settings: TraceSettings,
        agent_name: str,
        provider: ChatProvider,
        exporter: SpanExporter | None = None,
    ) -> None:
        self.captures_content = settings.otel_capture_content
        self.agent_name = agent_name
        self.model = provider.model
        self.provider_name = _PROVIDERS.get(provider.name, provider.name)
        self._tracers = TracerProvider(
            resource=Resource.create({"service.name": settings.otel_service_name}),
            span_limits=SpanLimits(max_attribute_length=MAX_ATTRIBUTE_CHARS),
            shutdown_on_exit=False,
        )
        self._tracers.add_span_processor(BatchSpanProcessor(exporter or _exporter(settings)))
        self._tracer = self._tracers.get_tracer("voice_agent")

    def observer(self, session_id: str) -> Observer:
        """Trace one session."""
        return _TracedSession(self, session_id)

    def resumed(self, outcome: ResumeOutcome) -> None:
        """Is in no span."""

    def connection_ended(self, reason: str) -> None:
        """Is in no span."""

    def begin(
        self,
        name: str,
        attributes: Mapping[str, Any],
        parent: Span | None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Span:
        """Return a span below another, or at the root of a trace."""
        context = set_span_in_context(parent) if parent is not None else None
        return self._tracer.start_span(name, context, kind, attributes)

    async def aclose(self) -> None:
        """Send what is left, while nobody waits on the loop; give up where that takes too long."""
        if not await asyncio.to_thread(self.flush):
            logger.warning("spans_not_sent")
        await asyncio.to_thread(self._tracers.shutdown)

    def flush(self) -> bool:
        """Send what there is; block. Returns whether that was done in time."""
        return self._tracers.force_flush(EXPORT_TIMEOUT_S * 1000)


def _exporter(settings: TraceSettings) -> SpanExporter:
    if settings.otel_traces == "console":
        return ConsoleSpanExporter(out=sys.stderr, formatter=_line)
    secret = settings.otel_exporter_otlp_headers
    pairs = secret.get_secret_value().split(",") if secret is not None else []
    return OTLPSpanExporter(
        endpoint=settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces",
        headers={name.strip(): value.strip() for name, _, value in (pair.partition("=") for pair in pairs)},
        timeout=EXPORT_TIMEOUT_S,
        session=bounded_session(EXPORT_TIMEOUT_S),
    )


def _line(span: ReadableSpan) -> str:
    return span.to_json(indent=None) + "\n"


class _TracedSession:
    """The spans of one session. Turns that have ended are kept for a while, for tools that begin later."""

    def __init__(self, traces: Traces, session_id: str) -> None:
        self._traces = traces
        self._session_id = session_id
        self._turns: OrderedDict[str, Span] = OrderedDict()
        self._tools: dict[str, Span] = {}

    def saw(self, event: Event) -> None:
        note = _NOTES.get(type(event))
        if note is not None:
            note(self, event)

    def model_call(
        self, turn_id: str | None, messages: Sequence[ApiMessage], *, is_draft: bool = False
    ) -> AbstractContextManager[ModelCall]:
        traces = self._traces
        purpose = "draft" if is_draft else "answer" if turn_id is not None else "summary"
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": traces.provider_name,
            "gen_ai.request.model": traces.model,
            "gen_ai.conversation.id": self._session_id,
            "voice_agent.purpose": purpose,
        }
        if traces.captures_content:
            attributes["gen_ai.input.messages"] = _as_parts(messages)
        parent = self._turns.get(turn_id) if turn_id is not None else None
        return _TracedCall(traces.begin(f"chat {traces.model}", attributes, parent, SpanKind.CLIENT))

    def closed(self) -> None:
        for span in (*self._tools.values(), *self._turns.values()):
            if span.is_recording():
                span.set_attribute("voice_agent.abandoned", True)
                span.end()
        self._tools.clear()
        self._turns.clear()

    def turn_started(self, event: TurnStarted) -> None:
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": self._traces.agent_name,
            "gen_ai.conversation.id": self._session_id,
            "voice_agent.turn.id": event.turn_id,
            "voice_agent.turn.source": event.source,
        }
        name = f"invoke_agent {self._traces.agent_name}"
        self._turns[event.turn_id] = self._traces.begin(name, attributes, None)
        if len(self._turns) > _KEPT_TURNS:
            self._turns.popitem(last=False)

    def turn_completed(self, event: ResponseComplete) -> None:
        span = self._turns.get(event.turn_id)
        if span is None:
            return  # a text that was withdrawn
        span.set_attribute("gen_ai.response.finish_reasons", [event.finish_reason])
        timings = event.timings
        if timings is not None:
            stages = {
                "queued": timings.queued,
                "first_token": timings.first_token,
                "first_audio": timings.first_audio,
            }
            for stage, milliseconds in stages.items():
                if milliseconds is not None:
                    span.set_attribute(f"voice_agent.turn.{stage}_ms", milliseconds)
        if self._traces.captures_content:
            said: list[ApiMessage] = [{"role": "assistant", "content": event.text}]
            span.set_attribute("gen_ai.output.messages", _as_parts(said))
        span.end()

    def failed(self, event: ErrorOccurred) -> None:
        span = self._turns.get(event.turn_id or "")
        if span is not None and span.is_recording():
            _fail(span, event.error.code)
            span.end()

    def tool_started(self, event: ToolStarted) -> None:
        self._tools[event.call_id] = span = self._begin_tool(event.name, event.call_id, event.turn_id)
        if self._traces.captures_content:
            span.set_attribute("gen_ai.tool.call.arguments", _clean(event.arguments))

    def tool_finished(self, event: ToolFinished) -> None:
        span = self._tools.pop(event.call_id, None)
        if span is None:  # it was refused, or not agreed to
            span = self._begin_tool(event.name, event.call_id, next(reversed(self._turns), ""))
        span.set_attribute("voice_agent.tool.status", event.reason or event.status)
        if event.status in ("failed", "timed_out"):
            _fail(span, event.status)
        span.end()

    def _begin_tool(self, name: str, call_id: str, turn_id: str) -> Span:
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "gen_ai.tool.call.id": call_id,
            "gen_ai.tool.type": "function",
            "gen_ai.conversation.id": self._session_id,
        }
        return self._traces.begin(f"execute_tool {name}", attributes, self._turns.get(turn_id))


_NOTES: Final[Mapping[type, Callable[[_TracedSession, Any], None]]] = {
    TurnStarted: _TracedSession.turn_started,
    ResponseComplete: _TracedSession.turn_completed,
    ErrorOccurred: _TracedSession.failed,
    ToolStarted: _TracedSession.tool_started,
    ToolFinished: _TracedSession.tool_finished,
}


class _TracedCall:
    """The span of a request to the model."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Self:
        return self

    def completed(self, finish_reason: str, usage: TokenUsage | None) -> None:
        self._span.set_attribute("gen_ai.response.finish_reasons", [finish_reason])
        if usage is not None:
            self._span.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
            self._span.set_attribute("gen_ai.usage.output_tokens", usage.completion_tokens)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(exc, asyncio.CancelledError):
            self._span.set_attribute("voice_agent.interrupted", True)
        elif exc is not None:
            _fail(self._span, outcome_of(exc))
        self._span.end()


def _fail(span: Span, code: str) -> None:
    span.set_attribute("error.type", code)
    span.set_status(Status(StatusCode.ERROR))


def _as_parts(messages: Sequence[ApiMessage]) -> str:
    """Messages as the conventions write them, as JSON."""
    found = [
        {"role": message["role"], "parts": [{"type": "text", "content": _clean(message["content"])}]}
        for message in messages
    ]
    return orjson.dumps(found).decode()


def _clean(text: str | None) -> str:
    # What models and tools wrote may hold half a surrogate pair, which has no UTF-8.
    return (text or "").encode("utf-8", "replace").decode()

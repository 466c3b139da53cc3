"""What Prometheus reads at `/metrics`: the tally's sums, and what can be seen of the server then."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final, get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from app.release import VERSION
from app.services.websocket_agent_service import WebSocketAgentService
from app.session.state import SessionState
from app.speech.models.readiness import VoiceStatus
from app.storage.records import StoreStatus
from app.telemetry.metrics_recorder import BUCKETS_S, Durations, MetricsRecorder, Stage
from app.watchdog import LoopWatchdog

PREFIX: Final = "voice_agent_"

_BOUNDS: Final = [*(str(float(bound)) for bound in BUCKETS_S), "+Inf"]


class Metrics:
    """The metrics of one server, in a registry of their own."""

    def __init__(
        self, service: WebSocketAgentService, metrics: MetricsRecorder, watchdog: LoopWatchdog
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_MetricsCollector(metrics))
        self._registry.register(_ServerCollector(service, watchdog))
        ProcessCollector(registry=self._registry)

    def expose(self, accept: str) -> tuple[bytes, str]:
        """Return all of them in the format that the reader accepts, and its media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _MetricsCollector(Collector):
    """What has been counted."""

    def __init__(self, metrics: MetricsRecorder) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        metrics = self._metrics
        yield _counts("turns", "Turns that have ended.", ("source", "ending"), metrics.turns)
        yield _durations(
            "turn_stage_seconds",
            "Turns: waiting in line, from their beginning to the first token and sound, in all.",
            metrics.stages,
        )
        yield _durations(
            "transcript_seconds",
            "From a speaker's last sound to the final transcript.",
            {"": metrics.transcripts},
        )
        yield _counts("tools", "Tool calls that have ended.", ("tool", "ending"), metrics.tools)
        yield _counts(
            "approvals", "Tool calls that waited for the user's approval.", ("word",), metrics.approvals
        )
        yield _counts("errors", "Errors that clients were told of.", ("code",), metrics.errors)
        yield _counts("model_calls", "Requests to the model, by outcome.", ("outcome",), metrics.model_calls)
        yield _counts(
            "model_tokens", "Tokens that the model's service has counted.", ("kind",), metrics.model_tokens
        )
        yield _counts("resumes", "Clients that came for a session of before.", ("outcome",), metrics.resumes)
        yield _counts("connections", "Connections that have ended.", ("reason",), metrics.connections)


class _ServerCollector(Collector):
    """What can be seen of the server now."""

    def __init__(self, service: WebSocketAgentService, watchdog: LoopWatchdog) -> None:
        self._service = service
        self._watchdog = watchdog

    def collect(self) -> Iterator[Metric]:
        service = self._service
        provider = service.provider
        yield _counts("model_retries", "Requests to the model sent again.", ("code",), provider.retries)
        yield _count("loop_stalls", "Times that the event loop was held up.", self._watchdog.stalls)
        engines = service.session_host.engines
        yield _counts(
            "voice_answers", "Answers that were heard of each voice.", ("voice",), engines.answers_begun
        )
        lost = sum(losses() for losses in engines.losses)
        yield _count("voice_workers_lost", "Worker processes of speech that died or hung.", lost)
        info = GaugeMetricFamily(
            f"{PREFIX}model_info", "The model that answers.", labels=["provider", "model"]
        )
        info.add_metric([provider.name, provider.model], 1)
        yield info
        yield from self._fleet()
        yield from self._sessions()
        yield from self._tools()
        store = service.store.health()
        yield _one_of("storage_status", "How the store stands.", get_args(StoreStatus), store.status)
        yield _gauge("storage_waiting_writes", "Writes that wait for the store.", store.waiting)
        yield _one_of("voice_status", "How speech stands.", get_args(VoiceStatus), service.voice.status)
        for half, state in service.voice.halves.items():
            name, what = (f"voice_{half}_status", "hearing" if half == "in" else "speaking")
            yield _one_of(name, f"How {what} stands.", get_args(VoiceStatus), state.status)

    def _fleet(self) -> Iterator[Metric]:
        directory = self._service.session_host.directory
        info = GaugeMetricFamily(
            f"{PREFIX}node_info", "This life of the process.", labels=["node", "version"]
        )
        info.add_metric([directory.owner, VERSION], 1)
        yield info
        states = Counter(node.state for node in directory.nodes)
        nodes = GaugeMetricFamily(
            f"{PREFIX}fleet_nodes", "Processes of the fleet; none where this one is alone.", labels=["state"]
        )
        for state in ("serving", "draining"):
            nodes.add_metric([state], states[state])
        yield nodes

    def _sessions(self) -> Iterator[Metric]:
        load = self._service.own_sessions.load()
        sessions = GaugeMetricFamily(f"{PREFIX}sessions", "Sessions that live.", labels=["state"])
        for state in SessionState:
            sessions.add_metric([state.value], load.states.get(state.value, 0))
        yield sessions
        yield _gauge("sessions_away", "Sessions that wait for their client to come back.", load.away)
        yield _gauge("sessions_max", "Sessions that may live at once.", self._service.settings.max_sessions)
        yield _gauge("outbox_waiting_bytes", "What waits for clients to read it.", load.waiting_bytes)

    def _tools(self) -> Iterator[Metric]:
        host = self._service.host
        running = self._service.own_sessions.load().running_tools
        yield _gauge("tools_running", "Tool calls that run.", running)
        yield _gauge("tools_stuck", "Tools that go on although they were cancelled.", len(host.stuck))
        yield _gauge("tool_threads_busy", "Threads that plain tools hold.", host.threads.busy)


def _counts(
    name: str, text: str, labels: tuple[str, ...], counts: Mapping[str, int] | Mapping[tuple[str, str], int]
) -> Metric:
    family = CounterMetricFamily(PREFIX + name, text, labels=labels)
    for values, count in counts.items():
        family.add_metric([values] if isinstance(values, str) else values, count)
    return family


def _count(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(PREFIX + name, text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, text, value=value)


def _one_of(name: str, text: str, statuses: Iterable[str], now: str) -> Metric:
    """1 for what it is, 0 for what it could be."""
    family = GaugeMetricFamily(PREFIX + name, text, labels=["status"])
    for status in statuses:
        family.add_metric([status], status == now)
    return family


def _durations(name: str, text: str, stages: Mapping[Stage, Durations] | Mapping[str, Durations]) -> Metric:
    labels = ["stage"] if "" not in stages else []
    family = HistogramMetricFamily(PREFIX + name, text, labels=labels)
    for stage, durations in stages.items():
        buckets = list(zip(_BOUNDS, map(float, accumulate(durations.counts)), strict=True))
        family.add_metric([stage] if labels else [], buckets, durations.sum_s)
    return family

"""Starts the server, and holds the only wiring.

`python main.py` (what `make run` starts) binds HOST:PORT first and sets the server options that suit the
product. `uvicorn main:app` works too.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # pip says so in a hundred lines, an import in a riddle
    sys.stderr.write(f"This needs Python 3.11, 3.12 or 3.13, and here is {sys.version.split()[0]}.\n")
    sys.exit(2)

import argparse
import asyncio
import gc
import os
import signal
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException

from app.clock import Clock, SystemClock
from app.descriptors import watch_descriptors
from app.fleet.fleet import Fleet, joined
from app.interpreter import take_short_turns
from app.llm.base import ChatProvider
from app.llm.loader import load_provider
from app.router.base_path import BasePath
from app.router.credentials import is_loopback
from app.router.guarded_socket import Guard, guarded_sockets
from app.router.http_rules import HttpRules
from app.router.page import load_page
from app.router.refusals import bad_request, refused
from app.router.request_filter import RequestFilter
from app.router.request_timeouts import timed_handshakes
from app.router.routes import (
    agent_route,
    carriers_route,
    metrics_route,
    sessions_route,
    tickets_route,
    twilio_route,
    users_route,
    websocket_route,
)
from app.router.routes.page_route import page_frame, page_look, page_router
from app.services.auth.access import Access
from app.services.limits.complaints import passes
from app.services.sessions.retention import run_retention
from app.services.upkeep.memory import keep_large_buffers_apart
from app.services.upkeep.names import warn_of_names, warn_of_oddities
from app.services.upkeep.tidying import keep_small
from app.services.websocket_agent_service import WebSocketAgentService
from app.shutdown import StopSignals
from app.speech.base import VoiceEngines
from app.speech.models.progress import ProgressBar
from app.speech.models.readiness import INSTALLER, VoiceParts
from app.storage.errors import StorageError
from app.storage.opening import open_store, store_address
from app.storage.postgres_address import PostgresAddress
from app.storage.store import Store
from app.telemetry.composite import CompositeTelemetry
from app.telemetry.exposition import Metrics
from app.telemetry.loader import Tracing, find_tracing
from app.telemetry.metrics_recorder import MetricsRecorder
from app.tools.registry import load_tools
from app.tools.tool_list import ToolRegistry
from app.tools.toolset import follow
from app.watchdog import LoopWatchdog
from config.logger_config import configure_logging
from config.settings import Settings, SettingsError, load_settings

EXIT_WRONG_SETTINGS = 2

YOUNGEST: Final = 10_000
"""So many more objects than after the last time make the garbage collector look through the new ones."""

_SETTINGS = tuple(name.upper() for name in Settings.model_fields)


_OF_FRAMEWORK: Final[Mapping[str, Any]] = {
    "title": "WebSocket Voice Agent",
    "docs_url": None,
    "redoc_url": None,
    # Turns and tools are traced by `app/telemetry`; a span for each connection would end with the talk.
    "telemetry": {"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
}


def create_app(
    settings: Settings,
    *,
    provider: ChatProvider | None = None,
    tools: ToolRegistry | None = None,
    clock: Clock | None = None,
    voice: VoiceParts | None = None,
    engines: VoiceEngines | None = None,
) -> FastAPI:
    """Wires the server together; what is not given is made from the settings.

    `engines` are given where speech is not to be loaded by itself.

    Raises:
        SettingsError: The settings do not fit together.
    """
    tools = tools if tools is not None else load_tools(settings)
    model = provider if provider is not None else load_provider(settings, settings)
    time = clock or SystemClock()
    access = Access(settings, time)
    make_traces = find_tracing(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        take_short_turns()
        fleet = _fleet_or_exit(settings, time)
        store = await _store_or_exit(settings, time, fleet)
        service = WebSocketAgentService(settings, model, tools, time, store, voice=voice, access=access)
        watchdog = LoopWatchdog()
        watchdog.start()
        app.state.service = service
        if not is_loopback(settings.host):
            access.note_exposure()
        tracing = make_traces(settings, settings.agent_name, model) if make_traces is not None else None
        _measure(app, service, watchdog, tracing)
        keepers = _keepers(service, time, access, model)
        stop_signals = StopSignals(service.farewell)
        stop_signals.install()
        if engines is None:
            await service.voice.start()
        else:
            service.session_host.engines = engines
        # Its port answers the others until the sessions have ended and all of them is written.
        async with joined(fleet, service):
            try:
                yield
            finally:
                await stop_signals.remove()
                for keeper in keepers:
                    keeper.cancel()
                await asyncio.wait(keepers)
                await service.aclose()
                if tracing is not None:
                    await tracing.aclose()
                watchdog.stop()

    app = FastAPI(lifespan=lifespan, **_OF_FRAMEWORK)
    _add_routes(app, settings)
    _guard(app, settings, access)
    return app


def _keepers(
    service: WebSocketAgentService, clock: Clock, access: Access, model: ChatProvider
) -> set[asyncio.Task[None]]:
    """Return what goes on beside the talks, until the server stops."""
    settings, sessions = service.settings, service.sessions
    tidying = keep_small(lambda: len(sessions), settings.resume_window_s)
    retention = run_retention(
        service.store,
        clock,
        resume_window_s=settings.resume_window_s,
        retention_days=settings.session_retention_days,
    )
    return {
        asyncio.create_task(retention, name="housekeeping"),
        asyncio.create_task(watch_descriptors(clock), name="descriptors"),
        asyncio.create_task(tidying, name="tidying"),
        asyncio.create_task(access.follow_keys(), name="keys"),
        asyncio.create_task(warn_of_names(settings, settings, model), name="names"),
        *(
            asyncio.create_task(follow(toolset), name=f"toolset {toolset.name}")
            for toolset in service.host.registry.toolsets
        ),
    }


def _add_routes(app: FastAPI, settings: Settings) -> None:
    modules = (
        sessions_route,
        users_route,
        tickets_route,
        metrics_route,
        agent_route,
        twilio_route,
        carriers_route,
    )
    for module in modules:
        app.include_router(module.router)
    page, look = load_page(), page_look(settings, settings.given_name)
    app.state.frame = page_frame(page, look)
    app.include_router(page_router(page, look, settings))


def _measure(
    app: FastAPI, service: WebSocketAgentService, watchdog: LoopWatchdog, tracing: Tracing | None
) -> None:
    """Have all that happens counted, for `/metrics`, and traced where that is wanted."""
    metrics = MetricsRecorder(service.host.registry.seen_names)
    service.session_host.telemetry = metrics if tracing is None else CompositeTelemetry(metrics, tracing)
    app.state.metrics = Metrics(service, metrics, watchdog)


def _guard(app: FastAPI, settings: Settings, access: Access) -> None:
    """What requests pass before they reach a route, and how they are refused."""
    app.state.guard = Guard.of(settings, settings.wire_limit_bytes, access.conducts)
    app.router.redirect_slashes = False  # its answer would be an address made of what the client calls us
    app.add_exception_handler(RequestValidationError, bad_request)
    app.add_exception_handler(HTTPException, refused)
    offerings = {**websocket_route.OFFERINGS, **twilio_route.OFFERINGS, **carriers_route.OFFERINGS}
    app.add_middleware(websocket_route.SocketPaths, offerings=offerings)
    app.add_middleware(BasePath, path=settings.root_path or "")
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-Match"],
            expose_headers=["ETag"],
        )
    app.add_middleware(RequestFilter, settings=settings, conducts=access.conducts)
    app.add_middleware(HttpRules)
    app.add_middleware(websocket_route.RawSend)


def _fleet_or_exit(settings: Settings, clock: Clock) -> Fleet | None:
    """Return this process's place among several; None where it is alone.

    A port that cannot be bound ends the process with one line, as a store does: each process of several has
    its own, so that `uvicorn --workers 2` ends here too.
    """
    if not settings.is_in_fleet:
        return None
    try:
        return Fleet(settings, clock)
    except SettingsError as exc:
        sys.stderr.write(f"{exc}\n")
        sys.stderr.flush()
        os._exit(EXIT_WRONG_SETTINGS)


async def _store_or_exit(settings: Settings, clock: Clock, fleet: Fleet | None) -> Store:
    """Open the store; one that must not be used ends the process with one line.

    The process ends here and not by an exception, which uvicorn would answer with a traceback. Nothing has
    begun yet that would have to be given back.
    """
    try:
        terms = fleet.terms if fleet is not None else None
        return await open_store(settings, clock, _exit_at_once, terms)
    except StorageError as exc:
        _exit_at_once(exc)


def _exit_at_once(exc: StorageError) -> NoReturn:
    """End the process with one line, also when another server has taken the database over.

    Talks that are held here would go their own way meanwhile: their clients must come back, and land there.
    """
    sys.stderr.write(f"{exc}\n")
    sys.stderr.flush()
    os._exit(exc.exit_status)


def __getattr__(name: str) -> Any:
    """Make `app` for whoever asks, as `uvicorn main:app` does; importing this module starts nothing."""
    if name != "app":
        raise AttributeError(name)
    settings = _settings_or_exit()
    _begin_log(settings)
    return _app_or_exit(settings)


def main() -> None:
    """Run the server until it is told to stop."""
    parser = argparse.ArgumentParser(
        description="A voice agent that people talk to over a WebSocket.",
        epilog="All settings come from the environment or from .env; .env.example lists them.",
    )
    parser.add_argument("--host", help="address to listen on, instead of HOST")
    parser.add_argument("--port", type=int, help="port to listen on, instead of PORT; 0 takes a free one")
    parser.add_argument(
        "--install-voice", action="store_true", help="bring what speech misses, behind the open page"
    )
    options = parser.parse_args()
    settings = _settings_or_exit()
    settings = settings.model_copy(update={"host": options.host or settings.host})
    host = settings.host
    listener = _bind_or_exit(host, settings.port if options.port is None else options.port)
    _begin_log(settings)
    app = _app_or_exit(settings, _voice_that_installs(settings) if options.install_voice else None)
    port = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(f"Voice agent: http://{shown}:{port}/  (model: {model_words(settings)})\n")
    sys.stdout.flush()
    # uvicorn stops by itself and then raises the signal again, for whoever had a handler before it. Without
    # one, a planned stop would end in a traceback (Ctrl+C) or in an exit status of 143 (SIGTERM).
    # And one that comes before uvicorn listens to them must not get lost.
    server = uvicorn.Server(server_options(app, settings))

    def stop_unless_stopping(signum: int, frame: FrameType | None) -> None:
        if not server.should_exit:
            sys.exit(0)

    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, stop_unless_stopping)
    server.run(sockets=[listener])


def model_words(settings: Settings) -> str:
    """Return what is known of the model before its service has been asked."""
    if settings.provider == "azure":
        return f"{settings.azure_openai_deployment_name}, Azure OpenAI"
    if settings.provider == "openai":
        # The host alone: an address may hold a key.
        place = urlsplit(settings.openai_base_url or "").netloc.rpartition("@")[2] or "OpenAI"
        return f"{settings.openai_model}, {place}" if settings.openai_model else f"the first of {place}"
    return "demo, which answers by rules"


def server_options(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return the options of uvicorn that suit the product."""
    return uvicorn.Config(
        app,
        log_config=None,
        ws_ping_interval=settings.ws_ping_interval_s,
        ws_ping_timeout=settings.ws_ping_timeout_s,
        # A compressor costs 50 KiB and more for each connection, and answers that share a compression context
        # with secrets leak them by their length (the CRIME attack).
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_grace_s)),
        server_header=False,
        # The doorkeeper does it, and takes nothing for an address that is none.
        proxy_headers=False,
        http=timed_handshakes(settings.handshake_timeout_s, app.state.guard),
        ws=guarded_sockets(app.state.guard),
        # The largest message that may come at all; before there is a session, a guarded socket takes less.
        ws_max_size=settings.wire_limit_bytes,
    )


def _bind_or_exit(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as exc:
        # Python adds the address to the system's words.
        said: str = getattr(exc, "strerror", None) or str(exc)
        why = said.partition(" (while attempting")[0]
        sys.stderr.write(f"Cannot listen on {host}:{port}: {why}\n")
        sys.exit(1)


def _settings_or_exit() -> Settings:
    try:
        return load_settings()
    except SettingsError as exc:
        # What is missing may stand in the file, by another name.
        configure_logging("WARNING", "text")
        warn_of_oddities(_SETTINGS)
        sys.stderr.write(f"{exc}\n")
        sys.exit(EXIT_WRONG_SETTINGS)


def _begin_log(settings: Settings) -> None:
    configure_logging(settings.log_level, settings.log_format, passes)
    warn_of_oddities(_SETTINGS)


def _voice_that_installs(settings: Settings) -> VoiceParts:
    # A bar among the lines of a log file helps nobody; the log has the events.
    bar = ProgressBar(sys.stderr) if sys.stderr.isatty() else None
    return VoiceParts(settings, installer=INSTALLER, reporter=bar)


def _app_or_exit(settings: Settings, voice: VoiceParts | None = None) -> FastAPI:
    try:
        address = store_address(settings)
        if settings.is_in_fleet and not isinstance(address, PostgresAddress):
            raise SettingsError("DATABASE_URL: several processes (FLEET_ADDRESS) need PostgreSQL")
        app = create_app(settings, voice=voice)
    except SettingsError as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(EXIT_WRONG_SETTINGS)
    keep_large_buffers_apart()
    # What is loaded by now stays until the end. A collector that walked it again and again would hold up all
    # talks for about a tenth of a second each time.
    gc.collect()
    gc.freeze()
    # A connection is some hundred objects, which go by themselves when it ends: with Python's 700 they would
    # be looked through for every third one.
    gc.set_threshold(YOUNGEST)
    return app


if __name__ == "__main__":
    main()

"""The agent as a service: it takes connections, hands them their sessions, and ends them cleanly."""

import asyncio
import logging
import random
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from app.clock import Clock, SystemClock
from app.errors import ResumeRefused, ServerFull
from app.llm.base import ChatProvider, Check
from app.outbound.httpx_transports import operator_client
from app.protocol.close_codes import CloseCode
from app.protocol.events import Event, GoingAway
from app.services.access import Access
from app.services.admission import admit_v1, admit_v2
from app.services.arrivals import Arrivals, Place
from app.services.conduct import WIRE_FAULT
from app.services.connection import FLUSH_TIMEOUT_S, Admission, Admit, Connection, Leaving, Terms
from app.services.dialects import Dialect
from app.services.endpoints import ENDPOINT_TIMEOUT_S, try_endpoints
from app.services.erasure import Eraser
from app.services.introduction import introduce
from app.services.lease import Lease
from app.services.live_session import LiveSession
from app.services.patience import PatientTime
from app.services.principal import Principal
from app.services.session_host import SessionHost
from app.services.visitor import Visitor
from app.session.state import SessionState
from app.session.transport import Transport
from app.session.voice_session import VoiceSession
from app.storage.no_store import NoStore
from app.storage.store import Store
from app.tools.registry import ToolRegistry
from app.tools.runner import ToolHost
from app.tools.threads import ToolThreads
from app.voice.base import Half
from app.voice.engines import load_engines
from app.voice.readiness import HalfState, VoiceParts, states_of
from config.logger_config import SESSION_ID
from config.settings import Settings

__all__ = ["SessionState", "VoiceSession", "WebSocketAgentService"]

logger = logging.getLogger(__name__)

_NOBODY = Visitor()

_WIRE_FAULTS = {1002: WIRE_FAULT, 1007: WIRE_FAULT, 1009: WIRE_FAULT, 1008: 1.0}
"""Close codes of a client that broke the rules of the wire, and how much each weighs."""

RECONNECT_SPREAD_S = 5.0
"""Clients of a server that stops are told to come back within so many seconds, each at its own moment."""


class WebSocketAgentService:
    """Serves connections.

    Args:
        provider: The language model; closed with the service.
        tools: What the model may call.
        store: Where talks are kept; closed with the service.
        voice: Whether speech works; closed with the service.
        access: Who may talk.

    Attributes:
        conducts: What addresses did.
        arrivals: Places for connections that have no session yet.
    """

    def __init__(
        self,
        settings: Settings,
        provider: ChatProvider,
        tools: ToolRegistry,
        clock: Clock | None = None,
        store: Store | None = None,
        *,
        voice: VoiceParts | None = None,
        access: Access | None = None,
    ) -> None:
        self.settings = settings
        self.voice = voice if voice is not None else VoiceParts(settings)
        self.provider = provider
        self.store = store if store is not None else NoStore()
        self._clock = clock or SystemClock()
        self.access = access if access is not None else Access(settings, self._clock)
        self.conducts = self.access.conducts
        self.arrivals = Arrivals(settings.max_pending_connections)
        self._time = PatientTime(self._clock)
        http = operator_client(ENDPOINT_TIMEOUT_S)
        threads = ToolThreads(settings.tool_threads)
        self.host = ToolHost(tools, settings, self._clock, http, threads, self.store)
        self.session_host = SessionHost(settings, provider, self.host, self.store, self._clock)
        self.sessions = self.session_host.sessions
        self.voice.on_ready = self._load_voice
        self.voice.on_settled = self.session_host.tell_features
        self.session_host.is_loading = self.voice.is_loading
        self._diagnosis: asyncio.Task[list[Check]] | None = None
        self.eraser = Eraser(self.session_host, self.store, self._clock, settings.store_timeout_s)

    async def serve(
        self,
        transport: Transport,
        dialect: Dialect,
        visitor: Visitor = _NOBODY,
        place: Place | None = None,
    ) -> None:
        """Serves one connection until it ends. On v1 its session ends with it; on v2 it waits for a while.

        Args:
            transport: The accepted connection.
            dialect: The protocol that it speaks.
            visitor: What its handshake says.
            place: Its place among those that have no session yet, given back when it has one.
        """
        is_trusted = self.access.accepts(visitor.token)
        if is_trusted:
            visitor.widen(self.settings.wire_limit_bytes)
        crowd = self.session_host.limits.crowds.key_of(visitor.address)
        admit = self._admission(dialect, visitor, crowd)
        hearing = place.hearing if place is not None else nullcontext
        terms = Terms(self.conducts.of(visitor.address), self._time, is_trusted, hearing)
        connection = Connection(transport, dialect, self.settings, self._clock, admit, terms)
        try:
            admission = await self._greet(connection, crowd, place)
            if admission is None:
                terms.conduct.note()
                self.session_host.telemetry.connection_ended("turned_away")
                return
            visitor.widen(self.settings.wire_limit_bytes)
            await self._talk(connection, admission)
        finally:
            weight = 1.0 if connection.has_flooded else _WIRE_FAULTS.get(transport.fault_code or 0)
            if weight is not None:
                self.conducts.of(visitor.address).strike(weight)

    async def _greet(self, connection: Connection, crowd: str, place: Place | None) -> Admission | None:
        try:
            stay = place.stay() if place is not None else nullcontext()
            async with stay:
                with self.session_host.limits.crowds.arriving(crowd):
                    return await connection.greet()
        except ServerFull as error:
            return await connection.turn_away(error, CloseCode.TRY_LATER)
        finally:
            if place is not None:
                place.give_back()

    async def _talk(self, connection: Connection, admission: Admission) -> None:
        live, link = admission.live, admission.link
        SESSION_ID.set(live.session_id)
        leaving = Leaving("cancelled")
        if admission.lease is not None:
            self.access.begin(admission.lease, partial(connection.end_hearing, live, link))
        try:
            leaving = await connection.talk(admission)
        finally:
            if admission.lease is not None:
                self.access.end(admission.lease)
            self.session_host.telemetry.connection_ended(leaving.reason)
            live.pump.detach(link)
            # A goodbye from a connection that has lost the session to a newer one is nobody's word any more.
            if (leaving.is_goodbye and not link.was_replaced) or not live.is_resumable:
                await self.session_host.close(live, leaving.reason)
            elif live.pump.link is None:
                self.session_host.wait_for(live, leaving.reason)

    async def diagnose(self) -> list[Check]:
        """Tries the model, the store, speech and the tools' endpoints for real, each bounded in time.

        It costs: all who ask while that goes on have the same answer.
        """
        if self._diagnosis is None or self._diagnosis.done():
            self._diagnosis = asyncio.create_task(self._try_all(), name="diagnosis")
        return await asyncio.shield(self._diagnosis)

    async def _try_all(self) -> list[Check]:
        services = self.session_host.engines.diagnoses
        found = await asyncio.gather(
            self.provider.diagnose(), try_endpoints(self.host), *(diagnose() for diagnose in services)
        )
        checks, endpoints, *speech = found
        spoken = [check for checks in speech for check in checks]
        return [*checks, *self._storage_check(), *self._voice_check(), *spoken, *endpoints]

    def _voice_check(self) -> list[Check]:
        if not self.voice.is_wanted:
            return []
        return [
            Check(f"voice.{half}", ok=state.status == "ready", detail=state.detail or state.status)
            for half, state in self.voice.halves.items()
            if state.status != "off"
        ]

    def _storage_check(self) -> list[Check]:
        health = self.store.health()
        if health.status == "off":
            return []
        detail = (
            f"{health.database}: {health.problem}; {health.advice}" if health.problem else health.database
        )
        return [Check("storage", ok=health.status == "ok", detail=detail)]

    async def farewell(self) -> None:
        """Tells all clients that the server stops, lets running turns end, and closes with 1012.

        New sessions are refused from now on. Lasts `SHUTDOWN_GRACE_S` at most, and a moment for the closes.
        """
        self.session_host.is_leaving = True
        for live in self.sessions:
            # Spread over some seconds, so that not all clients come back in the same moment.
            after_s = round(random.uniform(0.5, RECONNECT_SPREAD_S), 1)  # noqa: S311  # no secret
            live.session.emit(GoingAway("restart", after_s, self.settings.shutdown_grace_s))
        turns = [asyncio.create_task(live.conversation.finish_turn()) for live in self.sessions]
        if turns:
            _, late = await asyncio.wait(turns, timeout=self.settings.shutdown_grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            # What has been heard by now is what was heard: nothing more of these turns leaves.
            await asyncio.gather(
                *(live.conversation.cut_off(stays_open=live.is_resumable) for live in self.sessions)
            )
        await asyncio.gather(*(self._send_away(live) for live in self.sessions))

    async def _send_away(self, live: LiveSession) -> None:
        """Closes a session's connection, when what waits has left."""
        if live.pump.link is None:
            return
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await live.pump.idle.wait()
        except TimeoutError:
            logger.debug("not_flushed")
        transport = live.session.websocket  # None where the client has left meanwhile
        if transport is not None:
            await transport.close(CloseCode.RESTART, "server is restarting")

    async def aclose(self) -> None:
        """Ends all sessions and gives back what the process holds."""
        self._time.stop()
        if self._diagnosis is not None:
            self._diagnosis.cancel()
            await asyncio.wait({self._diagnosis})
        await self.session_host.aclose()
        await self.voice.aclose()
        await self.session_host.engines.aclose()
        await self.host.aclose()
        await self.provider.aclose()
        await self.store.aclose(self.settings.store_timeout_s)

    async def _load_voice(
        self, halves: tuple[Half, ...], others: Mapping[Half, str]
    ) -> Mapping[Half, HalfState]:
        """Speech is there, or half of it: sessions that ask for it from now on have it."""
        self.session_host.engines = await load_engines(self.settings, halves, others)
        return states_of(self.session_host.engines)

    def _admission(self, dialect: Dialect, visitor: Visitor, crowd: str) -> Admit:
        host = self.session_host
        good: dict[str | None, tuple[Principal | None, Lease]] = {}

        async def admit(first: dict[str, Any], transport: Transport) -> Admission | Event:
            token = visitor.token or _token_of(first)
            if token not in good:
                # A ticket is spent at once, and its connection may need a second try at its first message.
                good.clear()
                good[token] = self.access.admit(token)
            principal, lease = good[token]
            lease.check()
            if not (dialect.is_resumable and first.get("type") == "resume"):
                host.limits.crowds.check(crowd, is_anonymous=principal is None)
            if dialect.is_resumable:
                try:
                    admission = await admit_v2(first, transport, host, principal)
                except ResumeRefused:
                    host.telemetry.resumed("refused")
                    raise
            else:
                admission = admit_v1(first, transport, host, principal)
            if isinstance(admission, Admission):
                if admission.resumed is not None:
                    host.telemetry.resumed(admission.resumed)
                host.limits.crowds.move(admission.live.crowd, crowd)
                admission.live.crowd = crowd
                admission.live.session.sharing = crowd if principal is None else ""
                introduce(
                    admission.live,
                    host.profiles,
                    self.store,
                    self.settings,
                    is_known=visitor.is_local or principal is not None,
                    has_spoken=admission.message is not None,
                )
                return replace(admission, lease=lease)
            return admission

        return admit


def _token_of(first: dict[str, Any]) -> str | None:
    token = first.get("token")
    return token if isinstance(token, str) else None

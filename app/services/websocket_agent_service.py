"""The agent as a service: it takes connections, hands them their sessions, and ends them cleanly."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

from app.clock import Clock, SystemClock
from app.errors import ResumeRefused, ServerFull
from app.llm.base import ChatProvider, Check
from app.outbound.httpx_transports import operator_client
from app.protocol.close_codes import CloseCode
from app.protocol.events import Event
from app.protocol.wire import FrameLimits, Opening, WireProtocol
from app.services.auth.access import Access
from app.services.auth.call_gate import CallGate
from app.services.auth.carrier_gates import carrier_gates
from app.services.auth.grants import AccessGrant
from app.services.auth.principal import Principal
from app.services.auth.tickets import issuer_of
from app.services.connections.connection import (
    FLUSH_TIMEOUT_S,
    Admission,
    Admit,
    Connection,
    Elsewhere,
    Leaving,
    Stays,
    Terms,
)
from app.services.connections.handshake_info import HandshakeInfo
from app.services.limits.address_conduct import WIRE_FAULT
from app.services.limits.pending_connections import Arrivals, PendingSlot
from app.services.limits.rates import PRESESSION_BYTES
from app.services.limits.stall_clock import PatientTime
from app.services.sessions import admission
from app.services.sessions.directory import Landed
from app.services.sessions.drain import Drain
from app.services.sessions.erasure import Eraser
from app.services.sessions.going_away import tell_all
from app.services.sessions.greeting import load_profile_and_greet
from app.services.sessions.live_session import LiveSession
from app.services.sessions.moves import SessionMoves
from app.services.sessions.parcel import NoParcel
from app.services.sessions.session_host import SessionHost
from app.services.sessions.session_port import LocalSessions, SessionPort
from app.services.upkeep.endpoints import ENDPOINT_TIMEOUT_S, try_endpoints
from app.session.state import SessionState
from app.session.transport import Transport
from app.session.voice_session import VoiceSession
from app.speech.base import Half
from app.speech.engines.loading import load_engines
from app.speech.models.readiness import HalfState, VoiceParts, states_of
from app.storage.errors import StoreUnavailable
from app.storage.no_store import NoStore
from app.storage.store import Store
from app.tools.runner import ToolHost
from app.tools.threads import ToolThreads
from app.tools.tool_list import ToolRegistry
from config.logger_config import SESSION_ID
from config.settings import Settings

__all__ = ["SessionState", "VoiceSession", "WebSocketAgentService"]

logger = logging.getLogger(__name__)

_NOBODY = HandshakeInfo()

_WIRE_FAULTS = {1002: WIRE_FAULT, 1007: WIRE_FAULT, 1009: WIRE_FAULT, 1008: 1.0}
"""Close codes of a client that broke the rules of the wire, and how much each weighs."""


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
        calls: Whose telephone calls are taken; None where none are.
        carriers: The same of Twilio's siblings, by their names.
        arrivals: Places for connections that have no session yet.
        on_leaving: Told that no new session begins here from now on, before the clients are.
        moves: Lets sessions go to other processes, and takes theirs.
        own_sessions: What may be asked of the live sessions of this process.
        port: What may be asked of the live sessions, wherever they are.
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
        secret = settings.twilio_auth_token
        self.calls = CallGate(secret.get_secret_value(), self._clock) if secret is not None else None
        self.carriers = carrier_gates(settings, settings, self._clock)
        self.arrivals = Arrivals(settings.max_pending_connections)
        self._time = PatientTime(self._clock)
        http = operator_client(ENDPOINT_TIMEOUT_S)
        threads = ToolThreads(settings.tool_threads)
        self.host = ToolHost(tools, settings, self._clock, http, threads, self.store)
        self.session_host = SessionHost(settings, provider, self.host, self.store, self._clock)
        self.sessions = self.session_host.sessions
        self.moves = SessionMoves(self.session_host, self.store, settings.store_timeout_s)
        self.voice.on_ready = self._load_voice
        self.voice.on_settled = self.session_host.tell_features
        self.session_host.is_loading = self.voice.is_loading
        self._diagnosis: asyncio.Task[list[Check]] | None = None
        self.own_sessions = LocalSessions(self.session_host)
        self.on_leaving: Callable[[], Awaitable[None]] = _nobody_asks
        self.port: SessionPort = self.own_sessions
        self.eraser = Eraser(
            self.port, self.session_host.profiles, self.store, self._clock, settings.store_timeout_s
        )

    @property
    def now_s(self) -> float:
        """The time, in seconds since the epoch."""
        return self._clock.now().timestamp()

    @property
    def has_speech(self) -> bool:
        """Whether it hears and speaks at the moment."""
        engines = self.session_host.engines
        return engines.input_engines is not None and engines.synthesiser is not None

    async def redeem_elsewhere(self, token: str | None) -> str | None:
        """Return what a ticket of another process opens; whatever else was given, as it was."""
        issuer = issuer_of(token) if token else None
        if token is None or issuer in (None, self.access.tickets.issuer):
            return token
        return await self.port.redeem(issuer or "", token) or token

    def open_port(self, port: SessionPort) -> None:
        """Have questions about sessions answered by this port from now on: it knows those of others too."""
        self.port = self.eraser.sessions = port

    async def serve(
        self,
        transport: Transport,
        wire: WireProtocol,
        visitor: HandshakeInfo = _NOBODY,
        place: PendingSlot | None = None,
    ) -> None:
        """Serve one connection until it ends; its session ends with it or waits, as the wire says.

        Args:
            transport: The accepted connection.
            wire: The protocol that it speaks.
            visitor: What its handshake says.
            place: Its place among those that have no session yet, given back when it has one.
        """
        settings, most_bytes = self.settings, self.settings.wire_limit_bytes
        is_trusted = self.access.accepts(visitor.token)
        if is_trusted:
            visitor.widen(most_bytes)
        crowd = self.session_host.limits.crowds.key_of(visitor.address)
        admit = self._admission(wire, visitor, crowd)
        hearing = place.hearing if place is not None else nullcontext
        terms = Terms(
            self.conducts.of(visitor.address),
            self._time,
            FrameLimits(settings.max_message_bytes, settings.max_audio_message_bytes),
            most_bytes if is_trusted else PRESESSION_BYTES,
            settings.agent_locale,
            hearing,
        )
        connection = Connection(transport, wire, settings, self._clock, admit, terms)
        try:
            admission = await self._greet(connection, crowd, place)
            if admission is None:
                terms.conduct.note()
                self.session_host.telemetry.connection_ended("turned_away")
                return
            visitor.widen(most_bytes)
            if isinstance(admission, Elsewhere):
                landed = await admission.way.carry(transport, admission.first, self.moves.takes)
                if landed is not None:
                    connection = Connection(
                        landed.transport, wire, settings, self._clock, _nobody_is_let_in, terms
                    )
                    await self._land(landed, admission, wire, connection)
                return
            visitor.on_session(admission.live.session_id)
            if place is None or connection.has_spoken:
                await self._talk(connection, admission)
            else:
                await self._talk_in_place(connection, admission, place)
        finally:
            weight = 1.0 if connection.has_flooded else _WIRE_FAULTS.get(transport.fault_code or 0)
            if weight is not None:
                self.conducts.of(visitor.address).strike(weight)

    async def _land(
        self, landed: Landed, came: Elsewhere, wire: WireProtocol, connection: Connection
    ) -> None:
        """Serve a connection whose session has come here from another process."""
        try:
            live, link = await self.moves.land(landed, wire, came.introduce)
        except Exception as exc:
            if isinstance(exc, (ServerFull, StoreUnavailable, NoParcel)):
                logger.info("session_not_landed", extra={"cause": str(exc) or type(exc).__name__})
            else:
                logger.exception("session_not_landed")
            await landed.transport.close(CloseCode.RESTART, "the session goes on elsewhere")
            return
        connection.has_spoken = True
        await self._talk(connection, Admission(live, link, lease=came.lease))

    async def _greet(
        self, connection: Connection, crowd: str, place: PendingSlot | None
    ) -> Admission | Elsewhere | None:
        admission: Admission | Elsewhere | None = None
        try:
            stay = place.stay() if place is not None else nullcontext()
            async with stay:
                with self.session_host.limits.crowds.arriving(crowd):
                    admission = await connection.greet()
        except ServerFull as error:
            await connection.turn_away(error, CloseCode.TRY_LATER)
        finally:
            if place is not None and (admission is None or connection.has_spoken):
                place.give_back()
        return admission

    async def _talk_in_place(self, connection: Connection, admission: Admission, place: PendingSlot) -> None:
        """Serve a session that nobody had to ask for: it counts as none until its client says something."""
        connection.on_first_word = place.give_back
        try:
            async with place.stay():
                await self._talk(connection, admission)
        except ServerFull as error:
            await connection.turn_away(error, CloseCode.TRY_LATER)

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
            # Ignore a goodbye from a connection that has been replaced.
            if (leaving.is_goodbye and not link.was_replaced) or not live.outlives_connection:
                await self.session_host.close(live, leaving.reason)
            elif live.pump.link is None:
                self.session_host.wait_for(live, leaving.reason)

    async def diagnose(self) -> list[Check]:
        """Try the model, the store, speech and the tools' endpoints for real, each bounded in time.

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
        """Tell all clients that the server stops, lets running turns end, and close with 1012.

        New sessions are refused from now on. Lasts `SHUTDOWN_GRACE_S` at most, and a moment for the closes.
        Where other processes serve, sessions go to them first, for `DRAIN_GRACE_S` at most.
        """
        self.session_host.is_leaving = True
        await self.on_leaving()
        grace_s: float = self.settings.shutdown_grace_s
        if self.session_host.directory.has_others:
            drain = Drain(self.session_host, self.moves, self._send_away)
            grace_s = 0 if await drain.run(self.settings.drain_grace_s) else grace_s
        else:
            await tell_all(list(self.sessions), grace_s, overlap=False)
        if ends := [asyncio.create_task(live.conversation.finish_turn()) for live in self.sessions]:
            _, late = await asyncio.wait(ends, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        # What has been heard by now is what was heard: nothing more of these turns leaves.
        await asyncio.gather(
            *(live.conversation.cut_off(stays_open=live.outlives_connection) for live in self.sessions)
        )
        await asyncio.gather(*(self._send_away(live) for live in self.sessions))

    async def _send_away(self, live: LiveSession) -> None:
        """Close a session's connection, when what waits has left."""
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
        """End all sessions and gives back what the process holds."""
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

    def _admission(self, wire: WireProtocol, visitor: HandshakeInfo, crowd: str) -> Admit:
        host = self.session_host
        good: dict[str | None, tuple[Principal | None, AccessGrant]] = {}

        def introduce(live: LiveSession, principal: Principal | None, *, has_spoken: bool = True) -> None:
            host.limits.crowds.move(live.crowd, crowd)
            live.crowd = crowd
            live.session.sharing = crowd if principal is None else ""
            load_profile_and_greet(
                live,
                host.profiles,
                self.store,
                self.settings,
                is_known=visitor.is_local or principal is not None,
                has_spoken=has_spoken,
            )

        async def admit(
            opening: Opening, transport: Transport, stays: Stays
        ) -> Admission | Elsewhere | Event:
            token = visitor.token or opening.token
            if opening.vouched_user is not None:
                good[token] = self.access.admit_vouched(opening.vouched_user)
            elif token not in good:
                # A ticket is spent at once, and its connection may need a second try at its first message.
                good.clear()
                good[token] = self.access.admit(await self.redeem_elsewhere(token))
            principal, lease = good[token]
            lease.check()
            if not opening.is_resume:
                host.limits.crowds.check(crowd, is_anonymous=principal is None)
            asked = opening.read()
            way = await admission.way_elsewhere(asked, host, wire, visitor, lease.token)
            if way is not None:
                return Elsewhere(way, lease=lease, introduce=partial(introduce, principal=principal))
            try:
                admitted = await admission.admit(asked, transport, host, principal, wire, stays)
            except ResumeRefused:
                host.telemetry.resumed("refused")
                raise
            if isinstance(admitted, Admission):
                if admitted.resumed is not None:
                    host.telemetry.resumed(admitted.resumed)
                introduce(admitted.live, principal, has_spoken=admitted.frame is not None)
                return replace(admitted, lease=lease)
            return admitted

        return admit


async def _nobody_is_let_in(opening: Opening, transport: Transport, stays: Stays) -> Event:
    """Where a connection has its session already."""
    raise ServerFull


async def _nobody_asks() -> None:
    """Where there is no other process that has to know."""

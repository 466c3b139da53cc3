"""This process among the others of its fleet: it joins, says that it lives, and leaves."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from app.clock import Clock
from app.fleet.directory import FleetDirectory
from app.fleet.limits import FleetLimits
from app.fleet.peer_port import PeerPort, bind
from app.fleet.peers import Peers
from app.fleet.sessions import FleetSessions
from app.fleet.signing import Signer
from app.outbound.httpx_transports import operator_client
from app.protocol.close_codes import CloseCode
from app.release import VERSION
from app.services.sessions.closing_sessions import ELSEWHERE
from app.services.sessions.session_port import LocalSessions
from app.services.websocket_agent_service import WebSocketAgentService
from app.storage.errors import StoreUnavailable
from app.storage.membership import NodeReport, NodeTerms
from app.storage.shared import SharedDatabase
from app.storage.sql_store import SqlStore
from config.fleet_settings import FleetSettings
from config.settings import SettingsError

logger = logging.getLogger(__name__)

_TICK_S: Final = 0.5
_ASK_TIMEOUT_S: Final = 2.0
_LOOK_S: Final = 1.0
_SAY_S: Final = 0.5
_STUCK_AFTER_S: Final = 2.0
"""An event loop that has not come round for so long serves nobody, in seconds."""


class Fleet:
    """One process of several; made before its store, and joined once there is a service.

    Raises:
        SettingsError: The port for the other processes cannot be bound.
    """

    def __init__(self, settings: FleetSettings, clock: Clock) -> None:
        host, port = settings.fleet_listener
        try:
            self._listener = bind(host, port, is_exact=settings.fleet_bind is not None)
        except OSError as exc:
            raise SettingsError(f"FLEET_BIND: cannot listen on {host}:{port}: {exc.strerror}") from exc
        self._settings = settings
        self._signer = Signer([secret.get_secret_value() for secret in settings.fleet_secret], clock)
        self._service: WebSocketAgentService | None = None
        self._port: PeerPort | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._http = operator_client(_ASK_TIMEOUT_S)
        self._ticked_at = time.monotonic()
        self._answers = True

    @property
    def terms(self) -> NodeTerms:
        """What the process brings."""
        return NodeTerms(self._settings.fleet_address or "", VERSION, self._report)

    def _report(self) -> NodeReport:
        service = self._service
        if service is None:
            return NodeReport("serving", 0, 0)
        is_well = self._answers and time.monotonic() - self._ticked_at < _STUCK_AFTER_S
        sessions = len(service.sessions)
        room = max(service.settings.max_sessions - sessions, 0)
        state = "draining" if service.session_host.is_leaving else "serving"
        return NodeReport(state, sessions, room, is_well)

    async def join(self, service: WebSocketAgentService) -> None:
        """Own sessions as one of several from now on, and answer the others."""
        store = service.store
        shared = store.shared if isinstance(store, SqlStore) else None
        if shared is None or not isinstance(store, SqlStore):
            raise TypeError("a fleet's store is PostgreSQL's")
        self._service = service
        service.access.tickets.issuer = str(shared.me)
        service.session_host.profiles.shared = shared
        peers = Peers(shared, self._signer, self._http)
        service.session_host.directory = FleetDirectory(shared, store, self._signer, peers)
        shared.fence.on_fenced = self._end_soon
        service.on_leaving = partial(_say_that_it_drains, shared)
        local = LocalSessions(service.session_host)
        service.open_port(FleetSessions(local, shared, peers))
        self._port = PeerPort(str(shared.me), service, local, self._signer)
        await self._port.start(self._listener)
        self._tasks = {
            asyncio.create_task(self._tick(self._port), name="fleet tick"),
            asyncio.create_task(self._look_after_pauses(shared), name="fleet pauses"),
            asyncio.create_task(_look(peers), name="fleet nodes"),
            asyncio.create_task(FleetLimits(service.session_host.limits, shared).run(), name="fleet limits"),
        }
        logger.info("fleet_joined", extra={"node": str(shared.me), "address": self._settings.fleet_address})

    async def leave(self) -> None:
        """Answer the others no more; the sessions have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._ending, return_exceptions=True)
        if self._port is not None:
            await self._port.stop()
        await self._http.aclose()

    async def _tick(self, port: PeerPort) -> None:
        while True:
            self._ticked_at = time.monotonic()
            self._answers = await port.answers()
            await asyncio.sleep(_TICK_S)

    async def _look_after_pauses(self, shared: SharedDatabase) -> None:
        """End what others have claimed while this process was stopped, or cut off: nobody else tells it."""
        was_sure = True
        while True:
            await asyncio.sleep(_TICK_S)
            is_sure = shared.membership.is_sure
            if is_sure and not was_sure:
                try:
                    for session_id in await shared.lost():
                        self._end_soon(session_id)
                except StoreUnavailable:
                    continue
            was_sure = is_sure

    def _end_soon(self, session_id: str) -> None:
        """End a session that another process has claimed; its client comes back, and is led there."""
        task = asyncio.create_task(self._end(session_id), name=f"fenced {session_id}")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, session_id: str) -> None:
        service = self._service
        live = service.sessions.get(session_id) if service is not None else None
        if service is None or live is None:
            return
        transport = live.session.websocket
        await service.session_host.close(live, ELSEWHERE)
        if transport is not None:
            await transport.close(CloseCode.RESTART, "the session goes on elsewhere")


async def _say_that_it_drains(shared: SharedDatabase) -> None:
    """Have the others know at once; a database that is slow holds nobody up."""
    try:
        async with asyncio.timeout(_SAY_S):
            await shared.renew()
    except Exception as exc:
        logger.debug("storage_renewal_failed", extra={"cause": str(exc) or type(exc).__name__})


async def _look(peers: Peers) -> None:
    while True:
        await peers.look()
        await asyncio.sleep(_LOOK_S)


@asynccontextmanager
async def joined(fleet: Fleet | None, service: WebSocketAgentService) -> AsyncGenerator[None]:
    """Have the service be one of several meanwhile; do nothing for one that is alone."""
    if fleet is None:
        yield
        return
    await fleet.join(service)
    try:
        yield
    finally:
        await fleet.leave()

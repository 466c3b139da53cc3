"""The agent as a service: it takes connections, keeps their sessions, and ends them cleanly."""

import asyncio
import logging
import uuid
from typing import Any

import httpx

from app.clock import Clock, SystemClock, wire_time
from app.conversation.conversation import Conversation
from app.conversation.prompt import system_prompt
from app.llm.base import ChatProvider, Check
from app.protocol.events import Notice, SessionCreated
from app.services.connection import Connection
from app.services.live_session import LiveSession
from app.session.history import History
from app.session.outbox import Outbox
from app.session.registry import SessionRegistry
from app.session.state import SessionState
from app.session.voice_session import Transport, VoiceSession
from app.tools.registry import ToolRegistry
from app.tools.runner import ToolHost
from app.tools.threads import ToolThreads
from config.logger_config import SESSION_ID
from config.settings import Settings

__all__ = ["SessionState", "VoiceSession", "WebSocketAgentService"]

logger = logging.getLogger(__name__)

ENDPOINT_TIMEOUT_S = 5.0
"""Limit of each step of a request to an operator's endpoint, in seconds."""


class WebSocketAgentService:
    """Serves connections.

    Args:
        provider: The language model; closed with the service.
        tools: What the model may call.
    """

    def __init__(
        self,
        settings: Settings,
        provider: ChatProvider,
        tools: ToolRegistry,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.provider = provider
        self.sessions: SessionRegistry[LiveSession] = SessionRegistry(settings.max_sessions)
        self._clock = clock or SystemClock()
        self._prompt = system_prompt(settings)
        http = httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=ENDPOINT_TIMEOUT_S)
        self.host = ToolHost(tools, settings, self._clock, http, ToolThreads(settings.tool_threads))

    async def serve(self, transport: Transport) -> None:
        """Serves one connection until it ends; its session (protocol v1) ends with it."""
        connection = Connection(transport, self.settings, self._clock, self._open)
        opened = await connection.first_message()
        if opened is None:
            return
        live, first = opened
        reason = "cancelled"
        try:
            reason = await connection.talk(live, first)
        finally:
            await self._close(live, reason)

    async def diagnose(self) -> list[Check]:
        """Tries the model and the tools' endpoints for real, each bounded in time."""
        checks, endpoints = await asyncio.gather(self.provider.diagnose(), self._try_endpoints())
        return [*checks, *endpoints]

    async def aclose(self) -> None:
        """Ends all sessions and gives back what the process holds."""
        await asyncio.gather(*(self._close(live, "shutdown") for live in self.sessions))
        await self.host.aclose()
        await self.provider.aclose()

    def _open(self, transport: Transport, user_id: str) -> LiveSession:
        now = self._clock.now()
        session = VoiceSession(
            session_id=str(uuid.uuid4()),
            websocket=transport,
            user_id=user_id,
            conversation_history=History(self._prompt, self.settings.max_history_tokens),
            outbox=Outbox(self.settings.outbox_max_messages, self.settings.outbox_max_bytes),
            created_at=now,
            last_activity=now,
            locale=self.settings.agent_locale,
        )
        SESSION_ID.set(session.session_id)
        conversation = Conversation(session, self.provider, self.host, self.settings)
        live = LiveSession(session, conversation, self._clock)
        self.sessions.add(live)
        logger.info("session_created", extra={"user_id": user_id, "active": len(self.sessions)})
        session.emit(SessionCreated(session.session_id, wire_time(now)))
        notice = self.provider.notice.get(session.locale)
        if notice:
            session.emit(Notice(notice))
        return live

    async def _close(self, live: LiveSession, reason: str) -> None:
        if self.sessions.get(live.session_id) is not live:
            return
        self.sessions.remove(live.session_id)
        await live.conversation.aclose()
        lasted_s = (self._clock.now() - live.session.created_at).total_seconds()
        facts: dict[str, Any] = {
            "reason": reason,
            "lasted_s": round(lasted_s, 1),
            "active": len(self.sessions),
        }
        logger.info("session_closed", extra=facts)

    async def _try_endpoints(self) -> list[Check]:
        names = self.host.registry.names
        endpoints: dict[str, str] = {}
        if "get_public_ip" in names:
            endpoints["PUBLIC_IP_URL"] = self.settings.public_ip_url
        if "get_weather_info" in names and self.settings.weather_provider != "placeholder":
            endpoints["WEATHER_URL"] = self.settings.weather_url
        return list(await asyncio.gather(*(self._try(name, url) for name, url in endpoints.items())))

    async def _try(self, name: str, url: str) -> Check:
        try:
            async with asyncio.timeout(ENDPOINT_TIMEOUT_S), self.host.http.stream("GET", url) as response:
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as exc:
            detail = f"cannot be reached ({type(exc).__name__}); check the address and the network"
            return Check(name, ok=False, detail=detail)
        # A bare request may well be refused for its missing parameters; then the endpoint is there.
        ok = status < 500 and status not in (401, 403, 404)
        detail = f"answers {status}" if ok else f"answers {status}; check the address in {name}"
        return Check(name, ok=ok, detail=detail)

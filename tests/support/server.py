"""The real server in the test's own process: uvicorn on a real socket, its insides open to look at."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from app.clock import Clock
from app.llm.base import ChatProvider
from app.router.guarded_socket import guarded_sockets
from app.services.websocket_agent_service import WebSocketAgentService
from app.speech.base import VoiceEngines
from app.speech.models.readiness import VoiceParts
from app.tools.base import Tool
from app.tools.tool_list import ToolRegistry
from app.tools.toolset import Toolset
from config.settings import Settings
from main import create_app
from tests.support.context import settings_with

PATIENCE_S = 10
"""How long a test waits for something that must come; reached only when it fails."""


@dataclass
class Server:
    """A running server."""

    port: int
    service: WebSocketAgentService

    @property
    def url(self) -> str:
        """The address of its WebSocket."""
        return f"ws://127.0.0.1:{self.port}/ws"

    async def get(self, path: str) -> httpx.Response:
        """Asks one of its HTTP routes."""
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{self.port}{path}")

    async def is_empty(self) -> None:
        """Waits until no session is left, and the end of each is on its way to the store."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.service.sessions) or _ending():  # noqa: ASYNC110  # the product needs no event for it
                await asyncio.sleep(0.01)


def _ending() -> bool:
    return any(task.get_name().startswith("end ") for task in asyncio.all_tasks())


class Client:
    """A person's program: speaks protocol v1 and remembers all that it hears."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    async def sends(self, message: Any) -> None:
        """Sends a message as JSON, or a text or bytes as they are."""
        await self.socket.send(
            message if isinstance(message, str | bytes) else orjson.dumps(message).decode()
        )

    async def opens(self, user_id: str = "user123") -> str:
        """Opens a session; returns its id."""
        await self.sends({"type": "system", "user_id": user_id, "content": ""})
        return (await self.hears("session_created"))["session_id"]

    async def says(self, text: str) -> None:
        """Sends a text."""
        await self.sends({"type": "text", "content": text, "user_id": "user123"})

    async def hears_next(self) -> dict[str, Any]:
        """The next message, whatever it is."""
        async with asyncio.timeout(PATIENCE_S):
            raw = await self.socket.recv()
        assert isinstance(raw, str), "a binary frame"
        message = orjson.loads(raw)
        self.heard.append(message)
        return message

    async def hears(self, kind: str, containing: str = "") -> dict[str, Any]:
        """The next message of this type whose content holds the text; what comes before is remembered."""
        while True:
            message = await self.hears_next()
            if message["type"] == kind and containing in message.get("content", ""):
                return message

    async def hears_answer(self) -> str:
        """The next answer, whole."""
        chunks: list[str] = []
        while True:
            message = await self.hears_next()
            if message["type"] == "response_chunk":
                chunks.append(message["content"])
            elif message["type"] == "response_complete":
                return "".join(chunks)
            else:
                assert message["type"] == "system", message

    async def is_closed(self) -> int:
        """Waits until the server has closed; returns its code."""
        async with asyncio.timeout(PATIENCE_S):
            await self.socket.wait_closed()
        assert self.socket.close_code is not None
        return self.socket.close_code


class PromptServer(uvicorn.Server):
    """uvicorn, which looks every 0.1 s whether it shall end and again whether all have gone; this is told.

    It ends in the same steps. Most tests have a server of their own, and most of their time was these waits.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Begins the end, as a signal does."""
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        """See `uvicorn.Server`."""
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110  # uvicorn has no event for it
                    await asyncio.sleep(0.002)
                for server in self.servers:
                    await server.wait_closed()
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


@asynccontextmanager
async def running_server(
    settings: Settings | None = None,
    *,
    provider: ChatProvider | None = None,
    tools: list[Tool] | None = None,
    toolsets: Sequence[Toolset] = (),
    engines: VoiceEngines | None = None,
    voice: VoiceParts | None = None,
    clock: Clock | None = None,
    port: int = 0,
    **options: Any,
) -> AsyncIterator[Server]:
    """A server on this port, or a free one; `options` are uvicorn's."""
    settings = settings or settings_with(llm_provider="demo")
    has_own = tools is not None or bool(toolsets)
    registry = ToolRegistry(tools or [], toolsets) if has_own else None
    app = create_app(settings, provider=provider, tools=registry, engines=engines, voice=voice, clock=clock)
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(
        app,
        log_config=None,
        loop="none",
        ws_ping_interval=settings.ws_ping_interval_s,
        ws_ping_timeout=settings.ws_ping_timeout_s,
        # Where engines are given, the settings do not say that the server hears.
        **{
            "proxy_headers": False,
            "ws": guarded_sockets(app.state.guard) if engines is None else "websockets-sansio",
            **options,
        },
    )
    server = PromptServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(PATIENCE_S):
        while not server.started:
            assert not task.done(), task.exception()
            await asyncio.sleep(0.001)
    try:
        yield Server(listener.getsockname()[1], app.state.service)
    finally:
        server.end()
        await task


@asynccontextmanager
async def client_of(server: Server, **options: Any) -> AsyncIterator[Client]:
    """A connected client."""
    async with connect(server.url, compression=None, proxy=None, max_size=None, **options) as socket:
        yield Client(socket)

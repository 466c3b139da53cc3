"""Hold a talk in the background of a block."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Unpack

from voice_agent_client.client import ReconnectingClient
from voice_agent_client.events import Event
from voice_agent_client.options import ClientOptions

OnEvent = Callable[[Event], Awaitable[None] | None]


@asynccontextmanager
async def connect(
    url: str, *, on_event: OnEvent | None = None, **options: Unpack[ClientOptions]
) -> AsyncGenerator[ReconnectingClient, None]:
    """Talk with the agent for the length of an `async with` block; at its end, say goodbye.

    The block begins when there is a session. A talk that fails meanwhile ends all open texts with
    `session_lost`, whose cause is the failure; where the block itself ends well, the failure is raised then.

    Args:
        url: Of the server's WebSocket, `ws:` or `wss:`.
        on_event: Called with each event, in order; nothing more is heard until it returns.
        options: See `ClientOptions`.

    Raises:
        VoiceAgentError: As `ReconnectingClient.events` does.
    """
    client = ReconnectingClient(url, **options)
    is_open = asyncio.Event()

    async def hold() -> None:
        try:
            async with aclosing(client.events()) as events:
                async for event in events:
                    if client.is_current:
                        is_open.set()
                    result = on_event(event) if on_event is not None else None
                    if inspect.isawaitable(result):
                        await result
        except Exception as exc:
            client.abandon_texts(exc)
            raise
        finally:
            is_open.set()
            client.abandon_texts()

    holding = asyncio.create_task(hold(), name="voice agent")
    try:
        await is_open.wait()
        if holding.done():
            holding.result()
        yield client
        await client.end()
        await holding
    finally:
        holding.cancel()
        await asyncio.wait({holding})
        if not holding.cancelled():
            holding.exception()

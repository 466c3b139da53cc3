"""A server of protocol v2 that follows a script, one act for each connection, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

PATIENCE_S = 10
RATE_HZ = 16_000


class Peer:
    """The server's end of one connection."""

    def __init__(self, socket: ServerConnection, talk: "Script") -> None:
        self._socket = socket
        self._talk = talk

    async def hears(self, kind: str) -> dict[str, Any]:
        """The next JSON message, which must be of that type; sound and pings before it are kept apart."""
        while True:
            async with asyncio.timeout(PATIENCE_S):
                frame = await self._socket.recv()
            if isinstance(frame, bytes):
                self._talk.sound += frame
                continue
            message = json.loads(frame)
            self._talk.heard.append(message)
            if message["type"] in ("ping", "playback") and message["type"] != kind:
                continue
            assert message["type"] == kind, f"{message} came, {kind} was due"
            return message

    async def sends(self, kind: str, **values: Any) -> None:
        """Sends a numbered message."""
        self._talk.seq += 1
        await self.sends_again(self._talk.seq, kind, **values)

    async def sends_again(self, seq: int, kind: str, **values: Any) -> None:
        """Sends a message with a number of that choice."""
        await self.says({"type": kind, "seq": seq, **values})

    async def says(self, message: dict[str, Any] | bytes) -> None:
        """Sends something as it is."""
        await self._socket.send(message if isinstance(message, bytes) else json.dumps(message))

    async def creates(self, *features: str, **values: Any) -> dict[str, Any]:
        """Hears `start` and makes a session."""
        start = await self.hears("start")
        fields = {
            "session_id": "s1",
            "resume_token": "token 1",
            "heartbeat_s": 20,
            "resume_window_s": 60,
            "features": list(features),
            "continued": False,
        }
        await self.sends("session_created", **fields | values)
        return start

    async def resumes(
        self, *, gap: bool = False, next_seq: int = 0, token: str = "token 2"
    ) -> dict[str, Any]:
        """Hears `resume` and takes the session up."""
        resume = await self.hears("resume")
        await self.says(
            {
                "type": "session_resumed",
                "session_id": "s1",
                "resume_token": token,
                "replayed": 0,
                "gap": gap,
                "next_seq": next_seq or self._talk.seq + 1,
            }
        )
        return resume

    async def answers(self, text: str, turn_id: str = "t1", finish_reason: str = "stop") -> None:
        """One whole turn, from `turn_started` to the rest."""
        await self.sends("turn_started", turn_id=turn_id, source="user")
        await self.sends("state", state="thinking")
        for word in text.split(" "):
            await self.sends("response_chunk", turn_id=turn_id, content=f"{word} ")
        await self.completes(text, turn_id, finish_reason)

    async def completes(self, text: str, turn_id: str = "t1", finish_reason: str = "stop") -> None:
        """The end of a turn."""
        await self.sends("response_complete", turn_id=turn_id, text=text, finish_reason=finish_reason)
        await self.sends("state", state="idle")

    async def accepts(self, turn_id: str = "t1") -> dict[str, Any]:
        """Hears a text and confirms it."""
        text = await self.hears("text")
        await self.sends("message_accepted", id=text["id"], turn_id=turn_id, durable=False)
        return text

    async def closes(self, code: int) -> None:
        """Ends the connection in order."""
        await self._socket.close(code)

    def drops(self) -> None:
        """Loses the connection, without a goodbye."""
        self._socket.transport.abort()


Act = Callable[[Peer], Awaitable[None]]


class Script:
    """What happens, one act for each connection; what was heard in all of them."""

    def __init__(self, *acts: Act) -> None:
        self._acts = list(acts)
        self.seq = 0
        self.heard: list[dict[str, Any]] = []
        self.sound = b""
        self.failures: list[BaseException] = []
        self.url = ""

    async def play(self, socket: ServerConnection) -> None:
        """Plays the next act; afterwards waits for the client's goodbye."""
        if not self._acts:
            await socket.close(1013)
            return
        act = self._acts.pop(0)
        try:
            await act(Peer(socket, self))
            await Peer(socket, self).hears("end")
        except ConnectionClosed:
            return
        except BaseException as exc:
            self.failures.append(exc)
            raise


@asynccontextmanager
async def playing(*acts: Act) -> AsyncIterator[Script]:
    """Serves the script; fails where an act failed or was not played."""
    script = Script(*acts)
    async with serve(script.play, "127.0.0.1", 0, subprotocols=["voice-agent.v2"], close_timeout=1) as server:  # pyright: ignore
        script.url = f"ws://127.0.0.1:{_port(server)}/ws"
        yield script
    assert not script.failures, script.failures
    assert not script._acts, "an act was not played"


def _port(server: Server) -> int:
    return next(iter(server.sockets)).getsockname()[1]

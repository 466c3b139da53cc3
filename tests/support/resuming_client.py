"""A careful protocol v2 client: it comes back by itself, resends what has no receipt, and logs it all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.support.server import PATIENCE_S

Message = dict[str, Any]
Entry = tuple[Literal["sent", "heard", "lost"], Message]

BACK_OFF_S = 0.01
"""How long it waits before it comes back, in seconds, unless a test says otherwise."""

HEARTBEATS_MISSED = 2


@dataclass
class Shown:
    """What a page would show: the user's texts, and the agent's words turn by turn."""

    texts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)

    def hears(self, message: Message) -> None:
        """Takes a message in."""
        match message:
            case {"type": "response_chunk", "turn_id": turn_id, "content": content}:
                self.answers[turn_id] = self.answers.get(turn_id, "") + content
            case {"type": "response_complete" | "interrupted", "turn_id": str(turn_id)}:
                # What was said is what counts: an interruption may have cut what had not left yet.
                self.answers[turn_id] = str(message.get("text", message.get("heard")))
            case {"type": "history", "messages": messages, "turn": turn}:
                self.texts = {m["turn_id"]: m["content"] for m in messages if m["role"] == "user"}
                self.answers = {m["turn_id"]: m["content"] for m in messages if m["role"] == "assistant"}
                if turn is not None:
                    self.answers[turn["turn_id"]] = turn["text"]
            case {"type": "turn_started", "turn_id": turn_id}:
                # One that is asked again after a restart begins anew.
                self.answers.pop(turn_id, None)
            case _:
                pass


class ResumingClient:
    """One talk over any number of connections.

    Args:
        heartbeat_s: It sends a `ping` so often, and gives a connection up that is silent for two of them.
        back_off_s: How long it waits before it comes back.

    Attributes:
        log: What it sent and heard, and where a connection was lost, in order.
        wrong: What a server must never do, in words.
        receipts: The turn of each text that has its receipt, by the text's id.
    """

    def __init__(
        self, url: str, *, heartbeat_s: float = 0.4, back_off_s: float = BACK_OFF_S, **start: Any
    ) -> None:
        self.url = url
        self.session_id = ""
        self.last_seq = 0
        self.log: list[Entry] = []
        self.wrong: list[str] = []
        self.receipts: dict[str, str] = {}
        self.shown = Shown()
        self.resumes = 0
        self.gaps = 0
        self.close_codes: list[int | None] = []
        self._start = start
        self._token = ""
        self._seq_after_history = 0
        self._heartbeat_s = heartbeat_s
        self._back_off_s = back_off_s
        self._unreceipted: dict[str, Message] = {}
        self._socket: ClientConnection | None = None
        self._is_open = False
        self._changed = asyncio.Event()

    # What a person does

    async def says(self, content: str, text_id: str, **values: Any) -> None:
        """Says a text; it is sent again after each drop until its receipt is there."""
        message = {"type": "text", "content": content, "id": text_id, **values}
        self._unreceipted[text_id] = message
        self.shown.texts[text_id] = content
        await self.sends(message)

    async def sends(self, message: Message) -> None:
        """Sends a message, if there is an open talk to send it to."""
        if self._socket is None or not self._is_open:
            return
        self.log.append(("sent", message))
        with contextlib.suppress(WebSocketException, OSError):
            await self._socket.send(orjson.dumps(message).decode())

    async def until(self, holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Waits until something holds; looked at after each message."""
        async with asyncio.timeout(patience_s):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def heard(self, *kinds: str) -> list[Message]:
        """The messages of these types, in order."""
        return [m for direction, m in self.log if direction == "heard" and m["type"] in kinds]

    # How it stays in touch

    async def run(self) -> None:
        """Connects, and comes back after each drop, until it is cancelled or refused."""
        while not self.wrong:
            try:
                await self._connect()
            except (OSError, WebSocketException, TimeoutError, EOFError) as exc:
                self.log.append(("lost", {"type": type(exc).__name__}))
            finally:
                self._is_open, self._socket = False, None
            await asyncio.sleep(self._back_off_s)
        self._changed.set()

    async def _connect(self) -> None:
        self._socket = socket = await connect(
            self.url,
            subprotocols=[Subprotocol("voice-agent.v2")],
            compression=None,
            proxy=None,
            max_size=None,
            ping_interval=None,
            open_timeout=1,
            close_timeout=1,
        )
        beat = asyncio.create_task(self._beat(socket))
        try:
            await self._talk(socket)
        finally:
            beat.cancel()
            await asyncio.wait({beat})
            socket.transport.abort()
            await socket.wait_closed()
            self.close_codes.append(socket.close_code)

    async def _talk(self, socket: ClientConnection) -> None:
        opening: Message = {"type": "start", **self._start}
        if self.session_id:
            credentials = {"session_id": self.session_id, "resume_token": self._token}
            opening = {"type": "resume", **credentials, "last_seq": self.last_seq}
        self.log.append(("sent", opening))
        await socket.send(orjson.dumps(opening).decode())
        while True:
            async with asyncio.timeout(HEARTBEATS_MISSED * self._heartbeat_s):
                message: Message = orjson.loads(await socket.recv())
            self.log.append(("heard", message))
            self._take(message)
            if message["type"] in ("session_created", "session_resumed"):
                self._is_open = True
                for text in list(self._unreceipted.values()):
                    await self.sends(text)
            self._changed.set()

    async def _beat(self, socket: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException, OSError):
            while True:
                await asyncio.sleep(self._heartbeat_s)
                await socket.send('{"type":"ping"}')

    def _take(self, message: Message) -> None:
        if "seq" in message:
            if message["seq"] != self.last_seq + 1:
                self.wrong.append(f"{message} after number {self.last_seq}")
            self.last_seq = message["seq"]
        self.shown.hears(message)
        match message:
            case {"type": "session_created"}:
                self.session_id, self._token = message["session_id"], message["resume_token"]
            case {"type": "history"}:
                self.last_seq = self._seq_after_history
                self.shown.texts |= {text_id: text["content"] for text_id, text in self._unreceipted.items()}
            case {"type": "session_resumed"}:
                self._take_up(message)
            case {"type": "message_accepted", "id": str(text_id), "turn_id": turn_id}:
                self._unreceipted.pop(text_id, None)
                if self.receipts.setdefault(text_id, turn_id) != turn_id:
                    self.wrong.append(f"{text_id} has two turns")
                if text_id in self.shown.texts:
                    self.shown.texts[turn_id] = self.shown.texts.pop(text_id)
            case {"type": "error", "code": "resume_refused" | "bad_message" as code}:
                self.wrong.append(f"{code}: {message['content']}")
            case _:
                pass

    def _take_up(self, message: Message) -> None:
        self.resumes += 1
        self._token = message["resume_token"]
        if message["gap"]:
            self.gaps += 1
            # Not yet: with a drop before `history`, a number of now would leave out what it would have told.
            self._seq_after_history = message["next_seq"] - 1
        elif message["next_seq"] != self.last_seq + 1:
            self.wrong.append(f"{message} after number {self.last_seq}")


@asynccontextmanager
async def resuming_client(url: str, **options: Any) -> AsyncIterator[ResumingClient]:
    """A client that keeps in touch by itself, let go at the end without a goodbye."""
    client = ResumingClient(url, **options)
    running = asyncio.create_task(client.run(), name="resuming client")
    try:
        yield client
    finally:
        running.cancel()
        await asyncio.wait({running})
        if not running.cancelled():
            running.result()

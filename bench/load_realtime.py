"""Clients of the Realtime API and of protocol v2, which read an answer or hear it."""

from typing import Any

from bench.load import Client, MetricsRecorder
from bench.load_v2 import V2Client
from bench.upstream import Order

_DELTA = "response.output_text.delta"
_SOUND = "response.output_audio.delta"


class RealtimeClient(Client):
    """A client of the Realtime API."""

    PATH = b"/v1/realtime?model=bench"
    READY = "session.created"
    DONE = "response.done"

    def opening(self) -> dict[str, Any]:
        return {"type": "session.update", "session": {"type": "realtime", "model": "bench"}}

    def text(self, order: Order) -> dict[str, Any]:
        content = [{"type": "input_text", "text": order.text()}]
        item = {"type": "message", "role": "user", "content": content}
        return {"type": "conversation.item.create", "item": item}

    def ask(self, order: Order) -> Any:
        super().ask(order)
        # Its answer is a second message, as in each of its clients.
        self._send({"type": "response.create"})
        return self.expect(self.DONE)

    def take(self, message: dict[str, Any], now_ns: int) -> None:
        kind = message["type"]
        if kind == _DELTA:
            super().take({"type": "response_chunk", "content": message["delta"]}, now_ns)
        elif kind == "error":
            self._fail(f"an error: {message['error']['message']}")
        elif kind == self.DONE and message["response"]["status"] != "completed":
            self._fail(f"a response: {message['response']['status_details']}")
        else:
            super().take(message, now_ns)


class HearingV2Client(V2Client):
    """A client of protocol v2 that is answered aloud.

    Attributes:
        first_sound_ns: For each turn, how long after its text the first sound came.
    """

    def __init__(self, metrics: MetricsRecorder) -> None:
        super().__init__(metrics)
        self.first_sound_ns: list[int] = []
        self._turns = 0

    def opening(self) -> dict[str, Any]:
        return {**super().opening(), "audio": {"out": True}}

    def ask(self, order: Order) -> Any:
        self._turns += 1
        return super().ask(order)

    def hear(self, sound: bytes, now_ns: int) -> None:
        if len(self.first_sound_ns) < self._turns:
            self.first_sound_ns.append(now_ns - self._asked_ns)


class HearingRealtimeClient(RealtimeClient):
    """A client of the Realtime API that is answered aloud, as the API does where nothing else is asked for.

    Attributes:
        first_sound_ns: For each turn, how long after its text the first sound came.
    """

    def __init__(self, metrics: MetricsRecorder) -> None:
        super().__init__(metrics)
        self.first_sound_ns: list[int] = []
        self._turns = 0

    def ask(self, order: Order) -> Any:
        self._turns += 1
        return super().ask(order)

    def take(self, message: dict[str, Any], now_ns: int) -> None:
        if message["type"] == _SOUND and len(self.first_sound_ns) < self._turns:
            self.first_sound_ns.append(now_ns - self._asked_ns)
        super().take(message, now_ns)

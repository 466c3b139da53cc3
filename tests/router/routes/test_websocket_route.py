"""The transport over a WebSocket, at its edges; whole talks are in tests/e2e."""

import pytest

from app.router.routes.websocket_route import RawSend, WebSocketTransport
from app.session.transport import ConnectionGone


class FakeWebSocket:
    """Just what the transport asks of a WebSocket."""

    def __init__(self, send, messages=()):
        self.scope = {"voice_agent.raw_send": send}
        self._messages = list(messages)

    async def receive(self):
        return self._messages.pop(0)


async def test_middleware_hands_the_servers_own_send_down() -> None:
    seen = []

    async def app(scope, receive, send):
        seen.append(dict(scope))

    async def send(message):
        raise AssertionError

    scope = {"type": "websocket"}
    await RawSend(app)(scope, None, send)
    await RawSend(app)({"type": "http"}, None, send)

    assert seen == [{"type": "websocket", "voice_agent.raw_send": send}, {"type": "http"}]
    assert scope == {"type": "websocket"}  # the server's connection keeps its scope


@pytest.mark.parametrize("error", [OSError(), RuntimeError("Unexpected ASGI message")])
async def test_send_to_a_peer_that_left_says_so(error: Exception) -> None:
    async def send(message):
        raise error

    transport = WebSocketTransport(FakeWebSocket(send))

    with pytest.raises(ConnectionGone):
        await transport.send("hola")
    with pytest.raises(ConnectionGone):
        await transport.send("hola")
    await transport.close(1000)


async def test_receive_reads_texts_bytes_and_the_end() -> None:
    async def send(message):
        raise AssertionError

    messages = [
        {"type": "websocket.receive", "text": "hola"},
        {"type": "websocket.receive", "bytes": b"\x00", "text": None},
        {"type": "websocket.disconnect", "code": 1001},
    ]
    transport = WebSocketTransport(FakeWebSocket(send, messages))

    assert [await transport.receive() for _ in range(4)] == ["hola", b"\x00", None, None]


async def test_close_is_sent_once_and_never_raises() -> None:
    sent = []

    async def send(message):
        sent.append(message)

    transport = WebSocketTransport(FakeWebSocket(send))
    await transport.close(1013, "later")
    await transport.close(1000)

    assert sent == [{"type": "websocket.close", "code": 1013, "reason": "later"}]

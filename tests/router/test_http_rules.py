"""What holds for every route: how much may be sent to it, and what its answers tell a browser."""

import asyncio

import httpx

from app.router.http_rules import MAX_BODY_BYTES
from tests.support.raw_client import PATIENCE_S
from tests.support.scripted import ScriptedModel
from tests.support.server import Server, running_server


async def posts(server: Server, content: bytes) -> int:
    url = f"http://127.0.0.1:{server.port}/sessions/none/messages"
    headers = {"Content-Type": "application/json"}
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        return (await client.post(url, content=content, headers=headers)).status_code


async def test_body_is_taken_up_to_the_limit_and_not_beyond() -> None:
    body = b'{"content":"hola"}'
    async with running_server(provider=ScriptedModel([])) as server:
        at_limit = await posts(server, body + b" " * (MAX_BODY_BYTES - len(body)))
        beyond = await posts(server, body + b" " * (MAX_BODY_BYTES - len(body) + 1))

    assert (at_limit, beyond) == (404, 413)


async def answer_to(server: Server, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.writelines(pieces)
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_body_that_says_no_length_is_counted_as_it_comes() -> None:
    head = b"POST /sessions/none/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    endless = [chunk] * (MAX_BODY_BYTES // 0x10000) + [b"1\r\n \r\n"]
    async with running_server(provider=ScriptedModel([])) as server:
        answer = await answer_to(server, head + b"Transfer-Encoding: chunked\r\n\r\n", *endless)

    assert answer.startswith(b"HTTP/1.1 413")


async def test_refused_body_ends_its_connection() -> None:
    head = b"GET /agent/health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999999\r\n\r\n"
    async with running_server(provider=ScriptedModel([])) as server:
        answer = await answer_to(server, head)

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


async def test_what_a_route_says_itself_stands() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        page, health = await server.get("/"), await server.get("/agent/health")

    assert page.headers["cache-control"] == "no-cache"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert health.headers["cache-control"] == "no-store"
    assert health.headers["content-security-policy"].startswith("default-src 'none'")

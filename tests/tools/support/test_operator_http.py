"""Requests to the operator's own endpoints are bounded too."""

import gzip
from typing import Any

import httpx
import pytest

from app.tools.support.operator_http import MAX_ANSWER_BYTES, EndpointFailed, get_bytes, time_left_s
from tests.support.context import tool_context
from tests.tools.support.stand_in import Handler, answering, response, serving


async def get(handler: Handler, **options: Any) -> bytes:
    async with serving(handler) as port, tool_context() as ctx:
        return await get_bytes(ctx, httpx.URL(f"http://127.0.0.1:{port}/"), **{"timeout_s": 5} | options)


async def test_a_plain_and_a_compressed_body_are_read():
    assert await get(answering(response(body=b"hello"))) == b"hello"
    assert await get(answering(response(body=gzip.compress(b"hello"), content_encoding="gzip"))) == b"hello"


async def test_a_body_that_is_too_long_is_a_failure():
    bomb = gzip.compress(bytes(MAX_ANSWER_BYTES + 1))

    with pytest.raises(EndpointFailed, match="too long"):
        await get(answering(response(body=bomb, content_encoding="gzip")))


@pytest.mark.parametrize("status", [204, 301, 404, 500])
async def test_only_200_is_an_answer(status: int):
    with pytest.raises(EndpointFailed, match=str(status)):
        await get(answering(response(status)))


async def test_the_time_limit_holds_for_the_whole_answer():
    async def silent(reader: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
        await reader.read()

    with pytest.raises(EndpointFailed, match="timeout"):
        await get(silent, timeout_s=0.1)


@pytest.mark.parametrize(("timeout_s", "least", "most"), [(30, 29, 29.5), (0.6, 0.2, 0.3), (0, 0, 0)])
async def test_time_is_kept_back_to_say_something_at_the_end(timeout_s: float, least: float, most: float):
    async with tool_context(timeout_s=timeout_s) as ctx:
        assert least <= time_left_s(ctx) <= most

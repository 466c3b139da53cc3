"""The public address, from whatever service the operator has set."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from app.tools import get_public_ip
from app.tools.base import ToolError
from tests.support.context import arguments_of, settings_with, tool_context
from tests.tools.support.stand_in import Handler, answering, response, serving

TOOL = get_public_ip.run


async def ask(handler: Handler, *, locale: Any = "es", timeout_s: float = 30) -> dict[str, Any]:
    async with serving(handler) as port:
        settings = settings_with(public_ip_url=f"http://127.0.0.1:{port}/?format=json")
        async with tool_context(settings, locale=locale, timeout_s=timeout_s) as ctx:
            return await TOOL.run(arguments_of(TOOL), ctx)


@pytest.mark.parametrize(
    ("body", "ip", "version"),
    [
        (b'{"ip": "93.184.215.14"}', "93.184.215.14", 4),
        (b"93.184.215.14\n", "93.184.215.14", 4),
        (b"2606:4700:4700:0::1111", "2606:4700:4700::1111", 6),
    ],
)
async def test_both_ways_of_answering_are_understood(body: bytes, ip: str, version: int):
    assert await ask(answering(response(body=body))) == {"ip": ip, "version": version}


@pytest.mark.parametrize(
    "raw",
    [
        response(body=b"<html>1.2.3.4</html>"),
        response(body=b""),
        response(body=b"\xff\xfe"),
        response(body=b'{"address": "1.2.3.4"}'),
        response(body=b'{"ip": ["1.2.3.4"]}'),
        response(body=b'{"a":' * 9000),
        response(body=b"1" * 70_000),
        response(body=b"not gzip", content_encoding="gzip"),
        response(500, b"1.2.3.4"),
        response(302, b"", location="http://127.0.0.1/"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n1.2.3.4",
        b"nonsense",
    ],
)
async def test_anything_else_is_told_as_unknown(raw: bytes):
    with pytest.raises(ToolError, match="No he podido averiguar la IP pública"):
        await ask(answering(raw))


async def test_the_failure_is_told_in_english_too():
    with pytest.raises(ToolError, match="I could not find out the public IP"):
        await ask(answering(response(503)), locale="en")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/"])
async def test_a_service_that_is_not_there_is_told_as_unknown(url: str):
    async with tool_context(settings_with(public_ip_url=url)) as ctx:
        with pytest.raises(ToolError):
            await TOOL.run(arguments_of(TOOL), ctx)


async def test_a_silent_service_is_given_up_before_the_call_times_out():
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    started = asyncio.get_running_loop().time()

    with pytest.raises(ToolError):
        await ask(silent, timeout_s=0.7)

    assert asyncio.get_running_loop().time() - started < 0.7


def test_it_takes_no_arguments():
    with pytest.raises(ValidationError, match="version"):
        arguments_of(TOOL, version=4)

"""A collector of traces on loopback, which speaks OTLP over HTTP."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Received:
    """What it was sent.

    Attributes:
        spans: The names of the spans.
    """

    port: int = 0
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    spans: list[str] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    body: bytes = b""


@asynccontextmanager
async def collector() -> AsyncIterator[Received]:
    """Takes all that comes."""
    received = Received()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            request, *lines = head.decode().rstrip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers["content-length"]))
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            message = ExportTraceServiceRequest.FromString(body)
            for resource in message.resource_spans:
                names = {a.key: a.value.string_value for a in resource.resource.attributes}
                received.services.add(names["service.name"])
                received.spans += [span.name for scope in resource.scope_spans for span in scope.spans]
            received.requests.append((request, headers))
            received.body += body
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
            )

    serving: set[asyncio.Task[None] | None] = set()

    async def serve_until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve_until_gone, "127.0.0.1", 0)
    received.port = server.sockets[0].getsockname()[1]
    try:
        yield received
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*(task for task in serving if task is not None))

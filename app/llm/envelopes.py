"""What stands around each request's body: address and headers, which the `openai` package knows how to make.

The package takes longer over one request than all the rest of a turn, and everything but the body comes out
the same each time. So it makes one request for each model, which goes nowhere; the address and headers of
that serve all that follow.
"""

import json
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
import yarl
from openai import AsyncOpenAI


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where requests for one model go, and what their heads say.

    Attributes:
        service: Who answers, as `Extras` name it: address and model.
    """

    url: yarl.URL
    headers: dict[str, str]
    service: str


class Envelopes:
    """The envelopes of one service.

    Args:
        client: Knows address, key and how both are written; its key is never changed, its address may be.
    """

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client
        self._base_url: httpx2.URL | None = None
        self._made: dict[str, Envelope] = {}

    async def of(self, model: str) -> Envelope:
        """Return the envelope for a model, as it is named now."""
        base_url = self._client.base_url
        if base_url is not self._base_url:
            self._base_url = base_url
            self._made.clear()
        if model not in self._made:
            self._made[model] = await self._make(model, base_url.netloc.decode())
        return self._made[model]

    async def _make(self, model: str, address: str) -> Envelope:
        async with httpx2.AsyncClient(transport=_Nowhere()) as nowhere:
            completions = self._client.with_options(http_client=nowhere).chat.completions
            async with completions.with_streaming_response.create(
                model=model, messages=(), stream=True
            ) as answer:
                request = answer.http_response.request
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        return Envelope(yarl.URL(str(request.url), encoded=True), headers, f"{address} {model}")


class _Nowhere(httpx2.AsyncBaseTransport):
    """Sends nothing."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, request=request)


def body_bytes(body: dict[str, Any]) -> bytes:
    """Return the body of a request, as JSON."""
    try:
        return orjson.dumps(body)
    except TypeError:
        # Numbers of more than 64 bits, which a tool's schema may hold, or half a character in an old talk.
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

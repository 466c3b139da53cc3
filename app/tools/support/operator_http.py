"""Requests to the endpoints that the operator has set, such as a weather service.

They may be anywhere, also inside; but they may be slow, broken or endless like any other server.
"""

import httpx

from app.stall_timeout import patiently
from app.tools.base import ToolContext
from app.tools.support.bounded_body import BoundedBody

MAX_ANSWER_BYTES = 64 * 1024
_HEADERS = {"Accept-Encoding": "gzip, deflate"}


class EndpointFailed(Exception):
    """The endpoint gave no usable answer; the argument says why, for the log."""


def time_left_s(ctx: ToolContext) -> float:
    """Seconds that a request may take so that its tool can still say something before its deadline."""
    left_s = ctx.deadline - ctx.clock.monotonic()
    return max(left_s - 0.5, left_s / 2, 0)


async def get_bytes(ctx: ToolContext, url: httpx.URL, *, timeout_s: float) -> bytes:
    """Return the body of a 200 answer, at most `MAX_ANSWER_BYTES`.

    Args:
        ctx: The running tool's.
        url: An endpoint that the operator has set, with its query.
        timeout_s: Limit in seconds for all of it; the tool's deadline may be nearer.

    Raises:
        EndpointFailed: There is none.
    """
    try:
        async with (
            patiently(min(timeout_s, time_left_s(ctx))),
            ctx.http.stream("GET", url, headers=_HEADERS, timeout=None) as response,
        ):
            if response.status_code != 200:
                raise EndpointFailed(f"status {response.status_code}")
            body = await _read(response)
    except TimeoutError as exc:
        raise EndpointFailed("timeout") from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise EndpointFailed(type(exc).__name__) from exc
    if body.is_truncated:
        raise EndpointFailed(f"body {body.problem or 'too long'}")
    return body.content


async def _read(response: httpx.Response) -> BoundedBody:
    headers = response.headers
    body = BoundedBody(headers.get("content-encoding", ""), MAX_ANSWER_BYTES, headers.get("content-type", ""))
    try:
        async for chunk in response.aiter_raw():
            body.feed(chunk)
            if body.is_full:
                # As in `public_http`: reading on from a closed connection ends the generators below.
                await response.aclose()
        body.end()
    except (httpx.NetworkError, httpx.ProtocolError):
        body.fail("broken")
    return body

"""What holds for every HTTP request and answer, whichever route it is.

A body beyond `MAX_BODY_BYTES` is answered 413 before it has been read (CWE-400). Browsers are told not to
guess types, not to frame anything (CWE-1021), not to pass addresses on, and to keep no copy of what is not
the page. HEAD is answered wherever GET is (RFC 9110, 9.3.2).
"""

from typing import Final

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES: Final = 1024 * 1024
"""More than the largest contribution or profile, however it is escaped."""

ANSWER_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""What an answer says unless its route says otherwise."""

_TOO_LARGE: Final = f"a body may have at most {MAX_BODY_BYTES} bytes"


class HttpRules:
    """Middleware around all routes. WebSockets pass through untouched: each of their frames would pay."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is small enough, and completes the answer's headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ANSWER_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if _claims_too_much(scope):
            # The rest of the body is still on its way: the connection is of no more use.
            refusal = PlainTextResponse(_TOO_LARGE, 413, {"Connection": "close"})
            await refusal(scope, receive, completed)
            return
        if scope["method"] == "HEAD":
            # Routes know GET; the server that writes the answer leaves its body out.
            scope = {**scope, "method": "GET"}
        await self.app(scope, _counted(receive), completed)


def _claims_too_much(scope: Scope) -> bool:
    # The server has refused a length that is no number.
    return int(Headers(scope=scope).get("content-length", "0")) > MAX_BODY_BYTES


def _counted(receive: Receive) -> Receive:
    """Receive as before, but no more than the limit: a chunked body says no length."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE, {"Connection": "close"})
        return message

    return counted

"""Sends an HTTP request to a public server and tells what it answered."""

import json
import logging
import re
from typing import Any, Literal, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from app.tools.base import Effect, ToolContext, ToolError, tool
from app.tools.support.body_text import clean_text
from app.tools.support.destination_guard import DestinationGuard
from app.tools.support.fetch_report import failure_sentence, report
from app.tools.support.operator_http import time_left_s
from app.tools.support.plain_read import is_plain_read
from app.tools.support.public_http import (
    FetchFailed,
    Network,
    PublicClient,
    RequestRefused,
    real_network,
)
from app.tools.support.public_request import Headers, PublicRequest
from app.tools.support.web_address import BadWebAddress, parse_web_address

_log = logging.getLogger(__name__)

MAX_BODY_CHARS = 100_000
MAX_HEADERS = 30
MAX_HEADER_CHARS = 4000

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_FIELD_VALUE = re.compile(r"[\x20-\x7e\t]*")
# Fields that are ours: how the request is framed and routed, what makes a write safe to repeat, and what
# would make a server take one method for another.
_RESERVED_HEADERS = frozenset(
    (
        *(
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "te",
            "trailer",
            "upgrade",
        ),
        *("expect", "http2-settings", "accept-encoding", "user-agent", "idempotency-key"),
        *("x-http-method-override", "x-http-method", "x-method-override"),
    )
)


class MakeHttpRequestArguments(BaseModel):
    """What to send, and where to."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(description="Full http:// or https:// URL of a public server, percent-encoded.")
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] = "GET"
    headers: dict[str, str] | None = Field(None, description="Extra request headers.", max_length=MAX_HEADERS)
    body: str | None = Field(
        None,
        description="Request body as text; name its type in a Content-Type header.",
        max_length=MAX_BODY_CHARS,
    )
    json_body: JsonValue = Field(
        None, alias="json", description="Request body as a JSON value, instead of body."
    )

    @field_validator("method", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("headers")
    @classmethod
    def _are_allowed(cls, headers: dict[str, str] | None) -> dict[str, str] | None:
        for name, value in (headers or {}).items():
            if not _TOKEN.fullmatch(name):
                raise ValueError("a header name has characters that are not allowed in it")
            if name.lower() in _RESERVED_HEADERS or name.lower().startswith("proxy-"):
                raise ValueError(f"the header {name} is set by the server and cannot be chosen")
            if not _FIELD_VALUE.fullmatch(value) or len(value) > MAX_HEADER_CHARS:
                raise ValueError(
                    f"the value of {name} must be printable ASCII without line breaks, and not too long"
                )
        return headers

    @model_validator(mode="after")
    def _has_one_body_at_most(self) -> Self:
        content = self.content()
        if self.body is not None and self.has_json:
            raise ValueError("give body or json, not both")
        if content is not None and self.method in ("GET", "HEAD"):
            raise ValueError(f"{self.method} takes no body")
        if content is not None and len(content) > 4 * MAX_BODY_CHARS:
            raise ValueError("the body is too long")
        return self

    @property
    def has_json(self) -> bool:
        """Whether a JSON body was given; for a GET, null means none."""
        return "json_body" in self.model_fields_set and (
            self.json_body is not None or (self.body is None and self.method not in ("GET", "HEAD"))
        )

    def content(self) -> bytes | None:
        """Return the body's bytes, if there is a body.

        Raises:
            ValueError: The JSON value holds something that JSON has no word for.
        """
        if self.has_json:
            return json.dumps(self.json_body, ensure_ascii=False, allow_nan=False).encode()
        return None if self.body is None else self.body.encode()

    def fields(self) -> Headers:
        """Return the headers, with a Content-Type and an Accept where none was chosen."""
        chosen = {name: value.strip() for name, value in (self.headers or {}).items()}
        names = {name.lower() for name in chosen}
        if "accept" not in names:
            chosen["Accept"] = "*/*"
        if "content-type" not in names and (self.has_json or self.body is not None):
            chosen["Content-Type"] = "application/json" if self.has_json else "text/plain; charset=utf-8"
        return tuple(chosen.items())


def _effect(args: MakeHttpRequestArguments) -> Effect:
    return "read" if is_plain_read(args.method, args.url, args.headers or ()) else "write"


@tool(effect=_effect)
async def run(args: MakeHttpRequestArguments, ctx: ToolContext) -> dict[str, Any]:
    """Make an HTTP request to a public server on the internet and get its status, headers and body."""
    return await fetch(args, ctx, real_network())


async def fetch(args: MakeHttpRequestArguments, ctx: ToolContext, network: Network) -> dict[str, Any]:
    """Make the request over the given network.

    Returns:
        `status`, the final `url`, the useful `headers`, `body` (text) or `json` (parsed), `truncated`,
        `redirects`, and a `note` where something was wrong with the body. As JSON it has at most
        `TOOL_RESULT_MAX_CHARS` characters, if those suffice for all but the body.

    Raises:
        ToolError: There is no answer; the sentence is the same for everything that may not be visited.
    """
    guard = DestinationGuard(network.resolve, network.is_own, ctx.settings.http_tool_allowed_private)
    client = PublicClient(network, guard, ctx.settings.tool_result_max_chars)
    try:
        answer = await client.fetch(_request(args, ctx), time_left_s(ctx))
    except FetchFailed as exc:
        _log.info(
            "http_request_failed",
            extra={"call_id": ctx.call_id, "failure": type(exc).__name__, "reason": clean_text(str(exc))},
        )
        sentence = failure_sentence(exc, ctx.locale, is_write=_effect(args) == "write")
        raise ToolError(sentence, outcome="unknown" if exc.may_have_acted else "failed") from exc
    return report(answer, ctx.locale, ctx.settings.tool_result_max_chars)


def _request(args: MakeHttpRequestArguments, ctx: ToolContext) -> PublicRequest:
    try:
        url = parse_web_address(args.url)
    except BadWebAddress as exc:
        raise RequestRefused(str(exc)) from exc
    # Call ids come from a model's service: quoting keeps any of them a well-formed field value.
    key = quote(ctx.idempotency_key or ctx.call_id, safe="") if _effect(args) == "write" else None
    return PublicRequest(args.method, url, args.fields(), args.content(), key)

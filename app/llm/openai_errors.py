"""What a service's refusals mean.

Services differ in the shape of an error's body, in its codes and in their words. This module reads them all
into one `Complaint` and maps that to our own errors.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import orjson

from app.errors import (
    ContentFiltered,
    ContextTooLong,
    LlmAuthFailed,
    LlmBadRequest,
    LlmBadResponse,
    LlmError,
    LlmNotFound,
    LlmRateLimited,
    LlmUnavailable,
    LlmUntrusted,
)
from app.llm.capabilities import OPTIONAL_PARAMETERS, OptionalParameter
from app.llm.refused_prompts import Refused, blames_messages, refused_in
from app.llm.transport import ServiceUnreachable

MAX_QUOTED_CHARS = 200
"""As much of a service's own text as goes into a log line."""

_REQUEST_ID_HEADERS = ("x-request-id", "apim-request-id", "x-ms-request-id")
_REFUSED_CODES = {"unsupported_parameter", "unsupported_value", "unknown_parameter"}
_REFUSED_WORDS = re.compile(
    r"unrecognized|unknown|unsupported|unexpected|(not|n't) support|not (permitted|allowed)"
    r"|extra(neous)? (fields|inputs|key)|only allowed|is only|out of range|valid range"
    r"|too (large|high|big|small|low)|less than or equal|(maximum|minimum) (allowed|value)|\binvalid\b"
    r"|must be (less|greater|between|at (most|least))",
    re.IGNORECASE,
)
"""A parameter is not taken, or its value is not: an agent without it is better than none."""

_TOO_MANY_WANTED = re.compile(
    r"\bmax_(completion_)?tokens\b.{0,60}\b(is )?too (large|high|big)", re.IGNORECASE | re.DOTALL
)
"""Also where the same sentence speaks of the context's length."""

_NO_TOOLS_WORDS = re.compile(
    r"not support(ed)? (the )?.{0,12}\b(tools?|tool use|tool calls?|tool calling|function)\b"
    r"|\b(tools?|tool (use|choice|calls?|calling)|functions?|function (calls?|calling))['\"`]?"
    r"( field| param(eter)?)?s? (is|are|has|have|was)( been)? ?(not|n't) (been )?"
    r"(supported|enabled|allowed|available)|found that support tool use|tool choice requires --"
    r"|tools param requires|support this parameter: tools"
    r"|(unrecognized|unknown|unsupported) (request )?(argument|parameter|field)s?( supplied)?:?"
    r" ['\"`]?tools\b",
    re.IGNORECASE,
)
_TOOLS_STATUSES = (400, 404, 405, 422, 500, 501)
"""With which services say that a model cannot call tools."""

_TOO_LONG_WORDS = re.compile(
    r"maximum context length|context (length|size|window|limit)|too many tokens|reduce the length of"
    r"|maximum (model|prompt|input) length|maximum number of tokens|model token limit|range of input length"
    r"|(prompt|inputs?|messages?)( tokens?)?( is| are)? too long|prompt exceeds max|token count.{0,40}exceeds"
    r"|`inputs` (must have less than|tokens)",
    re.IGNORECASE,
)
_TOO_LARGE_WORDS = re.compile(r"\b(request|prompt|message) (is )?too large\b", re.IGNORECASE)
"""For what may be asked within a minute: no waiting makes it smaller."""

_TOO_LONG_CODES = (
    "context_length_exceeded",
    "exceed_context_size",
    "max_prompt_tokens_exceeded",
    "prompt_too_long",
)
_NO_SUCH_VERSION_WORDS = re.compile(r"api[- ]?version", re.IGNORECASE)
_NO_SUCH_MODEL_CODES = {
    "model_not_found", "model_not_exist", "modelnotfound", "invalid_model", "model_decommissioned",
    "model_deprecated", "modeldeprecated", "deploymentnotfound", "deployment_not_found",
}  # fmt: skip
_NO_SUCH_MODEL_WORDS = re.compile(
    r"model\b.{0,200}?(not found|not exist|n't exist"
    r"|(is|was|been) (decommissioned|deprecated|retired|removed|shut ?down))"
    r"|(invalid|unknown|not a valid) model\b|no models? loaded",
    re.IGNORECASE | re.DOTALL,
)
# The model wrote something that its own service cannot read. Asked again, it writes something else.
_DICE_CODES = {
    "tool_use_failed", "output_parse_failed", "json_validate_failed", "tool_call_parse_failed",
    "invalid_tool_call", "malformed_function_call", "malformed_response", "model_output_invalid",
    "invalid_model_output", "function_call_failed", "model_error", "unexpected_model_behavior",
}  # fmt: skip
_DICE_WORDS = re.compile(
    r"failed to (call a function|generate json|parse (the )?(tool|function) call|parse input at pos)"
    r"|tool (call|use) (validation )?failed|model (produced|generated|output) (an? )?(invalid|output that)"
    r"|(error|failure) (while )?parsing (the )?(tool|function) calls?|failed_generation"
    r"|malformed[ _]function[ _]call|was not in request\.tools",
    re.IGNORECASE,
)
# Services that are down or busy and say so with a 400.
_BUSY_WORDS = re.compile(
    r"\brate[ _]limit|too many requests|requests per (minute|second)|throttl|concurrency|wait before trying"
    r"|(tokens|requests) per (min|day)\b|\b[TR]P[MD]\b",
    re.IGNORECASE,
)
_DOWN_WORDS = re.compile(
    r"(temporarily|service|currently) unavailable|overloaded|at capacity|bad gateway|try again later"
    r"|\b(is|being|still) (currently |being )?load(ing|ed)\b|upstream (error|connect|request failed)"
    r"|no available (channel|provider|server)|provider returned error\W*$|server is busy"
    r"|please retry|\bhas crashed\b"
    r"|capacity exceeded|out of capacity|connection (error|refused|reset)|network (error|connection lost)",
    re.IGNORECASE,
)
_BLOCKED_WORDS = re.compile(r"block|firewall|\bwaf\b|filter|polic|reject|forbidden", re.IGNORECASE)

_MESSAGE_NAMES = ("message", "detail", "error_msg", "status_msg", "msg", "error", "Message")
_CODE_NAMES = ("code", "error_code", "status_code", "Code")

_MOST_WORDS = 2048
"""Characters that are read of either end of an error; in between stands what it quotes, if anything."""

_DOWN_STATUSES = {408, 423, 424, 425, 499}
_RETRIED_STATUSES = _DOWN_STATUSES | {429}


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error as the service put it; empty strings where it says nothing."""

    code: str = ""
    type: str = ""
    param: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Hints:
    """What the log tells an operator about the service.

    Attributes:
        key: The secret that no text may repeat.
        key_setting: The setting that holds the key.
        model: Which settings name the model, with their values.
        endpoint: Which setting names the address, with its value.
    """

    key: str = field(repr=False)
    key_setting: str
    model: str
    endpoint: str

    def quoted(self, text: str) -> str:
        """A service's text, fit for one line of a log: cut, control characters escaped, without the key."""
        if self.key:
            text = text.replace(self.key, "***")
        cut = text[:MAX_QUOTED_CHARS]
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


class Failure(Exception):
    """One try failed.

    Args:
        error: What the caller is told if it is not tried again.
        may_retry: Whether the same request may succeed in a moment.
        asked_s: The wait that the service asked for, in seconds.
        at_once: Whether it may be tried again, once, without counting and without a wait.
        refused: The optional parameter that the service does not take.
        status: The HTTP status; 0 where there was none.
        complaint: The service's own words.
    """

    def __init__(
        self,
        error: LlmError,
        *,
        may_retry: bool = False,
        asked_s: float | None = None,
        at_once: bool = False,
        refused: OptionalParameter | None = None,
        status: int = 0,
        complaint: Complaint | None = None,
    ) -> None:
        super().__init__(error.facts)
        self.error = error
        self.may_retry = may_retry
        self.asked_s = asked_s
        self.at_once = at_once
        self.refused: OptionalParameter | None = refused
        self.status = status
        self.complaint = complaint or Complaint()


def complaint_in(body: bytes) -> Complaint:
    """Read an error's body, whatever its shape."""
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Complaint(message=body.decode("utf-8", errors="replace"))
    return complaint_of(decoded)


def complaint_of(decoded: object) -> Complaint:
    """Read a decoded error.

    Known shapes: `{"error": {...}}`, `{"error": "text"}`, `{"errors": [{...}]}`, `{"message": ...}`,
    `{"detail": ...}`, `{"error_code": ..., "error_msg": ...}`, `{"base_resp": {...}}`, and a list of one
    of these.
    """
    if isinstance(decoded, list) and len(cast(list[Any], decoded)) == 1:
        (only,) = cast(list[object], decoded)
        return complaint_of(cast(object, only)) if isinstance(only, dict) else Complaint(message=f"[{only}]")
    if not isinstance(decoded, dict):
        return Complaint(message=str(cast(object, decoded)))
    fields = cast(dict[str, Any], decoded)
    inner = _inner(fields)
    if isinstance(inner, str):
        return Complaint(code=_word(fields.get("code")), message=inner)
    if isinstance(inner, dict):
        fields = cast(dict[str, Any], inner)
    message = next((fields[name] for name in _MESSAGE_NAMES if fields.get(name)), "")
    return Complaint(
        code=_code_of(fields),
        type=next((_word(fields[name]) for name in ("type", "__type", "status") if fields.get(name)), ""),
        param=_word(fields.get("param")),
        message=(message if isinstance(message, str) else orjson.dumps(message).decode())
        + _passed_on(fields),
    )


def says_error(fields: Mapping[str, Any]) -> bool:
    """Whether an object without any choice tells of an error, in a shape that is not `{"error": ...}`."""
    if fields.get("object") == "error" or fields.get("type") == "error" or fields.get("errors"):
        return True
    base = fields.get("base_resp")
    if isinstance(base, dict) and not _is_fine(cast(dict[str, Any], base).get("status_code")):
        return True
    if fields.get("success") is False or not _is_fine(fields.get("error_code")):
        return True
    has_words = any(fields.get(name) for name in ("message", "msg", "error_msg"))
    return bool(fields.get("detail")) or (has_words and not _is_fine(fields.get("code")))


def _is_fine(code: object) -> bool:
    return code in (None, "", 0, "0", 200, "200", "success", "ok", "OK")


def _inner(fields: Mapping[str, Any]) -> object:
    """Return the part of an error that tells of it; None where it is the whole."""
    errors: object = fields.get("errors") or fields.get("error") or fields.get("base_resp")
    return cast(list[object], errors)[0] if isinstance(errors, list) else errors


def _code_of(fields: Mapping[str, Any]) -> str:
    code = next((_word(fields[name]) for name in _CODE_NAMES if not _is_fine(fields.get(name))), "")
    # Azure says within what is wrong with the prompt, also where the code beside it says nothing.
    deeper = fields.get("innererror")
    named = cast(dict[str, Any], deeper).get("code") if isinstance(deeper, dict) else None
    return _word(named) if named and not code else code


def _passed_on(fields: dict[str, Any]) -> str:
    """The words of the service behind a gateway, where that passes them on apart, as OpenRouter does."""
    metadata = fields.get("metadata")
    raw = cast(dict[str, Any], metadata).get("raw") if isinstance(metadata, dict) else None
    return f": {raw if isinstance(raw, str) else orjson.dumps(raw).decode()}" if raw else ""


def _brief(complaint: Complaint) -> Complaint:
    """Leave out the middle of a long message: its words are looked for by patterns, while all others wait."""
    message = complaint.message
    if len(message) <= 2 * _MOST_WORDS:
        return complaint
    return replace(complaint, message=f"{message[:_MOST_WORDS]} ... {message[-_MOST_WORDS:]}")


def refusal(status: int, headers: Mapping[str, str], body: bytes, hints: Hints, sent: set[str]) -> Failure:
    """Return what an HTTP status other than 200 means.

    Args:
        status: The HTTP status.
        headers: The response's.
        body: What was read of its body.
        hints: What the operator is told.
        sent: The parameters of the request.
    """
    complaint = _brief(complaint_in(body))
    facts = _facts(status, headers, complaint, hints)
    refused = _refused(complaint, sent) if status in _TOOLS_STATUSES else None
    if refused == "tools" or (refused is not None and _TOO_MANY_WANTED.search(complaint.message)):
        return Failure(LlmBadRequest(facts), refused=refused, status=status, complaint=complaint)
    if status in (400, 422) and is_dice(complaint):
        return Failure(LlmBadResponse(facts), may_retry=True, status=status, complaint=complaint)
    if error := _prompt_error(status, complaint, facts):
        return Failure(error, status=status, complaint=complaint)
    if status in (400, 422):
        if error := _passing_error(complaint, facts):
            return Failure(error, may_retry=True, status=status, complaint=complaint)
        error = _request_error(status, complaint, facts, hints)
        return Failure(error, refused=refused, status=status, complaint=complaint)
    if status >= 500 and _refused_by(status, complaint) == "messages":
        return Failure(LlmBadRequest(facts), status=status, complaint=complaint)
    may_retry = (status in _RETRIED_STATUSES or status >= 500) and complaint.code != "insufficient_quota"
    return Failure(
        _status_error(status, headers, complaint, facts, hints),
        may_retry=may_retry,
        status=status,
        complaint=complaint,
    )


def is_dice(complaint: Complaint) -> bool:
    """Return whether the model's own answer was the fault, so that the same request may well succeed."""
    codes = {complaint.code.lower(), complaint.type.lower()}
    return bool(codes & _DICE_CODES) or bool(_DICE_WORDS.search(complaint.message))


def is_model_missing(complaint: Complaint) -> bool:
    """Return whether the service says that it does not have the model."""
    code = complaint.code.lower()
    return code in _NO_SUCH_MODEL_CODES or bool(_NO_SUCH_MODEL_WORDS.search(complaint.message))


def stream_error(complaint: Complaint, hints: Hints) -> Failure:
    """Return what an error object inside an answer means, after the status had already said 200."""
    complaint = _brief(complaint)
    facts = f"error in the stream: code={hints.quoted(complaint.code)}: {hints.quoted(complaint.message)}"
    if error := _prompt_error(200, complaint, facts):
        return Failure(error, complaint=complaint)
    kind = f"{complaint.code} {complaint.type}".lower()
    if "rate_limit" in kind or complaint.code == "429":
        return Failure(LlmRateLimited(facts), may_retry=True, complaint=complaint)
    if is_dice(complaint):
        return Failure(LlmBadResponse(facts), may_retry=True, complaint=complaint)
    if "invalid_request" in kind or complaint.code in ("400", "422"):
        return Failure(_request_error(400, complaint, facts, hints), complaint=complaint)
    if _refused_by(400, complaint) == "access":
        return Failure(_request_error(400, complaint, facts, hints), complaint=complaint)
    passes = any(word in kind for word in ("server_error", "overloaded", "unavailable"))
    may_retry = passes or complaint.code in ("500", "502", "503", "504")
    if not may_retry and (error := _passing_error(complaint, facts)):
        return Failure(error, may_retry=True, complaint=complaint)
    return Failure(LlmBadResponse(facts), may_retry=may_retry, complaint=complaint)


def unreachable(exc: ServiceUnreachable, hints: Hints) -> Failure:
    """Return what a connection that could not be made, or broke before the first token, means."""
    facts = f"{exc.reason}: {hints.quoted(exc.detail)}; {hints.endpoint}"
    if exc.reason == "tls":
        return Failure(LlmUntrusted(facts))
    if exc.reason == "not_http":
        return Failure(LlmBadResponse(facts))
    error = LlmUnavailable(facts)
    # Where nobody answered, nobody can have disliked what was asked.
    error.may_refuse_prompt = exc.reason == "disconnected"
    return Failure(error, may_retry=True, at_once=exc.was_kept_alive)


def _prompt_error(status: int, complaint: Complaint, facts: str) -> LlmError | None:
    """Return the errors that the conversation's content caused."""
    if _refused_by(status, complaint) == "content":
        return ContentFiltered(facts)
    if status not in (200, 400, 404, 413, 422, 429, 500):
        return None
    is_too_large = bool(_TOO_LARGE_WORDS.search(complaint.message))
    if not is_too_large and _BUSY_WORDS.search(f"{complaint.code} {complaint.type} {complaint.message}"):
        return None  # "too many tokens, wait a moment"
    kind = f"{complaint.code} {complaint.type}".lower()
    if status == 429:
        return ContextTooLong(facts) if is_too_large else None
    is_too_long = status == 413 or any(code in kind for code in _TOO_LONG_CODES)
    if is_too_long or (status != 404 and _TOO_LONG_WORDS.search(complaint.message)):
        return ContextTooLong(facts)
    return None


def _passing_error(complaint: Complaint, facts: str) -> LlmError | None:
    """Return the errors that pass, of services that put them into a 400."""
    text = f"{complaint.code} {complaint.type} {complaint.message}"
    if _BUSY_WORDS.search(text):
        error = LlmRateLimited(facts)
        error.may_refuse_prompt = True  # the words may be the user's
        return error
    return LlmUnavailable(facts) if _DOWN_WORDS.search(text) else None


def _refused_by(status: int, complaint: Complaint) -> Refused | None:
    return refused_in(status, f"{complaint.code} {complaint.type}".lower(), complaint.message)


def _request_error(status: int, complaint: Complaint, facts: str, hints: Hints) -> LlmError:
    if blames_messages(complaint.message):
        return LlmBadRequest(facts)
    no_such_version = _NO_SUCH_VERSION_WORDS.search(f"{complaint.code} {complaint.message}")
    if no_such_version or is_model_missing(complaint):
        return LlmNotFound(f"{facts}; check {hints.model}")
    if _refused_by(status, complaint) == "access":
        return LlmAuthFailed(f"{facts}; check {hints.key_setting}")
    return LlmBadRequest(facts)


def _status_error(
    status: int, headers: Mapping[str, str], complaint: Complaint, facts: str, hints: Hints
) -> LlmError:
    if status in (404, 410) or complaint.code == "model_not_found":
        return LlmNotFound(f"{facts}; check {hints.model}")
    if status in (401, 402, 403):
        error = LlmAuthFailed(f"{facts}; check {hints.key_setting}")
        # A firewall in between may have disliked what was asked; its pages are no service's own words.
        is_blocked = complaint.message.lstrip().startswith("<") or _BLOCKED_WORDS.search(complaint.message)
        error.may_refuse_prompt = status == 403 and bool(is_blocked)
        return error
    if status == 429:
        return LlmRateLimited(facts)
    if status in _DOWN_STATUSES or status >= 500:
        return LlmUnavailable(facts)
    if 300 <= status < 400:
        target = hints.quoted(headers.get("location", ""))
        return LlmBadResponse(f"{facts}; redirect to {target} not followed; check {hints.endpoint}")
    if status < 300:
        return LlmBadResponse(facts)
    return LlmBadRequest(facts)


def _refused(complaint: Complaint, sent: set[str]) -> OptionalParameter | None:
    """Return which optional parameter of the request the service says it does not take, if it says so."""
    if "tools" in sent and _NO_TOOLS_WORDS.search(complaint.message):
        return "tools"
    # Texts about the content of `tools` are many; none of them but the above may cost the agent its tools.
    candidates: list[OptionalParameter] = [
        name for name in OPTIONAL_PARAMETERS if name in sent and name != "tools"
    ]
    named = complaint.param.partition(".")[0]
    if named and named.lower() not in ("none", "null"):
        return next((name for name in candidates if name == named), None)
    if not (complaint.code in _REFUSED_CODES or _REFUSED_WORDS.search(complaint.message)):
        return None
    return next((name for name in candidates if re.search(rf"\b{name}\b", complaint.message)), None)


def _facts(status: int, headers: Mapping[str, str], complaint: Complaint, hints: Hints) -> str:
    request_id = next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), "-")
    # Of a refused key the service may quote a part; nothing else in that text is worth the risk.
    text = "" if status == 401 else hints.quoted(complaint.message)
    code = hints.quoted(complaint.code)
    return f"status={status} request_id={hints.quoted(request_id)} code={code}: {text}"


def _word(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)

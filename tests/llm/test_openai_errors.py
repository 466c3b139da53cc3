from typing import Any

import orjson
import pytest

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
from app.llm.openai_errors import (
    Complaint,
    Failure,
    Hints,
    complaint_in,
    complaint_of,
    refusal,
    stream_error,
    unreachable,
)
from app.llm.transport import ServiceUnreachable

HINTS = Hints(key="sk-secret", key_setting="THE_KEY", model="THE_MODEL=m", endpoint="THE_URL=u")


def refused(status: int, error: Any = None, *, sent: set[str] | None = None, **headers: str) -> Failure:
    body = error if isinstance(error, bytes) else orjson.dumps({"error": error or {}})
    return refusal(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, body, HINTS, sent or set()
    )


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ('{"error":{"message":"Content Exists Risk"}}', ContentFiltered),
        ("The input token count (9) exceeds the maximum number of tokens allowed (8).", ContextTooLong),
        ({"message": "roles must alternate"}, LlmBadRequest),
        ("", LlmUnavailable),
        (None, LlmUnavailable),
    ],
)
def test_words_that_a_gateway_passes_on_are_read(raw: Any, error: type[LlmError]):
    body = {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw, "provider_name": "x"}}

    assert type(refused(400, body).error) is error


@pytest.mark.parametrize(
    "text", ["the model was not found", "which api version is this?", "my account has no payment method"]
)
def test_words_that_a_validator_quotes_of_a_user_mean_nothing(text: str):
    body = orjson.dumps({"detail": [{"loc": ["body", "messages", 3], "msg": "invalid", "input": text}]})

    assert type(refused(422, body).error) is LlmBadRequest
    assert type(refused(400, {"message": f"1 validation error: input_value='{text}'"}).error) is LlmBadRequest


SENT = {"stream_options", "max_tokens", "temperature", "tools"}
LEFT_OUT: list[tuple[int, Any, str | None]] = [
    (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"]}]}, None),
    (
        422,
        {"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]},
        "stream_options",
    ),
    (400, {"message": "#: extraneous key [stream_options] is not permitted"}, "stream_options"),
    (400, "The 'stream_options' parameter is only allowed when 'stream' is enabled", "stream_options"),
    (400, "models don't support temperature=0.5. Only temperature=1 is supported.", "temperature"),
    (400, "invalid temperature: only 1 is allowed for this model", "temperature"),
    (400, {"error": {"message": "decimal above maximum value", "param": "temperature"}}, "temperature"),
    (400, "max_tokens is too large: 99999. This model supports at most 4096 completion tokens", "max_tokens"),
    (400, "`max_tokens` must be less than or equal to `8192`", "max_tokens"),
    (400, "max_tokens: 99999 > 8192, which is the maximum allowed number of output tokens", "max_tokens"),
    (400, "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", "max_tokens"),
    (
        400,
        "'max_tokens' or 'max_completion_tokens' is too large: 50. The model's maximum context length is 40",
        "max_tokens",
    ),
    (422, {"error": "Input validation error: tools are not supported"}, "tools"),
    (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', "tools"),
    (404, "No endpoints found that support tool use. To learn more, visit the docs", "tools"),
    (400, "Tools are not supported for this model", "tools"),
    (400, "deepseek-reasoner does not support this parameter: tools", "tools"),
    (400, "Tool calling is not supported for this model", "tools"),
    (500, "tools param requires --jinja flag", "tools"),
    (400, "gemma-2b does not support the tools parameter", "tools"),
    (400, "Function calling is not enabled for this model: x", "tools"),
    (400, "Unrecognized request argument supplied: tools", "tools"),
    (400, "Tool use has not been enabled, because it is unsupported by x", "tools"),
    (400, {"error": "'tools' field is not supported"}, "tools"),
    # What is wrong with one tool, or what a model was told of one, costs no agent its tools.
    (400, "Invalid schema for function 'x': schema must have type object", None),
    (
        400,
        "tools[0].function_declarations[0].parameters.properties[n].enum: only allowed for STRING type",
        None,
    ),
    (400, "The tools in this prompt look harmful", None),
    (429, "tools are not supported in this tier, slow down", None),
]


@pytest.mark.parametrize(("status", "body", "parameter"), LEFT_OUT, ids=str)
def test_parameter_or_value_that_is_not_taken_is_found(status: int, body: Any, parameter: str | None):
    error = {"error": {"message": body}} if isinstance(body, str) else body

    assert refusal(status, {}, orjson.dumps(error), HINTS, SENT).refused == parameter


SHAPES: list[tuple[int, Any, type[LlmError]]] = [
    (
        400,
        {"__type": "ThrottlingException", "message": "Too many tokens, please wait before trying again."},
        LlmRateLimited,
    ),
    (400, {"error": {"message": "Concurrency limit exceeded"}}, LlmRateLimited),
    (400, {"error_code": 336100, "error_msg": "server is busy"}, LlmUnavailable),
    (400, {"error_code": 110, "error_msg": "Access token invalid or no longer valid"}, LlmAuthFailed),
    (400, {"error": "The model has crashed without additional information. (Exit code: 1)"}, LlmUnavailable),
    (413, {"error": {"message": "Request too large on tokens per minute (TPM): Limit 6000"}}, ContextTooLong),
    (
        429,
        {"error": {"message": "Request too large for gpt-4 on tokens per min (TPM): Limit 10"}},
        ContextTooLong,
    ),
    (429, {"message": "Too many tokens, please wait before trying again."}, LlmRateLimited),
    (
        403,
        {"error": {"code": "content_illegal", "message": "the content of messages is invalid"}},
        ContentFiltered,
    ),
    (
        400,
        {"error": {"message": "Bad", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
        ContentFiltered,
    ),
    (
        424,
        {
            "success": False,
            "error": [{"code": 2016, "message": "Prompt blocked due to security configurations"}],
        },
        ContentFiltered,
    ),
    (400, {"error": {"code": "1026", "message": "input new_sensitive"}}, ContentFiltered),
    (400, {"error": {"code": "cyber_policy_violation", "message": "limited"}}, ContentFiltered),
    (
        400,
        {"errors": [{"message": "This request was rejected", "code": 3040}], "success": False},
        LlmBadRequest,
    ),
]


@pytest.mark.parametrize(("status", "body", "error"), SHAPES, ids=str)
def test_error_in_a_shape_of_its_own_is_told_from_others(status: int, body: Any, error: type[LlmError]):
    assert type(refusal(status, {}, orjson.dumps(body), HINTS, SENT).error) is error


TOO_LONG = (
    "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Range of input length should be [1, 30720]",
    "Prompt exceeds max length",
    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    "Input is too long for requested model.",
    "Input validation error: `inputs` must have less than 1024 tokens. Given: 5000",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 2000 and 100",
    "Invalid request: Your request exceeded model token limit: 8192",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "prompt token count of 136207 exceeds the limit of 128000",
    "Please reduce the length of the messages or completion.",
)


@pytest.mark.parametrize("message", TOO_LONG)
def test_prompt_that_is_too_long_is_told_from_every_service_s_words(message: str):
    assert type(refused(400, {"message": message}).error) is ContextTooLong
    assert type(refused(422, {"message": message}).error) is ContextTooLong


@pytest.mark.parametrize(
    ("message", "code", "error"),
    [
        ("Rate limit exceeded", "rate_limit_exceeded", LlmRateLimited),
        ("Too many requests", "", LlmRateLimited),
        ("Model is currently loading", "", LlmUnavailable),
        ("The service is temporarily unavailable", "", LlmUnavailable),
        ("Upstream request failed", "", LlmUnavailable),
        ("Provider returned error", "", LlmUnavailable),
    ],
)
def test_trouble_that_passes_is_no_refusal_though_it_comes_with_a_400(
    message: str, code: str, error: type[LlmError]
):
    failure = refused(400, {"message": message, "code": code})

    assert type(failure.error) is error
    assert (failure.may_retry, failure.error.refuses_prompt, failure.error.may_refuse_prompt) == (
        True,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("The model `m` has been decommissioned and is no longer supported.", "model_decommissioned"),
        ("Model m was retired.", ""),
        ("", "DeploymentNotFound"),
    ],
)
def test_model_that_was_removed_is_missing_whatever_the_status(message: str, code: str):
    assert type(refused(400, {"message": message, "code": code}).error) is LlmNotFound


@pytest.mark.parametrize(
    ("message", "may_be_the_prompt"),
    [
        ("The request is blocked by WAF", True),
        ("Forbidden", True),
        ("<html>Access denied</html>", True),
        ("You do not have access to this model", False),
    ],
)
def test_block_without_a_reason_may_be_of_what_was_said(message: str, may_be_the_prompt: bool):
    error = refused(403, {"message": message}).error

    assert (type(error), error.may_refuse_prompt) == (LlmAuthFailed, may_be_the_prompt)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (204, LlmBadResponse),
        (301, LlmBadResponse),
        (307, LlmBadResponse),
        (401, LlmAuthFailed),
        (403, LlmAuthFailed),
        (404, LlmNotFound),
        (408, LlmUnavailable),
        (409, LlmBadRequest),
        (410, LlmNotFound),
        (413, ContextTooLong),
        (423, LlmUnavailable),
        (424, LlmUnavailable),
        (425, LlmUnavailable),
        (429, LlmRateLimited),
        (499, LlmUnavailable),
        (500, LlmUnavailable),
        (502, LlmUnavailable),
        (503, LlmUnavailable),
        (504, LlmUnavailable),
        (529, LlmUnavailable),
    ],
)
def test_each_status_has_its_error(status: int, error: type[LlmError]):
    """B3, B4, B6, B7, B21"""
    assert type(refused(status).error) is error


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_by_itself_may_be_tried_again(status: int):
    """B1, B4"""
    assert refused(status).may_retry


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
def test_what_stays_wrong_is_not_tried_again(status: int):
    """B6, B7, B10"""
    assert not refused(status).may_retry


def test_used_up_quota_is_not_tried_again():
    assert not refused(429, {"code": "insufficient_quota"}).may_retry


@pytest.mark.parametrize(
    "error",
    [
        {
            "code": "content_filter",
            "message": "filtered",
            "innererror": {"code": "ResponsibleAIPolicyViolation"},
        },
        {"code": "content_policy_violation", "message": "no"},
    ],
)
def test_content_filter_is_recognised(error: Any):
    """B8"""
    assert type(refused(400, error).error) is ContentFiltered


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "context_length_exceeded", "message": "too long"}},
        {"error": {"code": 400, "type": "exceed_context_size_error", "message": "the request exceeds it"}},
        {"object": "error", "message": "This model's maximum context length is 4096 tokens.", "code": 400},
    ],
)
def test_prompt_that_is_too_long_is_recognised_in_each_dialect(body: Any):
    """B9"""
    assert type(refusal(400, {}, orjson.dumps(body), HINTS, {"max_tokens"}).error) is ContextTooLong


def test_unknown_api_version_is_a_wrong_name_also_as_a_400():
    """B7"""
    assert (
        type(refused(400, {"code": "BadRequest", "message": "API version not supported"}).error)
        is LlmNotFound
    )


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ({"message": "Unrecognized request argument supplied: stream_options"}, "stream_options"),
        (
            {
                "code": "unsupported_parameter",
                "param": "max_tokens",
                "message": "Use 'max_completion_tokens'",
            },
            "max_tokens",
        ),
        ({"code": "unsupported_value", "param": "temperature", "message": "Only 1."}, "temperature"),
        ({"code": "unknown_parameter", "param": "stream_options.include_usage"}, "stream_options"),
        ({"message": "Additional properties are not allowed ('max_tokens' was unexpected)"}, "max_tokens"),
        ({"message": "registry.ollama.ai/library/gemma does not support tools"}, "tools"),
    ],
)
def test_refused_parameter_is_recognised_in_each_dialect(error: Any, name: str):
    sent = {"stream_options", "max_tokens", "temperature", "tools"}

    assert refused(400, error, sent=sent).refused == name


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Unrecognized request argument supplied: seed"},
        {"message": "logit_bias is too large: 100000", "param": "logit_bias", "code": "invalid_value"},
        {
            "message": "Invalid value: unknown schema in tools[0].function",
            "param": "tools[0].function.parameters",
        },
        {"message": "Invalid 'messages'"},
    ],
)
def test_other_mistakes_of_a_request_cost_it_no_parameter(error: Any):
    """B10"""
    failure = refused(400, error, sent={"stream_options", "max_tokens", "tools"})

    assert failure.refused is None
    assert type(failure.error) is LlmBadRequest


def test_parameter_that_was_not_sent_cannot_be_left_out():
    assert refused(400, {"message": "Unrecognized request argument supplied: stream_options"}).refused is None


def test_facts_tell_status_request_id_and_the_settings_to_look_at():
    """B6, B7, B10"""
    assert (
        "status=404 request_id=req_7 code=DeploymentNotFound"
        in refused(404, {"code": "DeploymentNotFound", "message": "none"}, x_request_id="req_7").error.facts
    )
    assert "check THE_MODEL=m" in refused(404).error.facts
    assert "check THE_KEY" in refused(401).error.facts
    assert "request_id=apim_3" in refused(500, apim_request_id="apim_3").error.facts


def test_redirect_says_where_it_wanted_to_go():
    """B21"""
    assert (
        "redirect to https://evil.example/ not followed"
        in refused(307, location="https://evil.example/").error.facts
    )


def test_services_text_is_cut_and_escaped():
    """B18, F10"""
    facts = refused(400, {"message": "ñ\n\x1b[31m\u2028" + "x" * 1000}).error.facts

    assert "ñ\\n\\x1b[31m\\u2028x" in facts
    assert len(facts) < 400


def test_key_that_a_service_repeats_is_masked():
    """B6, F13"""
    assert "sk-secret" not in refused(400, {"message": "the key sk-secret is odd"}).error.facts
    assert "sk-se" not in refused(401, {"message": "Incorrect API key provided: sk-se***"}).error.facts


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": "no such thing"}', "no such thing"),
        (b'{"statusCode": 429, "message": "slow down"}', "slow down"),
        (b'{"detail": [{"msg": "field required"}]}', '[{"msg":"field required"}]'),
        (b"<html>oops</html>", "<html>oops</html>"),
        (b"[1]", "[1]"),
        (b"", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 60_000, "[" * 60_000),
    ],
)
def test_error_of_any_shape_is_read(body: bytes, message: str):
    assert complaint_in(body).message == message


@pytest.mark.parametrize(
    ("complaint", "error", "may_retry"),
    [
        (Complaint(code="rate_limit_exceeded"), LlmRateLimited, True),
        (Complaint(code="429"), LlmRateLimited, True),
        (Complaint(type="server_error"), LlmBadResponse, True),
        (Complaint(code="content_filter"), ContentFiltered, False),
        (Complaint(code="context_length_exceeded"), ContextTooLong, False),
        (Complaint(message="boom"), LlmBadResponse, False),
    ],
)
def test_error_inside_a_stream_is_mapped_by_its_code(
    complaint: Complaint, error: type[LlmError], may_retry: bool
):
    """B18"""
    failure = stream_error(complaint, HINTS)

    assert type(failure.error) is error
    assert failure.may_retry is may_retry


def test_connection_that_cannot_be_made_says_why_and_where():
    """B28"""
    failure = unreachable(ServiceUnreachable("refused", "Connect call failed"), HINTS)

    assert failure.error.facts == "refused: Connect call failed; THE_URL=u"
    assert type(failure.error) is LlmUnavailable
    assert failure.may_retry


def test_certificate_that_cannot_be_trusted_is_final():
    """B29"""
    failure = unreachable(ServiceUnreachable("tls", "self-signed certificate"), HINTS)

    assert type(failure.error) is LlmUntrusted
    assert not failure.may_retry
    assert not failure.error.retryable


DICE = [
    {"code": "tool_use_failed", "message": "Failed to call a function. Please adjust your prompt."},
    {"code": "tool_use_failed", "message": "tool call validation failed: parameters did not match schema"},
    {
        "code": "output_parse_failed",
        "message": "Parsing failed. The model generated output that could not be parsed.",
    },
    {"code": "json_validate_failed", "message": "Failed to generate JSON"},
    {"message": "The model produced invalid content. Consider modifying your prompt."},
    {"message": "Failed to parse tool call arguments as JSON"},
    {"message": "attempted to call tool 'x' which was not in request.tools"},
    {"type": "MALFORMED_FUNCTION_CALL", "message": "?"},
]


@pytest.mark.parametrize("error", DICE, ids=str)
def test_fault_of_the_models_own_making_may_be_tried_again(error: dict[str, str]):
    refusal_of = refused(400, error)
    in_stream = stream_error(complaint_of({"error": error}), HINTS)

    for failure in (refusal_of, in_stream):
        assert (type(failure.error), failure.may_retry, failure.refused) == (LlmBadResponse, True, None)


@pytest.mark.parametrize(
    "message",
    [
        "messages with role 'tool' must follow a tool call",
        "tools.0.function.parameters: invalid schema",
        "invalid",
    ],
)
def test_fault_of_the_request_is_final(message: str):
    assert not refused(400, {"message": message}).may_retry

"""What services say when an answer ends, in their many words."""

from typing import Literal

End = Literal["stop", "tool_calls", "length", "content_filter", "error"]
"""`error`: the service could not finish the answer, whatever of it has come."""

_ENDS: dict[str, End] = {
    **dict.fromkeys(("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"), "tool_calls"),
    **dict.fromkeys(
        (
            "length", "max_tokens", "max_length", "max_output_tokens", "max_completion_tokens",
            "max_new_tokens", "model_length", "token_limit", "context_length", "context_length_exceeded",
            "limit", "context_window_exceeded", "model_context_window_exceeded", "incomplete",
            "max_context_length", "truncated", "truncation", "output_limit", "out_of_tokens",
        ),
        "length",
    ),
    **dict.fromkeys(
        (
            "content_filter", "content_filtered", "contentfilter", "filtered", "filter", "safety",
            "recitation", "blocklist", "prohibited_content", "spii", "language", "image_safety",
            "image_prohibited_content", "image_recitation", "sensitive", "refusal", "guardrail_intervened",
            "guardrail", "guardrails", "moderation", "flagged", "blocked", "error_toxic", "content_policy",
            "content_policy_violation", "data_inspection_failed", "risk", "risk_control", "violation",
            "moderated", "unsafe", "censored",
        ),
        "content_filter",
    ),
    **dict.fromkeys(
        (
            "error", "insufficient_system_resource", "insufficient_system_resources", "other", "abort",
            "aborted", "cancel", "canceled", "cancelled", "timeout", "timed_out", "time_limit", "failed",
            "failure", "fail", "network_error", "internal_error", "internal_server_error", "server_error",
            "service_unavailable", "overloaded", "engine_overloaded", "model_overloaded", "interrupted",
            "disconnected", "unavailable", "malformed_function_call", "malformed_response",
            "unexpected_tool_call", "too_many_tool_calls", "missing_thought_signature", "image_other",
            "no_image", "error_limit", "user_cancel", "exception", "invalid_tool_call", "tool_use_failed",
            "unexpected_eos", "resource_exhausted", "rate_limit", "preempted", "evicted", "repetition",
            "killed", "shutdown", "out_of_memory", "oom", "max_time", "rate_limited",
            "quota_exceeded", "bad_gateway", "gateway_timeout", "terminated", "stopped_by_server",
        ),
        "error",
    ),
}  # fmt: skip
"""What is not listed is a whole answer: `stop`, `eos`, `end_turn`, `stop_sequence`, and words yet to come."""


def end_of(reason: str) -> End:
    """Return what a service's reason means, whatever its spelling."""
    word = reason.strip().lower().replace("-", "_").replace(" ", "_")
    # Enumerations come by their full names: FinishReason.MAX_TOKENS, FINISH_REASON_SAFETY.
    word = word.rpartition(".")[2].removeprefix("finish_reason_").removeprefix("finishreason_")
    return _ENDS.get(word) or _end_like(word)


def _end_like(word: str) -> End:
    """Return what a word that is not listed most likely means."""
    if word.startswith(("error_", "insufficient_")) or word.endswith(("_error", "_overloaded", "_timeout")):
        return "error"
    if "token" in word and ("max_" in word or word.endswith(("_exceeded", "_limit", "_reached"))):
        return "length"
    return "content_filter" if word.endswith(("_violation", "_filter", "_filtered", "_risk")) else "stop"

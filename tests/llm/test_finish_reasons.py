import pytest

from app.llm.finish_reasons import end_of


@pytest.mark.parametrize(
    ("end", "reasons"),
    [
        ("stop", "stop STOP eos eos_token end_turn stop_sequence complete COMPLETE done unheard_of end"),
        ("tool_calls", "tool_calls tool_use function_call TOOL_CALL"),
        (
            "length",
            "length max_tokens MAX_TOKENS FinishReason.MAX_TOKENS model_length max-tokens"
            " max_output_tokens_exceeded truncated output_limit out_of_tokens token_budget_exceeded",
        ),
        (
            "content_filter",
            "content_filter SAFETY RECITATION FINISH_REASON_SAFETY sensitive risk_control policy_violation"
            " moderated unsafe",
        ),
        (
            "error",
            "error insufficient_system_resource network_error abort MALFORMED_RESPONSE error_limit"
            " compute_error server_overloaded out_of_memory request_timeout"
            " max_time quota_exceeded rate_limited bad_gateway",
        ),
    ],
)
def test_reason_is_understood_in_any_spelling(end: str, reasons: str):
    assert {end_of(reason) for reason in reasons.split()} == {end}

"""What a service refuses, told from its words."""

import pytest

from app.llm.refused_prompts import Refused, refused_in

CASES: list[tuple[int, str, str, Refused | None]] = [
    (400, "invalid_prompt", "Invalid prompt", "content"),
    (400, "content_filter", "", "content"),
    (400, "contentfilter", "", "content"),
    (400, "invalid_request_error", "Content Exists Risk", "content"),
    (400, "data_inspection_failed", "", "content"),
    (400, "datainspectionfailed", "", "content"),
    (400, "1301", "", "content"),
    (400, "21301", "something else", "messages"),
    (403, "403", "Your chosen model requires moderation and your input was flagged", "content"),
    (403, "", "The prompt was blocked because it violates our content policy.", "content"),
    (451, "", "", "content"),
    (400, "safety", "blocked", "content"),
    (400, "", "Sorry, the response hit the RAI policies", "content"),
    (400, "jailbreak", "Jailbreak attempt detected", "content"),
    (400, "", "Prompt injection detected", "content"),
    (400, "", "blocked by Model Armor", "content"),
    (403, "", "Forbidden: request contains profanity", "content"),
    (500, "", "could not load the page on jailbreaks", None),
    (503, "", "content filter service unavailable", None),
    (500, "", "Text contains unsafe content", "content"),
    (200, "invalid_prompt", "", "content"),
    (400, "", "", "messages"),
    (422, "", "messages: field required", "messages"),
    (409, "", "Conflict", "messages"),
    (500, "server_error", "Jinja Exception: roles must alternate", "messages"),
    (500, "api_error", "template: :3:14: executing", "messages"),
    (500, "", "Tool call id was x but must be a-z", "messages"),
    (400, "", "Your credit balance is too low", "access"),
    (400, "", "API key not valid", "access"),
    (402, "", "Insufficient Balance", "access"),
    (400, "arrearage", "Access denied", "access"),
    (403, "", "You do not have access to this model", None),
    (403, "", "Your account was flagged for violating our usage policies: contact support", None),
    (401, "", "the input was flagged", None),
    (404, "", "no such model", None),
    (408, "", "", None),
    (429, "", "too many requests", None),
    (500, "", "Internal Server Error", None),
    (502, "", "<html>template of a bad gateway</html>", None),
    (503, "", "overloaded: jinja", None),
    # A moderation that names a team and a key, and validators that quote what a user said of accounts.
    (403, "", "Content violates usage guidelines. Team: a, API key ID: b, Model: m", "content"),
    (422, "", '[{"loc":["body","messages"],"input":"My account has no payment method"}]', "messages"),
    (400, "", "1 validation error for Message: input_value='my organization'", "messages"),
    (400, "", "messages.1.content.0: the account number is invalid", "messages"),
    (400, "", "User location is not supported for the API use.", "access"),
    # What checks contents is down.
    (500, "", "content safety service unavailable", None),
    (500, "", "Content filter timed out", None),
    (500, "", "Failed to call the moderation service: sensitive input", None),
    (500, "", "duplicate key value violates unique constraint on request", None),
    (410, "", "This model is gone", None),
    (424, "generation", "Request failed during generation: Server error", None),
    (425, "", "Too Early", None),
    (499, "", "Client closed request", None),
]


@pytest.mark.parametrize(("status", "kind", "message", "expected"), CASES)
def test_refusal_is_told_from_its_words(status: int, kind: str, message: str, expected: Refused | None):
    assert refused_in(status, kind, message) == expected

"""Tells from a service's words what it refuses: what was said, the shape of the messages, or whoever asks.

Services put the same refusal into many codes and statuses: 400, 403, 422, 451, 500, and errors within a
stream. What is recognised here decides whether texts leave the later prompts, so the words of an account's
troubles come first: those are nobody's words in the talk.
"""

import re
from typing import Literal

Refused = Literal["content", "messages", "access"]
"""`content`: what was said. `messages`: something in the messages, said or not. `access`: whoever asks."""

_CONTENT_KINDS = re.compile(
    r"content_?filter|content_?policy|responsibleaipolicy|invalid_prompt|data_?inspection|inappropriate"
    r"|moderation|prohibited_content|sensitive|guardrail|unsafe|content_safety|content_violation|content_risk|\bsafety\b|jailbreak"
    r"|prompt_?injection|model_?armor|profan|toxic|blocklist|content_?illegal|illegal_?content|cyber_?policy|censor"
    r"|policy_?violation|text_?risk|risk_?control",
    re.IGNORECASE,
)
_CONTENT_CODES = {"1301", "10013", "10014", "10019", "1026", "1027", "336104"}
"""Of Zhipu, Xunfei, MiniMax and Qianfan: unsafe or sensitive content."""

_WHAT_WAS_SAID = r"(input|prompt|content|messages?|text|request|query|conversation|response)"
_CONTENT_WORDS = re.compile(
    rf"content exists risk|requires moderation|\b{_WHAT_WAS_SAID}\b.{{0,80}}\b"
    r"(flagged|moderat\w{1,9}|violat\w{1,9}|inappropriate|unsafe|sensitive|prohibited|disallowed|harmful)"
    rf"|(flagged|violat\w{{1,9}}|inappropriate|unsafe|sensitive|harmful|prohibited).{{0,40}}\b{_WHAT_WAS_SAID}\b"
    r"|content (policy|filter|management|safety)|safety (system|filter|policy)|usage polic"
    r"|(jailbreak|prompt injection)( \w+)? (detected|blocked)|\b(RAI|responsible ai) polic|model armor"
    r"|\b(prompt|input) blocked\b|contains (profan|toxic)\w+|prohibited_content|guardrail"
    r"|敏感|不安全|违规",
    re.IGNORECASE | re.DOTALL,
)
_SURELY_CONTENT_WORDS = re.compile(
    r"content exists risk|content violates|usage guidelines|safety_check|prohibited_content"
    r"|sensitive[ _]words?",
    re.IGNORECASE,
)
"""Also where the same sentence names a team or a key."""

_FILTER_FAILED_WORDS = re.compile(
    r"unavailable|time[d ]?-? ?out|fail(ed|ure)|constraint|(could|can)(not| not)|unable to|connect"
    r"|service error|error calling|rate limit",
    re.IGNORECASE,
)
"""With a 5xx: what checks contents is down, and nobody has said anything wrong."""

_MESSAGES_WORDS = re.compile(r"validation error|input_value|\"loc\"|\bmessages?(\[|\.)\d", re.IGNORECASE)
"""A message is at fault. What they quote of it may speak of accounts and payments."""

_ACCESS_WORDS = re.compile(
    r"api[ _-]?key|\bbilling\b|credit balance|insufficient[ _](balance|credits?|quota|funds)|arrearage"
    r"|good standing|payment|\baccount\b|\borganization\b|subscription|permission[ _]denied|unauthori[sz]ed"
    r"|(location|country|region|territory)\b.{0,30}not supported|key limit|token (has )?expired"
    r"|expired token|access token (is )?invalid|invalid (access )?token",
    re.IGNORECASE,
)
_TEMPLATE_WORDS = re.compile(
    r"jinja|chat.?template|\btemplate:|raise_exception|roles? must alternate|role '\w+' after|tool call id"
    r"|at row \d+, column \d+|failed to parse (tool|messages|input)|invalid message|messages\[\d",
    re.IGNORECASE,
)

_OF_CONTENT = (200, 400, 403, 404, 409, 418, 422, 424, 451, 500)
_NOT_OF_MESSAGES = (401, 402, 403, 404, 405, 407, 408, 410, 423, 424, 425, 429, 499)


def refused_in(status: int, kind: str, message: str) -> Refused | None:
    """Return what a service refuses, if it is a refusal.

    Args:
        status: The HTTP status; 200 where the error stands in a stream.
        kind: Its code and type.
        message: Its words.
    """
    is_access = bool(_ACCESS_WORDS.search(f"{kind} {message}")) and not blames_messages(message)
    if status in _OF_CONTENT and _names_content(status, kind, message, is_access=is_access):
        return "content"
    if status == 451:
        return "content"
    if status == 402 or (is_access and status in (400, 422)):
        return "access"
    if status == 500 and _TEMPLATE_WORDS.search(message):
        return "messages"
    if 400 <= status < 500 and status not in _NOT_OF_MESSAGES:
        return "messages"
    return None


def blames_messages(message: str) -> bool:
    """Return whether a service names a message as what is at fault; the rest may be a quotation."""
    return _MESSAGES_WORDS.search(message) is not None


def _names_content(status: int, kind: str, message: str, *, is_access: bool) -> bool:
    if _CONTENT_KINDS.search(kind) or not _CONTENT_CODES.isdisjoint(kind.split()):
        return True
    if status >= 500 and _FILTER_FAILED_WORDS.search(message):
        return False
    is_sure = bool(_SURELY_CONTENT_WORDS.search(message))
    return is_sure or (not is_access and bool(_CONTENT_WORDS.search(message)))

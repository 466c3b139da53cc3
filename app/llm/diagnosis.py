"""What `/agent/diagnose` says about a model's service.

One real request tells everything: how far it came says which parts work. The checks stand in the order in
which a request meets them, so that the first bad one is the one to mend.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.errors import ContentFiltered, LlmAuthFailed, LlmBusy, LlmNotFound, LlmRateLimited, LlmStalled
from app.llm.base import ChatRequest, Check
from app.llm.openai_errors import Failure, Hints
from app.llm.transport import ServiceUnreachable

LIMIT_S = 7.5
"""For the whole diagnosis, in seconds."""

PROBE = ChatRequest(messages=[{"role": "user", "content": "Say: ok"}])
"""A request as small as one can be; its answer is let go at the first token."""

_NOT_TRIED = "not tried: an earlier check failed"

_REACHED_WORDS = {
    "dns": "the host name cannot be found (DNS); check {endpoint} and the name servers",
    "refused": "DNS ok; TCP: nothing listens there; check the port in {endpoint}",
    "timeout": "DNS or TCP: no connection in time; a firewall may drop the packets; check {endpoint}",
    "network": "DNS ok; TCP: no way to the host; check the network and {endpoint}",
    "tls": "DNS ok; TCP ok; TLS: the certificate or the encryption is refused ({detail}); check {endpoint}",
    "not_http": "TCP ok; what answers does not speak HTTP; check http:// or https:// in {endpoint}",
    "disconnected": "TCP ok; the service hung up before it answered; check {endpoint}",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the way of a request.

    Attributes:
        name: As the diagnosis shows it.
        works: What is said when it works.
    """

    name: str
    works: str


async def diagnose(
    stages: Sequence[Stage],
    probe: Callable[[], Awaitable[None]],
    hints: Hints,
    blame: Callable[[Failure], str],
    limit_s: float = LIMIT_S,
) -> list[Check]:
    """Send the probe and say how far it came.

    Args:
        stages: All checks in their order; among them `endpoint`, `key` and `completion`.
        probe: Sends one small request.
        hints: What the operator is told.
        blame: The name of the stage that a failure is the fault of, where only the provider knows.
        limit_s: The longest it may take, in seconds.
    """
    try:
        async with asyncio.timeout(limit_s):
            await probe()
    except TimeoutError:
        return _checks(stages, "endpoint", f"no answer within {limit_s:g} seconds; check {hints.endpoint}")
    except Failure as failure:
        cause = failure.__cause__
        if isinstance(cause, ServiceUnreachable):
            words = _REACHED_WORDS[cause.reason]
            detail = words.format(endpoint=hints.endpoint, detail=hints.quoted(cause.detail))
            return _checks(stages, "endpoint", detail)
        stage = _general_blame(failure) or blame(failure)
        facts = failure.error.facts
        is_told = stage != "endpoint" or hints.endpoint in facts
        return _checks(stages, stage, facts if is_told else f"{facts}; check {hints.endpoint}")
    return _checks(stages, None, "")


def _general_blame(failure: Failure) -> str | None:
    match failure.error:
        case LlmAuthFailed():
            return "key"
        case LlmBusy() | LlmStalled() | LlmRateLimited() | ContentFiltered():
            return "completion"
        case LlmNotFound():
            return None
        case _:
            return "completion" if failure.status else "endpoint"


def _checks(stages: Sequence[Stage], failed: str | None, detail: str) -> list[Check]:
    checks: list[Check] = []
    is_before = True
    for stage in stages:
        if stage.name == failed:
            checks.append(Check(stage.name, False, detail))
            is_before = False
        elif is_before:
            checks.append(Check(stage.name, True, stage.works))
        else:
            checks.append(Check(stage.name, False, _NOT_TRIED))
    return checks

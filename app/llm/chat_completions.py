"""Talks to a chat-completions service: connections, retries, and what it turns out not to take.

Both providers are built on this; what makes them different stays in their own modules.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpx2
from openai import AsyncOpenAI

from app.clock import SystemClock
from app.errors import LlmBadResponse, LlmBusy, LlmStalled
from app.llm.answer import StreamedResponse
from app.llm.base import ApiMessage, ChatRequest, Completion
from app.llm.capabilities import Capabilities, OptionalParameter
from app.llm.envelopes import Envelope, Envelopes, body_bytes
from app.llm.offered_tools import OfferedTools
from app.llm.openai_errors import Failure, Hints, refusal, unreachable
from app.llm.openai_stream import AnswerDecoder
from app.llm.plain_tools import called_in
from app.llm.request_messages import request_messages
from app.llm.retry import RetryPolicy, asked_delay_s
from app.llm.returns import Returns, both
from app.llm.thinking_habit import ModelHabits, ThinkingHabit
from app.llm.transport import MAX_REFUSAL_BYTES, AiohttpTransport, ServiceUnreachable, UpstreamAnswer
from app.stall_timeout import patiently
from config.model_settings import ModelSettings

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

# A service that compresses nonetheless is refused: no answer of a model is worth the risk that a megabyte
# inflates to a gigabyte.
REQUEST_HEADERS = {"accept-encoding": "identity"}

_TEACHING_STATUSES = (400, 404, 405, 422, 500, 501)
"""With which services say what is wrong with the messages; the last one where a template fails."""

_NOT_OPTIONAL = frozenset(("model", "stream", "messages"))

_NO_STREAM_TYPES = ("text/html", "application/xhtml+xml")
"""Pages. JSON may be an answer or an error, and an answer may be called so."""


def _is_of_client(refused: OptionalParameter, request: ChatRequest) -> bool:
    return refused in ("max_tokens", "max_completion_tokens") and request.max_tokens is not None


Mend = Callable[[Failure], Awaitable[bool]]
"""Looks at a failure; returns whether it has changed something, so that the same may now succeed."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one process asks of the service's front door.

    Attributes:
        pool_size: Answers that may be on their way at once.
        slot_wait_s: How long a request waits for a place in the pool, in seconds.
        connect_timeout_s: Limit of one try to connect, in seconds.
    """

    pool_size: int = 100
    slot_wait_s: float = 5
    connect_timeout_s: float = 5


def http_client(transport: AiohttpTransport) -> httpx2.AsyncClient:
    """Return an HTTP client for the `openai` package: redirects off, without timers of its own."""
    return httpx2.AsyncClient(transport=transport, follow_redirects=False, timeout=None)


async def mended(attempt: Callable[[], Awaitable[_T]], mend: Mend | None) -> _T:
    """Return what `attempt` does, after one more try if `mend` says that it may help.

    Raises:
        Failure: It failed, or failed again.
    """
    try:
        return await attempt()
    except Failure as failure:
        if mend is None or not await mend(failure):
            raise
    return await attempt()


class ChatCompletions:
    """A chat-completions service.

    Args:
        client: The `openai` package's client, without retries of its own.
        transport: What carries its requests.
        settings: Timeouts, and what goes into requests.
        hints: What the log tells an operator about this service.
        capabilities: What the service is believed to take at first.
        limits: The pool.
        retry: How patiently to try again; by default as often as the settings say.

    Attributes:
        retries: How often requests were sent again, by the code of what had failed.
        has_answered: Whether any answer has ever begun: address, key and model are right.
    """

    def __init__(
        self,
        client: AsyncOpenAI,
        transport: AiohttpTransport,
        settings: ModelSettings,
        hints: Hints,
        capabilities: Capabilities,
        limits: ConnectionLimits,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.capabilities: Capabilities = capabilities
        self.hints = hints
        self.retries: Counter[str] = Counter()
        self.has_answered = False
        self._client = client
        self._transport = transport
        self._envelopes = Envelopes(client)
        self._settings = settings
        self._limits = limits
        self._retry = retry or RetryPolicy(settings.llm_max_retries)
        self._clock = SystemClock()
        self._habits: dict[str, ModelHabits] = {}
        self._slots = asyncio.Semaphore(limits.pool_size)
        self._returns: Returns = Returns()

    async def stream(
        self, model: Callable[[], Awaitable[str]], request: ChatRequest, mend: Mend | None = None
    ) -> AsyncGenerator[str | Completion, None]:
        """Stream one answer, as `ChatProvider.stream` promises.

        Args:
            model: Tells the model's name.
            request: What is asked.
            mend: Asked once where the answer did not begin.
        """
        try:
            answer = await mended(lambda: self._begin(model, request), mend)
        except Failure as failure:
            raise failure.error from failure
        try:
            while pieces := await answer.pieces():
                for piece in pieces:
                    yield piece
            yield await answer.completion()
        except Failure as failure:
            raise failure.error from failure
        finally:
            await answer.aclose()

    async def probe(self, model: str, request: ChatRequest) -> None:
        """Send one request and read its answer's beginning, without retries.

        Raises:
            Failure: It was refused or failed.
        """
        answer = await _begun(await self._adapt(model, request), to_show=False)
        await answer.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _begin(self, model: Callable[[], Awaitable[str]], request: ChatRequest) -> StreamedResponse:
        """Return an answer that has begun, after as many tries as it takes and the policy allows."""
        attempt = 0
        may_be_stale = True
        name = await model()
        while True:
            try:
                answer = await _begun(await self._adapt(name, request))
                self.has_answered = True
                return answer
            except Failure as failure:
                if failure.at_once and may_be_stale:
                    # The service had closed this connection while it was idle. A new one is nobody's retry.
                    may_be_stale = False
                    continue
                attempt += 1
                delay_s = (
                    self._retry.delay_s(attempt, failure.asked_s)
                    if failure.may_retry and request.may_retry
                    else None
                )
                if delay_s is None:
                    raise
                self.retries[failure.error.code] += 1
                logger.warning(
                    "llm_retry",
                    extra={"attempt": attempt, "delay_s": round(delay_s, 3), "cause": failure.error.facts},
                )
            await asyncio.sleep(delay_s)

    async def _adapt(self, model: str, request: ChatRequest) -> StreamedResponse:
        """An answer, once all that the service does not take is left out, and what it wants back is there."""
        unlearned: tuple[Returns, Capabilities] | None = None
        spared: Capabilities | None = None
        envelope = await self._envelopes.of(model)
        while True:
            parameters = (spared or self.capabilities).parameters(request, self._settings)
            if self._returns.service != envelope.service:
                self._returns = replace(self._returns, service=envelope.service)
            returns = self._returns
            messages = request_messages(request.messages, request.locale, returns)
            if returns.tools_beside_calls and "tools" not in parameters and (named := called_in(messages)):
                parameters["tools"] = named
            body = {"model": model, "stream": True, "messages": messages, **parameters}
            try:
                answer = await self._attempt(envelope, body, self._habit_of(model, request.talk))
            except Failure as failure:
                before = self._returns, self.capabilities
                if failure.refused is not None and (spared or _is_of_client(failure.refused, request)):
                    # Perhaps the client's number is to blame: nobody else goes without a limit for that.
                    spared = (spared or self.capabilities).without(failure.refused)
                elif failure.refused is not None:
                    self._give_up_parameter(failure.refused, request)
                elif not self._learn(failure, returns, messages):
                    if unlearned is not None and failure.status in _TEACHING_STATUSES:
                        # It was not that: services quote what users say, and users are not to teach us.
                        self._returns, self.capabilities = unlearned
                    raise
                unlearned = unlearned or before
            else:
                self._returns = self._returns.taken(messages)
                return answer

    def _give_up_parameter(self, name: OptionalParameter, request: ChatRequest) -> None:
        # Another turn may have learned the same meanwhile; then this changes nothing.
        if name in self.capabilities.parameters(request, self._settings):
            self.capabilities = self.capabilities.without(name)
            logger.warning("llm_parameter_refused", extra={"parameter": name})

    def _learn(self, failure: Failure, returns: Returns, messages: list[ApiMessage]) -> bool:
        """Whether a refusal teaches anything of what the service wants back, so that asking anew may help."""
        if failure.status not in _TEACHING_STATUSES:
            return False
        taught = returns.taught(failure.complaint.message, messages)
        if taught == returns:
            return False
        self._returns = both(self._returns, taught)
        logger.warning("llm_messages_adapted", extra={"cause": failure.error.facts})
        return True

    async def _attempt(
        self, envelope: Envelope, body: dict[str, Any], habit: ThinkingHabit
    ) -> StreamedResponse:
        async with AsyncExitStack() as resources:
            await self._take_slot(resources)
            asked_at = asyncio.get_running_loop().time()
            answer = await self._ask(envelope, body, resources)
            limits_s = (self._settings.llm_first_token_timeout_s, self._settings.llm_stall_timeout_s)
            decoder = AnswerDecoder(self.hints, OfferedTools(body.get("tools", ())), habit)
            held = resources.pop_all()
            return StreamedResponse(
                answer.body, self.hints, limits_s, asked_at, held, envelope.service, decoder
            )

    def _habit_of(self, model: str, talk: str) -> ThinkingHabit:
        if model not in self._habits:
            self._habits[model] = ModelHabits(model)
        return self._habits[model].in_talk(talk)

    async def _take_slot(self, resources: AsyncExitStack) -> None:
        if self._slots.locked():
            try:
                async with patiently(self._limits.slot_wait_s):
                    await self._slots.acquire()
            except TimeoutError as exc:
                facts = f"all {self._limits.pool_size} connections are in use"
                raise Failure(LlmBusy(facts)) from exc
        else:
            await self._slots.acquire()  # without waiting, and so without a timer
        resources.callback(self._slots.release)

    async def _ask(
        self, envelope: Envelope, body: dict[str, Any], resources: AsyncExitStack
    ) -> UpstreamAnswer:
        """Send the request; return when the headers of an event stream have come."""
        try:
            async with patiently(self._settings.llm_first_token_timeout_s):
                answer = await self._transport.post(envelope.url, envelope.headers, body_bytes(body))
                resources.push_async_callback(answer.body.aclose)
                if answer.status != 200:
                    raise self._refusal(answer, body)
                await self._check_type(answer)
        except TimeoutError as exc:
            raise Failure(LlmStalled("no answer began in time")) from exc
        except ServiceUnreachable as exc:
            raise unreachable(exc, self.hints) from exc
        return answer

    def _refusal(self, answer: UpstreamAnswer, body: dict[str, Any]) -> Failure:
        failure = refusal(
            answer.status, answer.headers, answer.refusal, self.hints, set(body) - _NOT_OPTIONAL
        )
        failure.asked_s = asked_delay_s(answer.headers, self._clock.now())
        return failure

    async def _check_type(self, answer: UpstreamAnswer) -> None:
        headers = answer.headers
        if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
            raise Failure(
                LlmBadResponse(f"compressed although not asked: {headers['content-encoding'][:50]}")
            )
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type in _NO_STREAM_TYPES:
            text = (await answer.body.read())[:MAX_REFUSAL_BYTES].decode("utf-8", errors="replace")
            raise Failure(LlmBadResponse(f"{content_type} instead of a stream: {self.hints.quoted(text)}"))


async def _begun(answer: StreamedResponse, *, to_show: bool = True) -> StreamedResponse:
    try:
        await answer.begin(to_show=to_show)
    except BaseException:
        await answer.aclose()
        raise
    return answer

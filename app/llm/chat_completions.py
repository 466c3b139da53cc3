"""Talks to a chat-completions service: connections, retries, and what it turns out not to take.

Both providers are built on this; what makes them different stays in their own modules.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import httpx2
from openai import APIStatusError, AsyncOpenAI

from app.clock import SystemClock
from app.errors import LlmBadResponse, LlmBusy, LlmStalled
from app.llm.answer import Answer
from app.llm.base import ApiMessage, ChatRequest, Completion
from app.llm.capabilities import Capabilities, OptionalParameter
from app.llm.offered_tools import OfferedTools
from app.llm.openai_errors import Failure, Hints, refusal, unreachable
from app.llm.openai_stream import AnswerDecoder
from app.llm.plain_tools import called_in
from app.llm.request_messages import request_messages
from app.llm.retry import RetryPolicy, asked_delay_s
from app.llm.returns import Returns, both
from app.llm.thinking_habit import ModelHabits, ThinkingHabit
from app.llm.transport import MAX_REFUSAL_BYTES, AiohttpTransport, Unreachable, body_of
from app.patience import patiently
from config.settings import Settings

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

# A service that compresses nonetheless is refused: no answer of a model is worth the risk that a megabyte
# inflates to a gigabyte.
REQUEST_HEADERS = {"accept-encoding": "identity"}

_TEACHING_STATUSES = (400, 404, 405, 422, 500, 501)
"""With which services say what is wrong with the messages; the last one where a template fails."""

_NO_STREAM_TYPES = ("text/html", "application/xhtml+xml")
"""Pages. JSON may be an answer or an error, and an answer may be called so."""


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


def http_client(limits: ConnectionLimits) -> httpx2.AsyncClient:
    """An HTTP client for the `openai` package: over aiohttp, redirects off, without timers of its own."""
    transport = AiohttpTransport(limits.connect_timeout_s)
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
        settings: Settings,
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
        """Streams one answer, as `ChatProvider.stream` promises.

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
        """Sends one request and reads its answer's beginning, without retries.

        Raises:
            Failure: It was refused or failed.
        """
        answer = await _begun(await self._adapt(model, request), to_show=False)
        await answer.aclose()

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def _begin(self, model: Callable[[], Awaitable[str]], request: ChatRequest) -> Answer:
        """An answer that has begun, after as many tries as it takes and the policy allows."""
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

    async def _adapt(self, model: str, request: ChatRequest) -> Answer:
        """An answer, once all that the service does not take is left out, and what it wants back is there."""
        unlearned: tuple[Returns, Capabilities] | None = None
        while True:
            parameters = self.capabilities.parameters(request, self._settings)
            returns = replace(self._returns, service=f"{self._client.base_url.netloc.decode()} {model}")
            messages = request_messages(request.messages, request.locale, returns)
            if returns.tools_beside_calls and "tools" not in parameters and (named := called_in(messages)):
                parameters["tools"] = named
            try:
                return await self._attempt(model, messages, parameters, returns.service, request.talk)
            except Failure as failure:
                before = self._returns, self.capabilities
                if failure.refused is not None:
                    self._give_up_parameter(failure.refused, request)
                elif not self._learn(failure, returns, messages):
                    if unlearned is not None and failure.status in _TEACHING_STATUSES:
                        # It was not that: services quote what users say, and users are not to teach us.
                        self._returns, self.capabilities = unlearned
                    raise
                unlearned = unlearned or before

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
        self, model: str, messages: list[ApiMessage], parameters: dict[str, Any], service: str, talk: str
    ) -> Answer:
        async with AsyncExitStack() as resources:
            await self._take_slot(resources)
            asked_at = asyncio.get_running_loop().time()
            response = await self._ask(model, messages, parameters, resources)
            limits_s = (self._settings.llm_first_token_timeout_s, self._settings.llm_stall_timeout_s)
            tools = OfferedTools(parameters.get("tools", ()))
            decoder = AnswerDecoder(self.hints, tools, self._habit_of(model, talk))
            body = body_of(response)
            return Answer(body, self.hints, limits_s, asked_at, resources.pop_all(), service, decoder)

    def _habit_of(self, model: str, talk: str) -> ThinkingHabit:
        if model not in self._habits:
            self._habits[model] = ModelHabits(model)
        return self._habits[model].in_talk(talk)

    async def _take_slot(self, resources: AsyncExitStack) -> None:
        try:
            async with patiently(self._limits.slot_wait_s):
                await self._slots.acquire()
        except TimeoutError as exc:
            facts = f"all {self._limits.pool_size} connections are in use"
            raise Failure(LlmBusy(facts)) from exc
        resources.callback(self._slots.release)

    async def _ask(
        self, model: str, messages: list[ApiMessage], parameters: dict[str, Any], resources: AsyncExitStack
    ) -> httpx2.Response:
        """Sends the request; returns when the headers of an event stream have come."""
        create = cast(Any, self._client.chat.completions.with_streaming_response.create)
        try:
            async with patiently(self._settings.llm_first_token_timeout_s):
                # Named arguments are converted one by one, 0.15 ms for each message of the history, while the
                # event loop waits; what goes in as extra body is sent as it is.
                body = {"messages": messages, **parameters}
                streamed = await resources.enter_async_context(
                    create(model=model, messages=(), stream=True, extra_body=body)
                )
                response: httpx2.Response = streamed.http_response
                if response.status_code != 200:
                    raise self._refusal(response, parameters)
                await self._check_type(response)
        except TimeoutError as exc:
            raise Failure(LlmStalled("no answer began in time")) from exc
        except Unreachable as exc:
            raise unreachable(exc, self.hints) from exc
        except APIStatusError as exc:
            raise self._refusal(exc.response, parameters) from None
        return response

    def _refusal(self, response: httpx2.Response, parameters: dict[str, Any]) -> Failure:
        failure = refusal(
            response.status_code, response.headers, response.content, self.hints, set(parameters)
        )
        failure.asked_s = asked_delay_s(response.headers, self._clock.now())
        return failure

    async def _check_type(self, response: httpx2.Response) -> None:
        headers = response.headers
        if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
            raise Failure(
                LlmBadResponse(f"compressed although not asked: {headers['content-encoding'][:50]}")
            )
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type in _NO_STREAM_TYPES:
            text = (await body_of(response).read())[:MAX_REFUSAL_BYTES].decode("utf-8", errors="replace")
            raise Failure(LlmBadResponse(f"{content_type} instead of a stream: {self.hints.quoted(text)}"))


async def _begun(answer: Answer, *, to_show: bool = True) -> Answer:
    try:
        await answer.begin(to_show=to_show)
    except BaseException:
        await answer.aclose()
        raise
    return answer

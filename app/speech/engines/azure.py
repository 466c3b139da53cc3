"""Speech by the Azure OpenAI resource: one way to its models, for both directions.

Connections, redirects, certificates and refusals are handled as for the language model; what goes wrong ends
in the errors of speech.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final, Literal

from openai import APIStatusError, AsyncAzureOpenAI

from app.clock import SystemClock
from app.errors import (
    AgentError,
    LlmAuthFailed,
    LlmBusy,
    LlmError,
    LlmNotFound,
    LlmRateLimited,
    LlmStalled,
    LlmUntrusted,
    NotAvailable,
    VoiceBusy,
    WorkerFailed,
)
from app.llm import diagnosis
from app.llm.base import Check
from app.llm.chat_completions import REQUEST_HEADERS, ConnectionLimits, http_client
from app.llm.keys import checked_key
from app.llm.openai_errors import Failure, Hints, refusal, unreachable
from app.llm.retry import RetryPolicy, asked_delay_s
from app.llm.transport import AiohttpTransport, ServiceUnreachable, UpstreamBody, body_of
from config.settings import SettingsError
from config.voice_settings import VoiceSettings

_log = logging.getLogger(__name__)

DeploymentSetting = Literal["AZURE_OPENAI_STT_DEPLOYMENT", "AZURE_OPENAI_TTS_DEPLOYMENT"]
Create = Callable[[AsyncAzureOpenAI, str], AbstractAsyncContextManager[Any]]
"""Begins one request with the client and the deployment: `with_streaming_response.create`, called."""

# Somebody waits for the voice: a second try has to come at once, or not at all.
_RETRY: Final = RetryPolicy(max_retries=1, first_delay_s=0.2, longest_delay_s=0.2, longest_asked_s=2)


class AzureSpeech:
    """One speech model on the Azure resource.

    Args:
        settings: With endpoint, key and api-version.
        deployment_setting: Which setting names the model.
        timeout_s: How long the resource may take to begin an answer, and to go on with it, in seconds.
        limits: The pool of connections.

    Raises:
        SettingsError: A setting is missing, or the key cannot be one.
    """

    def __init__(
        self,
        settings: VoiceSettings,
        deployment_setting: DeploymentSetting,
        timeout_s: float,
        limits: ConnectionLimits | None = None,
    ) -> None:
        deployment: str | None = getattr(settings, deployment_setting.lower())
        endpoint = settings.azure_openai_endpoint
        if not (endpoint and deployment and settings.azure_openai_api_key):
            raise SettingsError(f"{deployment_setting}: speech by Azure needs endpoint, key and deployment")
        key = checked_key(settings.azure_openai_api_key, "AZURE_OPENAI_API_KEY")
        limits = limits or ConnectionLimits()
        version = settings.azure_openai_api_version
        self.deployment = deployment
        self._setting = deployment_setting
        self._timeout_s = timeout_s
        self._client = AsyncAzureOpenAI(
            azure_endpoint=endpoint,
            api_key=key,
            api_version=version,
            max_retries=0,
            timeout=None,
            default_headers=REQUEST_HEADERS,
            http_client=http_client(AiohttpTransport(limits.connect_timeout_s)),
        )
        self._hints = Hints(
            key=key,
            key_setting="AZURE_OPENAI_API_KEY",
            model=f"{deployment_setting}={deployment}, AZURE_OPENAI_API_VERSION={version}",
            endpoint=f"AZURE_OPENAI_ENDPOINT={endpoint}",
        )
        self._slots = asyncio.Semaphore(limits.pool_size)
        self._slot_wait_s = limits.slot_wait_s
        self._version = version
        self._clock = SystemClock()

    @asynccontextmanager
    async def answer(self, create: Create) -> AsyncGenerator[UpstreamBody]:
        """Send a request, once more if that may help; the body of its answer, as it comes.

        Raises:
            VoiceBusy: Too much is asked of the resource.
            WorkerFailed: It failed, or did not answer in time.
            NotAvailable: Key, deployment or certificate are wrong.
        """
        try:
            async with AsyncExitStack() as resources:
                yield await self._begin(create, resources)
        except Failure as failure:
            raise self._spoken(failure.error) from failure
        except ServiceUnreachable as exc:
            raise WorkerFailed(f"the answer broke off: {exc.reason}") from exc

    async def whole(self, create: Create, max_bytes: int) -> bytes:
        """Send a request; its answer, read to the end, in `timeout_s` in all.

        Raises:
            VoiceBusy: Too much is asked of the resource.
            WorkerFailed: It failed, did not answer in time, or says more than `max_bytes`.
            NotAvailable: Key, deployment or certificate are wrong.
        """
        body = bytearray()
        try:
            async with asyncio.timeout(self._timeout_s), self.answer(create) as source:
                while piece := await source.read():
                    body += piece
                    if len(body) > max_bytes:
                        raise WorkerFailed(f"an answer of more than {max_bytes} bytes")
        except TimeoutError:
            raise WorkerFailed(f"no whole answer in {self._timeout_s:g} s") from None
        return bytes(body)

    async def diagnose(self, create: Create, name: str) -> list[Check]:
        """Try endpoint, key, api-version and deployment by one request, in at most 8 seconds.

        Args:
            create: A request as small as one can be.
            name: What the model does, as the check says it.
        """
        stages = [
            diagnosis.Stage("endpoint", "DNS ok, TCP ok, TLS ok where the address asks for it"),
            diagnosis.Stage("key", "accepted"),
            diagnosis.Stage("api_version", f"{self._version} is known"),
            diagnosis.Stage("deployment", f"{self.deployment} is there"),
            diagnosis.Stage("completion", "the model answers"),
        ]

        async def probe() -> None:
            async with AsyncExitStack() as resources:
                await self._attempt(create, resources)

        checks = await diagnosis.diagnose(stages, probe, self._hints, _blame)
        return [Check(f"{name}_{check.name}", check.ok, check.detail) for check in checks]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _begin(self, create: Create, resources: AsyncExitStack) -> UpstreamBody:
        attempt = 0
        while True:
            try:
                return await self._attempt(create, resources)
            except Failure as failure:
                attempt += 1
                may_retry = failure.may_retry or failure.at_once
                delay_s = _RETRY.delay_s(attempt, failure.asked_s) if may_retry else None
                if delay_s is None:
                    raise
                if failure.at_once:
                    # The service had closed this connection while it was idle.
                    delay_s = 0
                _log.warning("speech_retry", extra={"setting": self._setting, "cause": failure.error.facts})
            await asyncio.sleep(delay_s)

    async def _attempt(self, create: Create, resources: AsyncExitStack) -> UpstreamBody:
        async with AsyncExitStack() as own:
            await self._take_slot(own)
            try:
                async with asyncio.timeout(self._timeout_s):
                    streamed = await own.enter_async_context(create(self._client, self.deployment))
            except TimeoutError as exc:
                raise Failure(LlmStalled(f"no answer began in {self._timeout_s:g} s")) from exc
            except ServiceUnreachable as exc:
                raise unreachable(exc, self._hints) from exc
            except APIStatusError as exc:
                raise self._refusal(exc.response) from None
            if streamed.http_response.status_code != 200:
                raise self._refusal(streamed.http_response)
            body = body_of(streamed.http_response)
            await resources.enter_async_context(own.pop_all())
            return body

    async def _take_slot(self, own: AsyncExitStack) -> None:
        try:
            async with asyncio.timeout(self._slot_wait_s):
                await self._slots.acquire()
        except TimeoutError as exc:
            raise Failure(LlmBusy("all connections for speech are in use")) from exc
        own.callback(self._slots.release)

    def _refusal(self, response: Any) -> Failure:
        failure = refusal(response.status_code, response.headers, response.content, self._hints, set())
        failure.asked_s = asked_delay_s(response.headers, self._clock.now())
        return failure

    def _spoken(self, error: LlmError) -> AgentError:
        match error:
            case LlmRateLimited() | LlmBusy():
                return VoiceBusy(error.facts)
            case LlmAuthFailed() | LlmNotFound() | LlmUntrusted():
                return NotAvailable(error.facts, feature=self._setting)
            case _:
                return WorkerFailed(error.facts)


def _blame(failure: Failure) -> str:
    return "deployment" if failure.complaint.code == "DeploymentNotFound" else "api_version"

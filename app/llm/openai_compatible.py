"""OpenAI, or a server that speaks its chat-completions API (Ollama, llama.cpp, vLLM), as a provider."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import orjson
from openai import APIStatusError, AsyncOpenAI

from app.errors import LlmBadResponse, LlmNotFound, LlmStalled, Locale
from app.llm import diagnosis
from app.llm.base import ChatRequest, Check, Completion
from app.llm.capabilities import Capabilities
from app.llm.chat_completions import REQUEST_HEADERS, ChatCompletions, ConnectionLimits, http_client
from app.llm.keys import checked_key
from app.llm.openai_errors import Failure, Hints, refusal, unreachable
from app.llm.retry import RetryPolicy
from app.llm.transport import Unreachable, body_of
from config.settings import Settings

OPENAI_URL = "https://api.openai.com/v1"

_MAX_LIST_BYTES = 1024 * 1024

NO_KEY = "not-needed"
"""Sent where no key is set: servers on one's own machine ask for none, but the package insists on one."""


class OpenAICompatible:
    """A model behind the OpenAI API; see `ChatProvider`.

    Without `OPENAI_MODEL` the first model that the server lists is taken, at the first use, and kept;
    OpenAI's own list is too long for that to make sense.

    Args:
        settings: With key, or address, or both.
        limits: The pool of connections.
        retry: How patiently to try again; by default as often as the settings say.

    Raises:
        SettingsError: The key cannot be one.
    """

    name = "openai"

    def __init__(
        self,
        settings: Settings,
        *,
        limits: ConnectionLimits | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        key = checked_key(settings.openai_api_key, "OPENAI_API_KEY") if settings.openai_api_key else ""
        limits = limits or ConnectionLimits()
        url = settings.openai_base_url or OPENAI_URL
        self.model = settings.openai_model or ""
        self.notice: dict[Locale, str] = {}
        self._is_own_server = not url.lower().startswith("https://api.openai.com")
        self._list_limit_s = settings.llm_first_token_timeout_s
        self._client = AsyncOpenAI(
            base_url=url,
            api_key=key or NO_KEY,
            max_retries=0,
            timeout=None,
            default_headers=REQUEST_HEADERS,
            http_client=http_client(limits),
        )
        self._hints = Hints(
            key=key,
            key_setting="OPENAI_API_KEY",
            model=f"OPENAI_MODEL={self.model} and the path of OPENAI_BASE_URL={url} (it often ends in /v1)",
            endpoint=f"OPENAI_BASE_URL={url}",
        )
        self._chat = ChatCompletions(self._client, settings, self._hints, Capabilities(), limits, retry)
        self.retries = self._chat.retries

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | Completion, None]:
        """Streams one answer, as `ChatProvider.stream` promises."""
        return self._chat.stream(self._known_model, request)

    async def diagnose(self) -> list[Check]:
        """Tries endpoint, key, model and a completion for real, in at most 8 seconds."""
        stages = [
            diagnosis.Stage("settings", f"{self._hints.endpoint}"),
            diagnosis.Stage("endpoint", "DNS ok, TCP ok, TLS ok where the address asks for it"),
            diagnosis.Stage("key", "accepted" if self._hints.key else "none set, and none needed"),
            diagnosis.Stage("model", "is there"),
            diagnosis.Stage("completion", "the model answers"),
        ]
        return await diagnosis.diagnose(stages, self._probe, self._hints, _blame)

    async def aclose(self) -> None:
        """Closes the connections. Nothing may be streamed afterwards."""
        await self._chat.aclose()

    async def _probe(self) -> None:
        await self._chat.probe(await self._known_model(), diagnosis.PROBE)

    async def _known_model(self) -> str:
        if not self.model:
            if not self._is_own_server:
                raise Failure(LlmNotFound("OPENAI_MODEL is not set; OpenAI needs it"))
            self.model = await self._first_model()
        return self.model

    async def _first_model(self) -> str:
        try:
            async with asyncio.timeout(self._list_limit_s):
                listed = await self._listed_models()
        except TimeoutError as exc:
            raise Failure(LlmStalled("no list of models came in time")) from exc
        except Unreachable as exc:
            raise unreachable(exc, self._hints) from exc
        except APIStatusError as exc:
            response = exc.response
            raise refusal(
                response.status_code, response.headers, response.content, self._hints, set()
            ) from None
        if not listed:
            raise Failure(LlmNotFound("the server lists no model; set OPENAI_MODEL"))
        return listed[0]

    async def _listed_models(self) -> list[str]:
        content = bytearray()
        async with self._client.models.with_streaming_response.list() as response:
            body = body_of(response.http_response)
            while len(content) < _MAX_LIST_BYTES and (chunk := await body.read()):
                content += chunk
        try:
            models: Any = orjson.loads(content)["data"] or []
            return [model["id"] for model in models if isinstance(model["id"], str) and model["id"]]
        except (orjson.JSONDecodeError, KeyError, TypeError) as exc:
            text = self._hints.quoted(content[:1000].decode("utf-8", errors="replace"))
            raise Failure(LlmBadResponse(f"no list of models; set OPENAI_MODEL: {text}")) from exc


def _blame(failure: Failure) -> str:
    return "model"

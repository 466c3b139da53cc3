"""OpenAI, or a server that speaks its chat-completions API (Ollama, llama.cpp, vLLM), as a provider."""

import logging
import re
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

from openai import AsyncOpenAI

from app.errors import LlmBadResponse, LlmNotFound, Locale
from app.llm import diagnosis
from app.llm.base import ChatRequest, Check, Completion
from app.llm.capabilities import Capabilities
from app.llm.chat_completions import REQUEST_HEADERS, ChatCompletions, ConnectionLimits, http_client, mended
from app.llm.keys import checked_key
from app.llm.model_list import best_for_chat, list_models
from app.llm.openai_errors import Failure, Hints, is_model_missing
from app.llm.retry import RetryPolicy
from app.llm.transport import AiohttpTransport
from config.model_addresses import address_and_query
from config.model_settings import ModelSettings

logger = logging.getLogger(__name__)

OPENAI_URL = "https://api.openai.com/v1"

NO_KEY = "not-needed"
"""Sent where no key is set: servers on one's own machine ask for none, but the package insists on one."""


class OpenAICompatible:
    """A model behind the OpenAI API; see `ChatProvider`.

    Without `OPENAI_MODEL` the first model that the server lists and that seems to chat is taken, at the first
    use, and kept until it is no longer there; OpenAI's own list is too long for that to make sense.

    Where `OPENAI_BASE_URL` names no version and nothing is at its path, it is tried with `/v1`.

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
        settings: ModelSettings,
        *,
        limits: ConnectionLimits | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        key = checked_key(settings.openai_api_key, "OPENAI_API_KEY") if settings.openai_api_key else ""
        limits = limits or ConnectionLimits()
        transport = AiohttpTransport(limits.connect_timeout_s)
        url, query = address_and_query(settings.openai_base_url or OPENAI_URL)
        self.model = settings.openai_model or ""
        self._may_choose = not self.model
        self._missing = ""
        self._urls = _urls(url)
        self.notice: dict[Locale, str] = {}
        self._is_own_server = not url.lower().startswith("https://api.openai.com")
        self._list_limit_s = settings.llm_first_token_timeout_s
        self._client = AsyncOpenAI(
            base_url=url,
            default_query=query,
            api_key=key or NO_KEY,
            max_retries=0,
            timeout=None,
            default_headers=REQUEST_HEADERS,
            http_client=http_client(transport),
        )
        self._hints = Hints(
            key=key,
            key_setting="OPENAI_API_KEY",
            model=f"OPENAI_MODEL={self.model} and the path of OPENAI_BASE_URL={url} (it often ends in /v1)",
            endpoint=f"OPENAI_BASE_URL={url}",
        )
        self._chat = ChatCompletions(
            self._client, transport, settings, self._hints, Capabilities(), limits, retry
        )
        self.retries = self._chat.retries

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | Completion, None]:
        """Stream one answer, as `ChatProvider.stream` promises."""
        return self._chat.stream(self._known_model, request, self._mend)

    async def diagnose(self) -> list[Check]:
        """Try endpoint, key, model and a completion for real, in at most 8 seconds."""
        stages = [
            diagnosis.Stage("settings", f"{self._hints.endpoint}"),
            diagnosis.Stage("endpoint", "DNS ok, TCP ok, TLS ok where the address asks for it"),
            diagnosis.Stage("key", "accepted" if self._hints.key else "none set, and none needed"),
            diagnosis.Stage("model", "is there"),
            diagnosis.Stage("completion", "the model answers"),
        ]
        return await diagnosis.diagnose(stages, self._probe, self._hints, _blame)

    async def listed_models(self) -> list[str]:
        """Return the names of all models that the service lists.

        Raises:
            Failure: There is no list.
        """
        return [model.id for model in await list_models(self._client, self._hints, self._list_limit_s)]

    async def aclose(self) -> None:
        """Close the connections. Nothing may be streamed afterwards."""
        await self._chat.aclose()

    async def _probe(self) -> None:
        async def attempt() -> None:
            await self._chat.probe(await self._known_model(), diagnosis.PROBE)

        await mended(attempt, self._mend)

    async def _known_model(self) -> str:
        if not self.model:
            if not self._is_own_server:
                raise Failure(LlmNotFound("OPENAI_MODEL is not set; OpenAI needs it"))
            self.model = await self._first_model()
        return self.model

    async def _first_model(self) -> str:
        listed = await list_models(self._client, self._hints, self._list_limit_s)
        model = best_for_chat(listed, without=self._missing) or best_for_chat(listed)
        if model is None:
            what = "no model that chats" if listed else "no model"
            raise Failure(LlmNotFound(f"the server lists {what}; set OPENAI_MODEL"))
        return model

    async def _mend(self, failure: Failure) -> bool:
        if not self._chat.has_answered and len(self._urls) > 1 and _is_no_such_path(failure):
            self._urls.reverse()
            self._client.base_url = self._urls[0]
            logger.warning("llm_base_url", extra={"tried": self._urls[0]})
            return True
        if self._may_choose and self.model and isinstance(failure.error, LlmNotFound):
            # The model has been removed, or another one was loaded in its place.
            self._missing, self.model = self.model, ""
            return True
        return False


def _is_no_such_path(failure: Failure) -> bool:
    """Return whether the service seems to have nothing at this path, rather than no such model."""
    if isinstance(failure.error, LlmNotFound):
        return failure.status != 0 and not is_model_missing(failure.complaint)
    return failure.status == 405 or (isinstance(failure.error, LlmBadResponse) and failure.status < 300)


def _urls(url: str) -> list[str]:
    """Return the address, and the same with the version that most services want and many people leave out."""
    has_version = re.search(r"/v\d+[a-z]*\d*(/|$)", urlsplit(url).path)
    return [url] if has_version else [url, f"{url.rstrip('/')}/v1"]


def _blame(failure: Failure) -> str:
    return "endpoint" if _is_no_such_path(failure) else "model"

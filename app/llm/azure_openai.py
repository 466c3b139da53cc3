"""Azure OpenAI as a provider."""

import re
from collections.abc import AsyncGenerator

from openai import AsyncAzureOpenAI

from app.errors import Locale
from app.llm import diagnosis
from app.llm.base import ChatRequest, Check, Completion
from app.llm.capabilities import Capabilities
from app.llm.chat_completions import REQUEST_HEADERS, ChatCompletions, ConnectionLimits, http_client
from app.llm.keys import checked_key
from app.llm.openai_errors import Failure, Hints, is_model_missing
from app.llm.retry import RetryPolicy
from app.llm.transport import AiohttpTransport
from config.model_settings import ModelSettings
from config.settings import SettingsError

_USAGE_SINCE = "2024-09-01"
"""Azure answers 400 to `stream_options` under older api-versions."""


class AzureOpenAI:
    """A deployment of Azure OpenAI; see `ChatProvider`.

    Args:
        settings: With endpoint, key, deployment and api-version.
        limits: The pool of connections.
        retry: How patiently to try again; by default as often as the settings say.

    Raises:
        SettingsError: A setting is missing, or the key cannot be one.
    """

    name = "azure"

    def __init__(
        self,
        settings: ModelSettings,
        *,
        limits: ConnectionLimits | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        endpoint, deployment = settings.azure_openai_endpoint, settings.azure_openai_deployment_name
        if not (endpoint and deployment and settings.azure_openai_api_key):
            raise SettingsError("AZURE_OPENAI_*: Azure OpenAI needs endpoint, key and deployment")
        key = checked_key(settings.azure_openai_api_key, "AZURE_OPENAI_API_KEY")
        limits = limits or ConnectionLimits()
        transport = AiohttpTransport(limits.connect_timeout_s)
        self.model = deployment
        self.notice: dict[Locale, str] = {}
        self._api_version = settings.azure_openai_api_version
        client = AsyncAzureOpenAI(
            azure_endpoint=endpoint,
            api_key=key,
            api_version=self._api_version,
            max_retries=0,
            timeout=None,
            default_headers=REQUEST_HEADERS,
            http_client=http_client(transport),
        )
        hints = Hints(
            key=key,
            key_setting="AZURE_OPENAI_API_KEY",
            model=f"AZURE_OPENAI_DEPLOYMENT_NAME={deployment}, AZURE_OPENAI_API_VERSION={self._api_version}"
            f" and AZURE_OPENAI_ENDPOINT={endpoint}",
            endpoint=f"AZURE_OPENAI_ENDPOINT={endpoint}",
        )
        capabilities = Capabilities(stream_options=_tells_usage(self._api_version))
        self._chat = ChatCompletions(client, transport, settings, hints, capabilities, limits, retry)
        self.retries = self._chat.retries
        self._settings = settings

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | Completion, None]:
        """Stream one answer, as `ChatProvider.stream` promises."""
        return self._chat.stream(self._deployment, request)

    async def diagnose(self) -> list[Check]:
        """Try endpoint, key, deployment, api-version and a completion for real, in at most 8 seconds."""
        stages = [
            diagnosis.Stage("settings", "AZURE_OPENAI_ENDPOINT, _API_KEY and _DEPLOYMENT_NAME are set"),
            diagnosis.Stage("endpoint", "DNS ok, TCP ok, TLS ok where the address asks for it"),
            diagnosis.Stage("key", "accepted"),
            diagnosis.Stage("api_version", f"{self._api_version} is known"),
            diagnosis.Stage("deployment", f"{self.model} is there"),
            diagnosis.Stage("completion", "the model answers"),
        ]
        return await diagnosis.diagnose(stages, self._probe, self._chat.hints, _blame)

    async def aclose(self) -> None:
        """Close the connections. Nothing may be streamed afterwards."""
        await self._chat.aclose()

    async def _deployment(self) -> str:
        return self.model

    async def _probe(self) -> None:
        await self._chat.probe(self.model, diagnosis.PROBE)


def _tells_usage(api_version: str) -> bool:
    """Return whether this api-version takes `stream_options`; names without a date are the newest."""
    date = re.match(r"\d{4}-\d{2}-\d{2}", api_version)
    return date is None or date.group() >= _USAGE_SINCE


def _blame(failure: Failure) -> str:
    # Azure says which deployment is missing by a code of its own; for an unknown api-version the whole path
    # does not exist. Whoever puts that in other words is not Azure OpenAI.
    complaint = failure.complaint
    if complaint.code == "DeploymentNotFound" or is_model_missing(complaint):
        return "deployment"
    is_azures = complaint.code == "404" or "api-version" in complaint.message.lower().replace(" ", "-")
    return "api_version" if is_azures else "endpoint"

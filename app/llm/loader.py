"""Finds the provider that the settings ask for."""

from importlib import import_module
from typing import Final, cast
from urllib.parse import urlsplit

from app.llm.base import ChatProvider
from config.agent_settings import AgentSettings
from config.model_settings import ModelSettings
from config.settings import SettingsError

PROVIDERS = {
    "azure": "app.llm.azure_openai:AzureOpenAI",
    "openai": "app.llm.openai_compatible:OpenAICompatible",
    "demo": "app.llm.demo:DemoModel",
}
"""Each provider's class, made with the settings; imported only when asked for."""


_OPENAI: Final = "api.openai.com"
_NO_MODEL: Final = (
    "OPENAI_MODEL: missing; OpenAI has many models, so name one, such as gpt-4o-mini "
    "(or set LLM_PROVIDER=demo)"
)


def load_provider(settings: ModelSettings, agent: AgentSettings) -> ChatProvider:
    """Make the provider that `LLM_PROVIDER` names or `auto` stands for.

    The demo is no service: it takes nothing but who the agent is.

    Raises:
        SettingsError: The provider cannot work with these settings.
    """
    if settings.provider == "openai" and settings.openai_api_key and not settings.openai_model:
        if settings.openai_base_url is None or urlsplit(settings.openai_base_url).hostname == _OPENAI:
            raise SettingsError(_NO_MODEL)
    module_name, _, class_name = PROVIDERS[settings.provider].partition(":")
    make = getattr(import_module(module_name), class_name)
    return cast(ChatProvider, make(agent if settings.provider == "demo" else settings))

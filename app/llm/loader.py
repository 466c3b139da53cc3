"""Finds the provider that the settings ask for."""

from importlib import import_module
from typing import cast

from app.llm.base import ChatProvider
from config.settings import Settings

PROVIDERS = {
    "azure": "app.llm.azure_openai:AzureOpenAI",
    "openai": "app.llm.openai_compatible:OpenAICompatible",
    "demo": "app.llm.demo:DemoModel",
}
"""Each provider's class, made with the settings; imported only when asked for."""


def load_provider(settings: Settings) -> ChatProvider:
    """Makes the provider that `LLM_PROVIDER` names or `auto` stands for.

    Raises:
        SettingsError: The provider cannot work with these settings.
    """
    module_name, _, class_name = PROVIDERS[settings.provider].partition(":")
    return cast(ChatProvider, getattr(import_module(module_name), class_name)(settings))

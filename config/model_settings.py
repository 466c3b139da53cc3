"""The settings of the language model, and of the Azure resource that may speak and hear too."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from config.forms import HttpAddress, Seconds
from config.http_address import HTTP_ADDRESS
from config.model_addresses import read_azure_address, read_base_url
from config.settings_slice import SettingsSlice


def _read_base_url(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        return value
    try:
        return read_base_url(value)
    except ValueError:
        raise ValueError(HTTP_ADDRESS) from None


class AzureSettings(SettingsSlice):
    """The Azure OpenAI resource: part of `ModelSettings` and of `VoiceSettings`."""

    azure_openai_endpoint: HttpAddress | None = None
    azure_openai_api_key: SecretStr | None = None
    azure_openai_deployment_name: str | None = None
    azure_openai_api_version: str = "2024-02-15-preview"

    @model_validator(mode="before")
    @classmethod
    def _read_azure_address(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Cut the endpoint to what it must be; what else it says counts where nothing else is set."""
        given = values.get("azure_openai_endpoint")
        if not isinstance(given, str) or not given.strip():
            return values
        try:
            address = read_azure_address(given)
        except ValueError as exc:
            raise ValueError(f"AZURE_OPENAI_ENDPOINT: {exc}") from None
        told = {
            "azure_openai_deployment_name": address.deployment,
            "azure_openai_api_version": address.api_version,
        }
        missing = {name: value for name, value in told.items() if value and not values.get(name)}
        return {**values, **missing, "azure_openai_endpoint": address.endpoint}


class ModelSettings(AzureSettings):
    """Which model answers, where it is, and how patiently it is asked."""

    llm_provider: Literal["auto", "azure", "openai", "demo"] = "auto"
    openai_base_url: Annotated[HttpAddress | None, BeforeValidator(_read_base_url)] = None
    openai_api_key: SecretStr | None = None
    openai_model: str | None = None
    llm_max_retries: int = Field(default=2, ge=0, le=10)
    llm_stall_timeout_s: Seconds = 30
    llm_first_token_timeout_s: Seconds = 60
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)

    @model_validator(mode="after")
    def _azure_is_whole(self) -> Self:
        parts = {
            "AZURE_OPENAI_ENDPOINT": self.azure_openai_endpoint,
            "AZURE_OPENAI_API_KEY": self.azure_openai_api_key,
            "AZURE_OPENAI_DEPLOYMENT_NAME": self.azure_openai_deployment_name,
        }
        missing = [name for name, value in parts.items() if not value]
        wanted = self.llm_provider == "azure" or (self.llm_provider == "auto" and len(missing) < len(parts))
        if wanted and missing:
            names = ", ".join(missing)
            raise ValueError(f"{names}: missing; Azure OpenAI needs endpoint, key and deployment")
        return self

    @property
    def provider(self) -> Literal["azure", "openai", "demo"]:
        """The provider that `LLM_PROVIDER=auto` stands for with these settings."""
        if self.llm_provider != "auto":
            return self.llm_provider
        if self.azure_openai_endpoint:
            return "azure"
        if self.openai_api_key or self.openai_base_url:
            return "openai"
        return "demo"

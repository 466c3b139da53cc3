"""Reads the addresses of model services as people paste them.

Portals, dashboards and examples show a service's address in many forms: with the path of one deployment, with
a query, with the last part that a client adds itself. What of it must be cut, and what it tells beside the
address, is found out here.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

_BEFORE: Final = re.compile(
    r"\A(?:export\s+|set\s+)?(?:[A-Z][A-Z0-9_]*\s*=\s*|(?:POST|GET)\s+)[\"'`\s]*(?=https?:)", re.IGNORECASE
)
"""What is copied along from a line of a shell, of a file of settings or of an example."""

_QUOTES: Final = "\"'`<>\u201c\u201d\u2018\u2019\u00ab\u00bb"
_BLANKS: Final = " \t\r\n\u00a0\u200b\u200c\u200d\u2060\ufeff"
"""Web pages put some that nobody sees between what is copied."""

_AZURE_HOSTS: Final = re.compile(
    r"(^|\.)(openai\.azure|cognitiveservices\.azure|services\.ai\.azure|api\.cognitive\.microsoft"
    r"|inference\.ai\.azure|models\.ai\.azure)\.(com|us|cn)\.?$"
)
_AZURE_PORTALS: Final = {
    "portal.azure.com", "portal.azure.us", "portal.azure.cn", "ai.azure.com", "oai.azure.com",
    "azure.microsoft.com",
}  # fmt: skip
_AZURE_PATHS: Final = re.compile(
    r"(/(openai|models|deployments|api/projects)(/.*)?|/chat/completions.*|/v1)$", re.IGNORECASE
)
_DEPLOYMENT: Final = re.compile(r"/deployments/([^/]+)", re.IGNORECASE)
_CLIENTS_PATHS: Final = re.compile(
    r"(/(chat/completions|completions|responses|embeddings|models|audio/(speech|transcriptions|translations))"
    r"|(?<=/v\d)/(chat|messages|models/[^/]+)|/api/(chat|generate|tags|version))/*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class AzureAddress:
    """An address of Azure OpenAI, taken apart.

    Attributes:
        endpoint: What belongs into `AZURE_OPENAI_ENDPOINT`.
        deployment: The deployment that the address names; empty where it names none.
        api_version: The same of the api-version.
    """

    endpoint: str
    deployment: str = ""
    api_version: str = ""


def _plain(text: str) -> str:
    """Return the text without the blanks and quotes that come along when an address is pasted."""
    text = _BEFORE.sub("", text.strip(_BLANKS))
    text = text.strip(_BLANKS + _QUOTES + ",;")
    # Nobody sees them, and no address has them: they come from where a page breaks its lines.
    return re.sub("[\u200b\u200c\u200d\u2060\ufeff]", "", text)


def read_azure_address(text: str) -> AzureAddress:
    """Take apart what was given as `AZURE_OPENAI_ENDPOINT`.

    Of Azure's own hosts nothing but the host is kept. A gateway's path may lead to the resource, so that of
    others only what Azure's clients add themselves is cut.

    Raises:
        ValueError: It cannot be read, or is the address of a page of the portal.
    """
    address = _plain(text).replace("\\", "/")
    parts = urlsplit(address)
    if not parts.netloc:
        return AzureAddress(address)
    host = (parts.hostname or "").lower()
    if host.removesuffix(".") in _AZURE_PORTALS:
        raise ValueError(f"{host} is the portal; copy what the resource shows under Keys and Endpoint")
    path = "" if _AZURE_HOSTS.search(host) else _AZURE_PATHS.sub("", parts.path.rstrip("/"))
    named = _DEPLOYMENT.search(parts.path)
    query = {name.lower(): value for name, value in parse_qsl(parts.query)}
    return AzureAddress(
        endpoint=f"{parts.scheme}://{parts.netloc}{path}",
        deployment=unquote(named[1]) if named else query.get("deployment", ""),
        api_version=query.get("api-version", ""),
    )


def read_base_url(text: str) -> str:
    """Return what belongs into `OPENAI_BASE_URL`: without the part that a client adds, and its query kept.

    Raises:
        ValueError: It cannot be read.
    """
    address = _plain(text)
    parts = urlsplit(address)
    if not parts.netloc:
        return address
    path = _CLIENTS_PATHS.sub("", re.sub(r"/{2,}", "/", parts.path)).rstrip("/")
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{path}{query}"


def address_and_query(url: str) -> tuple[str, dict[str, str]]:
    """Return an address without its query, and the query."""
    address, _, query = url.partition("?")
    return address, dict(parse_qsl(query))

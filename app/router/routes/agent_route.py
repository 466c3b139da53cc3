"""What operators look at: health and diagnosis."""

from html import escape
from typing import Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from app.errors import Locale
from app.llm.base import Check
from app.router.advice import CheckStatus, advice_for, status_of
from app.router.auth_dependencies import Admin, Service, own_page
from app.router.html_pages import HtmlFrame, document, language_of, routes_page, wants_html
from app.services.websocket_agent_service import WebSocketAgentService

router = APIRouter()


class LlmInfo(BaseModel):
    """Which model answers."""

    provider: Literal["azure", "openai", "demo"]
    model: str
    demo: bool


class ToolsInfo(BaseModel):
    """How the tools stand."""

    available: list[str]
    running: int
    stuck: int
    threads_busy: int


class StorageInfo(BaseModel):
    """How the store stands; `degraded` while writes wait."""

    status: Literal["ok", "degraded", "off"]
    database: Literal["sqlite", "postgresql", "none"]
    waiting: int


class HalfInfo(BaseModel):
    """Whether the server hears, or speaks."""

    status: Literal["off", "loading", "ready", "degraded", "not_installed", "failed"]
    detail: str


class VoiceName(BaseModel):
    """A voice; `label` is what people call it, `language` null for one that speaks both."""

    name: str
    label: str
    language: Literal["es", "en"] | None


class VoiceInfo(BaseModel):
    """Whether speech works: the worse of its halves; `progress`, 0 to 1, counts while `loading`.

    `voices`: which ones a session may ask for by `voice`, once speech is there.
    """

    status: Literal["off", "loading", "ready", "degraded", "not_installed", "failed"]
    progress: float
    detail: str
    hears: HalfInfo = Field(serialization_alias="in")
    speaks: HalfInfo = Field(serialization_alias="out")
    voices: list[VoiceName]


class NodeInfo(BaseModel):
    """A process of the fleet; `state` is `serving`, or `draining` while it lets its sessions go."""

    id: str
    state: str
    sessions: int
    version: str


class FleetInfo(BaseModel):
    """The processes that share the database, as known a moment ago; `self` is the one that answers."""

    own: str = Field(serialization_alias="self")
    nodes: list[NodeInfo]


class Readiness(BaseModel):
    """Whether new sessions begin here; else why not."""

    ready: bool
    reason: Literal["draining", "full"] | None = None


class Health(BaseModel):
    """Whether the server works; nothing outside is asked for it.

    `open_to_network`: no token is asked for, and more than this machine reaches the server.
    `fleet`: null for a process that has its database for itself.
    """

    status: Literal["ok", "degraded"]
    llm: LlmInfo
    active_sessions: int
    max_sessions: int
    locale: Literal["es", "en"]
    tools: ToolsInfo
    storage: StorageInfo
    voice: VoiceInfo
    open_to_network: bool
    fleet: FleetInfo | None = None


class CheckResult(BaseModel):
    """One thing that was tried; `warning`: people can talk without it. `mend`: what to do about it."""

    name: str
    ok: bool
    status: CheckStatus
    detail: str
    mend: str


class Diagnosis(BaseModel):
    """What was tried for real, and what to do where it failed; `status` is the worst of the checks."""

    status: CheckStatus
    checks: list[CheckResult]


@router.get("/agent/health")
async def health(service: Service) -> Health:
    """Say whether the server works. Cheap: it never calls out."""
    host, store, voice = service.host, service.store.health(), service.voice
    load = service.own_sessions.load()
    hears, speaks = voice.halves["in"], voice.halves["out"]
    return Health(
        status="degraded" if store.status == "degraded" else "ok",
        llm=LlmInfo.model_validate(
            {
                "provider": service.provider.name,
                "model": service.provider.model,
                "demo": service.provider.name == "demo",
            }
        ),
        active_sessions=load.sessions,
        max_sessions=service.settings.max_sessions,
        locale=service.settings.agent_locale,
        tools=ToolsInfo(
            available=host.registry.names,
            running=load.running_tools,
            stuck=len(host.stuck),
            threads_busy=host.threads.busy,
        ),
        storage=StorageInfo(status=store.status, database=store.database, waiting=store.waiting),
        voice=VoiceInfo(
            status=voice.status,
            progress=round(voice.progress, 3),
            detail=voice.detail,
            hears=HalfInfo(status=hears.status, detail=hears.detail),
            speaks=HalfInfo(status=speaks.status, detail=speaks.detail),
            voices=[
                VoiceName(name=voice.name, label=voice.label, language=voice.language)
                for voice in service.session_host.engines.voices
            ],
        ),
        open_to_network=service.access.is_exposed,
        fleet=_fleet(service),
    )


def _fleet(service: WebSocketAgentService) -> FleetInfo | None:
    directory = service.session_host.directory
    if not directory.is_shared:
        return None
    return FleetInfo(
        own=directory.owner,
        nodes=[
            NodeInfo(id=node.id, state=node.state, sessions=node.sessions, version=node.version)
            for node in directory.nodes
        ],
    )


@router.get("/agent/ready", responses={503: {"model": Readiness}})
async def ready(service: Service, response: Response) -> Readiness:
    """Say whether new sessions begin here, for balancers: 200, or 503 while it drains or is full."""
    reason = service.own_sessions.closed_for
    if reason is not None:
        response.status_code = 503
    return Readiness(ready=reason is None, reason=reason)


@router.get("/agent/diagnose", response_model=Diagnosis, dependencies=[Depends(own_page)])
async def diagnose(
    request: Request, service: Service, _: Admin, lang: Literal["es", "en"] | None = None
) -> Diagnosis | Response:
    """Try each part for real, within 10 seconds, and say what to do where one fails.

    A browser gets a page, in Spanish or English (`lang`); programs get JSON.
    """
    checks = [_result(check) for check in await service.diagnose()]
    statuses = {check.status for check in checks}
    worst: CheckStatus = "ok"
    for status in _WORST_LAST:
        worst = status if status in statuses else worst
    diagnosis = Diagnosis(status=worst, checks=checks)
    if not wants_html(request.headers.get("accept", "")):
        return diagnosis
    locale = language_of(lang, request.headers.get("accept-language", ""))
    return _page(request.app.state.frame, diagnosis, locale)


@router.get("/docs", include_in_schema=False)
async def routes(request: Request, lang: Literal["es", "en"] | None = None) -> Response:
    """List the routes, for people; `/openapi.json` is for machines."""
    locale = language_of(lang, request.headers.get("accept-language", ""))
    return routes_page(request.app.state.frame, request.app.openapi(), locale)


_WORST_LAST: Final[tuple[CheckStatus, ...]] = ("ok", "warning", "failed")

_VERDICTS: Final[dict[Locale, dict[CheckStatus, str]]] = {
    "es": {
        "ok": "Todo funciona.",
        "warning": "El agente funciona; falta algo de lo que puede prescindir.",
        "failed": "Algo necesario no funciona. Arregla primero lo primero que ha fallado.",
    },
    "en": {
        "ok": "Everything works.",
        "warning": "The agent works; something is missing that it can do without.",
        "failed": "Something that it needs does not work. Mend the first thing that failed first.",
    },
}

_MARKS: Final[dict[Locale, dict[CheckStatus, str]]] = {
    "es": {"ok": "Bien", "warning": "Aviso", "failed": "Fallo"},
    "en": {"ok": "OK", "warning": "Warning", "failed": "Failed"},
}


def _result(check: Check) -> CheckResult:
    status = status_of(check.name, check.ok)
    mend = "" if check.ok else advice_for(check.name, "en").mend
    return CheckResult(name=check.name, ok=check.ok, status=status, detail=check.detail, mend=mend)


def _page(frame: HtmlFrame, diagnosis: Diagnosis, locale: Locale) -> Response:
    title = "Diagnóstico" if locale == "es" else "Diagnosis"
    verdict = _VERDICTS[locale][diagnosis.status]
    body = [f'<p class="verdict" data-status="{diagnosis.status}">{verdict}</p>', '<ul class="checks">']
    for check in diagnosis.checks:
        part, mend = advice_for(check.name, locale)
        name = f' <code class="name">{escape(check.name)}</code>' if part != check.name else ""
        mark = f'<span class="mark">{_MARKS[locale][check.status]}</span>'
        body.append(f'<li data-status="{check.status}"><h2>{mark} {escape(part)}{name}</h2>')
        if mend and (not check.ok or check.name == "demo"):
            body.append(f"<p>{escape(mend)}</p>")
        body.append(f'<p class="detail" lang="en">{escape(check.detail)}</p></li>')
    body.append("</ul>")
    return document(frame, locale, title, "../", body)

"""What operators look at: health and diagnosis."""

from typing import Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from app.router.guards import Admin, Service, own_page

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


class VoiceInfo(BaseModel):
    """Whether speech works: the worse of its halves; `progress`, 0 to 1, counts while `loading`."""

    status: Literal["off", "loading", "ready", "degraded", "not_installed", "failed"]
    progress: float
    detail: str
    hears: HalfInfo = Field(serialization_alias="in")
    speaks: HalfInfo = Field(serialization_alias="out")


class Health(BaseModel):
    """Whether the server works; nothing outside is asked for it.

    `open_to_network`: no token is asked for, and more than this machine reaches the server.
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


class CheckResult(BaseModel):
    """One thing that was tried."""

    name: str
    ok: bool
    detail: str


class Diagnosis(BaseModel):
    """What was tried for real, and what to do where it failed."""

    status: Literal["ok", "failed"]
    checks: list[CheckResult]


@router.get("/agent/health")
async def health(service: Service) -> Health:
    """Says whether the server works. Cheap: it never calls out."""
    host, store, voice = service.host, service.store.health(), service.voice
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
        active_sessions=len(service.sessions),
        max_sessions=service.settings.max_sessions,
        locale=service.settings.agent_locale,
        tools=ToolsInfo(
            available=host.registry.names,
            running=sum(len(live.conversation.tools.running) for live in service.sessions),
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
        ),
        open_to_network=service.access.is_exposed,
    )


@router.get("/agent/diagnose", dependencies=[Depends(own_page)])
async def diagnose(service: Service, _: Admin) -> Diagnosis:
    """Tries each part for real, within 10 seconds, and says what to do where one fails."""
    checks = [CheckResult(name=c.name, ok=c.ok, detail=c.detail) for c in await service.diagnose()]
    return Diagnosis(status="ok" if all(check.ok for check in checks) else "failed", checks=checks)

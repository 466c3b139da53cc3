"""The page, and what operators look at: sessions, health, diagnosis."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel

from app.router.page import SECURITY_HEADERS, PageFile
from app.services.websocket_agent_service import WebSocketAgentService


class PendingTool(BaseModel):
    """A tool call that runs."""

    call_id: str
    name: str
    elapsed_s: float


class SessionInfo(BaseModel):
    """A live session. Times are UTC, whole seconds."""

    session_id: str
    user_id: str
    state: str
    created_at: str
    last_activity: str
    message_count: int
    pending_tools: list[PendingTool]


class SessionList(BaseModel):
    """The live sessions."""

    active_sessions: int
    sessions: list[SessionInfo]


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


class Health(BaseModel):
    """Whether the server works; nothing outside is asked for it."""

    status: Literal["ok", "degraded"]
    llm: LlmInfo
    active_sessions: int
    max_sessions: int
    locale: Literal["es", "en"]
    tools: ToolsInfo


class CheckResult(BaseModel):
    """One thing that was tried."""

    name: str
    ok: bool
    detail: str


class Diagnosis(BaseModel):
    """What was tried for real, and what to do where it failed."""

    status: Literal["ok", "failed"]
    checks: list[CheckResult]


def _service(request: Request) -> WebSocketAgentService:
    return request.app.state.service


Service = Annotated[WebSocketAgentService, Depends(_service)]


def agent_router(page: dict[str, PageFile]) -> APIRouter:
    """The routes; `page` is what `load_page` found."""
    router = APIRouter()

    def serve(name: str) -> Response:
        file = page.get(name)
        if file is None:
            raise HTTPException(404)
        return Response(file.content, media_type=file.media_type, headers=SECURITY_HEADERS)

    @router.get("/", include_in_schema=False)
    async def index() -> Response:
        return serve("index.html")

    @router.get("/static/{name:path}", include_in_schema=False)
    async def static(name: str) -> Response:
        return serve(name)

    router.add_api_route("/sessions", list_sessions, methods=["GET"])
    router.add_api_route("/sessions/{session_id}", show_session, methods=["GET"])
    router.add_api_route("/agent/health", health, methods=["GET"])
    router.add_api_route("/agent/diagnose", diagnose, methods=["GET"])
    return router


async def list_sessions(service: Service) -> SessionList:
    """Lists the live sessions."""
    sessions = [SessionInfo.model_validate(live.describe()) for live in service.sessions]
    return SessionList(active_sessions=len(sessions), sessions=sessions)


async def show_session(session_id: str, service: Service) -> SessionInfo:
    """Shows one live session, or answers 404."""
    live = service.sessions.get(session_id)
    if live is None:
        raise HTTPException(404, "no such session")
    return SessionInfo.model_validate(live.describe())


async def health(service: Service) -> Health:
    """Says whether the server works. Cheap: it never calls out."""
    host = service.host
    return Health(
        status="ok",
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
    )


async def diagnose(service: Service) -> Diagnosis:
    """Tries each part for real, within 10 seconds, and says what to do where one fails."""
    checks = [CheckResult(name=c.name, ok=c.ok, detail=c.detail) for c in await service.diagnose()]
    return Diagnosis(status="ok" if all(check.ok for check in checks) else "failed", checks=checks)

"""The page, its files, and how its operator wants it to look."""

from typing import Literal

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel

from app.router.html_pages import HtmlFrame
from app.router.page import PageFile, PageFiles, security_headers
from app.router.page_colors import PageColors, page_colors, stylesheet
from config.page_logo import Logo, read_logo
from config.page_settings import Language, PageSettings

DEFAULT_TITLE = "Voice Agent"

_ASKED_FOR_AGAIN = "no-cache"

_LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""An SVG may hold scripts; opened by its own address it would else be a page of ours."""


class Suggestions(BaseModel):
    """What an empty talk offers; none: the page's own."""

    es: list[str]
    en: list[str]


class PageLook(BaseModel):
    """What the page learns of its server before it shows anything of it.

    `title`: `PAGE_TITLE`, else the agent's name where it has been given one; `agent_name` is null where it
    has not. `logo` is relative to the page.
    """

    title: str
    agent_name: str | None
    color: PageColors | None
    logo: Literal["page/logo"] | None
    suggestions: Suggestions
    languages: list[Language]


def page_look(settings: PageSettings, name: str | None) -> PageLook:
    """Return how the page is to look; `name` is the agent's, where it has been given one."""
    return PageLook(
        title=settings.page_title or name or DEFAULT_TITLE,
        agent_name=name,
        color=None if settings.page_color is None else page_colors(settings.page_color),
        logo=None if settings.page_logo is None else "page/logo",
        suggestions=Suggestions(es=list(settings.page_suggestions_es), en=list(settings.page_suggestions_en)),
        languages=list(settings.page_languages),
    )


def page_frame(page: PageFiles, look: PageLook) -> HtmlFrame:
    """Return what the pages without scripts have of that look."""
    return HtmlFrame(page.version, look.title, look.color is not None, look.logo)


def page_router(page: PageFiles, look: PageLook, settings: PageSettings) -> APIRouter:
    """Make the routes; `page` is what `load_page` found, `look` how it is to look."""
    router = APIRouter()
    headers = security_headers(settings.frame_ancestors)
    shown = PageFile(look.model_dump_json().encode(), "application/json")
    logo = None if settings.page_logo is None else _logo_file(read_logo(settings.page_logo))
    colors = None if look.color is None else PageFile(stylesheet(look.color).encode(), "text/css")

    def serve(request: Request, file: PageFile | None, kept: str) -> Response:
        if file is None:
            raise HTTPException(404)
        return file.answer(request.headers, {**headers, "Cache-Control": kept})

    @router.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        return serve(request, page.index, _ASKED_FOR_AGAIN)

    @router.get("/static/{name:path}", include_in_schema=False)
    async def static(name: str, request: Request) -> Response:
        return serve(request, *page.find(name))

    @router.get("/agent/page", response_model=PageLook)
    async def show_look(request: Request) -> Response:
        """Say how the page is to look: title, colours, logo, suggestions, languages."""
        return shown.answer(request.headers, {"Cache-Control": _ASKED_FOR_AGAIN})

    @router.get("/page/colors.css", include_in_schema=False)
    async def show_colors(request: Request) -> Response:
        return serve(request, colors, _ASKED_FOR_AGAIN)

    @router.get("/page/logo", include_in_schema=False)
    async def show_logo(request: Request) -> Response:
        if logo is None:
            raise HTTPException(404)
        policy = {"Content-Security-Policy": _LOGO_POLICY, "Cache-Control": _ASKED_FOR_AGAIN}
        return logo.answer(request.headers, policy)

    return router


def _logo_file(logo: Logo) -> PageFile:
    return PageFile(logo.content, logo.media_type)

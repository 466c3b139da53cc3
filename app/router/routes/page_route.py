"""The page and its files."""

from fastapi import APIRouter, HTTPException, Request, Response

from app.router.page import Page, PageFile, security_headers
from config.settings import Settings


def page_router(page: Page, settings: Settings) -> APIRouter:
    """Make the routes; `page` is what `load_page` found."""
    router = APIRouter(include_in_schema=False)
    headers = security_headers(settings.frame_ancestors)

    def serve(request: Request, file: PageFile | None, kept: str) -> Response:
        if file is None:
            raise HTTPException(404)
        return file.answer(request.headers, {**headers, "Cache-Control": kept})

    @router.get("/")
    async def index(request: Request) -> Response:
        return serve(request, page.index, "no-cache")

    @router.get("/static/{name:path}")
    async def static(name: str, request: Request) -> Response:
        return serve(request, *page.find(name))

    return router

"""The files of the page: just these are served, whatever a path says."""

from pathlib import Path

import pytest

from app.router.page import load_page
from tests.support.raw_client import PATIENCE_S
from tests.support.scripted import ScriptedModel
from tests.support.server import running_server


def test_links_and_hidden_files_are_not_part_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>hola</p>")
    (tmp_path / "worklets").mkdir()
    (tmp_path / "worklets" / "capture.js").write_text("1")
    (tmp_path / ".secret").write_text("x")
    (tmp_path / "link").symlink_to("/etc/passwd")

    page = load_page(tmp_path)

    assert sorted(page) == ["index.html", "worklets/capture.js"]
    assert page["worklets/capture.js"].media_type == "text/javascript"


async def test_page_and_its_parts_are_served_with_a_strict_policy() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        index = await server.get("/")
        script = await server.get("/static/app.js")

    assert "text/html" in index.headers["content-type"]
    assert script.headers["content-type"].startswith("text/javascript")
    for answer in (index, script):
        policy = answer.headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2f.env",
        "/static/%252e%252e/main.py",
        "/static/..\\main.py",
        "//etc/passwd",
        "/static/a%00b",
        "/static/",
    ],
)
async def test_paths_that_lead_elsewhere_are_not_found(path: str) -> None:
    import asyncio

    async with running_server(provider=ScriptedModel([])) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 404")

"""The files of the page: just these are served, whatever a path says, and once to each browser."""

import gzip
import re
from pathlib import Path

import httpx
import pytest

from app.router.page import load_page
from tests.support.context import settings_with
from tests.support.raw_client import PATIENCE_S
from tests.support.scripted import ScriptedModel
from tests.support.server import Server, running_server


def page_in(folder: Path) -> None:
    (folder / "index.html").write_text(
        '<script src="static/app.js"></script><link href="/static/a.css"><p>static/x</p>'
    )
    (folder / "worklets").mkdir()
    (folder / "worklets" / "capture.js").write_text("1")


def test_links_and_hidden_files_are_not_part_of_the_page(tmp_path: Path) -> None:
    page_in(tmp_path)
    (tmp_path / ".secret").write_text("x")
    (tmp_path / "link").symlink_to("/etc/passwd")

    page = load_page(tmp_path)

    assert sorted(page.files) == ["index.html", "worklets/capture.js"]
    assert page.files["worklets/capture.js"].media_type == "text/javascript"


def test_the_page_names_its_files_by_their_version(tmp_path: Path) -> None:
    page_in(tmp_path)
    page = load_page(tmp_path)
    (tmp_path / "worklets" / "capture.js").write_text("2")
    later = load_page(tmp_path)

    assert page.version != later.version
    assert page.index is not None
    assert page.index.content.decode() == (
        f'<script src="static/@{page.version}/app.js"></script>'
        f'<link href="static/@{page.version}/a.css"><p>static/x</p>'
    )


def test_only_what_is_of_this_version_is_kept_for_ever(tmp_path: Path) -> None:
    page_in(tmp_path)
    page = load_page(tmp_path)
    file = page.files["worklets/capture.js"]

    assert page.find(f"@{page.version}/worklets/capture.js") == (file, "public, max-age=31536000, immutable")
    assert page.find("@0123456789abcdef/worklets/capture.js") == (file, "no-cache")
    assert page.find("worklets/capture.js") == (file, "no-cache")
    assert page.find(f"@{page.version}/nothing.js")[0] is None
    assert page.find(f"@{page.version}")[0] is None
    assert page.find(f"@{page.version}/@{page.version}/worklets/capture.js")[0] is None


@pytest.mark.parametrize(
    ("asked", "ancestors"), [("none", "'none'"), ("self,https://a.example", "'self' https://a.example")]
)
async def test_page_and_its_parts_are_served_with_a_strict_policy(asked: str, ancestors: str) -> None:
    settings = settings_with(frame_ancestors=asked)
    async with running_server(settings, provider=ScriptedModel([])) as server:
        index = await server.get("/")
        script = await server.get("/static/app.js")
        health = await server.get("/agent/health")

    assert "text/html" in index.headers["content-type"]
    assert script.headers["content-type"].startswith("text/javascript")
    for answer in (index, script):
        policy = answer.headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert policy.endswith(f"frame-ancestors {ancestors}")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in health.headers["content-security-policy"]


async def asked(server: Server, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.request(method, f"http://127.0.0.1:{server.port}{path}", headers=named)


@pytest.mark.parametrize(
    ("accepted", "is_zipped"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("identity", False),
        ("", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("gzipped", False),
    ],
)
async def test_files_are_zipped_for_those_who_take_it(accepted: str, is_zipped: bool) -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        plain = await asked(server, "/static/app.js", accept_encoding="identity")
        answer = await asked(server, "/static/app.js", accept_encoding=accepted)

    assert (answer.headers.get("content-encoding") == "gzip") is is_zipped
    assert answer.content == plain.content  # the client has unzipped it
    assert answer.headers["vary"] == "Accept-Encoding"
    assert (answer.headers["etag"] == plain.headers["etag"]) is not is_zipped
    if is_zipped:
        assert int(answer.headers["content-length"]) < len(plain.content) / 2
        assert int(answer.headers["content-length"]) == len(gzip.compress(plain.content, 9, mtime=0))


@pytest.mark.parametrize("path", ["/", "/static/app.js"])
async def test_who_has_a_file_is_not_given_it_again(path: str) -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        first = await asked(server, path)
        tag = first.headers["etag"]
        known = [tag, f"W/{tag}", f'"other", {tag}', "*"]
        again = [await asked(server, path, if_none_match=entry) for entry in known]
        changed = await asked(server, path, if_none_match='"other"')
        unzipped = await asked(server, path, if_none_match=tag, accept_encoding="identity")

    for answer in again:
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert answer.headers["cache-control"] == "no-cache"
        assert "content-security-policy" in answer.headers
    assert changed.status_code == unzipped.status_code == 200


async def test_head_is_answered_wherever_get_is() -> None:
    async with running_server(provider=ScriptedModel([]), tools=[]) as server:
        schema = (await server.get("/openapi.json")).json()
        paths = [path for path, methods in schema["paths"].items() if "get" in methods]
        paths += ["/", "/static/app.js", "/openapi.json", "/nothing"]
        for path in (re.sub(r"\{.*?\}", "x", path) for path in paths):
            got, head = await asked(server, path), await asked(server, path, "HEAD")
            assert (head.status_code, head.content) == (got.status_code, b""), path
            if path != "/metrics":  # counts itself
                assert head.headers.get("content-length") == got.headers.get("content-length"), path
        other = await asked(server, "/tickets", "HEAD")

    assert len(paths) > 10
    assert other.status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2f.env",
        "/static/%252e%252e/main.py",
        "/static/..\\main.py",
        "//etc/passwd",
        "/static/a%00b",
        "/static/",
        "/static/@/app.js/..%2f..%2fmain.py",
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

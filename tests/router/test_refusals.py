"""How requests are refused: without what they held, and to people in their own language."""

import re
from pathlib import Path

import httpx
import pytest

from app.router.page_colors import page_colors
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel
from tests.support.server import running_server


async def test_what_was_sent_is_not_repeated() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            url = f"http://127.0.0.1:{server.port}"
            query = await client.get(f"{url}/sessions", params={"limit": "secret-1", "status": "secret-2"})
            body = await client.post(f"{url}/sessions/x/messages", json={"content": 7, "mode": "secret-3"})
            broken = await client.post(f"{url}/sessions/x/messages", content='{"content": secret-4')

    for answer in (query, body, broken):
        assert answer.status_code == 422
        assert "secret" not in answer.text
        assert all(fault["loc"] and fault["msg"] for fault in answer.json()["detail"])
    assert {tuple(fault["loc"]) for fault in query.json()["detail"]} == {
        ("query", "limit"),
        ("query", "status"),
    }


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
TOKENS = "root=token-root-1:admin,ana=token-ana-1:user"


@pytest.mark.parametrize(
    ("path", "language", "status", "title"),
    [
        ("/nowhere", "es", 404, "Aquí no hay nada"),
        ("/nowhere", "en", 404, "There is nothing here"),
        ("/sessions", "es", 401, "Hace falta un token"),
        ("/users/ana/sessions?lang=en", "es", 401, "A token is needed"),
        ("/agent/diagnose", "es", 401, "Diagnóstico"),
        ("/agent/diagnose?lang=en", "es", 401, "Diagnosis"),
        ("/ws", "en", 404, "There is nothing here"),
    ],
)
async def test_people_are_refused_by_a_page_and_programs_as_ever(
    path: str, language: str, status: int, title: str
) -> None:
    async with running_server(settings_with(api_tokens=TOKENS), provider=ScriptedModel([])) as server:
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            url = f"http://127.0.0.1:{server.port}{path}"
            page = await client.get(url, headers={"Accept": BROWSER, "Accept-Language": language})
            program = await client.get(url)
            sheets = [page.url.join(href) for href in re.findall(r'href="([^"]*css)"', page.text)]
            if "<base" in page.text:
                sheets = [page.url.join("../").join(href) for href in re.findall(r'"([^"]*css)"', page.text)]
            loaded = [(await client.get(sheet)).status_code for sheet in sheets]

    assert (page.status_code, program.status_code) == (status, status)
    assert f"<h1>{title}</h1>" in page.text
    assert f"<title>{title} · Voice Agent</title>" in page.text
    assert program.json()["detail"]
    assert page.headers.get("www-authenticate") == program.headers.get("www-authenticate")
    assert loaded == [200, 200]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


async def test_refusal_says_nothing_that_the_request_held_but_escaped() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            url = f"http://127.0.0.1:{server.port}"
            paths = (
                "/<script>alert(1)</script>",
                "/a'b\"><i>",
                "//evil.example/x",
                "/?lang=<b>",
                "/docs/<b>?lang=<b>",
            )
            pages = [await client.get(url + path, headers={"Accept": BROWSER}) for path in paths]

    for page in pages:
        assert "<script>" not in page.text and "<i>" not in page.text and "<b>" not in page.text
        assert "evil" not in page.text


@pytest.mark.parametrize("color", ["#ffd400", "#000000"])
async def test_pages_of_the_server_wear_the_operators_look(tmp_path: Path, color: str) -> None:
    (tmp_path / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    settings = settings_with(
        api_tokens=TOKENS, page_color=color, page_title="Zapatería <b>", page_logo=str(tmp_path / "logo.svg")
    )
    async with running_server(settings, provider=ScriptedModel([]), tools=[]) as server:
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            url, admin = f"http://127.0.0.1:{server.port}", {"Authorization": "Bearer token-root-1"}
            asked = [
                ("/agent/diagnose", admin),
                ("/agent/diagnose", {}),
                ("/docs", {}),
                ("/users/x/none", {}),
            ]
            pages = [
                await client.get(url + path, headers={**headers, "Accept": BROWSER})
                for path, headers in asked
            ]
            colors = await client.get(f"{url}/page/colors.css")

    for page, root in zip(pages, ("../", "", "", "../../"), strict=True):
        assert f'href="{root}page/colors.css"' in page.text, page.url
        assert f'src="{root}page/logo"' in page.text
        assert " · Zapatería &lt;b&gt;</title>" in page.text
    assert colors.headers["content-type"].startswith("text/css")
    shades = page_colors(color)
    for name in ("accent", "bubble", "bubble_hover", "on_bubble", "accent_soft"):
        light, dark = getattr(shades.light, name), getattr(shades.dark, name)
        assert f"--{name.replace('_', '-')}: light-dark({light}, {dark});" in colors.text


async def test_without_a_colour_there_is_no_sheet_of_them() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        docs = await server.get("/docs")
        sheet = await server.get("/page/colors.css")

    assert "colors.css" not in docs.text
    assert sheet.status_code == 404

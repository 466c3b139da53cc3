"""How the page is to look."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel
from tests.support.server import running_server

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


async def look_of(**settings: Any) -> dict[str, Any]:
    async with running_server(settings_with(**settings), provider=ScriptedModel([])) as server:
        return (await server.get("/agent/page")).json()


async def test_look_of_a_server_without_settings() -> None:
    assert await look_of() == {
        "title": "Voice Agent",
        "agent_name": None,
        "color": None,
        "logo": None,
        "suggestions": {"es": [], "en": []},
        "languages": ["es", "en"],
    }


@pytest.mark.parametrize(
    ("settings", "field", "value"),
    [
        ({"agent_name": "Lola"}, "title", "Lola"),
        ({"agent_name": "Lola"}, "agent_name", "Lola"),
        ({"agent_name": "Lola", "page_title": "Tienda"}, "title", "Tienda"),
        ({"page_languages": "en"}, "languages", ["en"]),
        ({"page_languages": "en, es,en"}, "languages", ["en", "es"]),
        (
            {"page_suggestions_es": " ¿Dónde está, dime? | Otra |", "page_suggestions_en": "Where?"},
            "suggestions",
            {"es": ["¿Dónde está, dime?", "Otra"], "en": ["Where?"]},
        ),
    ],
)
async def test_look_follows_the_settings(settings: dict[str, Any], field: str, value: Any) -> None:
    assert (await look_of(**settings))[field] == value


async def test_logo_is_served_as_what_it_is_and_can_do_nothing(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(SVG)
    settings = settings_with(page_logo=str(tmp_path / "logo.png"), page_color="#F0a")
    async with running_server(settings, provider=ScriptedModel([])) as server:
        look = (await server.get("/agent/page")).json()
        logo = await server.get(f"/{look['logo']}")
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            tag = {"If-None-Match": logo.headers["etag"]}
            again = await client.get(f"http://127.0.0.1:{server.port}/page/logo", headers=tag)

    assert (logo.content, logo.headers["content-type"]) == (SVG, "image/svg+xml")
    assert logo.headers["x-content-type-options"] == "nosniff"
    policy = logo.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy and "script" not in policy
    assert again.status_code == 304
    assert look["color"]["light"]["bubble"] == "#ff00aa" or look["color"]["light"]["on_bubble"]


async def test_without_a_logo_there_is_none() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        assert (await server.get("/page/logo")).status_code == 404

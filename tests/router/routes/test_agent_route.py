"""What operators look at."""

import asyncio
import re

import httpx
import pytest

from app.llm.base import Check
from app.router.advice import advice_for
from app.speech.base import VoiceEngines
from app.speech.models.readiness import HalfState
from app.speech.voices import voice_called
from tests.deploy.proxies import ROOT
from tests.support.context import settings_with
from tests.support.scripted import Pause, Says, ScriptedModel, says
from tests.support.server import client_of, running_server

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def test_sessions_lists_the_live_ones_with_their_details() -> None:
    model = ScriptedModel([says("Hola"), [Says("a"), Pause(60)]])
    async with running_server(provider=model) as server:
        nothing = (await server.get("/sessions")).json()
        async with client_of(server) as client:
            session_id = await client.opens("ana")
            await client.says("hola")
            await client.hears("response_complete")
            await client.says("otra")
            await client.hears("response_chunk", "a")
            listed = (await server.get("/sessions")).json()
            shown = (await server.get(f"/sessions/{session_id}")).json()

    assert nothing == {"active_sessions": 0, "sessions": []}
    assert listed == {"active_sessions": 1, "sessions": [shown]}
    assert set(shown) == {
        "session_id",
        "user_id",
        "state",
        "created_at",
        "last_activity",
        "message_count",
        "pending_tools",
    }
    assert (shown["session_id"], shown["user_id"], shown["state"]) == (session_id, "ana", "speaking")
    assert shown["message_count"] == 3
    assert TIME.fullmatch(shown["created_at"])
    assert TIME.fullmatch(shown["last_activity"])


@pytest.mark.parametrize("session_id", ["nope", "00000000-0000-4000-8000-000000000000", "%2e%2e"])
async def test_unknown_session_is_404(session_id: str) -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        assert (await server.get(f"/sessions/{session_id}")).status_code == 404


async def test_health_names_the_model_and_asks_nobody() -> None:
    model = ScriptedModel([])
    async with running_server(settings_with(agent_locale="en"), provider=model) as server:
        health = (await server.get("/agent/health")).json()

    assert health["status"] == "ok"
    assert health["llm"] == {"provider": "demo", "model": "scripted", "demo": True}
    assert health["locale"] == "en"
    assert "calculate" in health["tools"]["available"]
    assert model.requests == []


async def test_health_says_how_speech_stands() -> None:
    settings = settings_with(voice=False)
    async with running_server(settings, provider=ScriptedModel([])) as server:
        off = (await server.get("/agent/health")).json()["voice"]
        server.service.voice.status, server.service.voice.progress = "loading", 0.4321
        server.service.voice.detail = "silero_vad.onnx"
        server.service.session_host.engines = VoiceEngines(voices=(voice_called("ef_dora", "es"),))
        server.service.voice.halves = {"in": HalfState("ready"), "out": HalfState("failed", "no phonemes")}
        loading = (await server.get("/agent/health")).json()["voice"]

    neither = {"status": "off", "detail": ""}
    assert off == {"status": "off", "progress": 0, "detail": "", "in": neither, "out": neither, "voices": []}
    assert loading == {
        "status": "loading",
        "progress": 0.432,
        "detail": "silero_vad.onnx",
        "in": {"status": "ready", "detail": ""},
        "out": {"status": "failed", "detail": "no phonemes"},
        "voices": [{"name": "ef_dora", "label": "Dora", "language": "es"}],
    }


class Broken(ScriptedModel):
    async def diagnose(self) -> list[Check]:
        return [Check("key", ok=False, detail="refused; check AZURE_OPENAI_API_KEY")]


async def test_diagnosis_fails_where_a_check_fails() -> None:
    settings = settings_with(public_ip_url="http://127.0.0.1:9/ip")
    async with running_server(settings, provider=Broken([])) as server:
        diagnosis = (await server.get("/agent/diagnose")).json()

    assert diagnosis["status"] == "failed"
    assert [(c["name"], c["ok"]) for c in diagnosis["checks"]] == [("key", False), ("PUBLIC_IP_URL", False)]
    assert "check the address" in diagnosis["checks"][1]["detail"]


async def test_diagnosis_is_ok_where_all_is_well() -> None:
    async with running_server(provider=ScriptedModel([]), tools=[]) as server:
        diagnosis = (await server.get("/agent/diagnose")).json()

    assert diagnosis == {
        "status": "ok",
        "checks": [{"name": "script", "ok": True, "status": "ok", "detail": "always there", "mend": ""}],
    }


async def test_what_people_can_talk_without_is_a_warning() -> None:
    settings = settings_with(public_ip_url="http://127.0.0.1:9/ip", voice=True)
    async with running_server(settings, provider=ScriptedModel([]), engines=VoiceEngines()) as server:
        server.service.voice.halves = {
            "in": HalfState("not_installed", "a model"),
            "out": HalfState("off"),
        }
        diagnosis = (await server.get("/agent/diagnose")).json()

    assert diagnosis["status"] == "warning"
    statuses = {check["name"]: check["status"] for check in diagnosis["checks"]}
    assert statuses == {"script": "ok", "voice.in": "warning", "PUBLIC_IP_URL": "warning"}
    assert all(bool(check["mend"]) is not check["ok"] for check in diagnosis["checks"])


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (BROWSER, True),
        ("application/json", False),
        ("*/*", False),
        ("", False),
        ("application/json, text/html;q=0.5", False),
        ("application/json;q=0.5, text/html", True),
        ("text/html;q=0", False),
    ],
)
async def test_browsers_get_a_page_and_programs_json(accept: str, is_page: bool) -> None:
    async with running_server(provider=ScriptedModel([]), tools=[]) as server:
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            url = f"http://127.0.0.1:{server.port}/agent/diagnose"
            answer = await client.get(url, headers={"Accept": accept})

    assert answer.headers["content-type"].startswith("text/html") is is_page


class Hostile(ScriptedModel):
    async def diagnose(self) -> list[Check]:
        return [Check("key", ok=False, detail="<script>alert(1)</script>"), Check("<b>", ok=False, detail="")]


@pytest.mark.parametrize(
    ("query", "accepted", "shown"),
    [
        ("", "es-MX,es;q=0.9,en;q=0.8", ("es", "Fallo", "Copia de nuevo la clave")),
        ("", "fr", ("en", "Failed", "Copy the key")),
        ("", "en;q=0.5, es;q=0.7", ("es", "Fallo", "Copia de nuevo la clave")),
        ("?lang=en", "es", ("en", "Failed", "Copy the key")),
        ("?lang=es", "en", ("es", "Fallo", "Copia de nuevo la clave")),
    ],
)
async def test_page_says_in_both_languages_how_to_mend(
    query: str, accepted: str, shown: tuple[str, str, str]
) -> None:
    async with running_server(provider=Hostile([]), tools=[]) as server:
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            url = f"http://127.0.0.1:{server.port}/agent/diagnose{query}"
            headers = {"Accept": BROWSER, "Accept-Language": accepted}
            answer = await client.get(url, headers=headers)
            styles = re.findall(r'href="\.\./(static/[^"]*css)"', answer.text)
            loaded = [await server.get(f"/{path}") for path in styles]

    assert f'<html lang="{shown[0]}">' in answer.text
    assert shown[1] in answer.text and shown[2] in answer.text
    assert "<script" not in answer.text and "<b>" not in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert len(loaded) == 2 and all(one.status_code == 200 for one in loaded)


def test_each_part_is_named_in_both_languages() -> None:
    checked = re.findall(
        r'(?:Stage|Check)\(\s*"([\w.]+)"',
        "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app").rglob("*.py")),
    )
    names = {*checked, "PUBLIC_IP_URL", "WEATHER_URL", "voice.in", "voice.out"}

    assert len(names) > 8
    for name in names:
        spanish, english = advice_for(name, "es"), advice_for(name, "en")
        assert spanish.part != name and english.part != name, name
        assert spanish.mend and english.mend and spanish != english, name


async def test_routes_are_listed_for_people() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        page = await server.get("/docs?lang=en")
        schema = (await server.get("/openapi.json")).json()

    assert page.headers["content-type"].startswith("text/html")
    for path, methods in schema["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in page.text


class Slow(ScriptedModel):
    """Answers a diagnosis when it is told to, and counts them."""

    def __init__(self) -> None:
        super().__init__([])
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def diagnose(self) -> list[Check]:
        self.asked += 1
        self.was_asked.set()
        await self.may_answer.wait()
        return []


async def test_all_who_ask_for_a_diagnosis_at_once_cost_one() -> None:
    model = Slow()
    async with running_server(provider=model) as server:
        asking = [asyncio.create_task(server.get("/agent/diagnose")) for _ in range(5)]
        await model.was_asked.wait()
        asking[0].cancel()
        await server.get("/agent/health")
        model.may_answer.set()
        answers = await asyncio.gather(*asking[1:])
        again = await server.get("/agent/diagnose")

    assert {answer.status_code for answer in answers} == {200}
    assert again.status_code == 200
    assert model.asked == 2


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 200),
        ({}, 200),
    ],
)
async def test_page_of_another_site_cannot_have_a_diagnosis_paid_for(
    headers: dict[str, str], status: int
) -> None:
    model = Slow()
    model.may_answer.set()
    async with (
        running_server(provider=model) as server,
        httpx.AsyncClient(verify=False, trust_env=False) as client,
    ):
        answer = await client.get(f"http://127.0.0.1:{server.port}/agent/diagnose", headers=headers)

    assert answer.status_code == status
    assert model.asked == (status == 200)

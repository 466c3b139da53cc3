"""Talks over HTTP as the store has them: lists, messages, exports, erasure."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.settings import Settings
from tests.support.context import settings_with
from tests.support.scripted import Calls, Pause, Says, ScriptedModel, last_text, says
from tests.support.server import PATIENCE_S, Server, client_of, running_server
from tests.support.talk import Workshop
from tests.support.v2_client import v2_client


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with(database_url=f"sqlite+aiosqlite:///{tmp_path}/talks.db")


async def asks(server: Server, method: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        return await client.request(method, f"http://127.0.0.1:{server.port}{path}", **options)


@asynccontextmanager
async def after_a_talk(settings: Settings, user_id: str = "ana") -> AsyncIterator[tuple[Server, str]]:
    """A server on which somebody had a talk with a tool, and left."""
    shop = Workshop()
    script = [[Says("Voy."), Calls([("work", {"tag": "a", "result": 4})])], says("Son 4.")]
    async with running_server(settings, provider=ScriptedModel(script), tools=[shop.tool("work")]) as server:
        async with client_of(server) as client:
            session_id = await client.opens(user_id)
            await client.says("¿2+2?")
            await client.hears_answer()
        await server.is_empty()
        yield server, session_id


async def test_messages_of_an_ended_talk_are_listed_in_order(settings: Settings) -> None:
    async with after_a_talk(settings) as (server, session_id):
        listed = (await asks(server, "GET", f"/sessions/{session_id}/messages")).json()

    assert [(m["role"], m["content"]) for m in listed["messages"] if m["role"] != "tool"] == [
        ("user", "¿2+2?"),
        ("assistant", "Voy."),
        ("assistant", "Son 4."),
    ]
    assert [m["position"] for m in listed["messages"]] == [0, 1, 2, 3]
    assert listed["messages"][1]["tool_calls"][0]["function"]["name"] == "work"
    assert listed["next_cursor"] is None


async def test_messages_come_in_pages(settings: Settings) -> None:
    async with after_a_talk(settings) as (server, session_id):
        path, seen, cursor = f"/sessions/{session_id}/messages?limit=3", [], ""
        while cursor is not None:
            page = (await asks(server, "GET", path + (f"&cursor={cursor}" if cursor else ""))).json()
            seen += [m["position"] for m in page["messages"]]
            cursor = page["next_cursor"]
        bad = await asks(server, "GET", path + "&cursor=nonsense")

    assert seen == [0, 1, 2, 3]
    assert bad.status_code == 422


async def test_export_is_a_file_in_two_forms(settings: Settings) -> None:
    async with after_a_talk(settings) as (server, session_id):
        as_json = await asks(server, "GET", f"/sessions/{session_id}/export")
        as_text = await asks(server, "GET", f"/sessions/{session_id}/export?format=markdown")
        other = await asks(server, "GET", f"/sessions/{session_id}/export?format=pdf")

    assert as_json.json()["session_id"] == session_id
    assert len(as_json.json()["messages"]) == 4
    assert "attachment" in as_json.headers["content-disposition"]
    assert "Son 4." in as_text.text
    assert "*work*" in as_text.text
    assert as_text.headers["content-type"].startswith("text/markdown")
    assert other.status_code == 422


async def test_ended_and_live_sessions_are_listed_by_status(settings: Settings) -> None:
    async with after_a_talk(settings) as (server, ended), client_of(server) as client:
        live = await client.opens("luis")
        lists = {
            status: [
                s["session_id"]
                for s in (await asks(server, "GET", f"/sessions?status={status}")).json()["sessions"]
            ]
            for status in ("active", "ended", "all")
        }
        of_luis = (await asks(server, "GET", "/sessions?status=all&user_id=luis")).json()["sessions"]
        idle = (await asks(server, "GET", "/sessions?state=idle")).json()["sessions"]
        speaking = (await asks(server, "GET", "/sessions?state=speaking")).json()["sessions"]

    assert lists["active"] == [live]
    assert lists["ended"] == [ended]
    assert sorted(lists["all"]) == sorted([live, ended])
    assert [s["session_id"] for s in of_luis] == [live]
    assert [s["session_id"] for s in idle] == [live]
    assert speaking == []


QUERIES_WITH_A_STATE = (
    "all&state=ended",
    "ended&state=ended",
    "all&state=speaking",
    "all&state=idle",
    "ended&state=idle",
    "all&state=sleeping",
)


async def test_a_page_of_sessions_in_a_state_is_as_long_as_it_may_be(settings: Settings) -> None:
    model = ScriptedModel(lambda r: [Says("a"), Pause(60)])
    async with running_server(settings, provider=model) as server:
        ended: list[str] = []
        async with client_of(server) as busy, client_of(server) as idle:
            speaking = await busy.opens()
            await busy.says("hola")
            await busy.hears("response_chunk")
            for _ in range(5):
                async with client_of(server) as gone:
                    ended.append(await gone.opens())
            resting = await idle.opens()
            async with asyncio.timeout(PATIENCE_S):
                path = "/sessions?status=ended"
                while len((await asks(server, "GET", path)).json()["sessions"]) < len(ended):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)  # the product needs no event for it
            seen: dict[str, list[list[str]]] = {}
            for query in QUERIES_WITH_A_STATE:
                pages, cursor = [], ""
                while cursor is not None:
                    path = f"/sessions?status={query}&limit=2" + (f"&cursor={cursor}" if cursor else "")
                    page = (await asks(server, "GET", path)).json()
                    pages.append([session["session_id"] for session in page["sessions"]])
                    cursor = page.get("next_cursor")
                seen[query] = pages

    newest_first = ended[::-1]
    in_pages = [newest_first[:2], newest_first[2:4], newest_first[4:]]
    assert seen["all&state=ended"] == seen["ended&state=ended"] == in_pages
    assert seen["all&state=speaking"] == [[speaking]]
    assert seen["all&state=idle"] == [[resting]]
    assert seen["ended&state=idle"] == seen["all&state=sleeping"] == [[]]


async def test_live_sessions_come_in_pages(settings: Settings) -> None:
    async with running_server(settings, provider=ScriptedModel([])) as server:
        async with client_of(server) as a, client_of(server) as b, client_of(server) as c:
            ids = [await client.opens() for client in (a, b, c)]
            first = (await asks(server, "GET", "/sessions?limit=2")).json()
            rest = (await asks(server, "GET", f"/sessions?limit=2&cursor={first['next_cursor']}")).json()

    assert [s["session_id"] for s in first["sessions"] + rest["sessions"]] == ids
    assert first["active_sessions"] == 3
    assert "next_cursor" not in rest


async def test_erased_talk_is_gone_and_stays_gone(settings: Settings) -> None:
    model = ScriptedModel(lambda r: [Says("a"), Pause(0.2), Says(last_text(r))])
    async with running_server(settings, provider=model) as server, v2_client(server) as client:
        await client.starts()
        await client.says("secreto")
        await client.hears("response_chunk")
        erased = await asks(server, "DELETE", f"/sessions/{client.session_id}")
        assert await client.is_closed() == 4410
        await asyncio.sleep(0.4)  # a late write would come now
        messages = await asks(server, "GET", f"/sessions/{client.session_id}/messages")
        again = await asks(server, "DELETE", f"/sessions/{client.session_id}")

    assert erased.status_code == 204
    assert messages.status_code == 404
    assert again.status_code == 404


async def test_without_a_store_what_needs_it_says_so() -> None:
    async with running_server(provider=ScriptedModel([])) as server, client_of(server) as client:
        session_id = await client.opens()
        answers = [
            await asks(server, "GET", path)
            for path in (
                f"/sessions/{session_id}/messages",
                f"/sessions/{session_id}/export",
                "/sessions?status=all",
            )
        ]

    assert [answer.status_code for answer in answers] == [503] * 3
    assert all("DATABASE_URL is none" in answer.json()["detail"] for answer in answers)


async def test_what_a_back_end_and_the_server_put_in_is_marked_as_theirs(settings: Settings) -> None:
    settings = settings.model_copy(update={"agent_greeting": "on"})
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(settings, provider=model) as server, v2_client(server) as client:
        await client.starts()
        await client.hears_answer()
        path = f"/sessions/{client.session_id}"
        for mode in ("say", "prompt", "context"):
            await asks(server, "POST", f"{path}/messages", json={"content": mode, "mode": mode})
        await client.hears_answer()
        await client.hears_answer()
        await client.says("hola")
        await client.hears_answer()
        listed = (await asks(server, "GET", f"{path}/messages")).json()["messages"]
        exported = (await asks(server, "GET", f"{path}/export")).json()["messages"]
        written = (await asks(server, "GET", f"{path}/export?format=markdown")).text

    marked = [(message["role"], message["source"]) for message in listed]
    assert sorted(marked, key=str) == sorted(
        [
            ("system", "server"),
            ("assistant", None),
            ("assistant", "backend"),
            ("system", "backend"),
            ("assistant", None),
            ("system", "backend"),
            ("user", None),
            ("assistant", None),
        ],
        key=str,
    )
    assert [message["source"] for message in exported] == [source for _, source in marked]
    assert [
        written.count(f"**{who}") for who in ("Sistema propio, por", "Sistema propio, para", "Servidor, para")
    ] == [1, 2, 1]


async def test_words_of_a_back_end_are_words_of_others_after_a_restart_too(settings: Settings) -> None:
    settings = settings.model_copy(update={"tool_approval": "writes"})
    workshop = Workshop()
    tools = [workshop.tool("keep", "write", approval="after_outside", from_outside=False)]
    model = ScriptedModel(lambda r: [Calls([("keep", {})])] if last_text(r) == "guarda" else says("Sí."))
    async with running_server(settings, provider=model, tools=tools) as server, v2_client(server) as client:
        await client.starts()
        await asks(server, "POST", f"/sessions/{client.session_id}/messages", json={"content": "Guarda."})
        await client.hears_answer()
        await client.drops()
    async with running_server(settings, provider=model, tools=tools) as server:
        client.url = server.url
        await client.resumes()
        await client.says("guarda")
        await client.hears("approval_requested")
        await client.drops()

    assert workshop.runs == []

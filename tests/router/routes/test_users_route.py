"""What is kept of a user, for them and for operators."""

from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

from app.storage.errors import StoreUnavailable
from config.settings import Settings
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, says
from tests.support.server import Server, client_of, running_server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with(database_url=f"sqlite+aiosqlite:///{tmp_path}/talks.db")


async def asks(server: Server, method: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        return await client.request(method, f"http://127.0.0.1:{server.port}{path}", **options)


async def test_users_talks_are_listed_and_erased(settings: Settings) -> None:
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        async with client_of(server) as client, client_of(server) as other:
            mine, others = await client.opens("ana"), await other.opens("luis")
            await client.says("hola")
            await client.hears_answer()
            before = (await asks(server, "GET", "/users/ana/sessions")).json()
            erased = await asks(server, "DELETE", "/users/ana")
            assert await client.is_closed() == 4410
            after = (await asks(server, "GET", "/users/ana/sessions")).json()
            left = (await asks(server, "GET", "/sessions")).json()["sessions"]

    assert [(s["session_id"], s["title"]) for s in before["sessions"]] == [(mine, "hola")]
    assert erased.status_code == 204
    assert after["sessions"] == []
    assert [s["session_id"] for s in left] == [others]


async def test_talks_without_a_text_can_be_left_out_and_come_in_pages(settings: Settings) -> None:
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        ids: list[str] = []
        for text in (" uno\n dos ", None, "tres", "cuatro"):
            async with client_of(server) as client:
                session_id = await client.opens("ana")
                if text is not None:
                    await client.says(text)
                    await client.hears_answer()
                    ids.append(session_id)
        path, seen, cursor = "/users/ana/sessions?spoken=true&limit=2", [], ""
        while cursor is not None:
            page = (await asks(server, "GET", path + (f"&cursor={cursor}" if cursor else ""))).json()
            seen.append([(s["session_id"], s["title"]) for s in page["sessions"]])
            cursor = page.get("next_cursor")

    assert seen == [[(ids[2], "cuatro"), (ids[1], "tres")], [(ids[0], "uno dos")]]


async def test_profile_is_kept_shown_and_forgotten(settings: Settings) -> None:
    profile = {"name": "Ana", "language": "es", "preferences": {"tone": "short"}, "notes": ["likes tea"]}
    async with running_server(settings, provider=ScriptedModel([])) as server:
        nothing = (await asks(server, "GET", "/users/ana/profile")).json()
        put = await asks(server, "PUT", "/users/ana/profile", json=profile)
        shown = (await asks(server, "GET", "/users/ana/profile")).json()
        wrong = await asks(server, "PUT", "/users/ana/profile", json={"notes": ["x"] * 51})
        await asks(server, "DELETE", "/users/ana/profile")
        after = (await asks(server, "GET", "/users/ana/profile")).json()

    assert put.status_code == 200
    assert shown == profile
    assert wrong.status_code == 422
    assert nothing == after == {"name": None, "language": None, "preferences": {}, "notes": []}


@pytest.mark.parametrize("path", ["/users/anonymous/sessions", "/users/anonymous/profile"])
async def test_nobody_has_nothing(settings: Settings, path: str) -> None:
    async with running_server(settings, provider=ScriptedModel([])) as server:
        assert (await asks(server, "GET", path)).status_code == 404


async def test_only_this_machine_asks_about_users_without_tokens(settings: Settings) -> None:
    async with running_server(settings, provider=ScriptedModel([])) as server:
        answer = await asks(server, "GET", "/users/ana/sessions", headers={"X-Forwarded-For": "8.8.8.8"})

    assert answer.status_code == 403


async def test_one_note_is_erased_and_the_rest_stays(settings: Settings) -> None:
    async with running_server(settings, provider=ScriptedModel([])) as server:
        await asks(server, "PUT", "/users/ana/profile", json={"name": "Ana", "notes": ["a", "b", "c"]})
        left = await asks(server, "DELETE", "/users/ana/profile/notes/1")
        unknown = await asks(server, "DELETE", "/users/ana/profile/notes/2")
        shown = await asks(server, "GET", "/users/ana/profile")

    assert left.status_code == 200
    assert left.json() == shown.json()
    assert shown.json()["notes"] == ["a", "c"]
    assert unknown.status_code == 404


async def test_who_has_seen_an_older_profile_changes_nothing(settings: Settings) -> None:
    async with running_server(settings, provider=ScriptedModel([])) as server:
        first = await asks(server, "PUT", "/users/ana/profile", json={"notes": ["a", "b"]})
        seen = {"If-Match": first.headers["ETag"]}
        newer = await asks(server, "DELETE", "/users/ana/profile/notes/0", headers=seen)
        note = await asks(server, "DELETE", "/users/ana/profile/notes/0", headers=seen)
        put = await asks(server, "PUT", "/users/ana/profile", json={}, headers=seen)
        shown = await asks(server, "GET", "/users/ana/profile")

    assert (note.status_code, put.status_code) == (412, 412)
    assert shown.json()["notes"] == ["b"]
    assert shown.headers["ETag"] == newer.headers["ETag"] != first.headers["ETag"]


async def test_profiles_need_a_store() -> None:
    async with running_server(settings_with(), provider=ScriptedModel([])) as server:
        answers = [
            await asks(server, method, f"/users/ana/profile{path}", json={})
            for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("DELETE", "/notes/0"))
        ]

    assert [answer.status_code for answer in answers] == [503] * 4


async def test_a_token_opens_its_own_users_profile_and_an_admins_opens_all(settings: Settings) -> None:
    tokens = "ana=a-long-secret-1:user,ops=a-long-secret-2:admin"
    with_tokens = settings_with(database_url=settings.database_url, api_tokens=tokens)
    async with running_server(with_tokens, provider=ScriptedModel([])) as server:
        codes = [
            (
                await asks(
                    server, "GET", f"/users/{user}/profile", headers={"Authorization": f"Bearer {token}"}
                )
            ).status_code
            for user, token in (
                ("ana", "a-long-secret-1"),
                ("luis", "a-long-secret-1"),
                ("luis", "a-long-secret-2"),
                ("ana", "wrong"),
            )
        ]

    assert codes == [200, 404, 200, 401]


async def test_talk_is_renamed_found_and_exported_by_its_title(settings: Settings) -> None:
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        async with client_of(server) as client:
            session_id = await client.opens("ana")
            await client.says("hola")
            await client.hears_answer()
            path, title = f"/sessions/{session_id}", {"title": " Mi\n  charla "}
            renamed = await asks(server, "PATCH", path, json=title)
            listed = [
                (await asks(server, "GET", f"/users/ana/sessions?q={q}")).json()["sessions"]
                for q in ("charla", "HOLA", "otra")
            ]
            stored = (await asks(server, "GET", "/sessions?status=all")).json()["sessions"]
            exported = (await asks(server, "GET", f"{path}/export")).json()
            written = await asks(server, "GET", f"{path}/export?format=text&time_zone=Asia/Tokyo")
            foreign = await asks(server, "PATCH", path, json=title, headers={"Origin": "http://evil.example"})
            wrong = [
                (await asks(server, "PATCH", path, json=body)).status_code
                for body in ({"title": "x" * 201}, {}, {"title": 1})
            ]
            no_zone = await asks(server, "GET", f"{path}/export?time_zone=Mars")
            unknown = await asks(server, "PATCH", "/sessions/nope", json=title)
            cleared = await asks(server, "PATCH", path, json={"title": None})

    assert (renamed.status_code, renamed.json()) == (200, {"session_id": session_id, "title": "Mi charla"})
    assert [[one["title"] for one in some] for some in listed] == [["Mi charla"], ["Mi charla"], []]
    assert [one["title"] for one in stored] == ["Mi charla"]
    assert exported["title"] == "Mi charla"
    assert written.text.startswith("Mi charla\n") and "(Asia/Tokyo)" in written.text
    assert written.headers["content-type"].startswith("text/plain")
    assert (foreign.status_code, wrong, no_zone.status_code, unknown.status_code) == (
        403,
        [422] * 3,
        422,
        404,
    )
    assert cleared.json()["title"] == "hola"


async def test_live_talk_has_its_title_wherever_it_is_shown(settings: Settings) -> None:
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        async with client_of(server) as client, client_of(server) as silent:
            session_id = await client.opens("ana")
            await silent.opens("luis")
            await client.says("hola\n  a todos")
            await client.hears_answer()
            path, seen = f"/sessions/{session_id}", list[dict[str, str | None]]()
            for title in (None, "Mi charla", "Otra"):
                if title is not None:
                    await asks(server, "PATCH", path, json={"title": title})
                listed = (await asks(server, "GET", "/sessions")).json()["sessions"]
                active = (await asks(server, "GET", "/sessions?status=active")).json()["sessions"]
                shown = (await asks(server, "GET", path)).json()
                assert listed == active
                assert listed[0] == shown
                seen.append({one["user_id"]: one.get("title") for one in listed})

    assert [one["ana"] for one in seen] == ["hola a todos", "Mi charla", "Otra"]
    assert {one["luis"] for one in seen} == {None}, "nothing was said there"


async def test_live_talks_are_shown_while_the_store_does_not_answer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object, **__: object) -> NoReturn:
        raise StoreUnavailable("held")

    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        async with client_of(server) as client:
            session_id = await client.opens("ana")
            monkeypatch.setattr(server.service.store, "sessions", nothing)
            listed = await asks(server, "GET", "/sessions")
            shown = await asks(server, "GET", f"/sessions/{session_id}")

    assert (listed.status_code, shown.status_code) == (200, 200)
    assert listed.json()["sessions"] == [shown.json()]
    assert "title" not in shown.json()


async def test_who_may_read_may_rename_and_nobody_else(settings: Settings) -> None:
    tokens = "ana=secret-of-ana-1234:user,luis=secret-of-luis-123:user,ops=secret-of-ops-1234:admin"
    settings = settings.model_copy(update={"api_tokens": settings_with(api_tokens=tokens).api_tokens})
    async with running_server(settings, provider=ScriptedModel(lambda r: says("Sí."))) as server:
        headers = {"Authorization": "Bearer secret-of-ana-1234"}
        async with client_of(server, additional_headers=headers) as client:
            session_id = await client.opens("ana")
            await client.says("hola")
            await client.hears_answer()
            status = {
                who: (
                    await asks(
                        server,
                        "PATCH",
                        f"/sessions/{session_id}",
                        json={"title": who},
                        headers={"Authorization": f"Bearer secret-of-{who}"},
                    )
                ).status_code
                for who in ("ana-1234", "luis-123", "ops-1234", "nobody")
            }

    assert status == {"ana-1234": 200, "luis-123": 404, "ops-1234": 200, "nobody": 401}


async def test_without_a_store_nothing_has_a_title() -> None:
    async with running_server(provider=ScriptedModel([])) as server, client_of(server) as client:
        session_id = await client.opens("ana")
        answer = await asks(server, "PATCH", f"/sessions/{session_id}", json={"title": "x"})

    assert answer.status_code == 404

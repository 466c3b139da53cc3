"""A talk outlives the server: a database file, two servers one after the other, one client."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.clock import SystemClock
from app.storage.writes import SessionChanged
from config.settings import Settings
from tests.storage.test_faults import locked_by_another_process
from tests.support.context import settings_with
from tests.support.scripted import Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.server import client_of, running_server
from tests.support.talk import Workshop
from tests.support.v2_client import V2Client, v2_client


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with(database_url=f"sqlite+aiosqlite:///{tmp_path}/talks.db", tool_inline_wait_s=0.05)


def move(client: V2Client, url: str) -> None:
    """The client's next connection goes to the new server."""
    client.url = url


async def test_what_was_acknowledged_is_there_after_a_restart(settings: Settings) -> None:
    model = ScriptedModel(lambda r: says(f"<{last_text(r)}>"))
    async with running_server(settings, provider=model) as server, v2_client(server) as client:
        await client.starts()
        await client.says("uno", id="c1")
        accepted = await client.hears("message_accepted")
        complete = await client.hears_answer()
        await client.drops()
        old_seq = client.last_seq
        async with running_server_after(server, settings, ScriptedModel(lambda r: says("Sigo."))) as second:
            move(client, second.url)
            resumed = await client.resumes()
            history = await client.hears_next()
            await client.says("uno", id="c1")
            again = await client.hears("message_accepted")
            await client.says("¿te acuerdas?", id="c2")
            answer = await client.hears_answer()
            prompts = second.service.provider.requests  # type: ignore[attr-defined]

    assert accepted["durable"] is True
    assert complete["durable"] is True
    assert (resumed["type"], resumed["gap"], resumed["next_seq"]) == ("session_resumed", True, 1)
    assert old_seq > 1
    assert [m["content"] for m in history["messages"]] == ["uno", "<uno>"]
    assert again["turn_id"] == accepted["turn_id"]
    assert answer["text"] == "Sigo."
    assert [m["content"] for m in prompts[0].messages[1:]] == ["uno", "<uno>", "¿te acuerdas?"]


def running_server_after(first: Any, settings: Settings, model: ScriptedModel, tools: Any = None) -> Any:
    """Ends the first server as a crash would, as far as its database is concerned, and starts another."""

    class _Second:
        async def __aenter__(self) -> Any:
            await first.service.aclose()
            self.server = running_server(settings, provider=model, tools=tools)
            return await self.server.__aenter__()

        async def __aexit__(self, *exc: Any) -> None:
            await self.server.__aexit__(*exc)

    return _Second()


async def test_text_that_is_older_than_the_window_gets_its_one_error(settings: Settings) -> None:
    model, clock = ScriptedModel([[Says("Emp"), Pause(60)]]), LaterClock(0)
    async with (
        running_server(settings, provider=model, clock=clock) as server,
        v2_client(server) as client,
    ):
        await client.starts()
        await client.says("primero", id="c1")
        first = await client.hears("message_accepted")
        await client.says("segundo", id="c2")
        second = await client.hears("message_accepted")
        clock.later = timedelta(seconds=settings.resume_window_s + 1)
        await crashes(server)
        await client.drops()
        later = LaterClock(settings.resume_window_s + 1)
        model = ScriptedModel(lambda r: says("Sí."))
        async with running_server(settings, provider=model, clock=later) as after:
            move(client, after.url)
            await client.resumes()
            history = await client.hears_next()
            errors = [await client.hears_next() for _ in range(2)]
            await client.says("¿sigues?", id="c3")
            await client.hears_answer()

    assert history["type"] == "history"
    assert history["waiting"] == []
    assert [(e["code"], e["turn_id"], e["retryable"]) for e in errors] == [
        ("server_restarted", first["turn_id"], True),
        ("server_restarted", second["turn_id"], True),
    ]
    assert [e["seq"] for e in errors] == [1, 2]
    assert [m["content"] for m in model.requests[0].messages[1:]] == ["primero", "segundo", "¿sigues?"]


async def test_text_waits_however_long_there_is_no_server(settings: Settings) -> None:
    model = ScriptedModel([[Says("Emp"), Pause(60)]])
    async with running_server(settings, provider=model) as server, v2_client(server) as client:
        await client.starts()
        await client.says("primero", id="c1")
        await client.hears("message_accepted")
        await crashes(server)
        await client.drops()
        model = ScriptedModel(lambda r: says("Sí."))
        clock = LaterClock(10 * settings.resume_window_s)
        async with running_server(settings, provider=model, clock=clock) as after:
            move(client, after.url)
            resumed = await client.resumes()
            answer = await client.hears_answer()

    assert resumed["type"] == "session_resumed"
    assert answer["text"] == "Sí."


async def test_tool_that_ran_is_interrupted_and_not_run_again(settings: Settings) -> None:
    shop = Workshop()
    model = ScriptedModel([calls(("send", {"seconds": 60, "tag": "a"})), says("Voy.")])
    tools = [shop.tool("send", "write")]
    async with running_server(settings, provider=model, tools=tools) as server, v2_client(server) as client:
        await client.starts()
        await client.says("envía", id="c1")
        await client.hears_answer()
        await client.drops()
        await asyncio.wait_for(asyncio.shield(stored(server)), 5)
        # A crash leaves the call's row as it was: running.
        await server.service.store.aclose(2)
        after_model = ScriptedModel(lambda r: says(f"<{last_text(r)}>"))
        async with running_server(settings, provider=after_model, tools=tools) as after:
            move(client, after.url)
            resumed = await client.resumes()
            told = await client.hears_answer()

    assert resumed["gap"] is True
    assert '"interrupted"' in told["text"]
    assert len(shop.runs) == 1


async def crashes(server: Any) -> None:
    """From now on nothing that the server does reaches its database, or another server's."""
    await server.service.store.aclose(2)


class LaterClock(SystemClock):
    """The wall's clock, so many seconds later."""

    def __init__(self, seconds: float) -> None:
        self.later = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self.later


async def stored(server: Any) -> None:
    """Waits until all that was handed to the store is in the database."""
    (live,) = server.service.sessions
    await server.service.store.write(SessionChanged(live.session_id, {"locale": "es"}))


@pytest.mark.parametrize("wrong", ["token", "window", "ended"])
async def test_session_that_may_not_come_back_does_not(settings: Settings, wrong: str) -> None:
    late = settings.model_copy(update={"resume_window_s": 0.2})
    async with running_server(settings, provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        if wrong == "ended":
            await client.leaves()
            await server.is_empty()
        else:
            await client.drops()
            await asyncio.sleep(0.3 if wrong == "window" else 0)  # the window itself passes
        async with running_server_after(
            server, late if wrong == "window" else settings, ScriptedModel([])
        ) as after:
            move(client, after.url)
            refused = await client.resumes(**({"resume_token": "x"} if wrong == "token" else {}))

    assert refused["code"] == "resume_refused"


async def test_own_earlier_talk_can_be_continued(settings: Settings) -> None:
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(settings, provider=model) as server:
        async with v2_client(server) as client:
            await client.starts()
            await client.says("recuerda el 7")
            await client.hears_answer()
            session_id = client.session_id
            await client.leaves()
        await server.is_empty()
        async with v2_client(server) as stranger:
            await stranger.connects()
            await stranger.sends({"type": "start", "user_id": "luis", "continue": session_id})
            refused = await stranger.hears_next()
        async with v2_client(server) as client:
            created = await client.starts(**{"continue": session_id})
            history = await client.hears_next()
            await client.says("¿cuál era?")
            await client.hears_answer()

    assert refused["code"] == "resume_refused"
    assert created["continued"] is True
    assert created["session_id"] == session_id
    assert [m["content"] for m in history["messages"]] == ["recuerda el 7", "Sí."]
    assert [m["content"] for m in model.requests[-1].messages[1:]] == ["recuerda el 7", "Sí.", "¿cuál era?"]


async def test_result_that_its_own_turn_has_told_is_not_told_again(settings: Settings) -> None:
    shop = Workshop()
    model = ScriptedModel([calls(("work", {"result": 4})), says("Son 4.")])
    tools = [shop.tool("work")]
    async with running_server(settings, provider=model, tools=tools) as server, v2_client(server) as client:
        await client.starts()
        await client.says("¿2+2?", id="c1")
        await client.hears_answer()
        await client.drops()
        after_model = ScriptedModel(lambda r: says("Sí."))
        async with running_server_after(server, settings, after_model, tools) as after:
            move(client, after.url)
            await client.resumes()
            await client.says("¿sigues?", id="c2")
            answer = await client.hears_answer()

    assert answer["text"] == "Sí."
    assert len(after_model.requests) == 1


async def test_knowledge_that_a_back_end_added_outlives_the_restart(settings: Settings) -> None:
    async with running_server(settings, provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        await adds(server, client.session_id, "Es cliente oro.")
        await stored(server)
        await client.drops()
        model = ScriptedModel(lambda r: says("Sí."))
        async with running_server_after(server, settings, model) as after:
            move(client, after.url)
            await client.resumes()
            history = await client.hears_next()
            await client.says("hola")
            await client.hears_answer()

    assert history["messages"] == [], "it was said by nobody"
    note = model.requests[0].messages[1]
    assert note["role"] == "system"
    assert note["content"].endswith('{"context":"Es cliente oro."}')


async def adds(server: Any, session_id: str, content: str) -> None:
    async with httpx.AsyncClient(verify=False, trust_env=False) as http:
        url = f"http://127.0.0.1:{server.port}/sessions/{session_id}/messages"
        answer = await http.post(url, json={"content": content, "mode": "context"})
        assert answer.status_code == 202


async def test_history_that_was_lost_on_the_way_comes_again(settings: Settings) -> None:
    """The client counts on from the history; without it, it still has its number of before the restart."""
    model = ScriptedModel(lambda r: says("uno ", "dos"))
    async with running_server(settings, provider=model) as server, v2_client(server) as client:
        await client.starts()
        await client.says("cuenta")
        await client.hears_answer()
        await client.drops()
        seen = client.last_seq
        async with running_server_after(server, settings, ScriptedModel([])) as after:
            move(client, after.url)
            first = await client.resumes()
            await client.drops()
            again = await client.resumes(last_seq=seen)
            history = await client.hears_next()
            await client.drops()
            from_nothing = await client.resumes(last_seq=0)

    assert seen > 1
    for resumed in (first, again, from_nothing):
        assert (resumed["gap"], resumed["replayed"], resumed["next_seq"]) == (True, 0, 1)
    assert [m["content"] for m in history["messages"]] == ["cuenta", "uno dos"]


async def test_history_of_a_continued_talk_that_was_lost_on_the_way_comes_again(settings: Settings) -> None:
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(settings, provider=model) as server, v2_client(server) as client:
        await client.starts()
        await client.says("hola")
        await client.hears_answer()
        session_id = client.session_id
        await client.leaves()
        await server.is_empty()
        client.last_seq = 0
        await client.starts(**{"continue": session_id})
        await client.drops()
        resumed = await client.resumes()
        history = await client.hears_next()

    assert (resumed["gap"], resumed["next_seq"]) == (True, 2)
    assert [m["content"] for m in history["messages"]] == ["hola", "Sí."]


async def test_endings_that_were_told_stand_in_the_history_of_a_client_that_missed_them(
    settings: Settings,
) -> None:
    shop = Workshop()
    tools = [shop.tool("send", "write")]
    model = ScriptedModel([calls(("send", {"seconds": 60})), [Pause(60)]])
    async with running_server(settings, provider=model, tools=tools) as server:
        async with v2_client(server) as client:
            await client.starts()
            await client.says("primero", id="c1")
            accepted = await client.hears("message_accepted")
            started = await client.hears("tool_started")
            await stored(server)
            await crashes(server)
            await client.drops()
            token = client.token
            silent = ScriptedModel(lambda r: [Pause(60)])
            async with running_server(settings, provider=silent, tools=tools) as after:
                move(client, after.url)
                await client.resumes()
                await client.hears_next()
                finished = await client.hears_next()
                error = await client.hears_next()
                await client.drops()
                resumed = await client.resumes(resume_token=token)
                history = await client.hears_next()
                await client.drops()
                last = await client.resumes()

    assert (finished["call_id"], finished["status"]) == (started["call_id"], "interrupted")
    assert finished["reason"] == "outcome_unknown"
    assert (error["code"], error["turn_id"]) == ("server_restarted", accepted["turn_id"])
    assert (resumed["gap"], history["type"]) == (True, "history")
    assert [(tool["call_id"], tool["status"]) for tool in history["tools"]] == [
        (started["call_id"], "interrupted")
    ]
    assert [(m["content"], m["ending"]) for m in history["messages"]] == [("primero", "failed")]
    assert (last["gap"], last["replayed"]) == (False, 0), "told once"


@pytest.mark.parametrize("lives_on", [True, False], ids=["lives", "has ended"])
async def test_talk_is_continued_in_the_language_of_whoever_asks(settings: Settings, lives_on: bool) -> None:
    async with running_server(settings, provider=ScriptedModel([])) as server, v2_client(server) as first:
        await first.starts(locale="es")
        if not lives_on:
            await first.leaves()
            await server.is_empty()
        async with v2_client(server) as second:
            await second.connects()
            await second.sends({"type": "start", "user_id": "x", "locale": "en", "continue": "none"})
            refused = await second.hears_next()
            await second.sends(
                {"type": "start", "user_id": "ana", "locale": "en", "continue": first.session_id}
            )
            await second.hears("history")
            await second.says(" ")
            error = await second.hears("error")

    assert refused["content"] == "The earlier talk can no longer be taken up."
    assert "the text is empty" in error["content"]


@pytest.mark.parametrize("is_there", [True, False], ids=["connected", "in its window"])
async def test_talk_that_still_lives_is_continued_elsewhere(settings: Settings, is_there: bool) -> None:
    model = ScriptedModel(lambda r: [Says("uno "), Pause(0.3), Says("dos")])
    async with running_server(settings, provider=model) as server:
        async with v2_client(server) as first, v2_client(server) as second, v2_client(server) as thief:
            await first.starts()
            await first.says("cuenta")
            await first.hears("response_chunk")
            if not is_there:
                await first.drops()
            await thief.connects()
            await thief.sends({"type": "start", "user_id": "luis", "continue": first.session_id})
            refused = await thief.hears_next()
            created = await second.starts(**{"continue": first.session_id})
            history = await second.hears_next()
            rest = await second.hears_answer()
            if is_there:
                assert await first.is_closed() == 4409
            old = await first.resumes()

    assert refused["code"] == old["code"] == "resume_refused"
    assert (created["seq"], created["continued"]) == (1, True)
    assert [m["content"] for m in history["messages"]] == ["cuenta"]
    assert history["turn"]["text"] == "uno "
    assert second.text_of(history["turn"]["turn_id"]) == "dos"
    assert rest["text"] == "uno dos"


async def test_talk_of_v1_is_continued_in_v2(settings: Settings) -> None:
    model = ScriptedModel(lambda r: says(f"<{last_text(r)}>"))
    async with running_server(settings, provider=model) as server:
        async with client_of(server) as old:
            session_id = await old.opens("ana")
            await old.says("hola")
            await old.hears_answer()
        await server.is_empty()
        async with v2_client(server) as client:
            created = await client.starts(**{"continue": session_id})
            history = await client.hears_next()
            await client.says("¿sigues?")
            answer = await client.hears_answer()
            await client.drops()
            async with running_server_after(server, settings, ScriptedModel([])) as after:
                move(client, after.url)
                resumed = await client.resumes()

    assert (created["seq"], created["protocol"]) == (1, "voice-agent.v2")
    assert [m["content"] for m in history["messages"]] == ["hola", "<hola>"]
    assert answer["text"] == "<¿sigues?>"
    assert resumed["type"] == "session_resumed"


async def test_token_is_stored_before_the_client_hears_it(settings: Settings, tmp_path: Path) -> None:
    patient = settings.model_copy(update={"store_timeout_s": 30})
    async with running_server(patient, provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        await stored(server)
        await client.drops()
        with locked_by_another_process(tmp_path / "talks.db"):
            coming = asyncio.create_task(client.resumes())
            await asyncio.sleep(0.3)  # as long as nobody can store it
            assert not coming.done()
        await coming
        record = await server.service.store.session(client.session_id)
        assert record is not None
        assert record.token_hash == hashlib.sha256(client.token.encode()).digest()

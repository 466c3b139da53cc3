"""Protocol v2 over real sockets: typed messages, interruption, and a talk that survives its connections."""

import asyncio
import time
from typing import Any

import pytest

from tests.support.context import settings_with
from tests.support.scripted import Calls, Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.server import running_server
from tests.support.talk import Workshop
from tests.support.v2_client import V2Client, v2_client


def types(client: V2Client) -> list[str]:
    return [message["type"] for message in client.heard]


async def test_a_talk_is_numbered_and_typed() -> None:
    shop = Workshop()
    script = [[Says("Voy."), Calls([("work", {"tag": "a"})])], says("Hecho.")]
    async with running_server(provider=ScriptedModel(script), tools=[shop.tool("work")]) as server:
        async with v2_client(server) as client:
            created = await client.starts()
            await client.says("hola", id="c1")
            complete = await client.hears_answer()

    assert created["seq"] == 1
    assert created["protocol"] == "voice-agent.v2"
    assert {"resume_token", "resume_window_s", "heartbeat_s", "features", "audio", "timestamp"} <= set(
        created
    )
    assert types(client) == [
        "session_created",
        "message_accepted",
        "turn_started",
        "state",
        "state",
        "response_chunk",
        "state",
        "tool_started",
        "tool_finished",
        "state",
        "state",
        "response_chunk",
        "response_complete",
        "state",
    ]
    accepted, started = client.heard[1:3]
    assert (accepted["id"], accepted["turn_id"]) == ("c1", started["turn_id"])
    assert started["source"] == "user"
    assert complete["text"] == client.text_of(complete["turn_id"]) == "Voy.\n\nHecho."
    assert complete["finish_reason"] == "stop"
    assert set(complete["timings_ms"]) == {"queued", "first_token", "first_audio", "total"}
    assert complete["usage"] is None
    tool_started = next(m for m in client.heard if m["type"] == "tool_started")
    assert tool_started["arguments"] == {"tag": "a"}
    assert client.heard[-1]["state"] == "idle"


async def test_interruption_stops_the_answer_at_once_and_closes_the_stream() -> None:
    model = ScriptedModel([[Says("uno "), Pause(60), Says("dos")], says("Sí.")])
    async with running_server(provider=model) as server, v2_client(server) as client:
        await client.starts()
        await client.says("cuenta")
        chunk = await client.hears("response_chunk")
        sent_at = time.monotonic()
        await client.sends({"type": "interrupt", "turn_id": chunk["turn_id"]})
        interrupted = await client.hears_next()
        took = time.monotonic() - sent_at
        complete = await client.hears_next()
        state = await client.hears_next()
        assert model.open_streams == 0
        await client.says("¿sigues?")
        await client.hears_answer()

    assert interrupted | {"seq": 0} == {
        "type": "interrupted",
        "turn_id": chunk["turn_id"],
        "heard": "uno ",
        "seq": 0,
    }
    assert (complete["type"], complete["finish_reason"], complete["text"]) == (
        "response_complete",
        "interrupted",
        "uno ",
    )
    assert (state["type"], state["state"]) == ("state", "idle")
    assert took < 0.5
    assert [m["content"] for m in model.requests[1].messages[1:]] == ["cuenta", "uno ", "¿sigues?"]


async def test_cancelled_tool_is_told() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 60})), says("Voy."), says("Parada.")]
    settings = settings_with(tool_inline_wait_s=0.05)
    async with running_server(settings, provider=ScriptedModel(script), tools=[shop.tool("slow")]) as server:
        async with v2_client(server) as client:
            await client.starts()
            await client.says("ve")
            started = await client.hears("tool_started")
            await client.hears_answer()
            await client.sends({"type": "cancel_tool", "call_id": started["call_id"]})
            finished = await client.hears("tool_finished")
            told = await client.hears_answer()
            for message in ({"type": "cancel_tool"}, {"type": "approve_tool", "approved": True}):
                await client.sends({**message, "call_id": started["call_id"]})
                error = await client.hears_next()
                assert (error["code"], error["call_id"]) == ("unknown_call", started["call_id"])

    assert (finished["status"], finished["reason"]) == ("cancelled", "user")
    assert told["text"] == "Parada."


async def test_nothing_is_lost_or_doubled_over_a_drop_mid_answer() -> None:
    words = [f"palabra{n} " for n in range(40)]
    model = ScriptedModel([[step for word in words for step in (Says(word), Pause(0.01))]])
    async with running_server(provider=model) as server, v2_client(server) as client:
        await client.starts()
        await client.says("cuenta")
        for _ in range(4):
            for _ in range(5):
                await client.hears("response_chunk")
            await client.drops()
            resumed = await client.resumes()
            assert resumed["type"] == "session_resumed"
            assert resumed["gap"] is False
            assert resumed["next_seq"] == client.last_seq + 1
        complete = await client.hears_answer()

    assert complete["text"] == client.text_of(complete["turn_id"]) == "".join(words)


async def test_tool_that_ends_while_the_client_is_away_is_told_once_after_the_replay() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 0.2, "result": "r"})), says("Voy."), says("Ya: r.")]
    settings = settings_with(tool_inline_wait_s=0.01)
    async with running_server(settings, provider=ScriptedModel(script), tools=[shop.tool("slow")]) as server:
        async with v2_client(server) as client:
            await client.starts()
            await client.says("ve")
            await client.hears_answer()
            await client.drops()
            (live,) = server.service.sessions
            async with asyncio.timeout(5):
                while live.conversation.is_busy or live.session.pending_tools:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            resumed = await client.resumes()
            complete = await client.hears_answer()

    assert resumed["replayed"] > 0
    assert complete["text"] == "Ya: r."
    assert types(client).count("tool_finished") == 1


async def test_overflowed_ring_is_a_gap_with_the_whole_history() -> None:
    settings = settings_with(resume_ring_messages=10)
    model = ScriptedModel([says("uno"), [Says(f"{n} ") for n in range(100)] + [Pause(60)]])
    async with running_server(settings, provider=model) as server, v2_client(server) as client:
        await client.starts()
        await client.says("primero")
        await client.hears_answer()
        await client.says("segundo")
        await client.hears("response_chunk")
        seen = client.last_seq
        await client.hears("response_chunk")
        await client.drops()
        (live,) = server.service.sessions
        async with asyncio.timeout(5):
            while live.pump.ring.next_seq < seen + 50:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        resumed = await client.resumes()
        history = await client.hears_next()
        await client.sends({"type": "interrupt"})
        interrupted = await client.hears("interrupted")

    assert resumed["gap"] is True
    assert history["type"] == "history"
    assert [m["content"] for m in history["messages"]] == ["primero", "uno", "segundo"]
    rest = "".join(
        m["content"] for m in client.heard[client.heard.index(history) :] if m["type"] == "response_chunk"
    )
    assert history["turn"]["text"] + rest == interrupted["heard"]
    assert history["tools"] == []


@pytest.mark.parametrize("wrong", [{"resume_token": "x"}, {"session_id": "nope"}, {"resume_token": ""}])
async def test_wrong_resume_is_refused_and_a_new_session_may_begin(wrong: dict[str, Any]) -> None:
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        await client.drops()
        refused = await client.resumes(**wrong)
        await client.sends({"type": "start"})
        client.last_seq = 0
        created = await client.hears_next()

    assert (refused["code"], refused["retryable"]) == ("resume_refused", False)
    assert "seq" not in refused
    assert created["type"] == "session_created"


async def test_token_is_spent_when_its_successor_was_used() -> None:
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        created = await client.starts()
        first = created["resume_token"]
        await client.drops()
        second = (await client.resumes())["resume_token"]
        await client.drops()
        missed = await client.resumes(resume_token=first)
        await client.drops()
        third = (await client.resumes(resume_token=missed["resume_token"]))["type"]
        await client.drops()
        spent = [await client.resumes(resume_token=first)]
        await client.drops()
        spent.append(await client.resumes(resume_token=second))

    assert missed["type"] == "session_resumed", "the client missed its session_resumed"
    assert third == "session_resumed"
    assert [refusal["code"] for refusal in spent] == ["resume_refused"] * 2


async def test_newer_connection_takes_the_session_over() -> None:
    model = ScriptedModel([[Says("a"), Pause(0.3), Says("b")]])
    async with running_server(provider=model) as server, v2_client(server) as old, v2_client(server) as new:
        await old.starts()
        await old.says("hola")
        await old.hears("response_chunk")
        new.session_id, new.token, new.last_seq = old.session_id, old.token, old.last_seq
        await new.resumes()
        assert await old.is_closed() == 4409
        complete = await new.hears_answer()

    assert complete["text"] == "ab"
    assert new.text_of(complete["turn_id"]) == "b"


@pytest.mark.parametrize("last_seq", [10**6, -1, 1.5, "7", 10**30, None])
async def test_odd_last_seq_is_bad_and_spends_no_token(last_seq: Any) -> None:
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        await client.drops()
        refused = await client.resumes(last_seq=last_seq)
        await client.drops()
        resumed = await client.resumes()

    assert refused["code"] == "bad_message"
    assert resumed["type"] == "session_resumed"


async def test_text_sent_again_after_a_drop_is_one_turn() -> None:
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(provider=model) as server, v2_client(server) as client:
        await client.starts()
        await client.says("hola", id="c1")
        accepted = await client.hears("message_accepted")
        await client.drops()
        await client.resumes()
        await client.says("hola", id="c1")
        await client.hears_answer()
        again = (
            await client.hears("message_accepted") if types(client).count("message_accepted") < 2 else None
        )

    receipts = [m for m in client.heard if m["type"] == "message_accepted"]
    assert {m["turn_id"] for m in receipts} == {accepted["turn_id"]}
    assert again is None or again["turn_id"] == accepted["turn_id"]
    assert types(client).count("turn_started") == 1


@pytest.mark.parametrize("goodbye", ["end", "1000"])
async def test_goodbye_ends_the_session_now(goodbye: str) -> None:
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        if goodbye == "end":
            await client.sends({"type": "end"})
            assert await client.is_closed() == 1000
        else:
            await client.leaves()
        await server.is_empty()


@pytest.mark.parametrize("code", [1001, 3000, None])
async def test_any_other_leaving_keeps_the_session_for_its_window(code: int | None) -> None:
    settings = settings_with(resume_window_s=0.5)
    async with running_server(settings, provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        if code is None:
            await client.drops()
        else:
            await client.socket.close(code)
        assert len(server.service.sessions) == 1
        await server.is_empty()
        refused = await client.resumes()

    assert refused["code"] == "resume_refused"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "resume", "session_id": "x", "resume_token": "x", "last_seq": 0}, "bad_message"),
        ({"type": "start"}, "bad_message"),
        ({"type": "playback", "turn_id": "x", "played_ms": 1}, "bad_message"),
        ({"type": "audio", "content": "AAAA", "format": "pcm16"}, "not_available"),
        ({"type": "audio_commit"}, "not_available"),
        ({"type": "session_update", "voice": "x"}, "not_available"),
        ({"type": "text", "content": "", "id": "c9"}, "bad_message"),
        ({"type": "text", "content": "x", "id": ""}, "bad_message"),
        ({"type": "text", "content": "x", "id": "x" * 65}, "bad_message"),
        ({"type": "text", "content": "x", "interrupt": "yes"}, "bad_message"),
        ({"type": "nope"}, "unknown_type"),
        ("{", "bad_message"),
        ("[]", "bad_message"),
    ],
)
async def test_message_in_the_wrong_place_is_one_error(message: Any, code: str) -> None:
    async with running_server(provider=ScriptedModel([says("Sí.")])) as server, v2_client(server) as client:
        await client.starts()
        await client.sends(message)
        error = await client.hears_next()
        await client.says("¿sigues?")
        assert (await client.hears_answer())["text"] == "Sí."

    assert (error["type"], error["code"], error["retryable"]) == ("error", code, False)
    if isinstance(message, dict) and message.get("id") == "c9":
        assert error["id"] == "c9"


async def test_before_a_session_only_openings_count() -> None:
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.connects()
        for message, kind in (({"type": "ping"}, "pong"), ({"type": "interrupt"}, "error"), ("[]", "error")):
            await client.sends(message)
            answer = await client.hears_next()
            assert answer["type"] == kind
            assert "seq" not in answer
        assert len(server.service.sessions) == 0
        await client.sends({"type": "system"})
        assert (await client.hears_next())["seq"] == 1


async def test_pong_has_no_number() -> None:
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        await client.sends({"type": "ping"})
        pong = await client.hears("pong")

    assert pong == {"type": "pong"}


async def test_language_can_be_chosen_and_changed() -> None:
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts(locale="en")
        await client.sends("{")
        english = await client.hears("error")
        await client.sends({"type": "session_update", "locale": "es"})
        await client.sends("{")
        spanish = await client.hears("error")

    assert english["content"].startswith("I cannot read")
    assert spanish["content"].startswith("No entiendo")


async def test_waiting_texts_are_withdrawn_by_one_that_interrupts() -> None:
    model = ScriptedModel(lambda r: [Says("a"), Pause(60)] if last_text(r) == "uno" else says("b"))
    async with running_server(provider=model) as server, v2_client(server) as client:
        await client.starts()
        for text in ("uno", "dos"):
            await client.says(text, id=text)
        await client.hears("response_chunk")
        await client.says("para", id="para", interrupt=True)
        ends = [await client.hears("response_complete") for _ in range(3)]

    turns = {m["id"]: m["turn_id"] for m in client.heard if m["type"] == "message_accepted"}
    assert [(end["turn_id"], end["finish_reason"]) for end in ends] == [
        (turns["uno"], "interrupted"),
        (turns["dos"], "interrupted"),
        (turns["para"], "stop"),
    ]

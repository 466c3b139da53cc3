"""Clients and networks that go away and come back: group A's faults of talks that outlive them."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.services.sessions.live_session import LiveSession
from tests.support.context import settings_with
from tests.support.relay import Fault, Relay, relay_to
from tests.support.resuming_client import ResumingClient, resuming_client
from tests.support.scripted import Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.server import PATIENCE_S, Server, client_of, running_server
from tests.support.talk import Workshop
from tests.support.v2_client import V2Client, v2_client
from tests.talks.judge import differences, problems
from tests.talks.plans import Step, TalkPlan, TextPlan, ToolPlan
from tests.talks.playing import stage

QUICK_PINGS = {"ws_ping_interval_s": 0.2, "ws_ping_timeout_s": 0.2}

MAX_STALL_S = 2.5
"""Ten times the goal, for how long a storm may hold up the loop; its clients and the relay live in it too."""


def session_of(server: Server) -> LiveSession:
    (live,) = server.service.sessions
    return live


async def has_no_client(live: LiveSession) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while live.session.websocket is not None:  # noqa: ASYNC110  # the product needs no event for it
            await asyncio.sleep(0.01)


@asynccontextmanager
async def relayed(
    server: Server, *faults: Fault | None, **start: Any
) -> AsyncIterator[tuple[Relay, ResumingClient]]:
    async with relay_to(server.port, faults) as relay, resuming_client(relay.url, **start) as client:
        await client.until(lambda: bool(client.session_id))
        yield relay, client


# A2: the peer vanishes without a word


async def test_a_half_open_connection_costs_v1_its_session_and_its_tools() -> None:
    shop = Workshop()
    model = ScriptedModel([calls(("slow", {"seconds": 60})), says("Voy.")])
    settings = settings_with(**QUICK_PINGS, tool_inline_wait_s=0.01)
    async with running_server(settings, provider=model, tools=[shop.tool("slow")]) as server:
        async with relay_to(server.port) as relay, client_of(Server(relay.port, server.service)) as client:
            await client.opens()
            await client.says("ve")
            await client.hears_answer()
            live = session_of(server)
            relay.stall()
            await server.is_empty()
            client.socket.transport.abort()  # nobody would answer its goodbye

    assert live.session.pending_tools == {}


async def test_a_half_open_connection_leaves_v2_its_session_for_the_window() -> None:
    settings = settings_with(**QUICK_PINGS, resume_window_s=0.5)
    async with running_server(settings, provider=ScriptedModel([])) as server, v2_client(server) as client:
        async with relay_to(server.port) as relay:
            client.url = relay.url
            await client.starts()
            live = session_of(server)
            relay.stall()
            await has_no_client(live)
            assert len(server.service.sessions) == 1
            await server.is_empty()


async def test_a_half_open_connection_does_not_keep_the_client_from_coming_back() -> None:
    model = ScriptedModel([[Says("uno "), Pause(0.2), Says("dos")]])
    async with running_server(settings_with(**QUICK_PINGS), provider=model) as server:
        async with relayed(server, heartbeat_s=0.1) as (relay, client):
            await client.says("cuenta", "c1")
            await client.until(lambda: bool(client.heard("response_chunk")))
            relay.stall()
            await client.until(lambda: bool(client.heard("response_complete")))

    assert list(client.shown.answers.values()) == ["uno dos"]
    assert client.resumes >= 1
    assert client.wrong == []


# A3: a reset at any byte

WHOLE_TALK = (
    Step("says", "nothing", TextPlan(8, 1, None, (ToolPlan("write", 60, False, True),))),
    Step("says", "tool", TextPlan(8, 1, None, ())),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 3000), st.sampled_from(["up", "down"]))
async def test_a_reset_at_any_byte_loses_nothing(after_bytes: int, direction: Any) -> None:
    plan = TalkPlan(WHOLE_TALK, (Fault("reset", direction, after_bytes),))
    async with stage() as on:
        async with asyncio.TaskGroup() as group:
            cut = group.create_task(on.plays(plan, is_cut=True))
            uncut = group.create_task(on.plays(plan, is_cut=False))

    assert problems(cut.result()) == []
    assert differences(cut.result(), uncut.result()) == []


# A4: goodbye, and what is none

KILLED = """
import asyncio, sys
from websockets.asyncio.client import connect

async def main():
    async with connect(sys.argv[1], subprotocols=["voice-agent.v2"], proxy=None) as socket:
        await socket.send('{"type": "start"}')
        await socket.recv()
        print("open", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_client_keeps_its_session() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", KILLED, server.url, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"open\n"
        live = session_of(server)
        process.kill()
        await process.communicate()
        await has_no_client(live)

        assert session_of(server) is live


@pytest.mark.parametrize(("code", "is_goodbye"), [(1000, True), (1001, False), (4000, False)])
async def test_only_1000_is_a_goodbye(code: int, is_goodbye: bool) -> None:
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        live = session_of(server)
        assert client.socket is not None
        await client.socket.close(code)
        await (server.is_empty() if is_goodbye else has_no_client(live))

        assert len(server.service.sessions) == (not is_goodbye)


# A5: gone before the first word


async def test_connections_that_end_before_their_first_message_make_no_session(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()

        async def connects_and_resets() -> None:
            gone = V2Client(server.url)
            await gone.connects()
            await gone.drops()

        for _ in range(10):
            await asyncio.gather(*(connects_and_resets() for _ in range(50)))

        assert (await server.get("/sessions")).json()["active_sessions"] == 1
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


# A19: everybody comes back at once


async def longest_stall() -> AsyncIterator[float]:
    """How long the loop has been held up, each time that it is asked."""
    loop, worst, step_s = asyncio.get_running_loop(), 0.0, 0.005

    async def tick() -> None:
        nonlocal worst
        while True:
            before = loop.time()
            await asyncio.sleep(step_s)
            worst = max(worst, loop.time() - before - step_s)

    ticking = asyncio.create_task(tick())
    try:
        while True:
            yield worst
    finally:
        ticking.cancel()
        await asyncio.wait({ticking})


async def test_two_hundred_clients_come_back_each_once() -> None:
    count = 200
    async with running_server(provider=ScriptedModel(lambda r: says("Sí."))) as server:
        async with relay_to(server.port) as relay:
            clients = [V2Client(relay.url) for _ in range(count)]
            for client in clients:
                await client.starts()
            stalls = longest_stall()
            await anext(stalls)
            relay.drop_all("reset")
            answers = await asyncio.gather(*(client.resumes() for client in clients))
            stall_s = await anext(stalls)
            await stalls.aclose()
            for client in clients:
                await client.says("¿sigues?")
            ends = await asyncio.gather(*(client.hears_answer() for client in clients))
            for client in clients:
                await client.leaves()
            await server.is_empty()

    assert [answer["type"] for answer in answers] == ["session_resumed"] * count
    assert len({answer["session_id"] for answer in answers}) == count
    assert relay.connections == 2 * count
    assert [end["text"] for end in ends] == ["Sí."] * count
    assert stall_s < MAX_STALL_S


# A20: two at once, and tokens used twice


async def test_of_two_resumes_in_one_tick_one_holds_the_session() -> None:
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(provider=model) as server, v2_client(server) as first:
        await first.starts()
        await first.drops()
        twins = [V2Client(server.url), V2Client(server.url)]
        for twin in twins:
            twin.session_id, twin.token, twin.last_seq = first.session_id, first.token, first.last_seq
            await twin.connects()
        resume = {"type": "resume", "session_id": first.session_id, "resume_token": first.token}
        await asyncio.gather(*(twin.sends({**resume, "last_seq": first.last_seq}) for twin in twins))
        async with asyncio.timeout(PATIENCE_S):
            closed = [asyncio.create_task(twin.is_closed()) for twin in twins]
            await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED)
        older, newer = twins if closed[0].done() else reversed(twins)
        assert await older.is_closed() == 4409
        await newer.says("¿quién?")
        complete = await newer.hears_answer()
        for task in closed:
            task.cancel()
        await asyncio.wait(closed)
        await newer.leaves()

    assert complete["text"] == "Sí."
    assert older.heard == [] or [m["type"] for m in older.heard] == ["session_resumed"]


async def comes_late(connection: V2Client, token: str) -> None:
    """What a client sent on a connection that it has given up arrives, with its end right behind it."""
    resume = {"type": "resume", "session_id": connection.session_id, "resume_token": token}
    await connection.sends({**resume, "last_seq": connection.last_seq})
    await connection.drops()


@pytest.mark.parametrize("times", [1, 5])
async def test_a_resume_that_was_given_up_and_comes_late_takes_nothing(times: int) -> None:
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(provider=model) as server, v2_client(server) as client:
        await client.starts()
        token = client.token
        await client.drops()
        given_up = [V2Client(server.url) for _ in range(times)]
        for late in given_up:
            late.session_id, late.last_seq = client.session_id, client.last_seq
            await late.connects()
        await client.resumes()
        for late in given_up:
            await comes_late(late, token)
        while len(server.service.arrivals):  # noqa: ASYNC110  # the late ones are not done with
            await asyncio.sleep(0.01)
        await client.says("¿quién?")
        answered = await client.hears_answer()
        await client.drops()
        resumed = await client.resumes()

    assert answered["text"] == "Sí."
    assert resumed["type"] == "session_resumed"


async def test_a_late_resume_that_takes_the_session_all_the_same_leaves_the_clients_own_token_good() -> None:
    """Its end was held back even longer than the resume."""
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(provider=model) as server, v2_client(server) as client:
        await client.starts()
        token = client.token
        await client.drops()
        late = V2Client(server.url)
        late.session_id, late.last_seq = client.session_id, client.last_seq
        await late.connects()
        await client.resumes()
        taken = await late.resumes(resume_token=token)
        assert await client.is_closed() == 4409
        await late.drops()
        resumed = await client.resumes()
        await client.says("¿quién?")
        answered = await client.hears_answer()

    assert taken["type"] == "session_resumed"
    assert resumed["type"] == "session_resumed"
    assert answered["text"] == "Sí."


async def test_a_lost_session_resumed_leaves_the_old_token_good() -> None:
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        await client.drops()
        async with relay_to(server.port) as relay:
            client.url = relay.url
            await client.connects()
            relay.break_next("cut", "down")
            resume = {"session_id": client.session_id, "resume_token": client.token}
            await client.sends({"type": "resume", **resume, "last_seq": client.last_seq})
            await client.is_closed()
        client.url = server.url
        resumed = await client.resumes()

    assert resumed["type"] == "session_resumed"


async def test_a_token_is_spent_when_the_client_has_come_with_the_newer_one() -> None:
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        tokens = [client.token]
        for _ in range(2):
            await client.drops()
            await client.resumes()
            tokens.append(client.token)
        await client.drops()
        spent = await client.resumes(resume_token=tokens[0])
        await client.drops()
        last_used = await client.resumes(resume_token=tokens[1])

    assert len(set(tokens)) == 3
    assert (spent["code"], spent["retryable"]) == ("resume_refused", False)
    assert last_used["type"] == "session_resumed", "the newest one may not have arrived"


# A21: refusals say nothing


async def test_all_refusals_of_a_resume_look_the_same() -> None:
    settings = settings_with(resume_window_s=0.2)
    async with running_server(settings, provider=ScriptedModel([])) as server, v2_client(server) as live:
        async with v2_client(server) as late:
            await late.starts()
            await late.drops()
            await server.is_empty()
            await live.starts()
            flipped = live.token[:-1] + ("A" if live.token[-1] != "A" else "B")
            strange = {"session_id": live.session_id[::-1]}
            refusals = [await late.resumes()]
            for wrong in (strange, {"session_id": live.session_id, "resume_token": flipped}):
                await late.drops()
                refusals.append(await late.resumes(**wrong))
            await late.sends({"type": "start"})
            late.last_seq = 0
            created = await late.hears_next()

    assert refusals == [refusals[0]] * 3
    assert (refusals[0]["code"], refusals[0]["retryable"]) == ("resume_refused", False)
    assert created["type"] == "session_created"


# A22: numbers that cannot be

ODD_NUMBERS = st.one_of(
    st.integers(max_value=-1),
    st.integers(min_value=1000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    st.booleans(),
    st.none(),
    st.lists(st.integers(), max_size=2),
)


@settings(max_examples=10, deadline=None)
@given(st.lists(ODD_NUMBERS, min_size=10, max_size=10))
async def test_an_impossible_last_seq_is_bad_and_spends_no_token(numbers: list[Any]) -> None:
    async with running_server(provider=ScriptedModel([])) as server, v2_client(server) as client:
        await client.starts()
        for number in numbers:
            await client.drops()
            refused = await client.resumes(last_seq=number)
            assert (refused["type"], refused.get("code")) == ("error", "bad_message"), number
        await client.drops()
        resumed = await client.resumes()

    assert (resumed["type"], resumed["replayed"]) == ("session_resumed", 0)


# A23: too much was missed


async def test_a_ring_that_overflowed_is_made_up_for_by_the_history() -> None:
    words = [f"{n} " for n in range(1000)]
    model = ScriptedModel(lambda r: says("hola") if last_text(r) == "uno" else [*says(*words), Pause(0.1)])
    async with running_server(settings_with(resume_ring_messages=10), provider=model) as server:
        async with relayed(server) as (relay, client):
            await client.says("uno", "c1")
            await client.until(lambda: bool(client.heard("response_complete")))
            relay.break_next("reset", "down")
            await client.says("dos", "c2")
            await client.until(lambda: "".join(words) in client.shown.answers.values())
            await client.until(lambda: len(client.receipts) == 2)

    assert client.gaps >= 1
    assert list(client.shown.answers.values()) == ["hola", "".join(words)]
    assert list(client.shown.texts.values()) == ["uno", "dos"]
    assert client.wrong == []


# A24: the receipt is lost


async def test_a_text_that_is_sent_again_is_one_turn() -> None:
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(provider=model) as server, relayed(server) as (relay, client):
        relay.break_next("reset", "down")
        await client.says("hola", "c1")
        await client.until(lambda: len(client.heard("message_accepted")) == 2)
        await client.until(lambda: bool(client.heard("response_complete")))
        rows = [m["content"] for m in session_of(server).session.conversation_history if m["role"] == "user"]

    receipts = client.heard("message_accepted")
    assert {receipt["turn_id"] for receipt in receipts} == {client.heard("turn_started")[0]["turn_id"]}
    assert len(client.heard("turn_started")) == len(model.requests) == 1
    assert rows == ["hola"]


# A25: messages in the wrong place


@pytest.mark.parametrize(
    "message",
    [
        {"type": "cancel_tool", "call_id": "call_1"},
        {"type": "resume", "session_id": "x", "resume_token": "y", "last_seq": 0},
        {"type": "ping"},
    ],
)
async def test_v1_does_not_know_the_messages_of_v2(message: dict[str, Any]) -> None:
    async with running_server(provider=ScriptedModel([says("Sí.")])) as server, client_of(server) as client:
        await client.opens()
        await client.sends(message)
        error = await client.hears("error")
        await client.says("¿sigues?")

        assert f"«{message['type']}»" in error["content"]
        assert await client.hears_answer() == "Sí."


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "resume", "session_id": "x", "resume_token": "y", "last_seq": 0}, "bad_message"),
        ({"type": "start", "user_id": "otra"}, "bad_message"),
        ({"type": "playback", "turn_id": "none", "played_ms": 10}, "bad_message"),
        ({"type": "cancel_tool", "call_id": "none"}, "unknown_call"),
    ],
)
async def test_v2_refuses_what_comes_in_the_wrong_place_and_goes_on(
    message: dict[str, Any], code: str
) -> None:
    async with running_server(provider=ScriptedModel([says("Sí.")])) as server, v2_client(server) as client:
        await client.starts()
        await client.sends(message)
        error = await client.hears("error")
        await client.says("¿sigues?")

        assert (error["code"], error["retryable"]) == (code, False)
        assert (await client.hears_answer())["text"] == "Sí."

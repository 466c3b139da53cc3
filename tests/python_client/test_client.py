"""The package's client over real sockets: whole talks, and what the conformance cases leave out."""

import asyncio
from contextlib import aclosing
from typing import Any, Unpack

import pytest
from voice_agent_client import (
    AgentError,
    AudioChunk,
    ClientOptions,
    ConnectError,
    ConnectionLost,
    Event,
    GaveUpError,
    Notice,
    ReconnectingClient,
    ResumeState,
    SessionCreated,
    SessionReplaced,
    SessionResumed,
    TextError,
    UnauthorizedError,
    backoff_s,
    connect,
)

from tests.cli.fake_server import Peer, playing


def client_of(url: str, **options: Unpack[ClientOptions]) -> ReconnectingClient:
    return ReconnectingClient(url, **{"user_id": "ana", "chance": lambda: 0.01, **options})


async def all_events(client: ReconnectingClient, until: str = "") -> list[Event]:
    """What comes, until an event of that name or the end."""
    found: list[Event] = []
    async with asyncio.timeout(10), aclosing(client.events()) as events:
        async for event in events:
            found.append(event)
            if type(event).__name__ == until:
                await client.end()
    return found


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


async def test_a_talk_goes_from_hello_to_goodbye():
    async def act(peer: Peer) -> None:
        assert await peer.creates() == {"type": "start", "user_id": "ana"}
        assert (await peer.accepts())["content"] == "hola"
        await peer.answers("¡Hola! ¿Qué tal?")
        await peer.hears("end")
        await peer.closes(1000)

    async with playing(act) as script:
        client = client_of(script.url)
        said = client.say("hola")
        events = await all_events(client, until="ResponseComplete")

    assert names(events)[:4] == ["SessionCreated", "MessageAccepted", "TurnStarted", "StateChanged"]
    assert (await said.receipt()).turn_id == "t1"
    answer = await said.answer()
    assert (answer.text, answer.finish_reason) == ("¡Hola! ¿Qué tal?", "stop")
    assert client.open_texts == []


async def test_sound_comes_between_the_messages_in_order_and_belongs_to_its_turn():
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.says(b"\3\4")
        await peer.sends("audio_started", turn_id="t1", sample_rate_hz=16_000)
        await peer.says(b"\1\2")
        await peer.sends("audio_complete", turn_id="t1")
        await peer.says(b"\5\6")

    async with playing(act) as script:
        events = await all_events(client_of(script.url), until="AudioComplete")

    assert names(events) == ["SessionCreated", "AudioStarted", "AudioChunk", "AudioComplete"]
    assert events[2] == AudioChunk("t1", 16_000, b"\1\2")


async def test_many_texts_without_a_receipt_are_sent_again_at_a_pace_that_a_server_bears():
    count, moments = 20, list[float]()

    async def first(peer: Peer) -> None:
        await peer.creates()
        for _ in range(count):
            await peer.hears("text")
        peer.drops()

    async def second(peer: Peer) -> None:
        await peer.resumes()
        for _ in range(count):
            await peer.hears("text")
            moments.append(asyncio.get_running_loop().time())
        await peer.sends("system", content="Ya.")

    async with playing(first, second) as script, asyncio.timeout(20):
        client = client_of(script.url, max_open_texts=count)
        for number in range(count):
            client.say(str(number))
        await all_events(client, until="Notice")

    assert moments[-1] - moments[0] > 0.5


async def test_no_more_texts_are_open_at_the_server_than_it_has_room_for():
    async def act(peer: Peer) -> None:
        await peer.creates()
        assert [(await peer.accepts(f"t{n}"))["content"] for n in range(2)] == ["0", "1"]
        await peer.sends("system", content="Nada más.")
        await peer.completes("", "t0")
        assert (await peer.accepts("t2"))["content"] == "2"
        await peer.completes("", "t1")
        await peer.completes("", "t2")

    async with playing(act) as script, asyncio.timeout(10), connect(script.url, max_open_texts=2) as agent:
        texts = [agent.say(str(n)) for n in range(3)]
        assert [(await text.answer()).turn_id for text in texts] == ["t0", "t1", "t2"]


async def test_what_was_wanted_without_a_connection_is_asked_for_when_there_is_one():
    async def act(peer: Peer) -> None:
        await peer.creates()
        assert (await peer.hears("interrupt"))["turn_id"] == "t1"
        assert (await peer.hears("cancel_tool"))["call_id"] == "c1"
        assert (await peer.hears("approve_tool"))["approved"] is False
        await peer.sends("system", content="Ya.")

    async with playing(act) as script:
        client = client_of(script.url)
        assert not await client.interrupt("t1")
        assert not await client.cancel_tool("c1")
        await client.approve_tool("c2", approved=True)
        await client.approve_tool("c2", approved=False)
        assert not await client.send_audio(b"\0\0")
        assert not await client.send_recording(b"RIFF")
        await all_events(client, until="Notice")


async def test_another_client_goes_on_where_one_has_left():
    async def first(peer: Peer) -> None:
        await peer.creates()
        await peer.sends("system", content="Uno.")
        await peer.hears("nothing more")

    async def second(peer: Peer) -> None:
        resume = await peer.resumes()
        assert (resume["resume_token"], resume["last_seq"]) == ("token 1", 2)
        await peer.sends("system", content="Dos.")

    async with playing(first, second) as script:
        before = client_of(script.url)
        async with asyncio.timeout(10), aclosing(before.events()) as events:
            async for event in events:
                if isinstance(event, Notice):
                    await before.close()
        kept = before.resume_state.to_json()
        after = client_of(script.url, resume=ResumeState.from_json(kept))
        events = await all_events(after, until="Notice")

    assert names(events) == ["SessionResumed", "Notice"]


async def test_after_another_token_the_talk_goes_on_with_its_texts():
    async def first(peer: Peer) -> None:
        await peer.creates()
        await peer.hears("text")
        await peer.closes(4401)

    async def second(peer: Peer) -> None:
        assert (await peer.resumes())["token"] == "new"
        await peer.accepts()
        await peer.completes("Ya.")

    async with playing(first, second) as script:
        client = client_of(script.url, token="old")
        said = client.say("hola")
        with pytest.raises(UnauthorizedError):
            await all_events(client)
        client.token = "new"
        await all_events(client, until="ResponseComplete")

    assert (await said.answer()).text == "Ya."


async def test_texts_of_a_session_that_is_gone_are_told_of_and_those_that_had_not_left_are_said():
    async def first(peer: Peer) -> None:
        await peer.creates()
        await peer.hears("text")
        peer.drops()

    async def second(peer: Peer) -> None:
        await peer.hears("resume")
        await peer.says({"type": "error", "code": "resume_refused", "content": "No.", "retryable": False})
        peer._talk.seq = 0
        await peer.creates(session_id="s2")
        assert (await peer.accepts())["content"] == "queda"

    async with playing(first, second) as script:
        client = client_of(script.url, max_open_texts=1)
        lost, stays = client.say("se fue"), client.say("queda")
        events = await all_events(client, until="MessageAccepted")

    assert [event for event in events if isinstance(event, SessionReplaced)] == [
        SessionReplaced("s1", "s2", [lost.id])
    ]
    with pytest.raises(TextError, match="session_lost"):
        await lost.answer()
    assert stays.status == "accepted"


async def test_a_server_that_is_silent_for_two_beats_is_left_and_a_ping_asks_it_before():
    async def first(peer: Peer) -> None:
        await peer.creates(heartbeat_s=1)
        await peer.hears("ping")
        await peer.hears("nothing more")

    async def second(peer: Peer) -> None:
        await peer.resumes()
        await peer.sends("system", content="Ya.")

    async with playing(first, second) as script:
        events = await all_events(client_of(script.url), until="Notice")

    assert names(events) == ["SessionCreated", "ConnectionLost", "SessionResumed", "Notice"]


async def test_a_server_that_was_never_there_is_told_of_at_once():
    with pytest.raises(ConnectError):
        await all_events(client_of("ws://127.0.0.1:1/ws"))
    with pytest.raises(ConnectError):
        async with connect("ws://127.0.0.1:1/ws"):
            raise AssertionError("the block begins with a session")


@pytest.mark.parametrize("ending", ["drops", "full"])
async def test_a_server_that_stays_away_or_full_is_given_up(ending: str):
    async def act(peer: Peer) -> None:
        await peer.creates()
        peer.drops()

    async def full(peer: Peer) -> None:
        await peer.hears("resume")
        await peer.says({"type": "error", "code": "server_full", "content": "Lleno.", "retryable": True})
        await peer.closes(1013)

    async with playing(act, *([full] * 3 if ending == "full" else [])) as script:
        # The fourth connection of a full server finds the script at its end, and the same close.
        limit_s = 0.05 if ending == "drops" else 0.07
        with pytest.raises(GaveUpError):
            await all_events(client_of(script.url, give_up_after_s=limit_s))


async def test_a_talk_that_fails_ends_its_texts_with_the_cause():
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.hears("text")
        await peer.closes(4409)

    seen: list[Event] = []
    async with playing(act) as script, asyncio.timeout(10):
        with pytest.raises(TextError) as failed:
            async with connect(script.url, on_event=seen.append) as agent:
                await agent.say("hola").answer()

    assert "4409" in str(failed.value.__cause__)
    assert names(seen) == ["SessionCreated"]


def test_what_cannot_be_said_is_refused_here():
    async def say() -> None:
        client = client_of("ws://127.0.0.1:1/ws")
        with pytest.raises(ValueError, match="words"):
            client.say(" \n")
        client.say("hola", text_id="m-1")
        with pytest.raises(ValueError, match="used before"):
            client.say("otra", text_id="m-1")
        assert client.say("a\ud800b").content == "a\ufffdb"

    asyncio.run(say())


async def test_chosen_values_are_said_again_where_the_server_may_have_lost_them():
    audio: Any = {"in": {"sample_rate_hz": 16_000}, "out": True}

    async def first(peer: Peer) -> None:
        start = await peer.creates()
        assert (start["audio"], start["voice"], "speed" in start) == (audio, "ef_dora", False)
        update = await peer.hears("session_update")
        assert update["speed"] == 1.2
        peer.drops()

    async def second(peer: Peer) -> None:
        await peer.resumes(gap=True, next_seq=1)
        await peer.says({"type": "history", "messages": [], "turn": None, "tools": []})
        update = await peer.hears("session_update")
        assert update == {"type": "session_update", "audio": audio, "voice": "ef_dora", "speed": 1.2}
        peer._talk.seq = 0
        await peer.sends("error", code="voice_loading", content="Aún no.", retryable=True)
        await peer.sends("features", features=["audio_in"])
        assert (await peer.hears("session_update"))["audio"] == {**audio, "out": False}
        await peer.sends("system", content="Ya.")

    async with playing(first, second) as script:
        client = client_of(script.url, audio=audio, voice="ef_dora", speed=1.2)
        events = await all_events(client, until="Notice")

    assert [type(event) for event in events if isinstance(event, SessionCreated | SessionResumed)] == [
        SessionCreated,
        SessionResumed,
    ]
    assert [event.code for event in events if isinstance(event, AgentError)] == ["voice_loading"]


def test_the_delay_doubles_up_to_half_a_minute_and_is_spread():
    assert [backoff_s(failures, 1) for failures in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff_s(1000, 0.5) == 15
    assert backoff_s(3, 0) == 0


async def test_the_servers_wish_for_a_delay_is_granted():
    async def first(peer: Peer) -> None:
        await peer.creates()
        await peer.says({"type": "going_away", "reason": "restart", "reconnect_after_s": 0.025})
        await peer.closes(1012)

    async def second(peer: Peer) -> None:
        await peer.resumes()
        await peer.sends("system", content="Ya.")

    async with playing(first, second) as script:
        events = await all_events(client_of(script.url), until="Notice")

    [lost] = [event for event in events if isinstance(event, ConnectionLost)]
    assert (lost.code, lost.retry_in_s >= 0.025) == (1012, True)

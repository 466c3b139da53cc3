"""The link comes back after a drop, resumes, sends again what has no receipt, and knows when to stop."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from app.cli.endings import Ending, Exit
from app.cli.link import Dropped, Item, Link, Returned, back_off_s
from tests.cli.fake_server import Peer, playing


def link_to(url: str, **options: Any) -> Link:
    return Link(url, {"user_id": "ana"}, chance=lambda: 0.01, **options)


async def all_items(link: Link, until: str = "", say: str = "") -> list[Item]:
    """What comes, until a message of that type or the end; says a text in a session."""
    items: list[Item] = []
    async with asyncio.timeout(10):
        async with aclosing(link.items()) as coming:
            async for item in coming:
                items.append(item)
                if say and kind_of(item) == "session_created":
                    await link.send(link.text(say))
                if kind_of(item) == until:
                    await link.end()
    return items


def kind_of(item: Item) -> str:
    return item["type"] if isinstance(item, dict) else type(item).__name__


async def test_a_talk_goes_from_hello_to_goodbye():
    async def act(peer: Peer) -> None:
        assert await peer.creates() == {"type": "start", "user_id": "ana"}
        assert (await peer.accepts())["content"] == "hola"
        await peer.answers("¡Hola! ¿Qué tal?")
        await peer.hears("end")
        await peer.closes(1000)

    async with playing(act) as script:
        items = await all_items(link_to(script.url), until="response_complete", say="hola")

    assert [kind_of(item) for item in items][:4] == [
        "session_created",
        "message_accepted",
        "turn_started",
        "state",
    ]


async def test_sound_comes_between_the_messages_in_order():
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.sends("audio_started", turn_id="t1")
        await peer.says(b"\1\2")
        await peer.sends("audio_complete", turn_id="t1")

    async with playing(act) as script:
        items = await all_items(link_to(script.url), until="audio_complete")

    assert items[2] == b"\1\2"


async def test_after_a_drop_it_resumes_with_the_newest_token_and_shows_nothing_twice():
    async def first(peer: Peer) -> None:
        await peer.creates()
        await peer.sends("state", state="thinking")
        peer.drops()

    async def second(peer: Peer) -> None:
        resume = await peer.resumes()
        assert (resume["resume_token"], resume["last_seq"]) == ("token 1", 2)
        await peer.sends_again(2, "state", state="thinking")
        await peer.sends("state", state="speaking")
        peer.drops()

    async def third(peer: Peer) -> None:
        assert (await peer.resumes())["resume_token"] == "token 2"
        await peer.sends("system", content="Ya.")

    async with playing(first, second, third) as script:
        items = await all_items(link_to(script.url), until="system")

    assert [item["state"] for item in items if isinstance(item, dict) and item["type"] == "state"] == [
        "thinking",
        "speaking",
    ]
    assert [type(item) for item in items if not isinstance(item, dict)] == [Dropped, Returned] * 2


async def test_a_text_without_a_receipt_is_sent_again_with_the_same_id():
    ids: list[str] = []

    async def first(peer: Peer) -> None:
        await peer.creates()
        ids.append((await peer.hears("text"))["id"])
        peer.drops()

    async def second(peer: Peer) -> None:
        await peer.resumes()
        ids.append((await peer.accepts())["id"])
        await peer.answers("Hola.")

    async with playing(first, second) as script:
        await all_items(link_to(script.url), until="response_complete", say="hola")

    assert ids[0] == ids[1]


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

    async with playing(first, second) as script:
        link = link_to(script.url)
        async with asyncio.timeout(20), aclosing(link.items()) as coming:
            async for item in coming:
                if kind_of(item) == "session_created":
                    for number in range(count):
                        await link.send(link.text(str(number)))
                if kind_of(item) == "system":
                    await link.end()

    assert moments[-1] - moments[0] > 0.5


async def test_where_the_session_is_gone_a_new_one_begins_on_the_same_connection():
    async def first(peer: Peer) -> None:
        await peer.creates()
        peer.drops()

    async def second(peer: Peer) -> None:
        await peer.hears("resume")
        await peer.says({"type": "error", "code": "resume_refused", "content": "No.", "retryable": False})
        await peer.creates(session_id="s2")

    async with playing(first, second) as script:
        script.seq = 0
        link = link_to(script.url)
        items: list[Item] = []
        async with aclosing(link.items()) as coming:
            async for item in coming:
                items.append(item)
                if item == Returned(is_new=True):
                    await link.end()

    assert [kind_of(item) for item in items] == ["session_created", "Dropped", "session_created", "Returned"]


@pytest.mark.parametrize("code", [1000, 1008, 4401, 4408, 4409, 4410])
async def test_a_close_that_forbids_coming_back_ends_the_talk(code: int):
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer.closes(code)

    async with playing(act) as script:
        with pytest.raises(Ending) as ended:
            await all_items(link_to(script.url))

    assert ended.value.code is Exit.FAILED
    assert f"({code})" in ended.value.sentence("es")


@pytest.mark.parametrize("code", [1001, 1011, 1012, 1013])
async def test_other_closes_lead_back(code: int):
    async def first(peer: Peer) -> None:
        await peer.creates()
        await peer.closes(code)

    async def second(peer: Peer) -> None:
        await peer.resumes()
        await peer.sends("system", content="Ya.")

    async with playing(first, second) as script:
        assert await all_items(link_to(script.url), until="system")


async def test_a_message_that_the_server_could_not_read_is_not_sent_again():
    async def first(peer: Peer) -> None:
        await peer.creates()
        await peer.hears("text")
        await peer.closes(1009)

    async def second(peer: Peer) -> None:
        await peer.resumes()
        await peer.sends("system", content="Ya.")

    async with playing(first, second) as script:
        items = await all_items(link_to(script.url), until="system", say="x" * 1000)

    assert [item["code"] for item in items if isinstance(item, dict) and item["type"] == "error"] == [
        "refused_on_wire"
    ]
    assert [message["type"] for message in script.heard] == ["start", "text", "resume", "end"]


async def test_it_comes_back_when_the_server_asked_for_it():
    async def first(peer: Peer) -> None:
        await peer.creates()
        await peer.says({"type": "going_away", "reason": "restart", "reconnect_after_s": 0.025})
        await peer.closes(1012)

    async def second(peer: Peer) -> None:
        await peer.resumes()
        await peer.sends("system", content="Ya.")

    async with playing(first, second) as script:
        items = await all_items(link_to(script.url), until="system")

    assert Dropped(0.025) in items


async def test_a_server_that_is_silent_for_two_beats_is_left_and_a_ping_asks_it_before():
    async def first(peer: Peer) -> None:
        await peer.creates(heartbeat_s=1)
        await peer.hears("ping")
        await peer.hears("nothing more")

    async def second(peer: Peer) -> None:
        await peer.resumes()
        await peer.sends("system", content="Ya.")

    async with playing(first, second) as script:
        items = await all_items(link_to(script.url), until="system")

    assert any(isinstance(item, Dropped) for item in items)


async def test_a_server_that_was_never_there_is_told_of_at_once():
    with pytest.raises(Ending) as ended:
        await all_items(link_to("ws://127.0.0.1:1/ws"))

    assert ended.value.code is Exit.UNREACHABLE


async def test_a_server_that_stays_away_is_given_up():
    async def act(peer: Peer) -> None:
        await peer.creates()
        peer.drops()

    async with playing(act) as script:
        with pytest.raises(Ending) as ended:
            await all_items(link_to(script.url, give_up_after_s=0.05))

    assert ended.value.code is Exit.UNREACHABLE


async def test_what_is_no_message_is_passed_over():
    async def act(peer: Peer) -> None:
        await peer.creates()
        await peer._socket.send("no JSON")
        await peer._socket.send("[1]")
        await peer.sends("system", content="Ya.")

    async with playing(act) as script:
        items = await all_items(link_to(script.url), until="system")

    assert [kind_of(item) for item in items] == ["session_created", "system"]


def test_the_delay_doubles_up_to_half_a_minute_and_is_spread():
    assert [back_off_s(failures, 1) for failures in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert back_off_s(1000, 0.5) == 15
    assert back_off_s(3, 0) == 0

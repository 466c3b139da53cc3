"""A session as operators see it, and as a client that cannot have every message again."""

from typing import Any

import orjson

from app.protocol.wires import V2
from app.services.sessions.live_session import LiveSession
from app.session.ring import Ring
from tests.support.live import live_of
from tests.support.scripted import Pause, Says, ScriptedModel, calls, says
from tests.support.talk import Workshop, talk
from tests.support.virtual_time import virtual


def told(live: LiveSession) -> Any:
    """What a client is told of the talk so far."""
    (frame,) = V2.encode(live.history(), "es", None)
    return orjson.loads(frame)


@virtual
async def test_running_tools_are_shown_with_their_age() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 10})), says("Voy."), says("Hecho.")]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.passes(4)
        shown = live_of(t).describe()
        await t.rests()
        after = live_of(t).describe()

    (tool,) = shown["pending_tools"]
    assert (tool["name"], round(tool["elapsed_s"])) == ("slow", 4)
    assert shown["state"] == "processing_tool"
    assert after["pending_tools"] == []
    assert after["state"] == "idle"


@virtual
async def test_session_with_a_ring_outlives_its_connection() -> None:
    async with talk(ScriptedModel([])) as t:
        assert live_of(t, ring=Ring(10, 1000)).outlives_connection
        assert not live_of(t).outlives_connection


@virtual
async def test_history_has_what_was_said_and_what_runs() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 60})), says("Voy."), [Says("uno "), Pause(1), Says("dos"), Pause(9)]]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        first = t.says("ve")
        await t.passes(2)
        second = t.says("cuenta")
        await t.passes(0.5)
        t.drain()
        await t.passes(1)  # "dos" waits: it has no number yet, and comes as a chunk
        history = told(live_of(t, ring=Ring(10, 1000)))
        (call_id,) = t.conversation.tools.running

    assert history["type"] == "history"
    assert [(m["role"], m["content"], m["turn_id"]) for m in history["messages"]] == [
        ("user", "ve", first),
        ("assistant", "Voy.", first),
        ("user", "cuenta", second),
    ]
    assert history["turn"] == {"turn_id": second, "text": "uno "}
    assert history["tools"] == [{"call_id": call_id, "name": "slow", "status": "running"}]


@virtual
async def test_history_of_a_talk_at_rest_has_no_turn() -> None:
    async with talk(ScriptedModel([says("Hola")])) as t:
        t.says("hola")
        await t.rests()
        history = told(live_of(t, ring=Ring(10, 1000)))

    assert (history["turn"], history["tools"]) == (None, [])
    assert [m["interrupted"] for m in history["messages"]] == [False, False]

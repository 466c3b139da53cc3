"""A session as operators see it."""

from app.services.live_session import LiveSession
from tests.support.scripted import ScriptedModel, calls, says
from tests.support.talk import Workshop, talk
from tests.support.virtual_time import VirtualClock, virtual


@virtual
async def test_running_tools_are_shown_with_their_age() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 10})), says("Voy."), says("Hecho.")]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.passes(4)
        shown = LiveSession(t.session, t.conversation, VirtualClock()).describe()
        await t.rests()
        after = LiveSession(t.session, t.conversation, VirtualClock()).describe()

    (tool,) = shown["pending_tools"]
    assert (tool["name"], round(tool["elapsed_s"])) == ("slow", 4)
    assert shown["state"] == "processing_tool"
    assert after["pending_tools"] == []
    assert after["state"] == "idle"

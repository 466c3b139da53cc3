"""A call that waits for the user's approval is put before whoever comes to the talk, on whichever stream."""

from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, calls, last_text, says
from tests.support.server import running_server
from tests.support.talk import Workshop
from tests.support.v2_client import v2_client


async def test_who_continues_a_talk_is_asked_what_waits_in_it() -> None:
    workshop = Workshop()
    model = ScriptedModel(
        lambda r: calls(("write", {"tag": "a"})) if last_text(r) == "hazlo" else says("Ya.")
    )
    tools = [workshop.tool("write", "write")]
    settings = settings_with(tool_approval="writes")
    async with (
        running_server(settings, provider=model, tools=tools) as server,
        v2_client(server) as client,
    ):
        await client.starts()
        await client.says("hazlo")
        asked = await client.hears("approval_requested")
        await client.hears_answer()
        await client.drops()
        for way in ("continue", "resume", "continue"):
            if way == "resume":
                await client.resumes()
            else:
                client.last_seq = 0
                created = await client.starts(**{"continue": client.session_id})
                assert created["continued"]
                assert (await client.hears("history"))["messages"]
            again = await client.hears("approval_requested")
            assert again["call_id"] == asked["call_id"]
            assert again["expires_in_s"] <= asked["expires_in_s"]
            if way == "resume":
                await client.drops()
        assert workshop.runs == []
        await client.sends({"type": "approve_tool", "call_id": again["call_id"], "approved": True})
        assert (await client.hears("tool_finished"))["status"] == "done"

    assert workshop.runs == [("write", "a")]

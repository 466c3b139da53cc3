"""Texts outlive their server: one that was accepted and has no ending is answered when its client is back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.errors import LlmUnavailable
from app.speech.base import EAR_RATE_HZ, Transcription, VoiceEngines
from app.tools.base import Tool
from tests.e2e.test_restart import crashes, move, stored
from tests.support.context import settings_with
from tests.support.ears import Vocabulary, WordRecogniser, new_senses, silence
from tests.support.scripted import Answer, Fails, Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.server import Server, running_server
from tests.support.talk import Workshop
from tests.support.v2_client import V2Client, v2_client

SLOW = 60


def echo(request: Any) -> Answer:
    return says(f"<{last_text(request)}>")


@dataclass(frozen=True)
class Case:
    """A talk whose server dies.

    Attributes:
        before: What the model answers, request by request, until then.
        texts: What the user says; all of it is accepted.
        waits_for: What the client hears last.
        ends: How each text ends after the restart, and with which words.
        ran: The tools that ran, over both servers.
    """

    before: list[Answer]
    texts: list[str]
    waits_for: str
    ends: list[tuple[str, str]]
    after: Callable[[Any], Answer] = echo
    ran: list[tuple[str, str]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)


READS = calls(("look", {"seconds": 0, "tag": "r"}))
ENDED = "response_complete"
CASES = {
    "before its first word": Case([[Pause(SLOW)]], ["hola"], "turn_started", [(ENDED, "<hola>")]),
    "in the middle of its answer": Case(
        [[Says("Emp"), Pause(SLOW)]], ["hola"], "response_chunk", [(ENDED, "<hola>")]
    ),
    "while others wait behind it": Case(
        [[Says("Emp"), Pause(SLOW)]],
        ["uno", "dos", "tres"],
        "response_chunk",
        [(ENDED, "<uno>"), (ENDED, "<dos>"), (ENDED, "<tres>")],
    ),
    "after a read": Case(
        [READS, [Pause(SLOW)]],
        ["mira", "y tú"],
        "tool_finished",
        [(ENDED, "ok"), (ENDED, "<y tú>")],
        after=lambda r: (
            READS if last_text(r) == "mira" else says("ok") if r.messages[-1]["role"] == "tool" else echo(r)
        ),
        ran=[("look", "r"), ("look", "r")],
    ),
    "in a read": Case(
        [calls(("look", {"seconds": SLOW, "tag": "r"})), [Pause(SLOW)]],
        ["mira"],
        "tool_started",
        [(ENDED, "<mira>")],
        ran=[("look", "r")],
    ),
    "after a write": Case(
        [calls(("send", {"tag": "w"})), [Pause(SLOW)]],
        ["envía", "y tú"],
        "tool_finished",
        [("server_restarted", ""), (ENDED, "<y tú>")],
        ran=[("send", "w")],
    ),
    "in a write": Case(
        [calls(("send", {"seconds": SLOW, "tag": "w"})), [Pause(SLOW)]],
        ["envía", "y tú"],
        "tool_started",
        [("server_restarted", ""), (ENDED, "<y tú>")],
        ran=[("send", "w")],
    ),
    "while a write waits for its yes": Case(
        [calls(("send", {"tag": "w"})), [Pause(SLOW)]],
        ["envía"],
        "approval_requested",
        [(ENDED, "<envía>")],
        settings={"tool_approval": "writes"},
    ),
}


class Stage:
    """Servers on one database, one after another."""

    def __init__(self, address: str, shop: Workshop, **values: Any) -> None:
        self.settings = settings_with(
            database_url=address, tool_inline_wait_s=0.05, store_timeout_s=30, **values
        )
        self.tools: list[Tool] = [shop.tool("look"), shop.tool("send", "write")]

    def server(self, model: ScriptedModel, **options: Any) -> Any:
        return running_server(self.settings, provider=model, tools=self.tools, **options)


async def says_all(client: V2Client, texts: list[str]) -> list[str]:
    turns: list[str] = []
    for number, text in enumerate(texts):
        await client.says(text, id=f"c{number}")
        accepted = await client.hears("message_accepted")
        assert accepted["durable"]
        turns.append(accepted["turn_id"])
    return turns


async def dies(server: Server, client: V2Client) -> None:
    await stored(server)
    await crashes(server)
    await client.drops()


async def ends_of(client: V2Client, turns: list[str], since: int) -> list[tuple[str, str]]:
    """How these turns ended, each once, in order."""

    def ended() -> list[dict[str, Any]]:
        kinds = ("response_complete", "error")
        return [m for m in client.heard[since:] if m["type"] in kinds and m.get("turn_id") in turns]

    while len(ended()) < len(turns):
        await client.hears_next()
    assert [m["turn_id"] for m in ended()] == turns
    return [(m.get("code") or m["type"], m.get("text", "")) for m in ended()]


@pytest.mark.parametrize("kills", [1, 2, 3])
@pytest.mark.parametrize("name", CASES)
async def test_text_is_answered_after_the_restart_where_nothing_was_written(
    tmp_path: Path, name: str, kills: int
) -> None:
    """The second server dies before its client has come; the third while it answers again."""
    case, shop = CASES[name], Workshop()
    on = Stage(f"sqlite:///{tmp_path}/talks.db", shop, **case.settings)
    first_model, model = ScriptedModel(case.before), ScriptedModel(case.after)
    async with on.server(first_model) as server, v2_client(server) as client:
        await client.starts()
        turns = await says_all(client, case.texts)
        if case.waits_for not in {m["type"] for m in client.heard}:
            await client.hears(case.waits_for)
        await dies(server, client)
        for kill in range(1, kills):
            async with on.server(ScriptedModel(lambda r: [Says("Em"), Pause(SLOW)])) as between:
                if kill > 1:
                    move(client, between.url)
                    await client.resumes()
                    if case.ends[0][0] == ENDED:
                        await client.hears("response_chunk")
                    await client.drops()
                await stored_if_live(between)
                await crashes(between)
        async with on.server(model) as after:
            move(client, after.url)
            resumed = await client.resumes()
            history = await client.hears_next()
            since = len(client.heard) if kills < 3 else 0
            open_turns = [t for t, end in zip(turns, case.ends, strict=True) if kills < 3 or end[0] == ENDED]
            ends = await ends_of(client, open_turns, since)
            await client.hears("state")
            listed = (await after.get(f"/sessions/{client.session_id}/messages")).json()["messages"]
            detail = (await after.get(f"/sessions/{client.session_id}")).json()
            await client.leaves()

    assert resumed["gap"] is True
    expected = [end for end in case.ends if kills < 3 or end[0] == ENDED]
    assert ends == expected
    answered = [t for t, end in zip(turns, case.ends, strict=True) if end[0] == ENDED]
    assert history["waiting"] == answered
    assert [m["content"] for m in history["messages"] if m["role"] == "user"] == case.texts
    texts = [m["content"] for m in listed if m["role"] == "user"]
    assert texts == case.texts, "each text once"
    assert detail["message_count"] == len([m for m in listed if m["role"] in ("user", "assistant")])
    remembered = [m["content"] for m in model.requests[-1].messages if m["role"] == "user"]
    assert [text for text in remembered if text in case.texts] == case.texts, "in the model's history, once"
    assert shop.runs == case.ran


async def stored_if_live(server: Server) -> None:
    if len(server.service.sessions):
        await stored(server)


async def test_receipt_comes_again_only_to_who_sends_the_text_again(tmp_path: Path) -> None:
    on = Stage(f"sqlite:///{tmp_path}/talks.db", Workshop())
    async with on.server(ScriptedModel([[Pause(SLOW)]])) as server, v2_client(server) as client:
        await client.starts()
        [turn] = await says_all(client, ["hola"])
        await dies(server, client)
        async with on.server(ScriptedModel(echo)) as after:
            move(client, after.url)
            await client.resumes()
            await client.hears_next()
            since = len(client.heard)
            await client.says("hola", id="c0")
            await client.says("y tú", id="c1")
            second = await client.hears_answer()
            third = await client.hears_answer()
            await client.leaves()

    kinds = [m["type"] for m in client.heard[since:] if m.get("turn_id") == turn]
    assert kinds == ["message_accepted", "turn_started", "response_chunk", "response_complete"]
    assert [second["text"], third["text"]] == ["<hola>", "<y tú>"]


@pytest.mark.parametrize("how", ["interrupt", "text"])
async def test_answer_that_begins_again_can_be_interrupted(tmp_path: Path, how: str) -> None:
    on = Stage(f"sqlite:///{tmp_path}/talks.db", Workshop())
    async with on.server(ScriptedModel([[Pause(SLOW)]])) as server, v2_client(server) as client:
        await client.starts()
        turns = await says_all(client, ["uno", "dos"])
        await dies(server, client)
        model = ScriptedModel(lambda r: [Says("Em"), Pause(SLOW if last_text(r) in ("uno", "dos") else 0)])
        async with on.server(model) as after:
            move(client, after.url)
            await client.resumes()
            await client.hears("response_chunk")
            if how == "text":
                await client.says("calla", id="c9", interrupt=True)
            else:
                await client.sends({"type": "interrupt"})
                await client.hears("interrupted")
                await client.hears("response_chunk")
                await client.sends({"type": "interrupt"})
            while len(ends := [m for m in client.heard if m["type"] == "response_complete"]) < len(turns):
                await client.hears_next()
            await client.leaves()

    assert [(end["turn_id"], end["finish_reason"]) for end in ends] == [(t, "interrupted") for t in turns]


@pytest.mark.parametrize("ended", ["goodbye", "erased"])
async def test_texts_of_a_session_that_is_over_are_not_asked_again(tmp_path: Path, ended: str) -> None:
    on = Stage(f"sqlite:///{tmp_path}/talks.db", Workshop())
    model = ScriptedModel(echo)
    async with on.server(ScriptedModel([[Says("Em"), Pause(SLOW)]])) as server, v2_client(server) as client:
        await client.starts()
        await says_all(client, ["uno"])
        await client.hears("response_chunk")
        if ended == "goodbye":
            await client.leaves()
        else:
            await server.service.eraser.erase(client.session_id)
        await server.is_empty()
        await crashes(server)
        async with on.server(model) as after:
            move(client, after.url)
            refused = await client.resumes()
            client.last_seq = 0
            await client.sends({"type": "start", "user_id": "ana", "continue": client.session_id})
            answer = await client.hears_next()
            history = await client.hears_next() if ended == "goodbye" else None
            await asyncio.sleep(0.7)
            await client.leaves()

    assert refused["code"] == "resume_refused"
    assert model.requests == []
    if history is None:
        assert answer["code"] == "resume_refused"
    else:
        assert [(m["content"], m["interrupted"]) for m in history["messages"]] == [
            ("uno", False),
            ("Em", True),
        ]


def sends_when_asked(request: Any) -> Answer:
    is_asked = request.messages[-1]["role"] == "user"
    return calls(("send", {"tag": "w"})) if is_asked else says("Hecho.")


@pytest.mark.parametrize("kills", [1, 2])
async def test_write_that_waited_for_its_yes_is_asked_for_again_and_runs_once(
    tmp_path: Path, kills: int
) -> None:
    """The turn that ordered it had not ended: it orders it again, and nothing has been done yet."""
    shop = Workshop()
    on = Stage(f"sqlite:///{tmp_path}/talks.db", shop, tool_approval="writes")
    dying = [calls(("send", {"tag": "w"})), [Says("Te"), Pause(SLOW)]]
    async with on.server(ScriptedModel(dying)) as server, v2_client(server) as client:
        await client.starts()
        await says_all(client, ["envía"])
        await client.hears("response_chunk")
        await dies(server, client)
        for _ in range(kills - 1):
            async with on.server(ScriptedModel(dying)) as between:
                move(client, between.url)
                await client.resumes()
                await client.hears("approval_requested")
                await client.hears("response_chunk")
                await dies(between, client)
        async with on.server(ScriptedModel(sends_when_asked)) as after:
            move(client, after.url)
            await client.resumes()
            asked = await client.hears("approval_requested")
            await client.sends({"type": "approve_tool", "call_id": asked["call_id"], "approved": True})
            ended = await client.hears("tool_finished")
            while ended["call_id"] != asked["call_id"]:
                ended = await client.hears("tool_finished")
            await client.leaves()

    assert ended["status"] == "done"
    assert shop.runs == [("send", "w")]


@pytest.mark.parametrize("who", ["the user, before it is told", "the model, as it is told"])
async def test_write_that_waited_when_its_turn_had_ended_may_be_ordered_again(
    tmp_path: Path, who: str
) -> None:
    shop = Workshop()
    on = Stage(f"sqlite:///{tmp_path}/talks.db", shop, tool_approval="writes")
    order = calls(("send", {"tag": "w"}))
    is_user = who.startswith("the user")
    async with on.server(ScriptedModel([order, says("Te pregunto."), [Pause(SLOW)]])) as server:
        async with v2_client(server) as client:
            await client.starts()
            await client.says("envía")
            first = await client.hears("approval_requested")
            await client.hears_answer()
            if is_user:
                await says_all(client, ["que sí, envía"])
            await dies(server, client)
            roles = ("user",) if is_user else ("tool",)
            model = ScriptedModel(
                lambda r: (
                    order if r.messages[-1]["role"] in roles and len(model.requests) == 1 else says("Ya.")
                )
            )
            async with on.server(model) as after:
                move(client, after.url)
                await client.resumes()
                asked = await client.hears("approval_requested")
                await client.sends({"type": "approve_tool", "call_id": asked["call_id"], "approved": True})
                await client.hears("tool_finished")
                await client.leaves()

    assert asked["call_id"] != first["call_id"]
    assert shop.runs == [("send", "w")]


@pytest.mark.parametrize("kills", [1, 2])
async def test_write_that_was_denied_is_asked_for_again_with_the_next_text_alone(
    tmp_path: Path, kills: int
) -> None:
    shop = Workshop()
    on = Stage(f"sqlite:///{tmp_path}/talks.db", shop, tool_approval="writes")
    dying = [calls(("send", {"tag": "w"})), [Says("Te"), Pause(SLOW)]]
    async with on.server(ScriptedModel(dying)) as server, v2_client(server) as client:
        await client.starts()
        await says_all(client, ["envía"])
        asked = await client.hears("approval_requested")
        await client.sends({"type": "approve_tool", "call_id": asked["call_id"], "approved": False})
        await client.hears("tool_finished")
        await dies(server, client)
        for _ in range(kills - 1):
            async with on.server(ScriptedModel(dying)) as between:
                move(client, between.url)
                await client.resumes()
                await client.hears("response_chunk")
                await dies(between, client)
        model = ScriptedModel(sends_when_asked)
        async with on.server(model) as after:
            move(client, after.url)
            since = len(client.heard)
            await client.resumes()
            await client.hears_answer()
            kinds = [m["type"] for m in client.heard[since:]]
            told = model.requests[-1].messages[-1]["content"]
            await client.says("envía ya")
            await client.hears("approval_requested")
            await client.leaves()

    assert "approval_requested" not in kinds
    assert '"cancelled"' in told
    assert shop.runs == []


@pytest.mark.parametrize("before", [[], ["envía"]], ids=["first order", "second order"])
@pytest.mark.parametrize("seconds", [0, SLOW], ids=["done", "running"])
async def test_write_of_words_that_another_text_goes_on_with_is_not_run_again(
    tmp_path: Path, seconds: float, before: list[str]
) -> None:
    """The user spoke on while it ran: the text with all the words is the same order, on either server."""
    shop = Workshop()
    on = Stage(f"sqlite:///{tmp_path}/talks.db", shop)
    order = calls(("send", {"seconds": seconds, "tag": "w"}))
    answers = [calls(("send", {"tag": "w"})), says("Hecho.")] * len(before) + [
        order,
        [Pause(SLOW)],
        [Pause(SLOW)],
    ]
    async with on.server(ScriptedModel(answers)) as server, v2_client(server) as client:
        await client.starts()
        for text in before:
            await client.says(text)
            await client.hears_answer()
        [live] = server.service.sessions
        first = live.conversation.hear_speech("envía", "u1")
        await client.hears("tool_started" if seconds else "tool_finished")
        assert live.conversation.replace(first)
        whole = live.conversation.hear_speech("envía a Ana", "u2", replaces=first)
        while client.heard[-1].get("turn_id") != whole:
            await client.hears("turn_started")
        await dies(server, client)
        model = ScriptedModel(lambda r: order if r.messages[-1]["role"] == "user" else says("Hecho."))
        async with on.server(model) as after:
            move(client, after.url)
            await client.resumes()
            assert (await client.hears_next())["waiting"] == [whole]
            answer = await client.hears_answer()
            await client.leaves()

    assert answer["turn_id"] == whole
    assert shop.runs == [("send", "w")] * (len(before) + 1)


async def test_text_whose_user_spoke_on_into_a_planned_stop_is_answered_by_the_next_server(
    tmp_path: Path,
) -> None:
    """Its turn was ended for words that do not come any more."""
    on = Stage(f"sqlite:///{tmp_path}/talks.db", Workshop())
    vocabulary = Vocabulary()
    input_engines = new_senses(WordRecogniser(vocabulary, pass_s=0.01))
    async with on.server(ScriptedModel(lambda r: [Pause(SLOW)])) as server, v2_client(server) as client:
        server.service.session_host.engines = VoiceEngines(input_engines)
        await client.starts(audio={"in": {"sample_rate_hz": EAR_RATE_HZ}, "turn_detection": "auto"})
        await client.sends(vocabulary.sound("uno.") + silence(2500))
        first = await client.hears("message_accepted")
        await client.sends(vocabulary.sound("dos") + silence(400))
        await client.hears("interrupted")
        await server.service.aclose()
        model = ScriptedModel(echo)
        async with on.server(model) as after:
            move(client, after.url)
            await client.resumes()
            answer = await client.hears_answer()
            await client.leaves()

    assert answer["text"] == "<uno.>"
    assert answer["turn_id"] != first["turn_id"]
    assert [m["content"] for m in model.requests[0].messages if m["role"] == "user"] == ["uno."]


async def test_refused_recording_leaves_what_was_said_before_it(tmp_path: Path) -> None:
    """Two later texts show that it was the recording; that alone is kept from the next server's prompts."""
    on = Stage(f"sqlite:///{tmp_path}/talks.db", Workshop())

    def answer(request: Any) -> Answer:
        is_poisoned = any("veneno" in (m["content"] or "") for m in request.messages)
        return [Fails(LlmUnavailable("x"))] if is_poisoned else says("Vale.")

    async def recording() -> Transcription:
        return Transcription("veneno", "es")

    model = ScriptedModel(answer)
    async with on.server(ScriptedModel(answer)) as server, v2_client(server) as client:
        await client.starts()
        await client.says("uno")
        await client.hears_answer()
        [live] = server.service.sessions
        live.conversation.hear_clip(recording, "u1")
        await client.hears("error")
        for text in ("dos", "más"):
            await client.says(text)
            await client.hears_answer()
        await dies(server, client)
        async with on.server(model) as after:
            move(client, after.url)
            await client.resumes()
            await client.says("tres")
            await client.hears_answer()
            await client.leaves()

    said = [m["content"] for m in model.requests[0].messages[1:]]
    assert said == ["uno", "Vale.", "dos", "Vale.", "más", "Vale.", "tres"]

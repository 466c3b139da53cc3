"""Drawn talks whose server dies at any of its writes, twice, and what is promised all the same."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, TypeVar, get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.clock import SystemClock
from app.errors import LlmUnavailable
from app.storage.opening import open_store
from app.storage.records import MessageRecord
from config.settings import Settings
from tests.support.context import settings_with
from tests.support.mortal import IN_ITS_ANSWER, End, How, KilledClient, Life, life
from tests.support.scripted import Answer, Fails, Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.talk import Workshop

TALKS = int(os.environ.get("DRAWN_TALKS", "60"))

FEWER = 5
"""On PostgreSQL, where each start and each write takes longer, one in so many is tried."""

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Step:
    """Something that happens in a talk.

    Attributes:
        does: `say` a text (`over`: it interrupts), `interrupt`, a back end's `adds`, `wait` until all has
            come to rest, or `nothing`.
        kind: What the text has the agent do, or how the contribution is meant.
    """

    does: Literal["say", "over", "interrupt", "adds", "wait", "nothing"]
    kind: str = "plain"


NOTHING = Step("nothing")

TEXTS = st.sampled_from(["plain", "slow", "read", "behind", "write"])
STEPS = st.one_of(
    st.builds(Step, st.just("say"), TEXTS),
    st.builds(Step, st.just("say"), TEXTS),
    st.builds(Step, st.just("over"), TEXTS),
    st.builds(Step, st.just("adds"), st.sampled_from(["say", "context", "prompt"])),
    st.just(Step("interrupt")),
    st.just(Step("wait")),
)
ENDS = st.builds(
    End,
    st.sampled_from([IN_ITS_ANSWER, *range(2, 15)]),
    st.sampled_from(["killed before", "killed after", "killed after", "stopped"]),
)


def answer(request: Any) -> Answer:
    """What the last message asks for."""
    last = request.messages[-1]
    text = last_text(request)
    if last["role"] == "tool":
        if '"running"' in text:
            return says("Voy.")
        return [Pause(0.02), *says("Hecho.")] if '"call_id"' in text else says("Hecho.")
    if last["role"] == "system":
        return says("Reacciono.")
    kind, tag = text.split()
    match kind:
        case "slow":
            return [Says("Le"), Pause(0.03), Says("nto.")]
        case "read":
            return calls(("look", {"tag": tag}))
        case "behind":
            return calls(("look", {"tag": tag, "seconds": 0.04}))
        case "write":
            return calls(("send", {"tag": tag}))
        case _:
            return says(f"<{tag}>")


def fails(request: Any) -> Answer:
    return [Fails(LlmUnavailable("x"))]


@dataclass
class Played:
    """What is left of a talk.

    Attributes:
        rows: What the database has of it.
        prompt: What the model was told last.
        runs: The tools that ran, in all lives.
        ended_early: The first server died with a write, not at the end of its part.
    """

    client: KilledClient
    rows: list[MessageRecord]
    prompt: list[dict[str, Any]]
    runs: list[tuple[str, str]]
    ended_early: bool

    @property
    def said(self) -> list[MessageRecord]:
        """What the agent said, without calls."""
        return [row for row in self.rows if row.role == "assistant" and row.content and not row.tool_calls]


async def lives(
    config: Settings,
    steps: list[Step],
    ends: list[End],
    *,
    has_rest: bool = True,
    client: KilledClient | None = None,
    model: Callable[[Any], Answer] = answer,
) -> Played:
    """A talk over as many servers as there are ends, and one more, in which it comes to its rest.

    Its steps are shared out among them: the last ones are taken when some have died already.
    """
    shop, client, ended_early = Workshop(), client or KilledClient(), False
    tools = [shop.tool("look"), shop.tool("send", "write")]
    share = -(-len(steps) // (len(ends) + has_rest)) if steps else 0
    scripted = ScriptedModel(model)
    for number, end in enumerate([*ends, *[End()] * has_rest]):
        if number and not client.receipts and not client.taken:
            client = KilledClient()  # nothing was promised: it begins anew
        async with life(config, scripted, tools, client, end) as on:
            await on.is_open()
            if not on.store.is_over.is_set():
                assert client.heard[-1][0]["type"] != "error", "it may come back"
                await takes_part(on, steps[number * share : (number + 1) * share], number * share)
                await (on.is_answering() if end.at == IN_ITS_ANSWER else on.rests())
            ended_early |= not number and on.store.is_over.is_set()
            if number < len(ends):
                on.store.ends()
            elif model is answer:
                on.says("plain fin")
                await on.rests()
    assert scripted.invalid == []
    store = await open_store(config, SystemClock())
    rows = (await store.messages(client.session_id, 500)).rows
    await store.aclose(2)
    prompt = scripted.requests[-1].messages if scripted.requests else []
    return Played(client, list(rows), prompt, shop.runs, ended_early)


async def takes_part(on: Life, steps: list[Step], since: int) -> None:
    """The client is there: it says again what has no receipt, and then does the steps one after another."""
    on.sends({"type": "session_update", "locale": "es"})
    for text in on.client.texts:
        if text["id"] not in on.client.receipts:
            on.sends(text)
    for number, step in enumerate(steps, since):
        match step.does:
            case "say" | "over":
                on.says(f"{step.kind} {number}", interrupt=step.does == "over")
            case "adds":
                on.adds(f"adds {number}", step.kind)  # type: ignore[arg-type]
            case "interrupt":
                on.sends({"type": "interrupt"})
            case "wait":
                await on.rests()
            case "nothing":
                pass
        await asyncio.sleep(0)


def problems(played: Played, steps: list[Step]) -> list[str]:
    """What was promised and is not so."""
    return [
        *_of_texts(played),
        *_of_withdrawn(played),
        *_of_contributions(played, has_interrupts=any(s.does in ("over", "interrupt") for s in steps)),
        *_of_tools(played),
    ]


def _of_texts(played: Played) -> list[str]:
    client, found = played.client, list[str]()
    told: dict[str, int] = {}
    for message in client.all_of("response_complete", "error"):
        if message.get("turn_id"):
            told[message["turn_id"]] = told.get(message["turn_id"], 0) + 1
    known = {
        entry["turn_id"]: entry["ending"]
        for history in client.all_of("history")
        for entry in history["messages"]
        if entry.get("ending")
    }
    rows = [row for row in played.rows if row.role == "user"]
    for text in {text["id"] for text in client.texts}:
        own = [row for row in rows if row.content == text]
        if len(own) != 1:
            found.append(f"{text}: {len(own)} rows")
            continue
        turn_id, status = own[0].turn_id, own[0].status
        if status == "accepted":
            found.append(f"{text}: it has no ending")
        if told.get(turn_id, 0) > 1:
            found.append(f"{text}: its ending was told {told[turn_id]} times")
        if not told.get(turn_id) and turn_id not in known:
            found.append(f"{text}: nobody knows how it ended ({status})")
        if status == "failed" and not text.startswith("write"):
            found.append(f"{text}: it was not answered")
        answers = [
            row
            for row in played.rows
            if row.turn_id == turn_id and row.role == "assistant" and row.content and not row.tool_calls
        ]
        if len(answers) > 1:
            found.append(f"{text}: {[row.content for row in answers]}")
        count = [m["content"] for m in played.prompt if m["role"] == "user"].count(text)
        if count != 1:
            found.append(f"{text}: {count} times in the prompt")
    return found


def _of_withdrawn(played: Played) -> list[str]:
    """Where a text that interrupts was taken for good, nothing before it is answered by a later server."""
    client, found = played.client, list[str]()
    for place, text in enumerate(client.texts):
        if not text.get("interrupt") or text["id"] not in client.receipts:
            continue
        _, life_number = client.receipts[text["id"]]
        before = {client.receipts[t["id"]][0] for t in client.texts[:place] if t["id"] in client.receipts}
        before -= {client.receipts[text["id"]][0]}
        for later in client.heard[life_number + 1 :]:
            found += [
                f"{m['turn_id']} was withdrawn by {text['id']}, and is answered"
                for m in later
                if m["type"] == "turn_started" and m["source"] == "user" and m["turn_id"] in before
            ]
    return found


def _of_contributions(played: Played, *, has_interrupts: bool) -> list[str]:
    found: list[str] = []
    for turn_id, contribution in played.client.taken.items():
        own = [row for row in played.rows if row.turn_id == turn_id and row.source == "backend"]
        if len(own) != 1:
            found.append(f"{contribution.content}: {len(own)} rows")
        elif own[0].status != "ok" and not has_interrupts:
            found.append(f"{contribution.content}: {own[0].status}")
        count = sum(contribution.content in (m["content"] or "") for m in played.prompt)
        if count != 1 and not has_interrupts:
            found.append(f"{contribution.content}: {count} times in the prompt")
    return found


def _of_tools(played: Played) -> list[str]:
    """No write runs twice; what ended behind its turn is told once."""
    runs = played.runs
    found = [f"{run} ran twice" for run in set(runs) if run[0] == "send" and runs.count(run) > 1]
    results = [m["content"] for m in played.prompt if m["role"] == "tool"]
    told = [text for text in results if '"call_id"' in text and '"running"' not in text]
    return found + [f"{text}: {told.count(text)} times" for text in set(told) if told.count(text) > 1]


SCRIPTS = {
    "a text that ends all before it": [Step("say", "slow"), Step("say"), Step("over")],
    "contributions": [Step("say", "slow"), *(Step("adds", mode) for mode in ("say", "context", "prompt"))],
    "a result that is told": [Step("say", "behind")],
    "a write": [Step("say", "write"), Step("say")],
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", get_args(How))
@pytest.mark.parametrize("name", SCRIPTS)
async def test_each_write_may_be_the_last_one(address: str, name: str, how: How) -> None:
    """All is said to the first server; the second one dies as it answers."""
    steps = [*SCRIPTS[name], *[NOTHING] * 2 * len(SCRIPTS[name])]
    for at in count(1, 1 if address.startswith("sqlite") else FEWER):
        played = await lives(config_with(address), steps, [End(at, how), End(IN_ITS_ANSWER, how)])
        check(played, steps, f"write {at}")
        if not played.ended_early:
            break
    assert at > 5, "there are so many writes at least"


def drawn(talks: int) -> Callable[[Test], Test]:
    """Runs a test with so many drawn talks, each with how its servers end."""

    def decorate(test: Test) -> Test:
        bounded = settings(
            max_examples=talks,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            # Talks of one database do not know of each other.
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        )
        steps, ends = st.lists(STEPS, min_size=1, max_size=9), st.lists(ENDS, min_size=1, max_size=2)
        return pytest.mark.timeout(300)(bounded(given(steps=steps, ends=ends)(test)))

    return decorate


@drawn(TALKS)
async def test_what_was_taken_has_one_ending_whenever_the_server_dies(
    sqlite_address: str, steps: list[Step], ends: list[End]
) -> None:
    played = await lives(config_with(sqlite_address), steps, ends)
    check(played, steps, str(ends))


@drawn(max(1, TALKS // FEWER))
async def test_so_it_has_on_postgresql(postgres_address: str, steps: list[Step], ends: list[End]) -> None:
    played = await lives(config_with(postgres_address), steps, ends)
    check(played, steps, str(ends))


@pytest.mark.parametrize("how", get_args(How))
async def test_of_two_answers_that_were_cut_the_second_stands(address: str, how: How) -> None:
    """Before a third server has answered, and where it cannot."""
    end = End(IN_ITS_ANSWER, how)
    steps = [Step("say", "slow"), NOTHING]
    cut = await lives(config_with(address), steps, [end, end], has_rest=False)
    assert len(cut.said) == (how == "stopped"), "only a planned stop has the time to write"
    played = await lives(config_with(address), [], [], client=cut.client, model=fails)

    [status] = [row.status for row in played.rows if row.content == "slow 0"]
    assert status == "failed"
    assert played.said == []


def config_with(address: str) -> Settings:
    return settings_with(database_url=address, tool_inline_wait_s=0.02, store_timeout_s=30)


def check(played: Played, steps: list[Step], when: str) -> None:
    found = problems(played, steps)
    heard = [str(m) for number, life in enumerate(played.client.heard) for m in (f"life {number}", *life)]
    assert not found, "\n".join([*found, when, f"{steps}", *heard, *map(str, played.rows)])

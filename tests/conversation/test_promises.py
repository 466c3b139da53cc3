"""The product's promises, held against talks that Hypothesis makes up: texts, tools of every length and
ending, a model that fails, interruptions, and drops, in any order, in virtual time.

- Every accepted text ends in exactly one answer or one error, in order; an interrupted answer is one.
- What was heard of an interrupted turn is what had left, on the wire and in the history; nothing follows it.
- A background result is told in exactly one turn of which something was heard; a call has exactly one ending.
- A text that is sent again runs nothing. No write runs twice for one text, unless it failed.
- Of a draft nothing is told, and no tool runs, before its words are a text; its mark is never seen.
- The history, and every request that leaves, is valid at every moment.

`tests/support/promises.py` judges each talk when it has ended.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import orjson
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.conversation.early_answer import TentativeUtterance
from app.errors import LlmCut, LlmUnavailable, QueueFull, UnknownCall
from app.llm.base import ChatRequest
from app.session.message_rules import validate
from tests.support.context import settings_with
from tests.support.promises import Judge, Record
from tests.support.scripted import Answer, Calls, Fails, Pause, Says, ScriptedModel
from tests.support.talk import Talk, Workshop, talk
from tests.support.virtual_time import VirtualTimeLoop

SETTINGS = settings_with(
    max_queued_messages=4, tool_timeout_s=8, turn_timeout_s=20, max_agent_turns=3, max_history_tokens=10**7
)

durations = st.sampled_from([0, 0.3, 0.999, 1.0, 1.001, 3, 7.999, 8.0, 8.001, 30])
tool_plans = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["look", "send"]),
        "seconds": durations,
        "fails": st.booleans(),
        "twice": st.booleans(),
    }
)
text_plans = st.fixed_dictionaries(
    {
        "how": st.sampled_from(["says", "says", "says", "fails", "breaks", "is empty", "hangs"]),
        "before": st.sampled_from(["", "Voy. "]),
        "pause": st.sampled_from([0, 0.5, 2]),
        "tools": st.lists(tool_plans, max_size=3),
    }
)


class TalkMachine(RuleBasedStateMachine):
    """One talk after another, each judged when it ends."""

    @initialize()
    def begin(self) -> None:
        self.loop = VirtualTimeLoop()
        self.tags = 0
        self.texts: list[tuple[str, str, str]] = []
        self.bad_tellings: list[str] = []
        self.spoken: str | None = None
        self.open_talk()

    def open_talk(self) -> None:
        self.shop = Workshop()
        self.stack = AsyncExitStack()
        self.record = Record()
        self.texts.clear()
        self.spoken = None
        self.unsaid_tags: set[str] = set()
        tools = [self.shop.tool("look"), self.shop.tool("send", "write")]
        opening = self.stack.enter_async_context(talk(ScriptedModel(self.answer), tools, SETTINGS))
        self.talk: Talk = self.loop.run_until_complete(opening)

    def answer(self, request: ChatRequest) -> Answer:
        """The model: it does what the text says, and tells every result that it has not told yet."""
        last = request.messages[-1]
        if last["role"] == "user":
            if request.may_wait and (plan := orjson.loads(last["content"]))["waits"]:
                return [Pause(plan["pause"]), Says("<wa"), Says("it/>")]
            return self.begin_answer(orjson.loads(last["content"]), can_call=bool(request.tools))
        turn = self.talk.conversation.running_turn
        untold = self.untold(request)
        if turn is not None and turn.source == "tool":
            self.record.shown[turn.turn_id] = {said.split()[1].rstrip(">") for said in untold}
            if self.bad_tellings:
                return {
                    "fails": [Fails(LlmUnavailable())],
                    "breaks": [Says("Pues "), Fails(LlmCut())],
                    "is empty": [],
                    "hesitates": [Says("Pues "), Pause(2), Says(" ".join(untold) or "Nada nuevo.")],
                }[self.bad_tellings.pop()]
        return [Pause(0.2), Says(" ".join(untold) or "Nada nuevo.")]

    def untold(self, request: ChatRequest) -> list[str]:
        """What the tool messages since the last words of anybody say."""
        found: list[str] = []
        for message in reversed(request.messages):
            if message["role"] == "user" or (message["role"] == "assistant" and "tool_calls" not in message):
                break
            if message["role"] == "tool":
                content = orjson.loads(message["content"])
                call_id = content.get("call_id", message["tool_call_id"])
                found.append(f"<{content['status']} {call_id}>")
        return found

    def begin_answer(self, plan: dict[str, Any], *, can_call: bool) -> Answer:
        steps: list[Any] = [Pause(plan["pause"])]
        if plan["before"]:
            steps.append(Says(plan["before"]))
        wanted = []
        for tool in plan["tools"]:
            arguments = {key: tool[key] for key in ("seconds", "fails")} | {
                "tag": tool["tag"],
                "result": tool["tag"],
            }
            wanted += [(tool["name"], arguments)] * (2 if tool["twice"] else 1)
        if wanted and can_call:
            return [*steps, Calls(wanted)]
        ends = {
            "says": [Says("Vale.")],
            "fails": [Fails(LlmUnavailable())],
            "breaks": [Says("Va"), Fails(LlmCut())],
            "is empty": [],
            "hangs": [Pause(10**6)],
        }
        return [*steps, *ends[plan["how"]]]

    @rule(plan=text_plans, interrupts=st.sampled_from([False, False, False, True]))
    def say(self, plan: dict[str, Any], interrupts: bool) -> None:
        for tool in plan["tools"]:
            self.tags += 1
            tool["tag"] = f"t{self.tags}"
        content, client_id = orjson.dumps(plan).decode(), f"c{len(self.texts)}"

        def step() -> None:
            turn_id = self.talk.conversation.hear(content, client_id, interrupts=interrupts)
            self.texts.append((content, client_id, turn_id))
            self.record.receipts += 1

        try:
            self.in_loop(lambda: self.cuts(step))
        except QueueFull:
            assert not interrupts, "an interruption makes room"

    @precondition(lambda self: self.spoken is None)
    @rule(plan=text_plans, waits=st.booleans())
    def begin_to_speak(self, plan: dict[str, Any], waits: bool) -> None:
        plan["waits"] = waits
        for tool in plan["tools"]:
            self.tags += 1
            tool["tag"] = f"t{self.tags}"
            self.unsaid_tags.add(tool["tag"])
        self.spoken = orjson.dumps(plan).decode()
        self.pause_in_speech()

    @precondition(lambda self: self.spoken is not None)
    @rule()
    def pause_in_speech(self) -> None:
        """What was said may be all: nothing is told of what the model makes of it."""
        heard = TentativeUtterance(self.spoken or "")

        def step() -> None:
            before = len(self.talk.session.outbox)
            self.talk.conversation.draft(heard)
            assert len(self.talk.session.outbox) == before

        self.in_loop(step)

    @precondition(lambda self: self.spoken is not None)
    @rule(is_all=st.booleans(), goes_on=st.booleans())
    def end_speech(self, is_all: bool, goes_on: bool) -> None:
        plan = orjson.loads(self.spoken or "")
        if not is_all:
            plan["before"] += "Sí. "
        self.spoken = None

        def step() -> None:
            if goes_on:
                self.talk.conversation.drafts.drop()
            self.talk.conversation.hear_speech(orjson.dumps(plan).decode(), "utt_1")
            self.record.receipts += 1
            self.unsaid_tags -= {tool["tag"] for tool in plan["tools"]}

        try:
            self.in_loop(step)
        except QueueFull:
            return

    @precondition(lambda self: self.texts)
    @rule(which=st.integers(0, 10**6), interrupts=st.booleans())
    def say_again(self, which: int, interrupts: bool) -> None:
        content, client_id, turn_id = self.texts[which % len(self.texts)]

        def step() -> None:
            assert self.talk.conversation.hear(content, client_id, interrupts=interrupts) == turn_id
            self.record.receipts += 1

        self.in_loop(step)

    @rule(which=st.sampled_from(["running", "running", "named", "gone"]), in_the_same_tick=st.booleans())
    def interrupt(self, which: str, in_the_same_tick: bool) -> None:
        def step() -> None:
            before, running = set(self.record.cut), self.talk.conversation.running_turn
            named = running.turn_id if running is not None else "turn_none"
            turn_id = {"running": None, "named": named, "gone": "turn_gone"}[which]
            for _ in range(1 + in_the_same_tick):
                self.record.idle_cuts += not self.cuts(lambda: self.talk.conversation.interrupt(turn_id))
            assert which != "gone" or self.record.cut == before

        self.in_loop(step)

    def cuts(self, step: Callable[[], object]) -> bool:
        """Whether a step interrupts the turn that runs."""
        running = self.talk.conversation.running_turn
        was_cut = running is not None and running.cut is not None
        step()
        if running is None or was_cut or running.cut is None:
            return False
        self.record.cut.add(running.turn_id)
        return True

    @rule(which=st.integers(0, 10**6), times=st.integers(1, 2))
    def cancel_tool(self, which: int, times: int) -> None:
        def step() -> None:
            tools = self.talk.conversation.tools
            call_id = [*tools.running, "call_none"][which % (len(tools.running) + 1)]
            self.record.cancelled.add(call_id)
            for _ in range(times):
                try:
                    tools.cancel(call_id)
                except UnknownCall:
                    assert call_id == "call_none"

        self.in_loop(step)

    @rule()
    def listen(self) -> None:
        """What has been said so far leaves."""
        self.talk.drain()

    @rule(seconds=st.sampled_from([0, 0.1, 0.999, 1.0, 3, 8.0, 25]))
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(how=st.lists(st.sampled_from(["fails", "breaks", "is empty", "hesitates"]), min_size=1, max_size=4))
    def model_has_a_bad_day(self, how: list[str]) -> None:
        self.bad_tellings = list(how)

    @precondition(lambda self: self.texts)
    @rule()
    def drop(self) -> None:
        self.record.is_dropped = True
        self.end_talk()
        self.open_talk()

    def in_loop(self, step: Any) -> None:
        async def run() -> None:
            step()

        self.loop.run_until_complete(run())

    @invariant()
    def history_is_valid(self) -> None:
        if hasattr(self, "talk"):
            assert validate(list(self.talk.session.conversation_history)) == []
            assert self.talk.model.invalid == []

    @invariant()
    def no_tool_runs_for_words_that_are_no_text(self) -> None:
        if hasattr(self, "talk"):
            assert not self.unsaid_tags & {tag for _, tag in self.shop.runs}

    def teardown(self) -> None:
        if not hasattr(self, "talk"):
            return
        try:
            self.bad_tellings = []
            self.loop.run_until_complete(self.talk.rests())
            self.end_talk()
        finally:
            self.loop.close()

    def end_talk(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())
        Judge(self.talk, self.shop, self.record).judge()
        assert "<wait/>" not in repr([self.talk.seen, list(self.talk.session.conversation_history)])


TalkMachine.TestCase.settings = hypothesis_settings(
    max_examples=150, stateful_step_count=25, deadline=None, print_blob=True
)
test_promises_hold_in_any_talk = TalkMachine.TestCase

"""The product's promises, held against talks that Hypothesis makes up: texts, tools of every length and
ending, a model that fails, and drops, in any order, in virtual time.

- Every accepted text ends in exactly one answer or one error, in order.
- A background result is told in exactly one turn that ended well; a call has exactly one ending.
- No write runs twice for one text, unless it failed.
- The history, and every request that leaves, is valid at every moment.
"""

import asyncio
import re
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import orjson
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.errors import LlmCut, LlmUnavailable, QueueFull
from app.llm.base import ChatRequest
from app.protocol.events import (
    ErrorOccurred,
    MessageAccepted,
    ResponseChunk,
    ResponseComplete,
    ToolFinished,
    ToolStarted,
    TurnStarted,
)
from app.session.history import validate
from tests.support.context import settings_with
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
        self.bad_tellings: list[str] = []
        self.open_talk()

    def open_talk(self) -> None:
        self.shop = Workshop()
        self.stack = AsyncExitStack()
        self.refused = 0
        self.is_dropped = False
        tools = [self.shop.tool("look"), self.shop.tool("send", "write")]
        opening = self.stack.enter_async_context(talk(ScriptedModel(self.answer), tools, SETTINGS))
        self.talk: Talk = self.loop.run_until_complete(opening)

    def answer(self, request: ChatRequest) -> Answer:
        """The model: it does what the text says, and tells every result that it has not told yet."""
        last = request.messages[-1]
        if last["role"] == "user":
            return self.begin_answer(orjson.loads(last["content"]), can_call=bool(request.tools))
        if self.bad_tellings and self.is_telling(request):
            how = self.bad_tellings.pop()
            return {
                "fails": [Fails(LlmUnavailable())],
                "breaks": [Says("Pues "), Fails(LlmCut())],
                "is empty": [],
            }[how]
        return [Pause(0.2), Says(" ".join(self.untold(request)) or "Nada nuevo.")]

    def is_telling(self, request: ChatRequest) -> bool:
        """Whether the request is for a turn about background results."""
        ended = {end.turn_id for end in self.talk.endings()}
        return all(e.turn_id in ended for e in self.talk.events(TurnStarted) if e.source == "user")

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

    @rule(plan=text_plans)
    def say(self, plan: dict[str, Any]) -> None:
        for tool in plan["tools"]:
            self.tags += 1
            tool["tag"] = f"t{self.tags}"
        try:
            self.in_loop(lambda: self.talk.says(orjson.dumps(plan).decode()))
        except QueueFull:
            self.refused += 1

    @rule(seconds=st.sampled_from([0, 0.1, 0.999, 1.0, 3, 8.0, 25]))
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(how=st.lists(st.sampled_from(["fails", "breaks", "is empty"]), min_size=1, max_size=4))
    def model_has_a_bad_day(self, how: list[str]) -> None:
        self.bad_tellings = list(how)

    @precondition(lambda self: self.talk.accepted())
    @rule()
    def drop(self) -> None:
        self.is_dropped = True
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

    def teardown(self) -> None:
        if not hasattr(self, "talk"):
            return
        try:
            self.bad_tellings = []
            self.is_dropped = False
            self.loop.run_until_complete(self.talk.rests())
            self.end_talk()
        finally:
            self.loop.close()

    def end_talk(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())
        self.judge_texts()
        self.judge_tools()
        self.judge_turns()

    def judge_texts(self) -> None:
        accepted = self.talk.accepted()
        user_turns = {e.turn_id for e in self.talk.events(TurnStarted) if e.source == "user"}
        ends = [end.turn_id for end in self.talk.endings() if end.turn_id in user_turns]
        assert ends == accepted[: len(ends)], "out of order, or twice"
        assert self.is_dropped or ends == accepted, "a text without its ending"

    def judge_tools(self) -> None:
        started = [e.call_id for e in self.talk.events(ToolStarted)]
        ended = Counter(e.call_id for e in self.talk.events(ToolFinished))
        assert set(ended.values()) <= {1}
        assert set(started) <= set(ended)
        failed = Counter(e.name for e in self.talk.events(ToolFinished) if e.status == "failed")
        writes = Counter(tag for name, tag in self.shop.runs if name == "send")
        assert sum(count - 1 for count in writes.values()) <= failed["send"]
        self.judge_tellings()

    def judge_tellings(self) -> None:
        history = [
            orjson.loads(m["content"]) for m in self.talk.session.conversation_history if m["role"] == "tool"
        ]
        detached = {content["call_id"] for content in history if content["status"] == "running"}
        good = {e.turn_id for e in self.talk.events(ResponseComplete)}
        sources = {e.turn_id: e.source for e in self.talk.events(TurnStarted)}
        told: Counter[str] = Counter()
        plainly = 0
        for turn_id in good:
            if sources[turn_id] == "tool":
                text = self.talk.answer(turn_id)
                # After a turn that failed, what it had heard inline may be told as well.
                told.update(
                    set(re.findall(r"<(?:done|failed|timed_out|cancelled) (call_\w+)>", text)) & detached
                )
                plainly += len(re.findall(r"La herramienta \w+ (?:ha|se)", text))
        assert set(told.values()) <= {1}, "told twice"
        if not self.is_dropped:
            assert len(told) + plainly == len(detached), "a result that was not told"

    def judge_turns(self) -> None:
        said = [e.turn_id for e in self.talk.events(ResponseChunk, ResponseComplete, ErrorOccurred)]
        said = [turn_id for turn_id in said if turn_id]
        blocks = [turn for i, turn in enumerate(said) if i == 0 or said[i - 1] != turn]
        assert len(blocks) == len(set(blocks)), "turns mixed"
        assert len(self.talk.events(MessageAccepted)) == len(self.talk.accepted())


TalkMachine.TestCase.settings = hypothesis_settings(
    max_examples=150, stateful_step_count=25, deadline=None, print_blob=True
)
test_promises_hold_in_any_talk = TalkMachine.TestCase

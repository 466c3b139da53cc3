"""The model and the tools of generated talks: what they do follows from the text, and they count it."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.errors import LlmCut, LlmUnavailable
from app.llm.base import ChatRequest
from app.tools.base import Effect, Tool, ToolContext, ToolError
from tests.support.scripted import Answer, Calls, Fails, Pause, Says, Step
from tests.support.talk import WorkArgs
from tests.talks.plans import read_plan

MARK = re.compile(r"⟨([^=⟩]+)=(\w+)⟩")
"""How the model tells what became of a tool call: `⟨tag=status⟩`."""


class Crew:
    """The tools, and how often each call of each session really ran."""

    def __init__(self) -> None:
        self.runs: Counter[tuple[str, str]] = Counter()

    @property
    def tools(self) -> list[Tool]:
        """One that reads and one that writes."""
        return [self._tool("read"), self._tool("write")]

    def _tool(self, effect: Effect) -> Tool:
        async def run(args: WorkArgs, ctx: ToolContext) -> Any:
            self.runs[(ctx.session_id, args.tag)] += 1
            if args.result == "reports":
                ctx.progress("a medias", 0.5)
            await asyncio.sleep(args.seconds)
            if args.fails:
                raise ToolError("no puede ser.")
            return args.tag

        return Tool(effect, "Works.", WorkArgs, run, effect)


def answer(request: ChatRequest) -> Answer:
    """What the model says to a request: a text's plan, or what became of the tools it has just heard of."""
    if request.messages[-1]["role"] == "tool":
        return [Says("".join(marks(request.messages)))]
    number, plan = read_plan(str(request.messages[-1]["content"]))
    steps: list[Step] = []
    for piece in plan.pieces(number):
        steps.append(Says(piece))
        if plan.pause_ms:
            steps.append(Pause(plan.pause_ms / 1000))
    if plan.failure == "refused":
        steps.append(Fails(LlmUnavailable("as planned")))
    elif plan.failure == "cut":
        steps.append(Fails(LlmCut("as planned")))
    if plan.tools:
        tagged = zip(plan.tools, plan.tags(number), strict=True)
        steps.append(Calls([(tool.effect, tool.arguments(tag)) for tool, tag in tagged]))
    return steps


def marks(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """A mark for each result at the end of the request: the turn's own, or those that are to be told."""
    tags: dict[str, str] = {}
    for message in messages:
        for call in message.get("tool_calls") or []:
            tags[call["id"]] = orjson.loads(call["function"]["arguments"])["tag"]
    found: list[str] = []
    is_background = is_late(messages[-1])
    for message in reversed(messages):
        if message["role"] == "tool" and is_late(message) == is_background:
            found.append(f"⟨{tags[message['tool_call_id']]}={orjson.loads(message['content'])['status']}⟩")
        elif not (is_background and message.get("tool_calls")) or message["content"]:
            break  # what was said stands in one message with the next calls: all before it has been told
    return found[::-1]


def is_late(message: Mapping[str, Any]) -> bool:
    """Whether a tool message is the late result of a call that was told as running before."""
    content = orjson.loads(message["content"])
    return "call_id" in content and content["status"] != "running"

"""The strict stand-in as a service that has bad days: `python -m tests.soak.upstream` prints its address.

What it answers follows from the text, as in generated talks; what befalls a request on the way follows from
chance: every so often one is refused at first, and a telling of late results so often that its turn fails.
`GET /soak` says what it has seen.
"""

import asyncio
import sys
from collections import Counter
from random import Random

from tests.support.answers import Answer, Raw, Reset, Status, Text, ToolCalls, text_events
from tests.support.azure_standin import AzureStandin
from tests.support.http_wire import Exchange, Received
from tests.talks.actors import is_late, marks
from tests.talks.plans import TextPlan, newest_text, read_plan

HICCUPS: dict[str, Answer] = {
    "429": Status(429, {"retry-after-ms": "50"}),
    "429 without a time": Status(429),
    "408": Status(408),
    "500": Status(500),
    "503": Status(503),
    "reset": Reset(),
}
"""Passes when the request is sent again."""

REFUSED: dict[str | None, Answer] = {
    "refused": Status(503),
    "limited": Status(429, {"retry-after": "60"}),
}
"""How a text is refused as often as it is sent."""

HICCUP_SHARE = 0.05
LATE_REFUSED_SHARE = 0.05
REFUSALS_OF_A_TURN = 3
"""With two retries a turn fails, and the next one is answered."""

CENSUS = "census"
"""A text that has the server count its tasks."""


class BadService(AzureStandin):
    """Answers as the text says, if it has a good moment."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.reply = self._reply
        self._dice = Random(seed)
        self._refusals: dict[int, int] = {}
        self.befell: Counter[str] = Counter()
        self.served = 0

    async def _answer(self, exchange: Exchange) -> None:
        if exchange.request.path == "/soak":
            befell, wrong = dict(self.befell), self.violations
            told = {"served": self.served, "befell": befell, "invalid": len(wrong), "samples": wrong[:20]}
            await exchange.json(200, told)
            return
        self.served += 1
        await super()._answer(exchange)
        self.requests.clear()  # a long run would keep them all

    def _reply(self, request: Received) -> Answer:
        messages = request.messages
        last = messages[-1]
        is_plan = last["role"] == "user" and newest_text(last["content"]) != CENSUS
        plan = read_plan(last["content"]) if is_plan else None
        if plan is not None and plan[1].failure in REFUSED:
            self.befell[str(plan[1].failure)] += 1
            return REFUSED[plan[1].failure]
        refusal = self._refusal_of(hash(request.raw_body), last)
        if refusal is not None:
            return refusal
        if last["role"] == "tool":
            calls = next(m["tool_calls"] for m in reversed(messages) if m.get("tool_calls"))
            is_census = calls[0]["function"]["name"] == CENSUS
            return Text("hecho" if is_census else "".join(marks(messages)))
        if plan is None:
            return ToolCalls((CENSUS, {}))
        return self._planned(*plan)

    def _refusal_of(self, request: int, last: dict[str, object]) -> Answer | None:
        """What befalls a request; one that is sent again is the same to the byte."""
        if request in self._refusals:
            self._refusals[request] -= 1
            if self._refusals[request] == 0:
                del self._refusals[request]
                return None
            return HICCUPS["503"]
        if last["role"] == "tool" and is_late(last) and self._dice.random() < LATE_REFUSED_SHARE:
            self.befell["a telling refused"] += 1
            self._refusals[request] = REFUSALS_OF_A_TURN
            return HICCUPS["503"]
        if newest_text(str(last.get("content"))) != CENSUS and self._dice.random() < HICCUP_SHARE:
            kind = self._dice.choice(list(HICCUPS))
            self.befell[kind] += 1
            self._refusals[request] = 1
            return HICCUPS[kind]
        return None

    def _planned(self, number: int, plan: TextPlan) -> Answer:
        """What the model says to a text that is not refused."""
        if plan.failure is not None:
            self.befell[plan.failure] += 1
            return _broken(number, plan)
        if not plan.tools:
            return Text(plan.pieces(number), plan.pause_ms / 1000)
        tagged = zip(plan.tools, plan.tags(number), strict=True)
        wanted = [(tool.effect, tool.arguments(tag)) for tool, tag in tagged]
        return ToolCalls(*wanted, text=plan.said(number))


def _broken(number: int, plan: TextPlan) -> Answer:
    """An answer that breaks off, or falls silent."""
    parts = [text_events(piece) for piece in plan.pieces(number)]
    return Raw(parts, plan.pause_ms / 1000, end="cut" if plan.failure == "torn" else "hang")


async def _run() -> None:
    service = BadService(int(sys.argv[1]))
    await service.server.start()
    print(service.url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run())

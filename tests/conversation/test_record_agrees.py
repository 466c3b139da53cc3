"""Model, clients and store agree on what was heard, whatever happens to a talk.

Hypothesis makes up talks of texts, interruptions, late corrections, revisions, summaries and restarts, over a
real database. After each step all that is told of a turn is the same in the three projections of its record.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.clock import SystemClock
from app.errors import NotRevisable
from app.llm.base import ChatRequest
from app.protocol.wires import V2
from app.services.sessions.live_session import LiveSession
from app.services.sessions.session_host import SessionHost
from app.session.history_turn import ROUND_BREAK
from app.storage.records import MessageRecord
from app.storage.sql_store import SqlStore
from app.tools.registry import ToolRegistry
from app.tools.runner import ToolHost
from app.tools.threads import ToolThreads
from tests.storage.talks import store_at
from tests.support.context import settings_with
from tests.support.scripted import Answer, Says, ScriptedModel, Until, says

PATIENCE_S = 20
FILLER = " palabra" * 40

steps = st.one_of(
    st.tuples(st.just("say")),
    st.tuples(st.just("interrupt"), st.integers(0, 60)),
    st.tuples(st.just("correct"), st.integers(0, 60)),
    st.tuples(st.just("revise"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("revise while it runs"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("restart")),
)


@dataclass
class Talker:
    """One talk, over any number of servers, and what was said in it."""

    store: SqlStore
    http: httpx.AsyncClient
    said: int = 0
    turns: list[str] = field(default_factory=list[str])
    gone: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    texts: dict[str, str] = field(default_factory=dict[str, str])
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    cut: str = ""

    def __post_init__(self) -> None:
        self.model = ScriptedModel(self._answer)

    def _answer(self, request: ChatRequest) -> Answer:
        if request.purpose == "summary":
            return says("Resumen.")
        return [Says("Esto se oye "), Says("y esto quizá "), Until(self.hold), Says("y esto al final.")]

    async def opens(self, session_id: str = "") -> None:
        """A server, and the talk on it."""
        settings = settings_with(max_history_tokens=1200, database_url="sqlite+aiosqlite:///:memory:")
        clock = SystemClock()
        self.tools = ToolHost(ToolRegistry([]), settings, clock, self.http, ToolThreads(1))
        self.host = SessionHost(settings, self.model, self.tools, self.store, clock)
        if session_id:
            self.live: LiveSession = await self.host.continue_talk(session_id, "ana", None, V2)
        else:
            self.live = self.host.open("ana", None, None, wire=V2)
        await self.host.came(self.live)

    async def closes(self) -> None:
        await self.host.aclose()
        await self.tools.aclose()

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():  # noqa: ASYNC110  # nothing tells of all that is waited for here
                await asyncio.sleep(0.001)

    async def rests(self) -> None:
        self.hold.set()
        conversation = self.live.conversation
        await self.until(lambda: not conversation.is_busy and conversation.summariser._task is None)
        await self.until(lambda: self.store.health().waiting == 0)

    def says(self) -> str:
        self.said += 1
        words = f"texto-{self.said}-{FILLER}"
        turn = self.live.conversation.hear(words)
        self.note(turn, words)
        return turn

    def note(self, turn: str, words: str) -> None:
        self.turns.append(turn)
        self.texts[turn] = words

    async def speaks(self) -> None:
        """Until a turn has said something and waits to go on."""
        conversation = self.live.conversation
        await self.until(lambda: (turn := conversation.running_turn) is not None and len(turn.spoken) == 2)

    def revises(self, back: int, is_edited: bool) -> None:
        old = self.turns[-1 - back % len(self.turns)]
        self.said += 1
        content = f"texto-{self.said}-{FILLER}" if is_edited else None
        try:
            new = self.live.conversation.revise(old, f"r-{self.said}", content)
        except NotRevisable:
            return
        place = self.turns.index(old)
        over = self.turns[place:]
        words = content or self.texts[old]
        dead = {self.texts[turn] for turn in over} - {words}
        self.gone += [(text.partition(" ")[0], len(self.model.requests)) for text in dead]
        del self.turns[place:]
        self.note(new, words)


async def do(talker: Talker, step: Sequence[Any]) -> None:
    kind, *values = step
    if kind == "say":
        talker.says()
    elif kind == "interrupt":
        talker.hold.clear()
        talker.cut = talker.says()
        await talker.speaks()
        talker.live.conversation.interrupt()
        await talker.rests()
        talker.live.conversation.correct(talker.cut, values[0])
    elif kind == "correct":
        talker.live.conversation.correct(talker.cut, values[0])
    elif kind == "revise" and talker.turns:
        talker.revises(*values)
    elif kind == "revise while it runs":
        talker.hold.clear()
        talker.says()
        await talker.speaks()
        talker.revises(*values)
    elif kind == "restart":
        session_id = talker.live.session_id
        await talker.closes()
        await talker.opens(session_id)
    await talker.rests()


def heard(messages: Sequence[Any]) -> str:
    said = [m.content if isinstance(m, MessageRecord) else m["content"] for m in messages]
    return ROUND_BREAK.join(text for text in said if text)


async def agrees(talker: Talker) -> None:
    """All that is told of the talk is the same everywhere."""
    session = talker.live.session
    rows: list[MessageRecord] = []
    cursor = None
    while True:
        page = await talker.store.messages(session.session_id, 500, cursor)
        rows += page.rows
        if (cursor := page.next_cursor) is None:
            break
    current = [row for row in rows if row.superseded_by is None and row.content]
    shown = [(entry.turn_id, entry.role, entry.content) for entry in session.transcript]
    stored = [(row.turn_id, row.role, row.content) for row in current]
    assert sorted(shown) == sorted(stored)
    assert list(dict.fromkeys(row.turn_id for row in current if row.role == "user")) == talker.turns
    history = session.conversation_history
    told = [turn for turn in history._turns if turn.messages and turn.turn_id not in history._superseded]
    assert [turn.turn_id for turn in told] == talker.turns[len(talker.turns) - len(told) :]
    for turn in told:
        mine = [m for m in turn.messages if m["role"] == "assistant"]
        assert heard(mine) == heard([r for r in current if r.turn_id == turn.turn_id and r.role != "user"])
    for mark, since in talker.gone:
        for request in talker.model.requests[since:]:
            assert not any((m["content"] or "").startswith(mark) for m in request.messages), mark


@asynccontextmanager
async def talking(folder: str) -> AsyncIterator[Talker]:
    async with (
        httpx.AsyncClient(verify=False) as http,
        store_at(f"sqlite+aiosqlite:///{Path(folder)}/t.db") as store,
    ):
        talker = Talker(store, http)
        await talker.opens()
        try:
            yield talker
        finally:
            talker.hold.set()
            await talker.closes()


@pytest.mark.timeout(300)
@given(st.lists(steps, min_size=1, max_size=10))
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_model_clients_and_store_agree_on_what_was_heard(plan: list[tuple[Any, ...]]) -> None:
    async def play() -> None:
        with TemporaryDirectory() as folder:
            async with talking(folder) as talker:
                for step in plan:
                    await do(talker, step)
                    await agrees(talker)

    asyncio.run(play())

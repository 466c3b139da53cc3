"""The load, a process of its own: people who hold one talk after the other over connections that break.

`python -m tests.soak.load JOB` takes a `Job` as JSON, prints what it has counted once a second as a line of
JSON, and ends its talks when its input does.
"""

import asyncio
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import orjson

from app.session.history import ROUND_BREAK
from tests.soak.chance import talk
from tests.soak.counts import Counts
from tests.support.relay import relay_to
from tests.support.resuming_client import ResumingClient, resuming_client
from tests.talks.actors import MARK
from tests.talks.judge import Told, problems, shown_otherwise
from tests.talks.plans import TalkPlan, TextPlan, describe
from tests.talks.playing import Played, do_step

PATIENCE_S = 120
"""How long something may take that must come."""

QUIET_S = 1.0
"""A talk that has come to rest stays so for this long."""

LOOKS_AGAIN_S = (0.5, 1, 2, 4, 8, 16, 32)
"""When what is stored is looked at again, if it is not what was said."""

WALKS_AWAY, VANISHES = 0.05, 0.2
"""The shares of talks that are left in their midst, and at their end without a goodbye."""

IN_A_HURRY = 0.4
"""The share of steps that follow at once."""

REPORT_S = 1.0


@dataclass(frozen=True)
class Job:
    """What one process of the load does.

    Attributes:
        port: The server's.
        people: How many hold talks at a time.
        number: Which process it is; talks of different ones have different numbers.
        pause_s: How long a person waits between two steps, on average.
        runs: The file in which tools write down that they ran.
    """

    port: int
    people: int
    number: int
    seed: int
    pause_s: float
    runs: str


class Runs:
    """How often each tool call of each session ran, read from the file as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._runs: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def take(self, session_id: str) -> dict[str, int]:
        """A session's calls by their tags; asked for once, at its end."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                fresh = file.read()
            whole = fresh[: fresh.rfind(b"\n") + 1]
            self._read += len(whole)
            for line in whole.decode().splitlines():
                of_session, _, tag = line.partition(" ")
                self._runs[of_session][tag] += 1
        return dict(self._runs.pop(session_id, {}))


class People:
    """Those of one process, and what they count."""

    def __init__(self, job: Job, http: httpx.AsyncClient) -> None:
        self.counts = Counts()
        self.is_over = asyncio.Event()
        self._job = job
        self._http = http
        self._runs = Runs(Path(job.runs))
        self._talks = 0

    async def hold_talks(self, person: int) -> None:
        """One person's talks, until it is over."""
        dice = Random(f"{self._job.seed} {self._job.number} {person}")
        await self._pauses(dice)
        while not self.is_over.is_set():
            self._talks += 1
            number = (self._job.number * 100_000 + self._talks) * 10
            await self._hold(number, talk(dice), dice)

    async def _pauses(self, dice: Random) -> None:
        try:
            async with asyncio.timeout(dice.uniform(0, 2 * self._job.pause_s)):
                await self.is_over.wait()
        except TimeoutError:
            return

    async def _hold(self, number: int, plan: TalkPlan, dice: Random) -> None:
        chance = dice.random()
        said: dict[str, tuple[int, TextPlan]] = {}
        options = {"heartbeat_s": 2.0, "back_off_s": 0.1, "user_id": f"persona {number % 1000}"}
        async with (
            relay_to(self._job.port, plan.faults) as relay,
            resuming_client(relay.url, **options) as client,
        ):
            try:
                await client.until(lambda: bool(client.session_id), PATIENCE_S)
                for place, step in enumerate(plan.steps):
                    if client.wrong or self.is_over.is_set():
                        break
                    await do_step(client, step, number + place, said)
                    if dice.random() > IN_A_HURRY:
                        await self._pauses(dice)
                if chance < WALKS_AWAY:
                    self.counts.seen["walked away"] += 1
                    return
                await _comes_to_rest(client, said)
            except TimeoutError:
                pass  # what is missing is found by whoever judges
            played = await self._looks_back(client, said)
            if chance > WALKS_AWAY + VANISHES:
                await client.sends({"type": "end"})
        self._judge(played, plan)

    async def _looks_back(self, client: ResumingClient, said: dict[str, tuple[int, TextPlan]]) -> Played:
        """The talk, with what is stored of it."""
        runs = self._runs.take(client.session_id)
        played = Played(client, said, None, [], runs)
        for pause_s in LOOKS_AGAIN_S:
            played = Played(client, said, None, await self._stored(client.session_id), runs)
            if not any(shown_otherwise(played)):
                break
            await asyncio.sleep(pause_s)  # a busy database is behind the talk
        return played

    async def _stored(self, session_id: str) -> list[dict[str, Any]]:
        """What user and agent said, as the database has it; an agent's turn is one text."""
        url = f"http://127.0.0.1:{self._job.port}/sessions/{session_id}/messages?limit=500"
        try:
            answer = await self._http.get(url)
        except httpx.TransportError as exc:  # a kept connection is closed by the server as it is used again
            self.counts.seen[f"lists refused with {type(exc).__name__}"] += 1
            return []
        if answer.status_code != 200:
            self.counts.seen[f"lists refused with {answer.status_code}"] += 1
            return []
        said: list[dict[str, Any]] = []
        for row in answer.json()["messages"]:
            if not row["content"] or row["role"] not in ("user", "assistant"):
                continue
            last = said[-1] if said else {"role": "", "turn_id": ""}
            if row["role"] == "assistant" == last["role"] and row["turn_id"] == last["turn_id"]:
                last["content"] += ROUND_BREAK + row["content"]
            else:
                said.append({name: row[name] for name in ("role", "turn_id", "content")})
        return said

    def _judge(self, played: Played, plan: TalkPlan) -> None:
        counts, client, told = self.counts, played.client, Told(played)
        counts.seen.update(
            {
                "talks": 1,
                "texts": len(played.said),
                "turns": len(told.endings),
                "tools": len(told.of("tool_finished")),
                "resumes": client.resumes,
                "interrupted": sum(e.get("finish_reason") == "interrupted" for e in told.endings.values()),
                "gaps": client.gaps,
                "messages": len(told.numbered),
            }
        )
        counts.seen.update(f"error {m['code']}" for m in told.of("error"))
        counts.seen.update(f"tool {status}" for status in told.statuses().values())
        for name, count in broken(played, told).items():
            if count:
                log = "\n".join(f"{direction} {message}" for direction, message in client.log[-60:])
                found = "\n".join([*problems(played)[:5], describe(plan), log])
                counts.note(name, count, f"{client.session_id} {found}")


def broken(played: Played, told: Told) -> dict[str, int]:
    """How often each promise was broken in a talk."""
    client, said = played.client, played.said
    numbers = [m["seq"] for m in told.numbered]
    rows = Counter(m["content"] for m in played.transcript if m["role"] == "user")
    written = {plan.written(number) for number, plan in said.values()}
    if client.gaps:
        numbers = []
    begun = {m["turn_id"] for m in told.of("message_accepted", "turn_started")}
    found = {
        "messages lost": len(set(said) - set(client.receipts))
        + len(written - set(rows))
        + (max(numbers, default=0) - len(set(numbers))),
        "messages doubled": len(numbers) - len(set(numbers)) + sum(n - 1 for n in rows.values()),
        "turns without an ending": len(begun - set(told.endings)),
        "results told other than once": 0 if client.gaps else _mistold(told),
    }
    others = [*client.wrong, *shown_otherwise(played)] if client.gaps else problems(played)
    found["other promises broken"] = 0 if any(found.values()) else len(others)
    return found


def _mistold(told: Told) -> int:
    """Results that were told never or more than once; an interruption may have cut a telling."""
    statuses = told.statuses()
    times = Counter(tag for tag, status in MARK.findall("".join(told.chunks.values())) if status != "running")
    least = 0 if told.is_interrupted else 1
    return sum(not least <= times[tag] <= 1 for tag in statuses)


def _is_at_rest(client: ResumingClient, said: dict[str, tuple[int, TextPlan]]) -> bool:
    """Whether nothing more is to be expected: all has ended and was told, and the session is idle."""
    states = (m["state"] for way, m in reversed(client.log) if way == "heard" and m["type"] == "state")
    if next(states, "idle") != "idle" or set(client.receipts) != set(said):
        return False
    told = Told(Played(client, said, None, [], {}))
    started = {m["call_id"] for m in told.of("tool_started")}
    return (
        set(client.receipts.values()) <= set(told.endings)
        and started == {m["call_id"] for m in told.of("tool_finished")}
        and _mistold(told) == 0
    )


async def _comes_to_rest(client: ResumingClient, said: dict[str, tuple[int, TextPlan]]) -> None:
    """Waits until a talk has nothing more to say.

    Raises:
        TimeoutError: It did not come to rest.
    """
    holds: Callable[[], bool] = lambda: _is_at_rest(client, said) or bool(client.wrong)  # noqa: E731
    if not said:
        return
    while True:
        await client.until(holds, PATIENCE_S)
        last_seq = client.last_seq
        await asyncio.sleep(QUIET_S)
        if client.last_seq == last_seq:
            return


async def _report(people: People) -> None:
    while True:
        _print(people.counts, is_done=False)
        await asyncio.sleep(REPORT_S)


def _print(counts: Counts, *, is_done: bool) -> None:
    sys.stdout.buffer.write(orjson.dumps({**counts.as_json(), "is_done": is_done}) + b"\n")
    sys.stdout.buffer.flush()


async def _hear_the_end(is_over: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    is_over.set()


async def _run(job: Job) -> None:
    async with httpx.AsyncClient(verify=False, trust_env=False, timeout=PATIENCE_S) as http:
        people = People(job, http)
        ending = asyncio.create_task(_hear_the_end(people.is_over))
        reporting = asyncio.create_task(_report(people))
        async with asyncio.TaskGroup() as group:
            for person in range(job.people):
                group.create_task(people.hold_talks(person))
        ending.cancel()
        reporting.cancel()
        await asyncio.wait({ending, reporting})
    _print(people.counts, is_done=True)


if __name__ == "__main__":
    asyncio.run(_run(Job(**orjson.loads(sys.argv[1]))))

"""Limits hold over all processes: what users use up in an hour, and the sessions of one address."""

import asyncio
from pathlib import Path

import pytest

from app.clock import Clock, SystemClock
from app.errors import BudgetExceeded, ServerFull
from app.fleet.limits import FleetLimits
from app.services.limits.rates import SessionLimits
from app.storage.errors import StoreUnavailable
from app.storage.shared import SharedDatabase
from app.storage.shared_limits import forget_the_past
from tests.fleet.conftest import fleet
from tests.storage.test_fence import client_of, gone, member
from tests.support.azure_standin import AzureStandin
from tests.support.context import settings_with
from tests.support.v2_client import V2Client

OTHERS = "203.0.113.7"
"""An address of nobody (RFC 5737)."""


class Process:
    """The limits of one process among several."""

    def __init__(self, shared: SharedDatabase, clock: Clock) -> None:
        settings = settings_with(
            max_texts_per_session_hour=10,
            max_tokens_per_user_hour=100,
            max_tool_calls_per_user_hour=5,
            max_sessions_per_ip=3,
        )
        self.limits = SessionLimits(settings, (), clock)
        self.tokens = self.limits.budgets.tokens
        self.crowds = self.limits.crowds
        self.fleet = FleetLimits(self.limits, shared)


async def test_what_is_used_up_anywhere_is_used_up_everywhere(postgres_address: str):
    clock = SystemClock()
    async with member(postgres_address) as (_, first), member(postgres_address) as (_, second):
        here, there = Process(first, clock), Process(second, clock)
        here.tokens.spend("ana", 60)
        await here.fleet.share()
        there.tokens.spend("ana", 50)
        there.tokens.spend("luis", 50)
        await there.fleet.share()

        with pytest.raises(BudgetExceeded):
            there.tokens.check("ana")
        there.tokens.check("luis")
        here.tokens.check("ana")  # it has not asked since

        here.tokens.spend("ana", 1)
        await here.fleet.share()
        with pytest.raises(BudgetExceeded):
            here.tokens.check("ana")
        # Nothing new, nothing told: what was told is not told twice.
        await here.fleet.share()
        await there.fleet.share()
        there.tokens.spend("ana", 1)
        await there.fleet.share()
        assert await rows(postgres_address, "SELECT used FROM spent ORDER BY used") == [50, 112]


async def test_what_comes_with_a_session_is_told_by_the_process_that_counted_it(postgres_address: str):
    clock = SystemClock()
    async with member(postgres_address) as (_, first), member(postgres_address) as (_, second):
        here, there = Process(first, clock), Process(second, clock)
        here.tokens.spend("ana", 60)
        there.tokens.recall("ana", *here.tokens.told("ana"))
        assert there.tokens.left("ana", 100) == 40
        await there.fleet.share()
        await here.fleet.share()
        there.tokens.spend("ana", 1)
        await there.fleet.share()

        assert there.tokens.left("ana", 100) == 39


async def test_budgets_of_one_kind_are_no_others(postgres_address: str):
    clock = SystemClock()
    async with member(postgres_address) as (_, first), member(postgres_address) as (_, second):
        here, there = Process(first, clock), Process(second, clock)
        here.tokens.spend("ana", 1000)
        here.limits.budgets.texts.spend("ana", 3)
        await here.fleet.share()
        there.limits.budgets.tool_calls.spend("ana", 1)
        there.limits.budgets.texts.spend("ana", 1)
        await there.fleet.share()

        there.limits.budgets.tool_calls.check("ana")
        assert there.limits.budgets.texts.left("ana", 10) == 6


async def test_an_hour_ends_for_all_and_another_begins_anew(postgres_address: str):
    clock = SystemClock()
    async with member(postgres_address) as (_, first), member(postgres_address) as (_, second):
        here, there = Process(first, clock), Process(second, clock)
        here.tokens.spend("ana", 100)
        await here.fleet.share()
        async with client_of(postgres_address) as client:
            await client.execute("UPDATE spent SET began_at = began_at - interval '50 minutes'")
        there.tokens.spend("ana", 1)
        await there.fleet.share()
        with pytest.raises(BudgetExceeded, match=r"[56][0-9][0-9] s left"):
            there.tokens.check("ana")
        async with client_of(postgres_address) as client:
            await client.execute("UPDATE spent SET began_at = began_at - interval '11 minutes'")
        there.tokens.spend("ana", 1)
        await there.fleet.share()

        there.tokens.check("ana")
        assert there.tokens.left("ana", 100) == 99


async def test_what_could_not_be_told_is_told_the_next_time(postgres_address: str):
    clock = SystemClock()
    async with member(postgres_address) as (store, first), member(postgres_address) as (_, second):
        here, there = Process(first, clock), Process(second, clock)
        here.tokens.spend("ana", 60)
        here.crowds.move("", OTHERS)
        await store.aclose(5)
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await here.fleet.share()
        here.tokens.spend("ana", 5)
        again = FleetLimits(here.limits, second)
        await again.share()
        there.tokens.spend("ana", 1)
        await there.fleet.share()

        assert there.tokens.left("ana", 100) == 100 - 66


async def test_sessions_of_an_address_count_wherever_they_are(postgres_address: str):
    clock = SystemClock()
    async with member(postgres_address) as (_, first), member(postgres_address) as (_, second):
        here, there = Process(first, clock), Process(second, clock)
        for _ in range(2):
            here.crowds.move("", OTHERS)
        await here.fleet.share()
        there.crowds.check(OTHERS)
        there.crowds.move("", OTHERS)
        await there.fleet.share()
        with pytest.raises(ServerFull):
            there.crowds.check(OTHERS)
        there.crowds.check("203.0.113.8")

        # They go elsewhere, and the next one that comes here finds room.
        for _ in range(2):
            here.crowds.move(OTHERS, "")
        await here.fleet.share()
        there.crowds.move(OTHERS, "")
        there.crowds.move("", OTHERS)
        await there.fleet.share()
        there.crowds.check(OTHERS)
        assert await rows(postgres_address, "SELECT sessions FROM crowds") == [1]


async def test_sessions_of_a_process_that_is_gone_do_not_count(postgres_address: str):
    clock = SystemClock()
    async with member(postgres_address) as (_, first), member(postgres_address) as (_, second):
        here, there = Process(first, clock), Process(second, clock)
        for _ in range(3):
            here.crowds.move("", OTHERS)
        await here.fleet.share()
        await gone(postgres_address, first)
        there.crowds.move("", OTHERS)
        await there.fleet.share()

        there.crowds.check(OTHERS)
        await second.do(forget_the_past)
        assert await rows(postgres_address, "SELECT sessions FROM crowds") == [1]


async def test_nobody_is_named_in_the_tables(postgres_address: str):
    async with member(postgres_address) as (_, shared):
        process = Process(shared, SystemClock())
        process.tokens.spend("ana@example.com", 1)
        process.crowds.move("", OTHERS)
        await process.fleet.share()

        keys = await rows(postgres_address, "SELECT key FROM spent UNION ALL SELECT key FROM crowds")
        assert [len(key) for key in keys] == [32, 32]
        assert not any("ana" in key or "203" in key for key in keys)


async def rows(address: str, query: str) -> list[object]:
    async with client_of(address) as client:
        return [row[0] for row in await client.fetch(query)]


@pytest.mark.e2e
async def test_a_user_who_has_used_up_the_hour_is_refused_by_the_other_process(
    postgres_address: str, tmp_path: Path
):
    async with (
        AzureStandin() as model,
        fleet(tmp_path, postgres_address, model, max_tokens_per_user_hour=1) as (one, other),
    ):
        first, second = V2Client(one.url), V2Client(other.url)
        await first.starts(user_id="ana")
        await second.starts(user_id="ana")
        await first.says("hola", id="c1")
        await first.hears_answer()

        # The other process lets one turn through at most, and hears of the rest within a second of it.
        refused = 0
        async with asyncio.timeout(30):
            while not refused:
                await second.says("hola", id=f"d{len(second.heard)}")
                told = await second.hears_next()
                while told["type"] not in ("response_complete", "error"):
                    told = await second.hears_next()
                refused += told["type"] == "error" and told["code"] == "budget_exceeded"
        assert sum(m["type"] == "response_complete" for m in second.heard) <= 1
        await first.leaves()
        await second.leaves()


@pytest.mark.e2e
async def test_sessions_of_an_address_are_refused_by_the_other_process(postgres_address: str, tmp_path: Path):
    proxied = {"trusted_proxies": "127.0.0.1", "max_sessions_per_ip": 2}
    async with (
        AzureStandin() as model,
        fleet(tmp_path, postgres_address, model, **proxied) as (one, other),
    ):
        let_in = [V2Client(url, address=OTHERS) for url in (one.url, one.url, other.url)]
        for client in let_in:
            await client.starts()
        async with asyncio.timeout(30):
            # Another process's work, which nothing here is told of.
            while await rows(postgres_address, "SELECT count(*) FROM crowds") != [2]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

        refused, elsewhere = (V2Client(other.url, address=who) for who in (OTHERS, "203.0.113.8"))
        await refused.connects()
        await refused.sends({"type": "start", "user_id": "ana"})
        assert (await refused.hears("error"))["code"] == "server_full"
        await elsewhere.starts()
        for client in (*let_in, elsewhere):
            await client.leaves()

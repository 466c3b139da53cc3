"""Connections that wait for the next read: one whose server has gone is replaced before anybody has it."""

from typing import Literal

import pytest

from app.storage import idle_connections
from app.storage.writes import SessionOpened
from tests.storage.postgres import PostgresServer
from tests.storage.talks import PATIENCE_S, a_session, store_at
from tests.support.relay import relay_to

HOW: tuple[Literal["cut", "reset"], ...] = ("cut", "reset")


@pytest.fixture(params=[0.0, 3600.0], ids=["asked each time", "never asked"])
def _asked_after(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_connections, "ASKED_AFTER_S", request.param)


@pytest.mark.usefixtures("_asked_after")
async def test_a_read_finds_what_it_looks_for_after_the_server_has_hung_up(
    postgres: PostgresServer, postgres_address: str
):
    async with store_at(postgres_address) as store:
        assert await store.write(SessionOpened(a_session())).wait(PATIENCE_S)
        for _ in range(3):
            assert await store.session("s1") is not None
            postgres.hang_up(postgres_address)
        found = await store.session("s1")

    assert found is not None


async def test_a_way_that_was_cut_is_noticed_before_the_next_read(
    postgres: PostgresServer, postgres_address: str
):
    async with relay_to(postgres.port) as relay:
        address = postgres_address.replace(f":{postgres.port}/", f":{relay.port}/")
        async with store_at(address) as store:
            assert await store.write(SessionOpened(a_session())).wait(PATIENCE_S)
            for how in HOW:
                assert await store.session("s1") is not None
                relay.drop_all(how)
            found = await store.session("s1")

    assert found is not None

"""An operation is whole, or refused."""

import pytest
from sqlalchemy import select, update

from app.storage.errors import RowRefused
from app.storage.models import users
from app.storage.operations import Operation, WriteStep, is_erased
from app.storage.upkeep_writes import SessionErased
from tests.storage.talks import NOW, database_at


async def test_step_that_needs_a_row_refuses_to_write_nothing(address: str):
    database = database_at(address)
    connection = await database.connect()
    statement = update(users).where(users.c.user_id == "nobody").values(profile={}).returning(users.c.user_id)

    await connection.run(Operation("quiet", "", (WriteStep(statement),)).apply)
    with pytest.raises(RowRefused, match="strict"):
        await connection.run(Operation("strict", "", (WriteStep(statement, needs_row=True),)).apply)

    assert await connection.run(lambda it: it.execute(select(users)).all()) == []
    await connection.close()
    await database.aclose()


async def test_erased_session_is_known(address: str):
    database = database_at(address)
    connection = await database.connect()

    await connection.run(SessionErased("s1", NOW).operation().apply)

    assert await connection.run(lambda it: is_erased(it, "s1"))
    assert not await connection.run(lambda it: is_erased(it, "s2"))
    await connection.close()
    await database.aclose()

"""An operation is whole, or refused."""

import pytest
from sqlalchemy import select, update

from app.storage.errors import RowRefused
from app.storage.models import users
from app.storage.operations import Operation, Step, is_erased
from app.storage.writes import Writes
from tests.storage.talks import NOW, database_at


async def test_step_that_needs_a_row_refuses_to_write_nothing(address: str):
    database = database_at(address)
    connection = await database.connect()
    statement = update(users).where(users.c.user_id == "nobody").values(profile={}).returning(users.c.user_id)

    async with connection.begin():
        await Operation("quiet", "", (Step(statement),)).apply(connection)
        with pytest.raises(RowRefused, match="strict"):
            await Operation("strict", "", (Step(statement, needs_row=True),)).apply(connection)
        assert (await connection.execute(select(users))).all() == []

    await connection.close()
    await database.aclose()


async def test_erased_session_is_known(address: str):
    database = database_at(address)
    connection = await database.connect()

    async with connection.begin():
        await Writes(database.dialect).session_erased("s1", NOW).apply(connection)
        assert await is_erased(connection, "s1")
        assert not await is_erased(connection, "s2")

    await connection.close()
    await database.aclose()

"""Asks a pooled connection whether its server is still there, where nobody has used it for a moment.

`pool_pre_ping` of SQLAlchemy asks each time, in three trips: as many as most reads take themselves. A
connection that its server has closed is known without a trip.
"""

import time
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine

ASKED_AFTER_S: Final = 1.0
"""A connection that was used within it is taken to work, in seconds."""

_USED_AT: Final = "used_at"


def ask_before_use(engine: AsyncEngine) -> None:
    """Have an engine replace connections that work no longer before anybody has them."""
    sync_engine = engine.sync_engine

    def taken(connection: Any, record: Any, _: Any) -> None:
        used_at: float | None = record.info.get(_USED_AT)
        if used_at is None:
            return
        if connection.driver_connection.is_closed():
            raise DisconnectionError
        if time.monotonic() - used_at < ASKED_AFTER_S:
            return
        try:
            sync_engine.dialect.do_ping(connection)
        except (sync_engine.dialect.loaded_dbapi.Error, OSError) as exc:
            raise DisconnectionError from exc

    def given_back(_: Any, record: Any) -> None:
        record.info[_USED_AT] = time.monotonic()

    event.listen(sync_engine, "checkout", taken)
    event.listen(sync_engine, "checkin", given_back)

"""Opens the store that the settings ask for."""

import logging
from collections.abc import Callable

from app.clock import Clock
from app.storage.address import Address, database_address
from app.storage.database import Database
from app.storage.errors import NeverWorks, TakenOver
from app.storage.membership import NodeTerms
from app.storage.no_store import NoStore
from app.storage.postgres_address import PostgresAddress
from app.storage.sql_store import SqlStore
from app.storage.store import Store
from config.settings import SettingsError
from config.storage_settings import StorageSettings

logger = logging.getLogger(__name__)


def store_address(settings: StorageSettings) -> Address | None:
    """Return where the database is; None where there is none. Asks nobody.

    Raises:
        SettingsError: `DATABASE_URL` is no address, or one that can never work.
    """
    try:
        return database_address(settings.database_url)
    except ValueError as exc:
        raise SettingsError(f"DATABASE_URL: {exc}") from None


async def open_store(
    settings: StorageSettings,
    clock: Clock,
    on_lost: Callable[[TakenOver], None] | None = None,
    terms: NodeTerms | None = None,
) -> Store:
    """Return the store, ready for use. Close it with `aclose`.

    `on_lost` is told, in another thread, that another server has taken the database over. Without it an ERROR
    is logged, and nothing is stored any more. With `terms` this is one of several processes.

    Raises:
        StorageError: The database must not be used: one line for the operator, and the exit status.
        SettingsError: `DATABASE_URL` is no address.
    """
    address = store_address(settings)
    if terms is not None and not isinstance(address, PostgresAddress):
        raise NeverWorks("DATABASE_URL: several processes (FLEET_ADDRESS) need PostgreSQL.")
    if address is None:
        return NoStore()
    _tell_what_is_left_out(address)
    database = Database(address, settings.store_timeout_s, on_lost, terms)
    store = SqlStore(database, clock, settings.store_timeout_s)
    await store.start()
    return store


def _tell_what_is_left_out(address: Address) -> None:
    if address.left_out:
        logger.info("database_parameters_left_out", extra={"parameters": ", ".join(address.left_out)})
    if isinstance(address, PostgresAddress) and address.parameters.unknown:
        unknown = ", ".join(address.parameters.unknown)
        logger.warning("database_parameters_unknown", extra={"parameters": unknown})

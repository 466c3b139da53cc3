"""Opens the store that the settings ask for."""

from app.clock import Clock
from app.storage.address import database_address
from app.storage.database import Database
from app.storage.no_store import NoStore
from app.storage.sql_store import SqlStore
from app.storage.store import Store
from config.settings import Settings, SettingsError


async def open_store(settings: Settings, clock: Clock) -> Store:
    """The store, ready for use. Close it with `aclose`.

    Raises:
        StorageError: The database must not be used: one line for the operator, and the exit status.
        SettingsError: `DATABASE_URL` is no address.
    """
    try:
        url = database_address(settings.database_url)
    except ValueError as exc:
        raise SettingsError(f"DATABASE_URL: {exc}") from None
    if url is None:
        return NoStore()
    store = SqlStore(Database(url, settings.store_timeout_s), clock, settings.store_timeout_s)
    await store.start()
    return store

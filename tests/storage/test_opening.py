"""The settings decide which store there is."""

from pathlib import Path

import pytest

from app.clock import SystemClock
from app.storage.errors import AlreadyRunning
from app.storage.opening import open_store
from app.storage.writes import SessionOpened
from config.settings import SettingsError
from tests.storage.talks import a_session
from tests.support.context import settings_with


async def test_none_keeps_nothing():
    store = await open_store(settings_with(database_url="none"), SystemClock())

    assert not store.is_on


async def test_file_is_made_with_its_folder(tmp_path: Path):
    file = tmp_path / "deep" / "er" / "talks.db"
    store = await open_store(settings_with(database_url=f"sqlite:///{file}"), SystemClock())

    assert await store.write(SessionOpened(a_session()))

    await store.aclose(5)
    assert file.exists()


async def test_second_server_on_the_same_database_is_told(address: str):
    settings = settings_with(database_url=address)
    first = await open_store(settings, SystemClock())

    with pytest.raises(AlreadyRunning):
        await open_store(settings, SystemClock())

    await first.aclose(5)
    third = await open_store(settings, SystemClock())
    await third.aclose(5)


async def test_address_that_is_none_names_the_setting():
    settings = settings_with(database_url="postgresql://u:p@h:secret/d")

    with pytest.raises(SettingsError, match=r"^DATABASE_URL: ") as caught:
        await open_store(settings, SystemClock())

    assert "secret" not in str(caught.value)
    assert "h:secret" not in repr(settings)

"""`DATABASE_URL` in the forms that people write."""

from pathlib import Path

import pytest

from app.storage.address import database_address, existing_file, is_sqlite, sqlite_path


@pytest.mark.parametrize(
    ("written", "driver"),
    [
        ("sqlite:///data/x.db", "sqlite"),
        ("sqlite+aiosqlite:///data/x.db", "sqlite"),
        ("postgres://u:p@h/d", "postgresql+asyncpg"),
        ("postgresql://u:p@h/d", "postgresql+asyncpg"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql+asyncpg"),
    ],
)
def test_usual_forms_get_our_driver(written: str, driver: str):
    url = database_address(written)

    assert url is not None
    assert url.drivername == driver


@pytest.mark.parametrize("written", ["", "none", " NONE "])
def test_no_database_is_a_choice(written: str):
    assert database_address(written) is None


@pytest.mark.parametrize(
    "written",
    ["mysql://u:secret@h/d", "secret", "sqlite://", "sqlite:///:memory:", "postgresql://u:p@h:secret/d"],
)
def test_other_addresses_are_refused_without_showing_them(written: str):
    with pytest.raises(ValueError) as caught:
        database_address(written)

    assert "secret" not in str(caught.value)


def test_libpqs_sslmode_is_understood():
    url = database_address("postgres://h/d?sslmode=require")

    assert url is not None
    assert dict(url.query) == {"ssl": "require"}


def test_sqlite_file_is_known_by_its_path():
    url = database_address("sqlite:////tmp/a b#c.db")

    assert url is not None
    assert is_sqlite(url)
    assert sqlite_path(url) == Path("/tmp/a b#c.db")
    assert "a%20b%23c.db" in (existing_file(url).database or "")

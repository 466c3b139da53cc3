"""The column types: what goes in comes out, in UTC and in Unicode."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from app.storage.models import SafeJson, SafeText, UtcTime, messages
from app.storage.text import REPLACEMENT

DIALECTS = [sqlite.dialect(), postgresql.dialect()]
each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=["sqlite", "postgresql"])


@each_dialect
def test_moment_of_any_zone_is_read_as_utc(dialect):
    local = datetime(2025, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    kept = UtcTime().process_bind_param(local, dialect)
    read = UtcTime().process_result_value(kept, dialect)

    assert read == local
    assert read is not None
    assert read.tzinfo is UTC


@each_dialect
def test_moment_without_zone_is_refused(dialect):
    with pytest.raises(ValueError):
        UtcTime().process_bind_param(datetime(2025, 1, 1), dialect)  # noqa: DTZ001 # the fault itself


@each_dialect
def test_nothing_stays_nothing(dialect):
    for column in (UtcTime(), SafeText(), SafeJson()):
        assert column.process_bind_param(None, dialect) is None
    assert UtcTime().process_result_value(None, dialect) is None
    assert SafeJson().process_result_value(None, dialect) is None


@each_dialect
def test_text_and_json_are_made_storable(dialect):
    assert SafeText().process_bind_param("a\x00", dialect) == f"a{REPLACEMENT}"
    kept = SafeJson().process_bind_param({"ñ": ["\ud83d"]}, dialect)
    assert kept == '{"ñ":["' + REPLACEMENT + '"]}'
    assert SafeJson().process_result_value(kept, dialect) == {"ñ": [REPLACEMENT]}


def test_messages_are_unique_by_position_and_by_client_id():
    assert [column.name for column in messages.primary_key] == ["session_id", "position"]
    unique = {tuple(column.name for column in each.columns) for each in messages.constraints}
    assert ("session_id", "client_id") in unique

"""What stops a start says with which status."""

import pytest

from app.storage.errors import AlreadyRunning, BadCursor, SchemaTooNew, StorageError


@pytest.mark.parametrize("kind", [AlreadyRunning, SchemaTooNew])
def test_a_start_that_must_not_be_ends_with_status_3(kind: type[StorageError]):
    assert kind("one line").exit_status == 3


def test_bad_cursor_is_a_bad_value():
    assert issubclass(BadCursor, ValueError)

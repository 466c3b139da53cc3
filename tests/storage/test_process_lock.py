"""One process at a time, and no trouble from a dead one."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from app.storage.errors import AlreadyRunning
from app.storage.process_lock import ProcessLock

HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


def test_second_owner_is_told_in_one_line(tmp_path: Path):
    first, second = ProcessLock(tmp_path / "x.lock"), ProcessLock(tmp_path / "x.lock")
    first.acquire()

    with pytest.raises(AlreadyRunning) as caught:
        second.acquire()

    assert "\n" not in str(caught.value)
    first.release()
    second.acquire()
    second.release()


def test_lock_of_a_killed_process_is_free_and_its_file_no_obstacle(tmp_path: Path):
    file = tmp_path / "x.lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    lock = ProcessLock(file)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(AlreadyRunning):
            lock.acquire()

        process.kill()

    lock.acquire()
    lock.release()


def test_taking_it_twice_is_taking_it_once(tmp_path: Path):
    lock = ProcessLock(tmp_path / "x.lock")
    lock.acquire()
    lock.acquire()
    lock.release()
    lock.release()


def test_folder_that_is_not_there_is_no_other_server(tmp_path: Path):
    with pytest.raises(sqlite3.OperationalError):
        ProcessLock(tmp_path / "none" / "x.lock").acquire()

"""The process side of a worker, talked to over its pipes alone."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.speech.engines.worker import read_frame
from app.speech.engines.worker_wire import packed

ROOT = Path(__file__).parents[3]


@contextmanager
def worker(kind: str = "tests.support.voice_worker") -> Iterator["subprocess.Popen[bytes]"]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "app.speech.engines.worker", kind]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def say(process: "subprocess.Popen[bytes]", frame: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(frame)
    process.stdin.flush()


def test_worker_says_that_it_is_ready_and_does_what_it_is_told():
    with worker() as process:
        assert process.stdout is not None
        say(process, packed({"options": {}}))
        assert read_frame(process.stdout)[0] == {"ready": True}

        say(process, packed({"job": 7, "do": "echo"}, b"sound"))
        reply, body = read_frame(process.stdout)
        assert (reply["job"], reply["seq"], reply["end"], body) == (7, 0, False, b"sound")
        assert read_frame(process.stdout) == ({"job": 7, "seq": 1, "end": True}, b"")


def test_worker_ends_with_its_server_even_in_the_middle_of_a_job():
    with worker() as process:
        assert process.stdout is not None and process.stdin is not None
        say(process, packed({"options": {}}))
        read_frame(process.stdout)
        say(process, packed({"job": 1, "do": "count", "to": 10_000, "each_s": 1}))

        process.stdin.close()

        assert process.wait(timeout=20) == 0


def test_what_libraries_print_goes_to_the_log():
    with worker() as process:
        assert process.stdout is not None and process.stdin is not None and process.stderr is not None
        say(process, packed({"options": {}}))
        read_frame(process.stdout)
        process.stdin.close()

        words = process.stderr.read().decode()

    assert "a library that talks" in words
    assert "and one that warns" in words


def test_job_that_is_cancelled_ends_after_its_piece():
    with worker() as process:
        assert process.stdout is not None
        say(process, packed({"options": {}}))
        read_frame(process.stdout)
        say(process, packed({"job": 1, "do": "count", "to": 10_000, "each_s": 0.01}))
        read_frame(process.stdout)

        say(process, packed({"cancel": 1}))

        last = 0
        while not (reply := read_frame(process.stdout)[0])["end"]:
            last = reply["number"]
        assert last < 9_999

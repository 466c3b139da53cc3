"""Runs the tests: most in several processes at once, those that need the machine to themselves afterwards.

    python -m tests.run                     # all
    python -m tests.run tests/llm -k retry  # what pytest takes
    python -m tests.run --workers 1 --quick

What fails beside others is tried once more, alone: a test that only passes there is named, and fails nothing.
Tests marked `alone` have no second try.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTHING_TO_RUN = 5
"""What pytest returns where no test was chosen."""

QUICK = (
    "tests/conversation",
    "tests/session",
    "tests/protocol",
    "tests/tools",
    "tests/llm",
    "tests/speech/turns",
    "tests/speech/output",
)
"""What a change of the core needs: the turn engine, sessions, the wire, tools and models."""

QUICK_MARKS = "not e2e and not browser and not node"


def default_workers() -> int:
    """One more than there are cores: many tests wait."""
    return (os.cpu_count() or 1) + 1


def pytest(arguments: list[str], marks: str, cache: Path, *options: str) -> int:
    """Runs pytest in a process of its own; returns its exit code."""
    chosen = ["-m", marks] if marks else []
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-o",
        f"cache_dir={cache}",
        *options,
        *arguments,
        *chosen,
    ]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            return process.wait()
        except SystemExit:
            process.send_signal(signal.SIGINT)  # so that it ends what it has started
            raise


def failed(cache: Path) -> list[str]:
    """The tests that failed when pytest last ran with this cache."""
    path = cache / "v" / "cache" / "lastfailed"
    return sorted(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def beside_others(arguments: list[str], marks: str, workers: int) -> tuple[int, list[str]]:
    """Runs what needs no machine of its own; returns the exit code, and what passed only alone."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        # A module's tests share what its fixtures start, and so stay together.
        spread = ("-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder") if workers > 1 else ()
        code = pytest(arguments, marks, cache, *spread)
        first = failed(cache)
        if code != 1 or not first:
            return code, []
        print(f"\n{len(first)} failed beside others; once more, alone:", flush=True)
        code = pytest(arguments, marks, cache, "--last-failed", "-n", "0")
        if code == NOTHING_TO_RUN:
            return 1, []
        return code, [name for name in first if name not in failed(cache)]


def run(arguments: list[str], workers: int, marks: str = "") -> int:
    """Runs the tests that the arguments choose; returns the exit code for all of them."""
    began = time.monotonic()
    also = f" and ({marks})" if marks else ""
    code, passed_alone = beside_others(arguments, f"not alone{also}", workers)
    codes = [code]
    if code in (0, 1, NOTHING_TO_RUN):
        with tempfile.TemporaryDirectory() as folder:
            print("\nThose that need the machine to themselves:", flush=True)
            codes.append(pytest(arguments, f"alone{also}", Path(folder), "-n", "0"))
    for name in passed_alone:
        print(f"failed beside others, passed alone: {name}")
    wrong = [code for code in codes if code not in (0, NOTHING_TO_RUN)]
    result = wrong[0] if wrong else min(codes)
    print(f"{'failed' if result else 'passed'} after {time.monotonic() - began:.0f} s")
    return result


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Everything else goes to pytest.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--workers", type=int, default=default_workers(), help="processes at once (%(default)s)"
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"only {', '.join(QUICK)}, without real processes"
    )
    parser.add_argument("-m", dest="marks", default="", help="as pytest takes it")
    options, arguments = parser.parse_known_args()
    # Whoever ends this ends what it runs, too, also where a shell runs it in the background, deaf to SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if options.quick:
        sys.exit(run([*QUICK, *arguments], options.workers, options.marks or QUICK_MARKS))
    sys.exit(run(arguments, options.workers, options.marks))


if __name__ == "__main__":
    main()

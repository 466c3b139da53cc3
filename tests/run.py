"""Runs the tests: most in several processes at once, and beside them, one by one, those that judge times.

    python -m tests.run                     # all
    python -m tests.run tests/llm -k retry  # what pytest takes
    python -m tests.run --workers 1 --quick

Those that judge times, marked `alone`, mostly wait for times to pass; else the others step aside for them.
What fails beside others is tried once more, alone: a test that only passes there is named, and fails nothing.
With one worker nothing runs beside others, and nothing is tried twice.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
NOTHING_TO_RUN = 5
"""What pytest returns where no test was chosen."""

NICE = 5
"""How far most of the tests step aside for those that judge times."""

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
    """Two more than there are cores: many tests wait."""
    return (os.cpu_count() or 1) + 2


def with_those_alone(arguments: list[str]) -> list[str]:
    """Where no place is named, the modules that have such tests: to read all others takes long."""
    if any((ROOT / argument.partition("::")[0]).exists() for argument in arguments):
        return arguments
    modules = sorted((ROOT / "tests").rglob("test_*.py"))
    return [*arguments, *(str(each) for each in modules if "mark.alone" in each.read_text(encoding="utf-8"))]


@dataclass
class Part:
    """Some of the tests: what chooses them, where pytest notes which of them failed, and how it ended."""

    arguments: list[str]
    marks: str
    cache: Path
    code: int = NOTHING_TO_RUN
    first: list[str] = field(default_factory=list)

    def command(self, *options: str) -> list[str]:
        """What runs them."""
        chosen = ["-m", self.marks] if self.marks else []
        cache = f"cache_dir={self.cache}"
        return [sys.executable, "-m", "pytest", "-q", "-o", cache, *options, *self.arguments, *chosen]

    def start(self, *options: str, output: IO[bytes] | None = None, nice: int = 0) -> subprocess.Popen[bytes]:
        """Starts pytest in a process of its own."""
        command = ["nice", "-n", str(nice), *self.command(*options)]
        # Several processes read the same modules, and each assertion in them has to be rewritten once.
        keeps_bytecode = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=output and subprocess.STDOUT, env=keeps_bytecode
        )

    def failed(self) -> list[str]:
        """Those that failed when it last ran."""
        path = self.cache / "v" / "cache" / "lastfailed"
        return sorted(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []

    def once_more(self) -> None:
        """Tries again, with nothing beside it, what failed beside others."""
        self.first = self.failed()
        if self.code != 1 or not self.first:
            return
        print(f"\n{len(self.first)} failed beside others; once more, alone:", flush=True)
        code = waited_for(self.start("--last-failed", "-n", "0"))
        self.code = 1 if code == NOTHING_TO_RUN else code

    def passed_alone(self) -> list[str]:
        """Those that failed beside others alone."""
        return [name for name in self.first if name not in self.failed()] if self.first else []


def waited_for(process: subprocess.Popen[bytes]) -> int:
    """The exit code; whoever ends this ends the process, too."""
    with process:
        try:
            return process.wait()
        except SystemExit:
            process.send_signal(signal.SIGINT)  # so that it ends what it has started
            raise


def all_at_once(most: Part, alone: Part, workers: int) -> None:
    """Runs most of the tests in several processes, and beside them, one by one, the others."""
    # A module's tests share what its fixtures start, and so stay together.
    spread = ("-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder")
    with tempfile.TemporaryFile() as output:
        beside = alone.start("-n", "0", output=output)
        try:
            most.code = waited_for(most.start(*spread, nice=NICE))
            if most.code not in (0, 1, NOTHING_TO_RUN):
                beside.send_signal(signal.SIGINT)
        except SystemExit:
            beside.send_signal(signal.SIGINT)
            raise
        finally:
            alone.code = beside.wait()
        output.seek(0)
        told = output.read().decode(errors="replace")
        print(f"\nThose that judge times, meanwhile:\n{told}", flush=True)
    if most.code in (0, 1, NOTHING_TO_RUN):
        most.once_more()
        alone.once_more()


def one_by_one(most: Part, alone: Part) -> None:
    """Runs all in this order, one test after the other."""
    most.code = waited_for(most.start("-n", "0"))
    if most.code in (0, 1, NOTHING_TO_RUN):
        alone.code = waited_for(alone.start("-n", "0"))


def run(arguments: list[str], workers: int, marks: str = "") -> int:
    """Runs the tests that the arguments choose; returns the exit code for all of them."""
    began = time.monotonic()
    also = f" and ({marks})" if marks else ""
    with tempfile.TemporaryDirectory() as folder:
        most = Part(arguments, f"not alone{also}", Path(folder, "most"))
        alone = Part(with_those_alone(arguments), f"alone{also}", Path(folder, "alone"))
        if workers > 1:
            all_at_once(most, alone, workers)
        else:
            one_by_one(most, alone)
        for name in [*most.passed_alone(), *alone.passed_alone()]:
            print(f"failed beside others, passed alone: {name}")
    codes = [most.code, alone.code]
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

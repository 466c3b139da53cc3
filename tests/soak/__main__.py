"""`python -m tests.soak`: holds talks by the hundred while everything breaks, and says what was lost.

Ends with status 0 where every promise was kept.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import raise_file_limit
from bench.report import this_machine
from tests.soak.crowds import SPARE_FILES, idle, leak, storm
from tests.soak.holding import Seen, hold
from tests.soak.report import checks, plain_table, samples, table
from tests.storage.postgres import PostgresServer, missing

CROWDS = ("idle", "storm", "leak")
DATABASES = ("sqlite", "postgresql")


@contextmanager
def address_of(database: str, folder: Path) -> Iterator[str]:
    """A `DATABASE_URL` of a new database."""
    if database == "sqlite":
        yield f"sqlite:///{folder / 'talks.db'}"
        return
    server = PostgresServer()
    server.start()
    try:
        yield server.new_database()
    finally:
        server.remove()


async def talks(arguments: argparse.Namespace) -> bool:
    """The talks, on one database after the other; whether every promise was kept."""
    databases = [name for name in arguments.databases if name == "sqlite" or not missing()]
    if skipped := set(arguments.databases) - set(databases):
        print(f"left out: {', '.join(skipped)}: {missing()}")
    parts: list[Seen] = []
    for database in databases:
        seen = Seen(database, arguments.sessions)
        with tempfile.TemporaryDirectory() as folder, address_of(database, Path(folder)) as address:
            seconds = arguments.minutes * 60 / len(databases)
            await hold(
                seen,
                Path(folder),
                address,
                seconds=seconds,
                pause_s=arguments.pause_s,
                seed=arguments.seed,
            )
        parts.append(seen)
    print(f"\n{table(parts)}\n")
    for seen in parts:
        for sample in samples(seen):
            print(f"{seen.database}: {sample}\n")
    return all(check.is_kept for seen in parts for check in checks(seen))


async def crowd(name: str, arguments: argparse.Namespace, files: int) -> bool:
    """One of the long runs; whether its promises were kept."""
    sessions = min(arguments.crowd, files - SPARE_FILES) if name == "idle" else arguments.crowd
    if sessions < arguments.crowd:
        print(f"{sessions} sessions: only {files} open files are allowed")
    with tempfile.TemporaryDirectory() as folder:
        if name == "storm":
            found = await storm(Path(folder), max(1, sessions // 5))
        else:
            found = await (idle if name == "idle" else leak)(Path(folder), sessions)
    print(f"\n{plain_table(name, found)}\n", flush=True)
    return all(check.is_kept for check in found)


async def run(arguments: argparse.Namespace, files: int) -> bool:
    """All that was asked for, one after the other."""
    wanted = [arguments.only] if arguments.only else ["talks", *CROWDS]
    kept = [
        await talks(arguments) if name == "talks" else await crowd(name, arguments, files) for name in wanted
    ]
    return all(kept)


def main() -> int:
    """Reads the options, runs, and returns the status."""
    parser = argparse.ArgumentParser(description="Holds talks while everything breaks.")
    parser.add_argument("--minutes", type=float, default=10, help="of talks, both databases together")
    parser.add_argument("--sessions", type=int, default=300, help="that talk at a time")
    parser.add_argument("--pause-s", type=float, default=5, help="of a person between two steps, on average")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="repeats what chance draws")
    parser.add_argument("--only", choices=("talks", *CROWDS), help="all of them unless one is named")
    parser.add_argument("--crowd", type=int, default=10_000, help="sessions of the others; a fifth for storm")
    arguments = parser.parse_args()
    files = raise_file_limit()
    machine = this_machine(files)
    print(f"{machine}; seed {arguments.seed}", flush=True)
    is_kept = asyncio.run(run(arguments, files))
    print("every promise was kept" if is_kept else "promises were broken")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())

"""The long run: `python -m tests.talks 10000` holds so many generated talks and prints how it gets on.

python -m tests.talks 1000 --processes 3   # over several that share a PostgreSQL database
"""

import argparse
import asyncio
import logging
import random
import sys
import time

from hypothesis import Phase, given
from hypothesis import strategies as st

from tests.storage.postgres import PostgresServer
from tests.talks.plans import TalkPlan, talks
from tests.talks.several import fleet_stage
from tests.talks.test_talks import AT_A_TIME, batches, judge, judge_on


def main() -> None:
    """Holds the talks; ends with a traceback at the first that breaks a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.talks", description=__doc__)
    parser.add_argument("talks", type=int, nargs="?", default=10_000, help="how many (%(default)s)")
    parser.add_argument(
        "--processes", type=int, choices=(1, 2, 3), default=1, help="that serve (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="of what breaks between them"
    )
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    database = PostgresServer() if options.processes > 1 else None
    if database is not None:
        sys.stdout.write(f"seed {options.seed}\n")
        database.start()
    try:
        hold_many(options.talks, options.processes, options.seed, database)
    finally:
        if database is not None:
            database.remove()


def hold_many(wanted: int, processes: int, seed: int, database: PostgresServer | None) -> None:
    """Holds so many talks, in batches, each on processes of its own."""
    began = time.monotonic()
    held = drops = 0

    async def judged(plans: list[TalkPlan]) -> int:
        if database is None:
            return await judge(plans)
        async with fleet_stage(database.new_database(), processes, seed + held) as on:
            return await judge_on(on, plans)

    # What breaks between processes does not come again: there is nothing to try again, or to make smaller.
    @batches(-(-wanted // AT_A_TIME), Phase.generate)
    @given(st.lists(talks, min_size=AT_A_TIME, max_size=AT_A_TIME))
    def hold(plans: list[TalkPlan]) -> None:
        nonlocal held, drops
        drops += asyncio.run(judged(plans))
        held += len(plans)
        print(f"{held} talks, {drops} resumes, {time.monotonic() - began:.0f} s", flush=True)

    hold()


if __name__ == "__main__":
    main()

"""The long run: `python -m tests.talks 10000` holds so many generated talks and prints how it gets on."""

import asyncio
import logging
import sys
import time

from hypothesis import given
from hypothesis import strategies as st

from tests.talks.plans import TalkPlan, talks
from tests.talks.test_talks import AT_A_TIME, batches, judge


def main() -> None:
    """Holds the talks; ends with a traceback at the first that breaks a promise."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    held = drops = 0

    @batches(-(-wanted // AT_A_TIME))
    @given(st.lists(talks, min_size=AT_A_TIME, max_size=AT_A_TIME))
    def hold(plans: list[TalkPlan]) -> None:
        nonlocal held, drops
        drops += asyncio.run(judge(plans))
        held += len(plans)
        print(f"{held} talks, {drops} resumes, {time.monotonic() - began:.0f} s", flush=True)

    hold()


if __name__ == "__main__":
    main()

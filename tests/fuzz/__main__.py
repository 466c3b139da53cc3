"""`make fuzz`: more drawn messages than fit among the tests."""

import argparse
import tempfile
import time
from pathlib import Path

from tests.fuzz.running import fuzz


def main() -> None:
    """Fuzzes and prints how it went."""
    parser = argparse.ArgumentParser(description="Sends drawn messages to a real server.")
    parser.add_argument("messages", type=int, nargs="?", default=200_000)
    messages = parser.parse_args().messages
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        world, left = fuzz(messages, Path(folder), lambda line: print(line, flush=True))
    print(f"{world.messages} messages in {world.talks} talks, {time.monotonic() - started:.0f} s")
    print(f"warm: {world.warm}\nend:  {left}")


if __name__ == "__main__":
    main()

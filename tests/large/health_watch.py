"""A process of its own that asks a server all the time how it is; whoever reads an export is busy with that.

    python -m tests.large.health_watch PORT PID

Says `ready` after the first answer. At the end of its input it says, in JSON, the longest wait in seconds,
the most memory of the server in MiB, and how often it has asked.
"""

import http.client
import json
import select
import sys
import time
from pathlib import Path

MIB = 1024 * 1024
PAUSE_S = 0.005


def memory_mib(pid: int) -> float:
    """What a process has in memory now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / MIB


def watch(port: int, pid: int) -> None:
    """Asks until its input ends."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def asked_s() -> float:
        began = time.perf_counter()
        connection.request("GET", "/agent/health")
        connection.getresponse().read()
        return time.perf_counter() - began

    asked_s()
    print("ready", flush=True)
    waited_s, most_mib, asked = 0.0, 0.0, 0
    while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        waited_s, asked = max(waited_s, asked_s()), asked + 1
        most_mib = max(most_mib, memory_mib(pid))
    print(json.dumps({"waited_s": waited_s, "memory_mib": most_mib, "asked": asked}))


if __name__ == "__main__":
    watch(int(sys.argv[1]), int(sys.argv[2]))
